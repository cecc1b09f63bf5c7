"""A Glue job has the package in a zip file: what stands beside the modules is read from there, too."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from fraud.card_numbers import holds_card_number
from reading.mapping.toml_file import shipped
from reading.transactions import checked_reading
assert sys.modules["reading"].__file__.startswith(sys.argv[1])
print(shipped(), checked_reading(None, None, "tabformer").mapping.label, holds_card_number("4000 0566 5566 5556"))
"""


def test_mappings_and_tables_are_read_from_a_zip_file(tmp_path: Path) -> None:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for room in ("fraud", "reading"):
            for path in (ROOT / room).rglob("*"):
                if path.suffix in (".py", ".txt", ".toml"):
                    out.write(path, path.relative_to(ROOT))
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(archive)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "['handbook', 'kaggle', 'tabformer'] Is Fraud? True\n", done.stderr
