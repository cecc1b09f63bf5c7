"""Patterns of AWS's service models, which are those of Java: a value fits one if it fits it whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import regex

_SUPPLEMENTARY = r"\uD800\uDC00-\uDBFF\uDFFF"
"""A range of characters beyond the first plane, as Java's strings spell them."""


@cache
def fits(pattern: str) -> Callable[[str], object] | None:
    r"""What tells whether a text fits a pattern; None for one that the models spell so that nothing could.

    >>> name = fits(r"^[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
    >>> [bool(name(text)) for text in ("main-fg", "main-fg-")]
    [True, False]
    >>> fits(r"([\p{L}]*)${1,128}") is None
    True
    """
    if "${1," in pattern:  # the end of the text, so many times
        return None
    try:
        compiled: re.Pattern[str] = regex.compile(pattern.replace(_SUPPLEMENTARY, r"\U00010000-\U0010FFFF"))
    except regex.error:
        return None
    return compiled.fullmatch
