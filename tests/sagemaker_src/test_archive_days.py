"""Of an archive in folders of days those alone are read that a cut needs, and they say what all of it says."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from fraud.features.catalogue import names, with_risks
from fraud.label import Label
from sagemaker_src.processing import entity_risk, nightly
from samples.labels import label
from tests.sagemaker_src.archive_in_days import InDays, day_folder, spoil
from tests.sagemaker_src.test_entity_risk import as_of
from tests.sagemaker_src.test_labelled_set import DELAY_DAYS, moment
from tests.sagemaker_src.test_nightly import DAY_MS, NIGHTLY, START_MS, Nights, write
from tests.sagemaker_src.test_set_with_risk import WORDS, settled
from tests.sagemaker_src.told_loop import REACH_MS, shares

CATALOGUE = with_risks(DELAY_DAYS)
CUT_DAY = START_MS // DAY_MS + 330
CUT_MS = CUT_DAY * DAY_MS
RUN = nightly.run


class OfMonths(InDays):
    """Transactions of a year, at few terminals, and labels of each age around both ends of what counts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.labels = []
        for place, row in enumerate(self.transactions):
            row |= {"terminal_id": (None, "a", "b")[place % 3], "event_ms": START_MS + (row["event_ms"] - START_MS) * 9}
            for _ in range(self.chance.choice([0, 1, 1, 2])):
                known = row["event_ms"] + self.chance.choice(
                    [
                        self.chance.randrange(-135, 145) * DAY_MS,
                        -REACH_MS,
                        -REACH_MS - 1,
                        127 * DAY_MS,
                        127 * DAY_MS + 1,
                    ]
                )
                one = self.one(row, known, is_fraud=self.chance.random() < 0.5)
                self.labels.append((one, known + self.chance.choice([0, 0, DAY_MS, 130 * DAY_MS])))
        self.write()

    def one(self, row: dict[str, Any], known_ms: int, *, is_fraud: bool = True) -> Label:
        return label(
            transaction_id=row["transaction_id"],
            is_fraud=is_fraud,
            source=self.chance.choice(["analyst", "chargeback"]),
            known_at=moment(known_ms),
        )


@pytest.fixture
def archive(tmp_path: Path) -> OfMonths:
    return OfMonths(tmp_path)


def needed() -> list[range]:
    return [part.days for part in entity_risk.parts(CUT_DAY, CATALOGUE)]


@pytest.mark.parametrize("day", [150, 260, 330, 360])
def test_they_say_what_a_loop_finds_in_all_of_it(archive: OfMonths, day: int) -> None:
    cut_ms = START_MS + day * DAY_MS
    found, given, seen = as_of(archive, cut_ms), settled(archive), set()
    for word, key in WORDS.items():
        for value in {row[key] for row in given} - {None}:
            of_key = shares(given, archive.labels, key, value, cut_ms)
            wanted = {f"{word}_risk_{back}": share for back, share in of_key.items()}
            assert found[key].get(value, dict.fromkeys(wanted)) == wanted
            seen |= set(of_key.values())
    assert len(seen) > 5


def test_the_days_that_are_not_needed_are_not_read(archive: OfMonths) -> None:
    wanted = as_of(archive, CUT_MS)
    transactions, decisions, labels = needed()
    assert transactions == decisions == range(CUT_DAY - 45 - 7 - 120 - 7, CUT_DAY)
    assert labels == range(CUT_DAY - 45 - 7 - 2 * 120, CUT_DAY)
    spoil(archive.folder, [labels.start - 1, CUT_DAY, CUT_DAY + 1])
    for kind in ("transactions", "decisions"):
        (day_folder(archive.folder / kind, (transactions.start - 1) * DAY_MS) / "spoilt.parquet").write_bytes(b"")
    assert as_of(archive, CUT_MS, "again") == wanted


@pytest.mark.parametrize(("place", "kind"), list(enumerate(("transactions", "decisions", "labels"))))
@pytest.mark.parametrize("end", [0, -1])
def test_the_first_and_the_last_that_are_needed_are(archive: OfMonths, place: int, kind: str, end: int) -> None:
    into = day_folder(archive.folder / kind, needed()[place][end] * DAY_MS)
    (into / "spoilt.parquet").write_bytes(b"no Parquet")
    with pytest.raises(duckdb.InvalidInputException, match="spoilt"):
        as_of(archive, CUT_MS)


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ("at the end of its reach", True),
        ("a millisecond later", False),
        ("known so long before", True),
        ("known a millisecond earlier", False),
        ("recorded a millisecond later", False),
        ("after the cut", False),
    ],
)
def test_a_planted_label_counts_within_its_reach_alone(archive: OfMonths, told: str, counts: bool) -> None:
    event_ms = CUT_MS - 5 - (7 + 120) * DAY_MS
    row = archive.transactions[0] | {"transaction_id": "planted", "event_ms": event_ms, "merchant": "its own"}
    archive.transactions.append(row)
    archive.outcomes["planted"] = "block"  # silence says nothing of it
    archive.write()
    assert "its own" not in as_of(archive, CUT_MS, "before")["merchant"]
    last_ms, first_ms = CUT_MS - 5, event_ms - REACH_MS
    known, recorded = {
        "at the end of its reach": (last_ms, last_ms),
        "a millisecond later": (last_ms + 1, last_ms + 1),
        "known so long before": (first_ms, last_ms),
        "known a millisecond earlier": (first_ms - 1, last_ms),
        "recorded a millisecond later": (event_ms, last_ms + 1),
        "after the cut": (CUT_MS, CUT_MS),
    }[told]
    archive.write_labels("planted", [(archive.one(row, known), recorded)])
    found = as_of(archive, CUT_MS, "after")["merchant"].get("its own")
    assert found == (dict.fromkeys((f"merchant_risk_{back}" for back in ("1d", "7d", "30d")), 1.0) if counts else None)


