"""The known attacks themselves as if they were sampled: what sampled ones are compared with."""

from __future__ import annotations

import numpy as np

from fraud.episodes.model import EpisodeModel
from fraud.episodes.sampling import Episodes


def copies(model: EpisodeModel, count: int, seed: int) -> Episodes:
    """So many of the known attacks, each as often as the others, step for step.

    >>> from fraud.episodes import learn
    >>> from fraud.world import WorldSettings, generate, tokenised
    >>> model = learn(tokenised(generate(WorldSettings(cards=40, days=30, fraud_rate=0.02)), b"0123456789abcdef"))
    >>> copies(model, model.episodes, seed=1).cents.size == model.cents.size
    True
    """
    rng = np.random.default_rng([seed, 5])
    chosen = rng.permutation(np.arange(count) % model.episodes)
    ends = np.append(model.start[1:], model.cents.size)
    step = np.concatenate([np.arange(model.start[each], ends[each]) for each in chosen])
    length = (ends - model.start)[chosen]
    activity = model.activity[chosen]
    return Episodes(
        categories=model.categories,
        start=np.cumsum(length) - length,
        gap_ms=model.gap_ms[step],
        cents=model.cents[step],
        category=model.category[step],
        clock_ms=model.clock_ms[model.start[chosen]],
        weekday=model.weekday[chosen],
        away=model.away[chosen],
        activity=np.where(np.isnan(activity), rng.random(count), activity),
        same_merchant=np.zeros(step.size, dtype=bool),
    )
