"""A bucket, a database, a crawler and a job of Glue, for a template."""

from __future__ import annotations

from typing import Any

from tests.emulator.conftest import attribute, ref, role

HEADER = ["row", "trans_date_trans_time", "cc_num", "amt"]
CLASSIFIER = {
    "Type": "AWS::Glue::Classifier",
    "Properties": {
        "CsvClassifier": {
            "Name": "transactions",
            "Delimiter": ",",
            "QuoteSymbol": '"',
            "ContainsHeader": "PRESENT",
            "Header": HEADER,
            "CustomDatatypeConfigured": True,
            "ContainsCustomDatatype": ["LONG", "STRING", "STRING", "DOUBLE"],
        }
    },
}
BUCKET = {"Type": "AWS::S3::Bucket"}
LOGS = (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:*:*:log-group:/aws-glue/*")


def joined(*parts: Any) -> dict[str, Any]:
    return {"Fn::Join": ["", list(parts)]}


def database(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": ref("AWS::AccountId"), "DatabaseInput": {"Name": name}},
    }


def crawler_role(name: str, *left_out: str) -> dict[str, Any]:
    """What a crawler of this database needs, without the statements on some actions."""
    at = "arn:aws:glue:us-east-1:123456789012"
    tables = [f"{at}:catalog", f"{at}:database/{name}", f"{at}:table/{name}/*"]
    statements = {
        "glue": (
            ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable"],
            tables,
        ),
        "s3:ListBucket": ("s3:ListBucket", attribute("Raw", "Arn")),
        "s3:GetObject": ("s3:GetObject", joined(attribute("Raw", "Arn"), "/input/*")),
        "logs": LOGS,
    }
    return role("glue", *(statement for action, statement in statements.items() if action not in left_out))


def crawler(database_name: str, *classifiers: Any, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Glue::Crawler",
        "Properties": {
            "Role": attribute("CrawlerRole", "Arn"),
            "DatabaseName": database_name,
            "Targets": {"S3Targets": [{"Path": joined("s3://", ref("Raw"), "/input/")}]},
            "Classifiers": list(classifiers),
            **properties,
        },
        "DependsOn": ["Database"],
    }


def job(script: str = "scripts/job.py", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Glue::Job",
        "Properties": {
            "Role": attribute("JobRole", "Arn"),
            "Command": {
                "Name": "glueetl",
                "PythonVersion": "3",
                "ScriptLocation": joined("s3://", ref("Raw"), f"/{script}"),
            },
            "GlueVersion": "5.1",
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            **properties,
        },
    }


def job_role(*more: Any) -> dict[str, Any]:
    objects = joined(attribute("Raw", "Arn"), "/*")
    return role(
        "glue",
        ("s3:ListBucket", attribute("Raw", "Arn")),
        (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], objects),
        LOGS,
        *more,
    )
