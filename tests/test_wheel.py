"""The wheel that `pyproject.toml` describes holds all that the packages hold: subpackages, SQL, pages, tables, models."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", ".*")


def packages() -> list[str]:
    """The top-level packages that are declared."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    return [pattern.removesuffix("*") for pattern in declared]


def test_the_wheel_holds_what_the_packages_hold(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in packages():
        shutil.copytree(ROOT / package, tree / package, ignore=NOT_SHIPPED)
    there = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()} - {"pyproject.toml"}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert (there - held, held - there) == (set(), set())
    assert {"flink_src/sql/features.sql", "sagemaker_src/serving/bootstrap/model.ubj", "cli/reports/stream.py"} <= held


def test_every_room_is_declared() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(packages()) == rooms
