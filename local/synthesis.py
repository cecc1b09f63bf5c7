"""The application's templates, as `npx cdk synth` writes them: `python -m local.synthesis --out DIR --context JSON`.

A process of its own, for the CDK's library takes seconds to import and much memory. The findings of its validation are `make
synth`'s to show; here it is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.processes import Process, ProcessError
from local.assembly import Stack, read_assembly
from local.ledger import check_types

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 600


def synthesize(folder: Path, log: Path, settings: Mapping[str, Any]) -> None:
    """Writes the templates and assets of these settings into a folder.

    Raises:
        ProcessError: the application could not be synthesized; the text says why.
    """
    context = json.dumps(dict(settings))
    argv: list[str | Path] = [sys.executable, "-m", "local.synthesis", "--out", folder, "--context", context]
    variables = {"PYTHONPATH": str(ROOT), "CDK_VALIDATION": "false"}
    process = Process("synth", argv, variables, log_path=log, folder=ROOT)
    process.start()
    try:
        if process.wait(TIMEOUT_S):
            raise ProcessError(f"the application could not be synthesized:\n{process.log_tail()}")
    finally:
        process.kill()


def synthesized_stacks(folder: Path, settings: Mapping[str, Any]) -> list[Stack]:
    """The application's stacks with these settings; templates, assets and a log go below a folder.

    Raises:
        ProcessError: the application could not be synthesized; the text says why.
        AssemblyError, UnknownTypeError: something in it cannot be stood up here.
    """
    synthesize(folder / "cdk.out", folder / "synth.log", settings)
    stacks = read_assembly(folder / "cdk.out")
    check_types(stacks)
    return stacks


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Synthesize the application.")
    parser.add_argument("--out", required=True)
    parser.add_argument("--context", type=json.loads, default={}, help="settings, as JSON")
    options = parser.parse_args()
    os.chdir(ROOT)
    from app import build_app  # noqa: PLC0415 - starts Node.js

    defaults = json.loads((ROOT / "cdk.json").read_text())["context"]
    here = {"aws:cdk:disable-asset-staging": True}  # assets stay where they are
    # of wheels for the cloud there are the names alone: this machine's libraries stand in
    build_app({**defaults, **here, **options.context}, options.out, wheels=False).synth()


if __name__ == "__main__":
    main()
