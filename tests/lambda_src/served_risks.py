"""Risks as the product serves them, where its catalogue declares them: `test_served_risks` runs this in a process of its own.

An archive is nightly computed, stored, decided by, scored in a file, trained on and proven, each held to the loop of
`tests.sagemaker_src.told_loop`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flink_src.properties import JobProperties
from flink_src.statements import table_statements
from fraud.decision import Decision, FallbackRule
from fraud.features.catalogue import CATALOGUE
from fraud.features.groups import nightly_group, training_group
from fraud.vector import FEATURE_NAMES, MODEL_FEATURES, SAYS
from local.archived import Archive as Kept
from local.decided_again import Again, GoneError, Model, Past, decide_again
from local.deciding_ports import ModelScorer
from sagemaker_src.processing import nightly, training_set
from sagemaker_src.scoring import requests
from samples.deciding_world import write_model
from samples.kafka import failures, kafka_event
from samples.labels import label
from samples.lambda_context import CONTEXT
from samples.stand_ins import Endpoint
from tests.lambda_src.conftest import decisions
from tests.lambda_src.served_archive import CUT_MS, GROUP, RISKS, WORDS, Served, message
from tests.sagemaker_src.archive_in_days import spoil
from tests.sagemaker_src.test_labelled_set import AS_OF_MS, moment, text
from tests.sagemaker_src.test_nightly import DAY_MS, write


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def endpoint(aws: Any, model_dir: Path) -> Endpoint:
    endpoint = Endpoint(model_dir)
    endpoint.register(aws.events)
    return endpoint


@pytest.fixture
def decide(load: Any, feature_store: Any, endpoint: Any, table: Any, bus: Any, quarantined: Any) -> Any:
    return load("decide")


def decided(decide: Any, table: Any, rows: list[dict[str, Any]]) -> dict[str, Decision]:
    assert decide.handler(kafka_event(*map(message, rows)), CONTEXT) == failures()
    return decisions(table)


def risks_of(one: Decision) -> dict[str, Any]:
    return {name: one.features[name] for name in RISKS}


def test_they_are_features_like_any_other() -> None:
    assert len(RISKS) == 9
    assert set(RISKS) <= set(FEATURE_NAMES) & set(MODEL_FEATURES) & SAYS.keys()
    assert set(RISKS) <= {name for name, _ in training_group().columns}
    assert not set(RISKS) & {name for name, _ in nightly_group().columns}  # a card has none
    _, _, topic, *_ = table_statements(JobProperties(bootstrap_servers="b"), 2)
    assert "merchant STRING" in topic
    assert "terminal_id STRING" in topic


def test_what_is_decided_by_is_what_the_loop_finds(served: Served, decide: Any, table: Any, endpoint: Endpoint) -> None:
    served.night()
    rows = served.of_day()
    found, seen = decided(decide, table, rows), set()
    [vectors] = endpoint.rows
    assert len(rows) == len(vectors) > 5
    for place, row in enumerate(rows):
        wanted = served.naive(row, CUT_MS)
        one = found[row["transaction_id"]]
        assert (one.path, one.nightly_cut) == ("model", CUT_MS)
        assert risks_of(one) == wanted
        scored = {name: vectors[place, FEATURE_NAMES.index(name)] for name in RISKS}
        assert {name: None if np.isnan(value) else value for name, value in scored.items()} == {
            name: None if share is None else np.float32(share) for name, share in wanted.items()
        }
        seen |= set(wanted.values())
    assert None in seen
    assert len(seen) > 8


@pytest.mark.parametrize("late", ["known", "archived"])
def test_a_label_is_not_seen_before_it_was_known(
    served: Served, decide: Any, table: Any, feature_store: Any, late: str
) -> None:
    """Planted in the first millisecond after the cut, it changes no record; in the last before, those of its transaction."""
    before = {row["merchant"] for row in served.of_day()}
    planted = next(
        row
        for row in served.transactions
        if row["event_ms"] < CUT_MS - DAY_MS and served.outcomes[row["transaction_id"]] == "block"
        and row["merchant"] in before and row["terminal_id"]
    )  # fmt: skip
    served.labels = [each for each in served.labels if each[0].transaction_id != planted["transaction_id"]]
    had = served.labels

    def records(at_ms: int | None) -> dict[str, Any]:
        known = at_ms if late == "known" else planted["event_ms"]
        one = None if at_ms is None else label(
            transaction_id=planted["transaction_id"], is_fraud=True, known_at=moment(known or 0)
        )  # fmt: skip
        served.labels = had if one is None else [*had, (one, at_ms or 0)]
        served.write()
        feature_store.groups.clear()
        served.night()
        return {name: one for name, one in feature_store.groups[GROUP].items() if name.startswith("nightly_risk")}

    nothing = records(None)
    assert records(CUT_MS) == nothing
    told = records(CUT_MS - 1)
    changed = {name for name in told if told[name] != nothing.get(name)}
    assert changed == {f"nightly_risk_{word}:{planted[key]}" for word, key in WORDS.items()}
    at_the_merchant = next(row for row in served.of_day() if row["merchant"] == planted["merchant"])
    [one] = decided(decide, table, [at_the_merchant]).values()
    assert risks_of(one) == served.naive(at_the_merchant, CUT_MS)


def test_a_night_without_its_archive_writes_nothing(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        nightly.main(served.options(CUT_MS))
    assert "--labels: needed for the declared risk by merchant and terminal_id" in capsys.readouterr().err
    assert not list((served.folder / "sums").rglob("*.parquet"))


def test_the_night_trains_on_what_the_training_set_says(served: Served, feature_store: Any) -> None:
    rows = served.night()
    out = served.folder / "set" / "features.parquet"
    given = [*served.whole, "--as-of", text(AS_OF_MS), "--label-delay-days", "5", "--out", str(out)]
    assert training_set.main(given) == 0  # the set's own delay is another than the risks'
    of_set = {row["transaction_id"]: row for row in pq.read_table(out).to_pylist()}
    compared = 0
    for row in rows:
        wanted = served.naive(row | _keys(served, row), row["event_ms"] // DAY_MS * DAY_MS)
        assert {name: row[name] for name in RISKS} == wanted
        if row["transaction_id"] in of_set:
            assert {name: of_set[row["transaction_id"]][name] for name in RISKS} == wanted
            compared += 1
    assert compared > 30


def _keys(served: Served, row: Mapping[str, Any]) -> dict[str, Any]:
    [found] = [each for each in served.transactions if each["transaction_id"] == row["transaction_id"]]
    return {key: found[key] for key in WORDS.values()}


def test_a_file_is_scored_by_the_same(served: Served) -> None:
    rows = [row for row in served.transactions if CUT_MS <= row["event_ms"] < CUT_MS + 3 * DAY_MS]
    file = write(served.folder / "file", rows) / "part.parquet"
    out = served.folder / "made"
    assert requests.main(["--transactions", str(file), *served.whole, "--out", str(out)]) == 0
    found = pq.read_table(out / "rows" / "part-00000.parquet").to_pylist()
    assert len(found) == len(rows) > 10
    for row in found:
        wanted = served.naive(row | _keys(served, row), row["event_ms"] // DAY_MS * DAY_MS)
        assert {name: row[name] for name in RISKS} == wanted


def test_a_file_is_not_scored_without_the_archive(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(served.folder / "file", served.of_day()) / "part.parquet"
    with pytest.raises(SystemExit):
        requests.main(["--transactions", str(file), *served.whole[:2], "--out", str(served.folder / "made")])
    assert "--labels: needed for the declared risk by" in capsys.readouterr().err
    assert not (served.folder / "made").exists()


def test_the_api_decides_by_the_same(
    served: Served, load: Any, feature_store: Any, endpoint: Any, table: Any, labels_table: Any, bus: Any, quarantined: Any
) -> None:  # fmt: skip
    served.night()
    api = load("api")
    object.__setattr__(api.scoring, "clock", lambda: CUT_MS + DAY_MS // 2)
    rows = served.of_day()[:20]
    sent = []
    for row in rows:
        said = json.loads(message(row))
        kept = (
            "transaction_id",
            "cc_num",
            "merchant",
            "category",
            "merch_lat",
            "merch_long",
            "event_time",
            "terminal_id",
        )
        amount = f"{row['amount_cents'] // 100}.{row['amount_cents'] % 100:02d}"
        sent.append({**{name: said[name] for name in kept if name in said}, "amount": amount})
    event = {
        "resource": "/v1/score/batch", "path": "/v1/score/batch", "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"}, "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": None, "multiValueQueryStringParameters": None, "pathParameters": None,
        "requestContext": {"requestId": "r-1"}, "body": json.dumps({"transactions": sent}), "isBase64Encoded": False,
    }  # fmt: skip
    answer = api.handler(event, CONTEXT)
    assert answer["statusCode"] == 200, answer["body"]
    found = decisions(table)
    assert len(found) == len(rows)
    for row in rows:
        assert risks_of(found[row["transaction_id"]]) == served.naive(row, CUT_MS)


def test_no_read_asks_for_over_a_hundred_records_and_a_payment_takes_a_record_more_a_risk(
    served: Served, decide: Any, table: Any, feature_store: Any
) -> None:
    served.night()
    feature_store.asked = 0
    [row, *_] = served.of_day()
    rows = [
        {
            **row,
            "transaction_id": f"n{number}",
            "cc_num": f"{number:032x}",
            "merchant": f"m{number}",
            "terminal_id": "a",
        }
        for number in range(99)
    ]
    assert len(decided(decide, table, rows)) == 99
    # of all cards, of 99 cards, of as many merchants, of a terminal and of a category
    assert feature_store.asked == -(-(1 + 99 + 99 + 2) // 100)


def test_what_the_last_night_said_nothing_about_is_missing(
    served: Served, decide: Any, table: Any, feature_store: Any
) -> None:
    served.night()
    row = next(each for each in served.of_day() if served.naive(each, CUT_MS)["merchant_risk_30d"] is not None)
    record = feature_store.groups[GROUP][f"nightly_risk_merchant:{row['merchant']}"]
    record["trans_time"] = "2026-01-02T00:00:00.000Z"
    [one] = decided(decide, table, [row]).values()
    wanted = served.naive(row, CUT_MS)
    assert risks_of(one) == wanted | dict.fromkeys(name for name in RISKS if name.startswith("merchant"))
    assert one.path == "model"


def test_a_malformed_record_is_of_those_alone_that_name_it(
    served: Served, decide: Any, table: Any, feature_store: Any
) -> None:
    served.night()
    rows = served.of_day()
    merchant = rows[0]["merchant"]
    assert {row["merchant"] for row in rows} > {merchant}
    feature_store.groups[GROUP][f"nightly_risk_merchant:{merchant}"]["habits"] = '{"merchant_risk_1d":"high"}'
    found = decided(decide, table, rows)
    for row in rows:
        one = found[row["transaction_id"]]
        assert one.path == ("fallback" if row["merchant"] == merchant else "model")
        if one.path == "fallback":
            assert one.why is not None
            assert one.why.startswith("a nightly record is malformed: habits: nightly_risk_merchant")


class Application:
    """The archive and the sums, as the application keeps them."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def _folder(self, bucket: str) -> dict[str, Path]:
        kinds = ("transactions", "decisions", "labels") if bucket == "ArchiveBucket" else ("sums",)
        return {
            f"{'daily' if kind == 'sums' else kind}/{path.relative_to(self._served.folder / kind)}": path
            for kind in kinds
            for path in (self._served.folder / kind).rglob("*.parquet")
        }

    def keys(self, bucket: str, prefix: str) -> list[str]:
        return sorted(key for key in self._folder(bucket) if key.startswith(prefix))

    def get(self, bucket: str, key: str) -> bytes:
        return self._folder(bucket)[key].read_bytes()


