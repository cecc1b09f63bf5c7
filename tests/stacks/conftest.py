"""The templates, synthesized once a session: importing CDK takes seconds, and so does each synthesis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.stacks_under_test import Templates, read_templates, synthesize

OTHER_SETTINGS = {
    "region": "eu-west-1",
    "removal": "retain",
    "nat": True,
    "replay": True,
    "streaming": "serverless",
    "zones": "euw1-az3,euw1-az2",
    "nightly_engine": "spark",
    "captured_percent": 0,
    "endpoint_instance_type": "ml.m5.large",
    "endpoint_instances_least": 2,
    "endpoint_instances_most": 3,
    "canary_percent": 50,
    "shadow_percent": 20,
    "tracking": "managed",
    "alarm_email": "fraud@example.com",
    "retention_days": 7,
    "log_level": "WARNING",
    "batch_back_end": "fraud-detector",
    "api_auth": "api-keys",
    "api_waf": True,
}
"""Each choice that neither `dev` nor `prod` makes."""


@pytest.fixture(scope="session")
def dev_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(tmp_path_factory.mktemp("dev"), env="dev")


@pytest.fixture(scope="session")
def dev(dev_folder: Path) -> Templates:
    return read_templates(dev_folder)


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return read_templates(synthesize(tmp_path_factory.mktemp("prod"), env="prod"))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return read_templates(synthesize(tmp_path_factory.mktemp("other"), env="dev", **OTHER_SETTINGS))


@pytest.fixture(scope="session", params=["dev", "prod", "other"])
def templates(request: pytest.FixtureRequest) -> Templates:
    """The templates of each: dev, prod, and the settings that neither has."""
    found: Any = request.getfixturevalue(request.param)
    return json.loads(json.dumps(found))
