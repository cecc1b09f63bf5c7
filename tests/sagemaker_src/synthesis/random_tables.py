"""Tables of all kinds: random ones for hypothesis, and odd ones by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

LARGEST = 1e300
CATEGORIES = ["c", "b", "a", "never"]

Of = Callable[[int], st.SearchStrategy[pd.Series]]


def columns(values: st.SearchStrategy[Any], dtype: Any) -> Of:
    return lambda rows: st.lists(values, min_size=rows, max_size=rows).map(lambda many: pd.Series(many, dtype=dtype))


def whole(dtype: str) -> Of:
    limits = np.iinfo(dtype.lower())
    few, all_ = st.integers(0, 3), st.integers(int(limits.min), min(int(limits.max), 2**63 - 1))
    return columns(st.one_of(few, all_), dtype)


def floats(width: int = 64) -> st.SearchStrategy[float]:
    most = LARGEST if width == 64 else float(np.float32(1e30))
    return st.floats(-most, most, width=width, allow_nan=False).map(lambda number: number + 0.0)  # 0.0 for -0.0


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1))
DAYS = MOMENTS.map(lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0))
SPAN = timedelta(days=10_000)


def in_new_york(moments: pd.Series) -> pd.Series:
    return moments.dt.tz_convert("America/New_York")


COLUMNS: dict[str, Of] = {
    "float": columns(floats(), "float64"),
    "float_missing": columns(st.none() | floats(), "float64"),
    "float32": columns(floats(32), "float32"),
    "Float64": columns(st.none() | floats(), "Float64"),
    "heavy": columns(st.sampled_from([LARGEST, -LARGEST, 1e-300, 0.5, 1e15 + 0.25, 1e15 + 0.375]), "float64"),
    "cents": columns(st.integers(0, 10**7).map(lambda cents: cents / 100), "float64"),
    "atoms": columns(st.sampled_from([0.0, 0.0, 1.0]) | floats(), "float64"),
    "int8": whole("int8"),
    "int64": whole("int64"),
    "uint16": whole("uint16"),
    "uint64": whole("uint64"),
    "Int64": columns(st.none() | st.integers(-(2**63), 2**63 - 1), "Int64"),
    "bool": columns(st.booleans(), "bool"),
    "boolean": columns(st.none() | st.booleans(), "boolean"),
    "text": columns(st.text(max_size=3), "str"),
    "text_missing": columns(st.none() | st.sampled_from(CATEGORIES), "str"),
    "string": columns(st.none() | st.sampled_from(CATEGORIES), "string"),
    "object": columns(st.sampled_from([None, "1", 1, 1.0, True, 2.5]), object),
    "category": columns(st.none() | st.sampled_from(CATEGORIES[:3]), pd.CategoricalDtype(CATEGORIES, ordered=True)),
    "whole_category": columns(st.sampled_from([3, 1]), pd.CategoricalDtype([1, 2, 3])),
    "moment": columns(MOMENTS, "datetime64[us]"),
    "moment_missing": columns(st.just(pd.NaT) | MOMENTS, "datetime64[ns]"),
    "moment_zone": lambda rows: columns(MOMENTS, "datetime64[ns, UTC]")(rows).map(in_new_york),
    "day": columns(DAYS, "datetime64[us]"),
    "span": columns(st.timedeltas(-SPAN, SPAN), "timedelta64[us]"),
    "constant": lambda rows: floats().map(lambda number: pd.Series([number] * rows)),
    "all_missing": lambda rows: st.just(pd.Series([np.nan] * rows)),
    "all_missing_text": lambda rows: st.just(pd.Series([None] * rows, dtype=object)),
    "all_missing_whole": lambda rows: st.just(pd.Series([None] * rows, dtype="Int64")),
    "all_missing_moments": lambda rows: st.just(pd.Series([pd.NaT] * rows, dtype="datetime64[us]")),
}
"""{kind of column: what draws one of so many rows}."""


@st.composite
def tables(draw: st.DrawFn, most_rows: int = 40) -> pd.DataFrame:
    rows = draw(st.integers(1, most_rows))
    kinds = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=5))
    return pd.DataFrame({f"{kind} {place}": draw(COLUMNS[kind](rows)) for place, kind in enumerate(kinds)})


def frauds(rows: int, seed: int = 0) -> pd.DataFrame:
    """A table like those of people: amounts with favourite prices, hours, shops, scores, times, and much that is missing."""
    random = np.random.default_rng(seed)
    amounts = np.where(random.random(rows) < 0.3, random.choice([1.0, 99.99], rows), random.lognormal(3, 1.5, rows))
    scores = random.multivariate_normal([0, 0, 0], [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], rows)
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s"),
            "amount": amounts.round(2),
            "zeros": np.where(random.random(rows) < 0.6, 0.0, random.exponential(10, rows)),
            "hour": random.integers(0, 24, rows).astype("int8"),
            "tries": pd.array(np.where(random.random(rows) < 0.1, None, random.poisson(2, rows)), dtype="Int64"),
            "shop": random.choice(np.array(["web", "store", "phone", None], object), rows, p=[0.6, 0.2, 0.1, 0.1]),
            "merchant": [f"merchant {number}" for number in random.integers(0, 5000, rows)],
            "v1": scores[:, 0],
            "v2": np.where(random.random(rows) < 0.2, np.nan, scores[:, 1]),
            "v3": scores[:, 2].astype("float32"),
            "present": random.random(rows) < 0.1,
            "country": "US",
        }
    )


ODD = {
    "one row": frauds(1),
    "two rows": frauds(2),
    "twins": pd.concat([frauds(3)] * 4, ignore_index=True),
    "all constant": pd.DataFrame({"amount": [1.0] * 9, "shop": "web", "day": pd.Timestamp("2020-01-01")}),
    "all missing": pd.DataFrame({"amount": [np.nan] * 9, "shop": pd.Series([None] * 9, dtype=object)}),
    "constant or missing": pd.DataFrame({"amount": [1.5, np.nan] * 9, "shop": ["web", None] * 9}),
    "heavy tails": pd.DataFrame({"amount": [LARGEST, -LARGEST, 0.01, 1e-300] + [float(n) for n in range(30)]}),
    "thousands of categories": pd.DataFrame({"shop": [f"shop {n % 3000}" for n in range(4000)], "amount": range(4000)}),
    "as many as there are rows": frauds(400),
}
"""{what is odd about it: a table}."""
