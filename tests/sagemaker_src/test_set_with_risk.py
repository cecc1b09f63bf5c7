"""Risk in the training set of archived transactions: as a loop finds it, and of nothing that was said after the row's cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fraud.features.catalogue import names, with_risks
from samples.labels import label
from tests.sagemaker_src.test_labelled_set import DELAY_DAYS, Archive, made, moment
from tests.sagemaker_src.test_nightly import DAY_MS, write
from tests.sagemaker_src.told_loop import shares

WORDS = {"merchant": "merchant", "terminal": "terminal_id", "category": "category"}
RISKS = names(with_risks().risk_features)


def settled(archive: Archive) -> list[dict[str, Any]]:
    """The archive's transactions, each with the moment from which silence says honest."""
    return [
        row
        | {
            "settled_ms": row["event_ms"] + DELAY_DAYS * DAY_MS
            if archive.outcomes[row["transaction_id"]] == "approve"
            else None
        }
        for row in archive.transactions
    ]


def rows_of(archive: Archive, name: str = "set", *more: str) -> dict[str, dict[str, Any]]:
    made(archive, name, "--risk", *more)
    rows = pq.read_table(archive.folder / name / "features.parquet").to_pylist()
    return {row["transaction_id"]: row for row in rows}


def with_terminals(folder: Path) -> Archive:
    """An archive, written, a third of whose transactions name no terminal."""
    archive = Archive(folder)
    for place, row in enumerate(archive.transactions):
        row["terminal_id"] = (None, "a", "b")[place % 3]
    archive.write()
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return with_terminals(tmp_path)


def test_it_is_what_a_loop_finds(archive: Archive) -> None:
    found, given, seen = rows_of(archive), settled(archive), set()
    for row in given:
        if row["transaction_id"] in found:
            for word, key in WORDS.items():
                cut_ms = row["event_ms"] // DAY_MS * DAY_MS
                wanted = shares(given, archive.labels, key, row[key], cut_ms)
                of_row = found[row["transaction_id"]]
                assert {back: of_row[f"{word}_risk_{back}"] for back in wanted} == wanted, (row, word)
                seen |= set(wanted.values())
    assert {None, 0.0, 1.0} < seen


def test_without_it_the_set_is_the_same_but_for_its_columns(archive: Archive) -> None:
    _, told = made(archive, "without")
    without = pq.read_table(archive.folder / "without" / "features.parquet")
    assert not set(RISKS) & set(without.column_names)
    assert without.to_pylist() == [
        {name: row[name] for name in without.column_names} for row in rows_of(archive).values()
    ]
    _, with_risk = made(archive, "again", "--risk")
    assert with_risk["catalogue"]["version"] != told["catalogue"]["version"]
    assert with_risk["catalogue"]["features"] == [*told["catalogue"]["features"], *RISKS]


@pytest.mark.parametrize("late", ["known", "archived"])
def test_a_label_changes_nothing_before_the_cut_after_it(archive: Archive, late: str) -> None:
    """Known, or archived, in the first millisecond of a day: that day's rows do not have it; in the last one before: they do."""
    planted = next(row for row in archive.transactions if archive.outcomes[row["transaction_id"]] == "block")
    archive.labels = [each for each in archive.labels if each[0].transaction_id != planted["transaction_id"]]
    cut_ms = (planted["event_ms"] // DAY_MS + 3) * DAY_MS

    def with_label(at_ms: int, name: str) -> dict[str, dict[str, Any]]:
        known = at_ms if late == "known" else planted["event_ms"]
        one = label(transaction_id=planted["transaction_id"], is_fraud=True, known_at=moment(known))
        had = archive.labels
        archive.labels = [*had, (one, at_ms)]
        archive.write()
        archive.labels = had
        return rows_of(archive, name)

    archive.write()
    nothing = rows_of(archive, "nothing")
    for at_ms, first_ms in ((cut_ms, cut_ms + DAY_MS), (cut_ms - 1, cut_ms)):
        found = with_label(at_ms, f"known-{at_ms}")
        changed = [
            row["event_ms"]
            for identity, row in nothing.items()
            if {name: row[name] for name in RISKS} != {name: found[identity][name] for name in RISKS}
        ]
        assert changed
        assert first_ms <= min(changed) < first_ms + DAY_MS


def test_silence_about_what_was_stopped_says_nothing(archive: Archive) -> None:
    archive.labels = []
    archive.outcomes = dict.fromkeys(archive.outcomes, "block")
    approved, *_ = archive.transactions
    archive.outcomes |= {
        row["transaction_id"]: "approve" for row in archive.transactions if row["merchant"] == approved["merchant"]
    }
    archive.write_labels("first", [])
    archive.write()
    rows = rows_of(archive).values()
    merchants = {row["transaction_id"]: row["merchant"] for row in archive.transactions}
    assert {merchants[row["transaction_id"]] for row in rows} == {approved["merchant"]}
    # all that is known is of that merchant, and honest
    assert {row["merchant_risk_30d"] for row in rows} == {None, 0.0}


def test_what_was_let_through_as_control_group_counts_as_any_other_approved_payment(archive: Archive) -> None:
    before = rows_of(archive)
    archive.let_through = {each for each, outcome in archive.outcomes.items() if outcome == "approve"}
    archive.write()
    assert rows_of(archive, "let through") == before
    assert {row["merchant_risk_30d"] for row in before.values()} > {None, 0.0}
    told = json.loads((archive.folder / "let through" / "manifest.json").read_text())
    assert 0 < told["control_group"]["transactions"] <= len(before)


def test_what_a_file_says_is_known_after_the_delay_or_when_it_says_and_never_counts_against_a_label(
    tmp_path: Path,
) -> None:
    archive = Archive(tmp_path)
    archive.write()
    archive.labels = []
    shared = {"cc_num": "0" * 32, "category": "travel", "amount_cents": 100}
    start_ms = archive.transactions[0]["event_ms"] // DAY_MS * DAY_MS - 60 * DAY_MS
    plain = [shared | {"transaction_id": f"f{day}", "merchant": "of files", "is_fraud": int(day == 0),
                       "event_ms": start_ms + day * DAY_MS + 5} for day in range(12)]  # fmt: skip
    write(archive.folder / "files", plain)
    write(archive.folder / "labels-none", [])
    files = ("--files", str(archive.folder / "files"))

    def of_days(name: str) -> dict[int, float | None]:
        found = rows_of(archive, name, *files)
        return {day: found[f"f{day}"]["merchant_risk_30d"] for day in range(12)}

    # the first day's fraud is known on the eighth, and counts from the ninth
    assert of_days("plain") == dict.fromkeys(range(8)) | {8: 1.0, 9: 1 / 2, 10: 1 / 3, 11: 1 / 4}
    one = label(transaction_id="f0", is_fraud=False, known_at=moment(start_ms + DAY_MS))
    archive.write_labels("of a file", [(one, start_ms + DAY_MS)])
    assert of_days("labelled") == dict.fromkeys(range(2)) | dict.fromkeys(range(2, 12), 0.0)
