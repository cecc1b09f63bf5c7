"""What people read agrees with the code."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from stacks.bundles import FUNCTIONS
from stacks.quotas import needs
from stacks.settings import Settings, read_settings
from tests.stacks.stacks_under_test import ROOT, Templates, resources
from tools.diagram import PICTURE, drawing
from tools.readme import DOCS, FIRST_DEPLOYMENT, README, TABLES, with_tables


@pytest.mark.parametrize("document", TABLES, ids=lambda document: document.name)
def test_the_tables_are_the_codes(document: Path) -> None:
    assert with_tables(document) == document.read_text(encoding="utf-8"), "run python -m tools.readme"


def test_a_readme_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- verbs -->"):
        with_tables(README, "# Nothing")


def test_the_readme_is_what_a_newcomer_needs() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


PAGES = [README, *DOCS.glob("*.md"), *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_leads_to_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    deployed = "fraud|reading|stacks|lambda_src|glue_scripts|sagemaker_src|flink_src"
    rooms = rf"(?:{deployed}|engines|emulator|local|cli|tools|tests|samples)"
    for named in set(re.findall(rf"`({rooms}/[\w/.-]*)`", page.read_text(encoding="utf-8"))):
        assert (ROOT / named).exists(), named


def test_every_page_is_led_to_by_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in text] == []


def test_each_alarm_has_its_paragraph_in_the_page_on_operations(
    dev: Templates, prod: Templates, other: Templates
) -> None:
    """What an alarm means and what to do; the page names no alarm that there is not."""
    found = {re.sub(r"[0-9A-F]{8}$", "", one.id) for each in (dev, prod, other) for one in resources(each, ALARM)}
    sections = re.split(r"^#+ ", (DOCS / "operations.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    said: dict[str, str] = {}
    for heading, _, text in (section.partition("\n") for section in sections):
        said |= {name: text.strip() for name in re.findall(r"`(\w+)`", heading)}
    assert said.keys() == found
    assert [name for name, text in said.items() if len(text) < 100] == []


ALARM = "AWS::CloudWatch::Alarm"


def test_settings_that_the_page_on_operations_names_are_there() -> None:
    known = {*Settings.model_fields, *FUNCTIONS, "why", "cut", "transaction_id"}
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`([a-z_]+)`", text)) <= known
    assert {name for name, _ in re.findall(r"`([a-z_]+)=(\w+)`", text)} <= known


def test_the_page_on_the_first_deployment_names_what_there_is() -> None:
    """Its commands are the Makefile's and the code's own; the README leads to it."""
    page = FIRST_DEPLOYMENT.read_text(encoding="utf-8")
    assert "docs/first-deployment.md" in README.read_text(encoding="utf-8")
    targets = set(re.findall(r"`make ([a-z-]+)", page))
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for module in set(re.findall(r"-m (stacks\.[a-z_]+)", page)):
        assert find_spec(module), module
    named = set(re.findall(r"`-c ([a-z_]+)=", page))
    assert named <= Settings.model_fields.keys()
    for stack in (
        "Data",
        "Features",
        "Serving",
        "Streaming",
        "Labels",
        "Training",
        "Synthesis",
        "Api",
        "Batch",
        "Monitoring",
    ):
        assert f"**{stack}**" in page


def test_what_only_aws_can_prove_can_be_ticked_off() -> None:
    page = FIRST_DEPLOYMENT.read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| [ ]")]
    assert len(rows) >= 25
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        # the box, what it is, what to run or look at, what to expect
        assert len(cells) == 4, row
        assert all(cells), row


def test_outputs_that_the_page_names_are_the_stacks(dev: Templates) -> None:
    page = FIRST_DEPLOYMENT.read_text(encoding="utf-8")
    outputs = {name for template in dev.values() for name in template.get("Outputs", {})}
    for name in set(re.findall(r"\$\{(\w+)\}", page)):
        assert name in outputs, name


def test_alarms_that_the_page_names_are_the_stacks(dev: Templates) -> None:
    page = FIRST_DEPLOYMENT.read_text(encoding="utf-8")
    alarms = [one.id for one in resources(dev, "AWS::CloudWatch::Alarm")]
    for name in set(re.findall(r"alarm `(\w+)`", page)):
        assert any(name in one for one in alarms), name


def test_quotas_follow_the_settings() -> None:
    larger = read_settings(
        {
            "endpoint_instances_most": 5,
            "endpoint_instance_type": "ml.m5.large",
            "partitions": 20,
            "nat": True,
            "nightly_instance_type": "ml.r5.large",
            "pollers": "provisioned",
        }
    )
    found = {quota.name: count for quota, count in needs(larger).items()}
    assert found["ml.m5.large for endpoint usage"] == 10
    assert found["ml.r5.large for processing job usage"] == 1
    assert found["Concurrent executions"] == 4 * 20 + 10
    assert found["EC2-VPC Elastic IPs"] == 1


def test_quotas_follow_the_back_end_of_the_batch() -> None:
    for back_end, own in (("sagemaker", 1), ("fraud-detector", 0)):
        settings = read_settings({"batch_back_end": back_end, "batch_instance_type": "ml.c5.2xlarge"})
        found = {quota.name: count for quota, count in needs(settings).items()}
        for use in ("processing", "transform"):
            assert found.get(f"ml.c5.2xlarge for {use} job usage", 0) == own
        assert found["Concurrent training jobs per account"] == 1 - own
        assert found["Deployed model versions per account"] == 2 * (1 - own)
        assert found["Max task DPUs per account"] == 4


def test_the_picture_is_of_these_stacks(dev: Templates) -> None:
    assert Path(PICTURE).read_text(encoding="utf-8") == drawing(dev), "run make diagram"


def test_the_picture_is_stale_when_a_function_goes(dev: Templates) -> None:
    less = {
        **dev,
        "Streaming": {
            **dev["Streaming"],
            "Resources": {name: body for name, body in dev["Streaming"]["Resources"].items() if "Archive" not in name},
        },
    }
    assert drawing(less) != drawing(dev)
