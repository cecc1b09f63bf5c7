"""A scored file says of each transaction what the stream decided about it, bit for bit; and what is wrong is said."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud import model_request
from fraud.decision import Decision, Outcome, Reason
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.scoring import answers, requests, scores
from sagemaker_src.serving import inference
from tests.sagemaker_src.scored_world import (
    ASKED_FROM,
    UNKNOWN,
    answered,
    archived,
    in_file,
    streamed,
    table,
    transactions,
)
from tests.sagemaker_src.scored_world import write_model as write_hard_model

Said = tuple[str, float, Outcome, tuple[Reason, ...], str]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hard_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hard_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def world() -> list[dict[str, Any]]:
    return transactions(1_200)


@pytest.fixture(scope="module")
def decided(world: list[dict[str, Any]], hard_model: Path) -> dict[str, Decision]:
    """The stream's decisions about all that is asked about."""
    return {one.transaction_id: one for one in streamed(world, asked(world), hard_model)}


def asked(world: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in world if row["event_ms"] >= ASKED_FROM]


def make(transactions: Path, archive: Path | None, out: Path, *more: str) -> None:
    archived_in = [] if archive is None else ["--archive", str(archive)]
    assert requests.main(["--transactions", str(transactions), *archived_in, "--out", str(out), *more]) == 0


def score(out: Path, name: str = "a-set") -> dict[str, Any]:
    arguments = ["--rows", str(out / "rows"), "--answers", str(out / "answers"), "--out", str(out / "scored")]
    assert scores.main([*arguments, "--set", name]) == 0
    said: dict[str, Any] = json.loads((out / "scored" / name / "summary.json").read_text())
    return said


def judged(out: Path) -> list[Said]:
    """What is said of each row, its reasons with all their bits."""
    said: list[Said] = []
    with engine() as connection:
        for rows, answer in answers.answer_files(out / "rows", out / "answers"):
            model, found = answers.judge(connection, rows, answer, explained=True)
            assert found.reasons is not None
            ids = pq.read_table(rows)["transaction_id"].to_pylist()
            said += [
                (*one, model.version) for one in zip(ids, found.scores, found.outcomes, found.reasons, strict=True)
            ]
    return said


def of(decision: Decision) -> Said:
    assert decision.path == "model" and decision.score is not None and decision.model_version is not None
    return (decision.transaction_id, decision.score, decision.outcome, decision.reasons, decision.model_version)


@pytest.mark.parametrize("split", ["by time", "mixed", "no archive", "all twice"])
def test_a_scored_file_says_what_the_stream_decided(
    split: str, world: list[dict[str, Any]], decided: dict[str, Decision], hard_model: Path, tmp_path: Path
) -> None:
    later = asked(world)
    given, archive = {
        "by time": (later, [row for row in world if row["event_ms"] < ASKED_FROM]),
        # every other row of the same days and the same ties was streamed and is not asked about
        "mixed": (later[::2], [row for row in world if row["event_ms"] < ASKED_FROM] + later[1::2]),
        "no archive": (world, []),
        # what is in both counts once; and so does what the archive has twice
        "all twice": (later, world + world[::3]),
    }[split]
    parts = [
        in_file(given[1::2], tmp_path / "file" / "1.parquet"),
        in_file(given[0::2], tmp_path / "file" / "0.parquet"),
    ]
    make(parts[0].parent, archived(archive, tmp_path / "archive") if archive else None, tmp_path / "out")
    answered(tmp_path / "out", hard_model)
    said = {one[0]: one for one in judged(tmp_path / "out")}
    assert said.keys() == {row["transaction_id"] for row in given}
    wanted = {identity: of(decision) for identity, decision in decided.items() if identity in said}
    assert {identity: said[identity] for identity in wanted} == wanted
    assert {one[2] for one in wanted.values()} == {"approve", "review", "block"}
    summary = score(tmp_path / "out")
    assert (summary["rows"], summary["scored"], summary["repeated"]) == (len(given), len(given), 0)
    assert summary["archived"] == (len(given) if split == "all twice" else 0)


def test_the_world_is_hard(world: list[dict[str, Any]], decided: dict[str, Decision]) -> None:
    later = asked(world)
    assert len({(row["cc_num"], row["event_ms"]) for row in later}) < len(later), "ties"
    assert {row["event_ms"] % 86_400_000 for row in later} >= {0, 1, 86_399_999}, "on either side of a cut"
    cards = {row["cc_num"] for row in world if row["event_ms"] < ASKED_FROM}
    assert {row["cc_num"] for row in later} - cards, "new cards"
    assert {UNKNOWN, "travel"} <= {row["category"] for row in later}
    assert {None, "EUR", "XXX"} <= {row["currency"] for row in later}
    reviewed = sum(decision.outcome != "approve" for decision in decided.values())
    assert reviewed > inference.EXACT_ROWS, "more than one request of the stream's explains exactly"
    shown = {reason.feature for decision in decided.values() for reason in decision.reasons}
    assert {"category", "currency"} <= shown


