"""`fraud synthesize episodes` writes a file that every other command takes, says which rows it made, and refuses clearly."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.replay import _read as read_for_replay
from cli.synthesize import episodes as module
from cli.times import parse_moment
from fraud.episodes import EpisodeModel
from fraud.world import WorldSettings, generate, to_kaggle
from reading.transactions import AS_USUAL, read_transactions
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.synthesis.page.figures import Figures
from tests.cli.person_files import fraud
from tests.sagemaker_src.synthesis import report_samples
from tests.sagemaker_src.synthesis.test_report_page import Numbers

DAY = 86_400_000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "world.parquet"
    pq.write_table(to_kaggle(generate(WorldSettings(cards=120, days=30, fraud_rate=0.02, seed=3))), path)
    return path


def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: object) -> tuple[int, str]:
    return fraud(monkeypatch, capsys, "synthesize", "episodes", *options)


@pytest.mark.slow
def test_it_writes_what_other_commands_take_and_which_rows_it_made(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    status, said = _run(monkeypatch, capsys, "--data", file, "--episodes", 12, "--known", 5, "--seed", 4, "--out", out)
    assert status == 0, said
    assert "Learned from 5 attacks" in said and "grafted 12 " in said
    given, table = pq.read_table(file), pq.read_table(out / "transactions.parquet")
    account = pq.read_table(out / "episodes.parquet").to_pandas()
    summary = json.loads((out / "summary.json").read_text())
    assert table.column_names == list(module.WRITTEN)
    assert table.num_rows == given.num_rows + len(account) == summary["transactions"]
    made = set(account["trans_num"])
    assert set(table["trans_num"].to_pylist()) - set(given["trans_num"].to_pylist()) == made
    assert account["is_synthetic"].all() and set(account["episode"]) == set(range(1, 13))
    for _, steps in account.groupby("episode"):
        assert sorted(steps["step"]) == list(range(1, len(steps) + 1)) and steps["cc_num"].nunique() == 1
    rows = table.to_pandas().set_index("trans_num")
    for _, steps in account.sort_values(["episode", "step"]).groupby("episode"):
        assert rows.loc[steps["trans_num"], "trans_date_trans_time"].is_monotonic_increasing
    # The given rows are as they were, but for the numbers of their cards, of which none is left.
    old = given.to_pandas().set_index("trans_num")
    kept = rows.loc[old.index]
    for name in module.WRITTEN:
        if name not in ("cc_num", "trans_num"):
            assert (kept[name].astype(str) == old[name].astype(str)).all(), name
    assert not set(old["cc_num"].astype(str)) & set(rows["cc_num"])
    assert old.groupby("cc_num", observed=True).ngroups == kept.groupby("cc_num").ngroups
    assert (kept.groupby(old["cc_num"].astype(str))["cc_num"].nunique() == 1).all()
    assert EpisodeModel.from_json((out / "episodes.json").read_text()).episodes == 5
    assert not any(number in (out / "episodes.json").read_text() for number in set(old["cc_num"].astype(str)))


@pytest.mark.slow
def test_the_files_are_read_by_every_command_and_for_a_replay(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert _run(monkeypatch, capsys, "--data", file, "--episodes", 10, "--out", out)[0] == 0
    path = out / "transactions.parquet"
    table = pq.read_table(path)
    with engine() as connection:
        assert (
            read_transactions(connection, path, "tx", secrets.token_bytes(32), AS_USUAL).transactions == table.num_rows
        )
    made = set(pq.read_table(out / "episodes.parquet")["trans_num"].to_pylist())
    times = table["trans_date_trans_time"].cast(pa.int64()).to_numpy()
    is_made = np.isin(table["trans_num"].to_pylist(), list(made))
    day = int(times[is_made][-1]) // DAY * DAY
    history, live, _ = read_for_replay(path, day, AS_USUAL)
    assert history.num_rows + live.num_rows == (times < day + DAY).sum()
    replayed = set(live["transaction_id"].to_pylist())
    assert replayed & made and replayed == set(
        table["trans_num"].filter(pa.array((times >= day) & (times < day + DAY))).to_pylist()
    )
    assert (np.diff(live["event_time"].cast(pa.int64()).to_numpy()) >= 0).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _run(monkeypatch, capsys, "--data", file, "--episodes", 8, "--seed", seed, "--out", tmp_path / name)
        found.append(
            [
                hashlib.sha256((tmp_path / name / each).read_bytes()).hexdigest()
                for each in ("transactions.parquet", "episodes.parquet", "episodes.json", "summary.json")
            ]
        )
    assert found[0] == found[1]
    assert found[0][0] != found[2][0] and found[0][1] != found[2][1]


@pytest.mark.slow
def test_what_comes_after_the_test_begins_stays_real_and_unlearned(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, moment = tmp_path / "out", "2026-01-20"
    assert _run(monkeypatch, capsys, "--data", file, "--episodes", 9, "--test-from", moment, "--out", out)[0] == 0
    made = set(pq.read_table(out / "episodes.parquet")["trans_num"].to_pylist())
    table = pq.read_table(out / "transactions.parquet")
    later = table["trans_date_trans_time"].cast(pa.int64()).to_numpy() >= parse_moment("--test-from", moment)
    assert not made & set(table["trans_num"].filter(pa.array(later)).to_pylist())
    given = pq.read_table(file)
    past = given["trans_date_trans_time"].cast(pa.int64()).to_numpy() < parse_moment("--test-from", moment)
    model = EpisodeModel.from_json((out / "episodes.json").read_text())
    assert model.cents.size == int(given["is_fraud"].to_numpy()[past].sum())


@pytest.mark.slow
def test_what_they_are_worth_is_written_as_a_page(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quality = report_samples.quality(report_samples.fraud_rows())
    asked: list[Any] = []
    monkeypatch.setattr(module, "episodes_quality", lambda *given, **_: asked.append(given) or quality)
    out = tmp_path / "out"
    options = ("--episodes", 9, "--known", 4, "--test-from", "2026-01-20", "--evaluate", "--resplits", 3, "--out", out)
    status, said = _run(monkeypatch, capsys, "--data", file, *options)
    assert status == 0, said
    assert f"Wrote {out}/report.html (open it in a browser) and quality.json" in said
    [(_, moment, trial)] = asked
    assert (moment, trial.known, trial.episodes, trial.resplits) == (parse_moment("", "2026-01-20"), 4, 9, 3)
    assert json.loads((out / "quality.json").read_text()) == quality
    page = (out / "report.html").read_text()
    figures = Figures(quality)
    numbers = [each for each, _ in Numbers(page).found if "data-of" in each]
    assert len(numbers) > 50
    assert all(float(str(each["value"])) == figures.get(str(each["data-of"])) for each in numbers)
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert quality["verdict"]["sentences"][0] in text
    assert "table world.parquet" in text and "real frauds from 2026-01-20 00:00 (UTC) on, each time of 33%" in text
    assert "attacks known 4, drawn anew" in text and "attacks grafted 9, learned" in text
    assert "This page holds no real row" in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--episodes", 0], "0; allowed: 1 to 100,000"),
        (["--episodes", 5, "--known", 5_000], "5000 known attacks; allowed: 1 to "),
        (["--episodes", 5, "--test-from", "2001-01-01"], "--test-from: "),
        (["--episodes", 900], "--episodes: 900 episodes find no room; allowed here: "),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_is_allowed(
    options: list[object],
    sentence: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, said = _run(monkeypatch, capsys, "--data", file, *options, "--out", tmp_path / "out")
    assert status == 2
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_fraud_is_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pq.read_table(file)
    honest = tmp_path / "honest.parquet"
    pq.write_table(table.filter(pa.array(table["is_fraud"].to_numpy() == 0)), honest)
    status, said = _run(monkeypatch, capsys, "--data", honest, "--episodes", 5, "--out", tmp_path / "out")
    assert status == 2
    assert "honest.parquet: the transactions hold no labelled fraud (is_fraud 1)" in said
