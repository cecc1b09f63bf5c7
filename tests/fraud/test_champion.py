"""Which approved model is the champion, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fraud.champion import Approved, champion
from fraud.model_input import ModelInput
from fraud.vector import FEATURE_NAMES, declared_input, uncomputed

FITS, TAKES_MORE, GONE = (
    {},
    {"uncomputed": ("x", "y")},
    {"problem": "has an archive that cannot be read: s3://m/8: NoSuchKey"},
)
MORE = "takes features that this release does not compute: x, y"


def model(number: int, of: dict, *, serves: bool = False) -> Approved:
    return Approved(f"v{number}", serves=serves, **of)


@pytest.mark.parametrize(
    ("approved", "sentence"),
    [
        ([model(8, FITS), model(7, FITS)], "model v8 serves: it is the newest approved"),
        ([model(8, FITS), model(7, FITS, serves=True)], "model v8 serves: it is the newest approved"),
        # a release that is rolled back
        ([model(8, TAKES_MORE, serves=True), model(7, FITS)], f"model v7 serves: v8, the newest approved, {MORE}"),
        (
            [model(9, GONE), model(8, TAKES_MORE, serves=True), model(7, FITS)],
            f"model v7 serves: v9, the newest approved, {GONE['problem']}; v8 {MORE}",
        ),
        # no other would be better
        (
            [model(8, TAKES_MORE), model(7, TAKES_MORE, serves=True)],
            "model v7 serves: this release computes all features of no approved model, so the one that serves stays; "
            f"v8, the newest approved, {MORE}; v7 {MORE}",
        ),
        # the first model knows nothing, and serves
        (
            [model(9, GONE), model(8, TAKES_MORE), model(7, TAKES_MORE)],
            "model v8 serves: this release computes all features of no approved model, so the newest is taken; "
            f"v9, the newest approved, {GONE['problem']}; v8 {MORE}; v7 {MORE}",
        ),
        (
            [model(8, GONE)],
            f"what serves stays: no approved model can be served; v8, the newest approved, {GONE['problem']}",
        ),
        ([], "what serves stays: no model is approved"),
    ],
)
def test_the_newest_that_fits_serves_and_a_sentence_says_why(approved: list[Approved], sentence: str) -> None:
    assert champion(approved).sentence == sentence


def test_no_model_is_looked_at_that_need_not_be() -> None:
    def approved() -> Iterator[Approved]:
        yield model(8, TAKES_MORE)
        yield model(7, FITS)
        raise AssertionError("an archive more was read")

    assert champion(approved()).model == model(7, FITS)


def test_what_this_release_does_not_compute_is_what_it_would_leave_missing() -> None:
    declared = declared_input({})
    assert uncomputed(declared) == ()
    assert uncomputed(ModelInput((*declared.names[::-1], "shoe_size"), declared.categories)) == ("shoe_size",)
    # text to the one, a number to the other
    assert "amount" in FEATURE_NAMES
    assert uncomputed(ModelInput(("amount", "category"), {"amount": ("9.99",)})) == ("amount", "category")
