"""The quality of sampled attacks, as `quality.json` has it: how alike, how private, what use, and the verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.episodes import EpisodeModel, Episodes, learn, sample
from fraud.episodes.ledger import Ints, fraud_runs, read_ledger
from sagemaker_src.synthesis.episodes_use import ARMS, MEASURES, WITHOUT, Scores, Trial, Use, gains
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.quality.attacks import attacks
from sagemaker_src.synthesis.quality.evaluation import as_json
from sagemaker_src.synthesis.quality.fidelity import fidelity
from sagemaker_src.synthesis.quality.privacy import privacy
from sagemaker_src.synthesis.quality.values import plain
from sagemaker_src.synthesis.quality.verdict import Limits, judge

SAID = {
    "episodes": "grafted attacks",
    "copies": "the known attacks themselves grafted",
    "repeated": "repeating the known frauds",
    "class weights": "class weights",
}
"""The arms in words."""


def most_known(transactions: pa.Table, test_from_ms: int, tested: float = Trial.tested) -> int:
    """How many attacks a team may know in every resplit, with some to spare: those before the test of cards not tested on."""
    ledger = read_ledger(transactions)
    runs = fraud_runs(ledger)
    before = int((ledger.time_ms[runs.row[runs.first]] < test_from_ms).sum())
    return max(int(before * (1 - tested) - 3 * np.sqrt(before)), 1)


def episodes_quality(
    transactions: pa.Table,
    test_from_ms: int,
    trial: Trial,
    *,
    limits: Limits,
    seed: int,
    progress: Progress,
    most_attacks: int = 200,
) -> dict[str, Any]:
    """What sampled attacks are worth.

    Fidelity and privacy are of the steps: amount, category, hour, pause and place in the attack, learned from half of the
    attacks before the test, with the other half held out. Use is that of `episodes_use`.

    Args:
        transactions: `fraud.episodes.ledger.COLUMNS`.
        test_from_ms: later real frauds are tested on.
        most_attacks: of each kind on the learned steps, at most.

    Raises:
        SynthesisError: there are too few attacks.
    """
    use = Use(transactions, test_from_ms, trial, seed)
    scores: list[Scores] = []
    for resplit in range(trial.resplits):
        progress("training with and without grafted attacks", resplit, trial.resplits)
        scores.append(use.scores(resplit))
    progress("training with and without grafted attacks", trial.resplits, trial.resplits)
    past = transactions.filter(pa.array(use.before))
    quality: dict[str, Any] = {**_alike(past, seed, progress, most_attacks), "utility": utility_of(trial, scores)}
    rounded: dict[str, Any] = as_json(quality)
    return {**rounded, "verdict": as_json(judge(rounded, limits, arm=SAID["episodes"]).as_json())}


def utility_of(trial: Trial, scores: list[Scores]) -> dict[str, Any]:
    """What `Use.scores` of each resplit come to, as `quality.json` has it."""
    every = {name + cards: gains(scores, name + cards) for name in MEASURES for cards in ("", WITHOUT)}
    return {
        "judge": f"XGBoost on all features, {trial.rounds} rounds, {trial.known} known attacks, {trial.episodes} grafted",
        "arms": [
            {
                "name": SAID.get(arm, arm),
                "by_time": [each[arm]["average_precision"] for each in scores],
                "random": [],
                "measures": {name: [each[arm][name] for each in scores] for name in every},
            }
            for arm in ARMS
        ],
        "gains": [{"arm": SAID[arm], "split": "by_time", **gain} for arm, gain in every["average_precision"].items()],
        "gains_of": {name: {SAID[arm]: gain for arm, gain in found.items()} for name, found in every.items()},
        "synthetic_for_real": {"average_precision": None, "real_average_precision": None},
        "seen_test_rows": False,
    }


def _alike(past: pa.Table, seed: int, progress: Progress, most_attacks: int) -> dict[str, Any]:
    """`rows`, `fidelity` and `privacy`."""
    ledger = read_ledger(past)
    runs = fraud_runs(ledger)
    if runs.count < 4:
        raise SynthesisError(f"{runs.count} attacks before the test; needed: at least 4, to learn from half of them")
    halves = np.random.default_rng([seed, 7]).permutation(runs.count)
    sides = []
    for chosen in (halves[: runs.count // 2], halves[runs.count // 2 :]):
        other = np.zeros(ledger.size, dtype=bool)
        other[runs.row] = True
        other[runs.of(chosen).row] = False
        sides.append(learn(past.filter(pa.array(~other))))
    learned, held_out = (_steps(side, side.clock_ms) for side in sides)
    sampled = sample(sides[0], max(runs.count, 50), seed)
    made = _steps(sampled, _clock(sampled))
    every = pd.concat([learned, held_out], ignore_index=True)
    rows = [plain(each, every) for each in (learned, held_out, made)]
    near = privacy(rows[0], rows[1], rows[2], seed=seed)
    attacked = attacks(rows[0], rows[1], rows[2], seed=seed, progress=progress, most=most_attacks)
    return {
        "rows": {
            "real_fraud": len(every),
            "trained": len(learned),
            "held_out": len(held_out),
            "honest": int((~ledger.fraud).sum()),
            "synthetic": len(made),
        },
        "fidelity": fidelity(rows[0], rows[1], rows[2], seed=seed),
        "privacy": {**near, **attacked, "not_measured": [*near["not_measured"], *attacked["not_measured"]]},
    }


def _clock(episodes: Episodes) -> Ints:
    """The time of the day of each step."""
    elapsed = np.cumsum(episodes.gap_ms)
    begin = np.repeat(episodes.clock_ms - elapsed[episodes.start], episodes.ends - episodes.start)
    return np.asarray((begin + elapsed) % MS_PER_DAY)


def _steps(attacks_: EpisodeModel | Episodes, clock_ms: Ints) -> pd.DataFrame:
    """One row a step: what can be known of it without its card."""
    count = attacks_.cents.size
    first = np.zeros(count, dtype=bool)
    first[attacks_.start] = True
    place: NDArray[np.int64] = np.arange(count) - attacks_.start[np.cumsum(first) - 1]
    return pd.DataFrame(
        {
            "amount": attacks_.cents / 100,
            "category": np.array(attacks_.categories, dtype=object)[attacks_.category],
            "hour": clock_ms / MS_PER_HOUR,
            "seconds_since_last": np.where(first, np.nan, attacks_.gap_ms / 1000),
            "step": place + 1,
        }
    )
