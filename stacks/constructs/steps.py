"""The steps of a state machine: what each does, which variables it reads and assigns, and where it leads.

Expressions are JSONata, in `{% %}`. A step says what it reads, and what it says is compared with its expressions as it is made;
`tests/stacks/machine_invariants.py` follows every path of every machine and finds what is read and was not assigned before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk

_EXPRESSION = re.compile(r"\{%(.*?)%\}", re.DOTALL)
_STRING = re.compile(r"'[^']*'")
_BOUND = re.compile(r"\$(\w+)\s*:=|function\s*\(([^)]*)\)")
"""What an expression names itself."""
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)(?!\w|\s*\()")
_GIVEN = {"states"}
"""By the service, to every expression."""
CALL_S = 120
"""How long a call may take: no function that a step waits for has longer than a minute, and no other call takes as long."""
FAILED = "Failed"
"""The state that a run ends in of which a step has failed, or has not ended in its time, and nothing else was to follow."""
LONGEST_REASON = 2000
"""So much of a reason is told: a job's description without one would fill a mail."""


@dataclass(frozen=True, kw_only=True)
class Catch:
    """Where a step leads when it fails.

    Attributes:
        errors: the names of the errors.
        then: the state that comes after.
        assigns: {variable: its value}; those of the step itself are not assigned.
    """

    errors: Sequence[str] = ("States.ALL",)
    then: str
    assigns: Mapping[str, Any] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        """As the definition has it."""
        assigned = {"Assign": dict(self.assigns)} if self.assigns else {}
        return {"ErrorEquals": list(self.errors), **assigned, "Next": self.then}


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step that goes on to the next of its machine, unless it says where to.

    Attributes:
        reads: the variables that its expressions read.
        assigns: {variable: its value}, once the step is done.
        then: the state that comes after, in place of the next one.
    """

    reads: Sequence[str] = ()
    assigns: Mapping[str, Any] = field(default_factory=dict)
    then: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError: it reads other variables than it says."""
        read = variables_read(self.state(None))
        if read != set(self.reads):
            raise ValueError(f"a step says that it reads {sorted(self.reads)}, and reads {sorted(read)}")

    def state(self, following: str | None) -> dict[str, Any]:
        """As the definition has it.

        Args:
            following: the next state of the machine; none after the last.
        """
        assigned = {"Assign": dict(self.assigns)} if self.assigns else {}
        follows = self.then or following
        return {**self.does(), **assigned, **({"Next": follows} if follows else {"End": True})}

    def does(self) -> dict[str, Any]:
        """Its own fields."""
        return {"Type": "Pass"}


@dataclass(frozen=True, kw_only=True)
class Task(Step):
    """Calls a service and waits for its answer.

    Attributes:
        resource: what is called, as `lambda:invoke`; its ARN's partition and beginning are added.
        arguments: of the call.
        output: of the step; the call's own unless it is said.
        retry: what is tried again.
        timeout_s: after so many seconds it has failed; without it a step waits for an answer as long as its run may last.
        catch: where failures lead; all others, and where the time is over, to `FAILED`.
        remedy: what is to be done when it fails, where that is another thing than what its machine says.
    """

    resource: str
    arguments: Mapping[str, Any]
    output: Any = None
    retry: Sequence[Mapping[str, Any]] = ()
    timeout_s: int = CALL_S
    catch: Sequence[Catch] = ()
    remedy: str | None = None

    def does(self) -> dict[str, Any]:
        every = any("States.ALL" in each.errors for each in self.catch)
        catch = [*self.catch, *([] if every else [Catch(then=FAILED, assigns=self.failure())])]
        optional = {"Output": self.output, "Retry": [dict(each) for each in self.retry]}
        return {
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::{self.resource}",
            "Arguments": dict(self.arguments),
            "TimeoutSeconds": self.timeout_s,
            **{name: value for name, value in optional.items() if value},
            "Catch": [each.state() for each in catch],
        }

    def failure(self) -> dict[str, Any]:
        """What `failed` tells, as a catcher assigns it."""
        return {
            "failure": {
                "step": "{% $states.context.State.Name %}",
                "error": "{% $states.errorOutput.Error %}",
                # of a step whose time is over there may be none
                "cause": "{% $states.errorOutput.Cause ? $states.errorOutput.Cause : '' %}",
                "after": self.timeout_s,
                **({"remedy": self.remedy} if self.remedy else {}),
            }
        }


