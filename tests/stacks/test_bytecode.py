"""What functions import is shipped compiled: all of it, for their Python, with the paths of Lambda, the same bytes each time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stacks import asset_cache, assets, bytecode
from stacks.bundles import FUNCTIONS

CPYTHON_313 = (3571).to_bytes(2, "little") + b"\r\n"
UNCHECKED = (0b01).to_bytes(4, "little")
LAYERS = ("functions", "functions-kafka", "functions-parquet")


def compiled(source: Path) -> Path:
    return source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"


def shipped() -> dict[str, Path]:
    """{where Lambda puts it: the folder}, once for each asset."""
    functions = {f"/var/task ({name})": assets.function_code(name) for name in FUNCTIONS}
    return functions | {f"/opt ({name})": assets.layer(name) for name in LAYERS}


def test_every_source_that_functions_import_is_shipped_with_its_bytecode() -> None:
    for mounted, folder in shipped().items():
        sources = list(folder.rglob("*.py"))
        assert sources
        assert {compiled(source) for source in sources} == set(folder.rglob("*.pyc"))
        for source in sources:
            content = compiled(source).read_bytes()
            assert content[:8] == CPYTHON_313 + UNCHECKED, source
            assert f"{mounted.split()[0]}/{source.relative_to(folder)}".encode() in content  # what a traceback names


def test_jobs_are_shipped_as_sources() -> None:
    jobs = (assets.jobs_code("nightly"), assets.jobs_code("training"))
    for folder in (*jobs, assets.libraries("jobs.txt", assets.JOBS_PLATFORM), assets.stream_code()):
        assert not list(folder.rglob("*.pyc"))


@pytest.mark.slow
def test_bytecode_is_the_same_bytes_whenever_and_beside_whatever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions are compiled together, and one whose sources stay the same has to stay the same."""
    folder = assets.function_code("gate")
    monkeypatch.setattr(asset_cache, "CACHE", tmp_path / "assets")
    again = assets.function_code("gate")
    alone = tmp_path / "alone"
    shutil.copytree(folder, alone, ignore=shutil.ignore_patterns("__pycache__"))
    bytecode.compile_sources("a function alone", alone, assets.CODE_MOUNTED, "3.13")
    first, *others = (
        {file.relative_to(made): file.read_bytes() for file in made.rglob("*") if file.is_file()}
        for made in (folder, again, alone)
    )
    assert others == [first, first]
    assert any(file.suffix == ".pyc" for file in first)


def test_a_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text("x = 1\n")
    (tmp_path / "wrong.py").write_text("print 'Python 2'\n")
    with pytest.raises(
        asset_cache.AssetError, match=r"(?s)the bytecode of a try: .*/opt/wrong\.py does not compile"
    ) as error:
        bytecode.compile_sources("a try", tmp_path, "/opt", "3.13")
    assert "right.py" not in str(error.value)


def test_a_compiler_of_another_python_than_the_functions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text("x = 1\n")
    with pytest.raises(
        asset_cache.AssetError, match=r"pyodide of package\.json is Python 3\.13, and this runs on 3\.14"
    ):
        bytecode.compile_sources("a try", tmp_path, "/opt", "3.14")
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_compiler_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "COMPILER", tmp_path / "node_modules" / "pyodide")
    with pytest.raises(
        asset_cache.AssetError, match=r"a try: .* pyodide, which is not in .*node_modules; `make setup` installs"
    ):
        bytecode.compile_sources("a try", tmp_path, "/opt", "3.13")


def test_the_compiler_installed_is_the_one_that_is_pinned() -> None:
    pinned = json.loads((asset_cache.ROOT / "package.json").read_text())["devDependencies"]["pyodide"]
    locked = json.loads(bytecode.PINS.read_text())["packages"]
    assert pinned == locked["node_modules/pyodide"]["version"]
    assert pinned == json.loads((bytecode.COMPILER / "package.json").read_text())["version"], "run make setup"
    assert not [name for name, package in locked.items() if "resolved" in package]  # any registry serves them
