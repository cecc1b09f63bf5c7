"""Lists of SageMaker's: in order, filtered, and in pages that go on behind what was shown, whatever is deleted meanwhile."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.sagemaker.endpoints import Endpoints
from emulator.sagemaker.feature_store import FeatureStore
from emulator.sagemaker.jobs import Jobs
from emulator.sagemaker.registry import Registry
from emulator.sagemaker.services import services
from emulator.sagemaker.transforms import Transforms
from emulator.sagemaker.tuning import TuningJobs

UNUSED: Any = None


@pytest.fixture
def endpoints(tmp_path: Path) -> Endpoints:
    """With 25 models, the first the oldest."""
    one = Endpoints(tmp_path, UNUSED, UNUSED, {})
    for number in range(25):
        one.create_model(ModelName=f"model-{number:02}")
        moment = datetime.datetime(2026, 11, 1 + number, tzinfo=datetime.timezone.utc)
        one.models.get(f"model-{number:02}")["CreationTime"] = moment
    return one


def shown(answer: dict[str, Any]) -> list[int]:
    return [int(one["ModelName"].removeprefix("model-")) for one in answer["Models"]]


def test_pages_hold_ten_newest_first_and_go_on_behind_what_was_shown(endpoints: Endpoints) -> None:
    first = endpoints.list_models()
    assert shown(first) == list(range(24, 14, -1))
    for number in (24, 15, 14):
        endpoints.delete_model(f"model-{number:02}")
    second = endpoints.list_models(NextToken=first["NextToken"])
    assert shown(second) == list(range(13, 3, -1))
    last = endpoints.list_models(NextToken=second["NextToken"])
    assert shown(last) == [3, 2, 1, 0]
    assert "NextToken" not in last


def test_a_page_that_holds_all_that_is_left_is_the_last(endpoints: Endpoints) -> None:
    assert "NextToken" not in endpoints.list_models(MaxResults=25)
    assert endpoints.list_models(MaxResults=24)["NextToken"]


def test_order_and_filters(endpoints: Endpoints) -> None:
    assert shown(endpoints.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=3)) == [0, 1, 2]
    assert shown(endpoints.list_models(NameContains="-1", MaxResults=3)) == [19, 18, 17]
    moment = datetime.datetime(2026, 11, 4, tzinfo=datetime.timezone.utc)
    assert shown(endpoints.list_models(CreationTimeBefore=moment)) == [2, 1, 0]
    assert shown(endpoints.list_models(CreationTimeAfter=moment, SortOrder="Ascending", MaxResults=1)) == [4]


def test_a_token_or_a_filter_that_is_not_known_is_refused(endpoints: Endpoints) -> None:
    with pytest.raises(ServiceError, match="NextToken: 'more' is none of this list's"):
        endpoints.list_models(NextToken="more")
    with pytest.raises(ServiceError, match="Endpoint: Unheard is not implemented here"):
        endpoints.list_endpoints(Unheard="x")


def test_versions_of_a_group_are_listed_oldest_first_and_those_of_all_groups_if_asked_for() -> None:
    registry = Registry()
    for group in ("one", "two"):
        registry.create_model_package_group(ModelPackageGroupName=group)
        for _ in range(2):
            registry.create_model_package(ModelPackageGroupName=group)
    found = registry.list_model_packages(ModelPackageGroupName="one")["ModelPackageSummaryList"]
    assert [one["ModelPackageVersion"] for one in found] == [1, 2]
    assert registry.list_model_packages()["ModelPackageSummaryList"] == []
    assert len(registry.list_model_packages(ModelPackageType="Versioned")["ModelPackageSummaryList"]) == 4


def test_every_kind_that_is_described_is_listed_too_and_each_may_be_refused(tmp_path: Path) -> None:
    endpoints = Endpoints(tmp_path, UNUSED, UNUSED, {})
    transforms = Transforms(tmp_path, UNUSED, UNUSED, {}, endpoints.models)
    jobs = Jobs(tmp_path, UNUSED, UNUSED, {}, {})
    made = (jobs, TuningJobs(jobs), transforms, endpoints, Registry())
    control = services(*made, FeatureStore(tmp_path / "store.db"))[0]
    described = [name.removeprefix("Describe") for name in control.permissions if name.startswith("Describe")]
    assert len(described) == 11
    for kind in described:
        assert control.implementing(f"Describe{kind}"), kind
        listing = control.implementing(f"List{kind}s")
        assert listing, kind
        (members,) = listing().values()
        assert members == []
        assert list(control.permissions[f"List{kind}s"]({})) == [(f"sagemaker:List{kind}s", "*")]
        control.wire.answer(control.wire.model.operation_model(f"List{kind}s"), listing())
