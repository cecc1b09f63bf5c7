"""A MiniStack of another version fails as the emulated AWS starts, with all names that differ."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from emulator.process import PYTHON, ROOT
from local.stand_ins import STAND_INS

NAMES = ROOT / "emulator" / "hosted" / "ministack" / "names.py"
KINDS = ("AccountScopedDict", "AccountRegionScopedDict")


def of_this_file() -> ModuleType:
    """The table, without its package, which needs the emulator's environment."""
    spec = importlib.util.spec_from_file_location("names_of_ministack", NAMES)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


names = of_this_file()


def written(name: str, form: str) -> str:
    """Code that gives a name this form."""
    if form.startswith("("):
        return f"def {name}{form.replace('=<factory>', '=Factory()')}: pass\n"
    classes = {"dict": "dict()", "int": "0", "ContextVar": f"contextvars.ContextVar({name!r})"}
    return f"{name} = {classes.get(form, f'{form}()')}\n"


HEAD = "import contextvars\nclass Factory:\n  def __repr__(self): return '<factory>'\n" + "".join(
    f"class {kind}(dict): pass\n" for kind in KINDS
)


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A folder with a module tree that has all names, but for some that have another form; None leaves a name or a module out."""

    def made(version: str, other: dict[str, str | None]) -> Path:
        for module in names.MODULES:
            if module._path in other:
                continue
            file = tmp_path.joinpath(*module._path.split(".")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            for folder in (file.parent, *file.parent.parents[: len(module._path.split(".")) - 2]):
                (folder / "__init__.py").touch()
            forms = {name: other.get(f"{module._path}.{name}", form) for name, form in module._forms.items()}
            file.write_text(HEAD + "".join(written(name, form) for name, form in forms.items() if form))
        info = tmp_path / f"ministack-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ministack\nVersion: {version}\n")
        return tmp_path

    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "ministack"]:
        del sys.modules[name]


def test_the_version_it_was_written_for_passes(stand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(stand_in(names.VERSION, {}))
    names.check()


OTHER = {
    "ministack.services.sts._sessions": None,
    "ministack.services.lambda_svc._execute_function": "(func, event, context)",
    "ministack.services.iam._roles": "AccountRegionScopedDict",
    "ministack.services.eventbridge": None,
}


@pytest.mark.engines
def test_another_version_fails_at_start_with_all_that_differs(stand_in: Callable[..., Path], tmp_path: Path) -> None:
    folder = stand_in("1.6.0", OTHER)
    keys = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret"}
    started = subprocess.run(
        [
            PYTHON,
            "-m",
            "emulator.hosted.host",
            "--folder",
            tmp_path / "aws",
            "--port",
            "1",
            "--stand-ins",
            STAND_INS.to_json(),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{folder}:{ROOT}", **keys},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert started.returncode == 1
    (error,) = started.stderr.splitlines()
    assert error.startswith(f"MiniStack 1.6.0 is installed, and {names.VERSION} is needed; 4 differ: ")
    for clause in (
        "ministack.services.sts._sessions: is missing; written for dict",
        "ministack.services.lambda_svc._execute_function: (func, event, context); written for (func, event)",
        "ministack.services.iam._roles: AccountRegionScopedDict; written for AccountScopedDict",
        "ministack.services.eventbridge: cannot be imported",
    ):
        assert clause in error


def test_a_name_that_the_table_lacks_can_be_neither_used_nor_replaced() -> None:
    with pytest.raises(AttributeError, match=r"ministack\.services\.sts\._roles is not in the table"):
        _ = names.sts._roles
    with pytest.raises(AttributeError, match="is not in the table"):
        names.sts._roles = {}


def test_nothing_else_reaches_into_ministack() -> None:
    reaching = []
    for file in (ROOT / "emulator").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            modules += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            reaching += [f"{file}: {name}" for name in modules if name.partition(".")[0] == "ministack"]
    assert reaching == []


def test_every_name_of_the_table_is_used() -> None:
    text = "".join(file.read_text() for file in NAMES.parent.glob("*.py") if file != NAMES)
    modules = {key: value for key, value in vars(names).items() if isinstance(value, names.Module)}
    unused = [
        f"{key}.{name}" for key, module in modules.items() for name in module._forms if f"{key}.{name}" not in text
    ]
    assert unused == []