def test_what_is_written_says_it_in_words(
    world: list[dict[str, Any]], decided: dict[str, Decision], hard_model: Path, tmp_path: Path
) -> None:
    given = asked(world)
    before = archived([row for row in world if row["event_ms"] < ASKED_FROM], tmp_path / "archive")
    make(in_file(given, tmp_path / "f.parquet"), before, tmp_path / "out")
    answered(tmp_path / "out", hard_model)
    summary = score(tmp_path / "out")
    wanted = [
        {
            "transaction_id": one.transaction_id,
            "score": one.score,
            "outcome": one.outcome,
            "reasons": "; ".join(reason.text for reason in one.reasons),
            "model_version": "hard",
        }
        for one in (decided[row["transaction_id"]] for row in given)
    ]
    folder = tmp_path / "out" / "scored" / "a-set"
    assert pq.read_table(folder / "scores.parquet").to_pylist() == wanted
    with (folder / "scores.csv").open(newline="") as file:
        assert [{**row, "score": float(row["score"])} for row in csv.DictReader(file)] == wanted
    assert sorted(path.name for path in folder.iterdir()) == ["scores.csv", "scores.parquet", "summary.json"]
    outcomes = [row["outcome"] for row in wanted]
    assert summary["outcomes"] == {name: outcomes.count(name) for name in ("approve", "review", "block")}
    assert sum(summary["scores"]["histogram"]) == len(given)
    assert (summary["model_version"], summary["set"], summary["missing_features"]) == ("hard", "a-set", [])
    assert summary["thresholds"] == {"review": 0.5, "block": 0.9}
    # the same again gives the same bytes
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    score(tmp_path / "out")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_without_reasons_and_with_approximate_ones_the_scores_are_the_same(
    world: list[dict[str, Any]], decided: dict[str, Decision], hard_model: Path, tmp_path: Path
) -> None:
    given = asked(world)
    before = archived([row for row in world if row["event_ms"] < ASKED_FROM], tmp_path / "archive")
    file = in_file(given, tmp_path / "f.parquet")
    found = {}
    for reasons in ("none", "approximate"):
        out = tmp_path / reasons
        make(file, before, out, "--reasons", reasons)
        answered(out, hard_model)
        assert score(out)["reasons"] == reasons
        found[reasons] = pq.read_table(out / "scored" / "a-set" / "scores.parquet").to_pylist()
    for rows in found.values():
        assert [(row["score"], row["outcome"]) for row in rows] == [
            (decided[row["transaction_id"]].score, decided[row["transaction_id"]].outcome) for row in given
        ]
    assert {row["reasons"] for row in found["none"]} == {""}
    approved = [row for row in found["approximate"] if row["outcome"] == "approve"]
    exact = {one.transaction_id: "; ".join(reason.text for reason in one.reasons) for one in decided.values()}
    assert approved and all(row["reasons"] == exact[row["transaction_id"]] for row in approved)


def test_a_row_that_breaks_the_contract_holds_up_no_other(
    world: list[dict[str, Any]], hard_model: Path, tmp_path: Path
) -> None:
    given = asked(world)[:20]
    wrong: list[dict[str, Any]] = [
        {"transaction_id": None},
        {"transaction_id": "a space"},
        {"cc_num": "4111111111111111"},
        {"cc_num": None},
        {"amount_cents": -1},
        {"amount_cents": 100_000_000},
        {"category": None},
        {"category": " \u2003"},
        {"category": "x" * 101},
        {"currency": "eur"},
        {"event_ms": -5},
    ]
    broken = [{**given[0], "transaction_id": f"w{place}", **changes} for place, changes in enumerate(wrong)]
    in_file([*broken[:5], *given, *broken[5:], {**given[3], "amount_cents": 5}], tmp_path / "f.parquet")
    make(tmp_path / "f.parquet", None, tmp_path / "out")
    answered(tmp_path / "out", hard_model)
    summary = score(tmp_path / "out")
    assert summary["refused"] == {
        "amount_cents": 2,
        "category": 3,
        "cc_num": 2,
        "currency": 1,
        "event_time": 1,
        "transaction_id": 2,
    }
    assert (summary["rows"], summary["scored"], summary["repeated"]) == (32, 20, 1)
    assert summary["other_payments"] == 1
    written = "".join(path.read_text(errors="replace") for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "4111111111111111" not in written


@pytest.mark.parametrize(("earlier", "cents"), [(1_000, 777), (-1_000, 5)], ids=["archived first", "archived later"])
def test_of_two_payments_under_one_id_the_first_counts(
    earlier: int, cents: int, world: list[dict[str, Any]], tmp_path: Path
) -> None:
    last = {**world[-1], "event_ms": world[-1]["event_ms"] + 5_000}
    one = {**world[0], "transaction_id": "same", "event_ms": last["event_ms"] - 2_000, "amount_cents": 5}
    other = {**one, "event_ms": one["event_ms"] - earlier, "amount_cents": 777}
    make(in_file([one, last], tmp_path / "f.parquet"), archived([other], tmp_path / "archive"), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "rows" / "part-00000.parquet").to_pylist()
    assert [(row["transaction_id"], row["amount_cents"]) for row in rows] == [
        ("same", cents),
        (last["transaction_id"], last["amount_cents"]),
    ]
    report = json.loads((tmp_path / "out" / "rows" / "report.json").read_text())
    assert (report["archived"], report["other_payments"], report["asked"]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "part-00000.out").unlink(), "1 of 1 parts have no answer, as part-00000.out"),
        (lambda folder: (folder / "part-00001.out").write_text("{}"), "1 answers are to none of the 1 parts"),
        (lambda folder: _change(folder, lambda said: said["scores"].pop()), "scores and"),
        (lambda folder: _change(folder, lambda said: said.pop("model_version")), "model_version: Field required"),
        (
            lambda folder: _change(folder, lambda said: said.update(scores=[2.0] * len(said["scores"]))),
            "part-00000.out",
        ),
        (lambda folder: _change(folder, lambda said: said.pop("reasons")), "and 0 reasons to"),
        (
            lambda folder: (folder / "part-00000.out").write_text("half of {"),
            "part-00000.out: the model's answer is invalid",
        ),
    ],
    ids=["none", "one too many", "short", "no version", "no probability", "no reasons", "no JSON"],
)
def test_rows_without_an_answer_are_an_error(
    spoil: Any, says: str, world: list[dict[str, Any]], hard_model: Path, tmp_path: Path, capsys: Any
) -> None:
    make(in_file(asked(world)[:9], tmp_path / "f.parquet"), None, tmp_path / "out")
    spoil(answered(tmp_path / "out", hard_model))
    with pytest.raises(SystemExit):
        score(tmp_path / "out")
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out" / "scored").exists()


