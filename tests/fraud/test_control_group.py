"""The control group's draw."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fraud.control_group import drawn

CARD = "0123456789abcdef0123456789abcdef"
IDS = [f"t{number}" for number in range(100_000)]


@pytest.mark.parametrize("percent", [0.1, 1, 10])
def test_it_is_the_share_that_is_set(percent: float) -> None:
    expected = len(IDS) * percent / 100
    found = sum(drawn(each, CARD, percent) for each in IDS)
    assert abs(found - expected) < 4 * expected**0.5


def test_a_larger_share_holds_all_of_a_smaller_one() -> None:
    shares = [{each for each in IDS[:20_000] if drawn(each, CARD, percent)} for percent in (0, 0.5, 5, 10)]
    assert all(small < large for small, large in pairwise(shares))
    assert shares[0] == set()


def test_who_does_not_know_the_cards_token_cannot_choose_an_id() -> None:
    mine, other = ({each for each in IDS if drawn(each, card, 1)} for card in (CARD, CARD[::-1]))
    assert len(mine & other) < 40  # by chance 10


def test_it_is_the_same_in_every_release() -> None:
    """A decision made again years later draws as the one that was recorded."""
    assert [each for each in IDS[:300] if drawn(each, CARD, 1)] == ["t56", "t129", "t272"]
