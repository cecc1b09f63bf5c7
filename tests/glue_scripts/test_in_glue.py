"""The job that transforms files, run by the emulated Glue in its role's name, from a bucket to a bucket."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pyarrow.parquet as pq
import pytest

from emulator.process import EmulatedAws
from fraud.transaction import card_token
from stacks.asset_cache import ROOT
from tests.cli.person_files import CARD, csv
from tests.emulator.conftest import Deployed, attribute, aws, deployed, ref
from tests.emulator.glue_resources import BUCKET, job, job_role, joined
from tests.emulator.test_glue_jobs import ended

__all__ = ["aws", "deployed"]

pytestmark = pytest.mark.engines

KEY = "0123456789abcdef"


def modules() -> bytes:
    """The rooms that the job imports, as they are shipped."""
    there = io.BytesIO()
    with zipfile.ZipFile(there, "w") as archive:
        for room in ("fraud", "reading", "glue_scripts"):
            for file in sorted((ROOT / room).rglob("*")):
                if file.is_file() and file.suffix != ".pyc":
                    archive.write(file, file.relative_to(ROOT))
    return there.getvalue()


def test_files_of_a_bucket_become_a_set(aws: EmulatedAws, deployed: Deployed) -> None:
    batch = attribute("Batch", "Arn")
    allowed = [
        ("s3:ListBucket", batch),
        (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], joined(batch, "/*")),
        ("secretsmanager:GetSecretValue", ref("Secret")),
    ]
    made = deployed(
        {
            "Raw": BUCKET,
            "Batch": BUCKET,
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": KEY}},
            "JobRole": job_role(*allowed),
            "Job": job("scripts/transform.py", Name="transform"),
        },
        {"raw": ref("Raw"), "batch": ref("Batch"), "secret": ref("Secret")},
    )
    s3, raw, out = aws.client("s3"), made["raw"], made["batch"]
    s3.put_object(Bucket=raw, Key="scripts/transform.py", Body=(ROOT / "glue_scripts" / "transform.py").read_bytes())
    s3.put_object(Bucket=raw, Key="lib/modules.zip", Body=modules())
    s3.put_object(Bucket=raw, Key="lib/kaggle.toml", Body=(ROOT / "reading" / "mappings" / "kaggle.toml").read_bytes())
    s3.put_object(Bucket=raw, Key="input/my rows+1.csv", Body=csv(12).encode())
    s3.put_object(Bucket=raw, Key="input/half.csv.gz", Body=b"\x1f\x8b\x08half")
    arguments = {
        "--input": f"s3://{raw}/input/",
        "--out": f"s3://{out}/",
        "--extra-py-files": f"s3://{raw}/lib/modules.zip",
        "--columns": f"s3://{raw}/lib/kaggle.toml",
        "--card-token-key-secret": made["secret"],
        "--back-end": "sagemaker",
        "--train-until": "2020-01-09",
        "--predict-from": "2020-01-10",
        "--keep-raw": "false",
    }

    run = aws.client("glue").start_job_run(JobName="transform", Arguments=arguments)["JobRunId"]
    found = ended(aws, "transform", run, 200)

    # what could be read is written; the run says what could not
    says = "RefusedFilesError: 1 of 2 files refused, the rows of the others are written: half.csv.gz"
    assert (found["JobRunState"], found["ErrorMessage"][: len(says)]) == ("FAILED", says)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=out)["Contents"]]
    (report_key,) = [key for key in keys if key.startswith("reports/")]
    name = report_key.removeprefix("reports/").removesuffix(".json")
    assert sorted(keys) == [
        f"glue_transformed/batch_predict/{name}.parquet",
        f"glue_transformed/train/{name}.parquet",
        f"reports/{name}.json",
    ]
    report: dict[str, Any] = json.loads(s3.get_object(Bucket=out, Key=report_key)["Body"].read())
    assert (report["read"], report["written"]) == (12, {"train": 8, "predict": 3})
    assert report["left_out"] == {"between the splits": 1}
    assert [each["file"] for each in report["refused"]] == ["half.csv.gz"]
    body = s3.get_object(Bucket=out, Key=f"glue_transformed/train/{name}.parquet")["Body"].read()
    assert pq.read_table(io.BytesIO(body))["cc_num"].to_pylist() == [card_token(CARD, KEY.encode())] * 8
    left = [one["Key"] for one in s3.list_objects_v2(Bucket=raw, Prefix="input/")["Contents"]]
    assert left == ["input/half.csv.gz"], "what was read whole is removed"
