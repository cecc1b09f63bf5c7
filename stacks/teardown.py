"""Deletes a deployed environment with everything that its jobs made at run time, which no template knows of:

    python -m stacks.teardown --env dev npx cdk

It asks before data is deleted, has the CDK tool delete the stacks in two steps (what writes first, then what was written), and
prints what is left.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

from stacks.settings import Settings

STACKS = ("Monitoring", "Training", "Streaming", "Serving", "Features", "Data")
"""The stacks, the last first."""
WRITERS = ("Features", "Serving")
"""Deleting these takes those with them that need them: all but Data."""
JOB_LOGS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs")
"""Log groups that the whole account's jobs share: only our jobs' streams are deleted."""
OFFLINE_DATABASE = "sagemaker_featurestore"
"""Where the feature store makes the tables of its offline copies."""

Say = Callable[[str], None]


class TeardownError(RuntimeError):
    """The environment cannot be deleted: says why and what to do."""


@dataclass
class Environment:
    """One deployed environment, and AWS as it is seen from here.

    Attributes:
        env: `dev` or `prod`.
        session: the account and the region.
        say: told what is done.
        clients: {service: its client}, made as they are needed.
    """

    env: str
    session: Any
    say: Say = print
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the service, made once."""
        if service not in self.clients:
            self.clients[service] = self.session.client(service)
        return self.clients[service]

    @property
    def prefix(self) -> str:
        """What the names of models and endpoint configurations begin with; registry as well."""
        return f"card-fraud-{self.env}"

    def stack(self, name: str) -> str:
        return f"CardFraud-{self.env.capitalize()}-{name}"

    def resources(self, stack: str, type_: str) -> list[str]:
        """Physical names of a deployed stack's resources of a type; none if the stack is not there."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        try:
            found = [
                each for page in pages.paginate(StackName=self.stack(stack)) for each in page["StackResourceSummaries"]
            ]
        except self.client("cloudformation").exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            return []
        return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == type_]

    def data(self) -> dict[str, int]:
        """{bucket: its objects, old versions included}."""
        return {
            bucket: sum(len(page) for page in self._versions(bucket))
            for bucket in self.resources("Data", "AWS::S3::Bucket")
        }

    def _versions(self, bucket: str) -> Iterator[list[dict[str, str]]]:
        for page in self.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]

    def kept(self) -> list[str]:
        """Stacks that are protected from being deleted: those of an environment whose data is to be kept."""
        found = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = {each["StackName"]: each for page in found for each in page["Stacks"]}
        names = [self.stack(name) for name in STACKS]
        return [name for name in names if stacks.get(name, {}).get("EnableTerminationProtection")]

    def empty_registry(self) -> None:
        """Deletes all versions of the model, without which the registry cannot be deleted."""
        sagemaker = self.client("sagemaker")
        for group in self.resources("Training", "AWS::SageMaker::ModelPackageGroup"):
            name = group.rsplit("/", 1)[-1]
            found = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=name)
            for package in [each for page in found for each in page["ModelPackageSummaryList"]]:
                sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
                self.say(f"deleted {package['ModelPackageArn']}")

    def empty_buckets(self) -> None:
        """Deletes all objects, old versions included."""
        for bucket in self.resources("Data", "AWS::S3::Bucket"):
            for objects in self._versions(bucket):
                if not objects:
                    continue
                answer = self.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                for error in answer.get("Errors", []):
                    raise TeardownError(f"s3://{bucket}/{error['Key']}: {error['Message']}")
            self.say(f"emptied {bucket}")

    def delete_made_at_run_time(self, endpoints: Sequence[str]) -> None:
        """Deletes what the jobs made beside the stacks.

        Args:
            endpoints: the names that the endpoints had.
        """
        sagemaker = self.client("sagemaker")
        for kind, name in self.made_at_run_time():
            if kind == "model":
                sagemaker.delete_model(ModelName=name)
            elif kind == "endpoint configuration":
                sagemaker.delete_endpoint_config(EndpointConfigName=name)
            elif kind == "log stream":
                group, _, stream = name.partition(":")
                self.client("logs").delete_log_stream(logGroupName=group, logStreamName=stream)
            elif kind == "offline table":
                self.client("glue").delete_table(DatabaseName=OFFLINE_DATABASE, Name=name)
            self.say(f"deleted {kind} {name}")
        for endpoint in endpoints:
            for group in self._log_groups(f"/aws/sagemaker/Endpoints/{endpoint}"):
                self.client("logs").delete_log_group(logGroupName=group)
                self.say(f"deleted log group {group}")

    def made_at_run_time(self) -> list[tuple[str, str]]:
        """(kind, name) of all that jobs made and no stack holds."""
        sagemaker, logs = self.client("sagemaker"), self.client("logs")
        models = sagemaker.get_paginator("list_models").paginate(NameContains=self.prefix)
        found = [("model", each["ModelName"]) for page in models for each in page["Models"]]
        configurations = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=self.prefix)
        found += [
            ("endpoint configuration", each["EndpointConfigName"])
            for page in configurations
            for each in page["EndpointConfigs"]
        ]
        for group in [name for shared in JOB_LOGS for name in self._log_groups(shared)]:
            pages = logs.get_paginator("describe_log_streams")
            streams = pages.paginate(logGroupName=group, logStreamNamePrefix=f"fraud-{self.env}-")
            found += [
                ("log stream", f"{group}:{each['logStreamName']}") for page in streams for each in page["logStreams"]
            ]
        return found + [("offline table", name) for name in self._offline_tables()]

    def _offline_tables(self) -> list[str]:
        glue = self.client("glue")
        try:
            pages = list(glue.get_paginator("get_tables").paginate(DatabaseName=OFFLINE_DATABASE))
        except glue.exceptions.EntityNotFoundException:
            return []
        ours = ("cc_agg", "cc_transactions")
        return [each["Name"] for page in pages for each in page["TableList"] if each["Name"].startswith(ours)]

    def _log_groups(self, name: str) -> list[str]:
        pages = self.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        return [each["logGroupName"] for page in pages for each in page["logGroups"] if each["logGroupName"] == name]

    def left(self) -> list[str]:
        """What is still there, in words."""
        pages = self.client("cloudformation").get_paginator("list_stacks").paginate()
        standing = {
            each["StackName"]
            for page in pages
            for each in page["StackSummaries"]
            if each["StackStatus"] != "DELETE_COMPLETE"
        }
        stacks = [f"stack {self.stack(name)}" for name in STACKS if self.stack(name) in standing]
        return stacks + [f"{kind} {name}" for kind, name in self.made_at_run_time()]


def teardown(environment: Environment, ask: Callable[[str], str], cdk: Callable[[list[str]], None]) -> list[str]:
    """Deletes the environment; gives what is left.

    Args:
        ask: puts a question to the person, gives the answer.
        cdk: runs the CDK tool with arguments; raises if it fails.

    Raises:
        TeardownError: the environment is protected, or the person did not agree.
    """
    if protected := environment.kept():
        raise TeardownError(
            f"{', '.join(protected)}: protected, for removal is set to retain; deploy with removal=destroy first"
        )
    data = environment.data()
    for bucket, objects in data.items():
        environment.say(f"{bucket}: {objects} objects")
    question = f"Delete {environment.env}, its decisions and these buckets for good? Type {environment.env}: "
    if ask(question).strip() != environment.env:
        raise TeardownError("nothing was deleted")
    endpoints = [each.rsplit("/", 1)[-1] for each in environment.resources("Serving", "AWS::SageMaker::Endpoint")]
    environment.empty_registry()
    # what writes goes first, or the buckets would fill again
    cdk(["destroy", "--force", *(environment.stack(name) for name in WRITERS)])
    environment.empty_buckets()
    cdk(["destroy", "--force", "--all"])
    environment.delete_made_at_run_time(endpoints)
    return environment.left()


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Delete a deployed environment and all that its jobs made.")
    parser.add_argument("--env", choices=("dev", "prod"), default="dev", help="which (default %(default)s)")
    parser.add_argument("--region", default=Settings().region, help="where it is (default %(default)s)")
    parser.add_argument("cdk", nargs="+", help="the CDK tool's command, as: npx cdk")
    options = parser.parse_args(arguments)
    environment = Environment(options.env, boto3.Session(region_name=options.region))

    def cdk(given: list[str]) -> None:
        settings = ["--context", f"env={options.env}", "--context", f"region={options.region}"]
        subprocess.run([*options.cdk, *given, *settings], check=True)

    try:
        left = teardown(environment, input, cdk)
    except TeardownError as error:
        print(f"destroy: {error}", file=sys.stderr)
        return 1
    print("left: " + (", ".join(left) or "nothing"))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
