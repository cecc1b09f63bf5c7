"""What containers without a network cannot fetch, and what whoever registers a model has to be let look at."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, role, until
from tests.emulator.test_sagemaker import model
from tests.emulator.test_state_machines import IMAGE, PULL

REPOSITORY = "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"


@pytest.mark.parametrize("isolated", [True, False])
def test_an_isolated_container_cannot_fetch_its_program(aws: EmulatedAws, deployed: Deployed, isolated: bool) -> None:
    """Page mkt-algo-model-internet-free: "not able to make any outbound network calls, even to other AWS services such as Amazon
    S3"; so a program that it would have to fetch is none."""
    s3, sagemaker, name = aws.client("s3"), aws.client("sagemaker"), f"fetching-{isolated}".lower()
    s3.create_bucket(Bucket=name)
    for key in ("model.tar.gz", "program.tar.gz"):
        s3.put_object(Bucket=name, Key=key, Body=model("fetched"))
    allowed = role(
        "sagemaker", ("s3:GetObject", f"arn:aws:s3:::{name}/*"), ("ecr:GetAuthorizationToken", "*"), (PULL, REPOSITORY)
    )
    made = deployed({"Role": allowed}, {"role": attribute("Role", "Arn")})
    variables = {"SAGEMAKER_PROGRAM": "code/inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{name}/program.tar.gz"}
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz", "Environment": variables}
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=made["role"], PrimaryContainer=container, EnableNetworkIsolation=isolated
    )
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] != "Creating" else None

    found = until(settled)
    refused = "isolated from the network, it cannot fetch s3://" in found.get("FailureReason", "")
    assert refused == isolated, found
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.parametrize("lacking", ["ecr:BatchGetImage", "ecr:DescribeImages", ""])
def test_whoever_registers_a_model_may_look_at_its_image(aws: EmulatedAws, deployed: Deployed, lacking: str) -> None:
    """Page security-iam-awsmanpol-model-registry has both on images, for "registering a model"."""
    looking = [action for action in ("ecr:BatchGetImage", "ecr:DescribeImages") if action != lacking]
    allowed = role("lambda", ("sagemaker:CreateModelPackage", "*"), (looking, REPOSITORY))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}}
    allowed["Properties"]["AssumeRolePolicyDocument"]["Statement"].append(trust)
    made = deployed({"Role": allowed}, {"role": attribute("Role", "Arn")})
    given = aws.client("sts").assume_role(RoleArn=made["role"], RoleSessionName="registering")["Credentials"]
    registering = boto3.client(
        "sagemaker",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    group = f"registered-{lacking.rpartition(':')[2] or 'whole'}".lower()
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://models/model.tar.gz"}]
    inference = {
        "Containers": containers,
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    wanted = {"ModelPackageGroupName": group, "InferenceSpecification": inference}
    if lacking:
        with pytest.raises(ClientError, match=f"perform: {lacking} on resource: {REPOSITORY}"):
            registering.create_model_package(**wanted)
    else:
        assert registering.create_model_package(**wanted)["ModelPackageArn"].endswith(f"{group}/1")
