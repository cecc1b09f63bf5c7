"""The search space: one declaration for Optuna and for SageMaker, and the files of parameters that lie in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import optuna
import pytest
from botocore.validate import ParamValidator

from fraud.search_space import (
    SPACE,
    ParametersError,
    parameter_ranges,
    read_parameters,
    suggested,
    write_parameters,
)
from sagemaker_src.training.fitting import TrainingSettings, TrainingSettingsError
from sagemaker_src.training.train import _options
from sagemaker_src.tuning.judging import defaults

NAMES = tuple(each.name for each in SPACE)


def test_training_takes_every_value_of_the_space() -> None:
    for edge in ("least", "most"):
        TrainingSettings(**{each.name: (int if each.whole else float)(getattr(each, edge)) for each in SPACE})
    for each in SPACE:
        with pytest.raises(TrainingSettingsError):
            TrainingSettings(**{each.name: -1})


def test_what_training_does_by_default_lies_in_it() -> None:
    said = defaults(TrainingSettings(), NAMES)
    assert set(said) == set(NAMES)
    assert [each.name for each in SPACE if not each.allows(said[each.name])] == []


def test_optuna_proposes_within_it() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(200):
        trial = study.ask()
        given = suggested(trial)
        assert [each.name for each in SPACE if not each.allows(given[each.name])] == []
        assert list(given) == list(NAMES)
    for each in SPACE:
        distribution = trial.distributions[each.name]
        assert (distribution.low, distribution.high, distribution.log) == (each.least, each.most, each.log)  # type: ignore[attr-defined]


def test_sagemaker_takes_the_same_as_ranges_of_the_training_programs_options() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    ranges = parameter_ranges()
    assert not ParamValidator().validate(ranges, model.shape_for("ParameterRanges")).has_errors()
    scalings = set(model.shape_for("HyperParameterScalingType").enum)
    told: dict[str, dict[str, Any]] = {one["Name"]: one for of_kind in ranges.values() for one in of_kind}
    options = {option for action in _options()._actions for option in action.option_strings}
    assert {f"--{name}" for name in told} <= options
    assert len(told) == len(SPACE) <= 30  # as the quota of a tuning job has it
    for each in SPACE:
        one = told[each.option]
        assert (float(one["MinValue"]), float(one["MaxValue"])) == (each.least, each.most)
        assert one["ScalingType"] in scalings
        assert (one["ScalingType"] == "Logarithmic") is each.log
        assert (one in ranges["IntegerParameterRanges"]) is each.whole
        assert each.least > 0 or not each.log  # logarithmic scaling works for values above 0 alone


def test_a_file_of_parameters_is_read_as_it_was_written(tmp_path: Path) -> None:
    given = defaults(TrainingSettings(rounds=321, eta=0.0517), NAMES)
    write_parameters(tmp_path / "parameters.json", given)
    assert read_parameters(tmp_path / "parameters.json") == given
    assert TrainingSettings(**read_parameters(tmp_path / "parameters.json")) == TrainingSettings(rounds=321, eta=0.0517)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("{", "is no JSON; `fraud tune` writes one"),
        ("[]", "holds no parameters; needed: {name: value}"),
        ("{}", "holds no parameters; needed: {name: value}"),
        ('{"depth": 3}', "'depth' is no parameter; allowed: rounds, eta, max_depth"),
        ('{"honest_rows": 3}', "'honest_rows' is no parameter"),
        ('{"eta": 7}', "eta: '7'; allowed: numbers from 0.02 to 0.3"),
        ('{"eta": NaN}', "eta: 'nan'; allowed"),
        ('{"eta": "0.1"}', "eta: '0.1'; allowed"),
        ('{"rounds": 200.5}', "rounds: '200.5'; allowed: whole numbers from 100 to 1500"),
        ('{"rounds": true}', "rounds: 'True'; allowed: whole numbers"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_wrong_file_gets_a_sentence(said: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "parameters.json"
    if said is not None:
        path.write_text(said)
    with pytest.raises(ParametersError) as raised:
        read_parameters(path)
    assert says in str(raised.value) and str(path) in str(raised.value)


def test_a_file_may_leave_parameters_to_training(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text(json.dumps({"eta": 0.1}))
    assert read_parameters(tmp_path / "some.json") == {"eta": 0.1}
