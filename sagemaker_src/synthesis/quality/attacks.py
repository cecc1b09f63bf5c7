"""The attacks of anonymeter: singling out a real row, and linking two halves of one, with the help of synthetic rows.

Each is run on the rows that were learned and on held-out ones: the risk is what succeeds beyond what also succeeds on rows
that the generator never saw (Giomi et al. 2023, "A Unified Framework for Quantifying Privacy Risk in Synthetic Data", PoPETs).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.quality.libraries import anonymeter, evaluation_results, polars, singling_out
from sagemaker_src.synthesis.quality.values import is_number

ATTACKS = 200
"""Of each kind, at most."""
LEAST = 20
"""So many rows of each kind, and so many attacks, are needed."""
ATTEMPTS = 20_000
"""At most so many queries are tried to find those that single out a synthetic row."""
MOST = 500
"""The univariate attack makes its queries from so many synthetic rows at most: each of their values is one."""
TOO_FEW = f"only {{found}} queries single out a synthetic row, {LEAST} are needed"
QUERIED = 3
"""So many columns a query of the multivariate attack names."""


def attacks(
    trained: pd.DataFrame,
    held_out: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    *,
    seed: int,
    progress: Progress,
    most: int = ATTACKS,
) -> dict[str, Any]:
    """The risks, of plain rows: {"singling_out": {"univariate", "multivariate"}, "linkability", "not_measured"}.

    Each risk is {"risk", "low", "high"}: the share of attacks, with its 95% interval; None where it is not measured.

    Args:
        trained: the rows that were learned.
        held_out: real rows that were not: without them, no risk is measured.
        synthetic: what the attacker has.
        seed: of the attackers' guesses.
        progress: told after each attack.
        most: so many attacks of each kind at most.
    """
    risks: dict[str, Any] = {"singling_out": {"univariate": None, "multivariate": None}, "linkability": None}
    missing: list[dict[str, str]] = []
    kinds = ("singling_out univariate", "singling_out multivariate", "linkability")
    for done, kind in enumerate(kinds):
        name, _, mode = kind.partition(" ")
        why = _lacking(trained, held_out, synthetic, QUERIED if mode == "multivariate" else 1 if mode else 2)
        if why is None and held_out is not None:
            with _quiet(seed):
                if mode:
                    risks[name][mode], why = _singling_out(trained, held_out, synthetic, mode, seed, most)
                else:
                    risks[name], why = _linkability(trained, held_out, synthetic, most)
        missing += [{"what": kind, "why": why}] if why else []
        progress("attacking the real rows", done + 1, len(kinds))
    return {**risks, "not_measured": missing}


def _lacking(trained: pd.DataFrame, held_out: pd.DataFrame | None, synthetic: pd.DataFrame, columns: int) -> str | None:
    if held_out is None:
        return "no real frauds were held out from the generator"
    for rows, what in ((trained, "learned"), (held_out, "held-out"), (synthetic, "synthetic")):
        if len(rows.drop_duplicates()) < LEAST:
            return f"only {len(rows.drop_duplicates())} different {what} rows, {LEAST} are needed"
    return f"it needs {columns} columns" if trained.shape[1] < columns else None


@contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Seeds the generators that the library shares with everyone, and leaves them as they were; hides its advice."""
    before, disabled = np.random.get_state(), logging.root.manager.disable
    np.random.seed(seed % 2**32)
    polars().set_random_seed(seed)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        np.random.set_state(before)


