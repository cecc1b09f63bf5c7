"""How an asset is made: a folder below `.cache/assets`, whole or not at all, once for the same content."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "assets"
HOW = tuple(ROOT / "stacks" / name for name in ("asset_cache.py", "assets.py", "bytecode.py", "bytecode.mjs"))
"""The programs that make assets: when one of them changes, everything is made anew."""


class AssetError(RuntimeError):
    """An asset could not be made: says which, and what the tool that makes it said."""


def made(name: str, made_from: tuple[bytes, ...], make: Callable[[Path], None]) -> Path:
    """The folder of this content; made whole or not at all, so that two programs may want it at once."""
    digest = hashlib.sha256()
    for part in (*(program.read_bytes() for program in HOW), *made_from):
        digest.update(len(part).to_bytes(8, "big") + part)
    folder = CACHE / f"{name}-{digest.hexdigest()[:16]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=CACHE) as temporary:
            target = Path(temporary) / "made"
            target.mkdir()
            make(target)
            try:
                target.rename(folder)
            except OSError:
                if not folder.exists():  # else another program made the same one meanwhile
                    raise
    return folder


def run(what: str, command: list[str]) -> None:
    """Runs a tool that makes a part of an asset.

    Args:
        what: it makes, for the sentence that says what failed.

    Raises:
        AssetError: it is not on this machine, or failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    except FileNotFoundError as error:
        raise AssetError(f"{what}: {command[0]} is not on this machine; `make setup` says how to install it") from error
    if done.returncode:
        raise AssetError(f"{what}: {command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
