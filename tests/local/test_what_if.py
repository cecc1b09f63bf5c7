"""A period decided otherwise is held to one payment at a time, decided by what anyone can read."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.columns import LABEL_COLUMNS
from fraud.deciding import Deciding
from fraud.decision import Decision
from fraud.durations import MS_PER_DAY
from fraud.what_if import KINDS, Cell
from lambda_src.archive.rows import DECISIONS, decision_row
from lambda_src.ports.parquet_archive import schema
from local.archived import Archive
from local.archived_period import Period, labels_as_of
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer
from local.raw_rows import feature_messages, nightly_of
from local.streamed_features import streamed_rows
from local.what_if import Otherwise, WhatIf, WrongThresholdsError, what_if
from samples.deciding_world import write_model
from tests.local.proven_application import ProvenApplication, table_row

pytestmark = pytest.mark.slow
LABELS = schema(LABEL_COLUMNS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ProvenApplication:
    """Its live payments, of which every second is labelled, a part of those later again, and otherwise."""
    found = ProvenApplication(tmp_path_factory.mktemp("application"))
    known = datetime(2021, 1, 1, tzinfo=timezone.utc)
    rows = []
    for place, identity in enumerate(sorted(found.decided)):
        if place % 2 == 0:
            rows.append(label(identity, place % 6 == 0, known))
        if place % 8 == 0:
            rows.append(label(identity, place % 6 != 0, known + timedelta(days=1)))
    put(found, "labels/day=2021-01-01/a.parquet", pa.Table.from_pylist(rows, LABELS))
    put(found, "labels/day=2021-01-01/b.parquet", pa.Table.from_pylist(rows[:9], LABELS))
    return found


@pytest.fixture
def application(made: ProvenApplication, monkeypatch: pytest.MonkeyPatch) -> ProvenApplication:
    monkeypatch.setattr(made, "table", dict(made.table))
    monkeypatch.setattr(made, "objects", dict(made.objects))
    return made


def label(identity: str, is_fraud: bool, known_at: datetime) -> dict[str, Any]:
    who = {"source": "analyst", "reported_by": "ann"}
    return {"transaction_id": identity, "is_fraud": is_fraud, **who, "known_at": known_at, "recorded_at": known_at}


def put(application: ProvenApplication, key: str, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    application.objects["ArchiveBucket", key] = sink.getvalue()


NOW = round(datetime(2022, 1, 1, tzinfo=timezone.utc).timestamp() * 1000)


def decided(application: Any, folder: Path, otherwise: Otherwise, **period: int) -> WhatIf:
    archive = Archive(application, folder, topic=False)
    waiting = [Decision.from_json(row["decision"]) for row in application.decisions()]
    bounds = {"from_ms": application.cut_ms, "to_ms": application.cut_ms + 2 * MS_PER_DAY} | period
    return what_if(Period(archive, waiting=waiting, **bounds).days(), labels_as_of(archive, NOW), otherwise)


def own(application: ProvenApplication, review: float | None = None, block: float | None = None) -> Otherwise:
    scorer = ModelScorer(application.model)
    return Otherwise(None, lambda version: {scorer.version: scorer.thresholds}[version], review, block)


def labelled(application: ProvenApplication, identity: str) -> str:
    """By the rows above: the later label counts."""
    place = sorted(application.decided).index(identity)
    if place % 2:
        return "unlabelled"
    fraud = place % 6 != 0 if place % 8 == 0 else place % 6 == 0
    return "fraud" if fraud else "honest"


def reference(application: ProvenApplication, score: Any, review: float, block: float) -> Counter[tuple[str, str, str]]:
    """One payment at a time: its model's score, or as it was where the rule decided."""
    found: Counter[tuple[str, str, str]] = Counter()
    for identity, one in application.decided.items():
        outcome = one.outcome
        if one.path == "model":
            value = score(one)
            outcome = "block" if value >= block else "review" if value >= review else "approve"
        found[one.outcome, outcome, labelled(application, identity)] += 1
    return found


def counts(found: WhatIf) -> Counter[tuple[str, str, str]]:
    return Counter({key: cell.payments for key, cell in found.comparison.cells.items()})


def test_the_model_that_decided_changes_nothing(application: ProvenApplication, tmp_path: Path) -> None:
    for otherwise in (own(application), replace(own(application), model=ModelScorer(application.model))):
        found = decided(application, tmp_path, otherwise)
        assert (found.comparison.changed, found.changed, dict(found.lacks), found.uncomputed) == (0, [], {}, ())
        assert found.comparison.recorded == found.comparison.otherwise
        assert found.comparison.recorded.of().payments == len(application.decided) > 50
        assert found.by_rule == 10
        assert found.models == {"small": len(application.decided) - 10}


