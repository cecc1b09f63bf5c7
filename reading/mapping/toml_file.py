"""A mapping as a TOML file says it: which column, or which expression over columns, is which field of a transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as attributes
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import tomllib

from fraud.fields import BY_NAME, DECLARED
from reading.contents import FORMS, NOTHING, PACKINGS, Told
from reading.errors import BadInputError
from reading.text import checked_encoding
from reading.zones import checked_zone

_Name = TypeVar("_Name", bound=str)

SHIPPED = Path(__file__).resolve().parent.parent / "mappings"
"""The folder of the mappings that have a name."""

NEEDED = tuple(each.name for each in DECLARED if each.required and each.kind != "identity")
"""Fields that a mapping names; a transaction without an id of its own has the number of its row."""

_TABLES = {
    "file": ("format", "compression", "encoding", "delimiter", "fields_by_name"),
    "time": ("format", "zone"),
    "label": ("column", "fraud", "honest"),
}
_SECTIONS = (*_TABLES, "fields", "leave_out")


@dataclass(frozen=True)
class Mapping:
    """How the columns of a file become transactions.

    Attributes:
        path: the TOML file, for errors.
        fields: {field: a column's name, or an expression in DuckDB's SQL}.
        label: the column or expression that says what was fraud.
        fraud, honest: the label's values, as text.
        leave_out: {name: condition in SQL} of rows that are none of the transactions.
        time_format: of `event_time`, as strptime has it; None: as ISO 8601 has it.
        zone: what times without an offset mean; None: as `--timezone` says.
        told: what it says of the files themselves.
        fields_by_name: whether a column that has the name of a field which may be missing is that field.
        text: of the TOML file.
    """

    path: Path
    fields: dict[str, str]
    label: str
    fraud: tuple[str, ...]
    honest: tuple[str, ...]
    leave_out: dict[str, str] = field(default_factory=dict)
    time_format: str | None = None
    zone: str | None = None
    told: Told = NOTHING
    fields_by_name: bool = False
    text: str = ""

    @property
    def named(self) -> str:
        """How errors name it."""
        return f"--columns {self.path.stem}" if self.path.parent == SHIPPED else str(self.path)

    @property
    def meaning(self) -> str:
        """What a mapping is compared by: its name, and a digest of what it says. Comments and the order of keys say nothing.

        >>> read_mapping("kaggle").meaning == replace(read_mapping("kaggle"), text="# other").meaning
        True
        """
        said = {each.name: getattr(self, each.name) for each in attributes(self) if each.name not in ("path", "text")}
        plain = json.dumps(said, sort_keys=True, default=str)
        return f"{self.path.stem} {hashlib.sha256(plain.encode()).hexdigest()[:16]}"


def shipped() -> list[str]:
    """The names of the mappings that come with the product."""
    return sorted(file.name.removesuffix(".toml") for file in _shipped().iterdir() if file.name.endswith(".toml"))


def _shipped() -> Traversable:
    # as a resource, for a Glue job has this package in a zip file
    return files("reading").joinpath("mappings")


def read_mapping(named: str) -> Mapping:
    """The mapping that `--columns` names: one of `shipped`, or the path of a TOML file.

    Raises:
        BadInputError: there is none, it is no TOML, or something in it is unknown, missing or of another kind.
    """
    ours = named in shipped()
    path = SHIPPED / f"{named}.toml" if ours else Path(named)
    try:
        text = (_shipped().joinpath(path.name) if ours else path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(
            f"--columns: {path}: not UTF-8, at byte {error.start + 1}; allowed: TOML in UTF-8"
        ) from error
    except OSError as error:
        known = ", ".join(shipped())
        raise BadInputError(
            f"--columns: {named}: cannot be opened: {error.strerror}; allowed: {known}, or the path of a TOML file"
        ) from error
    try:
        return replace(_mapping(path, tomllib.loads(text)), text=text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"--columns: {path}: no TOML: {error}; allowed: as docs/your-files.md shows") from error
    except _WrongError as error:
        raise BadInputError(f"--columns: {path}: {error}") from None


class _WrongError(ValueError):
    """What is wrong in a mapping, and what is allowed."""


def _mapping(path: Path, tables: dict[str, Any]) -> Mapping:
    _known("", tables, _SECTIONS)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise _WrongError(f"{name} is a value; allowed: a table, [{name}]")
    file, time, label = (tables.get(name, {}) for name in _TABLES)
    for name, keys in _TABLES.items():
        _known(name, tables.get(name, {}), keys)
    fields = _texts("fields", tables.get("fields", {}))
    _known("fields", fields, tuple(BY_NAME))
    missing = [name for name in NEEDED if name not in fields]
    if missing:
        raise _WrongError(f"[fields] lacks {', '.join(missing)}; needed: {', '.join(NEEDED)}")
    missing = [key for key in _TABLES["label"] if key not in label]
    if missing:
        raise _WrongError(f"[label] lacks {', '.join(missing)}; needed: {', '.join(_TABLES['label'])}")
    fraud, honest = (_values(key, label[key]) for key in ("fraud", "honest"))
    both = sorted(set(fraud) & set(honest))
    if both:
        raise _WrongError(f"[label] {both[0]!r} is both fraud and honest; allowed: each value in one of them")
    by_name = file.get("fields_by_name", False)
    if not isinstance(by_name, bool):
        raise _WrongError(f"[file] fields_by_name is {by_name!r}; allowed: true or false")
    said = _texts("file", {key: text for key, text in file.items() if key != "fields_by_name"})
    of_time = _texts("time", time)
    if len(said.get("delimiter", ",")) != 1:
        raise _WrongError(f"[file] delimiter is {said['delimiter']!r}; allowed: one character")
    return Mapping(
        path=path,
        fields=fields,
        label=_texts("label", {"column": label["column"]})["column"],
        fraud=fraud,
        honest=honest,
        leave_out=_texts("leave_out", tables.get("leave_out", {})),
        time_format=of_time.get("format"),
        zone=checked_zone(of_time["zone"]) if "zone" in of_time else None,
        told=Told(
            checked_encoding(said.get("encoding")),
            said.get("delimiter"),
            _one_of("format", said, FORMS),
            _one_of("compression", said, PACKINGS),
        ),
        fields_by_name=by_name,
    )


def _known(table: str, found: Table[str, Any], allowed: Sequence[str]) -> None:
    for key in found:
        if key not in allowed:
            near = get_close_matches(key, allowed, 1)
            hint = f" (near: {near[0]})" if near else ""
            where = f"[{table}] " if table else ""
            raise _WrongError(f"{where}{key!r} is not known{hint}; allowed: {', '.join(allowed)}")


def _one_of(key: str, said: dict[str, str], allowed: tuple[_Name, ...]) -> _Name | None:
    found = next((each for each in allowed if each == said.get(key)), None)
    if key in said and found is None:
        raise _WrongError(f"[file] {key} is {said[key]!r}; allowed: {', '.join(allowed)}")
    return found


def _texts(table: str, found: Table[str, Any]) -> dict[str, str]:
    for key, value in found.items():
        if not isinstance(value, str) or not value.strip():
            raise _WrongError(f"[{table}] {key} is {value!r}; allowed: text that is not empty")
    return dict(found)


def _values(key: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str | int | bool) for each in values):
        raise _WrongError(f'[label] {key} is {value!r}; allowed: one or more values, as ["Yes"] or [1]')
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)
