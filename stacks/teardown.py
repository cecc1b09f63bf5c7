"""Deletes a deployed environment, and says what is left of it:

    python -m stacks.teardown --context env=dev -- npx cdk

It asks before data is deleted, has the CDK tool delete the stacks, and then looks for itself at what is still there. What jobs
made at run time goes with the stacks: see `stacks.constructs.clean_up`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from fraud.features.groups import FEATURE_GROUPS
from stacks.names import (
    JOB_LOG_GROUPS,
    JOBS,
    OFFLINE_DATABASE,
    endpoint_log_group,
    model_prefix,
    offline_table,
    run_prefix,
    stack_name,
)
from stacks.settings import Settings, SettingsError, read_settings

STACKS = ("Monitoring", "Batch", "Api", "Synthesis", "Training", "Labels", "Streaming", "Serving", "Features", "Data")
"""The stacks, the last first."""

Say = Callable[[str], None]


class TeardownError(RuntimeError):
    """The environment cannot be deleted: says why and what to do."""


@dataclass
class Environment:
    """One deployed environment, and AWS as it is seen from here.

    Attributes:
        settings: say which environment, and where.
        session: the account and the region.
        say: told what is done.
        clients: {service: its client}, made as they are needed.
    """

    settings: Settings
    session: Any
    say: Say = print
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the service, made once."""
        if service not in self.clients:
            self.clients[service] = self.session.client(service)
        return self.clients[service]

    def buckets(self) -> list[str]:
        """The names of the buckets; none if their stack is not there."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        try:
            found = [
                each
                for page in pages.paginate(StackName=stack_name(self.settings, "Data"))
                for each in page["StackResourceSummaries"]
            ]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return []
        return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == "AWS::S3::Bucket"]

    def objects(self, bucket: str) -> int:
        """How many objects a bucket holds, old versions included."""
        pages = self.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        return sum(len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages)

    def kept(self) -> list[str]:
        """Stacks that are protected from being deleted: those of an environment whose data is to be kept."""
        found = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = {each["StackName"]: each for page in found for each in page["Stacks"]}
        names = [stack_name(self.settings, name) for name in STACKS]
        return [name for name in names if stacks.get(name, {}).get("EnableTerminationProtection")]

    def left(self, buckets: Iterable[str]) -> list[str]:
        """What is still there, in words.

        Args:
            buckets: that there were before.
        """
        pages = self.client("cloudformation").get_paginator("list_stacks").paginate()
        standing = {
            each["StackName"]
            for page in pages
            for each in page["StackSummaries"]
            if each["StackStatus"] != "DELETE_COMPLETE"
        }
        return [
            *(
                f"stack {stack_name(self.settings, name)}"
                for name in STACKS
                if stack_name(self.settings, name) in standing
            ),
            *(f"bucket {name}" for name in buckets if self._bucket_stands(name)),
            *self._models(),
            *self._logs(),
            *self._tables(),
        ]

    def _bucket_stands(self, name: str) -> bool:
        try:
            self.client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            return False
        return True

    def _models(self) -> Iterator[str]:
        sagemaker, prefix = self.client("sagemaker"), f"{model_prefix(self.settings)}-"
        kinds = (
            ("model", "list_models", "Models", "ModelName"),
            ("endpoint configuration", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        )
        for kind, operation, listed, member in kinds:
            for page in sagemaker.get_paginator(operation).paginate(NameContains=prefix):
                names = (each[member] for each in page[listed])
                yield from (f"{kind} {name}" for name in names if name.startswith(prefix))

    def _logs(self) -> Iterator[str]:
        logs = self.client("logs")
        own = endpoint_log_group(self.settings)
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=own):
            yield from (f"log group {own}" for each in page["logGroups"] if each["logGroupName"] == own)
        streams = logs.get_paginator("describe_log_streams")
        for group in JOB_LOG_GROUPS:
            for job in JOBS:
                try:
                    pages = list(
                        streams.paginate(logGroupName=group, logStreamNamePrefix=f"{run_prefix(self.settings, job)}-")
                    )
                except logs.exceptions.ResourceNotFoundException:
                    break
                for page in pages:
                    yield from (f"log stream {group}:{each['logStreamName']}" for each in page["logStreams"])

    def _tables(self) -> Iterator[str]:
        glue, ours = self.client("glue"), tuple(offline_table(group) for group in FEATURE_GROUPS if group.offline)
        try:
            for page in glue.get_paginator("get_tables").paginate(DatabaseName=OFFLINE_DATABASE):
                yield from (f"table {each['Name']}" for each in page["TableList"] if each["Name"].startswith(ours))
        except glue.exceptions.EntityNotFoundException:
            return


def teardown(environment: Environment, ask: Callable[[str], str], cdk: Callable[[list[str]], None]) -> list[str]:
    """Deletes the environment; gives what is left.

    Args:
        ask: puts a question to the person, gives the answer.
        cdk: runs the CDK tool with arguments; raises if it fails.

    Raises:
        TeardownError: the environment is protected, or the person did not agree.
    """
    env = environment.settings.env
    if protected := environment.kept():
        raise TeardownError(
            f"{', '.join(protected)}: protected, for removal is set to retain; deploy with removal=destroy first"
        )
    buckets = environment.buckets()
    for bucket in buckets:
        environment.say(f"{bucket}: {environment.objects(bucket)} objects")
    question = f"Delete {env}, its decisions and these buckets for good? Type {env}: "
    if ask(question).strip() != env:
        raise TeardownError("nothing was deleted")
    cdk(["destroy", "--force", "--all"])
    return environment.left(buckets)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [-c NAME=VALUE] [OPTION ...] -- CDK_TOOL [ARGUMENT ...]",
        description="Delete a deployed environment and say what is left of it.",
        epilog="Options that are not listed here are passed on to the CDK tool, whose command follows `--`.",
    )
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="a setting, as env=prod"
    )
    given = sys.argv[1:] if arguments is None else arguments
    ours = given[: given.index("--")] if "--" in given else given
    tool = given[len(ours) + 1 :]
    options, more = parser.parse_known_args(ours)
    if not tool:
        parser.error("the CDK tool's command is missing: give it behind --, as: -- npx cdk")
    more += [part for setting in options.context for part in ("--context", setting)]

    def cdk(command: list[str]) -> None:
        subprocess.run([*tool, *command, *more], check=True)

    try:
        settings = read_settings(dict(setting.partition("=")[::2] for setting in options.context))
        environment = Environment(settings, boto3.Session(region_name=settings.region))
        left = teardown(environment, input, cdk)
    except (TeardownError, SettingsError) as error:
        print(f"destroy: {error}", file=sys.stderr)
        return 1
    except EOFError:
        print("destroy: nothing was deleted: no one is there to ask", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"destroy: the CDK tool ended with {error.returncode}; what it says stands above", file=sys.stderr)
        return 1
    print("left: " + (", ".join(left) or "nothing"))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
