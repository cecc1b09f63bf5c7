"""Two releases of the product, and what has to hold of either. Run as a program in a release's folder, it checks with its code.

`python -m tests.local.releases features STREAMED TRANSACTIONS` compares streamed features with batch's of the same transactions;
`python -m tests.local.releases decisions DECISIONS MODEL` makes decisions again. Both write {"compared": N, "different": [...]}.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
LINKED = (".venv", ".venv-aws", ".venv-engines", ".venv-serving", ".jars", ".cache", "node_modules")
"""What `make setup` installs, and what is made once: the releases share it."""
CHANNEL = "channel"
"""The field that the second release declares."""

CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "fraud/fields.py": (
        (
            '    Field(name="terminal_id", kind="key", says="the terminal"),\n',
            '    Field(name="terminal_id", kind="key", says="the terminal"),\n'
            f'    Field(name="{CHANNEL}", kind="category", says="how the order came"),\n',
        ),
    ),
    "fraud/features/catalogue.py": (
        (
            '        Window(back="10m", aggregates=("count", "mean")),\n',
            '        Window(back="10m", aggregates=("count", "mean")),\n'
            '        Window(back="5m", aggregates=("count", "max")),\n'
            '        Window(key=("device_id",), back="30m", aggregates=("count",)),\n',
        ),
        (
            '        Habit(back="1w", aggregates=("count", "mean")),\n',
            '        Habit(back="1w", aggregates=("count", "mean")),\n        Habit(back="2d", aggregates=("count", "max")),\n',
        ),
    ),
    "fraud/features/derived.py": (
        (
            '    _derived(\n        "hour_share",',
            '    _derived("amt_over_max_5m", "amount / max_amt_last_5m", "the amount against the largest in 5 minutes"),\n'
            '    _derived(\n        "hour_share",',
        ),
    ),
}
"""What the second release declares beside: a category, a window by card, one by device, a habit, a ratio."""
NEW_IN_RECORDS = "num_trans_last_5m"
NEW_IN_CODE = "num_trans_last_2d"
"""A streamed feature and a nightly one of the second release: its records, and its decisions, have them."""


def next_release(folder: Path) -> Path:
    """A copy of this checkout that declares more, as a release is made: with its first model made anew."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to((ROOT / name).resolve())
    for name, changes in CHANGES.items():
        text = (folder / name).read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, after)
        (folder / name).write_text(text, encoding="utf-8")
    run_in(folder, "sagemaker_src.serving.bootstrap_model")
    return folder


def run_in(folder: Path, module: str, *arguments: str | Path) -> str:
    """What a module of a release's folder writes."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def compared_features(streamed: Path, transactions: Path) -> dict[str, Any]:
    """Streamed feature records, a line of JSON each, against batch features of all transactions."""
    from local.streamed_features import differing_features  # noqa: PLC0415 - of the folder that this runs in

    records = [json.loads(line) for line in streamed.read_text(encoding="utf-8").splitlines()]
    table = pq.read_table(transactions)
    compared, different = differing_features(records, table.slice(0, 0), table, 0)
    return {"compared": compared, "different": different}


def remade_decisions(decisions: Path, model: Path) -> dict[str, Any]:
    """Decisions, a line of JSON each, against what their model says of what they state."""
    from fraud.vector import given_input, model_vector  # noqa: PLC0415 - of the folder that this runs in
    from local.deciding_ports import ModelScorer  # noqa: PLC0415

    made = [json.loads(line) for line in decisions.read_text(encoding="utf-8").splitlines()]
    scorer, different = ModelScorer(model, exact=False), []
    for one in made:
        columns: dict[str, Any] = {
            name: [value] if isinstance(value, str) else np.array([np.nan if value is None else value])
            for name, value in one["features"].items()
            if name != "amount"
        }
        columns |= {"amount_cents": np.array([one["amount_cents"]]), "event_ms": np.array([one["trans_time"]])}
        given = given_input(columns)
        score = scorer.score(model_vector(columns, given), given, 3).scores[0]
        if score != one["score"]:
            different.append(f"{one['transaction_id']}: {one['score']!r}, made again {score!r}")
    return {"compared": len(made), "different": different}


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    check = {"features": compared_features, "decisions": remade_decisions}[arguments[0]]
    print(json.dumps(check(*map(Path, arguments[1:]))))


if __name__ == "__main__":
    main(sys.argv[1:])
