"""A proposed mapping as the TOML file that `--columns` reads."""

from __future__ import annotations

import json
from pathlib import Path

from reading.errors import BadInputError
from reading.mapping.expressions import expression
from reading.mapping.toml_file import SHIPPED, read_mapping, shipped
from reading.proposal.fields import Proposal
from reading.proposal.guess import FILL_IN, Guess


def shipped_text(names: list[str]) -> str | None:
    """The shipped mapping whose columns a file has all of, if there is one."""
    for name in shipped():
        mapping = read_mapping(name)
        plain = [*mapping.fields.values(), *mapping.leave_out.values(), mapping.label]
        if mapping.label in names and all(_there(text, names) for text in plain):
            text = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8")
            return f"# As --columns {name} reads it: nothing need be written for this file.\n{text}"
    return None


def text_of(path: Path, found: str, made: Proposal) -> str:
    """The TOML file.

    Args:
        path: the file that it is of.
        found: what was found out of the file, as `Source.said` has it.
        made: the mapping.
    """
    lines = [
        _comment(f"A first mapping of {path.name}{found}. Look at each line, and first at those that are unsure."),
        "",
        "[fields]",
    ]
    if "transaction_id" not in made.fields:
        lines.append("# no column looks like an id of its own in each row: the number of the row is the transaction's")
    for name, guess in made.fields.items():
        lines += _line(name, guess)
    lines += ["", "[time]"]
    if made.time_format:
        lines.append(f"format = {_quoted(made.time_format)}")
    lines += [
        "# unsure: what times without an offset mean; UTC if nothing is said",
        '# zone = "Europe/Berlin"',
        "",
        "[label]",
    ]
    if made.label is None:
        lines += _line("column", Guess(FILL_IN, "no column looks like the label"))
        lines += [f'fraud = ["{FILL_IN}: fraud"]', f'honest = ["{FILL_IN}: honest"]']
    else:
        guess, fraud, honest = made.label
        lines += [*_line("column", guess), f"fraud = {_list(fraud)}", f"honest = {_list(honest)}"]
    lines += [_comment(f"{name} seems to tell the label as well: never a field") for name in made.tell]
    if made.leave_out:
        lines += ["", "[leave_out]"]
        for name, guess in made.leave_out.items():
            lines += _line(name, guess)
    return "\n".join(lines) + "\n"


def _there(text: str, names: list[str]) -> bool:
    try:
        expression("", text, names)
    except BadInputError:
        return False
    return True


def _line(key: str, guess: Guess) -> list[str]:
    said = [_comment(f"unsure: {guess.unsure}")] if guess.unsure else []
    return [*said, f"{key} = {_quoted(guess.text)}"]


def _comment(text: str) -> str:
    """A line that is one, whatever names and values it shows."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"
