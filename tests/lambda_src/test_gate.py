"""The function `gate`: a candidate against the champion."""

from __future__ import annotations

import json
import sys

import pytest
from botocore.exceptions import ClientError

from samples.lambda_context import CONTEXT
from samples.stand_ins import answer

KEY = "runs/1/evaluation.json"
GOOD = {"rows": 1_000, "frauds": 10, "average_precision": 0.95, "recall_at_fpr_0.001": 0.9}


@pytest.fixture
def gate(load, aws, request):
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    sagemaker.create_model_package_group(ModelPackageGroupName="fraud")
    function = load("gate", **getattr(request, "param", {}))

    def ask(metrics, beside=None, champion=None, difference=None):
        evaluation = {"model_version": "new", "metrics": metrics, "champion": beside, "difference": difference}
        s3.put_object(Bucket="models", Key=KEY, Body=json.dumps(evaluation).encode())
        return function.handler({"evaluation_key": KEY, "champion": champion}, CONTEXT)

    def register(metadata):
        return sagemaker.create_model_package(
            ModelPackageGroupName="fraud",
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties=metadata,
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": "s3://models/model.tar.gz"}],
                "SupportedContentTypes": ["application/x-npy"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]

    return ask, register


def test_the_first_model_is_accepted_with_what_it_is_registered_with(gate):
    ask, _ = gate
    verdict = ask(GOOD)
    assert (verdict["accepted"], verdict["model_version"]) == (True, "new")
    assert verdict["metadata"] == {
        "model_version": "new", "evaluation": KEY, "average_precision": "0.95", "recall_at_fpr_0.001": "0.9"
    }  # fmt: skip


@pytest.mark.parametrize("worse", [{"average_precision": 0.05}, {"average_precision": None}])
def test_a_first_model_that_knows_nothing_is_refused(gate, worse):
    ask, _ = gate
    verdict = ask(GOOD | worse)
    assert (verdict["accepted"], verdict["metadata"]) == (False, {})


def test_a_worse_model_is_refused_and_one_no_worse_accepted(gate):
    ask, register = gate
    champion = register(ask(GOOD)["metadata"])
    worse = ask(GOOD | {"average_precision": 0.94}, champion=champion)
    assert not worse["accepted"]
    assert worse["why"] == "average_precision 0.9400 is below the champion's 0.9500 by more than 0.002"
    assert not ask(GOOD | {"recall_at_fpr_0.001": 0.8}, champion=champion)["accepted"]
    assert ask(GOOD | {"average_precision": 0.949}, champion=champion)["accepted"]


def test_the_champions_figures_on_the_same_rows_count_for_more_than_those_it_was_registered_with(gate):
    ask, register = gate
    champion = register(ask(GOOD)["metadata"])
    beside = {"model_version": "old", "metrics": GOOD | {"average_precision": 0.80}}
    assert ask(GOOD | {"average_precision": 0.90}, beside, champion)["accepted"]
    assert not ask(GOOD | {"average_precision": 0.90}, champion=champion)["accepted"]


def test_a_champion_without_figures_is_named_where_they_are_needed(gate):
    ask, register = gate
    arn = register({"model_version": "old"})
    with pytest.raises(ValueError, match=f"{arn} lacks the metadata average_precision"):
        ask(GOOD, champion=arn)
    assert ask(GOOD, {"model_version": "old", "metrics": GOOD}, arn)["accepted"]


def test_a_throttled_registry_is_said(gate, monkeypatch):
    ask, register = gate
    champion = register({"model_version": "old"})
    client = sys.modules["lambda_src.gate.handler"].sagemaker
    refused = json.dumps({"__type": "ThrottlingException"}).encode()
    asked = []

    def throttle(request, **_):
        asked.append(request)
        return answer(request, refused, 400)

    client.meta.events.register_first("before-send.sagemaker", throttle)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with pytest.raises(ClientError, match="ThrottlingException"):
        ask(GOOD, champion=champion)
    assert len(asked) == 3


def change(**other):
    return {"segment": "category", "group": "travel", "frauds": 30, "value": -0.4, "low": -0.6, "high": -0.2} | other


def test_a_model_that_is_broken_in_a_segment_is_refused_and_the_segment_named(gate):
    ask, _ = gate
    beside = {"model_version": "old", "metrics": GOOD}
    refused = ask(GOOD, beside, difference={"segments": [change(group="home", high=0.1), change()]})
    assert (refused["accepted"], refused["metadata"]) == (False, {})
    assert refused["why"] == (
        "broken in a segment: category travel: recall at .1% false positives falls by 0.400 "
        "(95% interval 0.200 to 0.600, 30 frauds)"
    )


@pytest.mark.parametrize("other", [{"frauds": 29}, {"high": -0.1}, {"value": None, "low": None, "high": None}])
def test_a_segment_that_is_too_small_or_not_surely_worse_refuses_no_model(gate, other):
    ask, _ = gate
    beside = {"model_version": "old", "metrics": GOOD}
    assert ask(GOOD, beside, difference={"segments": [change(**other)]})["accepted"]


@pytest.mark.parametrize("wrong", [7, {}, {"segments": [{"segment": "category"}]}, {"segments": [change(high="low")]}])
def test_a_difference_that_is_none_is_named(gate, wrong):
    ask, _ = gate
    with pytest.raises(ValueError, match=r"difference: .*allowed: "):
        ask(GOOD, {"model_version": "old", "metrics": GOOD}, difference=wrong)


STRICT, LOOSE = (
    dict.fromkeys(("AVERAGE_PRECISION_MARGIN", "RECALL_MARGIN", "SEGMENT_MARGIN"), value) for value in "01"
)
BELOW = (
    ({"average_precision": 0.949}, (), "average_precision 0.9490 is below the champion's 0.9500 by more than 0.0"),
    ({"recall_at_fpr_0.001": 0.895}, (), "recall_at_fpr_0.001 0.8950 is below the champion's 0.9000 by more than 0.0"),
    ({}, (change(value=-0.05, low=-0.08, high=-0.01),), "broken in a segment: category travel"),
)


@pytest.mark.parametrize("worse, segments, why", BELOW, ids=["precision", "recall", "segment"])
@pytest.mark.parametrize("gate", [STRICT, {}], indirect=True, ids=["no margin", "the usual margins"])
def test_a_model_within_the_usual_margins_is_refused_without_them(gate, request, worse, segments, why):
    ask, _ = gate
    beside = {"model_version": "old", "metrics": GOOD}
    verdict = ask(GOOD | worse, beside, difference={"segments": segments})
    strict = request.node.callspec.params["gate"] is STRICT
    assert (verdict["accepted"], verdict["why"].startswith(why)) == (not strict, strict)


@pytest.mark.parametrize("gate", [LOOSE, {}], indirect=True, ids=["any fall", "the usual margins"])
@pytest.mark.parametrize(
    "worse, segments", [({"average_precision": 0.5}, ()), ({"recall_at_fpr_0.001": 0.5}, ()), ({}, (change(),))]
)
def test_a_model_beyond_the_usual_margins_is_accepted_where_they_are_wider(gate, request, worse, segments):
    ask, _ = gate
    beside = {"model_version": "old", "metrics": GOOD}
    verdict = ask(GOOD | worse, beside, difference={"segments": segments})
    assert verdict["accepted"] == (request.node.callspec.params["gate"] is LOOSE)


@pytest.mark.parametrize("name", LOOSE)
@pytest.mark.parametrize(
    "worse, segments", [({"average_precision": 0.5}, ()), ({"recall_at_fpr_0.001": 0.5}, ()), ({}, (change(),))]
)
def test_each_margin_is_that_of_its_own_figure(load, aws, name, worse, segments):
    function = load("gate", **{name: "1"})
    aws.client("s3").create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    evaluation = {"model_version": "new", "metrics": GOOD | worse, "champion": {"metrics": GOOD},
                  "difference": {"segments": segments}}  # fmt: skip
    aws.client("s3").put_object(Bucket="models", Key=KEY, Body=json.dumps(evaluation).encode())
    accepted = function.handler({"evaluation_key": KEY, "champion": None}, CONTEXT)["accepted"]
    own = {
        "AVERAGE_PRECISION_MARGIN": "average_precision",
        "RECALL_MARGIN": "recall_at_fpr_0.001",
        "SEGMENT_MARGIN": None,
    }[name]
    assert accepted == (next(iter(worse), None) == own)
