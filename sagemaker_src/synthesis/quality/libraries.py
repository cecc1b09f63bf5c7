"""The libraries that compute what they already compute, each imported when it is first asked for: they take seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

COPULAS = ("copulas", "copulas.univariate", "copulas.univariate.base")


@cache
def sdmetrics() -> Any:
    """SDMetrics' measures of single columns: `KSComplement`, `TVComplement`."""
    with _stand_in_for_copulas():
        return import_module("sdmetrics.single_column")


@cache
def anonymeter() -> Any:
    """anonymeter's attacks: `SinglingOutEvaluator`, `LinkabilityEvaluator`. Compiling the second takes some ten seconds."""
    return import_module("anonymeter.evaluators")


@cache
def singling_out() -> Any:
    """anonymeter's making of queries that single out a row."""
    return import_module("anonymeter.evaluators.singling_out_evaluator")


@cache
def evaluation_results() -> Any:
    """anonymeter's risk of attacks, from how many succeed."""
    return import_module("anonymeter.stats.confidence").EvaluationResults


@cache
def polars() -> Any:
    """The tables that anonymeter computes on."""
    return import_module("polars")


@contextmanager
def _stand_in_for_copulas() -> Iterator[None]:
    """SDMetrics imports `copulas` for one measure that nothing here uses.

    That package is under the Business Source License, which forbids production use, so it is not installed. While SDMetrics is
    imported, an empty module stands in for it; afterwards the name is free again, so that nothing else takes it for the real one.
    """
    stand_ins = {name: ModuleType(name) for name in COPULAS}
    stand_ins[COPULAS[-1]].Univariate = type("Univariate", (), {})  # type: ignore[attr-defined]
    before = {name: sys.modules[name] for name in COPULAS if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in COPULAS:
            sys.modules.pop(name, None)
        sys.modules.update(before)
