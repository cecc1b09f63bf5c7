"""Clears the way for a deployment where a first one has failed; `make deploy` begins with it:

    python -m stacks.recovery --context env=prod

CloudFormation rolls such a stack back and leaves it standing, empty. The CDK tool deletes it before it makes it anew, but cannot
where the stack is protected from being deleted, as those of an environment are whose data is to be kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import Any

import boto3

from stacks.names import stack_name
from stacks.settings import SettingsError, read_settings
from stacks.teardown import STACKS

NEVER_STOOD = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""What CloudFormation calls a stack whose creation failed: nothing has ever run in it."""


def clear(cloudformation: Any, names: Iterable[str], say: Callable[[str], None] = print) -> list[str]:
    """Takes the protection from stacks that have never stood; gives their names.

    Args:
        cloudformation: a client.
        names: of the environment's stacks.
        say: told of each.
    """
    wanted, cleared = set(names), []
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            name = stack["StackName"]
            protected = stack.get("EnableTerminationProtection")
            if name in wanted and stack["StackStatus"] in NEVER_STOOD and protected:
                cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
                say(f"{name}: its first deployment failed; what is left of it is not protected any more")
                cleared.append(name)
    return cleared


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Clear the way for a deployment where a first one has failed.")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="NAME=VALUE", help="a setting, as env=prod"
    )
    # what else is given is the CDK tool's
    options, _ = parser.parse_known_args(arguments)
    try:
        settings = read_settings(dict(setting.partition("=")[::2] for setting in options.context))
    except SettingsError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    client = boto3.Session(region_name=settings.region).client("cloudformation")
    clear(client, [stack_name(settings, name) for name in STACKS])
    return 0


if __name__ == "__main__":
    sys.exit(main())
