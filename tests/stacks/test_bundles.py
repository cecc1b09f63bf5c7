"""What each function, job and the stream job is shipped with: what it imports, and so what a change gives a new version to."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from sagemaker_src.synthesis.generators import KINDS
from samples.environments import ENVIRONMENTS
from stacks import assets, bundles
from stacks.asset_cache import ROOT

ROOMS = ("fraud", "lambda_src", "sagemaker_src", "flink_src", "glue_scripts", "reading")
IMPORTED_BY_NAME = {
    "sagemaker_src.processing.engines": (
        "sagemaker_src.processing.duckdb_engine",
        "sagemaker_src.processing.spark_engine",
    ),
    "sagemaker_src.synthesis.generators": tuple(kind.partition(":")[0] for kind in KINDS.values()),
    "sagemaker_src.training.train": ("sagemaker_src.serving.inference",),
}
"""Imports that no `import` statement says."""
STARTED = {
    **{
        f"function {name}": (f"lambda_src.{name}.handler", f"lambda_src.{name}.environment")
        for name in bundles.FUNCTIONS
    },
    "drift jobs": ("sagemaker_src.drift.drift",),
    "nightly jobs": ("sagemaker_src.processing.nightly",),
    "scoring jobs": ("sagemaker_src.scoring.requests", "sagemaker_src.scoring.scores"),
    "synthesis jobs": tuple(f"sagemaker_src.synthesis.jobs.{job}" for job in ("extract", "fit", "sample", "evaluate")),
    "training jobs": (
        "sagemaker_src.processing.batch_features",
        "sagemaker_src.processing.training_set",
        "sagemaker_src.training.train",
        "sagemaker_src.training.evaluate_model",
        "sagemaker_src.shadow.compare",
        "sagemaker_src.tuning.trial",
    ),
    "transform jobs": ("glue_scripts.transform",),
    "stream job": ("flink_src.main",),
}
"""{bundle: the modules that it is started with}."""
IMPORT = "import importlib, sys; print(importlib.import_module(sys.argv[1]).__file__)"


def shipped() -> dict[str, tuple[Path, ...]]:
    """{bundle: the files in it}, by the tables."""
    return {
        **{f"function {name}": bundles.function_sources(name) for name in bundles.FUNCTIONS},
        **{f"{name} jobs": bundles.sources(modules) for name, modules in bundles.JOBS.items()},
        "stream job": bundles.sources(bundles.STREAM),
    }


def imported(started: Iterable[str]) -> set[Path]:
    """The files of all modules that these import, and of their packages; with what they read."""
    found: set[Path] = set()
    wanted = list(started)
    while wanted:
        module = wanted.pop()
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            path = ROOT.joinpath(*parts[:length])
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            if parts[0] in ROOMS and file.is_file() and file not in found:
                found |= {file, *ROOT.glob(bundles.READ_BY.get(name, "no file"))}
                wanted += [*_imports(file), *IMPORTED_BY_NAME.get(name, ())]
    return found


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_function_and_every_job_has_a_bundle() -> None:
    assert bundles.FUNCTIONS.keys() == {path.parent.name for path in (ROOT / "lambda_src").glob("*/handler.py")}
    assert shipped().keys() == STARTED.keys()


@pytest.mark.parametrize("bundle", STARTED)
def test_a_bundle_holds_what_is_imported_and_no_more(bundle: str) -> None:
    named, needed = set(shipped()[bundle]), imported(STARTED[bundle])
    assert not [str(file.relative_to(ROOT)) for file in sorted(needed - named)], "missing in stacks/bundles.py"
    assert not [str(file.relative_to(ROOT)) for file in sorted(named - needed)], (
        "in stacks/bundles.py, and not imported"
    )


@pytest.mark.slow
def test_every_function_starts_from_its_bundle_alone(tmp_path: Path) -> None:
    started = {}
    for name in bundles.FUNCTIONS:
        folder = assets.function_code(name)
        environment = {**ENVIRONMENTS[name], "PYTHONPATH": str(folder), "AWS_DEFAULT_REGION": "eu-west-1"}
        command = [sys.executable, "-P", "-B", "-c", IMPORT, f"lambda_src.{name}.handler"]
        program = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
        )
        started[folder / "lambda_src" / name / "handler.py"] = program
    for file, program in started.items():
        said, problem = program.communicate(timeout=120)
        assert (said.strip(), program.returncode) == (str(file), 0), problem


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's code once more, to be changed."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(bundles, "ROOT", tmp_path)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.setattr(assets, "job_runner", lambda: ROOT / "sagemaker_src" / "run_module.py")
    monkeypatch.setattr(assets, "_stream_jar", lambda: ROOT / "sagemaker_src" / "run_module.py")
    return tmp_path


@pytest.mark.slow
def test_a_change_gives_a_new_version_to_those_alone_that_import_it(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "made", lambda name, made_from, _: (name, made_from))

    def versions() -> dict[str, object]:
        return {
            **{f"function {name}": assets.function_code(name) for name in bundles.FUNCTIONS},
            **{f"{name} jobs": assets.jobs_code(name) for name in bundles.JOBS},
            "stream job": assets.stream_code(),
        }

    importers = {bundle: {file.relative_to(ROOT) for file in imported(started)} for bundle, started in STARTED.items()}
    before = versions()
    changed = sorted(file for room in ROOMS for file in (copied / room).rglob("*.py"))
    assert len(changed) > 90
    for file in changed:
        content = file.read_bytes()
        file.write_bytes(content + b"\n# changed\n")
        after = versions()
        file.write_bytes(content)
        place = file.relative_to(copied)
        concerned = {bundle for bundle, files in importers.items() if place in files}
        assert {bundle for bundle in before if before[bundle] != after[bundle]} == concerned, place


@pytest.mark.slow
def test_what_is_uploaded_for_a_function_stays_the_same_when_another_changes(copied: Path) -> None:
    before = {name: content(assets.function_code(name)) for name in ("clean_up", "decide")}
    handler = copied / "lambda_src" / "clean_up" / "handler.py"
    handler.write_bytes(handler.read_bytes() + b"\n# changed\n")
    after = {name: content(assets.function_code(name)) for name in ("clean_up", "decide")}
    assert after["decide"] == before["decide"]
    assert after["clean_up"] != before["clean_up"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
