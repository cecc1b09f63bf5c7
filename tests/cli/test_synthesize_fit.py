"""`fraud synthesize fit`: learns what it is told to, goes on after a kill, and says what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cli.synthesize import fit as module
from tests.cli.person_files import CARD, fraud
from tests.cli.synthesis_files import contents, fitted, frame, run, written

OPTIONS = ("--label", "Class", "--positive", "1")


def test_every_fraud_is_learned_or_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(monkeypatch, tmp_path, options=("--held-out", "0.25"))
    said = json.loads((model / "fitted.json").read_text())
    assert (len(said["trained"]), len(said["held_out"]), said["rows"]) == (30, 10, 40)
    assert sorted(said["trained"] + said["held_out"]) == list(range(40))
    assert said["columns"] == list(frame().columns)


def test_none_is_held_out_if_so_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fitted(monkeypatch, tmp_path, options=("--held-out", "0"))
    assert json.loads((model / "fitted.json").read_text())["trained"] == list(range(40))
    assert "Learned 40 of 40 frauds; none is held out" in capsys.readouterr().err


def test_the_same_rows_as_csv_or_parquet_give_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    for name in ("one.csv", "other.parquet"):
        data = written(tmp_path / name, frame())
        out = tmp_path / name.partition(".")[0]
        run(monkeypatch, "fit", "--data", data, *OPTIONS, "--generator", "smote", "--out", out)
        models.append(contents(out))
    said = [json.loads(each.pop("fitted.json")) for each in models]
    assert models[0] == models[1]
    assert said[0]["data_fingerprint"] == said[1]["data_fingerprint"]


def test_another_seed_holds_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for seed in "12":
        folder = tmp_path / seed
        folder.mkdir()
        told.append(json.loads((fitted(monkeypatch, folder, options=("--seed", seed)) / "fitted.json").read_text()))
    assert told[0]["held_out"] != told[1]["held_out"]


WRONG = {
    "a label that is not there": (("--label", "class"), "class: no such column; there are Amount, Class, Time, V1, V2"),
    "a value that no row has": (("--positive", "fraud"), "Class: no row is fraud; there are 0, 1"),
    "a column to leave out that is not there": (("--without", "id"), "id: no such column"),
    "the label left out": (("--without", "Class"), "Class is the label: it cannot be left out"),
    "bounds without a colon": (("--bounds", "V1=3"), "--bounds: 'V1=3'; allowed: COLUMN=LOW:HIGH"),
    "bounds the wrong way round": (("--bounds", "V1=3:1"), "--bounds: 'V1=3:1'; allowed: COLUMN=LOW:HIGH"),
    "bounds of words": (("--bounds", "V1=a:1"), "--bounds: V1=a:1: 'a'"),
    "an option of another generator": (("--generator", "smote", "--epochs", "9"), "--epochs: only the network has it"),
    "bounds for another generator": (
        ("--generator", "copula", "--bounds", "V1=0:1"),
        "--bounds: only the network has it",
    ),
    "delta alone": (("--delta", "1e-5"), "--delta: goes with --epsilon"),
    "privacy without an upper bound": (
        ("--epsilon", "8", "--bounds", "Amount=0:"),
        "--bounds: Amount: with --epsilon, needed: both, as Amount=0:5000",
    ),
    "a share beyond all": (("--held-out", "1"), "allowed: 0 to 0.9"),
    "a generator that there is not": (
        ("--generator", "vae"),
        "'vae' is not one of 'wgan', 'copula', 'smote', 'resampling'",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_option_is_said_in_a_sentence(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given, sentence = WRONG[what]
    data = written(tmp_path / "data.csv", frame())
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "fit", "--data", data, *OPTIONS, "--out", tmp_path / "model", *given
    )
    assert status == 2
    assert sentence in said.replace("│ ", "").replace(" │", "")
    assert list(tmp_path.iterdir()) == [data]


@pytest.mark.slow
def test_bounds_of_a_column_that_is_not_there_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    given = ("--data", data, *OPTIONS, "--bounds", "V9=0:1", "--out", tmp_path / "model")
    status, said = fraud(monkeypatch, capsys, "synthesize", "fit", *given)
    assert status == 2
    assert f"{data}: bounds of V9: no such column of numbers; there are Time, V1, V2, Amount" in said
    assert list(tmp_path.iterdir()) == [data]


TABLES = {
    "card numbers": (lambda table: table.assign(card=CARD), "card: holds card numbers"),
    "card numbers as numbers": (lambda table: table.assign(card=int(CARD)), "card: holds card numbers"),
    "identifiers": (
        lambda table: table.assign(order=[f"order {row}" for row in range(len(table))]),
        "order: every row has a text of its own, an identifier; leave it out: --without order",
    ),
    "no fraud": (lambda table: table.assign(Class=0), "Class: no row is 1; there are 0"),
    "rows without a label": (
        lambda table: table.assign(Class=table["Class"].where(table.index > 2)),
        "Class: row 1 has no label",
    ),
    "the label alone": (lambda table: table[["Class"]], "there is no column but the label Class"),
    "numbers without an end": (lambda table: table.assign(V1=float("inf")), "V1: "),
    "numbers written as text": (
        lambda table: table.assign(Amount="69,18"),
        "row 1: column Amount: '69,18' is a number written as text, as is all of the column; allowed: ",
    ),
    "no rows": (lambda table: table[:0], "the file holds no rows; needed: a header and at least one row"),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_cannot_be_learned_is_refused_in_a_sentence(
    what: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt, sentence = TABLES[what]
    data = written(tmp_path / f"data.{kind}", spoilt(frame()))
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "fit", "--data", data, *OPTIONS, "--out", tmp_path / "model"
    )
    assert status == 2
    assert f"{data}: {sentence}" in said
    assert CARD not in said
    assert list(tmp_path.iterdir()) == [data]


def test_a_folder_that_another_command_wrote_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    data = written(tmp_path / "data.csv", frame())
    status, said = fraud(monkeypatch, capsys, "synthesize", "fit", "--data", data, *OPTIONS, "--out", out)
    assert (status, contents(out)) == (2, {"mine.txt": b"mine"})
    assert f"--out: {out} holds files that no earlier run wrote" in said


# A run that kills itself, without a warning, when it has seen every fraud sixty times; checkpoints are fifty apart.
KILLED = """import os, sys
from cli.synthesize import fit
def at_sixty(note, done, total):
    if done >= 60:
        os.kill(os.getpid(), 9)
