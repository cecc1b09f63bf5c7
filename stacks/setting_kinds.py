"""The kinds of values that settings have, and how each is read from `cdk.json` and from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, Field

from fraud.search_space import Parameters, checked_parameters
from reading.errors import BadInputError
from reading.mapping.toml_file import read_mapping
from stacks.images import REGIONS
from stacks.instance_types import BATCH, ENDPOINT, JOBS, checked_instance_type
from stacks.schedules import checked_cron


def checked_day(text: str) -> str:
    """The text, if it is a day. Raises ValueError: it is none.

    >>> checked_day("2020-04-31")
    Traceback (most recent call last):
    ...
    ValueError: no day
    """
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) and date.fromisoformat(text):
            return text
    except ValueError:
        pass
    raise ValueError("no day")


def checked_columns(named: str) -> str:
    """What names a mapping, if there is one. Raises ValueError: there is none, or something in it is wrong."""
    try:
        read_mapping(named)
    except BadInputError as error:
        raise ValueError(str(error)) from error
    return named


JobMachine = Annotated[str, AfterValidator(partial(checked_instance_type, JOBS))]
BatchMachine = Annotated[str, AfterValidator(partial(checked_instance_type, BATCH))]
EndpointMachine = Annotated[str, AfterValidator(partial(checked_instance_type, ENDPOINT))]
Schedule = Annotated[str, AfterValidator(checked_cron)]
MaybeSchedule = Annotated[str, AfterValidator(lambda text: text and checked_cron(text))]
"""Or nothing."""
MaybeDay = Annotated[str, AfterValidator(lambda text: text and checked_day(text))]
"""A day as 2020-04-30, or nothing."""
Columns = Annotated[str, AfterValidator(checked_columns)]
"""A mapping of a file's columns, as `reading.mapping.toml_file.read_mapping` names it."""
Money = Annotated[Decimal, Field(decimal_places=2)]
AmountShare = Annotated[Decimal, Field(decimal_places=4)]
"""A share of an amount, in ten-thousandths."""
StandardSize = Literal[
    "kafka.t3.small",
    "kafka.m5.large",
    "kafka.m5.xlarge",
    "kafka.m5.2xlarge",
    "kafka.m5.4xlarge",
    "kafka.m5.8xlarge",
    "kafka.m5.12xlarge",
    "kafka.m5.16xlarge",
    "kafka.m5.24xlarge",
    "kafka.m7g.large",
    "kafka.m7g.xlarge",
    "kafka.m7g.2xlarge",
    "kafka.m7g.4xlarge",
    "kafka.m7g.8xlarge",
    "kafka.m7g.12xlarge",
    "kafka.m7g.16xlarge",
]
NotebookMachine = Literal[
    "ml.t3.large",
    "ml.t3.xlarge",
    "ml.t3.2xlarge",
    "ml.m5.xlarge",
    "ml.m5.2xlarge",
    "ml.m5.4xlarge",
]
"""Of those that a notebook instance may run on (page *API_CreateNotebookInstance*): with 8 GiB and more, without accelerators."""
ExpressSize = Literal[
    "express.m7g.large",
    "express.m7g.xlarge",
    "express.m7g.2xlarge",
    "express.m7g.4xlarge",
    "express.m7g.8xlarge",
    "express.m7g.12xlarge",
    "express.m7g.16xlarge",
]
"""All that there are (page *broker-instance-sizes*), of either kind."""
DAY_SAYS = "a day, as 2020-04-30, or empty"
SWITCH = "true or false"
MACHINE_SAYS = "a machine of SageMaker's for {}, x86-64, without accelerators or disks of its own, as ml.m5.large"
"""What is allowed, in words, of the kinds that several settings are of."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
EMAIL = (
    rf"^{_ATOM}(\.{_ATOM})*@([A-Za-z0-9]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]$"
)
"""A mailbox in plain ASCII, and nothing beside it: what SNS can send to."""


def parameters(given: Any) -> Parameters:
    """Parameters of training as `cdk.json` gives them, or as text of the command line.

    Raises:
        ValueError: they are no object of JSON, or one of them is none of the search space.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise ValueError("no JSON") from error
    if not isinstance(given, Mapping):
        raise ValueError("no object of JSON")
    return checked_parameters(given)


def setting(default: Any, says: str, allowed: str, **limits: Any) -> Any:
    """A field of a setting: its default, what it is, what is allowed in words, and pydantic's own limits."""
    return Field(default=default, description=says, json_schema_extra={"allowed": allowed}, **limits)


def number(default: float, says: str, least: float, most: float) -> Any:
    """A field of a setting that is a number."""
    return setting(default, says, f"{least} to {most}", ge=least, le=most)


def has_images(region: str) -> str:
    """The region, if all images are there. Raises ValueError: one is not."""
    if region not in REGIONS:
        raise ValueError("a container image is missing there")
    return region


def zone_ids(given: Any) -> Any:
    """Zones as the command line gives them: ids with commas between."""
    if isinstance(given, str):
        return tuple(part.strip() for part in given.split(",") if part.strip())
    return given


def read_plainly(annotation: Any, value: Any) -> Any:
    """A setting's value as JSON or as the command line's text has it; Python's other ways to write it are refused.

    Args:
        annotation: the setting's type.

    Raises:
        ValueError: says what it is not.

    >>> read_plainly(int, "30")
    30
    >>> read_plainly(int, "1_000")
    Traceback (most recent call last):
    ...
    ValueError: no whole number
    """
    kinds = {type(choice) for choice in get_args(annotation)} if get_origin(annotation) is Literal else {annotation}
    reader = next((_READERS[kind] for kind in kinds if kind in _READERS), None)
    return reader(value) if reader else value


def _whole_number(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        return int(value)
    if type(value) is not int:
        raise ValueError("no whole number")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value):
        return Decimal(value)
    if type(value) not in (int, float, Decimal):
        raise ValueError("no number")
    return value


def _switch(value: Any) -> Any:
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if type(value) is not bool:
        raise ValueError("neither true nor false")
    return value


_READERS = {int: _whole_number, float: _number, Decimal: _number, bool: _switch}
