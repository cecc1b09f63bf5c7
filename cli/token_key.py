"""The secret that card tokens are made with, as a person gives it."""

from __future__ import annotations

import secrets
from pathlib import Path

from reading.errors import BadInputError


def token_key(file: Path | None) -> bytes:
    """The key in a file, or a new random one that is kept nowhere.

    Raises:
        BadInputError: there is no such file, or it holds fewer than 16 bytes.
    """
    if file is None:
        return secrets.token_bytes(32)
    if file.is_dir():
        raise BadInputError(f"--token-key-file: {file}: a folder; allowed: one file")
    if not file.is_file():
        raise BadInputError(f"--token-key-file: {file}: there is no such file")
    key = file.read_bytes().strip()
    if len(key) < 16:
        raise BadInputError(f"--token-key-file: {file} holds {len(key)} bytes; allowed: 16 or more")
    return key
