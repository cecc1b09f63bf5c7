"""The process that serves a model, started again when it ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emulator.supervision import Keeper
from engines import serving
from engines.processes import Process, ProcessError, free_port

START_TIMEOUT_S = 60.0
GaveUp = Callable[["ServingProcess", str], None]


class ServingProcess:
    """A model's process, kept up.

    Args:
        model, variant: their names.
        folder: what the container sees as /opt/ml, with `model` and `code`; the log goes there.
        variables: of the container.
        gave_up: told of it and why, when the process ended again and again.

    Raises:
        ProcessError: it does not come up.
    """

    def __init__(self, model: str, variant: str, folder: Path, variables: dict[str, str], gave_up: GaveUp) -> None:
        self._port, self.variant = free_port(), variant
        self.url = f"http://127.0.0.1:{self._port}"
        self.process = Process(
            f"the model {model}",
            serving.command(folder, self._port, variables),
            {**serving.environment(folder, variables), "PATH": "/usr/bin:/bin"},
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
            self.process.wait_until(lambda: serving.healthy(self._port), "answered", START_TIMEOUT_S)
        except serving.UnhealthyError as error:
            self.process.kill()
            tail = self.process.log_tail()[-700:]  # a reason of failure has room for so much
            raise ProcessError(f"{self.process.name} {error}; the end of its log:\n{tail}") from error
        except BaseException:
            self.process.kill()
            raise
