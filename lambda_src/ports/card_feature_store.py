"""A card's features of both groups in SageMaker Feature Store, read together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from fraud.features.catalogue import STREAM_FEATURES
from fraud.features.groups import EVENT_TIME, event_ms
from fraud.notation import NotationError, decimal_number, whole_number
from fraud.ports import Nightly
from fraud.stored_windows import StoredWindows
from lambda_src.batches import batches
from lambda_src.ports.clients import Client
from lambda_src.ports.nightly_feature_store import OF_ALL_CARDS, RECORDS_PER_CALL, NightlyFeatureStore, read_records


class CardFeatures(NamedTuple):
    """What the store knows of some cards.

    Attributes:
        windows: {card: its windows as last stored}, of the cards that have some.
        nightly: as the deciding step reads it. A card whose record of either group is malformed is named there.
    """

    windows: Mapping[str, StoredWindows]
    nightly: Nightly


class CardFeatureStore:
    """Reads cards' records of the stream group and of the nightly group in one call, RECORDS_PER_CALL at once.

    Args:
        client: of sagemaker-featurestore-runtime.
        stream_group, nightly_group: the groups of `fraud.features.groups`.
    """

    def __init__(self, client: Client, stream_group: str, nightly_group: str) -> None:
        self._client, self._stream, self._nightly_group = client, stream_group, nightly_group
        self._nightly = NightlyFeatureStore(client, nightly_group)

    def read(self, cards: Collection[str], entities: Collection[str] = ()) -> CardFeatures:
        """The features of cards, and what the nightly group has of entities: up to RECORDS_PER_CALL records in one call.

        Raises:
            NightlyUnavailableError: no answer, or one without some card.
        """
        found: dict[tuple[str, str], dict[str, str]] = {}
        groups = (self._nightly_group, self._stream)
        wanted = [(self._nightly_group, name) for name in OF_ALL_CARDS]
        wanted += [(group, card) for card in sorted(cards) for group in groups]
        wanted += [(self._nightly_group, name) for name in sorted(entities)]
        for some in batches(wanted, RECORDS_PER_CALL):
            of_call = {group: [name for of, name in some if of == group] for group in groups}
            found |= read_records(self._client, {group: asked for group, asked in of_call.items() if asked})
        of_group: dict[str, dict[str, dict[str, str]]] = {self._nightly_group: {}, self._stream: {}}
        for (group, identifier), values in found.items():
            of_group[group][identifier] = values
        nightly = self._nightly.parsed(of_group[self._nightly_group])
        windows: dict[str, StoredWindows] = {}
        malformed = dict(nightly.malformed)
        for card, values in of_group[self._stream].items():
            try:
                windows[card] = _windows(values)
            except ValueError as error:
                malformed[card] = f"of the stream group: {error}"
        return CardFeatures(windows, nightly._replace(malformed=malformed))


def _windows(values: Mapping[str, str]) -> StoredWindows:
    """A record's windows; what it does not hold is missing. Raises ValueError: the stream's function did not write it."""
    features: dict[str, float | None] = {}
    for feature in STREAM_FEATURES:
        text, read = values.get(feature.name), whole_number if feature.type == "BIGINT" else decimal_number
        try:
            features[feature.name] = None if text is None else read(text)
        except NotationError as error:
            raise ValueError(f"{feature.name}: {error}") from error
    try:
        return StoredWindows(event_ms(values.get(EVENT_TIME, "")), features)
    except ValueError:
        raise ValueError(f"{EVENT_TIME}: none; allowed: as 2026-01-31T00:00:00.000Z") from None
