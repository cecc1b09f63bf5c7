"""Another stream job stands beside the one before, and takes over without a gap: what CloudFormation is told of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flink_src.properties import JobProperties
from flink_src.version import job_version, read_back_ms
from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.habits import Habit
from fraud.features.windows import Window
from stacks.constructs.stream_job import stream_version
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import Templates, read_templates, referred, resources, synthesize

RUNTIME = "FLINK-2_2"
JOB = JobProperties(bootstrap_servers="b:9098")


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Settings under which the stream job's SQL is another."""
    return read_templates(synthesize(tmp_path_factory.mktemp("later"), env="dev", undeclared_fields="refuse"))


def with_further(*declared: Window | Habit) -> Catalogue:
    return Catalogue(
        windows=(*CATALOGUE.windows, *(one for one in declared if isinstance(one, Window))),
        habits=(*CATALOGUE.habits, *(one for one in declared if isinstance(one, Habit))),
    )


@pytest.mark.parametrize(
    ("properties", "catalogue"),
    [
        (replace(JOB, undeclared_fields="refuse"), CATALOGUE),
        (replace(JOB, partitions=8), CATALOGUE),
        (replace(JOB, heartbeat=False), CATALOGUE),
        (JOB, with_further(Window(back="2h", aggregates=("count",)))),
        (JOB, with_further(Habit(key=("cc_num", "device_id"), back="all", aggregates=("count",)))),
    ],
)
def test_another_sql_is_another_version(properties: JobProperties, catalogue: Catalogue) -> None:
    assert job_version(properties, RUNTIME, catalogue) != job_version(JOB, RUNTIME)
    assert job_version(JOB, "FLINK-2_3") != job_version(JOB, RUNTIME)


@pytest.mark.parametrize(
    "properties",
    [
        replace(JOB, bootstrap_servers="c:9098", client={"security.protocol": "SASL_SSL"}),
        replace(JOB, features_topic="features-1", group_id="g", startup_mode="latest-offset", read_back_ms=5),
        replace(JOB, flush_interval_ms=50, state_ttl="3 d"),
    ],
)
def test_where_a_job_stands_and_how_fast_it_is_does_not_change_its_version(properties: JobProperties) -> None:
    assert job_version(properties, RUNTIME) == job_version(JOB, RUNTIME)
    nightly_alone = with_further(Habit(back="2d", aggregates=("count",)))
    assert job_version(properties, RUNTIME, nightly_alone) == job_version(JOB, RUNTIME)


def test_it_reads_back_over_the_longest_window_and_what_may_be_delivered_again_in_it() -> None:
    short = Catalogue(windows=(Window(back="6h", aggregates=("count",)),), habits=())
    assert read_back_ms(JOB, short) == 2 * MS_PER_DAY + 6 * MS_PER_HOUR
    with pytest.raises(ValueError, match="allowed: whole days"):
        read_back_ms(replace(JOB, state_ttl="36 h"))


def policies(templates: Templates) -> Iterator[tuple[str, Any]]:
    for one in resources(templates, "AWS::IAM::Policy"):
        if one.stack == "Streaming" and not one.id.startswith("StreamJob"):
            yield one.id, one.properties["PolicyDocument"]


def test_the_two_have_nothing_of_their_own_in_common(dev: Templates, later: Templates) -> None:
    names = [
        {
            one.id: json.dumps(one.properties)
            for one in resources(templates)
            if one.stack == "Streaming" and stream_version(read_settings(settings)) in one.id
        }
        for templates, settings in ((dev, {}), (later, {"undeclared_fields": "refuse"}))
    ]
    assert len(names[0]) == len(names[1]) > 10
    assert not names[0].keys() & names[1].keys()
    applications = [next(resources(each, "AWS::KinesisAnalyticsV2::Application")) for each in (dev, later)]
    assert len({one.properties["ApplicationName"] for one in applications}) == 2


def test_what_the_functions_may_is_the_same_of_all_versions(dev: Templates, later: Templates) -> None:
    """They read the topic of the job before until the new one has caught up: a policy that changed would end that at once."""
    assert dict(policies(dev)) == dict(policies(later))
    version = stream_version(read_settings({}))
    assert version not in json.dumps(dict(policies(dev)))


def depends(templates: Templates, on: str, one: str) -> bool:
    """Whether a resource is made after another."""
    body = templates["Streaming"]["Resources"][one]
    given = set(body.get("DependsOn", ()))
    text = json.dumps(body.get("Properties", {}))
    given |= {name for name in templates["Streaming"]["Resources"] if f'"{name}"' in text}
    return on in given or any(depends(templates, on, name) for name in given - {one})


def test_readers_begin_once_the_job_has_caught_up_and_the_one_before_ends_once_they_read(dev: Templates) -> None:
    version = stream_version(read_settings({}))
    (application,) = resources(dev, "AWS::KinesisAnalyticsV2::Application")
    readers = [one for one in resources(dev, "AWS::Lambda::EventSourceMapping") if version in one.id]
    assert len(readers) == 2

    def named(kind: str, of: str, more: str = "") -> str:
        begins = f"Stream{kind}{of}{more}"
        return next(one.id for one in resources(dev) if one.id.startswith(begins))

    for reader in readers:
        assert reader.properties["StartingPosition"] == "AT_TIMESTAMP"
        assert referred(reader.properties["StartingPositionTimestamp"]) == named("CaughtUp", version, "Last")
        waits = [one for one in resources(dev, "Custom::CaughtUp") if reader.id in one.body["DependsOn"]]
        assert len(waits) == 1, "what was there before is deleted when all that is new is done"
        for made, before in (
            (reader.id, named("CaughtUp", version, "Last")),
            (named("CaughtUp", version, "Last"), named("CaughtUp", version, "1")),
            (named("CaughtUp", version, "1"), named("Started", version)),
            (named("Started", version), application.id),
            (named("Started", version), named("Features", version)),
        ):
            assert depends(dev, before, made), (made, before)


def test_as_many_calls_wait_as_the_setting_needs(dev: Templates) -> None:
    """Page gettingstarted-limits: a call of a function is over after 900 seconds."""
    job = f"stream-features-{stream_version(read_settings({}))}"
    waits = [one for one in resources(dev, "Custom::CaughtUp") if one.properties["Group"] == job]
    assert len(waits) == 5
    assert [one.properties["Last"] for one in waits] == ["false"] * 4 + ["true"]
    (catch_up,) = [one for one in resources(dev, "AWS::Lambda::Function") if "CatchUp" in one.id]
    assert catch_up.properties["Timeout"] == 900
    assert 4 * (900 - 60) < 60 * 60 <= 5 * (900 - 60)
    assert all(int(one.properties["ServiceTimeout"]) <= 3600 for one in waits)
