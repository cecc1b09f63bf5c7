"""The archive as tables of the Glue catalogue, so that Athena and Spark read it by name."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from fraud.columns import ARCHIVED_DECISIONS, LABEL_COLUMNS, TRANSACTION_COLUMNS, Column, Kind

_TYPES: dict[Kind, str] = {
    "text": "string",
    "json": "string",
    "whole number": "bigint",
    "decimal number": "double",
    "flag": "boolean",
    "moment": "timestamp",
}
COLUMNS: dict[str, tuple[Column, ...]] = {
    "transactions": TRANSACTION_COLUMNS,
    "decisions": ARCHIVED_DECISIONS,
    "labels": LABEL_COLUMNS,
}
"""What the functions `archive` and `record_labels` write, by table."""


def archive_tables(scope: Construct, bucket: s3.IBucket, prefixes: dict[str, str]) -> glue.CfnDatabase:
    """A database with a table for each prefix, partitioned by day without a crawler."""
    stack = cdk.Stack.of(scope)
    name = stack.stack_name.lower().replace("-", "_")
    database = glue.CfnDatabase(
        scope,
        "Database",
        catalog_id=stack.account,
        database_input=glue.CfnDatabase.DatabaseInputProperty(
            name=name, description="The archive of card transactions"
        ),
    )
    for prefix, table in prefixes.items():
        glue.CfnTable(
            scope,
            f"{table.capitalize()}Table",
            catalog_id=stack.account,
            database_name=name,
            table_input=glue.CfnTable.TableInputProperty(
                name=table,
                table_type="EXTERNAL_TABLE",
                partition_keys=[glue.CfnTable.ColumnProperty(name="day", type="date")],
                parameters={
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.day.type": "date",
                    "projection.day.format": "yyyy-MM-dd",
                    "projection.day.range": "2020-01-01,NOW",
                    "storage.location.template": f"s3://{bucket.bucket_name}/{prefix}day=${{day}}/",
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=f"s3://{bucket.bucket_name}/{prefix}",
                    columns=[
                        glue.CfnTable.ColumnProperty(name=column.name, type=_TYPES[column.kind])
                        for column in COLUMNS[table]
                    ],
                    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        ).add_resource_dependency(database)
    return database
