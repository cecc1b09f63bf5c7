"""A trial of a tuning job: what its log says is what `judged` finds, as the tuning job reads it, and training takes the best."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fraud.search_space import FILE, OBJECTIVE_REGEX, STUDY, write_parameters
from sagemaker_src.training import train
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.split import default_test_from
from sagemaker_src.tuning import trial
from sagemaker_src.tuning.judging import judged, parts_before
from tests.sagemaker_src.test_evaluate_model import made_up_rows

SMALL = {"rounds": 100, "eta": 0.1, "max_depth": 3}


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "features.parquet"
    made_up_rows().to_parquet(path)
    return path


def test_its_log_has_the_objective_after_each_tenth_of_the_trees(
    features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--train", str(features), "--label-delay-days", "7"]
    assert trial.main([*arguments, "--rounds", "100", "--eta", "0.1", "--max-depth", "3"]) == 0
    found = [float(one) for one in re.findall(OBJECTIVE_REGEX, capsys.readouterr().out)]
    rows, settings = made_up_rows(), TrainingSettings()
    steps: list[float] = []
    moment = default_test_from(rows["event_ms"].to_numpy())
    value = judged(parts_before(rows, settings, moment), SMALL, settings, lambda _, told: steps.append(told))
    assert found == pytest.approx(steps, abs=1e-6) and len(found) == 10
    assert found[-1] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--eta", "5"], "eta: '5.0'; allowed: numbers from 0.02 to 0.3"),
        (["--rounds", "many"], "'many' is not a whole number"),
        (["--test-from", "2000-01-01"], "--train: "),
    ],
)
def test_what_is_wrong_ends_it_with_a_sentence(
    features: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with pytest.raises(SystemExit):
        trial.main(["--train", str(features), *arguments])
    assert says in capsys.readouterr().err


def test_training_takes_what_was_found_and_keeps_the_study(
    features: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    # as a state machine writes numbers
    (tuned / FILE).write_text(json.dumps({"rounds": 100.0, "eta": 0.1, "max_depth": 3.0}))
    study = {"tuning_job": "fraud-dev-tune-1", "trials": [{"name": "fraud-dev-tune-1-001"}]}
    (tuned / STUDY).write_text(json.dumps(study))
    given = ["--train", str(features), "--model-dir", str(tmp_path / "model")]
    assert train.main([*given, "--tuned", str(tuned)]) == 0
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["study"] == study
    assert SMALL.items() <= manifest["settings"].items()
    write_parameters(tuned / FILE, {"eta": 7})
    with pytest.raises(SystemExit):
        train.main([*given, "--tuned", str(tuned)])
    assert "eta: '7'; allowed: numbers from 0.02 to 0.3" in capsys.readouterr().err
