"""What SageMaker refuses of a tuning job, beside its model and the limits of `emulator.limits`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.errors import ServiceError

_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_HERE = ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")
_NOT_HERE_CONFIGURED = ("StrategyConfig", "TuningJobCompletionCriteria")
_NOT_HERE_DEFINED = ("TuningObjective", "HyperParameterRanges", "HyperParameterTuningResourceConfig")


def check(given: Mapping[str, Any]) -> None:
    """Holds a request to what the pages say.

    Raises:
        ServiceError: the service would refuse it, or it is not implemented here.
    """
    config, definition = given["HyperParameterTuningJobConfig"], given.get("TrainingJobDefinition")
    asked = [(given, _NOT_HERE), (config, _NOT_HERE_CONFIGURED), (definition or {}, _NOT_HERE_DEFINED)]
    if unknown := [name for part, names in asked for name in names if part.get(name)]:
        raise ServiceError("NotImplementedException", f"{unknown[0]} is not implemented here", 501)
    if definition is None:
        raise _wrong("TrainingJobDefinition: a tuning job needs one")
    if config["Strategy"] not in ("Bayesian", "Random"):
        raise ServiceError("NotImplementedException", f"Strategy {config['Strategy']} is not implemented here", 501)
    for problem in (*_limits(config["ResourceLimits"]), *_ranges(config, definition), *_objective(config, definition)):
        raise _wrong(problem)
    if not definition.get("ResourceConfig"):
        raise _wrong("TrainingJobDefinition: a ResourceConfig or a HyperParameterTuningResourceConfig is needed")


def _wrong(says: str) -> ServiceError:
    return ServiceError("ValidationException", says)


def _limits(limits: Mapping[str, Any]) -> Iterator[str]:
    # page API_ResourceLimits: without the strategy Grid, how many there are has to be said
    if "MaxNumberOfTrainingJobs" not in limits:
        yield "ResourceLimits.MaxNumberOfTrainingJobs: needed with the strategies Bayesian and Random"
    elif limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
        yield (
            f"ResourceLimits.MaxParallelTrainingJobs: {limits['MaxParallelTrainingJobs']} is more than "
            f"MaxNumberOfTrainingJobs, {limits['MaxNumberOfTrainingJobs']}"
        )


def _ranges(config: Mapping[str, Any], definition: Mapping[str, Any]) -> Iterator[str]:
    """Pages *API_ContinuousParameterRange*, *API_IntegerParameterRange* and *automatic-model-tuning-define-ranges*."""
    ranges = config.get("ParameterRanges", {})
    names = [
        one["Name"]
        for kind in ("Integer", "Continuous", "Categorical")
        for one in ranges.get(f"{kind}ParameterRanges", [])
    ]
    if ranges.get("AutoParameters"):
        yield "ParameterRanges.AutoParameters: allowed with Autotune alone"
    if not names:
        yield "ParameterRanges: there is no hyper-parameter to tune"
    for name in names:
        if names.count(name) > 1 or name in definition.get("StaticHyperParameters", {}):
            yield f"the hyper-parameter {name} is given twice"
    for kind in ("Integer", "Continuous"):
        for one in ranges.get(f"{kind}ParameterRanges", []):
            yield from (
                f"{kind}ParameterRanges: {one['Name']}: {says}" for says in _range(one, whole=kind == "Integer")
            )


def _range(one: Mapping[str, str], *, whole: bool) -> Iterator[str]:
    numbers = [_number(one[end], whole=whole) for end in ("MinValue", "MaxValue")]
    if None in numbers:
        yield f"{one['MinValue']} to {one['MaxValue']} are no {'integers' if whole else 'numbers'}"
        return
    least, most = (float(each) for each in numbers if each is not None)
    if least >= most:
        yield f"MinValue {one['MinValue']} is not below MaxValue {one['MaxValue']}"
    scaling = one.get("ScalingType", "Auto")
    if scaling == "Logarithmic" and least <= 0:
        yield "logarithmic scaling works only for ranges that have only values greater than 0"
    if scaling == "ReverseLogarithmic" and (whole or not (least >= 0 and most < 1)):
        yield "reverse logarithmic scaling works only for continuous ranges that are entirely within the range 0<=x<1.0"


def _number(text: str, *, whole: bool) -> float | None:
    if not (_WHOLE if whole else _DECIMAL).fullmatch(text):
        return None
    found = float(text)
    return found if math.isfinite(found) else None


def _objective(config: Mapping[str, Any], definition: Mapping[str, Any]) -> Iterator[str]:
    objective = config.get("HyperParameterTuningJobObjective")
    defined = definition["AlgorithmSpecification"].get("MetricDefinitions", [])
    if objective is None or objective["MetricName"] not in [one["Name"] for one in defined]:
        # in the service's own words
        yield "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric definitions."
    for one in defined:
        try:
            groups = re.compile(one["Regex"]).groups
        except re.error as error:
            yield f"MetricDefinitions: {one['Name']}: the Regex {one['Regex']!r} is none: {error}"
            continue
        if not groups:
            # page *automatic-model-tuning-define-metrics-variables*: what a group holds is the metric's value
            yield f"MetricDefinitions: {one['Name']}: the Regex {one['Regex']!r} has no group for the metric's value"
