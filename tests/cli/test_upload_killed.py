"""`fraud upload` as a process of its own, killed while it sends, to the emulated AWS as to an account of one's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from fraud.transaction import card_token
from local.assembly import Stack
from local.background import ROOT
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from reading.mapping.toml_file import read_mapping
from tests.cli.person_files import CARD, csv

pytestmark = [pytest.mark.engines, pytest.mark.slow]
DATA = "CardFraud-Dev-Data"
ROWS = 600_000
KEY = "a secret of the test's own"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    with EmulatedAws(tmp_path_factory.mktemp("aws"), STAND_INS) as emulated:
        resources = {
            "Key": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": KEY}},
            "Raw": {"Type": "AWS::S3::Bucket"},
        }
        said = {
            "CardTokenKeySecret": {"Value": {"Ref": "Key"}},
            "RawBucket": {"Value": {"Ref": "Raw"}},
            "RawColumns": {"Value": read_mapping("kaggle").meaning},
        }
        deploy([Stack(DATA, json.dumps({"Resources": resources, "Outputs": said}), (), ())], emulated.client)
        yield emulated


def test_a_killed_upload_goes_on_with_the_parts_that_went(aws: EmulatedAws, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    lines = csv(8).splitlines(keepends=True)
    (data / "a.csv").write_text(lines[0] + "".join(lines[1:]) * (ROWS // 8))
    s3, bucket = aws.client("s3"), outputs(aws.client, DATA)["RawBucket"]
    command = [sys.executable, "-m", "cli.main", "upload", "--local-dir", str(data), "--env", "dev", "--json"]
    variables = {
        **os.environ, **aws.credentials, "AWS_ENDPOINT_URL": aws.endpoint, "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state"),
    }  # fmt: skip
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def sent() -> int:
            uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
            return sum(
                len(s3.list_parts(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"]).get("Parts", []))
                for one in uploads
            )

        wait_until(lambda: sent() >= 2, 60, lambda: AssertionError("no part was sent"), every_s=0.01)
        process.send_signal(signal.SIGKILL)
    assert not s3.list_objects_v2(Bucket=bucket).get("Contents")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (one,) = told["files"]
    assert one["rows"] == ROWS and one["parts"] > 2
    assert one["parts_before"] >= 1
    body = s3.get_object(Bucket=bucket, Key="input/a.csv")["Body"].read().decode()
    assert body == (data / "a.csv").read_text().replace(CARD, card_token(CARD, KEY.encode()))
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert json.loads(s3.get_object(Bucket=bucket, Key=told["manifest"])["Body"].read())["files"][0]["rows"] == ROWS
