"""Bytecode beside the sources of what functions import.

Where Lambda puts a function and its layers nothing can be written, so without it each cold start would compile them. The compiler
is the CPython of the npm package `pyodide`, in WebAssembly on the Node.js of `stacks`: no Python of the functions' version has to
be on the machine.
"""

from __future__ import annotations

from pathlib import Path

from stacks import NODE
from stacks.asset_cache import ROOT, AssetError, run

COMPILER = ROOT / "node_modules" / "pyodide"
PINS = ROOT / "package-lock.json"
"""Says which compiler it is."""
PROGRAM = ROOT / "stacks" / "bytecode.mjs"


def compile_sources(what: str, folder: Path, mounted: str, version: str) -> None:
    """Compiles all sources below a folder, each into the `__pycache__` beside it; the same bytes each time.

    Args:
        what: is compiled, for the sentence that says what failed.
        mounted: where the folder is when it is run, as `/opt`; tracebacks name it.
        version: of the Python that runs it, as `3.13`; bytecode is of one version.

    Raises:
        AssetError: the compiler is not installed or of another version, or a source is not of that version.
    """
    if not (COMPILER / "package.json").is_file():
        raise AssetError(
            f"{what}: compiling takes the package pyodide, which is not in {COMPILER.parent}; "
            "`make setup` installs it, and so does `npm ci`"
        )
    run(f"the bytecode of {what}", [str(NODE), str(PROGRAM), str(folder), mounted, version])
