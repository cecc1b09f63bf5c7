"""local.decider against a real broker: every transaction one decision, whatever is killed."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer

from engines.broker import Broker
from engines.processes import Process, free_port
from engines.topics import suffixed
from local.decider_settings import DeciderSettings
from local.topics import LIVE_TOPICS
from samples.deciding_world import feature_message, transaction_message, write_model, write_small_nightly

pytestmark = pytest.mark.engines
UNDECIDED_AFTER_S = 2


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving")
    port = free_port()
    argv = [sys.executable, "-m", "engines.serving", "--model", write_model(folder / "model"), "--port", port]
    with Process("serving", argv, log_path=folder / "log") as process:
        process.url = f"http://127.0.0.1:{port}"
        yield process


class World:
    """Topics of its own, a decider, and what came of it."""

    def __init__(self, name, broker, serving, folder):
        broker.create_topics(suffixed(LIVE_TOPICS, f"-{name}"))
        serving.wait_until(lambda: "serving" in serving.log_tail(), "served")
        self.name, self.database = name, folder / "decisions.db"
        settings = DeciderSettings(
            bootstrap_servers=broker.address,
            decisions=self.database,
            nightly=write_small_nightly(folder / "nightly.db"),
            scoring_url=serving.url,
            transactions_topic=f"transactions-{name}",
            features_topic=f"features-{name}",
            quarantine_topic=f"quarantine-{name}",
            group=name,
            undecided_after_s=UNDECIDED_AFTER_S,
        )
        config = folder / "decider.json"
        config.write_text(settings.model_dump_json())
        argv = [sys.executable, "-m", "local.decider", "--config", config]
        self.decider = Process("deciding", argv, log_path=folder / "decider.log")
        self.broker = broker
        self._producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 0})

    def send(self, topic, *values):
        for number, value in enumerate(values):
            self._producer.produce(f"{topic}-{self.name}", value, partition=number % 4)
        assert self._producer.flush(10) == 0

    def decisions(self):
        if not self.database.exists():
            return {}
        with closing(sqlite3.connect(self.database)) as connection:
            try:
                rows = connection.execute("SELECT transaction_id, path, why FROM decisions").fetchall()
            except sqlite3.OperationalError:  # not created yet
                rows = []
        return {transaction_id: (path, why) for transaction_id, path, why in rows}

    def wait_for(self, ids, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while not set(ids) <= self.decisions().keys():
            assert self.decider.running, self.decider.log_tail()
            assert time.monotonic() < deadline, f"undecided: {sorted(set(ids) - self.decisions().keys())[:5]}"
            time.sleep(0.02)
        return self.decisions()

    def quarantined(self, count):
        consumer = Consumer(
            {"bootstrap.servers": self.broker.address, "group.id": "reader", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([f"quarantine-{self.name}"])
        messages = consumer.consume(count, 20)
        consumer.close()
        return [json.loads(message.value()) for message in messages]


@pytest.fixture
def world(request, broker, serving, tmp_path):
    name = request.node.name.removeprefix("test_").replace("_", "-")
    made = World(name, broker, serving, tmp_path)
    with made.decider:
        yield made
        made.decider.stop(grace_s=10)
        assert "Traceback" not in made.decider.log_tail()


def numbers(start, end):
    return [f"t{number}" for number in range(start, end)]


def test_features_are_decided_by_the_model_and_once(world):
    world.send("features", *map(feature_message, range(300)))
    decisions = world.wait_for(numbers(0, 300))
    assert set(decisions.values()) == {("model", None)}
    world.send("features", *(feature_message(number, amount_cents=1) for number in range(301)))
    world.wait_for(["t300"])
    with closing(sqlite3.connect(world.database)) as connection:
        assert connection.execute("SELECT count(*), min(amount_cents) < 2 FROM decisions").fetchone() == (301, 1)
        assert connection.execute("SELECT count(*) FROM decisions WHERE amount_cents < 2").fetchone() == (1,)


def test_a_killed_model_is_replaced_by_the_rule_until_it_is_back(world, serving):
    world.send("features", feature_message(0))
    assert world.wait_for(["t0"])["t0"] == ("model", None)
    serving.kill()
    began = time.monotonic()
    for number in range(1, 21):
        world.send("features", feature_message(number))
        world.wait_for([f"t{number}"])
    stalled_s = time.monotonic() - began
    while_down = [world.decisions()[name] for name in numbers(1, 21)]
    assert {path for path, _ in while_down} == {"fallback"}
    assert all(why.startswith("the model cannot be reached") for _, why in while_down)
    assert stalled_s < 10
    serving.start()
    for number in range(21, 600):
        world.send("features", feature_message(number))
        if world.wait_for([f"t{number}"])[f"t{number}"] == ("model", None):
            break
        time.sleep(0.05)
    assert world.decisions()[f"t{number}"] == ("model", None)


def test_a_killed_decider_loses_nothing_and_decides_nothing_twice(world):
    ids = numbers(0, 1_500)
    world.send("transactions", *map(transaction_message, range(1_500)))
    world.send("features", *map(feature_message, range(700)))
    world.decider.wait_until(lambda: len(world.decisions()) >= 50, "decided 50")
    world.decider.kill()
    before = world.decisions()
    world.send("features", *map(feature_message, range(700, 1_400)))
    world.decider.start()
    after = world.wait_for(ids)
    assert before.items() <= after.items()
    assert len(after) == 1_500
    late = [path for name, (path, _) in after.items() if name in set(numbers(1_400, 1_500))]
    assert late == ["fallback"] * 100


def test_transactions_without_features_are_decided_by_the_rule(world):
    world.send("features", feature_message(0))
    world.wait_for(["t0"])
    began = time.monotonic()
    world.send("transactions", *map(transaction_message, range(20)), *[b"{}", b'{"transaction_id": null}'] * 20)
    decisions = world.wait_for(numbers(0, 20))
    assert time.monotonic() - began > UNDECIDED_AFTER_S - 0.1
    assert decisions.pop("t0") == ("model", None)
    assert set(decisions.values()) == {("fallback", "no features within 2 s")}
    world.send("features", *map(feature_message, range(21)))
    world.wait_for(["t20"])
    assert world.decisions()["t5"] == ("fallback", "no features within 2 s")


def test_malformed_records_are_quarantined_without_card_numbers(world):
    bare = "4111 1111 1111 1111"
    world.send("transactions", transaction_message(1, cc_num=bare), b"nonsense", transaction_message(2))
    world.send("features", feature_message(3, cc_num=bare), feature_message(4))
    records = world.quarantined(3)
    told = {(record["source"]["topic"].partition("-")[0], record["field"]) for record in records}
    assert told == {("transactions", "cc_num"), ("transactions", "message"), ("features", "cc_num")}
    assert all("; allowed: " in record["reason"] for record in records)
    assert "4111" not in json.dumps(records) + world.decider.log_tail()
    assert set(world.wait_for(["t2", "t4"])) == {"t2", "t4"}


def test_settings_are_checked(tmp_path):
    config = tmp_path / "decider.json"
    config.write_text(
        '{"bootstrap_servers": "x", "decisions": "d", "nightly": "n", "scoring_url": "ftp://x", "batch": 1}'
    )
    decider = Process(
        "deciding", [sys.executable, "-m", "local.decider", "--config", config], log_path=tmp_path / "decider.log"
    )
    with decider:
        while decider.running:
            time.sleep(0.05)
    assert "scoring_url" in decider.log_tail()
    assert "Extra inputs are not permitted" in decider.log_tail()
