"""The runs of a place, as the commands show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Annotated, Any, NamedTuple

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import Environment, application
from cli.endings import EndedError
from cli.models.shown import figure
from cli.tracking import checked_place
from local.deployment import outputs
from reading.errors import BadInputError
from sagemaker_src.tracking.store import FOUND_DEAD, HELD_BY, NOWHERE, Store, TrackingUriError

FIGURES = ("average_precision", "recall_at_fpr_0.001")
"""What a list shows of each, by the names of an evaluation."""
_UNREACHED = 1
_INNER = ("mlflow.", HELD_BY, FOUND_DEAD)
"""How tags begin that are MLflow's own, or ours and nobody's to read."""


OfApplication = Annotated[
    Environment | None,
    typer.Option(
        "--env",
        help="In place of --tracking-uri: the tracking server of the application in the AWS account of your credentials, as dev "
        "or prod, where its setting tracking is managed.",
    ),
]


def place_of(uri: str | None, env: Environment | None) -> str | None:
    """The place of the options: that of an application is its tracking server.

    Raises:
        BadInputError: both options are there, or the application has no server.
    """
    if env is None:
        return uri
    if uri is not None:
        raise BadInputError("--env and --tracking-uri: name one of them")
    reached = application(env.value)
    try:
        found = outputs(reached.client, f"{reached.prefix}-Training").get("TrackingServer")
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{reached.says} does not answer as it must: {error}") from error
    if found is None:
        raise BadInputError(
            f"{reached.says} has no tracking server; allowed: one deployed with the setting tracking=managed"
        )
    return found


class Kept(NamedTuple):
    """A run.

    Attributes:
        id, name, status: as MLflow has them.
        started: when it began.
        seconds: that it took; None while it runs, and where its process was killed, nobody knows when.
        parameters, tags: of it; tags without MLflow's own.
        metrics: the figures.
        artifacts: where they are.
    """

    id: str
    name: str
    status: str
    started: datetime
    seconds: float | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    artifacts: str

    @property
    def short(self) -> str:
        """The beginning of its id, by which commands know it."""
        return self.id[:8]

    @property
    def command(self) -> str:
        """What made it."""
        return self.tags.get("command", "-").removeprefix("fraud ")

    @property
    def took(self) -> str:
        """How long it took, as text."""
        return "-" if self.seconds is None else f"{self.seconds:,.1f} s"

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**self._asdict(), "started": self.started.isoformat()}


@contextmanager
def opened(uri: str | None) -> Iterator[Store]:
    """The place of an option, opened to read.

    Raises:
        BadInputError: it is none, or nothing is kept there.
        EndedError: it cannot be reached or read.
    """
    where = checked_place(uri)
    if where is None:
        raise BadInputError(f"--tracking-uri: {NOWHERE} keeps no runs; name the place that is to be shown")
    try:
        yield Store(where, create=False)
    except TrackingUriError as error:
        raise BadInputError(str(error) if uri is None else f"--tracking-uri: {error}") from error
    except (BadInputError, EndedError):
        raise
    except Exception as error:
        says = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "Max retries exceeded" in says:  # what MLflow's client says of an address where nobody answers
            says = "no tracking server answers there"
        raise EndedError(f"{where}: {says}", _UNREACHED) from error


def kept(run: Any) -> Kept:
    """A run of MLflow's."""
    info, data = run.info, run.data
    end = None if FOUND_DEAD in data.tags else info.end_time
    return Kept(
        info.run_id,
        info.run_name or "-",
        info.status,
        datetime.fromtimestamp(info.start_time / 1000, timezone.utc),
        None if not end else (end - info.start_time) / 1000,
        dict(sorted(data.params.items())),
        {name: value for name, value in sorted(data.tags.items()) if not name.startswith(_INNER)},
        dict(sorted(data.metrics.items())),
        info.artifact_uri,
    )


def found(store: Store, wanted: str) -> Kept:
    """The run whose id begins so.

    Raises:
        BadInputError: there is none, or several.
    """
    there = [run for run in store.runs(100_000, nested=True) if run.info.run_id.startswith(wanted)] if wanted else []
    if not there:
        raise BadInputError(f"{wanted!r}: no run of {store.where} begins so; `fraud runs list` names them")
    if len(there) > 1:
        names = ", ".join(run.info.run_id for run in there[:3])
        raise BadInputError(f"{wanted!r}: {len(there):,} runs begin so, as {names}; name more of it")
    return kept(there[0])


def shown(name: str, value: float | None) -> str:
    """A figure as text: what counts is whole.

    >>> shown("rows", 1200.0), shown("roc_auc", 1.0), shown("roc_auc", None)
    ('1,200', '1.0000', '-')
    """
    last = name.rpartition(".")[2]
    counts = last in {"rows", "frauds", "honest", "fraud", "trials", "trials_ended_early", "best_trial", "size"}
    return figure(int(value) if counts and value is not None else value)
