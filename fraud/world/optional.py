"""The fields of a made-up transaction that real ones may lack: how the card was read, currency, country, code, device, terminal.

A thief's purchase differs from the holder's as little as in life: he taps or types in what he stole, now and then swipes a copied
stripe, and mostly has a device of his own; but holders buy new telephones, travel, and swipe too.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fraud.world.categories import CATEGORIES, NAMES
from fraud.world.draws import Ints
from fraud.world.rows import Rows

CODES = {
    "entertainment": ("7832", "7922", "7999"), "food_dining": ("5812", "5814", "5813"), "gas_transport": ("5541", "4111", "4121"),
    "grocery_net": ("5411", "5499"), "grocery_pos": ("5411", "5499", "5422"), "health_fitness": ("7997", "5912", "8011"),
    "home": ("5200", "5712", "5719"), "kids_pets": ("5641", "5995", "5945"), "misc_net": ("5969", "5999", "4816"),
    "misc_pos": ("5999", "5943", "5994"), "personal_care": ("7230", "5977", "7298"), "shopping_net": ("5964", "5311", "5732"),
    "shopping_pos": ("5311", "5651", "5732"), "travel": ("4722", "4511", "7011"),
}  # fmt: skip
"""The merchant category codes (ISO 18245) that merchants of a category have."""
PLACES = (("US", "USD"), ("CA", "CAD"), ("GB", "GBP"), ("DE", "EUR"), ("IE", "EUR"))
"""Where online shops are, and what they are paid in. All others are in the first."""
_CURRENCIES = tuple(dict.fromkeys(currency for _, currency in PLACES))
_CURRENCY_OF_PLACE = np.array([_CURRENCIES.index(currency) for _, currency in PLACES])
_ABROAD = 0.12
READ = ("chip", "contactless", "magnetic_stripe", "manual")
_HONESTLY, _BY_THIEVES = (0.56, 0.385, 0.045, 0.01), (0.42, 0.46, 0.10, 0.02)
"""How cards are read in shops, in the order of READ."""
_TERMINALS = 3
_DEVICES = 2
_OWN_DEVICE = 0.85
"""Of the online incidents, those in which the thief has a device of his own."""
_NEW_DEVICE = 0.01
"""Of the holders' online purchases, those on a device that is never seen again."""
_LETTERS = np.array(list("abcdefghijklmnop"))

_ONLINE = np.array([category.online for category in CATEGORIES])
_CODES = tuple(dict.fromkeys(code for codes in CODES.values() for code in codes))


def optional_columns(rng: np.random.Generator, rows: Rows, branches: int) -> dict[str, pa.Array]:
    """The columns of n transactions, in their order; null where a transaction has none.

    Args:
        rows: by time.
        branches: how many the world's merchants have.
    """
    online, fraud = _ONLINE[rows.category], rows.pattern > 0
    abroad = np.where(rng.random(branches) < _ABROAD, rng.integers(1, len(PLACES), branches), 0)
    place = np.where(online, abroad[rows.branch], 0)
    device = _devices(rng, rows, fraud)
    terminal = rows.branch * _TERMINALS + rng.integers(0, _TERMINALS, rows.size)
    return {
        "entry_mode": _texts(_entry_modes(rng, online, fraud), ("online", *READ)),
        "currency": _texts(_CURRENCY_OF_PLACE[place], _CURRENCIES),
        "country": _texts(place, [country for country, _ in PLACES]),
        "mcc": _texts(_codes(rng, rows, branches), _CODES),
        "device_id": _named("d", device, ~online),
        "terminal_id": _named("t", terminal, online),
    }


def _entry_modes(rng: np.random.Generator, online: np.ndarray, fraud: np.ndarray) -> Ints:
    drawn = rng.random(online.size)
    honest, thieves = (np.searchsorted(np.cumsum(shares)[:-1], drawn) for shares in (_HONESTLY, _BY_THIEVES))
    return np.where(online, 0, 1 + np.where(fraud, thieves, honest))


def _codes(rng: np.random.Generator, rows: Rows, branches: int) -> Ints:
    choice = rng.integers(0, 60, branches)[rows.branch]  # 60 divides by as many codes as any category has
    table = np.array([[_CODES.index(CODES[name][place % len(CODES[name])]) for place in range(60)] for name in NAMES])
    return np.asarray(table[rows.category, choice])


def _devices(rng: np.random.Generator, rows: Rows, fraud: np.ndarray) -> Ints:
    """A number for each row's device, were it bought online."""
    own = rows.card.astype(np.int64) * _DEVICES + (rng.random(rows.size) < 0.2)
    cards = int(rows.card.max()) + 1 if rows.size else 0
    # an incident is a card's run of one pattern within a few days
    incident = rows.card.astype(np.int64) * 64 + rows.pattern * 4 + rows.time_ms // (7 * 86_400_000) % 4
    with_own = rng.random(cards * 64 + 64)[incident] < _OWN_DEVICE
    strange = fraud & with_own
    new = ~fraud & (rng.random(rows.size) < _NEW_DEVICE)
    first = cards * _DEVICES
    return np.where(strange, first + incident, np.where(new, first + cards * 64 + 64 + np.arange(rows.size), own))


def _texts(codes: Ints, values: list[str] | tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(list(values), pa.string()))


def _named(letter: str, numbers: Ints, missing: np.ndarray) -> pa.Array:
    """A name of letters alone for each number, so that none looks like a card number; null where it is missing."""
    distinct, places = np.unique(numbers, return_inverse=True)
    digits = (distinct[:, None] >> np.arange(36, -1, -4)) & 15
    names = _LETTERS[digits].view(f"<U{digits.shape[1]}").ravel() if distinct.size else np.array([], dtype=str)
    values = pa.array([f"{letter}-{name}" for name in names.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32), mask=missing), values)
