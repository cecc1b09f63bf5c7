"""What is known of a candidate as the champion's shadow: of one that is it now, or of the last one that was."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import typer
from rich.table import Table

from cli.endings import EndedError
from cli.models.registry import IN_SERVICE, Models
from cli.models.shown import screen
from cli.progress import progress
from fraud.shadow import COMPARISONS, measured, queries
from reading.errors import BadInputError
from sagemaker_src.shadow.compare import FILE, PAGE, Limits, Measured, read_measured, report
from sagemaker_src.shadow.page import tables

REFUSED = 1
"""The exit status where the candidate does not keep what a shadow must."""
MOST_BYTES = 1 << 30
"""Of what was captured, the newest so many are read."""


class Shadowed(NamedTuple):
    """A comparison.

    Attributes:
        run: of the training machine, whose candidate it is.
        running: whether the candidate is a shadow still.
        says: when, as a sentence.
        report: as `sagemaker_src.shadow.compare` has it.
        page: where its page lies; None while it runs.
    """

    run: str
    running: bool
    says: str
    report: Mapping[str, Any]
    page: str | None


def show_shadow(models: Models, *, as_json: bool) -> None:
    """Shows the comparison of the candidate that is a shadow, or of the last one that was.

    Raises:
        BadInputError: there is none.
        EndedError: the candidate does not keep what a shadow must.
    """
    found = shadow_comparison(models)
    if as_json:
        told = {"run": found.run, "running": found.running, "says": found.says, "page": found.page}
        typer.echo(json.dumps({**told, **found.report}, separators=(",", ":")))
    else:
        _show(found)
    if not found.report["accepted"]:
        raise EndedError(f"the candidate of run {found.run}: {found.report['why']}", REFUSED)


def shadow_comparison(models: Models) -> Shadowed:
    """The comparison of the candidate that is a shadow, or of the last one that was.

    Raises:
        BadInputError: there is none.
    """
    return _running(models) or _last(models)


def _running(models: Models) -> Shadowed | None:
    """The comparison until now; None where the endpoint has no shadow of training's."""
    endpoint = models.sagemaker.describe_endpoint(EndpointName=models.endpoint)
    configuration = models.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    shadows = configuration.get("ShadowProductionVariants")
    destination = (configuration.get("DataCaptureConfig") or {}).get("DestinationS3Uri", "")
    _, _, run = destination.rstrip("/").rpartition(f"/{COMPARISONS}")
    if not shadows or not run:
        return None
    [champion], [candidate] = configuration["ProductionVariants"], shadows
    # the endpoint got the shadow by its last update
    since, until = endpoint["LastModifiedTime"], datetime.now(UTC)
    hours = (until - since).total_seconds() / 3600
    planned = json.loads(models.reached.output("Training", "ShadowLimits"))
    limits = Limits(
        errors=planned["errors_percent"] / 100,
        latency_ms=planned["latency_ms"],
        percent=100 * candidate["InitialVariantWeight"] / champion["InitialVariantWeight"],
        hours=round(hours, 2),
    )
    variants = (champion["VariantName"], candidate["VariantName"])
    counted = _counted(models, variants, since, until)
    with tempfile.TemporaryDirectory() as name:
        read = _fetched(models, destination, variants, Path(name))
        told = report(Path(name), variants, counted, limits)
    status = "" if endpoint["EndpointStatus"] == IN_SERVICE else f"; the endpoint is {endpoint['EndpointStatus']}"
    says = (
        f"The candidate of run {run} is a shadow since {since:%Y-%m-%d %H:%M}, {hours:.1f} of {planned['hours']:g} h{status}. "
        f"What was captured of late may not be there yet.{read}"
    )
    return Shadowed(run, True, says, told, None)


