"""The job on live topics: nothing waits for other traffic, and a crash loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from engines.broker import Broker
from fraud.features.catalogue import STREAM_FEATURES, names
from local.stream_job import StreamJob
from tests.parity.conftest import FeatureReader
from tests.parity.live_traffic import LiveTraffic, rows_named, wait_for_checkpoint
from tests.parity.naive import naive_stream_features
from tests.parity.test_stream_features import features_of

pytestmark = pytest.mark.engines

TOPIC = "transactions-live"
RATE = 200
SECONDS = 10


@pytest.fixture
def reader(broker: Broker, live_job: StreamJob) -> Iterator[FeatureReader]:
    features = FeatureReader(broker.address, "features-live")
    yield features
    features.close()


def test_a_lone_transaction_comes_out_within_a_second(
    broker: Broker, live_job: StreamJob, reader: FeatureReader
) -> None:
    traffic = LiveTraffic(broker, TOPIC)
    traffic.send(rows_named("first", 1))
    assert reader.read(bool, timeout_s=30), "the job does not answer at all"
    time.sleep(1)

    waits = []
    for number in range(3):
        sent = time.perf_counter()
        traffic.send(rows_named(f"lone{number}-", 1))
        while not reader.poll():
            assert time.perf_counter() - sent < 10
        waits.append(time.perf_counter() - sent)
        time.sleep(1)
    assert max(waits) < 1, f"seconds: {waits}"


def test_a_killed_job_goes_on_from_its_checkpoint(broker: Broker, live_job: StreamJob, reader: FeatureReader) -> None:
    rows = rows_named("restart", RATE * SECONDS)
    traffic = threading.Thread(target=LiveTraffic(broker, TOPIC).send, args=(rows, RATE))
    traffic.start()
    time.sleep(SECONDS / 2)
    wait_for_checkpoint(live_job)
    live_job.kill()
    assert not live_job.running
    traffic.join()
    live_job.restart()

    sent = {row["transaction_id"]: row for row in rows}
    found = reader.read(lambda found: sent.keys() <= {each["transaction_id"] for each in found}, timeout_s=60)
    earlier = [each for each in found if each["transaction_id"] not in sent]
    results = [each for each in found if each["transaction_id"] in sent]

    assert {each["transaction_id"] for each in results} == sent.keys()
    assert len(results) < 1.25 * len(rows), "delivered again from the beginning, not from the checkpoint"
    computed = naive_stream_features([each | {"event_ms": each["trans_time"]} for each in _once(earlier + results)])
    expected = features_of(computed, names(STREAM_FEATURES))
    for each in results:
        name = each["transaction_id"]
        assert features_of([each], names(STREAM_FEATURES))[name] == expected[name]


def _once(results: list[dict]) -> list[dict]:
    return list({each["transaction_id"]: each for each in results}.values())
