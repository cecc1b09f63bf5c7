"""What all groups of settings are: values as they are written in JSON or on the command line, fixed once they are read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from stacks.setting_kinds import read_plainly


class Group(BaseModel):
    """Some of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _written_plainly(cls, value: Any, info: ValidationInfo) -> Any:
        return read_plainly(cls.model_fields[str(info.field_name)].annotation, value)

    def _ordered(self, *pairs: tuple[str, str]) -> None:
        """Raises ValueError: the first of a pair of settings is above the second."""
        for least, most in pairs:
            if getattr(self, least) > getattr(self, most):
                raise ValueError(
                    f"{least} ({getattr(self, least)}) is above {most} ({getattr(self, most)}); allowed: {least} <= {most}"
                )
