"""`fraud report`: the page of a model that was trained and tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
import xgboost as xgb
from pyarrow.lib import ArrowException

from cli.options import decimal
from cli.progress import console
from cli.reports.evaluation import Costs, evaluation_report, table_report
from cli.reports.packed import ScoresError
from fraud.fields import PROTECTED_FIELDS, Field
from reading.errors import BadInputError
from sagemaker_src.training.fairness import Group, Rate
from sagemaker_src.training.train import Trained

_WRITES = "`fraud evaluate` and `fraud train` write it"


def report(
    model: Annotated[
        Path, typer.Argument(help="Folder that `fraud evaluate` or `fraud train` wrote.", metavar="MODEL")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The page to write, replaced if it is there; default: report.html in MODEL.", metavar="FILE"),
    ] = None,
    cost_missed: Annotated[float | None, decimal("What a missed fraud costs, in any currency.", 0)] = None,
    cost_review: Annotated[float | None, decimal("What a flagged transaction costs, fraud or not.", 0)] = None,
) -> None:
    """Show a model and its test as one page, with a threshold to move: what it finds, misses and costs.

    One HTML file that needs no network: scores of fraud and of the legitimate, the confusion matrix of any threshold as counts,
    of 100,000 and as money, ROC, precision and recall, calibration, and what the model looks at.

    Example: fraud report out/evaluation --cost-missed 120 --cost-review 3 --out model.html
    """
    if not model.is_dir():
        raise BadInputError(f"{model}: no folder; name one that `fraud evaluate` or `fraud train` wrote")
    page = model / "report.html" if out is None else out
    if page.is_dir() or not page.parent.is_dir():
        raise BadInputError(f"--out: {page} cannot be written; name a file in a folder that there is")
    holds = model / "model" if (model / "model" / "manifest.json").is_file() else model
    trained = _trained(holds, _scores(model))
    costs = Costs(cost_missed, cost_review)
    part = page.with_name(f".{page.name}.part")
    files = f"The model and the scores of {model.resolve().name}"
    try:
        if "without_fraud_only_cards" in trained.manifest["metrics"]["test"]:
            evaluation_report(part, trained, files, "as they were taken in the test", _groups(model), costs)
        else:
            table_report(part, trained, files, (), costs)
        part.rename(page)
    except ScoresError as error:
        raise BadInputError(f"{model / 'scores.parquet'}: {error}") from error
    except KeyError as error:
        raise BadInputError(f"{holds / 'manifest.json'} lacks {error.args[0]}; {_WRITES}") from error
    except OSError as error:
        raise BadInputError(f"--out: {page} cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)
    console.print(f"Wrote {page}", markup=False, soft_wrap=True)


def _scores(folder: Path) -> pd.DataFrame:
    path = folder / "scores.parquet"
    if not path.is_file():
        raise BadInputError(f"{folder} holds no scores.parquet; {_WRITES}")
    try:
        scores = pd.read_parquet(path)
    except (OSError, ArrowException) as error:
        raise BadInputError(f"{path} is no Parquet file; {_WRITES}") from error
    # as releases before 2026-11-28 named it
    return scores if "is_fraud" in scores else scores.rename(columns={"label": "is_fraud"})


def _trained(folder: Path, scores: pd.DataFrame) -> Trained:
    manifest = _json(folder / "manifest.json")
    path = folder / "model.ubj"
    try:
        return Trained(xgb.Booster(model_file=str(path)), manifest, scores)
    except xgb.core.XGBoostError as error:
        # what it says goes on with its own stack
        raise BadInputError(f"{path} is no model of XGBoost; {_WRITES}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} is not there, or no JSON; {_WRITES}") from error
    return read


def _groups(folder: Path) -> dict[Field, list[Group]]:
    """The groups of protected fields that `fraud evaluate` told in metrics.json; none where there is no such file."""
    if not (folder / "metrics.json").is_file():
        return {}
    told = _json(folder / "metrics.json").get("fairness", {})
    return {field: [_group(each) for each in told[field.name]] for field in PROTECTED_FIELDS if field.name in told}


def _group(told: dict[str, Any]) -> Group:
    rates = ("false_positive_rate", "recall", "review_rate")
    return Group(
        told["name"],
        told["rows"],
        told["frauds"],
        *(Rate(**{name: told[rate][name] for name in Rate._fields}) for rate in rates),
    )
