"""`fraud tune`: a study that is the same again, goes on where it was stopped, ends hopeless trials, and what it writes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cli import tune as module
from cli.tuning.study import FILE, Study, TrialRow, best_of
from fraud.search_space import SPACE, Parameters, as_setting, read_parameters
from sagemaker_src.training.fitting import TrainingSettings, silent
from sagemaker_src.tuning.judging import defaults
from tests.cli.person_files import fraud
from tests.sagemaker_src.test_evaluate_model import made_up_rows

FIRST = defaults(TrainingSettings(), tuple(each.name for each in SPACE))


def judge(parameters: Parameters, watch: Any, trees: Any) -> float:
    """Best at a depth of 7 and an eta of .05; without rows, in no time."""
    value = 0.9 - abs(parameters["max_depth"] - 7) / 20 - abs(parameters["eta"] - 0.05)
    for step in range(1, 11):
        trees("", step, 10)
        watch(step, value * step / 10)
    return value


def study(path: Path, *, seed: int = 1, pruned: bool = True, workers: int = 1) -> Study:
    return Study(path, FIRST, seed=seed, pruned=pruned, workers=workers)


def studied(path: Path, trials: int, **given: Any) -> list[TrialRow]:
    made = study(path, **given)
    made.run(judge, trials, silent)
    return made.rows()


def timeless(rows: list[TrialRow]) -> list[TrialRow]:
    return [row._replace(seconds=0) for row in rows]


def test_the_same_seed_gives_the_same_study_and_another_another(tmp_path: Path) -> None:
    one, two, other = (studied(tmp_path / name, 14, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert timeless(one) == timeless(two) != timeless(other)
    assert len(one) == 14 and one[0].parameters == FIRST
    assert len({tuple(row.parameters.values()) for row in one}) == 14
    assert best_of(one).value == max(row.value for row in one if not row.ended_early) > one[0].value


def test_hopeless_trials_are_ended_early_unless_asked_otherwise(tmp_path: Path) -> None:
    with_it, without = studied(tmp_path / "a", 20), studied(tmp_path / "b", 20, pruned=False)
    early = [row for row in with_it if row.ended_early]
    assert early and not [row for row in without if row.ended_early]
    assert all(max(row.steps) < 10 and row.value == row.steps[max(row.steps)] for row in early)
    assert not [row for row in with_it[:4] if row.ended_early]
    assert all(len(row.steps) == 10 for row in without)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_one_that_was_stopped_goes_on_and_ends_as_if_it_never_was(stop: type[BaseException], tmp_path: Path) -> None:
    stopped, tried = study(tmp_path / "a"), []

    def interrupted(parameters: Parameters, watch: Any, trees: Any) -> float:
        tried.append(parameters)
        if len(tried) == 7:
            watch(1, 0.1)
            raise stop("in the midst of a trial")
        return judge(parameters, watch, trees)

    with pytest.raises(stop):
        stopped.run(interrupted, 12, silent)
    assert len(stopped.rows()) == 6
    again = studied(tmp_path / "a", 12)
    assert timeless(again) == timeless(studied(tmp_path / "b", 12))
    assert again[6].parameters == tried[6]  # the one that was interrupted, once more


def test_one_that_was_killed_goes_on_likewise(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from tests.cli.test_tune import judge, silent, study
done = []
def killed(parameters, watch, trees):
    done.append(parameters)
    if len(done) == 4:
        watch(1, .1)
        os.kill(os.getpid(), 9)
    return judge(parameters, watch, trees)
study(Path({str(tmp_path / "a")!r})).run(killed, 9, silent)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == -9
    assert len(study(tmp_path / "a").rows()) == 3
    assert timeless(studied(tmp_path / "a", 9)) == timeless(studied(tmp_path / "b", 9))


def test_a_study_that_has_its_trials_does_none_twice(tmp_path: Path) -> None:
    first = studied(tmp_path / "a", 5)
    made = study(tmp_path / "a")
    made.run(lambda *_: pytest.fail("there is nothing to do"), 5, silent)
    assert made.rows() == first
    assert timeless(studied(tmp_path / "a", 8)) == timeless(studied(tmp_path / "b", 8))


def test_workers_work_at_once_and_do_as_many_trials_as_asked(tmp_path: Path) -> None:
    both = threading.Barrier(2)
    met = []

    def together(parameters: Parameters, watch: Any, trees: Any) -> float:
        if not met:
            both.wait(timeout=20)
            met.append(True)
        return judge(parameters, watch, trees)

    made = study(tmp_path / "a", workers=2)
    made.run(together, 9, silent)
    assert met and len(made.rows()) == 9


def test_ctrl_c_ends_the_trials_that_run_within_a_tree(tmp_path: Path) -> None:
    def endless(parameters: Parameters, watch: Any, trees: Any) -> float:
        for tree in range(6_000):
            trees("", tree, 6_000)
            time.sleep(0.01)
        return 0.5

    def interrupt(what: str, done: int, total: int) -> None:
        if total == 6_000 and done > 2:
            raise KeyboardInterrupt

    made = study(tmp_path / "a", workers=2)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        made.run(endless, 4, interrupt)
    assert time.monotonic() - began < 20
    assert made.rows() == []


@pytest.fixture
def features(tmp_path: Path) -> Path:
    made_up_rows(2_000).to_parquet(tmp_path / "features.parquet")
    return tmp_path / "features.parquet"


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *given: str | Path) -> tuple[int, str]:
    monkeypatch.setattr(
        module, "judged", lambda parts, parameters, settings, watch, trees, threads: judge(parameters, watch, trees)
    )
    return fraud(monkeypatch, capsys, "tune", "--label-delay-days", "3", *given)


def test_what_it_writes_is_the_best_trial_and_the_study(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    status, said = run(monkeypatch, capsys, "--features", features, "--trials", "12", "--out", out)
    assert status == 0, said
    told = json.loads((out / "tuning.json").read_text())
    best = told["trials"][told["best"]["trial"] - 1]
    assert read_parameters(out / "parameters.json") == best["parameters"]
    assert (
        f"average precision {best['value']:.4f}" in said and f"fraud train --parameters {out}/parameters.json" in said
    )
    assert f"-c 'training_parameters={as_setting(best['parameters'])}'" in said
    assert told["defaults"]["average_precision"] == told["trials"][0]["value"] < best["value"]
    with sqlite3.connect(out / FILE) as opened:
        assert opened.execute("SELECT count(*) FROM trials WHERE state != 'FAIL'").fetchone() == (12,)
    assert not (tmp_path / ".out-tune").exists()
    before = timeless([TrialRow(**row) for row in told["trials"]])
    assert run(monkeypatch, capsys, "--features", features, "--trials", "15", "--out", out)[0] == 0
    after = json.loads((out / "tuning.json").read_text())["trials"]
    assert len(after) == 15 and timeless([TrialRow(**row) for row in after])[:12] == before


def test_ctrl_c_leaves_a_study_that_the_same_command_goes_on_with(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, done = tmp_path / "out", []

    def interrupted(parts: Any, parameters: Parameters, settings: Any, watch: Any, trees: Any, threads: int) -> float:
        done.append(parameters)
        if len(done) == 3:
            raise KeyboardInterrupt
        return judge(parameters, watch, trees)

    given = ("--features", features, "--trials", "5", "--out", out)
    with monkeypatch.context() as patch:
        patch.setattr(module, "judged", interrupted)
        status, said = fraud(monkeypatch, capsys, "tune", "--label-delay-days", "3", *given)
    assert status == 130
    assert f"the same command goes on from the trials that have ended, in {tmp_path}/.out-tune" in said
    assert not out.exists()
    status, said = run(monkeypatch, capsys, *given)
    assert status == 0 and "Going on: 2 trials of this study have ended" in said
    assert json.loads((out / "tuning.json").read_text())["trials"][2]["parameters"] == done[2]
    with monkeypatch.context() as patch:  # other rows, another study
        made_up_rows(2_100).to_parquet(features)
        status, said = run(patch, capsys, *given)
    assert status == 0 and "Going on" not in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--features", "nowhere.parquet"), "--features: nowhere.parquet does not exist"),
        (("--test-from", "2019-01-01"), "the fitting rows hold 0 frauds of 0 rows"),
        (("--trials", "0"), "1 to 10,000"),
        (("--workers", "65"), "1 to 64"),
    ],
)
def test_what_is_wrong_is_said(
    given: tuple[str, str],
    says: str,
    features: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, said = run(monkeypatch, capsys, "--features", features, "--out", tmp_path / "out", *given)
    assert (status, says in said) == (2, True), said
    assert not (tmp_path / "out").exists() and not (tmp_path / ".out-tune").exists()


def test_training_takes_the_parameters(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = tmp_path / "parameters.json"
    chosen.write_text(json.dumps({"rounds": 100, "eta": 0.2, "max_depth": 3, "subsample": 0.75}))
    given = ("--features", features, "--label-delay-days", "3", "--out", tmp_path / "out")
    assert fraud(monkeypatch, capsys, "train", "--parameters", chosen, *given)[0] == 0
    settings = json.loads((tmp_path / "out" / "manifest.json").read_text())["settings"]
    assert {name: settings[name] for name in ("rounds", "eta", "max_depth", "subsample", "colsample_bytree")} == {
        "rounds": 100, "eta": 0.2, "max_depth": 3, "subsample": 0.75, "colsample_bytree": 1.0,
    }  # fmt: skip
    status, said = fraud(monkeypatch, capsys, "train", "--parameters", chosen, "--rounds", "7", *given)
    assert status == 2 and "--rounds: " in said and "leave one of the two out" in said


@pytest.mark.parametrize(
    "command", [("train", "--features"), ("evaluate", "--data"), ("evaluate", "--label=x", "--data")]
)
def test_a_wrong_file_of_parameters_gets_a_sentence(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.json").write_text('{"eta": 9}')
    given = (tmp_path / "data", "--out", tmp_path / "out", "--parameters", tmp_path / "p.json")
    status, said = fraud(monkeypatch, capsys, *command, *given)
    assert status == 2 and f"--parameters: {tmp_path}/p.json: eta: '9'; allowed: numbers from 0.02 to 0.3" in said
