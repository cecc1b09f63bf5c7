"""The process that serves a model, started again when it ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local.aws.kept import Keeper
from local.aws.sagemaker.containers import ROOT
from local.processes import Process, answers, free_port

START_TIMEOUT_S = 60.0
GaveUp = Callable[["ServingProcess", str], None]


class ServingProcess:
    """A model's process, kept up.

    Args:
        model, variant: their names.
        folder: holds `model` and `code`; the log goes there.
        variables: of the container.
        gave_up: told of it and why, when the process ended again and again.

    Raises:
        ProcessError: it does not come up.
    """

    def __init__(self, model: str, variant: str, folder: Path, variables: dict[str, str], gave_up: GaveUp) -> None:
        self._port, self.variant = free_port(), variant
        self.url = f"http://127.0.0.1:{self._port}"
        argv: list[str | Path] = [ROOT / ".venv" / "bin" / "python", "-m", "local.serving", "--model", folder / "model"]
        self.process = Process(
            f"the model {model}",
            [*argv, "--port", str(self._port)],
            {**variables, "PATH": "/usr/bin:/bin", "PYTHONPATH": f"{folder / 'code'}:{ROOT}", "OMP_NUM_THREADS": "1"},
            log_path=folder / "serving.log",
            inherit=False,
        )
        self._start()
        self._keeper = Keeper(self.process.name, self.process, self._start, lambda why: gave_up(self, why))

    def end(self, grace_s: float = 0) -> None:
        """Ends it."""
        self._keeper.end()
        self.process.stop(grace_s)

    def _start(self) -> None:
        self.process.start()
        try:
            self.process.wait_until(lambda: answers(self._port), "answered", START_TIMEOUT_S)
        except BaseException:
            self.process.kill()
            raise
