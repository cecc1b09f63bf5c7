"""What may be tuned: each hyper-parameter once, with its range and scale, for Optuna here and for a tuning job of SageMaker.

A set of parameters is a file, `parameters.json`: {name: value}, which training takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

FILE = "parameters.json"

OBJECTIVE = "judged average precision"
"""What parameters are judged by, as a trial of a tuning job says it in its log: `judged average precision: 0.987654`."""
OBJECTIVE_REGEX = rf"{OBJECTIVE}: ([0-9.]+)"

STUDY = "study.json"
"""Beside FILE, where a tuning job has found it: the job and all its trials."""

Parameters = dict[str, int | float]
"""{name of a hyper-parameter, as `TrainingSettings` has it: value}."""


class ParametersError(ValueError):
    """A file that holds no set of parameters: names the file, the parameter and what is allowed."""


@dataclass(frozen=True)
class Parameter:
    """One hyper-parameter.

    Attributes:
        name: as `TrainingSettings` has it, and the training program as an option.
        least, most: its range, both ends in it.
        log: whether it is searched by its order of magnitude, so twice as much is as far everywhere.
        whole: whether it takes whole numbers alone.
        says: what it is.
    """

    name: str
    least: float
    most: float
    log: bool
    whole: bool
    says: str

    @property
    def option(self) -> str:
        """As the training program takes it, without the dashes before it."""
        return self.name.replace("_", "-")

    def allows(self, value: object) -> bool:
        """Whether it may have this value."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return self.least <= value <= self.most and (not self.whole or value == int(value))

    @property
    def allowed(self) -> str:
        """The same in words."""
        return f"{'whole numbers' if self.whole else 'numbers'} from {self.least:g} to {self.most:g}"


SPACE = (
    Parameter("rounds", 100, 1_500, log=True, whole=True, says="how many trees"),
    Parameter("eta", 0.02, 0.3, log=True, whole=False, says="how much of each tree counts"),
    Parameter("max_depth", 3, 10, log=False, whole=True, says="how many questions a tree asks, one after the other"),
    Parameter("min_child_weight", 0.5, 50, log=True, whole=False, says="how much must stand behind each answer"),
    Parameter("subsample", 0.5, 1, log=False, whole=False, says="share of the rows that a tree sees"),
    Parameter("colsample_bytree", 0.3, 1, log=False, whole=False, says="share of the features that a tree sees"),
    Parameter("reg_lambda", 0.1, 100, log=True, whole=False, says="how strongly large answers are held back"),
)
"""The search space; what training does by default lies in it."""


class Trial(Protocol):
    """What Optuna's trial can, as far as it is needed here."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        """A whole number of the range."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """A number of the range."""


def suggested(trial: Trial) -> Parameters:
    """A set of parameters that a trial proposes."""
    return {
        each.name: trial.suggest_int(each.name, int(each.least), int(each.most), log=each.log)
        if each.whole
        else trial.suggest_float(each.name, each.least, each.most, log=each.log)
        for each in SPACE
    }


def parameter_ranges() -> dict[str, list[dict[str, str]]]:
    """The space as `ParameterRanges` of a tuning job of SageMaker: numbers are text there, the names are the program's options.

    `API_ParameterRanges`, `API_IntegerParameterRange` and `API_ContinuousParameterRange` say what is allowed.
    """
    ranges: dict[str, list[dict[str, str]]] = {"IntegerParameterRanges": [], "ContinuousParameterRanges": []}
    for each in SPACE:
        ranges["IntegerParameterRanges" if each.whole else "ContinuousParameterRanges"].append(
            {
                "Name": each.option,
                "MinValue": f"{each.least:g}",
                "MaxValue": f"{each.most:g}",
                "ScalingType": "Logarithmic" if each.log else "Linear",
            }
        )
    return ranges


def read_parameters(path: Path) -> Parameters:
    """The parameters of a file; those that it leaves out are training's defaults.

    Raises:
        ParametersError: there is no such file, it is no JSON, or holds what is no parameter or is out of its range.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParametersError(f"{path} cannot be read ({error.strerror}); `fraud tune` writes one") from error
    except ValueError as error:
        raise ParametersError(f"{path} is no JSON; `fraud tune` writes one") from error
    if not isinstance(said, Mapping) or not said:
        raise ParametersError(f"{path} holds no parameters; needed: {{name: value}}, as `fraud tune` writes them")
    try:
        return checked_parameters(said)
    except ParametersError as error:
        raise ParametersError(f"{path}: {error}") from error


def checked_parameters(said: Mapping[str, Any]) -> Parameters:
    """A set of parameters, or some of one, in the order of the space.

    Raises:
        ParametersError: a name is no parameter's, or a value is out of its range.

    >>> checked_parameters({"max_depth": 8, "eta": 0.05})
    {'eta': 0.05, 'max_depth': 8}
    >>> checked_parameters({"eta": 5})
    Traceback (most recent call last):
    ...
    fraud.search_space.ParametersError: eta: '5'; allowed: numbers from 0.02 to 0.3
    """
    known = {each.name: each for each in SPACE}
    for name, value in said.items():
        if name not in known:
            raise ParametersError(f"{name[:60]!r} is no parameter; allowed: {', '.join(known)}")
        if not known[name].allows(value):
            raise ParametersError(f"{name}: {str(value)[:60]!r}; allowed: {known[name].allowed}")
    return {
        each.name: int(said[each.name]) if each.whole else float(said[each.name]) for each in SPACE if each.name in said
    }


def options_of(parameters: Mapping[str, int | float]) -> list[str]:
    """A set of parameters as options of the training program.

    >>> options_of({"rounds": 300, "eta": 0.05})
    ['--rounds', '300', '--eta', '0.05']
    """
    return [
        text for each in SPACE if each.name in parameters for text in (f"--{each.option}", f"{parameters[each.name]}")
    ]


def write_parameters(path: Path, parameters: Mapping[str, int | float]) -> None:
    """Writes a set of parameters, in the order of the space."""
    path.write_text(json.dumps(_ordered(parameters), indent=2) + "\n", encoding="utf-8")


def as_setting(parameters: Mapping[str, int | float]) -> str:
    """A set of parameters as the setting `training_parameters` takes it.

    >>> as_setting({"eta": 0.05, "rounds": 300})
    '{"rounds": 300, "eta": 0.05}'
    """
    return json.dumps(_ordered(parameters))


def _ordered(parameters: Mapping[str, int | float]) -> Parameters:
    return {each.name: parameters[each.name] for each in SPACE if each.name in parameters}
