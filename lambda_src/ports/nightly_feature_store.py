"""The nightly features in SageMaker Feature Store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fraud.features.nightly import CardRecord, Population
from fraud.features.nightly_records import (
    MalformedRecordError,
    card_record,
    cut_of,
    is_entity,
    population_identifiers,
    population_of,
    shares_of,
)
from fraud.ports import Nightly, NightlyUnavailableError
from fraud.retries import tries
from lambda_src.batches import batches
from lambda_src.ports.clients import AwsError, Client

RECORDS_PER_CALL = 100
"""Of BatchGetRecord, whatever groups they are of. Page feature-store-quotas: "BatchGetRecord API: can contain as many as 100
records"."""
OF_ALL_CARDS = tuple(population_identifiers().values())
"""The records of all cards together."""
CARDS_PER_CALL = RECORDS_PER_CALL - len(OF_ALL_CARDS)
"""Cards that one call reads with the records of all cards."""
ATTEMPTS = 3
"""How often the store is asked for what it left unprocessed."""


class NightlyFeatureStore:
    """Reads the records of a batch's cards, of what else has one, and of all cards together, RECORDS_PER_CALL at once.

    Args:
        client: of sagemaker-featurestore-runtime.
        feature_group: the group of `fraud.features.groups.NIGHTLY_GROUP`.
    """

    def __init__(self, client: Client, feature_group: str) -> None:
        self._client, self._group = client, feature_group
        self._population: tuple[dict[str, dict[str, str]], Population] = ({}, {})

    def read(self, cards: Collection[str], entities: Collection[str] = ()) -> Nightly:
        """The records of cards and entities that the store knows, and of all cards: up to CARDS_PER_CALL in one call.

        Raises:
            NightlyUnavailableError: no answer, or one without some card. A card that was not read is no card without history.
        """
        records: dict[str, dict[str, str]] = {}
        for identifiers in batches([*OF_ALL_CARDS, *sorted(cards), *sorted(entities)], RECORDS_PER_CALL):
            found = read_records(self._client, {self._group: identifiers})
            records |= {identifier: values for (_, identifier), values in found.items()}
        return self.parsed(records)

    def parsed(self, records: dict[str, dict[str, str]]) -> Nightly:
        """What records of the group say, {identifier: {column: text}}, those of all cards and of entities among them.

        Raises:
            NightlyUnavailableError: a record of all cards is malformed.
        """
        try:
            of_all = {name: records.pop(name) for name in OF_ALL_CARDS if name in records}
            population = self._parsed_population(of_all)
            entities = {name: records.pop(name) for name in list(records) if is_entity(name)}
            cut = max(map(cut_of, of_all.values()), default=None) if entities else None
        except MalformedRecordError as error:
            raise NightlyUnavailableError(f"the nightly record of all cards is malformed: {error}") from error
        shares = shares_of(entities, cut)
        known: dict[str, CardRecord] = {}
        malformed = dict(shares.malformed)
        for card, values in records.items():
            try:
                known[card] = card_record(values)
            except MalformedRecordError as error:
                malformed[card] = str(error)
        return Nightly(known, {**population, **shares.population}, malformed)

    def _parsed_population(self, records: dict[str, dict[str, str]]) -> Population:
        # the same for every batch from one cut to the next
        if records != self._population[0]:
            self._population = (records, population_of(records))
        return self._population[1]


def read_records(client: Client, identifiers: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], dict[str, str]]:
    """Records of the store, of any of its groups: {(group, identifier): {column: text}}, those that it knows.

    Args:
        client: of sagemaker-featurestore-runtime.
        identifiers: {group: those asked for}, RECORDS_PER_CALL together at most.

    Raises:
        NightlyUnavailableError: no answer, or one without some of them.
    """
    asked = [
        {"FeatureGroupName": group, "RecordIdentifiersValueAsString": list(of_group)}
        for group, of_group in identifiers.items()
    ]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for _ in tries(ATTEMPTS):
        try:
            answer = client.batch_get_record(Identifiers=asked)
        except AwsError as error:
            raise NightlyUnavailableError(f"the nightly store does not answer: {error}") from error
        for failed in answer["Errors"]:
            raise NightlyUnavailableError(f"the nightly store: {failed['ErrorCode']}: {failed['ErrorMessage']}")
        for record in answer["Records"]:
            values = {value["FeatureName"]: value["ValueAsString"] for value in record["Record"]}
            found[record["FeatureGroupName"], record["RecordIdentifierValueAsString"]] = values
        asked = answer["UnprocessedIdentifiers"]
        if not asked:
            return found
    raise NightlyUnavailableError(f"the nightly store left cards unread after {ATTEMPTS} calls")
