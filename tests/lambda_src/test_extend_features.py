"""`extend_features`: what a release declares is added to the groups, and there when the answer comes; nothing is taken away."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from samples.lambda_context import CONTEXT, Context
from tests.lambda_src.cloudformation import request

PUBLISHED = {"card": "String", "at": "String"}


class Store:
    """The groups of an account. An update is on its way for some looks, and ends as it is told to.

    Attributes:
        groups: {group: {feature: type}}.
        updates: what was asked for, as (group, features).
        ends: how each update ends, in order; by itself it is successful.
        on_their_way: updates at the same time, at most.
        late: after so many looks more, a group shows what an update has added.
    """

    def __init__(self, **groups):
        self.groups, self.updates, self.ends = {name: dict(features) for name, features in groups.items()}, [], []
        self.statuses, self.looks, self.on_their_way, self.late = {}, 0, 0, 0

    def begin(self, group, added, looks=2, status="Successful"):
        self.statuses[group] = [added, looks, status]

    def describe(self, group):
        self.looks += 1
        found = {}
        if group in self.statuses:
            added, looks, status = self.statuses[group]
            self.statuses[group][1] = looks - 1
            if looks > 0:
                found["LastUpdateStatus"] = {"Status": "InProgress"}
            else:
                found["LastUpdateStatus"] = {"Status": status, "FailureReason": "no room in the table"}
                self.groups[group] |= added if status == "Successful" and looks <= -self.late else {}
        definitions = self.groups[group].items()
        return found | {
            "FeatureDefinitions": [{"FeatureName": name, "FeatureType": kind} for name, kind in definitions]
        }

    def update(self, group, added):
        assert self.statuses.get(group, [None, 0])[1] <= 0, "the service takes one update at a time"
        assert not added.keys() & self.groups[group].keys(), "the service refuses what is there"
        self.updates.append((group, list(added)))
        self.begin(group, added, status=self.ends.pop(0) if self.ends else "Successful")
        self.on_their_way = max(self.on_their_way, sum(looks > 0 for _, looks, _ in self.statuses.values()))

    def answer(self, model, params, **_):
        """A hook of botocore, which has checked the request by the service's model."""
        given = json.loads(params["body"])
        group = given["FeatureGroupName"]
        if model.name == "DescribeFeatureGroup":
            return SimpleNamespace(status_code=200), self.describe(group)
        self.update(group, {one["FeatureName"]: one["FeatureType"] for one in given["FeatureAdditions"]})
        return SimpleNamespace(status_code=200), {"FeatureGroupArn": f"arn:{group}"}


@pytest.fixture
def extend(load, answers, monkeypatch):
    """Has the function process a request for groups of a store; the answer."""
    function = load("extend_features")
    monkeypatch.setattr("time.sleep", lambda _: None)

    def of(kind, store, groups, context=CONTEXT):
        for operation in ("DescribeFeatureGroup", "UpdateFeatureGroup"):
            function.sagemaker.meta.events.register(f"before-call.sagemaker.{operation}", store.answer)
        function.handler(request(kind, answers, Groups=groups), context)
        return answers.last()

    return of


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_what_is_lacking_is_added_and_there_when_the_answer_comes(extend, kind):
    store = Store(one=PUBLISHED, two=PUBLISHED | {"count": "Integral"})
    declared = PUBLISHED | {"count": "Integral", "mean": "Fractional"}
    answer = extend(kind, store, {"one": declared, "two": declared})
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "extended-feature-groups")
    assert store.updates == [("one", ["count", "mean"]), ("two", ["mean"])]
    assert store.on_their_way == 2
    assert store.groups == {"one": declared, "two": declared}


def test_a_group_that_holds_all_and_more_is_left_alone(extend):
    later = PUBLISHED | {"of_a_later_release": "String"}
    store = Store(one=later)
    assert extend("Update", store, {"one": PUBLISHED})["Status"] == "SUCCESS"
    assert (store.updates, store.groups) == ([], {"one": later})


def test_more_than_an_update_takes_are_added_one_after_the_other(extend):
    declared = PUBLISHED | {f"feature_{number}": "Fractional" for number in range(203)}
    store = Store(one=PUBLISHED)
    assert extend("Create", store, {"one": declared})["Status"] == "SUCCESS"
    assert [len(added) for _, added in store.updates] == [100, 100, 3]
    assert store.groups == {"one": declared}


def test_another_type_is_refused_before_anything_is_added(extend):
    store = Store(one=PUBLISHED, two=PUBLISHED | {"count": "Fractional"})
    declared = PUBLISHED | {"count": "Integral", "mean": "Fractional"}
    answer = extend("Update", store, {"one": declared, "two": declared})
    assert answer["Status"] == "FAILED"
    assert (
        "two: count is there as Fractional, and is declared as Integral; allowed: the type that it has"
        in answer["Reason"]
    )
    assert store.updates == []


def test_an_update_that_is_on_its_way_goes_first(extend):
    store = Store(one=PUBLISHED)
    store.begin("one", {"count": "Integral"}, looks=3)
    assert (
        extend("Update", store, {"one": PUBLISHED | {"count": "Integral", "mean": "Fractional"}})["Status"] == "SUCCESS"
    )
    assert store.updates == [("one", ["mean"])]


def test_an_update_that_fails_fails_the_deployment_and_the_next_one_tries_again(extend):
    store = Store(one=PUBLISHED)
    store.ends = ["Failed"]
    declared = {"one": PUBLISHED | {"count": "Integral"}}
    answer = extend("Update", store, declared, Context(looks=50))
    assert answer["Status"] == "FAILED"
    assert "one: its update failed: no room in the table" in answer["Reason"]
    assert extend("Update", store, declared)["Status"] == "SUCCESS"
    assert store.groups == declared


@pytest.mark.parametrize("on_its_way", [False, True])
def test_an_update_that_takes_too_long_fails_the_deployment_in_time(extend, on_its_way):
    store = Store(one=PUBLISHED)
    store.begin("one", {}, looks=1_000 if on_its_way else 0)
    store.begin = lambda group, added, **_: store.statuses.update({group: [added, 1_000, "Successful"]})
    answer = extend("Update", store, {"one": PUBLISHED | {"count": "Integral"}}, Context(looks=5))
    assert answer["Status"] == "FAILED"
    assert "one is still being updated" in answer["Reason"]
    assert store.looks < 10


@pytest.mark.parametrize(("late", "answered"), [(3, "SUCCESS"), (1_000, "FAILED")])
def test_what_is_added_and_not_shown_yet_is_waited_for(extend, late, answered):
    store = Store(one=PUBLISHED)
    store.late = late
    answer = extend("Update", store, {"one": PUBLISHED | {"count": "Integral"}}, Context(looks=20))
    assert (answer["Status"], len(store.updates)) == (answered, 1)
    assert answered == "SUCCESS" or "one still lacks count" in answer["Reason"]


def test_what_is_no_group_is_told(extend):
    for groups, problem in (
        (None, "Groups: missing"),
        (["one"], "Groups: ['one']"),
        ({"one": "count"}, "Groups: {'one'"),
    ):
        answer = extend("Create", Store(), groups)
        assert answer["Status"] == "FAILED"
        assert f"{problem}" in answer["Reason"]
        assert "allowed: {group: {feature: type}}" in answer["Reason"]


def test_deleting_does_nothing(extend):
    store = Store()
    assert extend("Delete", store, {"one": PUBLISHED})["Status"] == "SUCCESS"
    assert store.looks == 0
