"""The reports on a narrow screen: nothing but a table of its own is wider than the page, and sentences stay readable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cli.reports.evaluation import evaluation_report
from cli.reports.prequential import prequential_report
from cli.reports.stream import stream_report
from fraud.deciding import Deciding
from fraud.decision_costs import DecisionCosts
from fraud.fields import Field
from local.attacks import Attack
from local.decided_day import DecidedDay, StreamRun, summary
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer
from sagemaker_src.training.fairness import by_group
from sagemaker_src.training.fitting import silent
from sagemaker_src.training.judging import judged_test
from sagemaker_src.training.prequential import periods, prequential
from sagemaker_src.training.train import train_model
from samples.deciding_world import feature_message, small_nightly, write_model
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows


@pytest.fixture(scope="module")
def stream_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stream")
    scorer = ModelScorer(write_model(folder / "model"))
    deciding = Deciding(nightly=KnownNightly(small_nightly()), scorer=scorer, store=MadeDecisions())
    made = deciding.decide_batch(
        [feature_message(number, amount_cents=90_000 - number) for number in range(40)]
    ).decisions
    named = (
        "transaction_id",
        "cc_num",
        "trans_time",
        "amount_cents",
        "outcome",
        "path",
        "score",
        "model_version",
        "decided_at",
    )
    decided = [{**{name: getattr(one, name) for name in named}, "decision": one.to_json()} for one in made]
    ids = [one.transaction_id for one in made]
    sent = dict.fromkeys(ids, made[0].decided_at - 40.0)
    run = StreamRun(len(ids), 0, sent, [], 30.0, 0, True, 1.0)
    attacks = [Attack("ten small purchases within seconds", True, tuple(ids[:10]))]
    day = DecidedDay(run, decided, dict.fromkeys(ids, 0), len(ids), 0, attacks)
    stream_report(folder / "report.html", summary(day), day, "A day.")
    return folder / "report.html"


@pytest.fixture(scope="module")
def evaluation_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluation") / "report.html"
    trained = train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM)
    told = judged_test(trained.manifest, trained.scores, made_up_rows(), DecisionCosts())
    label, score = trained.scores["is_fraud"].to_numpy(), trained.scores["score"].to_numpy()
    names = np.array([f"a group of a long name, {place % 3}" for place in range(len(label))], dtype=object)
    field = Field(name="held", kind="category", says="the holder's group", protected=True)
    groups = {field: by_group(label, score, names, trained.manifest["thresholds"])}
    evaluation_report(path, trained, "made-up rows", "as they are", groups, told=told)
    return path


@pytest.fixture(scope="module")
def over_time_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("over_time")
    rows = made_up_rows(3_000)
    of = periods(rows["event_ms"].to_numpy(), TEST_FROM, 7, 3)
    told, _ = prequential(rows, SETTINGS, of, folder, silent)
    prequential_report(folder / "report.html", told, "Made-up rows.", [("Label delay", "3 days")])
    return folder / "report.html"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1100, 360])
@pytest.mark.parametrize("page", ["stream_page", "evaluation_page", "over_time_page"])
def test_a_page_does_not_scroll_sideways(page: str, width: int, look, request: pytest.FixtureRequest) -> None:  # type: ignore[no-untyped-def]
    seen = look(request.getfixturevalue(page), width=width)
    assert seen.evaluate("document.documentElement.scrollWidth") == width
    assert seen.locator("table").count() >= 3
    tallest = seen.evaluate("Math.max(...[...document.querySelectorAll('tr')].map(row => row.offsetHeight))")
    assert tallest <= 200, "a sentence in a cell is a few lines, and the table moves"
