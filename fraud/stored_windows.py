"""A card's windows as the store last had them, joined with the transaction at hand: what the scoring API decides on.

The stream computes a window over the transactions themselves; the store keeps what came of the card's last one. From that, a
window with the transaction at hand follows exactly where all that it held is known to be still in it, or to have left it. Where
it cannot be known, the rule is: **what the window held counts whole, as long as the card's last transaction is in it**. Such a
window is said to have slid, and a decision names it.

- Never seen card, or last transaction longer ago than the window: the transaction is alone in it. Exact.
- The oldest that the window held is known by a shorter window of as many transactions (one alone is as old as the last): still in
  it where that and the time since together are no longer than the window. Exact.
- Otherwise: may have slid.
- The last transaction of the very millisecond: taken for this transaction itself, which the stream was told of, too. Exact.
- The last transaction is later than this one, which came late: as if it had happened now; may have slid.

A transaction that is still on its way to the store is in no window here; by nothing in the store could it be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.feature import CARD
from fraud.features.windows import Window, WindowAggregate

Values = dict[str, float | None]


class StoredWindows(NamedTuple):
    """A card's record in the stream group.

    Attributes:
        moment_ms: the card's last transaction, milliseconds since 1970 in UTC.
        features: {stream feature: value} up to and with it; None is missing.
    """

    moment_ms: int
    features: Mapping[str, float | None]


class Joined(NamedTuple):
    """The stream features of the transaction at hand.

    Attributes:
        features: {stream feature: value}; None is missing.
        slid: how far the windows look back that may have slid, as `1d`, in the catalogue's order.
    """

    features: Values
    slid: tuple[str, ...]


def joined(stored: StoredWindows | None, amount_cents: int, moment_ms: int, catalogue: Catalogue = CATALOGUE) -> Joined:
    """The windows up to and with a transaction.

    Args:
        stored: the card's; None if the store has no record of it.
        amount_cents: the transaction's amount.
        moment_ms: its clock, milliseconds since 1970 in UTC.
        catalogue: the declarations. A window by anything but the card is missing: the store is kept by card.

    >>> joined(None, 1250, 0).features["avg_amt_last_1h"]
    12.5
    """
    features: Values = {}
    slid = []
    if stored is not None and stored.moment_ms == moment_ms:
        return Joined({feature.name: stored.features.get(feature.name) for feature in catalogue.stream_features}, ())
    counts = [] if stored is None else _counts(stored, catalogue)
    for window in catalogue.windows:
        names = {aggregate: feature.name for aggregate, feature in zip(window.aggregates, window.features, strict=True)}
        if window.key != (CARD,):
            features |= dict.fromkeys(names.values())
            slid.append(str(window.back))
            continue
        since = 0 if stored is None else moment_ms - stored.moment_ms
        if stored is None or since > window.back_ms:
            features |= {name: _alone(aggregate, amount_cents) for aggregate, name in names.items()}
            continue
        count = stored.features.get(names.get("count", ""))
        if count is None or since < 0 or not _all_in(window, count, since, counts):
            slid.append(window.back)
        features |= _with(stored.features, names, amount_cents, max(since, 0))
    return Joined(features, tuple(slid))


def _counts(stored: StoredWindows, catalogue: Catalogue) -> Sequence[tuple[int, float]]:
    """(how far back, how many) of the card's windows; the last transaction alone is as old as itself."""
    found = [(0, 1.0)]
    for window in catalogue.windows:
        names = {aggregate: feature.name for aggregate, feature in zip(window.aggregates, window.features, strict=True)}
        count = stored.features.get(names.get("count", ""))
        if window.key == (CARD,) and count is not None:
            found.append((window.back_ms, count))
    return found


def _all_in(window: Window, count: float, since: int, counts: Sequence[tuple[int, float]]) -> bool:
    """Whether all that the window held is known to be still in it."""
    oldest = min((back for back, held in counts if held == count), default=window.back_ms)
    return oldest + since <= window.back_ms


def _alone(aggregate: WindowAggregate, amount_cents: int) -> float | None:
    if aggregate == "mean age":
        return None
    return 1 if aggregate == "count" else amount_cents / 100


def _with(
    stored: Mapping[str, float | None], names: Mapping[WindowAggregate, str], amount_cents: int, since: int
) -> Values:
    """A window's features with all that it held and the transaction, computed as the SQL of the engines does: of whole cents and
    milliseconds."""

    def of(aggregate: WindowAggregate) -> float | None:
        return stored.get(names.get(aggregate, ""))

    count, mean, total, age = of("count"), of("mean"), of("sum"), of("mean age")
    cents = None if count is None or mean is None else round(mean * 100 * count)
    if total is not None:
        cents = round(total * 100)
    found: Values = {}
    for aggregate, name in names.items():
        value: float | None = None
        if aggregate == "count" and count is not None:
            value = count + 1
        elif aggregate == "mean" and cents is not None and count is not None:
            value = float(cents + amount_cents) / (count + 1) / 100
        elif aggregate == "sum" and cents is not None:
            value = float(cents + amount_cents) / 100
        elif aggregate == "max" and (largest := of("max")) is not None:
            value = max(largest, amount_cents / 100)
        elif aggregate == "mean age" and count is not None and (age is not None or count == 1):
            value = float(round((age or 0) * 1000 * (count - 1)) + round(count) * since) / count / 1000
        found[name] = value
    return found
