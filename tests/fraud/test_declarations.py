"""Windows and habits: what a declaration may be, and what follows from one."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from flink_src.properties import JobProperties
from flink_src.statements import insert_statements, table_statements
from fraud import deciding, feature_record
from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, Catalogue, names
from fraud.features.feature import DeclarationError
from fraud.features.groups import HABITS, nightly_group, stream_group, training_group
from fraud.features.habits import LONGEST_DAYS, Habit
from fraud.features.nightly import CardRecord, nightly_columns
from fraud.features.nightly_records import (
    MalformedRecordError,
    card_record,
    nightly_record,
    population_identifiers,
    population_of,
)
from fraud.features.risks import Risk
from fraud.features.sql import stream_sql
from fraud.features.windows import LONGEST_MS, Window
from fraud.fields import BY_NAME
from fraud.ports import Nightly
from fraud.transaction import InvalidTransactionError
from sagemaker_src.processing.batch_features import compute, engine, features_select, load
from sagemaker_src.processing.nightly_sums import KEPT_DAYS
from sagemaker_src.training import feature_rows
from samples.deciding_world import CARDS, feature_message

ROOT = Path(__file__).resolve().parents[2]
COUNT = ("count",)

WRONG: dict[str, tuple[Any, str]] = {
    "a name that a window has": (Window(back="10m", aggregates=COUNT), "the name num_trans_last_10m is taken; allowed"),
    "a name that a habit has": (Habit(back="1w", aggregates=COUNT), "the name num_trans_last_1w is taken; allowed"),
    "a window by no column": (Window(key=("shop",), back="1h", aggregates=COUNT), r"key \('shop',\); allowed: some of cc_num"),
    "a window by a number": (Window(key=("amount",), back="1h", aggregates=COUNT), r"key \('amount',\); allowed"),
    "a window by nothing": (Window(key=(), back="1h", aggregates=COUNT), r"key \(\); allowed"),
    "a window by one column twice": (Window(key=("merchant",) * 2, back="1h", aggregates=COUNT), "each once"),
    "a window over two days": (Window(back="2d", aggregates=COUNT), "looks back over 2d; allowed: at most 1d"),
    "a window over 25 hours": (Window(back="25h", aggregates=COUNT), "looks back over 25h; allowed: at most 1d"),
    "a window in seconds": (Window(back="600s", aggregates=COUNT), "'600s'; allowed: 1 to 99 minutes, hours or days"),
    "a window of three digits": (Window(back="100m", aggregates=COUNT), "'100m'; allowed: 1 to 99"),
    "a window of nothing": (Window(back="1h", aggregates=()), r"aggregates \(\); allowed: one or more of count, mean"),
    "an aggregate twice": (Window(back="2h", aggregates=("sum", "sum")), "each once"),
    "an aggregate that is none": (Window(back="2h", aggregates=("median",)), "allowed: one or more of"),  # type: ignore[arg-type]
    "a habit by no column": (Habit(key=("cc_num", "shop"), back="all", aggregates=COUNT), "allowed: cc_num, cc_num with"),
    "a habit by two columns": (Habit(key=("merchant", "category"), back="all", aggregates=COUNT), "allowed: cc_num, cc_num"),
    "a habit in hours": (Habit(back="36h", aggregates=COUNT), "'36h'; allowed: whole days or weeks, as 30d, 1w; or all"),
    "a habit over 31 days": (Habit(back="31d", aggregates=COUNT), "31d; allowed: at most 30 days"),
    "a habit over 5 weeks": (Habit(back="5w", aggregates=COUNT), "5w; allowed: at most 30 days"),
    "a habit of ages": (Habit(back="2d", aggregates=("mean age",)), "allowed: one or more of count, mean, sum, max"),  # type: ignore[arg-type]
    "a habit of nothing": (Habit(back="2d", aggregates=()), r"aggregates \(\); allowed"),
    "a risk by the card": (Risk(key="cc_num", back=("1d",)), "key 'cc_num'; allowed: one of"),
    "a risk over 31 days": (Risk(key="merchant", back=("1d", "31d")), "'31d'.*; allowed: 1d to 30d, each once"),
    "a risk over a week": (Risk(key="merchant", back=("1w",)), "'1w'.*; allowed: 1d to 30d, each once"),
    "a risk over no day": (Risk(key="merchant", back=()), "allowed: 1d to 30d, each once"),
    "a risk over a day twice": (Risk(key="merchant", back=("1d", "1d")), "allowed: 1d to 30d, each once"),
    "a risk known before": (Risk(key="merchant", back=("1d",), label_delay_days=-1), "-1 days; allowed: 0 to 3,660"),
}  # fmt: skip


def with_further(*declared: Window | Habit | Risk) -> Catalogue:
    """The product's catalogue with more."""
    return Catalogue(
        windows=(*CATALOGUE.windows, *(one for one in declared if isinstance(one, Window))),
        habits=(*CATALOGUE.habits, *(one for one in declared if isinstance(one, Habit))),
        risks=tuple(one for one in declared if isinstance(one, Risk)),
    )


