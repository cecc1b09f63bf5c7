"""New identifiers that look like the given ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fraud.card_numbers import holds_card_number

_LOOKED_AT = 5_000
_TRIES = 50


def new_ids(rng: np.random.Generator, given: Sequence[str], count: int) -> list[str]:
    """Identifiers in the shape of the given ones, none of them among those, none twice, none with a card number.

    Of the most common length; each character is one that some given identifier has at that place. Where hardly any such
    identifier is left they grow longer, up to the contract's 64 characters.

    Args:
        given: at least one.

    >>> made = new_ids(np.random.default_rng(1), ["a1-0", "b7-0", "c4-0"], 2)
    >>> [len(text) for text in made], {text[2:] for text in made}
    ([4, 4], {'-0'})
    """
    taken = set(given)
    lengths, counts = np.unique([len(text) for text in given], return_counts=True)
    length = int(lengths[np.argmax(counts)])
    of_length = [text for text in given if len(text) == length]
    looked_at = rng.choice(len(of_length), min(len(of_length), _LOOKED_AT), replace=False)
    letters = np.array([list(of_length[place]) for place in looked_at])
    made: list[str] = []
    tries = 0
    while len(made) < count:
        rows = rng.integers(0, len(letters), (count - len(made), letters.shape[1]))
        for chosen in letters[rows, np.arange(letters.shape[1])]:
            text = "".join(chosen)
            if text not in taken and not holds_card_number(text):
                taken.add(text)
                made.append(text)
        tries += 1
        if tries % _TRIES == 0 and letters.shape[1] < 64:
            letters = np.concatenate([letters, rng.permutation(letters.ravel())[: len(letters), None]], axis=1)
    return made
