"""A candidate is the champion's shadow before it is registered, where the settings say so."""

from __future__ import annotations

import json
from pathlib import Path

from fraud.features.feature import CARD
from fraud.vector import CATEGORY_FEATURES, INPUT_COLUMNS, declared_input
from stacks.constructs.promotion import REFUSED
from stacks.costs import LOADS, estimate
from stacks.data import SHADOWED, SHADOWED_DAYS
from stacks.settings import read_settings
from tests.stacks.conftest import OTHER_SETTINGS
from tests.stacks.stacks_under_test import Templates, resources
from tests.stacks.test_approval import States, from_
from tests.stacks.test_templates import definitions

ADD, TAKE_AWAY = "Add shadow", "Take shadow away"


def test_without_the_setting_a_candidate_of_the_gates_is_registered_at_once(dev: Templates) -> None:
    states: States = definitions(dev)["Training"]["States"]
    assert states["Accepted?"]["Choices"][0]["Next"] == "Register"
    assert ADD not in states
    assert "GetMetricData" not in json.dumps(dev)


def test_a_candidate_is_the_champions_shadow_before_it_is_registered(other: Templates) -> None:
    states: States = definitions(other)["Training"]["States"]
    assert states["Accepted?"]["Choices"][0]["Next"] == "Is there a champion?"
    configured = states["Configure shadow"]["Arguments"]
    [main], [shadow] = configured["ProductionVariants"], configured["ShadowProductionVariants"]
    assert (main["ModelName"], main["VariantName"]) == ("{% $champion_model %}", "main")
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("shadow", OTHER_SETTINGS["shadow_percent"] / 100)
    # the same machines, or latencies could not be compared
    assert (shadow["InstanceType"], shadow["InitialInstanceCount"]) == (
        main["InstanceType"],
        main["InitialInstanceCount"],
    )
    capture = configured["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 100
    assert capture["KmsKeyId"]
    assert f"/{SHADOWED}' & $run" in capture["DestinationS3Uri"]
    assert states["Be a shadow"]["Seconds"] == 4 * 3600
    # nothing is registered, and the candidate serves nobody, before it has passed
    assert {"Register", "Update endpoint"} <= from_(states, "Passed")
    assert not {"Register", "Create model", "Update endpoint"} & from_(states, "Failed as a shadow")
    assert not {"Register", "Create model", "Update endpoint"} & from_(states, "Overtaken")
    assert "ShadowProductionVariants" not in states["Configure champion"]["Arguments"]


def test_what_a_shadow_must_keep_is_said_where_candidates_are_shadows(dev: Templates, other: Templates) -> None:
    assert "ShadowLimits" not in dev["Training"]["Outputs"]
    said = json.loads(other["Training"]["Outputs"]["ShadowLimits"]["Value"])
    assert said == {"hours": 4, "errors_percent": 1.0, "latency_ms": 250}


def test_the_shadow_is_taken_away_before_anything_is_compared_and_by_no_alarm_brought_back(other: Templates) -> None:
    states: States = definitions(other)["Training"]["States"]
    assert from_(states, ADD) >= {TAKE_AWAY, "Compare"}
    assert TAKE_AWAY not in from_(states, "Compare")
    assert states[ADD]["Arguments"]["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert "DeploymentConfig" not in states[TAKE_AWAY]["Arguments"]
    assert states["Is it gone?"]["Default"] == "Keep captured"
    assert states["Shadow stays"]["Type"] == "Fail"


def test_who_is_refused_as_a_shadow_is_told_of_with_the_comparison(other: Templates) -> None:
    states: States = definitions(other)["Training"]["States"]
    [entry] = states["Tell of the shadow"]["Arguments"]["Entries"]
    assert (entry["DetailType"], entry["Source"]) == (REFUSED, "card-fraud")
    assert set(entry["Detail"]) == {"run", "sentence", "evaluation", "comparison"}
    [of_the_gate] = states["Tell of refusal"]["Arguments"]["Entries"]
    assert "comparison" not in of_the_gate["Detail"]


def test_a_shadow_that_a_stopped_run_left_is_taken_away_by_the_run_that_looks_what_serves(templates: Templates) -> None:
    states: States = definitions(templates)["Training"]["States"]
    assert "ShadowProductionVariants" in states["Which serves?"]["Assign"]["shadowed"]
    assert "$shadowed" in states["Another one?"]["Choices"][0]["Condition"]


def test_what_shadows_were_asked_is_kept_for_days_alone(templates: Templates) -> None:
    [rule] = [
        rule
        for bucket in resources(templates, "AWS::S3::Bucket")
        for rule in bucket.properties.get("LifecycleConfiguration", {}).get("Rules", [])
        if rule.get("Prefix") == SHADOWED
    ]
    assert rule["ExpirationInDays"] == SHADOWED_DAYS


def test_a_shadow_costs_its_machines_for_its_hours() -> None:
    def a_month(**settings: object) -> float:
        return sum(line.usd for line in estimate(read_settings({"env": "prod", **settings}), LOADS["prod"]))

    without, four, eight = a_month(), a_month(shadow_percent=100), a_month(shadow_percent=100, shadow_hours=8)
    assert 0 < four - without < eight - without
    # all requests or few: the machines are there
    assert a_month(shadow_percent=1) == four


def test_the_page_says_what_a_shadow_costs() -> None:
    said = []
    for env in ("dev", "prod"):
        bills = [estimate(read_settings({"env": env, "shadow_percent": share}), LOADS[env]) for share in (0, 100)]
        without, with_it = (sum(line.usd for line in lines) for lines in bills)
        said.append(f"{with_it - without:.1f}")
    text = " ".join(Path("docs/model-life.md").read_text().split())
    assert f"with a candidate a week {said[0]} US dollars a month in `dev` and {said[1]} in `prod`" in text


def test_a_request_that_is_kept_holds_no_card() -> None:
    asked = declared_input(dict.fromkeys(CATEGORY_FEATURES, ("a",)))
    assert CARD not in {*INPUT_COLUMNS, *asked.names, *asked.categories}
