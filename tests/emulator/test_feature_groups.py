"""A feature group gets features after it was made, keeps its records, and loses nothing: by calls, and by a stack's update."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.errors import ServiceError
from emulator.process import EmulatedAws
from emulator.sagemaker import feature_store
from emulator.sagemaker.feature_store import FeatureStore
from local.assembly import Stack
from local.deployment import DeploymentError, deploy
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks

pytestmark = pytest.mark.timeout(600)


def features(**types: str) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": kind} for name, kind in types.items()]


def record(**values: object) -> list[dict[str, str]]:
    given = {"card": "a", "at": "2026-01-31T00:00:00Z", **values}
    return [{"FeatureName": name, "ValueAsString": str(value)} for name, value in given.items()]


GROUP: dict[str, Any] = {
    "FeatureGroupName": "extended-fg",
    "RecordIdentifierFeatureName": "card",
    "EventTimeFeatureName": "at",
    "FeatureDefinitions": features(card="String", at="String"),
    "OnlineStoreConfig": {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Weeks", "Value": 5_000}},
}
COUNT = features(count="Integral")


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    one = FeatureStore(tmp_path / "store.db")
    one.create_feature_group(**GROUP)
    return one


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds that the store sees go by, at will."""
    now = [1_000.0]
    monkeypatch.setattr(feature_store.time, "monotonic", lambda: now[0])
    return now


def test_a_feature_is_there_once_its_update_is_through(store: FeatureStore, clock: list[float]) -> None:
    store.put_record("extended-fg", record())
    assert "LastUpdateStatus" not in store.describe_feature_group("extended-fg")
    store.update_feature_group("extended-fg", FeatureAdditions=COUNT)
    described = store.describe_feature_group("extended-fg")
    assert described["LastUpdateStatus"] == {"Status": "InProgress"}
    assert described["FeatureDefinitions"] == GROUP["FeatureDefinitions"]
    with pytest.raises(ServiceError, match="count is none of the group's features"):
        store.put_record("extended-fg", record(count=1))
    with pytest.raises(ServiceError, match="is being updated"):
        store.update_feature_group("extended-fg", FeatureAdditions=features(mean="Fractional"))

    clock[0] += feature_store.UPDATE_S
    described = store.describe_feature_group("extended-fg")
    assert described["LastUpdateStatus"] == {"Status": "Successful"}
    assert described["FeatureDefinitions"] == [*GROUP["FeatureDefinitions"], *COUNT]
    assert store.get_record("extended-fg", "a")["Record"] == record()
    newer = record(at="2026-02-01T00:00:00Z", count=1)
    store.put_record("extended-fg", newer)
    assert store.get_record("extended-fg", "a")["Record"] == newer
    with pytest.raises(ServiceError, match="count: 'one'; allowed: Integral"):
        store.put_record("extended-fg", record(at="2026-02-02T00:00:00Z", count="one"))


def test_a_group_of_the_same_name_gets_nothing_of_an_update_of_before(store: FeatureStore, clock: list[float]) -> None:
    store.update_feature_group("extended-fg", FeatureAdditions=COUNT)
    store.delete_feature_group("extended-fg")
    store.create_feature_group(**GROUP)
    clock[0] += 60
    assert store.describe_feature_group("extended-fg")["FeatureDefinitions"] == GROUP["FeatureDefinitions"]


