"""The training set of archived transactions and labels: as a loop that anyone can read makes it, the same bytes whenever."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.label import Label, known_as_of
from lambda_src.record_labels.rows import LABELS, label_row
from sagemaker_src.processing import batch_features, training_set
from sagemaker_src.processing.set_manifest import catalogue_version
from sagemaker_src.training.feature_rows import read_feature_rows
from samples.labels import label
from tests.sagemaker_src.test_nightly import DAY_MS, START_MS, rows, write

DAYS = 40
AS_OF_MS = START_MS + 30 * DAY_MS
DELAY_DAYS = 7
UNTIL_MS = AS_OF_MS - DELAY_DAYS * DAY_MS
OUTCOMES = ("approve", "approve", "approve", "review", "block", None)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=ms)


def text(ms: int) -> str:
    return moment(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


class Archive:
    """An archive: transactions, decisions and labels, made up from a seed."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.transactions = rows(days=DAYS, count=500, seed=seed)
        self.outcomes = {row["transaction_id"]: self.chance.choice(OUTCOMES) for row in self.transactions}
        self.let_through: set[str] = set()  # without any, decisions are those of a release that had no control group
        self.labels: list[tuple[Label, int]] = []
        for _ in range(250):
            known = START_MS + self.chance.randrange(DAYS * DAY_MS)
            one = label(
                transaction_id=f"t{self.chance.randrange(600)}",  # some are of no transaction
                is_fraud=self.chance.random() < 0.5,
                source=self.chance.choice(["analyst", "chargeback", "dispute", "import"]),
                reported_by=self.chance.choice(["a", "b", "a b", "é"]),
                known_at=moment(known),
            )
            self.labels += [(one, known + self.chance.choice([1_000, DAY_MS, 9 * DAY_MS]))]
        self.labels += [(one, recorded + 5) for one, recorded in self.labels[:20]]  # archived a second time
        for one, recorded in self.labels[20:60]:  # of the same moment, and contradicting
            other = one.model_dump() | {
                "is_fraud": not one.is_fraud,
                "source": self.chance.choice([one.source, "dispute"]),
            }
            self.labels.append((label(**other), recorded))

    def write(self) -> None:
        write(self.folder / "transactions", self.transactions)
        self.write_labels("first", self.labels)
        decided = [
            {"transaction_id": row["transaction_id"], "outcome": outcome, "decided_at": moment(row["event_ms"] + 7)}
            | ({"control_group": row["transaction_id"] in self.let_through} if self.let_through else {})
            for row in self.transactions
            if (outcome := self.outcomes[row["transaction_id"]])
        ]
        (self.folder / "decisions").mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(decided), self.folder / "decisions" / "part.parquet")

    def write_labels(self, name: str, labels: list[tuple[Label, int]]) -> None:
        (self.folder / "labels").mkdir(exist_ok=True)
        table = pa.Table.from_pylist([label_row(one, recorded) for one, recorded in labels], LABELS)
        pq.write_table(table, self.folder / "labels" / f"{name}.parquet")

    def expected(self) -> dict[str, int]:
        """{transaction: 1 for fraud} of what the set must hold, one after the other."""
        found = {}
        for row in self.transactions:
            if row["event_ms"] >= UNTIL_MS:
                continue
            identity = row["transaction_id"]
            had = [one for one, recorded in self.labels if one.transaction_id == identity and recorded <= AS_OF_MS]
            counts = known_as_of(had, moment(AS_OF_MS))
            if counts is not None:
                found[identity] = int(counts.is_fraud)
            elif self.outcomes[identity] == "approve":
                found[identity] = 0
        return found