fit.noted = lambda report, what: at_sixty
from cli.main import main
main()"""


@pytest.mark.slow
def test_a_fit_that_was_killed_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())

    def given(out: str) -> list[str]:
        options = ["--epochs", "120", "--bounds", "Amount=0:", "--out", str(tmp_path / out)]
        return ["fit", "--data", str(data), *OPTIONS, *options]

    done = subprocess.run([sys.executable, "-c", KILLED, "synthesize", *given("killed")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / ".killed-fit" / "checkpoints").is_dir()
    assert not (tmp_path / "killed").exists()
    seen: list[int] = []
    monkeypatch.setattr(module, "noted", lambda report, what: lambda note, epoch, of: seen.append(epoch))
    run(monkeypatch, *given("killed"))
    assert "Going on from the last checkpoint" in capsys.readouterr().err
    assert min(seen) > 50
    run(monkeypatch, *given("whole"))
    assert "Going on" not in capsys.readouterr().err
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "killed", "whole"]


def _stop_in_the_middle(out: Path, monkeypatch: pytest.MonkeyPatch, data: Path, *options: str) -> None:
    """A fit that is interrupted once it has a checkpoint."""

    def interrupted(*_: object, work: Path, **__: object) -> None:
        (work / "checkpoint").write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "learn", interrupted)
        with pytest.raises(SystemExit, match="130"):
            run(patched, "fit", "--data", data, *OPTIONS, "--generator", "smote", "--out", out, *options)


def test_one_that_was_interrupted_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    _stop_in_the_middle(tmp_path / "model", monkeypatch, data)
    said = capsys.readouterr().err
    assert f"the same command goes on from the last checkpoint, in {tmp_path}/.model-fit" in said
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("what", ["options", "data", "programs"])
def test_one_that_is_asked_otherwise_starts_anew(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    out = tmp_path / "model"
    _stop_in_the_middle(out, monkeypatch, data)
    if what == "data":
        written(data, frame(seed=2))
    if what == "programs":
        monkeypatch.setattr(module, "version", lambda library: "0.0")
    found: list[list[Path]] = []
    learn = module.learn
    monkeypatch.setattr(
        module,
        "learn",
        lambda *given, work, **more: found.append(list(work.iterdir())) or learn(*given, work=work, **more),
    )
    seed = "7" if what == "options" else "1"
    run(monkeypatch, "fit", "--data", data, *OPTIONS, "--generator", "smote", "--out", out, "--seed", seed)
    assert found == [[]]
    assert "Starting anew: the fit that was stopped" in capsys.readouterr().err
    assert not (tmp_path / ".model-fit").exists()


def test_two_at_once_do_not_write_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    given = ("--data", data, *OPTIONS, "--generator", "smote", "--out", tmp_path / "model")
    learn, second = module.learn, []

    def meanwhile(*arguments: object, **more: object) -> object:
        monkeypatch.setattr(module, "learn", learn)
        second.append(fraud(monkeypatch, capsys, "synthesize", "fit", *given))
        return learn(*arguments, **more)

    monkeypatch.setattr(module, "learn", meanwhile)
    run(monkeypatch, "fit", *given)
    ((status, said),) = second
    assert status == 2
    assert "another `fraud synthesize fit` is writing" in said
    assert (tmp_path / "model" / "fitted.json").exists()


def test_a_work_folder_that_no_fit_wrote_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / ".model-fit" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    data = written(tmp_path / "data.csv", frame())
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "fit", "--data", data, *OPTIONS, "--out", tmp_path / "model"
    )
    assert status == 2
    assert "holds mine.txt, which no fit wrote" in said
    assert mine.read_text() == "mine"


def test_the_losses_are_shown_as_it_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learn = module.learn

    def told(*given: object, progress, **more: object) -> object:  # type: ignore[no-untyped-def]
        for epoch in (1, 2, 3):
            progress(f"epoch {epoch}: critic -0.{epoch}", epoch, 3)
        return learn(*given, progress=progress, **more)

    monkeypatch.setattr(module, "learn", told)
    fitted(monkeypatch, tmp_path)
    lines = [line for line in capsys.readouterr().err.splitlines() if "critic" in line]
    assert lines == ["learning: 1 of 3 · epoch 1: critic -0.1", "learning: 3 of 3 · epoch 3: critic -0.3"]


def test_equal_rows_are_never_on_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = frame()
    table = pd.concat([table, table[table["Class"] == 1], table[table["Class"] == 1][:9]], ignore_index=True)
    said = json.loads((fitted(monkeypatch, tmp_path, table=table) / "fitted.json").read_text())
    rows = table[table["Class"] == 1].reset_index(drop=True)
    assert said["held_out"]
    assert not set(map(str, rows.iloc[said["held_out"]].to_numpy())) & set(
        map(str, rows.iloc[said["trained"]].to_numpy())
    )
