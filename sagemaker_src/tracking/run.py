"""One run: begun, told of, and ended as what it came to, whatever happens to the store meanwhile.

Nothing of a store ever fails the work that is tracked: the first thing that goes wrong is said, and the rest is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fraud.tracking import flat
from sagemaker_src.tracking.store import HELD_BY, Held, Place, Store

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"
ARTIFACTS = (
    "metrics.json",
    "evaluation.json",
    "prequential.json",
    "parameters.json",
    "tuning.json",
    "families.json",
    "report.html",
)
"""What is kept of a folder: figures and pages. Never rows, scores by row, a model, or what categories of people's tables hold."""
_LONGEST_PARAMETER, _LONGEST_TAG = 6_000, 8_000
"""As `mlflow.utils.validation` has them."""

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Nested:
    """A run within another, as a trial of a study: it has ended.

    Attributes:
        name: what it is called.
        parameters, metrics: of it.
        steps: {metric: {step: value}}: how one came about.
        tags: of it.
    """

    name: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    steps: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Run:
    """A run that is tracked, or none where it is not.

    Attributes:
        id: MLflow's; None where it is tracked nowhere.
        whole: whether all that it was told of is kept.
    """

    def __init__(self, store: Store | None, held: Held | None, run_id: str | None, warn: Warn) -> None:
        self._store, self._held, self._warn, self._lost = store, held, warn, False
        self.id = run_id

    @property
    def whole(self) -> bool:
        """Whether it is kept, with all that it was told of."""
        return self.id is not None and not self._lost

    def parameters(self, values: Mapping[str, Any]) -> None:
        """What it was asked: name and value, as text."""
        self._log(params=values)

    def metrics(self, told: Any) -> None:
        """Figures, as `flat` takes them."""
        self._log(metrics=flat(told))

    def tags(self, values: Mapping[str, Any]) -> None:
        """What it is known by; values that are None are left out."""
        self._log(tags={name: value for name, value in values.items() if value is not None})

    def artifacts(self, folder: Path) -> None:
        """Keeps those of `ARTIFACTS` that a folder holds."""
        for name in ARTIFACTS:
            if (folder / name).is_file():
                self._try(partial(_log_file, file=folder / name))

    def document(self, name: str, told: Mapping[str, Any]) -> None:
        """Keeps an object of JSON as an artifact."""
        self._try(lambda store, run_id: store.client.log_dict(run_id, dict(told), name))

    def nested(self, runs: list[Nested]) -> None:
        """Runs within this one."""
        for each in runs:
            self._try(partial(_log_nested, nested=each, held=self._held))
            if self._lost:
                return

    def end(self, status: str) -> None:
        """Says what it came to; what cannot be said at a server is left as it is."""
        if self._store is not None and self.id is not None:
            try:
                with self._store.alone():
                    self._store.client.set_terminated(self.id, status)
            except Exception as error:  # noqa: BLE001 - whatever a store raises
                self._lose(error)
        if self._held is not None:
            self._held.release()

    def _log(self, **parts: Mapping[str, Any]) -> None:
        self._try(partial(_log_batch, parts=parts))

    def _try(self, work: Callable[[Store, str], None]) -> None:
        if self._store is None or self.id is None or self._lost:
            return
        try:
            with self._store.alone():
                work(self._store, self.id)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self._warn(f"Tracked in part: {self._store and self._store.where}: {_said(error)}")
        self._lost = True


@contextmanager
def tracked(
    where: Place | None,
    name: str,
    tags: Mapping[str, Any],
    warn: Warn,
    stopped: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> Iterator[Run]:
    """A run around some work; it ends as FINISHED, as KILLED where the work is stopped, else as FAILED.

    Args:
        where: the place; None: nothing is tracked.
        name: what the run is called.
        tags: what it is known by.
        warn: told, once, of what went wrong with the store.
        stopped: what a person who stops the work raises.
    """
    run = _begun(where, name, tags, warn)
    try:
        yield run
    except stopped:
        run.end(KILLED)
        raise
    except BaseException:
        run.end(FAILED)
        raise
    run.end(FINISHED)


def _begun(where: Place | None, name: str, tags: Mapping[str, Any], warn: Warn) -> Run:
    if where is None:
        return Run(None, None, None, warn)
    held = None
    try:
        store = Store(where)
        held = store.hold()
        told = {key: str(value) for key, value in tags.items() if value is not None}
        with store.alone():
            begun = store.client.create_run(
                str(store.experiment), tags=told | ({HELD_BY: held.name} if held else {}), run_name=name
            )
        return Run(store, held, begun.info.run_id, warn)
    except Exception as error:  # noqa: BLE001 - whatever a store raises
        with suppress(OSError):
            if held is not None:
                held.release()
        warn(f"Not tracked: {where}: {_said(error)}")
        return Run(None, None, None, warn)


def _said(error: Exception) -> str:
    """The first line of what an error says, or what it is."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _log_batch(store: Store, run_id: str, parts: Mapping[str, Mapping[str, Any]]) -> None:
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - takes a second, and is there where a store is

    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in parts.get("metrics", {}).items()]
    parameters = [Param(name, str(value)[:_LONGEST_PARAMETER]) for name, value in parts.get("params", {}).items()]
    tags = [RunTag(name, str(value)[:_LONGEST_TAG]) for name, value in parts.get("tags", {}).items()]
    # the client parts them into calls that the API takes
    store.client.log_batch(run_id, metrics=metrics, params=parameters, tags=tags)


def _log_file(store: Store, run_id: str, file: Path) -> None:
    store.client.log_artifact(run_id, str(file))


def _log_nested(store: Store, run_id: str, nested: Nested, held: Held | None) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415

    tags = {**nested.tags, "mlflow.parentRunId": run_id} | ({HELD_BY: held.name} if held else {})
    begun = store.client.create_run(str(store.experiment), tags=tags, run_name=nested.name)
    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0) for name, value in nested.metrics.items()]
    metrics += [Metric(name, value, now, step) for name, steps in nested.steps.items() for step, value in steps.items()]
    parameters = [Param(name, str(value)) for name, value in nested.parameters.items()]
    store.client.log_batch(begun.info.run_id, metrics=metrics, params=parameters)
    store.client.set_terminated(begun.info.run_id, FINISHED)
