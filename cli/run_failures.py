"""What a run through the stacks leaves when it fails: its logs, beside the folder that it would have written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.processes import ProcessError
from local.application import ApplicationError
from local.assembly import AssemblyError
from local.deployment import DeploymentError
from local.ledger import UnknownTypeError
from local.logs import keep_logs
from local.through_stacks import DeniedError, NotHeldError
from reading.errors import BadInputError

FAILURES = (
    ProcessError,
    DeploymentError,
    AssemblyError,
    UnknownTypeError,
    ApplicationError,
    DeniedError,
    NotHeldError,
)


@contextmanager
def logs_kept(out: Path, temporary: Path, folder: Path) -> Iterator[None]:
    """Keeps the logs of a run that fails, and says where they are.

    Args:
        out: the command's folder; the logs go beside it.
        temporary: where the run writes.
        folder: what was written for `out` until then; its JSON files are kept, too.

    Raises:
        BadInputError: the run failed.
    """
    try:
        yield
    except FAILURES as error:
        kept = keep_logs(temporary, out.with_name(f"{out.name}-failed"))
        for written in folder.glob("*.json"):
            shutil.copy(written, kept)
        raise BadInputError(f"{error}\nLogs, and what was written until then, are in {kept}") from error
