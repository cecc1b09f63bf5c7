"""The tables of the README and of the pages below `docs/`, from the code that knows them:

python -m tools.readme
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.main import VERBS
from fraud.features.catalogue import CATALOGUE, NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.features.derived import DERIVED_FEATURES
from fraud.features.habits import Habit
from fraud.features.risks import Risk
from fraud.features.windows import Window
from fraud.fields import BY_NAME, DECLARED, Field
from fraud.transaction import ALLOWED
from fraud.vector import FEATURE_NAMES, MODEL_FEATURES, SAYS
from stacks import costs, quotas
from stacks.settings import Settings, allowed, read_settings

README = Path(__file__).resolve().parent.parent / "README.md"
DOCS = README.parent / "docs"
FIRST_DEPLOYMENT = DOCS / "first-deployment.md"
MEASURED: dict[str, Any] = json.loads((README.parent / "benchmarks" / "features.json").read_text(encoding="utf-8"))
"""What the features were worth and took when they were measured last; `benchmarks/feature_worth.py` writes it."""


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
    """Every feature, in the order of a request to a model; what each was worth, and what it takes."""
    computed = {one.name: f"`{one.formula}`" for one in DERIVED_FEATURES}
    stored = {one.name: (one.window, one.missing) for one in (*STREAM_FEATURES, *NIGHTLY_FEATURES)}
    rows = []
    for name in FEATURE_NAMES:
        window, missing = stored.get(name, ("the transaction", "missing where it cannot be computed"))
        how = computed.get(name, "declared field" if name in BY_NAME else window)
        without = "missing" if name in BY_NAME else missing
        rows.append(f"| `{name}` | {SAYS[name]} | {how} | {without} | {_gain(name)} | {_bytes(name)} |")
    head = "| feature | what it says | from | without history | share of the gain | bytes in the store |"
    return "\n".join([head, "| --- | --- | --- | --- | ---: | ---: |", *rows])


def _gain(name: str) -> str:
    if name not in MODEL_FEATURES:
        return "no new model takes it"
    gain = MEASURED["gain"].get(name)
    return "not measured" if gain is None else f"{gain:.1%}"


def _bytes(name: str) -> str:
    if name not in names((*STREAM_FEATURES, *NIGHTLY_FEATURES)):
        return "none"
    taken = MEASURED["bytes"].get(name)
    return "not measured" if taken is None else f"{taken:,.0f}"


def worth_table() -> str:
    """What every window and habit was worth: what a model loses that lacks its features and what is derived of them."""
    every: tuple[Window | Habit | Risk, ...] = (*CATALOGUE.windows, *CATALOGUE.habits, *CATALOGUE.risks)
    told = (
        f"Measured on {MEASURED['measured']} by `{MEASURED['command']}` on {MEASURED['data']}; average precision with all: "
        f"{MEASURED['average_precision']:.4f}. Differences under .001 mean nothing."
    )
    head = "| without | average precision | recall at 0.1% false positives | a card's first fraud, at that |"
    return "\n".join([told, "", head, "| --- | ---: | ---: | ---: |", *map(_worth, every)])


def _worth(declared: Window | Habit | Risk) -> str:
    without = MEASURED["without"].get(str(declared))
    if without is None:
        measured = any(feature.model for feature in declared.features)
        return f"| {declared} | {'not measured' if measured else 'no new model takes its features'} | | |"
    shown = [without[name] for name in ("average_precision", "recall_at_fpr_0.001", "first_fraud_recall_at_fpr_0.001")]
    change = without["average_precision"] - MEASURED["average_precision"]
    return f"| {declared} | {shown[0]:.4f} ({change:+.4f}) | {shown[1]:.4f} | {shown[2]:.4f} |"


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
    DOCS / "fields-and-features.md": {"fields": fields_table, "features": features_table, "worth": worth_table},
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
