"""Options that several commands have, and numbers as an option takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import typer

from fraud.decision_costs import RANGES, DecisionCosts, DecisionCostsError
from fraud.notation import NotationError, decimal_number, whole_number
from reading.errors import BadInputError
from sagemaker_src.training.cost_options import COST_SAYS, THRESHOLDS_BY

_NONE: Mapping[str, Decimal] = MappingProxyType({})
_Number = TypeVar("_Number", int, float)

TransactionsFile = Annotated[
    Path,
    typer.Option(
        help="CSV, JSON lines or Parquet, packed with gzip or zstd or not; a folder of such files, or a pattern in quotes, as "
        "'data/*.csv.gz'. In the columns of Kaggle's fraudTrain.csv, or in those that --columns says.",
        metavar="FILE",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="What text is written in, as windows-1252; default: what is found, and said where it is not UTF-8.",
        metavar="NAME",
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        help="What times without an offset mean: UTC, a zone as America/New_York, or an offset as -05:00. "
        "Of an hour that the clocks repeat, the first is taken. Default: what --columns says, or UTC.",
        metavar="ZONE",
    ),
]
WithoutDominant = Annotated[
    bool,
    typer.Option(
        "--without-dominant",
        help="Where a feature dominates, or ranks the test nearly perfectly alone: train and test once more without it.",
    ),
]
Columns = Annotated[
    str,
    typer.Option(
        help="Which columns of the file are which fields: kaggle, handbook, tabformer, or a TOML file of your own "
        "(docs/your-files.md).",
        metavar="NAME|FILE",
    ),
]
ParametersFile = Annotated[
    Path | None,
    typer.Option(
        help="parameters.json, as `fraud tune` writes it: how the trees are fitted; default: training's defaults.",
        metavar="FILE",
    ),
]
TokenKeyFile = Annotated[
    Path | None,
    typer.Option(
        help="The secret that card tokens are made with, at least 16 bytes; default: a new random one, kept nowhere.",
        metavar="FILE",
    ),
]


def whole(help: str, least: int | None = None, most: int | None = None) -> Any:
    """An option that takes a whole number in a range, and nothing that only Python takes for one."""
    return _number(whole_number, "N", help, least, most)


def decimal(help: str, least: float | None = None, most: float | None = None) -> Any:
    """An option that takes a finite number in a range."""
    return _number(decimal_number, "X", help, least, most)


def _number(read: Callable[[str], _Number], sign: str, says: str, least: float | None, most: float | None) -> Any:
    allowed = _range(least, most)

    def parsed(text: str | _Number) -> _Number:
        if not isinstance(text, str):  # the default
            return text
        try:
            value = read(text)
        except NotationError as error:
            raise typer.BadParameter(str(error)) from error
        if (least is not None and value < least) or (most is not None and value > most):
            raise typer.BadParameter(f"{text}; allowed: {allowed}")
        return value

    return typer.Option(help=f"{says} [{allowed}]" if allowed else says, parser=parsed, metavar=sign)


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f"at most {most:,}"
    return f"{least:,} or more" if most is None else f"{least:,} to {most:,}"


def cost(name: str, default: str | None = None) -> Any:
    """The option of what decisions cost.

    Args:
        name: of RANGES.
        default: in words; what DecisionCosts has, unless it is said.
    """
    least, most = (float(edge) for edge in RANGES[name])
    says = COST_SAYS[name]
    otherwise = getattr(DecisionCosts(), name) if default is None else default
    return decimal(f"{says[0].upper()}{says[1:]}; default: {otherwise}.", least, most)


CostMissedShare = Annotated[float | None, cost("cost_missed_share")]
CostReview = Annotated[float | None, cost("cost_review")]
CostBlocked = Annotated[float | None, cost("cost_blocked")]
ReviewHours = Annotated[float | None, cost("review_hours_a_day")]
ReviewMinutes = Annotated[float | None, cost("review_minutes")]


class Choosing(str, Enum):
    """THRESHOLDS_BY, as Typer takes them."""

    SHARES, COSTS = THRESHOLDS_BY


ThresholdsBy = Annotated[
    Choosing,
    typer.Option(
        help="What thresholds are chosen by, on rows before the test: shares of honest rows that may be reviewed and blocked, or "
        "what decisions cost, within the reviewers' hours."
    ),
]


def decision_costs(given: Mapping[str, float | None], set_to: Mapping[str, Decimal] = _NONE) -> DecisionCosts:
    """The costs that options say.

    Args:
        given: {cost: the option's value}.
        set_to: what stands where an option is None; the defaults where that lacks one.

    Raises:
        BadInputError: one is outside its range, or in smaller units than cents.
    """
    try:
        named = {name: _exact(value) for name, value in given.items() if value is not None}
        return DecisionCosts(**{**set_to, **named})
    except DecisionCostsError as error:
        name, _, what = str(error).partition(":")
        raise BadInputError(f"--{name.replace('_', '-')}:{what}") from error


def _exact(value: float) -> Decimal:
    """As it was typed, 4 and not 4.0.

    >>> _exact(4.0), _exact(30.5)
    (Decimal('4'), Decimal('30.5'))
    """
    return Decimal(int(value) if value.is_integer() else str(value))
