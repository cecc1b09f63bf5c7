"""The whole system on this machine: a world, a model, Kafka, Flink, serving and deciding; once in peace, once under fire."""

from __future__ import annotations

import re
import time

import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from fraud.decision import Decision
from fraud.vector import model_vector
from local.decided_day import SilentScreen, average_precision, decide_day, summary
from local.demo import DemoSettings, prepare
from local.system import StreamingSystem
from sagemaker_src.processing.batch_features import compute, engine, features_select, load
from sagemaker_src.training.train import score

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

SETTINGS = DemoSettings(transactions=2_000)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return prepare(SETTINGS, tmp_path_factory.mktemp("prepared"), SilentScreen())


@pytest.fixture(scope="module")
def peace(ready, tmp_path_factory):
    folder = tmp_path_factory.mktemp("peace")
    day = decide_day(
        ready.history, ready.live, ready.from_ms, ready.model, ready.nightly, SilentScreen(),
        rate=200, duplicates=0.05, attacks=ready.attacks, folder=folder,
    )  # fmt: skip
    return day, folder


def _nothing_lost(day, ready):
    figures = summary(day)
    assert figures["transactions"] == ready.live.num_rows == figures["decisions"]
    assert figures["duplicates_sent"] > 0.03 * figures["transactions"]
    assert (figures["undecided"], figures["decided_twice"], figures["quarantined"]) == (0, 0, 0)
    assert figures["features_different"] == 0
    assert {record["transaction_id"] for record in day.run.features} == set(day.labels)
    return figures


def test_every_transaction_is_decided_once_by_the_model(peace, ready):
    figures = _nothing_lost(peace[0], ready)
    assert figures["by_path"]["fallback"] == 0


def test_the_staged_attacks(peace):
    outcomes = {}
    for attack in summary(peace[0])["attacks"]:
        outcomes.setdefault(attack["pattern"], []).append(attack["outcomes"])
    assert outcomes["an ordinary purchase"] == [["approve"]] * 3
    (burst,) = outcomes["ten small purchases within seconds"]
    assert burst[0] == "approve"
    assert len(burst) == 10
    assert set(burst[1:]) <= {"review", "block"}
    (slow,) = outcomes["a slow attack at night"]
    assert {"review", "block"} & set(slow[:3])


def test_streamed_features_score_as_batch_features_do(peace, ready):
    day = peace[0]
    with engine() as connection:
        connection.register("history", ready.history)
        connection.register("live", ready.live)
        columns = "transaction_id, cc_num::VARCHAR AS cc_num, category::VARCHAR AS category, amount_cents, event_time"
        connection.execute(
            f"CREATE TABLE curated AS SELECT {columns} FROM history UNION ALL SELECT {columns} FROM live"
        )
        load(connection, "curated")
        compute(connection)
        rows = connection.execute(features_select("curated", labelled=False)).df()
    rows = rows[rows["transaction_id"].isin(day.labels)].set_index("transaction_id")
    batch = dict(
        zip(
            rows.index,
            score(ready.trained.model, model_vector(rows, ready.trained.manifest["categories"])),
            strict=True,
        )
    )
    streamed = {row["transaction_id"]: row["score"] for row in day.decided}
    assert streamed.keys() == batch.keys()
    assert max(abs(streamed[identity] - batch[identity]) for identity in streamed) < 1e-6
    label = [day.labels[identity] for identity in batch]
    assert abs(average_precision(day) - average_precision_score(label, list(batch.values()))) < 0.001


def test_every_decision_says_what_it_was_made_on(peace, ready):
    for row in peace[0].decided:
        decision = Decision.from_json(row["decision"])
        assert len(decision.reasons) == 3
        assert decision.model_version == ready.trained.manifest["model_version"]
        assert decision.features["num_trans_last_10m"] >= 1


def test_no_card_number_is_written_anywhere(peace, ready):
    folder = peace[1]
    numbers = {number.encode() for number in ready.card_numbers}
    files = [file for place in (folder, ready.model.parent) for file in place.rglob("*") if file.is_file()]
    assert any("transactions-0" in str(file) for file in files), "the topics' own files must be among them"
    for file in files:
        if file.suffix == ".parquet":
            text = pd.read_parquet(file, columns=["transaction_id", "cc_num"]).to_csv().encode()
        else:
            text = file.read_bytes()
        assert not numbers & set(re.findall(rb"(?=([0-9]{16}))", text)), file


def test_the_search_for_card_numbers_finds_one(ready, tmp_path):
    file = tmp_path / "log"
    file.write_bytes(b"x9" + ready.card_numbers[5].encode() + b"9")
    assert ready.card_numbers[5].encode() in set(re.findall(rb"(?=([0-9]{16}))", file.read_bytes()))


def test_nothing_is_lost_when_everything_fails(ready):
    """Duplicates, serving killed for 10 s, deciding killed and restarted, Flink killed and restarted from its checkpoint."""
    done = []

    def faults(system: StreamingSystem):
        plan = [
            (6, "serving killed", system.serving.kill),
            (16, "serving back", system.serving.start),
            (18, "deciding killed", system.decider.kill),
            (20, "deciding back", system.decider.start),
            (22, "flink killed", system.flink.kill),
            (23, "flink restarted", lambda: (_checkpointed(system), system.flink.restart())),
        ]

        def strike(elapsed_s: float) -> None:
            while plan and elapsed_s >= plan[0][0]:
                _, what, blow = plan.pop(0)
                blow()
                done.append((what, time.time() * 1000))

        return strike

    day = decide_day(
        ready.history, ready.live, ready.from_ms, ready.model, ready.nightly, SilentScreen(),
        rate=50, duplicates=0.05, undecided_after_s=5, faults=faults,
    )  # fmt: skip
    assert len(done) == 6
    figures = _nothing_lost(day, ready)
    assert figures["by_path"]["fallback"] > 100
    assert figures["by_path"]["model"] > 700
    back_ms = done[-1][1]
    assert any(row["path"] == "model" and row["decided_at"] > back_ms for row in day.decided)
    for row in day.decided:
        assert (row["path"] == "fallback") == bool(row["why"]) == (row["score"] is None)


def _checkpointed(system):
    assert system.flink.newest_checkpoint() is not None, "the restart must be from a checkpoint, not afresh"
