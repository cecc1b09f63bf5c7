"""How often the scoring API decides otherwise than the stream: `python -m benchmarks.run api_and_stream`.

A made-up world; a model that is trained on its past, with the thresholds that its evaluation chose; the nightly features as of
each day's cut. Each payment of the days that follow is decided twice by the code that both doors share: on its own exact windows,
as the stream decides it (the batch engine's, which are the stream's bit for bit), and on what the store knows of its card at that
moment, as the API decides it. The store has the card's last payment that is older than the time a payment takes through the
stream: a later one is still in flight.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from fraud.api import AGE, SLID
from fraud.deciding import Deciding
from fraud.decision import Decision, FallbackRule
from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.ports import Nightly, Scorer
from fraud.stored_windows import StoredWindows
from fraud.transaction import parse_transaction
from fraud.world import WorldSettings, generate, tokenised
from lambda_src.api.scoring import Scoring
from lambda_src.ports.card_feature_store import CardFeatures
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer
from local.raw_rows import feature_messages, nightly_of, stream_features
from local.rows import records, split_by_time
from local.streamed_features import streamed_rows
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import train_model

WORLD = WorldSettings(cards=300, days=50, fraud_rate=0.01, seed=5)
DAYS = 3
"""The last ones, which are decided."""
LAGS_S = (0.1, 2, 30)
"""So long a payment takes through the stream to the store: as measured here at rest, as after a poll of a quiet topic, and as
when something is behind."""
NIGHTLY_TOO_OLD_MS = 48 * MS_PER_HOUR

Windows = Mapping[str, StoredWindows]


@dataclass(frozen=True)
class _Store:
    """The feature store, at some moment of each card."""

    windows: Windows
    nightly: Nightly

    def read(self, cards: Collection[str], _: Collection[str] = ()) -> CardFeatures:
        known = {card: self.nightly.cards[card] for card in cards & self.nightly.cards.keys()}
        windows = {card: self.windows[card] for card in cards & self.windows.keys()}
        return CardFeatures(windows, Nightly(known, self.nightly.population))


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    table = tokenised(generate(WORLD), b"the benchmark's own key").drop_columns("pattern")
    last = table["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy().max()
    cuts = [(int(last) // MS_PER_DAY - back) * MS_PER_DAY for back in range(DAYS - 1, -1, -1)]
    streamed: list[Decision] = []
    by_api: dict[float, list[Decision]] = {lag: [] for lag in LAGS_S}
    frauds: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        scorer = _model(split_by_time(table, cuts[0])[0], Path(folder))
        for cut in cuts:
            history, later = split_by_time(table, cut)
            live = split_by_time(later, cut + MS_PER_DAY)[0]
            frauds |= dict(zip(live["transaction_id"].to_pylist(), live["is_fraud"].to_pylist(), strict=True))
            nightly, rows = nightly_of(history, cut), streamed_rows(history, live, cut)
            streamed += _by_stream(rows, live, nightly, scorer)
            features = stream_features(rows)
            for lag in LAGS_S:
                stored = _stored(rows, features, live, round(lag * 1000))
                by_api[lag] += _by_api(live, stored, nightly, scorer)
    return [row for lag, made in by_api.items() for row in _figures(streamed, made, frauds, lag)]


def _model(history: pa.Table, folder: Path) -> ModelScorer:
    with engine() as connection:
        connection.register("rows", history)
        load(connection, "rows")
        compute(connection)
        frame = features_frame(connection, "rows")
    test_from = int(frame["event_ms"].max()) // MS_PER_DAY - 15
    train_model(frame, TrainingSettings(), test_from_ms=test_from * MS_PER_DAY).save(folder)
    return ModelScorer(folder)


def _by_stream(rows: pa.Table, live: pa.Table, nightly: Nightly, scorer: Scorer) -> list[Decision]:
    messages = feature_messages(rows, live["transaction_id"].to_pylist())
    deciding = Deciding(nightly=KnownNightly(nightly), scorer=scorer, store=MadeDecisions(), clock=lambda: 0)
    return deciding.decide_batch(list(messages.values())).decisions


def _by_api(live: pa.Table, stored: Sequence[StoredWindows | None], nightly: Nightly, scorer: Scorer) -> list[Decision]:
    """Decides each payment on the store's record of then: together those that are the first, second, ... of their card."""
    transactions = [parse_transaction(one.value) for one in records(live)]
    place: Counter[str] = Counter()
    together: dict[int, list[int]] = defaultdict(list)
    for number, transaction in enumerate(transactions):
        together[place[transaction.cc_num]].append(number)
        place[transaction.cc_num] += 1
    made: list[Decision] = []
    for numbers in together.values():
        known = {transactions[number].cc_num: windows for number in numbers if (windows := stored[number]) is not None}
        scoring = Scoring(
            features=_Store(known, nightly),  # type: ignore[arg-type] # it reads, as the port does
            scorer=scorer,
            store=MadeDecisions(),
            fallback=FallbackRule(),
            nightly_too_old_after_ms=NIGHTLY_TOO_OLD_MS,
            control_group_percent=0,
            stated=True,
            clock=lambda: 0,
        )
        made += scoring.decide([(number, transactions[number]) for number in numbers]).decisions
    return made


def _stored(
    rows: pa.Table, features: Mapping[str, Mapping[str, float | None]], live: pa.Table, lag_ms: int
) -> list[StoredWindows | None]:
    """What the store knows of its card when each payment of `live` comes, in the order of time."""
    of_card: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for one in records(rows):
        of_card[one.key.decode()].append((one.timestamp_ms, json.loads(one.value)["transaction_id"]))
    found: list[StoredWindows | None] = []
    for asked in records(live):
        moment = asked.timestamp_ms
        before = [each for each in of_card[asked.key.decode()] if each[0] < moment and each[0] + lag_ms <= moment]
        found.append(StoredWindows(before[-1][0], features[before[-1][1]]) if before else None)
    return found


def _figures(
    streamed: Sequence[Decision], made: Sequence[Decision], frauds: Mapping[str, int], lag: float
) -> Iterator[dict[str, Any]]:
    mine = {one.transaction_id: one for one in made}
    pairs = [(one, mine[one.transaction_id]) for one in streamed]
    if any(one.path != "model" for pair in pairs for one in pair):
        raise RuntimeError("the model was not asked")
    other = [(one, api) for one, api in pairs if one.outcome != api.outcome]
    of_fraud = sum(frauds[one.transaction_id] for one, _ in other)
    stricter = sum(("approve", "review", "block").index(api.outcome) > ("approve", "review", "block").index(one.outcome)
                   for one, api in other)  # fmt: skip
    slid = sum(SLID in api.features for _, api in pairs)
    windows = [name for name in streamed[0].features if name not in (AGE, SLID)]
    differ = sum(any(one.features.get(name) != api.features.get(name) for name in windows) for one, api in pairs)
    flagged = sum(one.outcome != "approve" for one in streamed)
    what = f"{len(pairs):,} payments, {sum(frauds.values())} of fraud, {flagged} flagged; {lag:g} s to the store"
    for says, count in (
        (f"API's decision differs from the stream's, {what}", len(other)),
        (f"  of them fraud; stricter by API: {stricter}", of_fraud),
        ("  some feature differs", differ),
        ("  some window may have slid, and says so", slid),
    ):
        whole = len(other) if says.startswith("  of them") else len(pairs)
        percent = 100 * count / whole if whole else 0.0
        yield {
            "measure": says,
            "value": f"{count} ({percent:.2f}%)",
            "unit": "",
            "target": None,
            "met": None,
        }


if __name__ == "__main__":
    for each in measure():
        print(each)
