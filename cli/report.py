"""`fraud report`: the page of a model that was trained and tested, or of two side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.applications import EnvironmentOption
from cli.options import decimal
from cli.progress import console
from cli.reports.comparison import comparison_report
from cli.reports.evaluation import Costs, evaluation_report, table_report
from cli.reports.packed import ScoresError
from cli.reports.place import check_page, whole_page
from cli.reports.registered import is_arn, of_registry
from cli.reports.versions import WRITES, ModelVersion, of_folder
from reading.errors import BadInputError


def report(
    model: Annotated[
        Path | None, typer.Argument(help="Folder that `fraud evaluate` or `fraud train` wrote.", metavar="MODEL")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            help="In place of MODEL: a model package of the registry, on the rows it was evaluated on.", metavar="ARN"
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Another model beside it: a folder, or an ARN of the registry.", metavar="FOLDER|ARN"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page to write, replaced if it is there; default: report.html in MODEL, or GROUP-vN.html here.",
            metavar="FILE",
        ),
    ] = None,
    env: EnvironmentOption = None,
    cost_missed: Annotated[float | None, decimal("What a missed fraud costs, in any currency.", 0)] = None,
    cost_review: Annotated[float | None, decimal("What a flagged transaction costs, fraud or not.", 0)] = None,
    cost_blocked: Annotated[
        float | None, decimal("What a wrongly blocked payment costs besides: a legitimate one that is flagged.", 0)
    ] = None,
) -> None:
    """Show a model and its test as one page, with a threshold to move: what it finds, misses and costs.

    One HTML file that needs no network: scores of fraud and of the legitimate, the confusion matrix of any threshold as counts,
    of 100,000 and as money, ROC, precision and recall, calibration, and what the model looks at. With --against, two models
    under one threshold and their difference, row by row where both were tested on the same rows.

    Example: fraud report out/evaluation --cost-missed 120 --cost-review 3 --cost-blocked 15 --out model.html

    Example: fraud report out/evaluation --against out/evaluation-before --out both.html

    Example: fraud report --version arn:aws:sagemaker:us-east-1:000000000000:model-package/card-fraud-dev/7 --out v7.html
    """
    if (model is None) == (version is None):
        raise BadInputError("MODEL and --version: name one of them: a folder, or a model package of the registry")
    if env is not None and version is None and not (against and is_arn(against)):
        raise BadInputError("--env: only with --version or with an ARN as --against; a folder is of no application")
    page = _page(model, version, out)
    where = None if env is None else env.value
    one = of_registry(version, where) if version is not None else of_folder(model or Path())
    other = None if against is None else _other(against, where)
    costs = Costs(cost_missed, cost_review, cost_blocked)
    try:
        with whole_page(page) as part:
            if other is not None:
                comparison_report(part, one, other, costs)
            elif one.of_cards:
                evaluation_report(part, one.trained, one.files, one.times, one.groups, costs, one.notices, one.told)
            else:
                table_report(part, one.trained, one.files, (), costs, one.notices)
    except ScoresError as error:
        raise BadInputError(f"scores.parquet: {error}") from error
    except KeyError as error:
        raise BadInputError(f"manifest.json lacks {error.args[0]}; {WRITES}") from error
    for each in (one, other):
        for notice in each.notices if each else ():
            console.print(f"{each.name if each else ''}: {notice}", markup=False, soft_wrap=True)
    console.print(f"Wrote {page}", markup=False, soft_wrap=True)


def _page(model: Path | None, version: str | None, out: Path | None) -> Path:
    if out is not None:
        page = out
    elif model is not None:
        page = model / "report.html"
    else:
        group, _, number = str(version).rpartition("/")
        page = Path(f"{group.rpartition('/')[2]}-v{number}.html")
    check_page(page, model)
    return page


def _other(against: str, environment: str | None) -> ModelVersion:
    if is_arn(against):
        return of_registry(against, environment)
    try:
        return of_folder(Path(against))
    except BadInputError as error:
        raise BadInputError(f"--against: {error}") from error
