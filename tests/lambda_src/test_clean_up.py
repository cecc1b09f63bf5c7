"""`clean_up`: what a stack's deletion takes with it, what it leaves to others, and when it deletes nothing at all."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambda_src.clean_up import buckets, jobs, models
from lambda_src.time_left import OutOfTimeError, TimeLeft
from samples.lambda_context import Context
from tests.lambda_src.cloudformation import request

BUCKET = "archive"
GROUP = "/aws/sagemaker/TrainingJobs"
ROLE = "arn:aws:iam::123456789012:role/model"
CONTAINER = {"Image": "i", "ModelDataUrl": "s3://models/models/run/model.tar.gz"}


@pytest.fixture
def clean_up(load, monkeypatch):
    """The function, for a stack of this status."""
    function = load("clean_up")
    given = function.client

    def of(status):
        stack = {"Stacks": [{"StackStatus": status}]}
        formation = SimpleNamespace(describe_stacks=lambda StackName: stack)  # noqa: N803
        monkeypatch.setattr(
            function, "client", lambda service, **_: formation if service == "cloudformation" else given(service)
        )
        return function

    return of


@pytest.fixture
def filled(aws):
    """A bucket with three versions, one of them a deletion."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=BUCKET, Key="a", Body=body)
    s3.delete_object(Bucket=BUCKET, Key="a")
    return s3


def versions(s3):
    found = s3.list_object_versions(Bucket=BUCKET)
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


def test_a_bucket_is_closed_and_emptied(clean_up, answers, filled):
    clean_up("DELETE_IN_PROGRESS").handler(request("Delete", answers, Buckets=[BUCKET]), Context())
    assert answers.last()["Status"] == "SUCCESS"
    assert versions(filled) == 0
    [statement] = json.loads(filled.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:PutObject", "*")


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_nothing_is_deleted_before_the_stack_is(clean_up, answers, filled, kind):
    clean_up("DELETE_IN_PROGRESS").handler(request(kind, answers, Buckets=[BUCKET]), Context())
    assert (answers.last()["Status"], versions(filled)) == ("SUCCESS", 3)


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_stays_keeps_its_data_though_the_resource_goes(clean_up, answers, filled, status):
    clean_up(status).handler(request("Delete", answers, Buckets=[BUCKET]), Context())
    assert (answers.last()["Status"], versions(filled)) == ("SUCCESS", 3)


def test_a_bucket_that_is_gone_is_no_error(clean_up, answers, aws):
    clean_up("DELETE_IN_PROGRESS").handler(request("Delete", answers, Buckets=["gone"]), Context())
    assert answers.last()["Status"] == "SUCCESS"


def test_out_of_time_says_what_is_left_and_the_next_deletion_goes_on(clean_up, answers, filled):
    function = clean_up("DELETE_IN_PROGRESS")
    function.handler(request("Delete", answers, Buckets=[BUCKET]), Context(looks=0))
    assert answers.last()["Status"] == "FAILED"
    assert "s3://archive: not all could be deleted" in answers.last()["Reason"]
    assert versions(filled) == 3
    function.handler(request("Delete", answers, Buckets=[BUCKET]), Context())
    assert (answers.last()["Status"], versions(filled)) == ("SUCCESS", 0)


def test_an_object_that_s3_does_not_delete_is_named(monkeypatch):
    error = {"Key": "a", "Code": "AccessDenied", "Message": "no"}
    pages = [{"Versions": [{"Key": "a", "VersionId": "1"}]}]
    s3 = SimpleNamespace(
        meta=SimpleNamespace(partition="aws"),
        exceptions=SimpleNamespace(NoSuchBucket=KeyError),
        put_bucket_policy=lambda **_: None,
        get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages),
        delete_objects=lambda **_: {"Errors": [error]},
    )
    monkeypatch.setattr(buckets, "client", lambda *_, **__: s3)
    with pytest.raises(buckets.NotDeletedError, match="s3://archive/a: AccessDenied: no"):
        buckets.empty_bucket(BUCKET, TimeLeft(Context()))


def test_models_and_configurations_of_the_environment_go_and_others_stay(clean_up, answers, aws):
    sagemaker = aws.client("sagemaker")
    for name in ("card-fraud-dev-run", "not-card-fraud-dev-run", "card-fraud-prod-run"):
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER)
        variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    clean_up("DELETE_IN_PROGRESS").handler(request("Delete", answers, Models=["card-fraud-dev-"]), Context())
    assert answers.last()["Status"] == "SUCCESS"
    stay = {"not-card-fraud-dev-run", "card-fraud-prod-run"}
    assert {one["ModelName"] for one in sagemaker.list_models()["Models"]} == stay
    assert {one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]} == stay


def test_registered_versions_go(aws, monkeypatch):
    version = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/card-fraud-dev/1"
    found = {
        "ModelPackageArn": version,
        "ModelPackageGroupName": "card-fraud-dev",
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
    }
    client = aws.client("sagemaker")
    monkeypatch.setattr(models, "client", lambda *_, **__: client)
    with Stubber(client) as asked:
        asked.add_response(
            "list_model_packages", {"ModelPackageSummaryList": [found]}, {"ModelPackageGroupName": "card-fraud-dev"}
        )
        asked.add_response("delete_model_package", {}, {"ModelPackageName": version})
        models.delete_versions("card-fraud-dev", TimeLeft(Context()))
        asked.assert_no_pending_responses()


