"""Settings: what is wrong is said in a sentence that names the setting and what is allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fraud.decision import FallbackRule
from fraud.decision_costs import RANGES
from fraud.search_space import as_setting, write_parameters
from stacks.instance_types import TABLE, ask_botocore
from stacks.prod import PROD
from stacks.settings import Settings, SettingsError, allowed, read_settings
from tests.stacks.stacks_under_test import ROOT, context
from tests.stacks.wrong_settings import BESIDE, MAY_BE, NOTHING, RIGHT, WRONG

SENTENCES = [
    ({"env": "test"}, "env: 'test'; allowed: dev or prod"),
    ({"nta": "true"}, r"nta: no such setting \(is nat meant\?\); allowed: env, region"),
    ({"nat": "perhaps"}, r"nat: 'perhaps' \(neither true nor false\); allowed: true or false"),
    ({"partitions": "many"}, r"partitions: 'many' \(no whole number\); allowed: 1 to 200"),
    ({"partitions": 0}, "partitions: 0; allowed: 1 to 200"),
    ({"partitions": 2.5}, r"partitions: 2.5 \(no whole number\); allowed: 1 to 200"),
    ({"region": "mars-1"}, "region: 'mars-1' .*; allowed: ap-northeast-1"),
    ({"retention_days": 31}, "retention_days: 31; allowed: 7, 14"),
    (
        {"endpoint_instance_type": "m5.large"},
        "endpoint_instance_type: 'm5.large' .*; allowed: a machine of SageMaker's",
    ),
    (
        {"training_instance_type": "ml.c7g.xlarge"},
        r"training_.*: 'ml.c7g.xlarge' \(a Graviton machine; .*\); allowed: .*x86-64",
    ),
    (
        {"training_instance_type": "ml.g5.xlarge"},
        r"training_instance_type: 'ml.g5.xlarge' \(.*accelerators.*\); allowed: ",
    ),
    ({"nightly_at": "at night"}, r"nightly_at: 'at night' \(no cron\(...\)\); allowed: cron\(MINUTES HOURS"),
    ({"alarm_email": "nobody"}, "alarm_email: 'nobody'; allowed: an e-mail address"),
    ({"review_from_amount": "1.234"}, "review_from_amount: .*1.234.*; allowed: 0 to 1000000"),
    ({"review_from_amount": 6000}, "review_from_amount .6000. is above block_from_amount .5000.; allowed: "),
    (
        {"consumers_least": 9},
        "consumers_least .9. is above consumers_most .2.; allowed: consumers_least <= consumers_most",
    ),
    ({"streaming": "kinesis"}, "streaming: 'kinesis'; allowed: standard, express or serverless"),
    (
        {"standard_instance_type": "kafka.t3.medium"},
        "standard_instance_type: 'kafka.t3.medium'; allowed: kafka.t3.small, or kafka.m5",
    ),
    ({"express_instance_type": "express.m7g.3xlarge"}, "express_instance_type: .* allowed: express.m7g.large, .xlarge"),
    ({"standard_storage_gb": 0}, "standard_storage_gb: 0; allowed: 1 to 16384"),
    ({"zones": 1}, "zones: 1; allowed: two ids, three with express, with a comma between"),
    (
        {"zones": "us-east-1a,us-east-1b"},
        "zones: us-east-1a is no zone of us-east-1 .* allowed: 2 different ones of use1-az1",
    ),
    ({"zones": "use1-az1,euw1-az1"}, "zones: euw1-az1 is no zone of us-east-1"),
    (
        {"zones": "use1-az1,use1-az3"},
        "zones: MSK takes no subnet in use1-az3; allowed: 2 different ones of use1-az1, use1-az2",
    ),
    ({"zones": "use1-az1,use1-az1"}, "zones: a zone is named twice; allowed: 2 different"),
    ({"zones": "use1-az1,use1-az2", "streaming": "express"}, "zones: 2 named, 3 needed; allowed: 3 different ones"),
    ({"partitions": 101}, "partitions .101. are more than .*kafka.t3.small.*; allowed: 1 to 100, or a larger standard"),
    ({"partitions": 126, "streaming": "serverless"}, "partitions .126. .* MSK Serverless .*; allowed: 1 to 125"),
    ({"pollers": "shared"}, "pollers: 'shared'; allowed: provisioned or on-demand"),
    ({"consumers_most": 501}, "consumers_most: 501; allowed: 1 to 500"),
    (
        {"endpoint_instances_most": 2},
        "endpoint_instances_most .2. is above endpoint_instances_least .1. with ml.t2.medium.*; allowed: the same number",
    ),
    ({"flink_parallelism": 8}, "flink_parallelism .8. is above partitions .4.; allowed"),
    ({"canary_percent": 10}, "canary_percent .10. needs a second machine .* allowed: canary_percent=0 with"),
    (
        {"env": "prod", "canary_percent": 10},
        "canary_percent .10. of endpoint_instances_least .2. is less than one .* 0, or 50$",
    ),
    (
        {"env": "prod", "endpoint_instances_least": 4, "canary_percent": 24},
        "canary_percent .24. .* less than one machine; allowed: 0, or 25 to 50$",
    ),
    (
        {"detector_medium": 900},
        "detector_medium .900. is not below detector_high .900., .*; allowed: detector_medium <",
    ),
    ({"env": "prod", "replay": True}, "replay .true. with env=prod .* allowed: replay=true with env=dev"),
    (
        {"training_parameters": {"depth": 3}},
        r"training_parameters: {'depth': 3} \('depth' is no parameter; allowed: rounds, eta, max_depth, .*\); allowed: an object",
    ),
    (
        {"training_parameters": '{"eta": 5}'},
        r"training_parameters: '{\"eta\": 5}' \(eta: '5'; allowed: numbers from 0.02 to 0.3\); allowed: an object of JSON",
    ),
    ({"tuning_jobs": 101}, "tuning_jobs: 101; allowed: 0 to 100"),
    (
        {"tuning_jobs": 4, "tuning_parallel": 5},
        "tuning_parallel .5. is above tuning_jobs .4.; allowed: tuning_parallel <= ",
    ),
    (
        {"tuning_jobs": 4, "training_parameters": {"eta": 0.05}},
        r"training_parameters are set, and tuning_jobs \(4\) has others found before each training; allowed: one of the two",
    ),
    # no key of CDK's own, and no setting: left unread, it would deploy another environment
    ({"Env": "prod"}, r"Env: no such setting \(is env meant\?\)"),
    ({"alarm-email": "a@b.org"}, r"alarm-email: no such setting \(is alarm_email meant\?\)"),
]


@pytest.mark.parametrize(
    ("given", "says"), SENTENCES, ids=[" ".join(map(str, given.items())) for given, _ in SENTENCES]
)
def test_a_wrong_setting_is_refused_in_a_sentence(given: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=f"^{says}"):
        read_settings(given)


def test_every_setting_is_in_the_tables() -> None:
    assert WRONG.keys() == RIGHT.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_no_wrong_value_of_a_setting_is_taken(name: str) -> None:
    for value in (*WRONG[name], *NOTHING):
        if value in MAY_BE.get(name, ()):
            continue
        try:
            taken = read_settings({**BESIDE.get(name, {}), name: value})
        except SettingsError as error:
            assert str(error).startswith(f"{name}: "), (value, str(error))
            assert str(error).endswith(f"; allowed: {allowed(name)}") or (
                name == "zones" and "; allowed: 2 diff" in str(error)
            )
        else:
            pytest.fail(f"{name}: {value!r} is taken, as {getattr(taken, name)!r}")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_furthest_values_of_a_setting_are_taken(name: str) -> None:
    for value in RIGHT[name]:
        taken = getattr(read_settings({**BESIDE.get(name, {}), name: value}), name)
        if name == "zones":
            taken, value = ",".join(taken), value if isinstance(value, str) else ",".join(value)  # noqa: PLW2901
        assert str(taken).lower() == str(value).lower() or float(taken) == float(value)


def test_every_setting_is_read_by_what_is_deployed() -> None:
    code = "".join(path.read_text() for path in (ROOT / "stacks").rglob("*.py") if path.name != "settings.py")
    # those of the fallback rule and of costs are handed on together
    rule = {name for name in Settings.model_fields if name in FallbackRule.model_fields or name in RANGES}
    assert [name for name in Settings.model_fields if f"settings.{name}" not in code and name not in rule] == []


def test_keys_of_cdks_own_are_no_settings() -> None:
    assert (
        read_settings({"aws:cdk:version-reporting": True, "@aws-cdk/core:x": 1, "cli-telemetry": False}) == Settings()
    )


def test_synth_fails_on_a_wrong_setting_before_anything_is_written(tmp_path) -> None:
    from app import build_app  # noqa: PLC0415 - importing CDK takes seconds

    with pytest.raises(SettingsError, match="no such setting"):
        build_app(context(partition=4), str(tmp_path / "out"))
    assert not list(tmp_path.glob("out/*.template.json"))


def test_text_is_read_as_the_command_line_gives_it() -> None:
    settings = read_settings({"nat": "true", "partitions": "8", "review_from_amount": "250.50"})
    assert (settings.nat, settings.partitions, str(settings.review_from_amount)) == (True, 8, "250.50")


def test_what_was_tuned_is_taken_as_it_was_written(tmp_path: Path) -> None:
    """The file of `fraud tune`, in `cdk.json` or as text of the command line."""
    found = {"rounds": 812, "eta": 0.051234567890123456, "max_depth": 7, "reg_lambda": 12.5}
    write_parameters(tmp_path / "parameters.json", found)
    said = (tmp_path / "parameters.json").read_text()
    for given in (said, json.loads(said), as_setting(found)):
        assert read_settings({"training_parameters": given}).training_parameters == found


def test_what_prod_differs_in_are_settings_with_other_values() -> None:
    dev, prod = read_settings({}), read_settings({"env": "prod"})
    assert {name for name in Settings.model_fields if getattr(dev, name) != getattr(prod, name)} == {"env", *PROD}


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        read_settings({}).nat = True


def by_the_command_line(folder: Path, **given: Any) -> tuple[int, str]:
    """Exit status and error of the program that the CDK tool starts, with a context as the tool passes it on."""
    environment = {**os.environ, "CDK_CONTEXT_JSON": json.dumps(context(**given)), "CDK_OUTDIR": str(folder)}
    command = [sys.executable, "app.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    return done.returncode, done.stderr


def test_the_command_line_says_the_sentence_alone(tmp_path: Path) -> None:
    sentence = "error: nat: 'perhaps' (neither true nor false); allowed: true or false\n"
    assert by_the_command_line(tmp_path, nat="perhaps") == (1, sentence)


@pytest.mark.slow
def test_no_context_puts_names_in_place_of_wheels(tmp_path: Path) -> None:
    """What is deployed is made by `app.py`, and the CDK tool reaches it by its context alone."""
    status, said = by_the_command_line(tmp_path, **{"card-fraud:names-of-wheels": "true"})
    assert status == 1
    assert said == (
        "error: card-fraud:names-of-wheels: what is made with it cannot run in AWS, and would stay there in place of what can; "
        "allowed: to leave it out\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_machines_are_botocores() -> None:
    assert json.loads(TABLE.read_text()) == ask_botocore(), "run python -m stacks.instance_types"
