"""Card numbers in the texts of a person's file, where the contract wants none."""

from __future__ import annotations

import duckdb

from fraud.card_numbers import holds_card_number
from reading.errors import BadInputError
from reading.places import Places

# which texts are worth a look: ten digits without a letter between them, another script, or escapes
DOUBTFUL = r"[0-9](?:[^0-9A-Za-z]*[0-9]){9}|[^\x01-\x7f]|[\\%&]"


def refuse_card_numbers(
    connection: duckdb.DuckDBPyConnection, places: Places, view: str, columns: tuple[str, ...]
) -> None:
    """Looks for card numbers in text columns of a view that has the column `row`.

    Raises:
        BadInputError: naming the first row that holds one, and its column; it does not repeat the text.
    """
    found = []
    for column in columns:
        doubtful = connection.execute(
            f"SELECT {column}, min(row) FROM {view} WHERE regexp_matches({column}, ?) GROUP BY 1 ORDER BY 2",
            [DOUBTFUL],
        ).fetchall()
        found += [(row, column) for text, row in doubtful if holds_card_number(text)][:1]
    if found:
        row, column = min(found)
        raise BadInputError(
            f"{places.value(row, column)}: holds a card number, or a number that cannot be told from one; allowed: "
            "text without one (an id of 12 to 19 digits may be hashed)"
        )
