"""`catch_up`: what is waited for, when it is over, and what is said when it is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, TopicPartition

from lambda_src.ports.group_progress import GroupProgress
from lambda_src.ports.kafka_topics import TopicError
from samples.lambda_context import Context
from tests.lambda_src.cloudformation import request

NOW_S = 1_000_000


class Consumer:
    """Kafka's consumer over partitions in memory: the times of their records, seconds since 1970, and what was committed."""

    def __init__(self, *partitions, low=0, committed=()):
        self.partitions, self.low, self.done, self.closed = partitions, low, list(committed), False

    def list_topics(self, topic, timeout):
        found = SimpleNamespace(error=None, partitions=dict.fromkeys(range(len(self.partitions))))
        return SimpleNamespace(topics={topic: found})

    def get_watermark_offsets(self, place, timeout):
        return self.low, len(self.partitions[place.partition])

    def offsets_for_times(self, asked, timeout):
        found = []
        for one in asked:
            times = self.partitions[one.partition]
            later = [offset for offset, at in enumerate(times) if at * 1000 >= one.offset]
            found.append(TopicPartition(one.topic, one.partition, later[0] if later else -1))
        return found

    def committed(self, asked, timeout):
        done = self.done.pop(0) if len(self.done) > 1 else self.done[0] if self.done else {}
        return [TopicPartition(one.topic, one.partition, done.get(one.partition, -1001)) for one in asked]

    def close(self):
        self.closed = True


LONG_AGO, JUST_NOW = NOW_S - 3600, NOW_S - 1


@pytest.mark.parametrize(
    ("consumer", "since_s", "behind"),
    [
        (Consumer([LONG_AGO] * 3, [LONG_AGO] * 2), 0, 5),
        (Consumer([LONG_AGO] * 3, [LONG_AGO] * 2, committed=[{0: 3, 1: 1}]), 0, 1),
        (Consumer([LONG_AGO] * 3, [LONG_AGO] * 2, committed=[{0: 3, 1: 2}]), 0, 0),
        # what is so young may still be on its way
        (Consumer([LONG_AGO, JUST_NOW], [JUST_NOW], committed=[{0: 1}]), 0, 0),
        (Consumer([JUST_NOW], []), 0, 0),
        # what was there before it began is not its own
        (Consumer([LONG_AGO] * 3, [LONG_AGO] * 2), NOW_S - 60, 0),
        (Consumer([LONG_AGO, NOW_S - 50, NOW_S - 40], []), NOW_S - 60, 2),
        # what the broker has deleted by age
        (Consumer([LONG_AGO] * 3, low=2), 0, 1),
    ],
)
def test_so_much_is_still_to_be_read(consumer, since_s, behind):
    progress = GroupProgress(consumer, "transactions")
    assert progress.behind(progress.at((NOW_S - 30) * 1000), since_s * 1000) == behind


def test_a_topic_that_is_not_there_is_told(monkeypatch):
    consumer = Consumer()
    missing = SimpleNamespace(error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), partitions={})
    monkeypatch.setattr(consumer, "list_topics", lambda topic, timeout: SimpleNamespace(topics={topic: missing}))
    with pytest.raises(TopicError, match=r"^transactions: "):
        GroupProgress(consumer, "transactions").ends()


ASKED = {
    "Group": "stream-features-1", "Topic": "transactions", "Since": "0", "Clock": "broker", "Last": "true", "BeginBefore": "360",
}  # fmt: skip


@pytest.fixture
def caught_up(load, answers, monkeypatch):
    """Has the function process a request over a consumer; its answer, and how often it waited."""
    function = load("catch_up")
    brokers = {"BootstrapBrokerString": "127.0.0.1:9092"}
    monkeypatch.setattr(function.kafka, "get_bootstrap_brokers", lambda ClusterArn: brokers)  # noqa: N803
    monkeypatch.setattr(function.time, "time", lambda: NOW_S)
    waited = []
    monkeypatch.setattr("lambda_src.time_left.time.sleep", waited.append)

    def of(consumer, kind="Create", looks=10, **properties):
        monkeypatch.setattr(function, "Consumer", lambda settings: consumer)
        given = request(kind, answers, **ASKED | properties)
        if kind != "Create":
            given["PhysicalResourceId"] = "from-77"
        function.handler(given, Context(looks=looks))
        return answers.last(), len(waited)

    return of


def test_it_answers_once_the_group_has_read_what_is_old_enough(caught_up):
    consumer = Consumer([LONG_AGO] * 3, committed=[{}, {0: 2}, {0: 3}])
    answer, waited = caught_up(consumer)
    assert (answer["Status"], answer["Data"], waited) == ("SUCCESS", {"From": str(NOW_S - 360)}, 2)
    assert answer["PhysicalResourceId"] == f"from-{NOW_S - 360}"
    assert consumer.closed


def test_a_new_topic_is_not_waited_for(caught_up):
    assert caught_up(Consumer([], [JUST_NOW]))[1] == 0


def test_records_with_times_of_their_own_are_read_up_to_what_was_there(caught_up):
    years_ago = Consumer([5, NOW_S + 5], committed=[{0: 1}, {0: 2}])
    answer, waited = caught_up(years_ago, Clock="data")
    assert (answer["Status"], waited) == ("SUCCESS", 1)


def test_one_that_is_not_the_last_leaves_the_rest_to_the_next(caught_up):
    answer, waited = caught_up(Consumer([LONG_AGO] * 3), looks=3, Last="false")
    assert (answer["Status"], waited) == ("SUCCESS", 3)


def test_the_last_says_how_far_the_group_is_behind(caught_up):
    answer, _ = caught_up(Consumer([LONG_AGO] * 3, committed=[{0: 1}]), looks=3)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "not-made")
    assert (
        "stream-features-1 is 2 records of transactions behind; nothing has changed for the readers" in answer["Reason"]
    )


@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_where_readers_began_stays(caught_up, kind):
    answer, waited = caught_up(None, kind)
    assert (answer["Data"], answer["PhysicalResourceId"], waited) == ({"From": "77"}, "from-77", 0)
