"""The nightly features in SageMaker Feature Store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fraud.features.groups import POPULATION, card_record, population_of
from fraud.features.nightly import PopulationRecord
from fraud.ports import Nightly, NightlyUnavailableError
from lambda_src.ports.clients import AwsError

ATTEMPTS = 3
"""How often the store is asked for what it left unprocessed."""


class NightlyFeatureStore:
    """Reads a batch's cards and every category's figures in one call of BatchGetRecord.

    Args:
        client: of sagemaker-featurestore-runtime.
        feature_group: the group of `fraud.features.groups.NIGHTLY_GROUP`.
    """

    def __init__(self, client: Any, feature_group: str) -> None:
        self._client, self._group = client, feature_group
        self._population: tuple[dict[str, str], dict[str, PopulationRecord]] = ({}, {})

    def read(self, cards: Collection[str]) -> Nightly:
        """The records of the cards that the store knows, at most 100 of them, and of all categories.

        Raises:
            NightlyUnavailableError: no answer, or one without some card. A card that was not read is no card without history.
        """
        records = self._records([sorted(cards), [POPULATION]])
        try:
            of_all = records.pop(POPULATION, None)
            return Nightly(
                {card: card_record(values) for card, values in records.items()},
                {} if of_all is None else self._parsed_population(of_all),
            )
        except (KeyError, ValueError) as error:
            raise NightlyUnavailableError(f"a nightly record is malformed: {error!r}") from error

    def _records(self, identifiers: list[list[str]]) -> dict[str, dict[str, str]]:
        asked = [{"FeatureGroupName": self._group, "RecordIdentifiersValueAsString": each} for each in identifiers]
        found: dict[str, dict[str, str]] = {}
        for _ in range(ATTEMPTS):
            try:
                answer = self._client.batch_get_record(Identifiers=asked)
            except AwsError as error:
                raise NightlyUnavailableError(f"the nightly store does not answer: {error}") from error
            for failed in answer["Errors"]:
                raise NightlyUnavailableError(f"the nightly store: {failed['ErrorCode']}: {failed['ErrorMessage']}")
            for record in answer["Records"]:
                values = {value["FeatureName"]: value["ValueAsString"] for value in record["Record"]}
                found[record["RecordIdentifierValueAsString"]] = values
            asked = answer["UnprocessedIdentifiers"]
            if not asked:
                return found
        raise NightlyUnavailableError(f"the nightly store left cards unread after {ATTEMPTS} calls")

    def _parsed_population(self, values: dict[str, str]) -> dict[str, PopulationRecord]:
        # the same for every batch from one cut to the next
        if values != self._population[0]:
            self._population = (values, population_of(values))
        return self._population[1]
