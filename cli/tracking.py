"""What `fraud train`, `evaluate` and `tune` keep of their runs, and the options that say where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from subprocess import DEVNULL, SubprocessError, check_output
from typing import Annotated, Any

import typer

from cli.output import check_folder
from cli.progress import console
from cli.tuning.study import TrialRow, best_of
from fraud.tracking import figures_of
from reading.errors import BadInputError
from sagemaker_src.processing.set_manifest import catalogue_version
from sagemaker_src.tracking.run import Nested, Run, tracked
from sagemaker_src.tracking.store import DEFAULT, ENVIRONMENT, Place, TrackingUriError, place
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.judging import FILE as EVALUATION
from sagemaker_src.training.train import Trained
from sagemaker_src.tuning.families import Compared

_ROOT = Path(__file__).resolve().parent.parent

TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="Where MLflow keeps runs: a folder, sqlite:///FILE, a server's http(s)://HOST, or the ARN of SageMaker's; default: "
        f"what {ENVIRONMENT} says, or {DEFAULT}.",
        metavar="URI",
    ),
]
NoTracking = Annotated[bool, typer.Option("--no-tracking", help="Keep nothing of this run.")]


def checked_place(uri: str | None, *, off: bool = False) -> Place | None:
    """The place that options name.

    Raises:
        BadInputError: it is none, or both options are there.
    """
    if off and uri is not None:
        raise BadInputError("--no-tracking and --tracking-uri: name one of them")
    try:
        return None if off else place(uri)
    except TrackingUriError as error:
        raise BadInputError(f"{'--tracking-uri' if uri is not None else ENVIRONMENT}: {error}") from error


@contextmanager
def tracked_command(command: str, out: Path, uri: str | None, *, off: bool) -> Iterator[Run]:
    """A run around a command, and a line at its end that says where it is kept.

    Args:
        command: as `train`.
        out: what it writes; its name is the run's.
        uri, off: of the options.

    Raises:
        BadInputError: no place, or `out` cannot be written.
    """
    where = checked_place(uri, off=off)
    check_folder(out, command.partition(" ")[0])
    tags = {
        "command": f"fraud {command}",
        "mlflow.source.name": f"fraud {command}",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": _commit(),
        "fraud.version": version("card-fraud-detection"),
    }
    with tracked(where, f"{command} {out.resolve().name}", tags, _warn, (KeyboardInterrupt, typer.Abort)) as run:
        yield run
    if run.whole and where is not None:
        named = "" if uri is None else f" --tracking-uri {uri}"
        console.print(f"Tracked as run {run.id} in {where}; next: fraud runs list{named}", markup=False, soft_wrap=True)


def tell_trained(run: Run, trained: Trained, folder: Path, **asked: Any) -> None:
    """Tells a run of a trained and tested model: how it was trained, on what, its figures, and its pages.

    Args:
        folder: what the command writes.
        asked: what else the command was asked; None is left out.
    """
    manifest = trained.manifest
    data, told = manifest["data"], manifest["data"].get("training_set") or {}
    of_cards = "without_fraud_only_cards" in manifest["metrics"]["test"]
    run.parameters({**manifest["settings"], **{name: value for name, value in asked.items() if value is not None}})
    run.metrics(manifest["metrics"]["test"])
    run.metrics(figures_of(manifest))
    run.tags(
        {
            "model_version": manifest["model_version"],
            "data.fingerprint": data["fingerprint"],
            "training_set.fingerprint": told.get("fingerprint"),
            "catalogue.version": told.get("catalogue", {}).get("version", catalogue_version()) if of_cards else None,
            "xgboost": manifest["xgboost"],
        }
    )
    kept = ("model_version", "settings", "thresholds", "metrics", "outcomes")
    if not (folder / EVALUATION).is_file():  # a table without cards has none of its own
        run.document(EVALUATION, {name: manifest[name] for name in kept})
    run.artifacts(folder)


def tell_over_time(run: Run, told: Mapping[str, Any], settings: TrainingSettings, folder: Path, **asked: Any) -> None:
    """Tells a run of models over time: the figures of all periods together; each period's are in its pages.

    Args:
        told: as `sagemaker_src.training.prequential.prequential` returns it.
        folder: what the command writes.
        asked: what else the command was asked.
    """
    run.parameters({**vars(settings), **asked})
    run.metrics(told["together"])
    run.tags({"catalogue.version": catalogue_version()})
    run.artifacts(folder)


def tell_tuned(run: Run, rows: list[TrialRow], asked: Mapping[str, Any], folder: Path) -> None:
    """Tells a run of a study: the best trial is its own figures, each trial a run within it."""
    best = best_of(rows)
    run.parameters({**best.parameters, **asked["parts"], **{name: asked[name] for name in ("seed", "pruned")}})
    early = sum(row.ended_early for row in rows)
    run.metrics({"average_precision": best.value, "defaults": {"average_precision": rows[0].value}})
    run.metrics({"trials": len(rows), "trials_ended_early": early, "best_trial": best.number})
    run.tags({"features.sha256": asked["data"], "catalogue.version": catalogue_version()})
    run.artifacts(folder)
    run.nested([_trial(row) for row in rows])


def _trial(row: TrialRow) -> Nested:
    ended = {"ended_early": str(row.ended_early).lower(), "command": "fraud tune"}
    steps = {"average_precision": row.steps or {0: row.value}}
    return Nested(f"trial {row.number}", row.parameters, {"seconds": row.seconds}, steps, ended)


def tell_families(run: Run, compared: list[Compared], parts: Mapping[str, int], folder: Path) -> None:
    """Tells a run of families of models: each is a run within it."""
    run.parameters(parts)
    run.artifacts(folder)
    run.nested([_family(each) for each in compared])


def _family(each: Compared) -> Nested:
    told = each._asdict()
    name = str(told.pop("family"))
    return Nested(name, {"family": name}, {key: float(value) for key, value in told.items()})


def _commit() -> str | None:
    """The commit that this product stands at; None where it is no work tree of its own."""
    if not (_ROOT / ".git").exists():
        return None
    try:
        said = check_output(["git", "-C", str(_ROOT), "rev-parse", "HEAD"], stderr=DEVNULL, timeout=5, text=True)
    except (OSError, SubprocessError):
        return None
    return said.strip()


def _warn(sentence: str) -> None:
    console.print(sentence, style="yellow", markup=False, soft_wrap=True)
