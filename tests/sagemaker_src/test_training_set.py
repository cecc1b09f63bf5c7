"""The training set of a folder of files, as a job's mount holds them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sagemaker_src.processing import batch_features
from tests.sagemaker_src.test_nightly import rows, write


def features(transactions, out):
    assert batch_features.main(["--transactions", str(transactions), "--out", str(out)]) == 0
    return {row["transaction_id"]: row for row in pq.read_table(out).to_pylist()}


def test_the_files_of_a_folder_are_one_history(tmp_path):
    given = [row | {"is_fraud": place % 2} for place, row in enumerate(rows(days=9, count=300))]
    whole = features(write(tmp_path / "whole", given) / "part.parquet", tmp_path / "whole.parquet")
    for number in range(3):
        write(tmp_path / "parts" / f"day={number}", given[number::3], name=f"part-{number}")
    assert features(tmp_path / "parts", tmp_path / "new" / "folder" / "features.parquet") == whole
    assert len(whole) == len(given)
    assert "day" not in next(iter(whole.values()))


def test_what_is_finer_than_a_millisecond_is_cut_as_spark_cuts_it(tmp_path):
    table = pa.table({
        "transaction_id": ["t1", "t2"], "cc_num": ["c" * 32] * 2, "category": ["travel"] * 2, "amount_cents": [100, 200],
        "event_time": pa.array([1_767_225_600_000_999, 1_767_225_600_001_500], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "in.parquet")
    found = features(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert [found[name]["event_ms"] for name in ("t1", "t2")] == [1_767_225_600_000, 1_767_225_600_001]


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_place_without_transactions_is_named(tmp_path, name, capsys):
    write(tmp_path / "empty", [])
    with pytest.raises(SystemExit):
        batch_features.main(["--transactions", str(tmp_path / name), "--out", str(tmp_path / "out.parquet")])
    assert f"{name} is no Parquet file, nor a folder that holds any" in capsys.readouterr().err
