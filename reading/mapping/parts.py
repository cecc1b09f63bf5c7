"""The expressions of a mapping over the columns of one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from fraud.fields import OPTIONAL_FIELDS
from reading.errors import BadInputError
from reading.mapping.expressions import ColumnMissingError, Expression, expression
from reading.mapping.toml_file import Mapping

Where = Literal["fields", "label", "leave_out"]
Parts = dict[tuple[Where, str], Expression]
"""{(the mapping's table, the key in it): its expression}."""

_COMPUTED = {"event_ms", "amount_cents"}
"""What is in every file of features, and in none of transactions."""


def parts_of(path: Path, mapping: Mapping, names: Sequence[str], *, labelled: bool = True) -> Parts:
    """The expressions of a mapping over a file's columns.

    Args:
        path: the file, for errors.
        mapping: the mapping.
        names: the file's columns.
        labelled: whether it must have what the label is read from.

    Raises:
        BadInputError: one is none, names a column that is not there, or a field reads what tells the label.
    """
    parts: Parts = {}
    missing = []
    for (where, key), text in _texts(mapping, names).items():
        try:
            parts[where, key] = expression(f"{mapping.named}: [{where}] {key}", text, names)
        except ColumnMissingError as error:
            if where == "label" and not labelled:
                parts[where, key] = Expression("NULL", (), None)
            else:
                missing.append(error)
    if missing and set(names) >= _COMPUTED:
        raise BadInputError(
            f"{path}: holds features, as `fraud features` writes them; allowed: the transactions that they were computed of, in "
            f"the columns that {mapping.named} says"
        )
    if missing and not any(part.columns for part in parts.values()):
        needed = ", ".join(dict.fromkeys(error.name for error in missing))
        raise BadInputError(
            f"{path}: none of the columns is there; needed: a header with {needed}, as {mapping.named} says"
        )
    if missing:
        raise BadInputError(f"{path}: {missing[0]}") from missing[0]
    _check_label(mapping, parts)
    return parts


def _texts(mapping: Mapping, names: Sequence[str]) -> dict[tuple[Where, str], str]:
    texts: dict[tuple[Where, str], str] = {("fields", name): text for name, text in mapping.fields.items()}
    if mapping.fields_by_name:
        own = [field.name for field in OPTIONAL_FIELDS if field.name in names and field.name not in mapping.fields]
        texts |= {("fields", name): name for name in own}
    texts["label", "column"] = mapping.label
    return texts | {("leave_out", name): text for name, text in mapping.leave_out.items()}


def _check_label(mapping: Mapping, parts: Parts) -> None:
    label = parts["label", "column"].columns
    for (where, key), part in parts.items():
        if where == "fields" and set(part.columns) & set(label):
            raise BadInputError(
                f"{mapping.named}: [fields] {key}: reads {', '.join(label)}, which tells the label; allowed: other columns"
            )
