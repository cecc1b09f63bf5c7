"""Output folders: whole or not at all, and nothing is deleted that the same command did not write."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.output import whole_folder
from reading.errors import BadInputError


def write(out: Path, command: str, *names: str) -> None:
    with whole_folder(out, command) as folder:
        for name in names:
            (folder / name).write_text(command)


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if not path.name.startswith(".")}


def test_a_run_again_replaces_what_the_run_before_wrote(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "world", "a", "b")
    write(out, "world", "c")
    assert names(out) == {"c"}


def test_what_another_command_wrote_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "world", "transactions.parquet")
    with pytest.raises(BadInputError, match="holds what `fraud world` wrote; name another folder"):
        write(out, "features", "features.parquet")
    assert names(out) == {"transactions.parquet"}


def test_what_a_person_put_there_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "world", "transactions.parquet")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(BadInputError, match=r"holds notes\.txt, which no earlier run wrote"):
        write(out, "world", "transactions.parquet")
    assert names(out) == {"transactions.parquet", "notes.txt"}


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "world", "a")
    with pytest.raises(RuntimeError), whole_folder(out, "world") as folder:
        (folder / "b").touch()
        raise RuntimeError
    assert names(out) == {"a"}
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("below", ["file/x", "file"])
def test_a_folder_that_cannot_be_made_is_an_error_in_a_sentence(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match=r"^--out: "):
        write(tmp_path / below, "world")


def test_an_empty_name_is_none() -> None:
    with pytest.raises(BadInputError, match=r"^--out: empty"):
        write(Path(), "world")


_WRITES = """
import sys, time
from pathlib import Path
from cli import main as command
from cli.output import whole_file, whole_folder

place = Path(sys.argv[1])

def world() -> None:
    with whole_folder(place / "out", "world") as folder, whole_file(place / "a.csv", (".csv",)) as file:
        (folder / "a").touch()
        file.touch()
        print("begun", flush=True)
        time.sleep(60)

command.app = lambda **_: world()
command.main()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_command_that_is_ended_leaves_nothing_half_written(tmp_path: Path, number: int, status: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITES, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "begun\n"
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        assert process.wait(30) == status
        assert process.stderr.read() == "fraud: interrupted; nothing half-written is left\n"
    assert list(tmp_path.iterdir()) == []
