"""What labels say of the model once they are in: only those known by then, and worse only where it surely is."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score

from fraud.columns import LABEL_COLUMNS
from fraud.label import Label, known_as_of
from lambda_src.ports.parquet_archive import schema
from sagemaker_src.drift.labelled import AMOUNT, SAMPLED, UNKNOWN, Labelled, _sampled, known_labels, read_labelled
from sagemaker_src.drift.performance import Calibration, average_precision
from sagemaker_src.drift.realised import realised

THRESHOLD = 0.5
DAY = datetime(2026, 1, 24, tzinfo=timezone.utc)
AS_OF = DAY + timedelta(days=8)
AS_OF_MS = int(AS_OF.timestamp() * 1_000)
FEATURES = {"category": "travel"}
LABELS = schema(LABEL_COLUMNS)
CALIBRATION = Calibration((0.0, 1.0), (0.0, 1.0))
CATEGORIES = ("home", "travel", "grocery_pos", "gas_transport")


def label(name, is_fraud=True, known=-1.0, recorded=None, source="chargeback", by="issuer 7"):
    """A row of the archive of labels; moments in hours after the cut."""
    known_at = AS_OF + timedelta(hours=known)
    return {
        "transaction_id": name, "is_fraud": is_fraud, "source": source, "reported_by": by, "known_at": known_at,
        "recorded_at": known_at if recorded is None else AS_OF + timedelta(hours=recorded),
    }  # fmt: skip


def write(folder, rows, columns, name="a"):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, columns), folder / f"{name}.parquet")
    return folder


DECISIONS = pa.schema(
    [
        ("transaction_id", pa.string()), ("cc_num", pa.string()), ("amount_cents", pa.int64()),
        ("trans_time", pa.timestamp("ms", "UTC")), ("decided_at", pa.timestamp("ms", "UTC")), ("outcome", pa.string()),
        ("score", pa.float64()), ("model_version", pa.string()), ("features", pa.string()),
    ]
)  # fmt: skip


def decision(name, outcome="approve", score=0.1, version="v1", card=None, later=0):
    return {
        "transaction_id": name, "cc_num": card or name, "amount_cents": 12_345, "trans_time": DAY,
        "decided_at": DAY + timedelta(seconds=later), "outcome": outcome, "score": score, "model_version": version,
        "features": json.dumps(FEATURES),
    }  # fmt: skip


@pytest.fixture
def read(tmp_path):
    count = itertools.count()

    def from_archive(decisions, labels):
        folder = tmp_path / str(next(count))
        labels = write(folder / "labels", labels, LABELS)
        return read_labelled(write(folder / "decisions", decisions, DECISIONS), labels, AS_OF_MS, "v1", THRESHOLD)

    return from_archive


def test_a_label_counts_only_if_it_was_known_and_archived_by_the_cut(read):
    decisions = [decision(name) for name in "abcd"]
    planted = [
        label("a"), label("b", known=0.001), label("c", recorded=0.001), label("d", known=0), label("elsewhere"),
    ]  # fmt: skip
    found = read(decisions, planted)
    assert found.labels.tolist() == [1, 0, 0, 1] and found.back == 2
    # what was planted for after the cut changes nothing at all
    assert repr(found) == repr(read(decisions, [planted[0], planted[3]]))


def test_the_newest_label_counts_as_everywhere(tmp_path):
    rng = np.random.default_rng(3)
    rows = [
        label(f"t{rng.integers(9)}", bool(rng.integers(2)), known=float(rng.integers(-3, 3)),
              source=str(rng.choice(["analyst", "chargeback"])), by=str(rng.choice(["ann", "bob"])))
        for _ in range(150)
    ]  # fmt: skip
    for number, part in enumerate((rows[:70], rows[50:])):  # some twice
        write(tmp_path, part, LABELS, str(number))
    names, fraud = known_labels(tmp_path, AS_OF_MS, pa.array([f"t{each}" for each in range(9)]))
    for number in range(9):
        of_one = [
            Label(**{k: v for k, v in row.items() if k != "recorded_at"})
            for row in rows
            if row["transaction_id"] == f"t{number}"
        ]
        expected = known_as_of(of_one, AS_OF)
        assert dict(zip(names.to_pylist(), fraud.tolist(), strict=True)).get(f"t{number}") == (
            None if expected is None else expected.is_fraud
        )


def test_of_what_was_stopped_and_has_no_label_nobody_knows(read):
    decisions = [
        decision("approved"), decision("reviewed", "review", 0.6), decision("blocked", "block", 0.9),
        decision("found", "block", 0.8), decision("another's", "block", 0.8, version="v0"),
        decision("rule's", "review", None, None), decision("found", "approve", 0.1, later=1),
    ]  # fmt: skip
    found = read(decisions, [label("found")])
    assert found.labels.tolist() == [0, UNKNOWN, UNKNOWN, 1]
    assert found.unlabelled == {"review": 1, "block": 1} and found.others == 2
    told = realised("2026-01-24", found, THRESHOLD, CALIBRATION, {"recall": 0.9}, ())
    recall, precision, _ = told["figures"]
    assert recall["value"] == 1.0, "those of which nobody knows were found, as far as they were frauds"
    assert told["days"][0]["frauds"] == pytest.approx(1 + 0.6 + 0.9)
    assert precision["value"] is None, "one in three of what was flagged has a label"
    assert told["unlabelled"] == {"review": 1, "block": 1}


def test_a_day_without_labels_or_decisions_says_nothing(read):
    for decisions in ([], [decision("a"), decision("b", "block", 0.9)]):
        told = realised("2026-01-24", read(decisions, []), THRESHOLD, CALIBRATION, {"recall": 0.9}, ())
        assert [each["value"] for each in told["figures"]] == [None] * 3 and told["worse"] == [] == told["days"]
        json.dumps(told, allow_nan=False)


def day_of(seed, *, missed_in=None, recall=0.85, frauds=60, rows=3_000):
    """A day as the labels have it: frauds come two or three of a card, and `recall` of the cards have theirs found."""
    rng = np.random.default_rng(seed)
    group = rng.choice(CATEGORIES, rows)
    cards = np.arange(rows)
    scores = rng.beta(0.2, 50, rows)
    labels = np.zeros(rows, dtype=np.int8)
    labels[:frauds] = 1
    cards[:frauds] = np.arange(frauds) // 3
    found = (rng.random(frauds // 3 + 1) < recall)[cards[:frauds]]
    scores[:frauds] = np.where(found, 0.95, 0.05)
    honest = slice(frauds, frauds + 10)
    scores[honest] = 0.8
    if missed_in:
        new = slice(rows - 25, rows)
        labels[new], group[new] = 1, missed_in
    below = scores < THRESHOLD
    sample = np.flatnonzero(below)
    missed = np.flatnonzero(below & (labels == 1))

    def groups(places):
        return [{"category": str(group[place]), AMOUNT: "10 to 100"} for place in places]

    return Labelled(
        scores,
        labels,
        cards,
        frauds,
        {},
        groups(missed),
        cards[missed].tolist(),
        sample,
        groups(sample),
        np.ones(len(sample)),
        0,
    )


def when_tested(seed):
    days = [day_of(1_000 + 20 * seed + each) for each in range(14)]
    scores = np.concatenate([day.scores for day in days])
    labels = np.concatenate([day.labels for day in days])
    calibration = Calibration.fitted(scores, labels)
    return calibration, calibration.realised(scores, labels, THRESHOLD)


def watched(seed, **change):
    """The names of what is worse, night by night, of ten days that follow each other."""
    calibration, expected = when_tested(seed)
    report, nights = {"days": []}, []
    for number in range(10):
        changed = change if number >= 7 else {}
        day = day_of(50_000 + 20 * seed + number, **changed)
        report = realised(f"2026-02-{number + 1:02}", day, THRESHOLD, calibration, expected, report["days"])
        nights.append([each["name"] for each in report["worse"]])
    return nights


@pytest.mark.slow
def test_no_change_is_told_in_thirty_seeds_of_ten_days():
    alarms = {seed: nights for seed in range(30) if any(nights := watched(seed))}
    assert len(alarms) <= 1, alarms


@pytest.mark.slow
def test_a_new_kind_of_fraud_is_told_on_its_first_night_and_named_in_thirty_of_thirty_seeds():
    for seed in range(30):
        nights = watched(seed, missed_in="travel")
        assert "frauds missed: category travel" in nights[7], (seed, nights)
        named = {name for night in nights for name in night if name.startswith("frauds missed: category")}
        assert named == {"frauds missed: category travel"}


@pytest.mark.slow
def test_a_recall_that_is_lower_is_told_once_it_surely_is():
    for seed in range(10):
        nights = watched(seed, recall=0.2)
        assert "realised recall" in nights[9], (seed, nights)


def test_the_groups_of_a_large_day_are_read_of_some_and_of_all_that_score_high():
    scores = np.random.default_rng(1).random(3 * SAMPLED) ** 5
    sample, stands = _sampled(np.arange(len(scores)), scores)
    assert len(sample) <= SAMPLED and len(set(sample.tolist())) == len(sample)
    assert set(np.argsort(-scores)[: SAMPLED // 2].tolist()) <= set(sample.tolist())
    assert (scores[sample] * stands).sum() == pytest.approx(scores.sum(), rel=0.01)


def test_only_a_week_of_days_counts_and_a_day_counts_once():
    calibration, expected = when_tested(0)
    report = {"days": []}
    for number in (1, 2, 2, *range(3, 12)):
        report = realised(f"2026-02-{number:02}", day_of(number), THRESHOLD, calibration, expected, report["days"])
    assert [each["day"] for each in report["days"]] == [f"2026-02-{number:02}" for number in range(5, 12)]


@pytest.mark.parametrize("seed", range(5))
def test_the_average_precision_is_scikit_learns_and_lies_in_its_interval(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 30, 500) / 30, rng.integers(0, 2, 500)
    assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))
    calibration, expected = when_tested(0)
    figures = realised("2026-02-01", day_of(seed), THRESHOLD, calibration, expected, ())["figures"]
    assert [each["name"] for each in figures] == ["recall", "precision", "average_precision"]
    for each in figures:
        assert each["low"] <= each["value"] <= each["high"]
        assert each["expected"] is not None and each["estimated"] is not None
        assert each["low"] - 0.1 < each["estimated"] < each["high"] + 0.1
