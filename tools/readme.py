"""The tables of the README and of the pages below `docs/`, from the code that knows them:

python -m tools.readme
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cli.main import VERBS
from stacks import costs, quotas
from stacks.settings import Settings, allowed, read_settings

README = Path(__file__).resolve().parent.parent / "README.md"
DOCS = README.parent / "docs"
FIRST_DEPLOYMENT = DOCS / "first-deployment.md"


def verbs_table() -> str:
    """Every verb of `fraud`, in the order in which a newcomer needs them."""
    rows = [f"| `fraud {name}` | {says[0].lower()}{says[1:].removesuffix('.')} |" for name, says in VERBS.items()]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def settings_table() -> str:
    """Every setting: what it is, its defaults, what is allowed."""
    dev, prod = read_settings({}), read_settings({"env": "prod"})
    rows = [
        f"| `{name}` | {field.description} | {_shown(getattr(dev, name))} | {_shown(getattr(prod, name))} | {allowed(name)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| setting | what it is | dev | prod | allowed |", "| --- | --- | --- | --- | --- |", *rows])


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else f"{value}"


def with_tables(document: Path, text: str | None = None) -> str:
    """A document with each of its tables between its marks.

    Args:
        text: the document's; what the file holds unless it is given.

    Raises:
        ValueError: a mark is missing.
    """
    text = document.read_text(encoding="utf-8") if text is None else text
    for name, table in TABLES[document].items():
        before, _, rest = text.partition(f"<!-- {name} -->")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not end:
            raise ValueError(f"{document.name}: no <!-- {name} --> ... <!-- /{name} -->")
        text = f"{before}<!-- {name} -->\n{table()}\n{end}{after}"
    return text


TABLES: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"verbs": verbs_table},
    DOCS / "settings.md": {"settings": settings_table},
    DOCS / "costs.md": {"costs": costs.tables},
    FIRST_DEPLOYMENT: {"quotas": quotas.table},
}
"""{document: {mark: what makes the table there}}."""


def main() -> int:
    """Writes the tables anew."""
    for document in TABLES:
        document.write_text(with_tables(document), encoding="utf-8")
        print(f"wrote {document}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