def _change(folder: Path, change: Any) -> None:
    said = json.loads((folder / "part-00000.out").read_text())
    change(said)
    (folder / "part-00000.out").write_text(json.dumps(said))


def test_answers_of_two_models_are_an_error(
    world: list[dict[str, Any]], hard_model: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ROWS", 5)
    make(in_file(asked(world)[:9], tmp_path / "f.parquet"), None, tmp_path / "out")
    folder = answered(tmp_path / "out", hard_model)
    _change(folder, lambda said: said.update(model_version="another"))
    with pytest.raises(SystemExit):
        score(tmp_path / "out")
    assert "the answers are of several models: another, hard" in capsys.readouterr().err


def test_a_request_that_would_be_too_large_is_divided(
    world: list[dict[str, Any]], hard_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [{**row, "category": f"{place:0100d}x"[1:]} for place, row in enumerate(asked(world)[:60])]
    monkeypatch.setattr(requests, "MAX_HEAD", 4_000)
    make(in_file(given, tmp_path / "f.parquet"), None, tmp_path / "out")
    bodies = [path.read_bytes() for path in sorted((tmp_path / "out" / "requests").iterdir())]
    assert len(bodies) > 2 and all(body.index(b"\n") < 4_000 for body in bodies)
    answered(tmp_path / "out", hard_model)
    assert score(tmp_path / "out")["scored"] == 60
    ids = pq.read_table(tmp_path / "out" / "scored" / "a-set" / "scores.parquet")["transaction_id"].to_pylist()
    assert ids == [row["transaction_id"] for row in given]


def test_requests_are_no_larger_than_what_takes_them() -> None:
    assert model_request.MAX_ROWS == inference.MAX_ROWS >= requests.ROWS
    assert requests.MAX_HEAD == inference.MAX_HEAD
    assert requests.MAX_BYTES <= 6 * 1024 * 1024


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"amount_cents": pa.array(["ten"])}, "Could not convert string 'ten' to INT64"),
        ({"amount_cents": None}, "lacks the columns amount_cents"),
        ({"cc_num": pa.array(["4111111111111111"])}, "has no row that can be scored: 1 rows, 1 with a wrong cc_num"),
    ],
)
def test_a_file_that_cannot_be_scored_is_named(
    columns: dict[str, Any], says: str, world: list[dict[str, Any]], tmp_path: Path, capsys: Any
) -> None:
    given = table(world[:1])
    for name, values in columns.items():
        given = given.drop_columns(name)
        if values is not None:
            given = given.append_column(name, values)
    pq.write_table(given, tmp_path / "f.parquet")
    with pytest.raises(SystemExit):
        make(tmp_path / "f.parquet", None, tmp_path / "out")
    said = capsys.readouterr().err
    assert says in said and "f.parquet" in said and "4111" not in said
    assert not (tmp_path / "out").exists()


def test_parts_of_a_file_before_are_not_mixed_with_these(
    world: list[dict[str, Any]], tmp_path: Path, capsys: Any
) -> None:
    file = in_file(asked(world)[:9], tmp_path / "f.parquet")
    make(file, None, tmp_path / "out")
    with pytest.raises(SystemExit):
        make(file, None, tmp_path / "out")
    assert "rows is there; allowed: a folder without it" in capsys.readouterr().err
