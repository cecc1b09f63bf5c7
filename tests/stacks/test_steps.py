"""Steps of state machines, and paths on which a variable is read that was not assigned."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.constructs.state_machine import definition
from stacks.constructs.steps import Catch, Choice, Fail, Step, Succeed, Task, Wait
from tests.stacks.machine_invariants import unassigned, unended

ASKED = Choice(reads=("day",), rules={"{% $day = 'monday' %}": "Count"}, otherwise="Report")
REPORT = Task(resource="lambda:invoke", arguments={"Payload": "{% $count %}"}, reads=("count",))


def counting(**more: Any) -> Task:
    return Task(resource="lambda:invoke", arguments={}, assigns={"count": "{% $states.result %}"}, **more)


def problems(**steps: Step) -> list[str]:
    return list(unassigned(definition("a try", {name.capitalize(): step for name, step in steps.items()})))


def test_what_is_assigned_before_may_be_read() -> None:
    assert problems(first=Step(assigns={"day": "monday"}), second=counting(), third=REPORT) == []


def test_what_one_branch_alone_assigns_is_found() -> None:
    day = Step(assigns={"day": "{% $states.input.day %}"})
    assert problems(day=day, asked=ASKED, count=counting(), report=REPORT) == [
        "Report reads $count, which is not assigned on every path to it"
    ]
    both = Step(assigns={"day": "monday", "count": 0})
    assert problems(day=both, asked=ASKED, count=counting(), report=REPORT) == []


def test_what_a_step_that_failed_would_have_assigned_is_found() -> None:
    caught = counting(catch=[Catch(then="Report")])
    assert problems(count=caught, end=Succeed(), report=REPORT) == [
        "Report reads $count, which is not assigned on every path to it"
    ]
    told = counting(catch=[Catch(then="Report", assigns={"count": 0})])
    assert problems(count=told, end=Succeed(), report=REPORT) == []


def test_what_is_assigned_later_in_a_circle_is_found() -> None:
    assert problems(wait=Wait(seconds=1), report=REPORT, count=counting(then="Wait")) == [
        "Report reads $count, which is not assigned on every path to it"
    ]


def test_a_state_reads_none_of_what_it_assigns_itself() -> None:
    twice = Step(reads=("a",), assigns={"a": 1, "b": "{% $a %}"})
    assert problems(twice=twice) == ["Twice reads $a, which is not assigned on every path to it"]


def test_a_step_that_reads_what_it_does_not_say_is_refused() -> None:
    with pytest.raises(ValueError, match=r"says that it reads \[\], and reads \['cut'\]"):
        Task(resource="lambda:invoke", arguments={"Payload": ["{% $cut & 'T00:00' %}"]})
    with pytest.raises(ValueError, match=r"says that it reads \['cut'\], and reads \[\]"):
        Step(reads=("cut",))
    with pytest.raises(ValueError, match=r"and reads \['error'\]"):
        counting(catch=[Catch(then="Report", assigns={"why": "{% $error %}"})])


def test_a_type_of_state_that_is_not_followed_is_told() -> None:
    machine = {"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": True}}}
    assert list(unassigned(machine)) == ["Each: a state of type Map, whose variables nothing follows yet"]


def test_a_step_that_calls_something_has_a_time_out_and_leads_somewhere_when_it_fails() -> None:
    made = definition("a try", {"Count": counting(remedy="Count by hand.")})
    assert list(unended(made)) == []
    count, failed = made["States"]["Count"], made["States"]["Failed"]
    assert count["TimeoutSeconds"] == 120
    (caught,) = count["Catch"]
    assert (caught["ErrorEquals"], caught["Next"], failed["Type"]) == (["States.ALL"], "Failed", "Fail")
    assert caught["Assign"]["failure"]["remedy"] == "Count by hand."


def test_one_that_waits_for_ever_or_leads_nowhere_is_found() -> None:
    job = {"StoppingCondition": {"MaxRuntimeInSeconds": 60}}
    states = {
        "Call": {"Type": "Task", "Resource": "lambda:invoke", "Arguments": {}, "Catch": [{"ErrorEquals": ["E"]}]},
        "Work": {
            "Type": "Task",
            "Resource": "job.sync",
            "Arguments": job,
            "TimeoutSeconds": 60,
            "Catch": [{"ErrorEquals": ["States.ALL"]}],
        },
    }
    assert list(unended({"States": states})) == [
        "Call has no time-out",
        "Call leads nowhere when it fails",
        "Work waits 60 s for a job that may run 60 s, and would leave it behind",
    ]


def test_what_all_failures_lead_to_elsewhere_is_left_to_the_step() -> None:
    states = definition("a try", {"Count": counting(catch=[Catch(then="End")]), "End": Succeed()})["States"]
    assert [way["Next"] for way in states["Count"]["Catch"]] == ["End"]


def test_a_machine_that_calls_nothing_cannot_fail() -> None:
    assert set(definition("a try", {"Wait": Wait(seconds=1), "End": Succeed()})["States"]) == {"Wait", "End"}


def test_a_remedy_that_would_end_the_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="quoted with '"):
        definition("a try", {"Count": counting()}, "Don't.")


def test_each_step_goes_on_to_the_next_and_the_last_ends() -> None:
    steps = {"First": Step(), "Second": Step(then="Fourth"), "Third": Fail(error="E", cause="C"), "Fourth": Step()}
    states = definition("a try", steps)["States"]
    assert [state.get("Next", state.get("End")) for state in states.values()] == ["Second", "Fourth", None, True]
