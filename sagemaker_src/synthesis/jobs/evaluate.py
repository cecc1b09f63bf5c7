"""What sampled rows are worth, and whether they may be published:

    python -m sagemaker_src.synthesis.jobs.evaluate --table table.parquet --model model --rows out --out evaluation

Writes `quality.json`, `report.html`, and `manifest.json`: what the rows are, whether every limit is kept, and which are not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from fraud.durations import MS_PER_DAY
from fraud.notation import decimal_number, whole_number
from sagemaker_src.options import typed
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.fitting import load_fitted
from sagemaker_src.synthesis.jobs.extract import DAY
from sagemaker_src.synthesis.jobs.files import MANIFEST, ROWS, generator_in, say, table_in
from sagemaker_src.synthesis.jobs.sample import SAMPLED
from sagemaker_src.synthesis.judging import JudgeRequest, judge, matching
from sagemaker_src.synthesis.quality.verdict import Limits
from sagemaker_src.synthesis.table import labelled


def manifest(quality: dict[str, Any], model: Path, rows: Path, last_day: int) -> dict[str, Any]:
    """What is known of published rows, small enough for a state machine.

    Args:
        last_day: of the table, days since 1970: a model may train on the rows that is tested on what came later.
    """
    fitted, verdict = load_fitted(model), quality["verdict"]
    return {
        "rows": quality["rows"]["synthetic"],
        "sha256": hashlib.sha256(rows.read_bytes()).hexdigest(),
        "generator": fitted.kind,
        "learned": len(fitted.trained),
        "held_out": len(fitted.held_out),
        "learned_until_ms": (last_day + 1) * MS_PER_DAY,
        "data_fingerprint": fitted.data_fingerprint,
        "seed": fitted.seed,
        "passed": all(each["kept"] for each in verdict["limits"]),
        "broken": [each["name"] for each in verdict["limits"] if not each["kept"]],
        **{name: verdict[name] for name in ("helps", "gain", "low", "high", "safe", "sentences")},
    }


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What synthetic rows are worth, and whether they may be published.")
    parser.add_argument("--table", type=Path, required=True, help="the table that the generator learned of")
    parser.add_argument("--model", type=Path, required=True, help="folder of the generator, or of its model.tar.gz")
    parser.add_argument("--rows", type=Path, required=True, help="folder that sample wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--resplits", type=typed(whole_number), default=8, help="default %(default)s")
    parser.add_argument("--seed", type=typed(whole_number), default=1, help="default %(default)s")
    for limit in fields(Limits):
        read = typed(whole_number if isinstance(limit.default, int) else decimal_number)
        parser.add_argument(
            f"--{limit.name.replace('_', '-')}", type=read, default=limit.default, help="default %(default)s"
        )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status. Rows that break a limit are no failure: the manifest says so."""
    parser = _options()
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        limits = Limits(**{limit.name: getattr(options, limit.name) for limit in fields(Limits)})
        with tempfile.TemporaryDirectory() as work:
            model = generator_in(options.model, Path(work))
            fitted = load_fitted(model)
            real = labelled(table_in(options.table), fitted.label, fitted.positive, fitted.without)
            synthetic = matching(table_in(options.rows / SAMPLED), real)
            request = JudgeRequest(time=DAY, resplits=options.resplits, limits=limits, seed=options.seed)
            quality = judge(real, synthetic, request, options.out, model=model, progress=say)
            found = manifest(quality, model, options.rows / ROWS, int(real.rows[DAY].max()))
    except SynthesisError as error:
        parser.error(str(error))
    part = options.out / f"{MANIFEST}.part"
    part.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    part.rename(options.out / MANIFEST)
    print("\n".join(found["sentences"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
