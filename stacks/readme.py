"""The README's tables, from the code that knows them:

python -m stacks.readme
"""

from __future__ import annotations

import sys
from pathlib import Path

from stacks import costs
from stacks.settings import Settings, allowed, read_settings

README = Path(__file__).resolve().parent.parent / "README.md"


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


def with_tables(readme: str) -> str:
    """The README with each table between its marks.

    Raises:
        ValueError: a mark is missing.
    """
    for name, table in (("settings", settings_table()), ("costs", costs.tables())):
        before, _, rest = readme.partition(f"<!-- {name} -->")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not end:
            raise ValueError(f"README.md: no <!-- {name} --> ... <!-- /{name} -->")
        readme = f"{before}<!-- {name} -->\n{table}\n{end}{after}"
    return readme


def main() -> int:
    """Writes the tables anew."""
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {README}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
