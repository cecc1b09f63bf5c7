"""What starts a training run by itself, beside the schedule and new files: drift that lasts, and labels that have come back.

Both come as events, each night, maybe twice. The machine's first steps decide whether one of them is followed by a training: an
item beside the turn of the machine holds how many labels there were when they were last counted (`known`) and when the last
training set with labels of the archive was made (`trained`), the day of the last run of this kind (`started`) and the last day of
drift that one followed (`drifted`). A run follows by one conditional write of that item, so that whatever comes twice or at once
starts one, at most one a day, and none piles up behind a run that waits for its turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms

from stacks.constructs.drift import EVENT as DRIFT
from stacks.constructs.permissions import allow
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Catch, Choice, Step, Succeed, Task
from stacks.constructs.turn import CALL_RETRIES, TAKEN, TURN
from stacks.settings import Settings

COUNTED = "labels counted"
"""The detail type of the event that says how many labels there are, `{"labels": 1234}`: the stack Labels tells it each night."""
OF_ITSELF = f"$lookup($states.input, 'detail-type') in ['{DRIFT}', '{COUNTED}']"
"""Whether a run was started by what this module follows (JSONata)."""
_ITEM = "training by itself"
_DAY_MS = 86_400_000
_TODAY = {"S": "{% $substring($now(), 0, 10) %}"}
_NOT_TODAY = "(attribute_not_exists(started) OR started < :today)"


def follows_events(settings: Settings) -> bool:
    """Whether anything starts a run but the schedule, new files, and requests."""
    return settings.training_on_drift or settings.training_new_labels > 0


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """The steps that decide it.

    Attributes:
        table: the turns'.
    """

    settings: Settings
    table: dynamodb.Table

    @property
    def events(self) -> list[str]:
        """The detail types that are followed; labels are counted for drift, too, which without a new one teaches nothing."""
        on_drift = [DRIFT] if self.settings.training_on_drift else []
        return [COUNTED, *on_drift] if follows_events(self.settings) else []

    def steps(self, then: str) -> dict[str, Step]:
        """The steps, the first of them `Of itself?`.

        Args:
            then: the state that a run goes on to which trains.
        """
        if not self.events:
            return {"Of itself?": Step(then=then)}
        rules = {
            f"{{% $lookup($states.input, 'detail-type') = '{event}' %}}": first
            for event, first in ((COUNTED, "Labels counted"), (DRIFT, "Has it lasted?"))
            if event in self.events
        }
        return {
            "Of itself?": Choice(rules=rules, otherwise=then),
            **self._labels(then),
            **(self._drift(then) if self.settings.training_on_drift else {}),
            "Not yet": Succeed(),
        }

    def learned(self) -> dict[str, Step]:
        """The step before a training set of archived labels: what was counted until now is not new any more."""
        if not self.events:
            return {}
        return {"Labels learned": self._set("trained = if_not_exists(known, :none)", {":none": {"N": "0"}})}

    def start(self, machine: StateMachine, key: kms.IKey, bus: str) -> None:
        """Starts a machine by the events on the application's bus, and lets it decide."""
        if not self.events:
            return
        pattern = {"source": ["card-fraud"], "detail-type": self.events}
        machine.on_event("OnDriftOrLabels", key, pattern=pattern, bus=bus)
        allow(machine.role, ["dynamodb:UpdateItem"], [self.table.table_arn])

    def _labels(self, then: str) -> dict[str, Step]:
        enough = self.settings.training_new_labels
        counted = {"N": "{% $string($detail.labels) %}"}
        steps: dict[str, Step] = {
            "Labels counted": self._set(
                "known = :known, trained = if_not_exists(trained, :none)",
                {":known": counted, ":none": {"N": "0"}},
                reads=("detail",),
                then=None if enough else "Not yet",
            )
        }
        if enough:
            steps["Enough labels?"] = self._set(
                "trained = :known, started = :today",
                {":known": counted, ":least": {"N": f"{{% $string($detail.labels - {enough}) %}}"}, ":today": _TODAY},
                condition=f"trained <= :least AND {_NOT_TODAY}",
                reads=("detail",),
                then=then,
            )
        return steps

    def _drift(self, then: str) -> dict[str, Step]:
        # transactions that are younger train nothing: before, a new model would know nothing of what has changed
        days = self.settings.training_label_delay_days
        labelled = f"$substring($fromMillis($toMillis($detail.day & 'T00:00:00Z') - {days * _DAY_MS}), 0, 10)"
        # and the next one would know little more than the last
        pause = max(1, days) * _DAY_MS
        until = f"{{% $substring($fromMillis($toMillis($detail.day & 'T00:00:00Z') - {pause}), 0, 10) %}}"
        return {
            "Has it lasted?": Choice(
                reads=("detail",),
                rules={
                    f"{{% ($until := {labelled}; $count($detail.drifted[since <= $until]) > 0) %}}": "Labels of it?"
                },
                otherwise="Not yet",
            ),
            "Labels of it?": self._set(
                "trained = known, started = :today, drifted = :day",
                {":day": {"S": "{% $detail.day %}"}, ":until": {"S": until}, ":today": _TODAY},
                condition=f"known > trained AND {_NOT_TODAY} AND (attribute_not_exists(drifted) OR drifted <= :until)",
                reads=("detail",),
                then=then,
            ),
        }

    def _set(
        self,
        what: str,
        values: Mapping[str, Any],
        *,
        condition: str | None = None,
        reads: Sequence[str] = (),
        then: str | None = None,
    ) -> Task:
        only = {"ConditionExpression": condition} if condition else {}
        return Task(
            resource="aws-sdk:dynamodb:updateItem",
            arguments={
                "TableName": self.table.table_name,
                "Key": {TURN: {"S": _ITEM}},
                "UpdateExpression": f"SET {what}",
                **only,
                "ExpressionAttributeValues": dict(values),
            },
            reads=reads,
            retry=CALL_RETRIES,
            catch=[Catch(errors=TAKEN, then="Not yet")] if condition else (),
            then=then,
        )
