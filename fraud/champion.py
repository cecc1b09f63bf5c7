"""Which of the approved models is the champion: the one that serves, and that a candidate is compared with.

Models and releases come and go each on its own. A release that is deployed again after a later one computes fewer features than
the newest model may take; then the model before it, which was made for them, is the better one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Approved(NamedTuple):
    """A model that may serve.

    Attributes:
        name: as `v7`.
        serves: whether it does.
        uncomputed: the features that it takes and this release does not compute.
        problem: why it cannot be served at all, as the rest of a sentence that begins with its name; empty if it can.
    """

    name: str
    serves: bool = False
    uncomputed: tuple[str, ...] = ()
    problem: str = ""


class Champion(NamedTuple):
    """The champion, None if no model can be it, and why."""

    model: Approved | None
    why: str

    @property
    def sentence(self) -> str:
        """Which model serves and why, for people."""
        return f"model {self.model.name} serves: {self.why}" if self.model else f"what serves stays: {self.why}"


def champion(approved: Iterable[Approved]) -> Champion:
    """The newest model that this release gives all that it takes.

    If there is none, the one that serves stays, for another would be no better; and if none of them serves, it is the newest,
    which knows more than the fallback rule.

    Args:
        approved: the newest first; those after the champion are not looked at.

    >>> newest, before = Approved("v8", serves=True, uncomputed=("x", "y")), Approved("v7")
    >>> champion([newest, before]).sentence
    'model v7 serves: v8, the newest approved, takes features that this release does not compute: x, y'
    >>> champion([before]).sentence
    'model v7 serves: it is the newest approved'
    """
    passed_over: list[Approved] = []
    for model in approved:
        if not (model.uncomputed or model.problem):
            return Champion(model, _reasons(passed_over) if passed_over else "it is the newest approved")
        passed_over.append(model)
    if not passed_over:
        return Champion(None, "no model is approved")
    possible = [model for model in passed_over if not model.problem]
    if not possible:
        return Champion(None, f"no approved model can be served; {_reasons(passed_over)}")
    kept = next((model for model in possible if model.serves), None)
    which = "the one that serves stays" if kept else "the newest is taken"
    return Champion(
        kept or possible[0],
        f"this release computes all features of no approved model, so {which}; {_reasons(passed_over)}",
    )


def _reasons(passed_over: list[Approved]) -> str:
    """Why each was skipped, the newest first."""
    names = [f"{passed_over[0].name}, the newest approved,", *(model.name for model in passed_over[1:])]
    return "; ".join(
        f"{name} {model.problem or _takes(model.uncomputed)}" for name, model in zip(names, passed_over, strict=True)
    )


def _takes(uncomputed: tuple[str, ...]) -> str:
    return f"takes features that this release does not compute: {', '.join(uncomputed)}"