def test_how_long_records_stay_can_be_changed(store: FeatureStore, clock: list[float]) -> None:
    store.update_feature_group("extended-fg", OnlineStoreConfig={"TtlDuration": {"Unit": "Seconds", "Value": 1}})
    clock[0] += 60
    online = store.describe_feature_group("extended-fg")["OnlineStoreConfig"]
    assert online == {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Seconds", "Value": 1}}
    store.put_record("extended-fg", record())
    assert store.get_record("extended-fg", "a")["Record"] is None


@pytest.mark.parametrize(
    ("group", "given", "code", "says"),
    [
        ("other-fg", {"FeatureAdditions": COUNT}, "ResourceNotFound", "other-fg"),
        ("extended-fg", {"FeatureAdditions": features(at="String")}, "ValidationException", "has a feature at already"),
        ("extended-fg", {"FeatureAdditions": COUNT * 2}, "ValidationException", "has a feature count already"),
        ("extended-fg", {}, "ValidationException", "nothing; allowed: either FeatureAdditions or OnlineStoreConfig"),
        ("extended-fg", {"FeatureAdditions": COUNT, "OnlineStoreConfig": {}}, "ValidationException", "allowed: either"),
        ("extended-fg", {"FeatureAdditions": COUNT * 101}, "ValidationException", "101 elements; allowed: 1 to 100"),
    ],
)
def test_an_update_that_the_service_refuses_changes_nothing(
    aws: EmulatedAws, group: str, given: dict[str, Any], code: str, says: str
) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_feature_group(**GROUP)
    try:
        with pytest.raises(ClientError, match=says) as refused:
            sagemaker.update_feature_group(FeatureGroupName=group, **given)
        assert refused.value.response["Error"]["Code"] == code
        described = sagemaker.describe_feature_group(FeatureGroupName="extended-fg")
        assert described["FeatureDefinitions"] == GROUP["FeatureDefinitions"]
        assert "LastUpdateStatus" not in described
    finally:
        sagemaker.delete_feature_group(FeatureGroupName="extended-fg")


def stack(**changes: Any) -> Stack:
    made = {
        "Type": "AWS::SageMaker::FeatureGroup",
        "Properties": {**GROUP, "FeatureGroupName": "stacked-fg", **changes},
    }
    return Stack("Stacked", json.dumps({"Resources": {"Group": made}}), (), ())


def test_a_stacks_update_adds_and_nothing_is_made_anew(aws: EmulatedAws) -> None:
    sagemaker, store = aws.client("sagemaker"), aws.client("sagemaker-featurestore-runtime")
    deploy([stack()], aws.client)
    store.put_record(FeatureGroupName="stacked-fg", Record=record())

    def found() -> dict[str, Any]:
        got = store.get_record(FeatureGroupName="stacked-fg", RecordIdentifierValueAsString="a")
        assert got["Record"] == record()
        described = sagemaker.describe_feature_group(FeatureGroupName="stacked-fg")
        return {name: value for name, value in described.items() if name != "ResponseMetadata"}

    more = {
        "FeatureDefinitions": [*COUNT, *GROUP["FeatureDefinitions"]],
        "OnlineStoreConfig": {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Weeks", "Value": "6000"}},
    }
    deploy([stack(**more)], aws.client)
    extended = found()
    assert extended["FeatureDefinitions"] == [*GROUP["FeatureDefinitions"], *COUNT]
    assert extended["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Weeks", "Value": 6_000}

    renamed = "cannot update a stack when a custom-named resource requires replacing. Rename stacked-fg and update"
    refused = {
        "count: features cannot be removed": {"FeatureDefinitions": GROUP["FeatureDefinitions"]},
        "card: features cannot be removed from a feature group, nor changed": {
            "FeatureDefinitions": [*features(card="Integral", at="String"), *COUNT]
        },
        renamed: {"EventTimeFeatureName": "card"},
        f"{renamed}(?# another)": {"OnlineStoreConfig": {"EnableOnlineStore": False}},
    }
    for says, changes in refused.items():
        with pytest.raises(DeploymentError, match=f"Stacked: UPDATE_ROLLBACK_COMPLETE: Group.*{says}"):
            deploy([stack(**{**more, **changes})], aws.client)
        assert found() == extended


@pytest.mark.engines
def test_a_release_rolls_over_groups_that_stand_and_back(tmp_path: Path) -> None:
    """The application's own stack, with the function that it deploys."""
    data, features_stack = synthesized_stacks(tmp_path / "out", {"env": "dev"})[:2]
    template = json.loads(features_stack.body)
    (extended,) = (one for one in template["Resources"].values() if one["Type"] == "Custom::ExtendedFeatureGroups")
    declared = {name: dict(of) for name, of in extended["Properties"]["Groups"].items()}

    def release(**more: str) -> Stack:
        extended["Properties"]["Groups"] = {**declared, "cc-agg-fg": {**declared["cc-agg-fg"], **more}}
        return replace(features_stack, body=json.dumps(template))

    with EmulatedAws(tmp_path / "aws", STAND_INS) as aws:
        sagemaker, store = aws.client("sagemaker"), aws.client("sagemaker-featurestore-runtime")

        def held(group: str) -> dict[str, str]:
            found = sagemaker.describe_feature_group(FeatureGroupName=group)["FeatureDefinitions"]
            return {one["FeatureName"]: one["FeatureType"] for one in found}

        def put(moment: str, **values: object) -> None:
            given = [("cc_num", "a"), ("trans_time", moment), *values.items()]
            row = [{"FeatureName": name, "ValueAsString": str(value)} for name, value in given]
            store.put_record(FeatureGroupName="cc-agg-fg", Record=row)
            got = store.get_record(FeatureGroupName="cc-agg-fg", RecordIdentifierValueAsString="a")
            assert got["Record"] == row

        deploy([data, release()], aws.client)
        assert {name: held(name) for name in declared} == declared
        put("2126-01-31T00:00:00Z", num_trans_last_10m=1)

        deploy([release(num_trans_last_6h="Integral")], aws.client)
        assert held("cc-agg-fg") == {**declared["cc-agg-fg"], "num_trans_last_6h": "Integral"}
        put("2126-01-31T00:01:00Z", num_trans_last_10m=2, num_trans_last_6h=2)

        deploy([release()], aws.client)
        assert held("cc-agg-fg") == {**declared["cc-agg-fg"], "num_trans_last_6h": "Integral"}
        put("2126-01-31T00:02:00Z", num_trans_last_10m=3)

        refused = "num_trans_last_6h is there as Integral, and is declared as Fractional"
        with pytest.raises(DeploymentError, match=f"UPDATE_ROLLBACK_COMPLETE.*ExtendedFeatureGroups.*{refused}"):
            deploy([release(num_trans_last_6h="Fractional", num_trans_last_2h="Integral")], aws.client)
        assert "num_trans_last_2h" not in held("cc-agg-fg")
        put("2126-01-31T00:03:00Z", num_trans_last_10m=4)