def as_many(learned: pd.DataFrame, unseen: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As many different rows of each: a query is likelier to single one out of more rows, whoever learned them.

    The library's own correction for unequal numbers finds a risk of .2 where there is none.
    """
    different = [rows.drop_duplicates() for rows in (learned, unseen)]
    size = min(map(len, different))
    one, two = (rows if len(rows) == size else rows.sample(size, random_state=seed) for rows in different)
    return one, two


def queryable(rows: pd.DataFrame) -> pd.DataFrame:
    """Plain rows for queries: missing numbers as nulls, columns by number, so that any name is allowed."""
    made = {
        f"c{at}": rows[name].astype("Float64") if is_number(rows, name) else rows[name].astype(object)
        for at, name in enumerate(rows.columns)
    }
    return pd.DataFrame(made, index=rows.index)


def _singling_out(
    trained: pd.DataFrame, held_out: pd.DataFrame, synthetic: pd.DataFrame, mode: str, seed: int, most: int
) -> tuple[dict[str, float] | None, str | None]:
    learned, unseen = as_many(trained, held_out, seed)
    tables = {"ori": queryable(learned), "syn": queryable(synthetic), "control": queryable(unseen)}

    try:
        if mode == "univariate":
            return _univariate(tables, seed, most)
        found = len(_multivariate_queries(tables["syn"], seed, most))
        if found < LEAST:
            return None, TOO_FEW.format(found=found)
        # Queries beyond those that can be found would count as attacks that failed.
        evaluator = anonymeter().SinglingOutEvaluator(
            **tables, n_attacks=found, n_cols=QUERIED, max_attempts=ATTEMPTS, seed=seed
        )
        return _risk(evaluator.evaluate(mode=mode)), None
    except (ValueError, RuntimeError, ZeroDivisionError) as error:
        return None, f"the attack cannot be computed on these rows ({error})"


def _univariate(tables: Mapping[str, pd.DataFrame], seed: int, most: int) -> tuple[dict[str, float] | None, str | None]:
    """The library's queries and its risk; it draws from its queries in an order that is another each time, so they are sorted."""
    frames = {name: polars().DataFrame(rows).unique(maintain_order=True) for name, rows in tables.items()}
    synthetic = frames["syn"].head(MOST)
    every = singling_out().univariate_singling_out_queries(synthetic, 10**9, np.random.default_rng(seed))
    if len(every) < LEAST:
        return None, TOO_FEW.format(found=len(every))
    every = sorted(every, key=str)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(every))[:most])
    queries = [every[at] for at in drawn]
    hits = {name: _singled_out(frames[name], queries) for name in ("ori", "control")}
    return _risk(evaluation_results()(len(queries), hits["ori"], 0, hits["control"])), None


def _singled_out(frame: Any, queries: list[Any]) -> int:
    counts = frame.select([query.cast(polars().Int64).sum().alias(str(at)) for at, query in enumerate(queries)]).row(0)
    return sum(count == 1 for count in counts)


def _multivariate_queries(synthetic: pd.DataFrame, seed: int, most: int) -> list[Any]:
    rows, rng = polars().DataFrame(synthetic).unique(maintain_order=True), np.random.default_rng(seed)
    found: list[Any] = singling_out().multivariate_singling_out_queries(rows, most, QUERIED, ATTEMPTS, rng)
    return found


def halves(columns: list[str]) -> tuple[list[str], list[str]]:
    """What each of the two data sets holds that the attacker wants to link: every other column."""
    return columns[::2], columns[1::2]


def linkable(rows: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Plain rows for distances: no missing values: numbers get the reference's median, categories a value of their own."""
    made: dict[str, Any] = {}
    for name in rows.columns:
        if is_number(rows, name):
            middle = reference[name].median()
            made[name] = rows[name].fillna(0.0 if pd.isna(middle) else middle)
        else:
            made[name] = rows[name].astype(object).where(rows[name].notna(), "(missing)")
    return pd.DataFrame(made, index=rows.index)


def _linkability(
    trained: pd.DataFrame, held_out: pd.DataFrame, synthetic: pd.DataFrame, most: int
) -> tuple[dict[str, float] | None, str | None]:
    evaluator = anonymeter().LinkabilityEvaluator(
        ori=linkable(trained, trained),
        syn=linkable(synthetic, trained),
        control=linkable(held_out, trained),
        n_attacks=min(most, len(trained), len(held_out)),
        aux_cols=halves(list(trained.columns)),
    )
    return _risk(evaluator.evaluate(n_jobs=1)), None


def _risk(evaluator: Any) -> dict[str, float]:
    risk = evaluator.risk()  # at 95%, by default
    return {"risk": float(risk.value), "low": float(risk.ci[0]), "high": float(risk.ci[1])}
