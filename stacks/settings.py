"""What can be set about a deployment: all groups of `stacks.setting_groups` together, read and told.

Settings come from CDK's context: `cdk.json`, or `npx cdk deploy -c env=prod -c nat=true`. Each has its type, its default for
`dev` and for `prod`, and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Self

from pydantic import ValidationError, model_validator

from stacks.prod import PROD
from stacks.setting_groups.alarms import Alarms
from stacks.setting_groups.api import Api
from stacks.setting_groups.files import Files
from stacks.setting_groups.serving import Serving
from stacks.setting_groups.stream import Stream
from stacks.setting_groups.synthesis import Synthesis
from stacks.setting_groups.training import Training

_OF_CDK = ("cdk-migrate", "cli-telemetry")
"""Keys of CDK's own that hold neither `:` nor `@`."""


class SettingsError(ValueError):
    """A setting is unknown, of the wrong type, or impossible beside another: names it and says what is allowed."""


# pydantic takes the fields of the last class first: those of the stream lead the table of settings
class Settings(Alarms, Api, Serving, Synthesis, Files, Training, Stream):
    """The settings of one environment; the defaults are `dev`'s.

    >>> Settings(env="dev").streaming
    'standard'
    """

    @model_validator(mode="after")
    def _groups_possible_together(self) -> Self:
        if self.notebook and not (self.nat and self.synthesis):
            raise ValueError(
                "notebook (true) gets its Python from outside, and stands in the stack Synthesis; "
                "allowed: notebook=true with nat=true and synthesis=true"
            )
        return self


def read_settings(context: Mapping[str, Any]) -> Settings:
    """The settings in CDK's context. Keys of CDK's own, which hold `:` or `@`, are skipped.

    Raises:
        SettingsError: names the setting, what is wrong with it and what is allowed.

    >>> read_settings({"env": "prod", "@aws-cdk/core:checkSecretUsage": True}).streaming
    'express'
    >>> read_settings({"nat": "perhaps"})
    Traceback (most recent call last):
    ...
    stacks.settings.SettingsError: nat: 'perhaps' (neither true nor false); allowed: true or false
    """
    given = {key: value for key, value in context.items() if not {":", "@"} & set(key) and key not in _OF_CDK}
    for key in given:
        if key not in Settings.model_fields:
            near = get_close_matches(key.lower().replace("-", "_"), Settings.model_fields, n=1)
            hint = f" (is {near[0]} meant?)" if near else ""
            raise SettingsError(f"{key}: no such setting{hint}; allowed: {', '.join(Settings.model_fields)}")
    defaults = PROD if given.get("env") == "prod" else {}
    try:
        return Settings.model_validate({**defaults, **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise SettingsError(str(first["ctx"]["error"])) from error
        name = str(first["loc"][0])
        # what the checks here say of a value; of their own, pydantic's say no more than what is allowed does
        why = f" ({first['ctx']['error']})" if first["type"] == "value_error" else ""
        raise SettingsError(f"{name}: {first['input']!r}{why}; allowed: {allowed(name)}") from error


def allowed(name: str) -> str:
    """What a setting may be, in words."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""
