"""What holds for every generator, whatever its kind: to be called with what makes one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.generators import Generator, load_generator

Make = Callable[[], Generator]
DECIMALS = 6
IN_A_PROCESS = """
import json, pickle, sys
from sagemaker_src.synthesis.generators import new_generator
from tests.sagemaker_src.synthesis.generator_properties import digest, fitted
with open(sys.argv[1], "rb") as file:
    rows = pickle.load(file)
kinds = json.loads(sys.argv[2])
print(json.dumps({kind: digest(fitted(lambda: new_generator(kind, **kinds[kind]), rows).sample(3000, 5)) for kind in kinds}))
"""


def fitted(make: Make, rows: pd.DataFrame, seed: int = 1, work: Path | None = None) -> Generator:
    generator = make()
    generator.fit(rows, seed=seed, progress=lambda *_: None, work=work)
    return generator


def digest(made: pd.DataFrame) -> str:
    """Of every value to its last bit, and of the types."""
    text = made.to_csv(index=True) + str(made.dtypes.to_dict())
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def assert_like(rows: pd.DataFrame, made: pd.DataFrame) -> None:
    """Columns, order, types, bounds, whole numbers, decimals, categories and what is never missing are those of the rows."""
    assert list(made.columns) == list(rows.columns)
    assert made.dtypes.to_dict() == rows.dtypes.to_dict()
    for name in rows:
        real, new = rows[name].dropna(), made[name].dropna()
        assert len(real) < len(rows) or len(new) == len(made), f"{name}: values are missing, which none was"
        assert len(real) or not len(new), f"{name}: there are values, where all were missing"
        if not len(new):
            continue
        kind = "category" if is_category(rows[name]) else "number"
        if kind == "category":
            known = {(type(value), value) for value in real.tolist()}
            assert {(type(value), value) for value in new.tolist()} <= known, f"{name}: a new category"
            continue
        assert real.min() <= new.min(), f"{name}: below the least"
        assert new.max() <= real.max(), f"{name}: above the greatest"
        if pd.api.types.is_float_dtype(rows[name].dtype):
            assert decimals(new) <= decimals(real), f"{name}: more decimals than there were"


def is_category(column: pd.Series) -> bool:
    numbers = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    moments = column.dtype.kind in "mM" if hasattr(column.dtype, "kind") else False
    return not numbers and not moments


def decimals(column: pd.Series) -> int:
    """Of the value with most of them; 7 for more than 6, or where float64 no longer tells them apart."""
    values = column.to_numpy(dtype=np.float64)
    kept = column.to_numpy(dtype=np.float32 if column.dtype == "float32" else np.float64)
    for places in range(DECIMALS + 1):
        if np.abs(values).max() * 10**places >= 2**53:
            break
        if (np.round(values, places).astype(kept.dtype) == kept).all():
            return places
    return DECIMALS + 1


def check_rows(make: Make, rows: pd.DataFrame, counts: tuple[int, ...] = (0, 1, 77)) -> None:
    """Exactly as many rows as are asked for, and all are like the learned ones; also of a generator that was saved."""
    generator = fitted(make, rows)
    for count in counts:
        made = generator.sample(count, 5)
        assert len(made) == count
        assert list(made.index) == list(range(count))
        assert_like(rows, made)


def check_seeds(make: Make, rows: pd.DataFrame) -> None:
    """The same seeds give the same bytes, another seed gives others."""
    generator = fitted(make, rows)
    made = digest(generator.sample(200, 5))
    assert digest(generator.sample(200, 5)) == made
    assert digest(fitted(make, rows).sample(200, 5)) == made
    assert digest(generator.sample(200, 6)) != made


def check_saving(make: Make, rows: pd.DataFrame) -> None:
    """What was saved and loaded samples the same bytes, and can be saved again."""
    generator = fitted(make, rows)
    with tempfile.TemporaryDirectory() as name:
        first, second = Path(name) / "first", Path(name) / "second"
        generator.save(first)
        load_generator(first).save(second)
        pd.testing.assert_frame_equal(load_generator(second).sample(200, 5), generator.sample(200, 5), check_exact=True)
        described = json.loads((second / "generator.json").read_text())
        assert described == json.loads((first / "generator.json").read_text())
        assert described["columns"] == list(rows.columns)


def digests_with_threads(kinds: dict[str, dict[str, Any]], rows: pd.DataFrame, threads: int) -> dict[str, str]:
    """{kind: digest} of what generators of {kind: settings} learn and sample in a process of their own with so many threads."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    root = Path(__file__).parents[3]
    environment = {**os.environ, **limits, "PYTHONPATH": str(root)}
    with tempfile.TemporaryDirectory() as name:
        rows.to_pickle(Path(name) / "rows.pickle")
        command = [sys.executable, "-c", IN_A_PROCESS, str(Path(name) / "rows.pickle"), json.dumps(kinds)]
        done = subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True)
    digests: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return digests