def made(archive: Archive, name: str = "set", *more: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes of the set, and its manifest."""
    out = archive.folder / name / "features.parquet"
    options = [part for each in ("archive", "decisions", "labels")
               for part in (f"--{each}", str(archive.folder / each.replace("archive", "transactions")))]  # fmt: skip
    options += ["--as-of", text(AS_OF_MS), "--label-delay-days", str(DELAY_DAYS), "--out", str(out), *more]
    assert training_set.main(options) == 0
    return out.read_bytes(), json.loads((out.parent / "manifest.json").read_text())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    made.write()
    return made


@pytest.mark.parametrize("seed", range(4))
def test_each_transaction_has_the_label_that_the_loop_gives_it(tmp_path: Path, seed: int) -> None:
    archive = Archive(tmp_path, seed)
    archive.write()
    made(archive)
    found = read_feature_rows(tmp_path / "set")
    assert dict(zip(found["transaction_id"], found["is_fraud"].tolist(), strict=True)) == archive.expected()
    assert 0 < found["is_fraud"].sum() < len(found)
    assert list(found["event_ms"]) == sorted(found["event_ms"])


def test_its_features_are_those_of_all_that_was_archived(archive: Archive) -> None:
    made(archive)
    whole = archive.folder / "whole.parquet"
    assert batch_features.main(["--transactions", str(archive.folder / "transactions"), "--out", str(whole)]) == 0
    every = {row["transaction_id"]: row for row in pq.read_table(whole).to_pylist()}
    for row in pq.read_table(archive.folder / "set" / "features.parquet").to_pylist():
        del row["is_fraud"]
        assert row == every[row["transaction_id"]]


def test_the_set_as_of_a_date_is_the_same_bytes_whenever_it_is_made(archive: Archive) -> None:
    before = made(archive)
    later = [(label(transaction_id=f"t{number}", known_at=text(AS_OF_MS + 1)), AS_OF_MS + 1) for number in range(500)]
    backdated = [(label(transaction_id=f"t{number}", is_fraud=True, known_at=text(START_MS)), AS_OF_MS + 1)
                 for number in range(500)]  # fmt: skip
    archive.write_labels("a later one", later + backdated)
    again = [(one, recorded + DAY_MS) for one, recorded in archive.labels]
    archive.write_labels("0 the same again", again)
    young = [
        row | {"transaction_id": f"y{place}", "event_ms": UNTIL_MS + place}
        for place, row in enumerate(archive.transactions)
    ]
    write(archive.folder / "transactions", young, name="0 a younger part")
    assert made(archive, "again") == before
    assert before[1]["labels"]["recorded"] > 0


def test_a_label_counts_from_the_millisecond_in_which_it_is_known_and_archived(archive: Archive) -> None:
    [identity] = [row["transaction_id"] for row in archive.transactions if row["event_ms"] < UNTIL_MS][:1]
    for known, recorded, counts in ((0, 0, 1), (1, 0, 0), (0, 1, 0)):
        archive.outcomes[identity], archive.labels = "approve", [
            (label(transaction_id=identity, known_at=text(AS_OF_MS + known)), AS_OF_MS + recorded)
        ]  # fmt: skip
        archive.write()
        made(archive)
        found = read_feature_rows(archive.folder / "set").set_index("transaction_id")
        assert found.loc[identity, "is_fraud"] == counts


def test_what_never_got_a_label_is_in_the_manifest(archive: Archive) -> None:
    content, told = made(archive)
    expected = archive.expected()
    assert (told["rows"], told["frauds"]) == (len(expected), sum(expected.values()))
    assert (told["as_of"], told["label_delay_days"]) == (text(AS_OF_MS), DELAY_DAYS)
    old = [row["transaction_id"] for row in archive.transactions if row["event_ms"] < UNTIL_MS]
    for outcome in ("approve", "review", "block", None):
        of_outcome = [each for each in old if archive.outcomes[each] == outcome]
        counts = told["by_outcome"][outcome or "undecided"]
        assert counts.pop("transactions") == len(of_outcome) == sum(counts.values())
        assert counts["unlabelled_left_out"] == sum(each not in expected for each in of_outcome)
        assert counts["fraud"] == sum(expected.get(each, 0) for each in of_outcome)
        assert (counts["unlabelled_taken_as_honest"] > 0) == (outcome == "approve")
    assert told["labels"]["not_in_the_set"] > 0
    assert sum(told["labels"]["counted_by_source"].values()) + told["by_outcome"]["approve"][
        "unlabelled_taken_as_honest"
    ] == len(expected)
    assert told["catalogue"]["version"] == catalogue_version()
    parts = told["split"]
    assert (
        parts["train"]["until"] <= parts["validation"]["from"] <= parts["validation"]["until"] <= parts["test"]["from"]
    )
    assert len(told["fingerprint"]) == 64
    assert content


def test_the_control_group_is_in_the_manifest_and_in_the_set_as_what_is_approved(archive: Archive) -> None:
    before, told = made(archive)
    assert set(told["control_group"].values()) == {0}
    approved = [each for each, outcome in archive.outcomes.items() if outcome == "approve"]
    archive.let_through = set(approved[::3])
    archive.write()
    again, told = made(archive, "again")
    assert again == before, "its rows are those of any other approved payment"
    expected = archive.expected()
    of_group = [expected[each] for each in archive.let_through if each in expected]
    counts = told["control_group"]
    assert (counts["transactions"], counts["fraud"], counts["unlabelled_left_out"]) == (len(of_group), sum(of_group), 0)
    assert counts["unlabelled_taken_as_honest"] > 0 < counts["legitimate"]
    assert sum(counts.values()) == 2 * len(of_group)


def test_another_content_has_another_fingerprint(archive: Archive) -> None:
    _, before = made(archive)
    expected = archive.expected()
    turned = next(each for each, fraud in expected.items() if not fraud)
    archive.write_labels(
        "one more", [(label(transaction_id=turned, known_at=text(AS_OF_MS), source="import"), AS_OF_MS)]
    )
    _, after = made(archive)
    assert after["frauds"] == before["frauds"] + 1
    assert after["fingerprint"] != before["fingerprint"]


def test_files_with_labels_are_added_and_a_label_that_came_back_counts_before_theirs(archive: Archive) -> None:
    files = [row | {"transaction_id": f"f{place}", "is_fraud": place % 2, "event_ms": row["event_ms"] - 90 * DAY_MS}
             for place, row in enumerate(archive.transactions[:50])]  # fmt: skip
    both = archive.transactions[0] | {"is_fraud": 1}
    write(archive.folder / "files", [*files, both])
    archive.write_labels("of a file", [(label(transaction_id="f1", is_fraud=False, known_at=text(START_MS)), START_MS)])
    _, told = made(archive, "set", "--files", str(archive.folder / "files"))
    found = read_feature_rows(archive.folder / "set").set_index("transaction_id")["is_fraud"].to_dict()
    assert found == archive.expected() | {f"f{place}": place % 2 for place in range(50)} | {"f1": 0}
    assert told["by_outcome"]["file"]["transactions"] == 50
    assert told["labels"]["counted_by_source"]["file"] == 49


def test_an_empty_folder_of_files_adds_none(archive: Archive) -> None:
    (archive.folder / "files").mkdir()
    (archive.folder / "files" / "_keep").touch()
    assert made(archive, "again", "--files", str(archive.folder / "files")) == made(archive)


def test_a_transaction_that_is_archived_twice_is_one_row(archive: Archive) -> None:
    before = made(archive)
    write(archive.folder / "transactions", archive.transactions[:100], name="redelivered")
    assert made(archive, "again") == before


def test_no_labels_and_no_decisions_are_none(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("labels", "decisions"):
        for file in (archive.folder / name).iterdir():
            file.unlink()
    _, told = made(archive)
    assert (told["rows"], told["split"]) == (0, None)
    assert list(told["by_outcome"]) == ["undecided"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--as-of": "2098-01-01"}, "--as-of: in the future; allowed: a moment that has been"),
        ({"--as-of": "yesterday"}, "--as-of: "),
        ({"--label-delay-days": "-1"}, "--label-delay-days: -1; allowed: 0 to 3,660"),
        ({"--archive": "nowhere"}, "nowhere is no Parquet file, nor a folder that holds any"),
        ({"--labels": "transactions"}, "lacks the columns is_fraud, source, reported_by, known_at, recorded_at"),
        ({"--files": "nowhere"}, "nowhere is no Parquet file"),
        ({"--files": "transactions"}, "lacks the column is_fraud; needed of files"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    changed: dict[str, str], says: str, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "--archive": "transactions", "--decisions": "decisions", "--labels": "labels", "--as-of": text(AS_OF_MS),
    } | changed  # fmt: skip
    folders = ("--archive", "--decisions", "--labels", "--files")
    given = {name: str(archive.folder / value) if name in folders else value for name, value in options.items()}
    out = archive.folder / "set" / "features.parquet"
    with pytest.raises(SystemExit):
        training_set.main([part for pair in given.items() for part in pair] + ["--out", str(out)])
    assert says in capsys.readouterr().err
    assert not list(archive.folder.glob("set/*"))
