"""What a run that failed leaves to be read."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

_SEGMENT = re.compile(r"\d{20}\.log")
"""Kafka calls its data so."""


def keep_logs(folder: Path, kept: Path) -> Path:
    """Copies all logs below a folder that is about to be removed, in their folders; gives where they are.

    Args:
        kept: replaced if it is there.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> (run / "kafka").mkdir()
    >>> for name in ("broker.log", f"{0:020}.log", "data"):
    ...     (run / "kafka" / name).touch()
    >>> [str(path.relative_to(run)) for path in keep_logs(run, run / "kept").rglob("*.*")]
    ['kept/kafka/broker.log']
    """
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in sorted(folder.rglob("*.log")):
        if log.is_file() and kept not in log.parents and not _SEGMENT.fullmatch(log.name):
            target = kept / log.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, target)
    return kept
