"""What the drift job finds in a day, and says of it. `test_worlds` asks in thirty worlds whether it is right."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.columns import LABEL_COLUMNS
from fraud.decision import Decision
from fraud.model_input import read_model_input
from fraud.vector import CATEGORY_FEATURES, INPUT_COLUMNS, model_vector
from lambda_src.archive.rows import DECISIONS, decision_row
from lambda_src.ports.parquet_archive import schema
from sagemaker_src.drift import drift
from sagemaker_src.drift.baseline import FILE as BASELINE
from sagemaker_src.drift.baseline import BaselineError, make_baseline, read_baseline
from sagemaker_src.training.fitting import score
from tests.sagemaker_src.drift.world import DAYS, UNTIL, Watching, made_transactions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def watching():
    return Watching.of(made_transactions(seed=7))


def test_at_most_one_of_nineteen_days_that_follow_each_other_without_a_change_raises_an_alarm(watching):
    alarms = {day: found for day in range(UNTIL, DAYS) if (found := watching.drifted(watching.day(day)))}
    assert DAYS - UNTIL == 19 and len(alarms) <= 1, alarms


def test_a_feature_that_a_new_release_no_longer_fills_is_named(watching):
    day = watching.day(80).assign(num_trans_last_1h=np.nan)
    found = {each.name: each.drifted for each in watching.judged(day)}
    assert found["num_trans_last_1h"] == ("missing",)


def test_a_category_that_the_model_does_not_know_is_named(watching):
    day = watching.day(80).copy()
    new = np.arange(len(day)) % 20 == 0
    day["category"] = day["category"].astype(str).mask(new, "crypto")
    found = {each.name: each for each in watching.judged(day)}
    assert found["category"].drifted == ("unknown values",)
    assert found["category"].unknown == pytest.approx(0.05, abs=0.001)


def test_a_baseline_is_read_as_it_was_written(watching, tmp_path):
    watching.baseline.write(tmp_path)
    again = read_baseline(tmp_path)
    assert again.days == watching.baseline.days and again.calibration == watching.baseline.calibration
    for name, each in watching.baseline.watched.items():
        assert again.watched[name].series == each.series
        assert (again.watched[name].days == each.days).all()
    assert (tmp_path / BASELINE).stat().st_size < 400_000, "it travels with the model"


def test_a_baseline_of_few_days_or_of_something_else_is_refused(watching, tmp_path):
    few = watching.rows[watching.rows["day"].isin(range(40, 45))]
    with pytest.raises(BaselineError, match="5 days; needed: 7"):
        make_baseline(watching.trained.manifest, few, watching.trained.scores)
    (tmp_path / BASELINE).write_text('{"days": []}')
    with pytest.raises(BaselineError, match="needed: what training wrote"):
        read_baseline(tmp_path)


def archived(watching, rows, folder, version=None):
    """Rows as the archive has the decisions about them."""
    takes = read_model_input(watching.trained.manifest)
    scores = score(watching.trained.model, model_vector(rows, takes))
    decided = []
    for (_, row), value in zip(rows.iterrows(), scores, strict=True):
        features = {
            name: row[name] for name in INPUT_COLUMNS if name in row.index and name not in ("amount_cents", "event_ms")
        }
        features = {
            name: None if pd.isna(each) else each if name in CATEGORY_FEATURES else float(each)
            for name, each in features.items()
        }
        decided.append(
            Decision(
                transaction_id=row["transaction_id"], cc_num=row["cc_num"], amount_cents=int(row["amount_cents"]),
                trans_time=int(row["event_ms"]), decided_at=int(row["event_ms"]) + 5, outcome="approve", path="model",
                score=float(value), model_version=version or watching.baseline.model_version,
                features={"amount": row["amount_cents"] / 100, **features},
            )
        )  # fmt: skip
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([decision_row(one) for one in decided], DECISIONS), folder / "part.parquet")
    return folder


def test_the_program_says_what_has_drifted_since_when_and_how_many_transactions_it_concerns(watching, tmp_path):
    watching.baseline.write(tmp_path / "model")
    rows = watching.with_tripled(90, ["home", "gas_transport"])
    given = ["--day", "2026-04-01", "--decisions", str(archived(watching, rows, tmp_path / "decisions"))]
    assert drift.main([*given, "--model", str(tmp_path / "model"), "--out", str(tmp_path / "first")]) == 0
    report = json.loads((tmp_path / "first" / "drift.json").read_text())
    named = {each["name"]: each for each in report["drifted"]}
    assert {"amount of home", "amount of gas_transport"} <= named.keys()
    home = named["amount of home"]
    assert home["since"] == "2026-04-01"
    share = (rows["category"] == "home").mean()
    assert 0 < home["of_transactions"] < share
    assert report["decisions"] == {
        "total": len(rows),
        "by_the_model": len(rows),
        "by_other_models": 0,
        "by_the_rule": 0,
    }
    assert report["series"] == [vars_of(each) for each in watching.judged(rows)], (
        "the archive holds what was decided on"
    )
    assert "amount of home" in (tmp_path / "first" / "drift.html").read_text()

    given[1] = "2026-04-02"
    assert (
        drift.main(
            [
                *given,
                "--model",
                str(tmp_path / "model"),
                "--before",
                str(tmp_path / "first"),
                "--out",
                str(tmp_path / "second"),
            ]
        )
        == 0
    )
    again = json.loads((tmp_path / "second" / "drift.json").read_text())
    assert {each["since"] for each in again["drifted"]} == {"2026-04-01"}


def test_the_program_says_how_well_the_model_has_done_once_labels_are_in(watching, tmp_path):
    watching.baseline.write(tmp_path / "model")
    rows = watching.day(83)
    frauds = rows[rows["is_fraud"] == 1]
    matured = archived(watching, rows, tmp_path / "matured")
    known = datetime(2026, 3, 30, tzinfo=timezone.utc)
    labels = [
        {
            "transaction_id": name, "is_fraud": True, "source": "chargeback", "reported_by": "issuer", "known_at": known,
            "recorded_at": known,
        }
        for name in frauds["transaction_id"]
    ]  # fmt: skip
    (tmp_path / "labels").mkdir()
    pq.write_table(pa.Table.from_pylist(labels, schema(LABEL_COLUMNS)), tmp_path / "labels" / "part.parquet")
    given = ["--day", "2026-04-01", "--decisions", str(matured), "--model", str(tmp_path / "model")]
    given += ["--labels", str(tmp_path / "labels"), "--matured", str(matured), "--label-delay-days", "7"]
    assert drift.main([*given, "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "drift.json").read_text())
    told = report["realised"]
    assert (told["day"], told["labels"], told["unlabelled"]) == ("2026-03-25", len(frauds), {})
    scores = score(watching.trained.model, model_vector(frauds, watching.baseline.takes))
    figures = {each["name"]: each for each in told["figures"]}
    assert figures["recall"]["value"] == pytest.approx((scores >= watching.baseline.thresholds["review"]).mean())
    assert figures["average_precision"]["expected"] == pytest.approx(watching.baseline.expected["average_precision"])
    assert "Performance by labels, 2026-03-25" in (tmp_path / "out" / "drift.html").read_text()
    with pytest.raises(SystemExit):
        drift.main([*given[:8], "--out", str(tmp_path / "out")])


def vars_of(difference):
    return json.loads(json.dumps(vars(difference)))


def test_what_another_model_decided_counts_for_the_features_and_not_for_the_scores(watching, tmp_path):
    watching.baseline.write(tmp_path / "model")
    decisions = archived(watching, watching.day(90), tmp_path / "decisions", version="another")
    arguments = ["--day", "2026-04-01", "--decisions", str(decisions), "--model", str(tmp_path / "model")]
    assert drift.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "drift.json").read_text())
    assert report["decisions"]["by_other_models"] == len(watching.day(90))
    values = {each["name"]: each["values"] for each in report["series"]}
    assert values["score"] == 0 and values["amount"] == len(watching.day(90))


@pytest.mark.parametrize("lacks", ["model", "decisions"])
def test_what_is_lacking_is_said(watching, tmp_path, capsys, lacks):
    (tmp_path / "model").mkdir()
    (tmp_path / "decisions").mkdir()
    if lacks == "decisions":
        watching.baseline.write(tmp_path / "model")
        (tmp_path / "decisions" / "a.parquet").write_bytes(b"PAR1")
    arguments = ["--day", "2026-04-01", "--decisions", str(tmp_path / "decisions"), "--model", str(tmp_path / "model")]
    with pytest.raises(SystemExit):
        drift.main([*arguments, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert ("needed: what training wrote" if lacks == "model" else "a.parquet cannot be read") in said
    assert not (tmp_path / "out").exists()