def again(served: Served, model_dir: Path, recorded: list[Decision], folder: Path) -> list[Again]:
    """Decisions of a day made again."""
    kept = Kept(Application(served), folder, topic=False)  # type: ignore[arg-type]
    model = Model(ModelScorer(model_dir), ModelScorer(model_dir, exact=False))
    past = Past(
        messages={row["transaction_id"]: message(row) for row in served.transactions},
        nightly=lambda cut_ms: kept.nightly(cut_ms, {one.cc_num for one in recorded}),
        model=lambda _: model,
        cuts=(CUT_MS,),
        rule=FallbackRule(),
    )
    return decide_again(recorded, past)


def test_decisions_made_again_are_equal_and_one_whose_record_was_changed_is_found(
    served: Served, decide: Any, table: Any, model_dir: Path
) -> None:
    served.night()
    made = list(decided(decide, table, served.of_day()).values())
    # what comes to be known since changes nothing
    late = [(label(transaction_id=row["transaction_id"], is_fraud=True, known_at=moment(CUT_MS - 1)), CUT_MS)
            for row in served.transactions]  # fmt: skip
    served.write_labels("later", late)
    # what days say that the cut does not need, nobody reads
    cut_day = CUT_MS // DAY_MS
    spoil(served.folder, [cut_day - 900, cut_day - 400, *range(cut_day, cut_day + 9)])
    assert [one.text for one in again(served, model_dir, made, served.folder / "read") if not one.equal] == []
    assert not list((served.folder / "read").rglob("spoilt.parquet"))
    one = next(each for each in made if each.features["merchant_risk_30d"])
    changed = replace(one, features={**one.features, "merchant_risk_30d": 0.515625})
    [told] = again(served, model_dir, [changed], served.folder / "again")
    assert f"merchant_risk_30d 0.515625, made again {one.features['merchant_risk_30d']!r}" in told.text


