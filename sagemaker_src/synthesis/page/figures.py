"""The numbers of `quality.json` on the page, each with its exact value and where it stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

FORMS = {"plain": "{:.3f}", "fine": "{:.4f}", "gain": "{:+.4f}", "count": "{:,}", "share": "{:.1%}"}
"""{name: how a number is shown}."""


class Figures:
    """Numbers by their place in `quality.json`.

    Args:
        quality: as it was written or made; any part of it may be missing.
    """

    def __init__(self, quality: Mapping[str, Any]) -> None:
        self._quality = quality

    def get(self, place: str, default: Any = None) -> Any:
        """What stands at a place; the default where a part of it is missing or None.

        >>> Figures({"verdict": {"limits": [{"value": 2}]}}).get("verdict.limits.0.value")
        2
        """
        found: Any = self._quality
        for part in place.split("."):
            if isinstance(found, Mapping):
                found = found.get(part)
            elif (
                isinstance(found, Sequence) and not isinstance(found, str) and part.isdigit() and int(part) < len(found)
            ):
                found = found[int(part)]
            else:
                return default
        return default if found is None else found

    def number(self, place: str, form: str = "plain") -> Markup:
        """The number at a place, as text in a `<data>` with the exact value; "not measured" where there is none.

        >>> Figures({"privacy": {"membership_auc": 0.51234}}).number("privacy.membership_auc")
        Markup('<data data-of="privacy.membership_auc" value="0.51234">0.512</data>')
        """
        value = self.get(place)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Markup('<span class="none" data-of="{}">not measured</span>').format(place)
        return Markup('<data data-of="{}" value="{}">{}</data>').format(place, repr(value), shown(value, form))


def shown(value: float, form: str = "plain") -> str:
    """A number as text; a whole one without decimals where it is a count.

    >>> shown(1234, "count"), shown(0.12345), shown(-0.001, "gain"), shown(2e9)
    ('1,234', '0.123', '-0.0010', '2e+09')
    """
    if form != "count" and abs(value) >= 1e6:
        return f"{value:.3g}"
    return FORMS[form].format(int(value) if form == "count" and float(value).is_integer() else value)