@dataclass(frozen=True, kw_only=True)
class Wait(Step):
    """Waits."""

    seconds: int

    def does(self) -> dict[str, Any]:
        return {"Type": "Wait", "Seconds": self.seconds}


@dataclass(frozen=True, kw_only=True)
class Choice(Step):
    """Goes on by the first condition that holds.

    Attributes:
        rules: {condition: the state that comes after}.
        otherwise: the state that comes after where none holds.
    """

    rules: Mapping[str, str]
    otherwise: str

    def state(self, following: str | None) -> dict[str, Any]:
        rules = [{"Condition": condition, "Next": then} for condition, then in self.rules.items()]
        return {"Type": "Choice", "Choices": rules, "Default": self.otherwise}


@dataclass(frozen=True, kw_only=True)
class Succeed(Step):
    """Ends the run, well."""

    def state(self, following: str | None) -> dict[str, Any]:
        return {"Type": "Succeed"}


@dataclass(frozen=True, kw_only=True)
class Fail(Step):
    """Ends the run as failed."""

    error: str
    cause: str

    def state(self, following: str | None) -> dict[str, Any]:
        return {"Type": "Fail", "Error": self.error, "Cause": self.cause}


def failed(remedy: str) -> Fail:
    """The end of a run of which a step has failed: which, why, of which job if it was one's, and what is to be done.

    The error is `StepTimedOut` or `StepFailed`. A job's failure is its description, a function's holds its message, both in JSON.

    Args:
        remedy: what is to be done about a step that does not say it itself.

    Raises:
        ValueError: the remedy has a quotation mark that would end it.
    """
    if "'" in remedy:
        raise ValueError(f"a remedy is quoted with ', and holds one: {remedy}")
    return Fail(
        reads=("failure",),
        error="{% $failure.error = 'States.Timeout' ? 'StepTimedOut' : 'StepFailed' %}",
        cause="{% ("
        "$cause := $failure.cause; "
        "$told := $substring($cause, 0, 1) = '{' and $substring($cause, -1) = '}' ? $parse($cause) : {}; "
        "$job := [$told.TrainingJobName, $told.ProcessingJobName, $told.TransformJobName, "
        "$told.HyperParameterTuningJobName][0]; "
        "$why := [$told.FailureReason, $told.errorMessage, $cause[$ != '']][0]; "
        "'The step \"' & $failure.step & '\" ' & ($failure.error = 'States.Timeout' "
        "? 'had not ended after ' & $failure.after & ' s' : 'failed (' & $failure.error & ')') "
        "& ($job ? ', job ' & $job : '') "
        f"& ($why ? ': ' & $replace($substring($why, 0, {LONGEST_REASON}), /[.\\s]+$/, '') : '') & '. ' "
        f"& ($failure.remedy ? $failure.remedy : '{remedy}')"
        ") %}",
    )


def variables_read(value: Any) -> set[str]:
    """The variables that the expressions in a value read.

    >>> sorted(variables_read({"Key": "{% 'day=$x' & $day & $uuid() %}", "Rows": ["{% ($n := $count($rows); $n + 1) %}"]}))
    ['day', 'rows']
    """
    found: set[str] = set()
    for expression in (_STRING.sub("''", each[1]) for text in _texts(value) for each in _EXPRESSION.finditer(text)):
        bound = {name.strip(" $") for each in _BOUND.findall(expression) for part in each for name in part.split(",")}
        found |= set(_VARIABLE.findall(expression)) - bound - _GIVEN
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)
