"""Brings a trained model version into the detector: activates it, makes its rules, publishes a detector version with both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fraud.detector import MODEL_TYPE, Rule, Version, rules
from lambda_src.ports.clients import Client
from lambda_src.ports.detector_service import (
    DEPLOYING,
    FAILED,
    UNFINISHED,
    DetectorVersion,
    ModelVersion,
    detector_versions,
    model_versions,
    pages,
)

KEPT = 1
"""Detector versions that stay beside the one that is published, to go back to; the service deploys 5 model versions in all."""


class NotPublishedError(Exception):
    """A version cannot be published: says which, why, and what is allowed."""


class Wanted(NamedTuple):
    """What is to be published: names, and the thresholds of the rules."""

    detector: str
    model: str
    high: int
    medium: int


class Step(NamedTuple):
    """What was done, in words, and whether that is all."""

    done: bool
    says: str


def publish(client: Client, wanted: Wanted, version: Version | None = None) -> Step:
    """Does the next step of publishing a model version; called again, goes on, and changes nothing once all is done.

    Args:
        client: of frauddetector.
        version: which; the newest that was trained, if it is left out.

    Raises:
        NotPublishedError: there is none, or its training failed.
    """
    model = _chosen(model_versions(client, wanted.model), version, wanted.model)
    given = {"modelId": wanted.model, "modelType": MODEL_TYPE, "modelVersionNumber": model.number}
    if model.status == UNFINISHED:
        return Step(False, f"version {model.number} is in training")
    if model.status == "TRAINING_COMPLETE":
        client.update_model_version_status(**given, status="ACTIVE")
        return Step(False, f"version {model.number} is trained, and is being deployed")
    if model.status in DEPLOYING:
        return Step(False, f"version {model.number} is being deployed")
    if model.status != "ACTIVE":
        why = f": {model.why}" if model.why else ""
        raise NotPublishedError(f"version {model.number} is {model.status}{why}; allowed: one that is trained")
    number = _published(client, wanted, model)
    _retire(client, wanted)
    return Step(True, f"detector version {number} is published with model version {model.number}")


def publish_again(client: Client, wanted: Wanted) -> Step:
    """Publishes the model version that is published, with rules of these thresholds; nothing where none is.

    A deployment that changes the template's detector publishes that, without a model: the newest with one counts then.

    Raises:
        NotPublishedError: it is no longer deployed.
    """
    known = [one for one in detector_versions(client, wanted.detector) if one.models]
    if not known:
        return Step(True, "no model version is published")
    standing = next((one for one in known if one.status == "ACTIVE"), known[-1])
    return publish(client, wanted, max(version for _, version in standing.models))


def _chosen(known: list[ModelVersion], version: Version | None, model: str) -> ModelVersion:
    found = [one for one in known if (one.version == version if version else one.status not in FAILED)]
    if not found:
        there = ", ".join(f"{one.version} {one.status}" for one in known) or "none"
        raise NotPublishedError(f"{model} has no version {version or 'that was trained'}; there are: {there}")
    return found[-1]


def _published(client: Client, wanted: Wanted, model: ModelVersion) -> str:
    """The number of the detector version that is ACTIVE with the model and the rules."""
    made = {rule.name: _rule(client, wanted.detector, rule) for rule in _rules(wanted)}
    models = frozenset([(wanted.model, model.version)])
    known = [
        one
        for one in detector_versions(client, wanted.detector)
        if (list(one.rules.items()), one.models) == (list(made.items()), models)
    ]
    if active := next((one for one in known if one.status == "ACTIVE"), None):
        return active.number
    if known:
        number = known[-1].number
    else:
        answer = client.create_detector_version(
            detectorId=wanted.detector,
            rules=[{"detectorId": wanted.detector, "ruleId": name, "ruleVersion": of} for name, of in made.items()],
            modelVersions=[{"modelId": wanted.model, "modelType": MODEL_TYPE, "modelVersionNumber": model.number}],
            ruleExecutionMode="FIRST_MATCHED",
        )
        number = str(answer["detectorVersionId"])
    client.update_detector_version_status(detectorId=wanted.detector, detectorVersionId=number, status="ACTIVE")
    return number


def _rules(wanted: Wanted) -> tuple[Rule, ...]:
    return rules(wanted.model, high=wanted.high, medium=wanted.medium)


def _rule(client: Client, detector: str, rule: Rule) -> str:
    """The version of a rule that says this, which is made if there is none."""
    known = list(pages(client.get_rules, "ruleDetails", detectorId=detector, ruleId=rule.name))
    for one in known:
        if (one["expression"], one["outcomes"]) == (rule.expression, [rule.outcome]):
            return str(one["ruleVersion"])
    said = {"expression": rule.expression, "language": "DETECTORPL", "outcomes": [rule.outcome]}
    if not known:
        return str(client.create_rule(ruleId=rule.name, detectorId=detector, **said)["rule"]["ruleVersion"])
    newest = max(known, key=lambda one: int(one["ruleVersion"]))
    where = {name: newest[name] for name in ("detectorId", "ruleId", "ruleVersion")}
    return str(client.update_rule_version(rule=where, **said)["rule"]["ruleVersion"])


def _retire(client: Client, wanted: Wanted) -> None:
    """Deletes detector versions of long ago, and no longer deploys the model versions that none has.

    A model version that is newer than those stays: another call deployed it, and is about to publish it. The service deploys no
    version a second time.
    """
    known = detector_versions(client, wanted.detector)
    old = [one for one in known if one.status == "INACTIVE"]
    gone = old[:-KEPT]
    for one in gone:
        client.delete_detector_version(detectorId=wanted.detector, detectorVersionId=one.number)
    stay: Mapping[str, DetectorVersion] = {one.number: one for one in known if one not in gone}
    used = {version for one in stay.values() for _, version in one.models}
    newest = max(used, default=Version(1, 0))
    for model in model_versions(client, wanted.model):
        if model.status == "ACTIVE" and model.version not in used and model.version < newest:
            given = {"modelId": wanted.model, "modelType": MODEL_TYPE, "modelVersionNumber": model.number}
            client.update_model_version_status(**given, status="INACTIVE")
