"""What a field is likely to be read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reading.proposal.profile import Profile

FILL_IN = "FILL IN"
"""Stands where nothing is likely."""


@dataclass(frozen=True)
class Guess:
    """One guess.

    Attributes:
        text: a column's name, or an expression.
        unsure: why it may be wrong; None: it is likely.
    """

    text: str
    unsure: str | None = None


NAMES: dict[str, tuple[str, ...]] = {
    "transaction_id": ("transactionid", "trans num", "transid", "txid", "txnid", "tid", "id", "ref", "reference", "num", "nr",
                       "buchungsnr"),
    "cc_num": ("cc num", "card number", "cardnumber", "pan", "kartennummer", "kartennr", "karte", "card", "customer", "kunde",
               "account", "konto", "user", "client"),
    "amount": ("amount", "amt", "betrag", "sum", "summe", "umsatz", "montant", "importe", "valor", "value", "price"),
    "merchant": ("merchant", "handler", "haendler", "shop", "store", "vendor", "payee", "terminal", "laden", "comercio"),
    "category": ("category", "kategorie", "categorie", "categoria", "mcc", "branche", "group", "warengruppe"),
    "label": ("fraud", "isfraud", "betrug", "chargeback", "fraude", "class", "label", "target"),
    "time": ("datetime", "timestamp", "time", "zeitpunkt", "zeit", "uhrzeit", "date", "datum", "day", "when", "tag", "fecha"),
    "merch_lat": ("merch lat", "lat", "latitude", "breite", "breitengrad"),
    "merch_long": ("merch long", "long", "lon", "lng", "longitude", "lange", "laenge", "langengrad"),
    "currency": ("currency", "wahrung", "waehrung", "devise", "moneda"),
    "country": ("country", "land", "pays", "pais"),
    "mcc": ("mcc",),
    "device_id": ("device",),
    "terminal_id": ("terminal",),
    "entry_mode": ("entry mode", "entrymode"),
}  # fmt: skip
"""{what is looked for: words of a column's name, the likeliest first}."""


def named(what: str, columns: Iterable[Profile]) -> list[Profile]:
    """The columns whose names have words of what is looked for, the likeliest first."""
    ranked = [(_rank(NAMES[what], column.words), column) for column in columns]
    return [column for rank, column in sorted(ranked, key=lambda pair: pair[0]) if rank < len(NAMES[what])]


def _rank(wanted: Sequence[str], words: Sequence[str]) -> int:
    name, joined = f" {' '.join(words)} ", "".join(words)
    found = [place for place, each in enumerate(wanted) if f" {each} " in name or each == joined]
    return min(found, default=len(wanted))
