"""The tables of the README and of the pages below `docs/`, from the code that knows them:

python -m tools.readme
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cli.main import VERBS
from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES
from fraud.features.derived import DERIVED_FEATURES
from fraud.fields import BY_NAME, DECLARED, Field
from fraud.transaction import ALLOWED
from fraud.vector import FEATURE_NAMES, SAYS
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


def fields_table() -> str:
    """Every field of a transaction."""
    rows = [
        f"| `{field.name}` | {field.says} | {field.kind} | {ALLOWED[field.name].removesuffix('; or nothing')} "
        f"| {'required' if field.required else 'may be missing'} | {_used(field)} |"
        for field in DECLARED
    ]
    return "\n".join(
        ["| field | what it is | kind | allowed | | in the model |", "| --- | --- | --- | --- | --- | --- |", *rows]
    )


def _used(field: Field) -> str:
    if field.protected:
        return "protected"
    return (
        "as it is"
        if field.is_feature
        else {"amount": "as `amount`", "moment": "no: the record's own time is"}.get(field.kind, "no")
    )


def features_table() -> str:
    """Every feature of the model, in the order of its vector."""
    computed = {one.name: f"`{one.formula}`" for one in DERIVED_FEATURES}
    stored = {one.name: (one.window, one.missing) for one in (*STREAM_FEATURES, *NIGHTLY_FEATURES)}
    rows = []
    for name in FEATURE_NAMES:
        window, missing = stored.get(name, ("the transaction", "missing where it cannot be computed"))
        how = computed.get(name, "declared field" if name in BY_NAME else window)
        rows.append(f"| `{name}` | {SAYS[name]} | {how} | {missing if name not in BY_NAME else 'missing'} |")
    return "\n".join(["| feature | what it says | from | without history |", "| --- | --- | --- | --- |", *rows])


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
    DOCS / "fields-and-features.md": {"fields": fields_table, "features": features_table},
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
