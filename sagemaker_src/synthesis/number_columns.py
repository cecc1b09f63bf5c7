"""Columns of numbers and moments: whole numbers stay whole, cents cents, whole days whole days, and none leaves its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.marginals import EXACT, Marginal, Values

LARGEST = 1e300
DECIMALS = 6
"""A column whose values all have so many decimals or fewer keeps to as many as it has."""
UNITS = [
    (unit, unit_ns) for unit, unit_ns in (("D", 86_400 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))
]
"""A column of moments whose values are all whole days, seconds, ... keeps to them."""


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """One column of numbers, moments or spans of time.

    Its part of a row of the matrix: (present, missing) as 1 and 0 if some were missing, then the normal score (0 where missing)
    unless all values were the same.
    """

    name: str
    dtype: str
    marginal: Marginal | None
    missing: bool
    scale: int
    """What a value of the marginal is divided by (10^decimals); of moments, multiplied by (steps of the column's unit)."""

    @classmethod
    def fit(cls, column: pd.Series[Any], bounds: tuple[float, float] | None) -> NumberColumn:
        """Learns n values, cut to (least, most) where bounds are given.

        Raises:
            SynthesisError: a number is infinite or beyond 1e300.
        """
        name, present = str(column.name), column[column.notna()]
        values = _plain(name, present)
        if bounds is not None:
            values = np.clip(values, *_bounds_of(values, bounds))
        scale = 1
        if is_moment(column.dtype):
            scale = _steps(values, np.datetime_data(_numpy(column.dtype))[0])
            values = values // scale
        elif values.dtype.kind == "f" and len(values):
            values, scale = _whole(values, column.dtype)
        marginal = Marginal.of(values) if len(values) else None
        return cls(name, str(column.dtype), marginal, len(present) < len(column), scale)

    @property
    def widths(self) -> dict[str, int]:
        """{kind of block: its width}, in their order."""
        flag = {"one-hot": 2} if self.missing and self.marginal else {}
        return flag | ({"value": 1} if self.marginal and len(self.marginal.values) > 1 else {})

    def forward(
        self, column: pd.Series[Any], part: NDArray[np.float32], spread: np.random.Generator | None = None
    ) -> None:
        """Writes n rows of the column into its part (n, width) of the matrix, which holds zeros."""
        present = column.notna().to_numpy()
        if self.missing and self.marginal:
            part[:, 0], part[:, 1] = present, ~present
        if self.marginal and "value" in self.widths:
            values = _plain(self.name, column[present])
            if is_moment(pd.api.types.pandas_dtype(self.dtype)):
                values = values // self.scale
            elif self.marginal.values.dtype.kind == "i" and values.dtype.kind == "f":
                values = _scaled(values, self.scale)
            part[present, -1] = self.marginal.forward(values, spread)

    def empty(self, count: int) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """What `inverse` fills: the values, and which are missing (None: none can be)."""
        target = _numpy(pd.api.types.pandas_dtype(self.dtype))
        target = np.dtype(np.int64) if target.kind in "mM" else target
        fill = self.marginal.values[0] if self.marginal else 0
        values = np.full(count, 0 if self.marginal is None else self._unscaled(np.array([fill]))[0], target)
        return values, np.full(count, self.marginal is None) if self.missing else None

    def inverse(
        self, part: NDArray[np.float32], into: tuple[NDArray[Any], NDArray[np.bool_] | None], rows: slice
    ) -> None:
        """Fills some rows from their part (m, width) of the matrix."""
        values, missing = into
        if self.marginal and "value" in self.widths:
            values[rows] = self._unscaled(self.marginal.inverse(part[:, -1]))
        if self.marginal and missing is not None:
            missing[rows] = part[:, 1] > part[:, 0]

    def finished(self, filled: tuple[NDArray[Any], NDArray[np.bool_] | None]) -> Any:
        """The column of the filled values, in its type."""
        values, missing = filled
        dtype = pd.api.types.pandas_dtype(self.dtype)
        if is_moment(dtype):
            values = values.view(_numpy(dtype))
            if missing is not None:
                values[missing] = np.array("NaT", values.dtype)
            moments = pd.Series(values, copy=False)
            zone = getattr(dtype, "tz", None)
            return moments if zone is None else moments.dt.tz_localize("UTC").dt.tz_convert(zone)
        if isinstance(dtype, np.dtype):
            if missing is not None:
                values[missing] = np.nan
            return values
        found = pd.array(values, dtype=dtype)
        if missing is not None:
            found[missing] = pd.NA
        return found

    def _unscaled(self, values: Values) -> Values:
        if self.scale == 1:
            return values
        return values * self.scale if is_moment(pd.api.types.pandas_dtype(self.dtype)) else values / self.scale

    def to_json(self) -> dict[str, Any]:
        """All of it, for `from_json`."""
        marginal = self.marginal and self.marginal.to_json()
        own = {"name": self.name, "dtype": self.dtype, "missing": self.missing, "scale": self.scale}
        return {"kind": "number", **own, "marginal": marginal}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> NumberColumn:
        """The column that `to_json` wrote."""
        marginal = stored["marginal"] and Marginal.from_json(stored["marginal"])
        return cls(stored["name"], stored["dtype"], marginal, stored["missing"], stored["scale"])


def is_moment(dtype: Any) -> bool:
    """Whether a column's type is of moments, or of spans of time."""
    return _numpy(dtype).kind in "mM"


def _numpy(dtype: Any) -> np.dtype[Any]:
    if isinstance(dtype, pd.DatetimeTZDtype):
        return np.dtype(f"M8[{dtype.unit}]")
    return dtype if isinstance(dtype, np.dtype) else np.dtype(getattr(dtype, "numpy_dtype", object))


def _plain(name: str, present: pd.Series[Any]) -> Values:
    """float64, or int64 for what is whole by its type; of moments since 1970, in the column's unit."""
    dtype = _numpy(present.dtype)
    if isinstance(present.dtype, pd.DatetimeTZDtype):
        present = present.dt.tz_convert("UTC").dt.tz_localize(None)
    if dtype.kind in "mM":
        return np.asarray(present).astype(dtype).view(np.int64)
    if dtype.kind == "u" and len(present) and present.max() > np.iinfo(np.int64).max:
        raise SynthesisError(f"{name}: numbers are allowed up to {np.iinfo(np.int64).max}")
    values: Values = present.to_numpy(dtype=np.float64 if dtype.kind == "f" else np.int64)
    if dtype.kind == "f" and not (np.abs(values) <= LARGEST).all():
        wrong = int((~(np.abs(values) <= LARGEST)).sum())
        raise SynthesisError(f"{name}: {wrong} numbers are infinite or beyond {LARGEST:g}; leave those rows out")
    return values


def _bounds_of(values: Values, bounds: tuple[float, float]) -> tuple[Any, Any]:
    """The bounds, as whole numbers within them for whole numbers."""
    if values.dtype.kind == "f":
        return bounds
    limits = np.iinfo(np.int64)
    least = limits.min if bounds[0] <= limits.min else int(np.ceil(bounds[0]))
    return least, limits.max if bounds[1] >= limits.max else int(np.floor(bounds[1]))


def _scaled(values: Values, scale: int) -> Values:
    return np.rint(np.clip(values * float(scale), -EXACT, EXACT)).astype(np.int64)


def _whole(values: Values, dtype: Any) -> tuple[Values, int]:
    """The values in units of their last decimal, and how many of these make 1; themselves and 1 if they have too many."""
    kept = values.astype(_numpy(dtype))
    for scale in (10**decimals for decimals in range(DECIMALS + 1)):
        if np.abs(values).max() * scale >= EXACT:
            break
        whole = _scaled(values, scale)
        if ((whole / scale).astype(kept.dtype) == kept).all():
            return whole, scale
    return values, 1


def _steps(values: Values, unit: str) -> int:
    """The largest of `UNITS` that all moments are whole numbers of, in steps of the column's own unit."""
    own = dict(UNITS)[unit]
    allowed = [unit_ns // own for _, unit_ns in UNITS if unit_ns >= own]
    return next(steps for steps in allowed if not (values % steps).any())
