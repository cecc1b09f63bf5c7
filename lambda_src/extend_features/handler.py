"""Adds to feature groups what a release declares and they lack, and waits until they take records with it.

Property: `Groups`, {group: {feature: type}}. A group loses nothing: the service cannot take a feature away, and a release that is
rolled back leaves the others' features where they are. So deleting does nothing, and a feature keeps the type it was added with.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambda_src.custom_resource import Request, custom_resource
from lambda_src.extend_features.environment import Environment
from lambda_src.ports.clients import client
from lambda_src.telemetry import LambdaContext, logger
from lambda_src.time_left import TimeLeft

environment = Environment.read()
sagemaker = client("sagemaker", timeout_s=10)

ADDED_AT_ONCE = 100
"""Page API_UpdateFeatureGroup: FeatureAdditions, "Maximum number of 100 items"."""
POLL_S = 2.0

Features = Mapping[str, str]
"""{feature: its type}."""


class FeatureGroupError(RuntimeError):
    """A group cannot be what the release declares: names the group and the feature, and says what is allowed."""


@custom_resource("extended-feature-groups")
def handler(request: Request, context: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    if request["RequestType"] == "Delete":
        return {}
    groups = _groups(request["ResourceProperties"].get("Groups"))
    time_left = TimeLeft(context)
    there = {group: _settled(group, time_left) for group in groups}
    # all of them before anything is added: a release that cannot be leaves the groups as they were
    for group, declared in groups.items():
        _check_types(group, declared, there[group])
    while lacking := _lacking(groups, there):
        # side by side: an update takes minutes
        for group, added in lacking.items():
            sagemaker.update_feature_group(
                FeatureGroupName=group,
                FeatureAdditions=[{"FeatureName": name, "FeatureType": groups[group][name]} for name in added],
            )
        for group, added in lacking.items():
            there[group] = _updated(group, added, time_left)
            logger.info("features added", extra={"group": group, "features": added})
    return {}


def _groups(asked: object) -> Mapping[str, Features]:
    if not isinstance(asked, dict) or not all(isinstance(features, dict) for features in asked.values()):
        given = "missing" if asked is None else repr(asked)
        raise FeatureGroupError(f"Groups: {given}; allowed: {{group: {{feature: type}}}}")
    return asked


def _check_types(group: str, declared: Features, there: Features) -> None:
    for name, kind in declared.items():
        if there.get(name, kind) != kind:
            raise FeatureGroupError(
                f"{group}: {name} is there as {there[name]}, and is declared as {kind}; "
                "allowed: the type that it has, or another name"
            )


def _lacking(groups: Mapping[str, Features], there: Mapping[str, Features]) -> dict[str, list[str]]:
    """Of each group that lacks any features, those that it gets next."""
    lacking = {group: [name for name in declared if name not in there[group]] for group, declared in groups.items()}
    return {group: names[:ADDED_AT_ONCE] for group, names in lacking.items() if names}


def _updated(group: str, added: list[str], time_left: TimeLeft) -> Features:
    """What a group holds once these are added."""
    while missing := set(added) - (there := _settled(group, time_left, after_update=True)).keys():
        time_left.wait(POLL_S, f"{group} still lacks {', '.join(sorted(missing))}")
    return there


def _settled(group: str, time_left: TimeLeft, *, after_update: bool = False) -> Features:
    """What a group holds once no update of it is on its way. Whether an update before ours failed is no matter."""
    while True:
        found = sagemaker.describe_feature_group(FeatureGroupName=group)
        update = found.get("LastUpdateStatus", {})
        if update.get("Status") == "Failed" and after_update:
            why = update.get("FailureReason", "the service gives no reason")
            raise FeatureGroupError(f"{group}: its update failed: {why}")
        if update.get("Status") != "InProgress":
            return {one["FeatureName"]: one["FeatureType"] for one in found["FeatureDefinitions"]}
        time_left.wait(POLL_S, f"{group} is still being updated")