def test_logs_go_and_others_stay(clean_up, answers, aws):
    logs = aws.client("logs")
    for group in (GROUP, "/aws/sagemaker/Endpoints/card-fraud-dev", "/aws/sagemaker/Endpoints/card-fraud-dev-2"):
        logs.create_log_group(logGroupName=group)
    for stream in ("fraud-dev-training-1/algo-1", "fraud-prod-training-1/algo-1"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    asked = request(
        "Delete",
        answers,
        LogStreams=[f"{GROUP}:fraud-dev-training-", "/no/group:fraud-dev-training-"],
        LogGroups=["/aws/sagemaker/Endpoints/card-fraud-dev", "/no/group"],
    )
    clean_up("DELETE_IN_PROGRESS").handler(asked, Context())
    assert answers.last()["Status"] == "SUCCESS"
    groups = {one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]}
    assert groups == {GROUP, "/aws/sagemaker/Endpoints/card-fraud-dev-2"}
    streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert [one["logStreamName"] for one in streams] == ["fraud-prod-training-1/algo-1"]


def test_the_stores_tables_go_and_others_stay(clean_up, answers, aws):
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "store"})
    for table in ("cc_agg_fg_1700000000", "cc_agg_fg_of_ours", "others_1700000000"):
        glue.create_table(DatabaseName="store", TableInput={"Name": table})
    asked = request("Delete", answers, Tables=["store/cc_agg_fg_", "no-store/cc_agg_fg_"])
    clean_up("DELETE_IN_PROGRESS").handler(asked, Context())
    assert answers.last()["Status"] == "SUCCESS"
    names = {one["Name"] for one in glue.get_tables(DatabaseName="store")["TableList"]}
    assert names == {"cc_agg_fg_of_ours", "others_1700000000"}


class RunningJobs:
    """SageMaker with a running training job of each name; a stopped one takes some looks to end."""

    def __init__(self, *names, looks=2):
        self.running, self.stopping, self.looks = list(names), [], looks

    def get_paginator(self, operation):
        for kind in ("Processing", "Transform"):
            if operation == f"list_{kind.lower()}_jobs":
                return SimpleNamespace(paginate=lambda kind=kind, **_: [{f"{kind}JobSummaries": []}])
        return SimpleNamespace(paginate=self.page)

    def page(self, NameContains, StatusEquals):  # noqa: N803
        if StatusEquals == "Stopping":
            self.looks -= 1
            if self.looks < 0:
                self.stopping = []
        found = self.running if StatusEquals == "InProgress" else self.stopping
        return [{"TrainingJobSummaries": [{"TrainingJobName": name} for name in found if NameContains in name]}]

    def stop_training_job(self, TrainingJobName):  # noqa: N803
        self.running.remove(TrainingJobName)
        self.stopping.append(TrainingJobName)


def test_running_jobs_are_stopped_and_waited_for(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    sagemaker = RunningJobs("fraud-dev-training-1", "not-fraud-dev-training-1")
    monkeypatch.setattr(jobs, "client", lambda *_, **__: sagemaker)
    jobs.stop_jobs("fraud-dev-training-", TimeLeft(Context()))
    assert (sagemaker.running, sagemaker.stopping, sagemaker.looks) == (["not-fraud-dev-training-1"], [], -1)
    sagemaker = RunningJobs("fraud-dev-training-1", looks=99)
    with pytest.raises(OutOfTimeError, match="fraud-dev-training-1: not all could be deleted"):
        jobs.stop_jobs("fraud-dev-training-", TimeLeft(Context(looks=3)))


def test_running_tuning_jobs_are_stopped_and_waited_for(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    running, stopping = ["fraud-dev-tune-1", "not-fraud-dev-tune-1"], []

    def page(NameContains, StatusEquals):  # noqa: N803
        found = [name for name in (running if StatusEquals == "InProgress" else stopping) if NameContains in name]
        if StatusEquals == "Stopping":
            stopping.clear()
        return [{"HyperParameterTuningJobSummaries": [{"HyperParameterTuningJobName": name} for name in found]}]

    def stop(HyperParameterTuningJobName):  # noqa: N803
        running.remove(HyperParameterTuningJobName)
        stopping.append(HyperParameterTuningJobName)

    sagemaker = SimpleNamespace(
        get_paginator={"list_hyper_parameter_tuning_jobs": SimpleNamespace(paginate=page)}.get,
        stop_hyper_parameter_tuning_job=stop,
    )
    monkeypatch.setattr(jobs, "client", lambda *_, **__: sagemaker)
    jobs.stop_tuning_jobs("fraud-dev-tune-", TimeLeft(Context()))
    assert (running, stopping) == (["not-fraud-dev-tune-1"], [])


def test_what_goes_wrong_is_told_and_the_deletion_fails(clean_up, answers, aws, monkeypatch):
    function = clean_up("DELETE_IN_PROGRESS")

    def refuse(name, _):
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": name}}, "ListModels")

    monkeypatch.setitem(function.STEPS, "Models", refuse)
    function.handler(request("Delete", answers, Models=["card-fraud-dev-"]), Context())
    assert answers.last()["Status"] == "FAILED"
    assert "ThrottlingException" in answers.last()["Reason"]
