"""The jobs of synthetic fraud: what is learned of, and in which form rows go on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.durations import MS_PER_DAY
from fraud.world import WorldSettings, generate, tokenised
from sagemaker_src.synthesis.jobs import evaluate, extract, sample
from sagemaker_src.synthesis.jobs.extract import DAY, TIME_OF_DAY
from sagemaker_src.training.feature_rows import OPTIONAL_COLUMNS, ROW_COLUMNS, read_feature_rows
from sagemaker_src.training.split import default_test_from

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transactions() -> pa.Table:
    return tokenised(generate(WorldSettings(cards=60, days=40, fraud_rate=0.01, seed=3)), b"0" * 32)


def extracted(folder: Path, transactions: pa.Table, *more: str) -> pd.DataFrame:
    pq.write_table(transactions, folder / "transactions.parquet")
    given = ["--transactions", str(folder / "transactions.parquet"), "--out", str(folder / "table.parquet"), *more]
    assert extract.main(given) == 0
    return pd.read_parquet(folder / "table.parquet")


def test_nothing_is_learned_of_what_a_training_job_tests_on(tmp_path: Path, transactions: pa.Table) -> None:
    table = extracted(tmp_path, transactions)
    times = transactions["event_time"].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    cut = default_test_from(times)
    assert table[DAY].max() == cut // MS_PER_DAY - 1
    frauds = transactions["is_fraud"].to_numpy().astype(bool)
    assert table["is_fraud"].sum() == (frauds & (times < cut)).sum() > 20
    assert ((table[DAY].astype("int64") * MS_PER_DAY + table[TIME_OF_DAY]).diff().dropna() >= 0).all()


def test_no_column_tells_whose_card_it_was(tmp_path: Path, transactions: pa.Table) -> None:
    table = extracted(tmp_path, transactions)
    assert not {"cc_num", "transaction_id", "merchant"} & set(table)
    tokens = set(transactions["cc_num"].to_pylist())
    for name in table.select_dtypes(["object", "str", "category"]):
        assert not tokens & set(table[name].astype(str))


def test_honest_rows_are_limited_and_the_same_each_time(tmp_path: Path, transactions: pa.Table) -> None:
    table = extracted(tmp_path, transactions, "--honest-rows", "100")
    assert (table["is_fraud"] == 0).sum() == 100
    again = extracted(tmp_path, transactions.take(list(range(len(transactions) - 1, -1, -1))), "--honest-rows", "100")
    pd.testing.assert_frame_equal(table, again)


def test_a_file_without_fraud_is_refused_and_leaves_nothing(
    tmp_path: Path, transactions: pa.Table, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = transactions.filter(pa.compute.equal(transactions["is_fraud"].cast(pa.int8()), 0))
    with pytest.raises(SystemExit):
        extracted(tmp_path, honest)
    assert "no transaction but the last fifth is labelled as fraud" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["transactions.parquet"]


def test_sampled_rows_are_rows_that_a_training_job_takes(tmp_path: Path, transactions: pa.Table) -> None:
    table = extracted(tmp_path, transactions)
    frauds = table[table["is_fraud"] == 1].reset_index(drop=True)
    rows = sample.feature_rows(frauds, seed=7)
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    read = read_feature_rows(tmp_path / "rows.parquet")
    assert tuple(read.columns) == (*ROW_COLUMNS, *OPTIONAL_COLUMNS)
    for name in OPTIONAL_COLUMNS:
        assert read[name].tolist() == frauds[name].tolist(), (
            "as the learned rows have it, so that no gap gives them away"
        )
    assert read["cc_num"].nunique() == read["transaction_id"].nunique() == len(frauds)
    assert (read["event_ms"] // MS_PER_DAY == frauds[DAY]).all()
    assert (read["event_ms"] % MS_PER_DAY == frauds[TIME_OF_DAY]).all()
    assert read["amount_cents"].tolist() == frauds["amount_cents"].tolist()


@pytest.mark.parametrize("broken", [(), ("membership_auc",), ("least_gain", "exact_copies")])
def test_what_the_gate_reads_is_whether_every_limit_is_kept(
    broken: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = SimpleNamespace(kind="wgan", trained=[1, 2, 3], held_out=[4], data_fingerprint="f", seed=1)
    monkeypatch.setattr(evaluate, "load_fitted", lambda _: fitted)
    (tmp_path / "rows.parquet").write_bytes(b"rows")
    names = ("membership_auc", "least_gain", "exact_copies")
    verdict = {
        "limits": [{"name": name, "kept": name not in broken} for name in names],
        "helps": "no",
        "gain": 0.0,
        "low": 0.0,
        "high": 0.0,
        "safe": True,
        "sentences": [],
    }
    quality = {"verdict": verdict, "rows": {"synthetic": 9}}
    found = evaluate.manifest(quality, tmp_path, tmp_path / "rows.parquet", last_day=2)
    assert (found["passed"], set(found["broken"])) == (not broken, set(broken))
    assert (found["learned"], found["held_out"], found["learned_until_ms"]) == (3, 1, 3 * MS_PER_DAY)
