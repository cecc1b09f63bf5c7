"""The reasons of a decision, from the program that serves the model to the record: they add up to the score, strongest first."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb

from fraud.answers import REASONS
from fraud.model_request import ACCEPT, CONTENT_TYPE, read_scores, request_body
from sagemaker_src.serving import inference
from sagemaker_src.training.train import train_model
from samples.deciding_world import feature_message
from tests.fraud.test_deciding import deciding
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

COUNT = 40


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A model as training saves it and the serving program loads it; training gives it a base score of its own."""
    folder = tmp_path_factory.mktemp("model")
    train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM).save(folder)
    return inference.model_fn(str(folder))


class Served:
    """Asks the serving program, as the endpoint's container does, and keeps what the model itself was asked."""

    def __init__(self, model):
        self.model, self.rows = model, None

    def score(self, vectors, given, reasons):
        body = request_body(vectors, given, reasons)
        self.rows, _ = inference.own_rows(inference.read_request(body, CONTENT_TYPE), self.model.manifest)
        text, _ = inference.answer(self.model, body, CONTENT_TYPE, ACCEPT)
        return read_scores(text.encode())

    def contributions(self, *, exact):
        """What each feature adds to each row's log-odds, and in the last column the base."""
        manifest = self.model.manifest
        rows = xgb.DMatrix(
            self.rows,
            feature_names=manifest["feature_names"],
            feature_types=manifest["feature_types"],
            enable_categorical=True,
        )
        return self.model.booster.predict(rows, pred_contribs=True, approx_contribs=not exact)


@pytest.fixture(scope="module")
def decided(served):
    scorer = Served(served)
    # every fourth is a fraud by its amount: more than get exact reasons in a request
    amounts = [49_000 + number if number % 4 == 0 else 1_000 + 311 * number for number in range(COUNT)]
    batch = [feature_message(number, amount_cents=amount) for number, amount in enumerate(amounts)]
    return scorer, deciding(scorer=scorer).decide_batch(batch).decisions


def exact_rows(served, decisions):
    """Which rows get exact reasons: the highest scores from the review threshold up, as many as a request may have."""
    scores = np.array([one.score for one in decisions])
    flagged = np.flatnonzero(scores >= served.manifest["thresholds"]["review"])
    return set(flagged[np.argsort(-scores[flagged], kind="stable")][: inference.EXACT_ROWS].tolist())


def test_the_contributions_of_a_decision_add_up_to_the_log_odds_of_its_score(served, decided):
    scorer, decisions = decided
    exact = exact_rows(served, decisions)
    assert len(decisions) == COUNT
    assert len(exact) == inference.EXACT_ROWS
    found = {True: scorer.contributions(exact=True), False: scorer.contributions(exact=False)}
    for row, one in enumerate(decisions):
        contributions = found[row in exact][row].astype(np.float64)
        log_odds = np.log(one.score / (1 - one.score))
        assert contributions.sum() == pytest.approx(log_odds, abs=1e-3)
        # the base is not nothing, so that to leave it out would be seen
        assert abs(contributions[-1]) > 0.5


def test_the_reasons_of_a_decision_are_the_largest_contributions(served, decided):
    scorer, decisions = decided
    exact = exact_rows(served, decisions)
    names = served.manifest["feature_names"]
    found = {True: scorer.contributions(exact=True), False: scorer.contributions(exact=False)}
    for row, one in enumerate(decisions):
        contributions = found[row in exact][row][:-1]
        largest = sorted(zip(names, contributions.tolist(), strict=True), key=lambda each: -abs(each[1]))[:REASONS]
        assert len(one.reasons) == REASONS == 3
        assert [(each.feature, each.contribution) for each in one.reasons] == [
            (name, pytest.approx(value, abs=1e-6)) for name, value in largest
        ]
