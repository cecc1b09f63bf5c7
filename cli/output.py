"""What a command writes: whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import BadInputError

_MARK = ".made-by-fraud"


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes `out` when all went well; an error or Ctrl-C leaves `out` as it was.

    A folder that an earlier command made is replaced. Any other folder that is not empty is left alone.

    Raises:
        BadInputError: `out` is a file, or holds something that no earlier command wrote.
    """
    if out.exists() and not out.is_dir():
        raise BadInputError(f"--out: {out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / _MARK).exists():
        raise BadInputError(f"--out: {out} holds files that no earlier run wrote; name another folder, or empty it")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield partial
        (partial / _MARK).touch()
        partial.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
