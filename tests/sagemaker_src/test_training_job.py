"""What a training job leaves in the model's folder: all that a container without a network needs to serve it."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from importlib import import_module
from pathlib import Path

from sagemaker_src.training import train
from tests.sagemaker_src.test_evaluate_model import made_up_rows

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "sagemaker_src" / "serving" / "inference.py"
OPTIONS = ("--rounds", "3", "--label-delay-days", "3")


def test_the_program_that_serves_a_model_is_in_its_folder(tmp_path: Path) -> None:
    made_up_rows(2_000).to_parquet(tmp_path / "features.parquet")
    given = ["--train", str(tmp_path / "features.parquet"), "--model-dir", str(tmp_path / "model")]
    assert train.main([*given, *OPTIONS]) == 0
    found = sorted(
        str(path.relative_to(tmp_path / "model")) for path in (tmp_path / "model").rglob("*") if path.is_file()
    )
    assert found == ["code/inference.py", "drift-baseline.json", "manifest.json", "model.ubj"]
    assert (tmp_path / "model" / "code" / "inference.py").read_bytes() == PROGRAM.read_bytes()


def test_the_model_says_of_which_set_it_was_made(tmp_path: Path) -> None:
    rows = tmp_path / "features"
    rows.mkdir()
    made_up_rows(2_000).to_parquet(rows / "features.parquet")
    told = {"fingerprint": "0" * 64, "as_of": "2026-11-28T00:00:00.000Z"}
    for expected in (None, told):
        if expected:
            (rows / "manifest.json").write_text(json.dumps(expected))
        assert train.main(["--train", str(rows), "--model-dir", str(tmp_path / "model"), *OPTIONS]) == 0
        manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
        assert manifest["data"].get("training_set") == expected


def test_the_program_is_found_in_the_jobs_zip(tmp_path: Path, monkeypatch) -> None:
    packages = ("sagemaker_src", "fraud")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        for path in (one for package in packages for one in (ROOT / package).rglob("*.py")):
            archive.write(path, path.relative_to(ROOT))
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "code.zip"), *(one for one in sys.path if one != str(ROOT))])
    job = import_module("sagemaker_src.training.train")
    assert "code.zip" in str(job.__file__)
    job._add_program(tmp_path)
    assert (tmp_path / "code" / "inference.py").read_bytes() == PROGRAM.read_bytes()
    shutil.rmtree(tmp_path / "code")