def split(archive: OfMonths) -> None:
    """Has the later rows of days archived late, in files of their own."""
    split = 0
    for folder in sorted((archive.folder / "transactions").glob("day=*")):
        rows = pq.read_table(folder / "part.parquet")
        if len(rows) > 1:
            pq.write_table(rows[:1], folder / "part.parquet")
            pq.write_table(rows[1:], folder / "archived-a-month-later.parquet")
            split += 1
    assert split > 20


def test_what_is_archived_late_is_in_its_own_day_and_counts(archive: OfMonths) -> None:
    """The function `archive` puts a row where it happened; of the files of a day all are read, whatever they are called."""
    wanted = as_of(archive, CUT_MS)
    split(archive)
    assert as_of(archive, CUT_MS, "again") == wanted


def test_a_payment_that_arrives_again_after_the_first_day_that_is_asked_about_counts_as_it_first_came(
    archive: OfMonths,
) -> None:
    """Silence about it said honest before what is kept; its second arrival, six days later, would say it within."""
    kept_ms = CUT_MS - 45 * DAY_MS
    first = archive.transactions[0] | {
        "transaction_id": "twice",
        "event_ms": kept_ms - 7 * DAY_MS - 1,
        "merchant": "its own",
    }
    archive.outcomes["twice"] = "approve"
    archive.transactions.append(first)
    archive.write()
    write(day_folder(archive.folder / "transactions", first["event_ms"] + 6 * DAY_MS),
          [first | {"event_ms": first["event_ms"] + 6 * DAY_MS}], "again")  # fmt: skip
    assert "its own" not in as_of(archive, CUT_MS)["merchant"]


def in_s3(archive: OfMonths) -> tuple[Any, list[str]]:
    """The archive in a bucket, and the job's options."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for path in archive.folder.rglob("day=*/*.parquet"):
        s3.put_object(Bucket="archive", Key=str(path.relative_to(archive.folder)), Body=path.read_bytes())
    kinds = {"archive": "transactions", "decisions": "decisions", "labels": "labels"}
    return s3, [part for name, kind in kinds.items() for part in (f"--{name}", f"s3://archive/{kind}/")]


def test_the_job_reads_them_itself_where_they_are_in_s3(
    archive: OfMonths, feature_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=CATALOGUE))
    group = ("--nightly-group", NIGHTLY)
    named = {"archive": "transactions", "decisions": "decisions", "labels": "labels"}
    here = [part for name, kind in named.items() for part in (f"--{name}", str(archive.folder / kind))]
    wanted = Nights(archive.folder / "here", archive.transactions, *here, *group).run(330, first=329)
    records = dict(feature_store.groups[NIGHTLY])
    feature_store.groups.clear()
    split(archive)
    labels = needed()[2]
    spoil(archive.folder, [labels.start - 3, CUT_DAY])
    _, there = in_s3(archive)
    assert Nights(archive.folder / "there", archive.transactions, *there, *group).run(330, first=329) == wanted
    assert dict(feature_store.groups[NIGHTLY]) == records
    assert {row[name] for row in wanted.values() for name in names(CATALOGUE.risk_features)} > {None}
    assert [each for each in records if each.startswith("nightly_risk_merchant:")]


def test_a_file_in_s3_that_is_needed_and_cannot_be_read_is_named_and_nothing_is_written(
    archive: OfMonths, feature_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=CATALOGUE))
    s3, there = in_s3(archive)
    s3.put_object(Bucket="archive", Key="labels/day=2026-11-26/spoilt.parquet", Body=b"no Parquet")
    with pytest.raises(duckdb.InvalidInputException, match=r"labels/day=2026-11-26/.*spoilt"):
        Nights(archive.folder / "there", archive.transactions, *there, "--nightly-group", NIGHTLY).run(330, first=329)
    assert not feature_store.groups
    assert not list((archive.folder / "there" / "sums").rglob("*.parquet"))


def test_a_night_whose_archive_s3_refuses_writes_nothing(
    archive: OfMonths, feature_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=CATALOGUE))
    _, there = in_s3(archive)
    elsewhere = [part.replace("s3://archive/", "s3://another/") for part in there]
    with pytest.raises(ClientError, match="NoSuchBucket"):
        Nights(archive.folder / "there", archive.transactions, *elsewhere, "--nightly-group", NIGHTLY).run(
            330, first=329
        )
    assert not feature_store.groups
    assert not list((archive.folder / "there" / "sums").rglob("*.parquet"))
