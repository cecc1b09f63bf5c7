"""Tables that the feature store makes of its offline copies, and leaves when a feature group is deleted."""

from __future__ import annotations

import re

from lambda_src.clean_up.unfinished import unfinished
from lambda_src.ports.clients import client
from lambda_src.telemetry import logger
from lambda_src.time_left import TimeLeft


def delete_tables(database_and_prefix: str, time_left: TimeLeft) -> None:
    """Deletes the tables of a database whose names are a prefix and a number, given as DATABASE/PREFIX."""
    database, _, prefix = database_and_prefix.partition("/")
    numbered = re.compile(rf"{re.escape(prefix)}\d+")
    glue = client("glue", timeout_s=10)
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
    try:
        names = [each["Name"] for page in pages for each in page["TableList"] if numbered.fullmatch(each["Name"])]
    except glue.exceptions.EntityNotFoundException:
        return
    for name in names:
        time_left.check(unfinished(name))
        glue.delete_table(DatabaseName=database, Name=name)
    logger.info("deleted tables", extra={"tables": names})