@pytest.mark.parametrize("written", range(4))
def test_one_that_was_made_while_the_night_wrote_is_equal(
    served: Served, decide: Any, table: Any, feature_store: Any, model_dir: Path, written: int
) -> None:
    """The records of so many risks are the night's own, and those of all cards the night's before."""
    served.night(CUT_MS - DAY_MS)
    before = dict(feature_store.groups[GROUP])
    served.night()
    fresh = tuple(f"{risk.table}:" for risk in CATALOGUE.risks[:written])
    for name, record in before.items():
        if (name.startswith("nightly_risk") and not name.startswith(fresh)) or name == "population":
            feature_store.groups[GROUP][name] = record
    old = {name for name in feature_store.groups[GROUP] if name.startswith("nightly_risk")} - before.keys()
    for name in old:
        if not name.startswith(fresh):
            del feature_store.groups[GROUP][name]
    made = list(decided(decide, table, served.of_day()).values())
    assert {one.path for one in made} == {"model"}
    assert [one.text for one in again(served, model_dir, made, served.folder / "read") if not one.equal] == []


def test_a_night_that_is_gone_is_said_to_be(served: Served, tmp_path: Path, feature_store: Any) -> None:
    served.night()
    with pytest.raises(GoneError):
        Kept(Application(served), tmp_path / "read", topic=False).nightly(CUT_MS + 9 * DAY_MS, ())  # type: ignore[arg-type]


def test_an_archive_that_is_none_is_refused(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(served.folder / "labels")
    (served.folder / "labels").mkdir()
    pq.write_table(pa.table({"transaction_id": ["t"]}), served.folder / "labels" / "first.parquet")
    with pytest.raises(SystemExit):
        served.night()
    assert "labels lacks the columns" in capsys.readouterr().err
