"""Small parts of the emulated AWS: metrics in logs, keys of what is used, assets, counts."""

from __future__ import annotations

import io
import json
import logging
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from emulator.counts import Counts
from emulator.functions.embedded_metrics import embedded_metrics
from emulator.functions.layers import distributions
from emulator.keys import Keys
from emulator.protocol.shapes import Problem, encode, reader
from emulator.protocol.wire import service_model
from local.assembly import read_assembly


@pytest.mark.parametrize(
    "document",
    [
        ["_aws"],
        {"_aws": []},
        {"_aws": {"CloudWatchMetrics": [{"Namespace": "CardFraud", "Metrics": [{"Name": "Lost"}]}]}, "Lost": "many"},
        {"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "Lost"}]}]}, "Lost": 1},
    ],
)
def test_a_line_that_is_no_metric_is_passed_over_and_said(document: Any, caplog: pytest.LogCaptureFixture) -> None:
    metric = {"Namespace": "CardFraud", "Metrics": [{"Name": "Decided", "Unit": "Count"}]}
    good = {"_aws": {"CloudWatchMetrics": [metric]}, "Decided": 2}
    with caplog.at_level(logging.WARNING):
        found = list(embedded_metrics("\n".join(map(json.dumps, (document, good)))))
    assert [(datum.name, datum.value) for datum in found] == [("Decided", 2.0)]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("action", ["Scan", "DeleteItem", "Query"])
@pytest.mark.parametrize("part", ["", "/index/by-card", "/stream/2026-01-31T00:00:00.000"])
def test_a_table_and_its_parts_need_the_tables_key(action: str, part: str) -> None:
    table, key = "arn:aws:dynamodb:us-east-1:123456789012:table/decisions", "arn:aws:kms:us-east-1:123456789012:key/1"
    keys = Keys()
    given = {"SSESpecification": {"KMSMasterKeyId": key}}
    keys.made("Streaming", "Decisions", "AWS::DynamoDB::Table", given, "decisions", {"Arn": table})
    (needed,) = keys.needs(f"dynamodb:{action}", table + part)
    assert needed[:2] == ("kms:Decrypt", key)


def test_libraries_go_by_name_and_functions_code_as_it_is(tmp_path: Path) -> None:
    files = {}
    for name in ("code", "layer"):
        (tmp_path / name / "numpy-2.5.5.dist-info").mkdir(parents=True)
        (tmp_path / name / "numpy-2.5.5.dist-info" / "METADATA").write_text("Name: numpy")
        (tmp_path / name / "numpy.so").write_bytes(b"compiled")
        files[name] = {
            "source": {"path": name},
            "destinations": {"here": {"bucketName": "assets", "objectKey": f"{name}.zip"}},
        }
    layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Key": "layer.zip"}}}
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Key": "code.zip"}}}
    written = {
        "template.json": {"Resources": {"Layer": layer, "Function": function}},
        "assets.json": {"files": files},
        "manifest.json": {
            "artifacts": {
                "Assets": {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}},
                "Streaming": {
                    "type": "aws:cloudformation:stack",
                    "properties": {"templateFile": "template.json"},
                    "dependencies": ["Assets"],
                },
            }
        },
    }
    for name, content in written.items():
        (tmp_path / name).write_text(json.dumps(content))
    (stack,) = read_assembly(tmp_path)
    packed = {asset.key: asset.body() for asset in stack.assets}
    names = {key: sorted(zipfile.ZipFile(io.BytesIO(body)).namelist()) for key, body in packed.items()}
    metadata = "numpy-2.5.5.dist-info/METADATA"
    assert names == {"code.zip": [metadata, "numpy.so"], "layer.zip": [metadata]}
    assert distributions(packed["layer.zip"]) == ["numpy"]


def test_no_count_is_lost() -> None:
    counts = Counts()
    threads = [threading.Thread(target=lambda: [counts.add("calls") for _ in range(5_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.copy() == {"calls": 20_000}


def test_a_text_is_refused_each_time_though_others_of_its_shape_were_valid() -> None:
    put = service_model("sagemaker-featurestore-runtime").operation_model("PutRecord").input_shape
    read = reader(put.members["Record"].member)
    for _ in range(3):
        for name, wrong in (("amount", 0), ("amount$", 1), ("a" * 65, 1), ("amount", 0)):
            problems: list[Problem] = []
            read({"FeatureName": name, "ValueAsString": "1.25"}, "Record", problems)
            assert len(problems) == wrong, (name, problems)


def test_what_is_written_has_the_names_of_the_wire_and_no_nothing() -> None:
    """Of a shape that holds itself, too."""
    job = service_model("kinesisanalyticsv2").operation_model("DescribeApplication").output_shape
    assert encode(job, {"ApplicationDetail": {"ApplicationName": "a", "ApplicationDescription": None}}) == {
        "ApplicationDetail": {"ApplicationName": "a"}
    }
    item = service_model("dynamodb").operation_model("PutItem").input_shape
    given = {"TableName": "decisions", "Item": {"tree": {"M": {"inner": {"L": [{"B": b"\0"}]}}}}}
    assert encode(item, given) == {
        "TableName": "decisions",
        "Item": {"tree": {"M": {"inner": {"L": [{"B": "AA=="}]}}}},
    }