def test_risks_have_one_label_delay() -> None:
    risks = [Risk(key=key, back=("1d",), label_delay_days=days) for key, days in (("merchant", 7), ("category", 3))]
    with pytest.raises(DeclarationError, match="label delays of 3 and 7 days; allowed: one of all risks"):
        with_further(*risks)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_declaration_says_what_is_allowed(wrong: str) -> None:
    declared, says = WRONG[wrong]
    with pytest.raises(DeclarationError, match=f"^{re.escape(str(declared))}: .*{says}"):
        with_further(declared)


def test_no_feature_has_the_name_of_a_column() -> None:
    class Named(Window):
        def _name(self, aggregate: str) -> str:
            return "event_ms"

    with pytest.raises(DeclarationError, match="the name event_ms is taken"):
        with_further(Named(back="2h", aggregates=COUNT))


def test_the_stream_job_knows_what_it_has_seen_for_longer_than_a_window() -> None:
    number, unit = JobProperties(bootstrap_servers="b").state_ttl.split()
    assert unit == "d"
    assert int(number) * MS_PER_DAY > LONGEST_MS
    assert KEPT_DAYS > LONGEST_DAYS


def documented() -> list[Window | Habit]:
    """The declarations that CONTRIBUTING.md shows, each as it stands there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.findall(r"```python\n\((.*),\)\n```", text)
    known = {"Window": Window, "Habit": Habit, "CARD": "cc_num"}
    return [eval(each, known) for each in found if each.startswith(("Window(", "Habit("))]  # noqa: S307 - our own page


@pytest.mark.slow
def test_what_contributing_says_is_all_there_is_to_do() -> None:
    declared = documented()
    assert {type(one) for one in declared} == {Window, Habit}
    assert len(declared) >= 4
    catalogue = with_further(*declared)
    stream = {name for one in declared if isinstance(one, Window) for name in names(one.features)}
    nightly = {name for one in declared if isinstance(one, Habit) for name in names(one.features)}

    properties = JobProperties(bootstrap_servers="b")
    _, _, topic, *_ = table_statements(properties, 2, catalogue)
    job, _ = insert_statements(properties, catalogue)
    for name in stream:
        assert re.search(rf"\b{name} (BIGINT|DOUBLE)", topic)
        assert re.search(rf" AS {name}\b", job)
    for group, held in ((stream_group, stream), (training_group, stream | nightly)):
        assert held <= {name for name, _ in group(catalogue).columns}

    row = {"transaction_id": "t", "cc_num": "c", "category": "travel", "amount_cents": 500, "merchant": "m"}
    moments = [pa.scalar(day * MS_PER_DAY, pa.timestamp("ms", "UTC")) for day in (20_000, 20_001)]
    rows = [{**row, "transaction_id": f"t{day}", "event_time": moment} for day, moment in enumerate(moments)]
    columns = (*rows[0], "device_id", "terminal_id")
    curated = pa.table({name: [each.get(name) for each in rows] for name in columns})
    with engine() as connection:
        connection.register("curated", curated)
        load(connection, "curated", catalogue=catalogue)
        compute(connection, catalogue=catalogue)
        select = features_select("curated", ("category",), catalogue=catalogue)
        found = connection.sql(f"SELECT * FROM ({select}) ORDER BY event_ms").to_arrow_table().to_pylist()
    assert all(found[1][name] is not None for name in stream | nightly if "device" not in name)
    assert all(found[1][name] is None for name in stream | nightly if "device" in name)


def test_rows_without_a_key_are_no_partition_together() -> None:
    catalogue = Catalogue(windows=(Window(key=("cc_num", "device_id"), back="1h", aggregates=COUNT),), habits=())
    by = "PARTITION BY cc_num, device_id, CASE WHEN device_id IS NULL THEN transaction_id END ORDER BY"
    assert by in stream_sql("SELECT * FROM t", catalogue)
    assert "PARTITION BY cc_num ORDER BY" in stream_sql("SELECT * FROM t")


def test_only_what_windows_look_back_by_is_taken_apart_before_them() -> None:
    properties = JobProperties(bootstrap_servers="b")
    [job, _] = insert_statements(properties)
    assert "SELECT transaction_id, cc_num, amount_cents, pairs, optional, event_time, event_ms\n" in job
    further = with_further(Window(key=("device_id",), back="1h", aggregates=COUNT))
    [job, _] = insert_statements(properties, further)
    assert "SELECT transaction_id, cc_num, amount_cents, device_id, pairs, optional, event_time, event_ms\n" in job


def test_what_habits_are_looked_up_by_goes_with_the_features() -> None:
    further = with_further(Habit(key=("cc_num", "device_id"), back="all", aggregates=COUNT))
    _, _, topic, *_ = table_statements(JobProperties(bootstrap_servers="b"), 2, further)
    assert "device_id STRING" in topic
    [job, _] = insert_statements(JobProperties(bootstrap_servers="b"), further)
    assert job.index("device_id") < job.index("FROM (")


def test_a_mean_age_is_right_where_the_moments_of_a_window_are_more_than_64_bits_hold() -> None:
    """Five million transactions of a country and a day; here it is a few with moments as large as their sum."""
    by_country = Window(key=("country",), back="1d", aggregates=("mean age",))
    ages = [0, 1, 7_000, 60_001, 3_599_999]
    last = 4 * 10**18
    moments = ", ".join(
        f"('t{age}', 'US', {last - age}, TIMESTAMP '2026-01-02' - INTERVAL {age} MILLISECOND)" for age in ages
    )
    source = f"SELECT * FROM (VALUES {moments}) AS t(transaction_id, country, event_ms, event_time)"
    with engine() as connection:
        found = connection.execute(
            f"SELECT * FROM ({by_country.select(source, 'transaction_id')}) ORDER BY event_ms DESC"
        ).fetchall()
    assert last * len(ages) > 2**63
    assert found[0][-1] == sum(ages) / (len(ages) - 1) / 1000
    # what runs today is the text it was: a card has no such day
    assert "DECIMAL" not in stream_sql("SELECT * FROM t")


FURTHER = with_further(
    Habit(key=("cc_num", "merchant"), back="30d", aggregates=("count", "max")),
    Habit(key=("cc_num", "category"), back="30d", aggregates=("max",)),
    Habit(key=("merchant",), back="1w", aggregates=("mean",)),
)
OLD = {"trans_time": "2026-01-01T00:00:00.000Z", HABITS: '{"categories":{"travel":[2,25.0]},"hours":{"1":2}}'}
"""As it was written when nothing else was declared."""


def looked_up(record: CardRecord | None, population: Any = None, **keys: str | None) -> dict[str, float]:
    given = {"category": ["travel"], "merchant": [None], **{name: [value] for name, value in keys.items()}}
    columns = nightly_columns(given, np.array([3_600_000]), [record], population or {}, FURTHER)
    return {name: values[0] for name, values in columns.items()}


def test_an_old_record_lacks_what_was_declared_since() -> None:
    record = card_record(OLD, FURTHER)
    found = looked_up(record, merchant="m1")
    assert (found["num_trans_category_all"], found["avg_amt_category_all"], found["num_trans_hour_all"]) == (2, 25, 2)
    assert np.isnan(
        [found[f"{what}_last_30d"] for what in ("num_trans_merchant", "max_amt_merchant", "max_amt_category")]
    ).all()
    assert np.isnan(found["avg_amt_population_merchant_1w"])


def test_a_record_of_more_is_read_as_before() -> None:
    habits = {
        **card_record(OLD).habits,
        "num_trans_merchant_last_30d": {"m1": 3},
        "max_amt_merchant_last_30d": {"m1": 7.5},
        "max_amt_category_last_30d": {"travel": 4.5},
    }
    record = CardRecord(0, dict.fromkeys(names(FURTHER.card_features)), habits)
    kept = {value["FeatureName"]: value["ValueAsString"] for value in nightly_record("c1", record, FURTHER)}
    published = json.loads(OLD[HABITS])
    further = {name: values for name, values in habits.items() if name not in card_record(OLD).habits}
    assert json.loads(kept[HABITS]) == published | further
    assert card_record(kept).habits == card_record(OLD).habits
    assert card_record(kept, FURTHER) == record
    assert nightly_group(FURTHER) == nightly_group()


def test_never_seen_is_no_transactions_and_no_key_is_missing() -> None:
    record = CardRecord(0, {}, {"num_trans_merchant_last_30d": {"m1": 3}, "max_amt_merchant_last_30d": {"m1": 7.5}})
    seen, never, without = (looked_up(record, merchant=name) for name in ("m1", "m2", None))
    assert [each["num_trans_merchant_last_30d"] for each in (seen, never)] == [3, 0]
    assert seen["max_amt_merchant_last_30d"] == 7.5
    assert np.isnan([never["max_amt_merchant_last_30d"], without["num_trans_merchant_last_30d"]]).all()
    assert looked_up(None, merchant="m1")["num_trans_merchant_last_30d"] == 0


def test_each_further_feature_of_all_cards_has_a_record_of_its_own() -> None:
    assert list(population_identifiers(FURTHER).values()) == ["population", "avg_amt_population_merchant_1w"]
    records = {"population": {HABITS: '{"travel":70.25}'}}
    assert population_of(records, FURTHER) == {"avg_amt_population_30d": {"travel": 70.25}}
    records["avg_amt_population_merchant_1w"] = {HABITS: '{"m1":8.5}'}
    population = population_of(records, FURTHER)
    assert looked_up(None, population, merchant="m1")["avg_amt_population_merchant_1w"] == 8.5
    assert np.isnan(looked_up(None, population)["avg_amt_population_merchant_1w"])


def test_what_habits_are_looked_up_by_comes_with_the_record_and_is_no_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_record, "KEY_FIELDS", (BY_NAME["merchant"], BY_NAME["device_id"]))
    monkeypatch.setattr(deciding, "KEY_FIELDS", feature_record.KEY_FIELDS)
    monkeypatch.setattr(deciding, "nightly_columns", partial(nightly_columns, catalogue=FURTHER))
    seen, without = (
        feature_record.parse_feature_record(feature_message(number, merchant=merchant, device_id=None))
        for number, merchant in ((1, "m1"), (2, None))
    )
    assert (dict(seen.keys), dict(without.keys)) == ({"merchant": "m1"}, {})
    known = CardRecord(0, {}, {"num_trans_merchant_last_30d": {"m1": 3}})
    columns = deciding._columns([seen, without], Nightly({CARDS[1]: known, CARDS[2]: known}, {}))
    np.testing.assert_equal(columns["num_trans_merchant_last_30d"], [3, np.nan])
    assert "merchant" not in {**deciding._stated(seen), **columns}
    with pytest.raises(InvalidTransactionError, match="device_id: 5; allowed"):
        feature_record.parse_feature_record(feature_message(1, device_id=5))


def test_a_count_may_be_missing_in_training_rows_only_where_the_key_may() -> None:
    declared = {
        window.key: window.features[0]
        for window in (Window(back="2h", aggregates=COUNT), Window(key=("device_id",), back="2h", aggregates=COUNT))
    }
    values = np.array([3.0, np.nan, 1.5, -1.0])
    found = {key: feature_rows._of_feature(feature) for key, feature in declared.items()}
    assert found["cc_num",][0](values).tolist() == [True, False, False, False]
    assert found["device_id",][0](values).tolist() == [True, True, False, False]
    assert found["device_id",][1].endswith("or missing")


@pytest.mark.parametrize(
    ("habits", "says"),
    [
        ('{"categories":{"travel":[2]}}', "categories: a habit that is none; allowed: a list of 2"),
        ('{"categories":{"travel":[-1,2.5]}}', "categories: a count that is none; allowed: whole numbers"),
        ('{"categories":{"travel":[1,"2.5"]}}', "categories: an amount that is none; allowed: numbers, or null"),
        ('{"hours":[1]}', "hours: a JSON list; allowed: an object"),
        ('{"num_trans_merchant_last_30d":{"m1":1.5}}', "num_trans_merchant_last_30d: a count that is none"),
    ],
)
def test_a_record_that_is_none_says_which_habit(habits: str, says: str) -> None:
    with pytest.raises(MalformedRecordError, match=f"^habits: {says}"):
        card_record(OLD | {HABITS: habits}, FURTHER)