def _counted(models: Models, variants: tuple[str, str], since: datetime, until: datetime) -> tuple[Measured, Measured]:
    """What CloudWatch has counted of both."""
    asked = [query for variant in variants for query in queries(models.endpoint, variant)]
    pages = (
        models.reached.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=asked, StartTime=since, EndTime=until)
    )
    results = [each for page in pages for each in page["MetricDataResults"]]
    one, other = (read_measured(json.dumps(measured(results, variant))) for variant in variants)
    return one, other


def _fetched(models: Models, destination: str, variants: tuple[str, str], folder: Path) -> str:
    """Puts what was captured into a folder as `read_captured` finds it; a sentence where it is not all."""
    place = urlsplit(destination)
    prefix = f"{place.path.strip('/')}/{models.endpoint}/"
    pages = models.s3.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=prefix)
    there = [each for page in pages for each in page.get("Contents", []) if each["Key"].endswith(".jsonl")]
    newest = sorted(there, key=lambda each: each["LastModified"], reverse=True)
    wanted: list[str] = []
    total = 0
    for each in newest:
        total += each["Size"]
        if wanted and total > MOST_BYTES:
            break
        wanted.append(each["Key"])
    with progress() as told:
        for number, key in enumerate(wanted):
            variant = key.removeprefix(prefix).partition("/")[0]
            if variant in variants:
                file = folder / models.endpoint / variant / f"{number}.jsonl"
                file.parent.mkdir(parents=True, exist_ok=True)
                models.s3.download_file(place.netloc, key, str(file))
            told("reading what was captured", number + 1, len(wanted))
    if len(wanted) == len(there):
        return ""
    return f" Read are the newest {len(wanted):,} of {len(there):,} files."


def _last(models: Models) -> Shadowed:
    """The newest comparison that the training machine has written."""
    bucket = models.reached.output("Data", "ModelsBucket")
    pages = models.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=COMPARISONS)
    there = [each for page in pages for each in page.get("Contents", []) if each["Key"].endswith(f"/{FILE}")]
    if not there:
        raise BadInputError(f"no candidate is a shadow in {models.reached.says}, and none was: {_why_none(models)}")
    newest = max(there, key=lambda each: (each["LastModified"], each["Key"]))
    folder = newest["Key"].removesuffix(f"/{FILE}")
    content = models.content(f"s3://{bucket}/{newest['Key']}")
    try:
        told = json.loads(content or b"")
    except ValueError as error:
        raise BadInputError(f"s3://{bucket}/{newest['Key']}: no comparison: {error}") from error
    run, limits = folder.rpartition("/")[2], told["limits"]
    says = (
        f"No candidate is a shadow now. The last one, of run {run}, was it for {limits['hours']:g} h until "
        f"{newest['LastModified']:%Y-%m-%d %H:%M}, asked {limits['percent']:g}% of the requests."
    )
    return Shadowed(run, False, says, told, f"s3://{bucket}/{folder}/{PAGE}")


def _why_none(models: Models) -> str:
    """What has candidates be shadows there, as the rest of a sentence."""
    try:
        models.reached.output("Training", "ShadowLimits")
    except BadInputError:
        return "the setting shadow_percent is 0 there; above it a candidate that the gate accepts is a shadow first"
    return "the next candidate that the gate accepts will be, if a model of training's serves (`fraud models list`)"


def _show(found: Shadowed) -> None:
    out = screen()
    out.print(found.says, markup=False)
    verdict = "Accepted" if found.report["accepted"] else "Refused"
    out.print(f"{'Until now' if found.running else verdict}: {found.report['why']}.", markup=False)
    for each in tables(found.report):
        out.print(f"\n{each.title}", style="bold", markup=False)
        table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
        for number, head in enumerate(each.heads):
            table.add_column(head, no_wrap=True, justify="left" if number < each.words else "right")
        for row in each.rows:
            table.add_row(*row)
        out.print(table)
        out.print(each.says, markup=False)
    if found.page:
        out.print(f"\nIts page: {found.page}", markup=False)