def test_other_thresholds_decide_as_one_would_by_hand(application: ProvenApplication, tmp_path: Path) -> None:
    scores = sorted(one.score for one in application.decided.values() if one.score is not None)
    review, block = scores[len(scores) // 2], scores[-5]
    found = decided(application, tmp_path, own(application, review, block))
    wanted = reference(application, lambda one: one.score, review, block)
    assert counts(found) == wanted
    assert len(wanted) >= 5
    assert found.comparison.changed == len(found.changed) == sum(n for (a, b, _), n in wanted.items() if a != b) > 5
    side = found.comparison.otherwise
    cents = {identity: one.amount_cents for identity, one in application.decided.items()}
    for outcome in ("approve", "review", "block"):
        for kind in KINDS:
            mine = [
                cents[identity]
                for identity, one in application.decided.items()
                if labelled(application, identity) == kind
                and outcome
                == (
                    one.outcome
                    if one.score is None
                    else "block"
                    if one.score >= block
                    else "review"
                    if one.score >= review
                    else "approve"
                )
            ]
            assert side.of((outcome,), (kind,)) == Cell(len(mine), sum(mine))
    assert side.caught.payments + side.missed.payments == found.comparison.recorded.of(kinds=("fraud",)).payments > 3


def test_one_threshold_alone_leaves_the_models_other_one(application: ProvenApplication, tmp_path: Path) -> None:
    found = decided(application, tmp_path, own(application, review=0.001))
    assert counts(found) == reference(application, lambda one: one.score, 0.001, 0.9)
    with pytest.raises(WrongThresholdsError, match=r"0\.1 is below .* 0\.5 \(model small\)"):
        decided(application, tmp_path, own(application, block=0.1))


def test_another_model_scores_what_the_raw_rows_say(application: ProvenApplication, tmp_path: Path) -> None:
    """By a model of other trees, on features that the batch engine computes anew, one payment at a time."""
    limits = {"review": 0.3, "block": 0.5}
    other = ModelScorer(write_model(tmp_path / "other", rounds=7, model_version="other", thresholds=limits))
    found = decided(application, tmp_path, replace(own(application), model=other))
    streamed = streamed_rows(application.history, application.live, application.cut_ms)
    messages = feature_messages(streamed, list(application.decided))
    known = KnownNightly(nightly_of(application.history, application.cut_ms))

    def anew(one: Decision) -> float:
        alone = Deciding(nightly=known, scorer=other, store=MadeDecisions())
        (again,) = alone.decide_batch([messages[one.transaction_id]]).decisions
        assert again.score is not None
        return again.score

    wanted = reference(application, anew, 0.3, 0.5)
    assert counts(found) == wanted
    assert found.comparison.changed > 0
    assert any(one.score != one.other_score for one in found.changed)


def test_what_the_archive_has_and_what_the_table_has_are_each_payment_once(
    application: ProvenApplication, tmp_path: Path
) -> None:
    whole = counts(decided(application, tmp_path / "1", own(application, 0.2, 0.4)))
    ids = sorted(application.decided)
    rows = [decision_row(application.decided[identity]) for identity in ids[: len(ids) // 2]]
    for name, part in (("a", rows), ("b", rows[:7])):  # delivered twice, archived twice
        put(application, f"decisions/day={application.cut}/{name}.parquet", pa.Table.from_pylist(part, DECISIONS))
    assert counts(decided(application, tmp_path / "2", own(application, 0.2, 0.4))) == whole
    for identity in ids[: len(ids) // 2]:
        del application.table[identity]
    assert counts(decided(application, tmp_path / "3", own(application, 0.2, 0.4))) == whole


def test_a_row_that_is_no_decision_stops_no_other(application: ProvenApplication, tmp_path: Path) -> None:
    rows = [decision_row(one) for one in application.decided.values()]
    rows[3] = {**rows[3], "outcome": "perhaps"}
    put(application, f"decisions/day={application.cut}/a.parquet", pa.Table.from_pylist(rows, DECISIONS))
    period = Period(Archive(application, tmp_path, topic=False), application.cut_ms, application.cut_ms + MS_PER_DAY)
    assert sum(map(len, period.days())) == len(rows) - 1
    assert period.unreadable == 1


def test_the_period_begins_and_ends_where_it_says(application: ProvenApplication, tmp_path: Path) -> None:
    times = sorted(one.trans_time for one in application.decided.values())
    first, last = times[20], times[40]
    found = decided(application, tmp_path, own(application, 0.2, 0.4), from_ms=first, to_ms=last)
    assert found.comparison.recorded.of().payments == sum(first <= time < last for time in times)
    assert times[20] < times[40]


def test_features_that_the_records_lack_are_counted(application: ProvenApplication, tmp_path: Path) -> None:
    for identity in list(application.table)[:25]:
        one = application.decided[identity]
        features = {name: value for name, value in one.features.items() if name != "num_trans_last_1h"}
        application.table[identity] = table_row(replace(one, features=features))
    found = decided(application, tmp_path, replace(own(application), model=ModelScorer(application.model)))
    by_model = sum(application.decided[identity].path == "model" for identity in list(application.table)[:25])
    assert dict(found.lacks) == {"num_trans_last_1h": by_model}


def test_who_was_let_through_is_let_through_again_unless_it_would_not_be_blocked(
    application: ProvenApplication, tmp_path: Path
) -> None:
    blocked = [one for one in application.decided.values() if one.path == "model" and one.outcome == "block"]
    assert len(blocked) > 3
    members = {one.transaction_id for one in blocked[::2]}
    for one in blocked[::2]:
        application.table[one.transaction_id] = table_row(replace(one, outcome="approve", control_group=True))
    found = decided(application, tmp_path, own(application))
    assert (found.comparison.changed, found.let_through) == (0, len(members))
    assert sum(cell.payments for cell in found.would_block.values()) == len(blocked)
    assert {kind: cell.cents for kind, cell in found.would_block.items()} == {
        kind: sum(one.amount_cents for one in blocked if labelled(application, one.transaction_id) == kind)
        for kind in {labelled(application, one.transaction_id) for one in blocked}
    }
    reviewed = decided(application, tmp_path, own(application, 0.0, 2.0))
    assert (reviewed.let_through, reviewed.would_block) == (0, {})
    assert {one.transaction_id for one in reviewed.changed if one.otherwise == "review"} > members
