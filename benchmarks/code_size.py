"""The size of the code by room: lines, how often `Any` stands, the longest file and the longest function. A table on screen.

python -m benchmarks.code_size [--tree DIR]
"""

from __future__ import annotations

import argparse
import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    *("fraud", "reading", "lambda_src", "sagemaker_src", "glue_scripts", "flink_src"),
    *("stacks", "engines", "emulator", "local"),
    *("cli", "tools", "benchmarks", "samples", "tests"),
)


@dataclass(frozen=True)
class Longest:
    """The longest of its kind."""

    lines: int
    name: str


@dataclass(frozen=True)
class Room:
    """What is in a room.

    Attributes:
        files: its Python files.
        lines: theirs that are not blank.
        any_words: how often `Any` stands in them, imports included.
        file, function: the longest, blank lines and docstrings included.
    """

    files: int
    lines: int
    any_words: int
    file: Longest
    function: Longest


def size(tree: Path, room: str) -> Room | None:
    """What is in a room of a checkout; None if it has none of that name."""
    texts = {path.relative_to(tree): path.read_text(encoding="utf-8") for path in sorted((tree / room).rglob("*.py"))}
    if not texts:
        return None
    functions = [found for path, text in texts.items() for found in _functions(path, text)]
    return Room(
        files=len(texts),
        lines=sum(bool(line.strip()) for text in texts.values() for line in text.splitlines()),
        any_words=sum(len(re.findall(r"\bAny\b", text)) for text in texts.values()),
        file=max((Longest(len(text.splitlines()), str(path)) for path, text in texts.items()), key=lambda it: it.lines),
        function=max(functions, key=lambda it: it.lines, default=Longest(0, "none")),
    )


def _functions(path: Path, text: str) -> list[Longest]:
    """The functions of a file, `path:name`."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [Longest((node.end_lineno or node.lineno) - node.lineno + 1, f"{path}:{node.name}") for node in nodes]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The size of the code by room.")
    parser.add_argument("--tree", type=Path, default=ROOT, metavar="DIR", help="another checkout; default: this one")
    tree = parser.parse_args().tree
    rooms = {room: found for room in ROOMS if (found := size(tree, room))}
    print(
        "| room | files | lines | `Any` | longest file | longest function |\n| --- | ---: | ---: | ---: | --- | --- |"
    )
    for room, of in rooms.items():
        longest = f"{of.file.lines} {of.file.name} | {of.function.lines} {of.function.name}"
        print(f"| `{room}/` | {of.files} | {of.lines:,} | {of.any_words} | {longest} |")
    lines, any_words = sum(of.lines for of in rooms.values()), sum(of.any_words for of in rooms.values())
    print(f"| all | {sum(of.files for of in rooms.values())} | {lines:,} | {any_words} | | |")


if __name__ == "__main__":
    main()
