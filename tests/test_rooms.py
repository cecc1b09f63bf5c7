"""Which room may import which (`pyproject.toml`): each import that a contract forbids breaks it, and no room is left out."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import grimp
import pytest
import tomllib
from importlinter import Contract
from importlinter.configuration import configure
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract

ROOT = Path(__file__).resolve().parent.parent
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {each["name"]: each for each in LINTER["contracts"]}
KINDS = {"forbidden": ForbiddenContract, "independence": IndependenceContract}


def forbidden_imports() -> Iterator[tuple[str, str, str]]:
    """(contract, who, whom) of each import between two rooms that a contract forbids."""
    for name, contract in CONTRACTS.items():
        if contract["type"] == "independence":
            pairs = permutations(contract["modules"], 2)
        else:
            pairs = ((who, whom) for who in contract["source_modules"] for whom in contract["forbidden_modules"])
        for who, whom in pairs:
            yield name, who, whom


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom, as it is."""
    configure()
    return grimp.build_graph(
        *LINTER["root_packages"],
        include_external_packages=LINTER["include_external_packages"],
        exclude_type_checking_imports=LINTER["exclude_type_checking_imports"],
        cache_dir=None,
    )


def contract_of(name: str) -> Contract:
    options: dict[str, Any] = {key: value for key, value in CONTRACTS[name].items() if key not in ("name", "type")}
    options = {
        key: str(value) if isinstance(value, bool) else value for key, value in options.items()
    }  # as it reads them
    # the first check takes what is ignored out of the graph
    options |= {"unmatched_ignore_imports_alerting": "none"} if "ignore_imports" in options else {}
    return KINDS[CONTRACTS[name]["type"]](name=name, session_options=LINTER, contract_options=options)


@pytest.mark.parametrize("name", CONTRACTS)
def test_each_import_that_a_contract_forbids_breaks_it(name: str, graph: grimp.ImportGraph) -> None:
    contract = contract_of(name)
    assert contract.check(graph, verbose=False).kept
    for _, who, whom in (each for each in forbidden_imports() if each[0] == name):
        module = min(each for each in graph.find_descendants(who) | {who} if not graph.find_children(each))
        if whom not in graph.modules:
            graph.add_module(whom, is_squashed=True)
        graph.add_import(importer=module, imported=whom)
        try:
            assert not contract.check(graph, verbose=False).kept, f"{module} may import {whom}"
        finally:
            graph.remove_import(importer=module, imported=whom)
    assert contract.check(graph, verbose=False).kept


def test_a_line_in_a_file_fails_the_check(tmp_path: Path) -> None:
    """The whole way: from a line that imports what its room may not, to the file and line that the command names."""
    for room in LINTER["root_packages"]:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=lambda folder, names: [
            each for each in names if not (Path(folder) / each).is_dir() and not each.endswith(".py")
        ])  # fmt: skip
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-logo",
        "--no-cache",
    ]
    sound = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tmp_path)}
    )
    assert sound.returncode == 0, sound.stdout
    with (tmp_path / "fraud" / "decision.py").open("a") as file:
        file.write("\nimport stacks.settings\n")
    broken = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tmp_path)}
    )
    assert broken.returncode == 1
    assert "fraud.decision -> stacks.settings" in broken.stdout


def test_no_room_is_left_out() -> None:
    rooms = {path.parent.name for path in ROOT.glob("[a-z]*/__init__.py")} - {"tests"}
    assert rooms == set(LINTER["root_packages"])


def test_every_room_but_the_measurements_is_in_a_contract_as_who_must_not() -> None:
    assert {who for _, who, _ in forbidden_imports()} == set(LINTER["root_packages"])


def test_what_is_deployed_may_import_no_other_of_the_rooms_on_this_machine() -> None:
    here = {"engines", "emulator", "local", "cli", "tools", "benchmarks", "samples"}
    for room in ("fraud", "reading", "stacks", "lambda_src", "glue_scripts", "sagemaker_src", "flink_src"):
        assert here <= {whom for _, who, whom in forbidden_imports() if who == room}, room


def test_measurements_import_no_tests() -> None:
    """Beside the contract: what is imported within a function, too."""
    for path in (ROOT / "benchmarks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in named if name.partition(".")[0] == "tests"], path
