"""What CloudFormation does with a feature group whose properties have changed: some it updates, nothing does it make anew."""

from __future__ import annotations

from typing import Any

from emulator.clients import Clients
from emulator.protocol.shapes import coerce
from emulator.protocol.wire import service_model
from emulator.sagemaker.records import named
from engines.waiting import wait_until

UPDATE_TIMEOUT_S = 60
_FEATURES, _ONLINE, _TTL = "FeatureDefinitions", "OnlineStoreConfig", "TtlDuration"


class FeatureGroupUpdate:
    """The update of an `AWS::SageMaker::FeatureGroup`: features that are added, and how long a record stays.

    The type's schema lists all others as `createOnlyProperties`: they would take another group, and the name is taken.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def __call__(
        self, physical_id: str, old: dict[str, Any], new: dict[str, Any], _stack: str
    ) -> tuple[str, dict[str, Any]]:
        if _create_only(old) != _create_only(new):
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {physical_id} and update the stack again."
            )
        if added := _added(physical_id, old[_FEATURES], new[_FEATURES]):
            self._update(physical_id, {"FeatureAdditions": added})
        if (ttl := new.get(_ONLINE, {}).get(_TTL)) != old.get(_ONLINE, {}).get(_TTL):
            self._update(physical_id, {_ONLINE: {_TTL: ttl or {}}})
        group = named("feature-group", physical_id)
        return physical_id, {"FeatureGroupName": physical_id, "Arn": group, "FeatureGroupArn": group}

    def _update(self, group: str, changes: dict[str, Any]) -> None:
        client = self._clients.admin("sagemaker")
        shape = service_model("sagemaker").operation_model("UpdateFeatureGroup").input_shape
        client.update_feature_group(**coerce(shape, {"FeatureGroupName": group, **changes}))

        def through() -> bool:
            status = client.describe_feature_group(FeatureGroupName=group)["LastUpdateStatus"]
            return bool(status["Status"] == "Successful")

        wait_until(through, UPDATE_TIMEOUT_S, lambda: ValueError(f"{group}: its update was not through"))


def _create_only(properties: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in properties.items() if name not in (_FEATURES, "ThroughputConfig")}
    if _ONLINE in kept:
        kept[_ONLINE] = {name: value for name, value in kept[_ONLINE].items() if name != _TTL}
    return kept


def _added(group: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The features that are new; none may be gone or be of another type."""
    if gone := [one["FeatureName"] for one in old if one not in new]:
        raise ValueError(f"{group}: {', '.join(gone)}: features cannot be removed from a feature group, nor changed")
    return [one for one in new if one not in old]
