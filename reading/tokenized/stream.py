"""What is made of a checked file: its bytes with tokens in place of card numbers, as they are sent."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from reading.errors import BadInputError
from reading.tokenized.cards import Cards
from reading.tokenized.checked import CheckedFile
from reading.tokenized.delimited import Delimited, tokenized_rows
from reading.tokenized.json_lines import tokenized_lines
from reading.tokenized.packed import BLOCK, packed, unpacked
from reading.tokenized.parquet import tokenized_parquet


def tokenized(
    checked: CheckedFile, file: BinaryIO, cards: Cards, told: Callable[[int], None] = lambda _: None
) -> Iterator[bytes]:
    """The file with tokens, in blocks; the same file and key give the same bytes.

    Args:
        checked: what it is.
        file: the open file.
        cards: makes the tokens, and counts.
        told: is told how many of the file's bytes were read.

    Raises:
        BadInputError: it cannot be read any more as it could when it was checked.
    """
    with unpacked(checked.path, file, checked.packing) as content:
        if checked.form == "parquet":
            made = tokenized_parquet(checked.path, content, checked.card, cards)
        elif checked.form == "jsonl":
            made = tokenized_lines(_text(checked, content), checked.card, cards)
        else:
            card = None if checked.card is None else checked.names.index(checked.card)
            made = tokenized_rows(_text(checked, content), Delimited(checked.names, checked.delimiter, card), cards)
        for block in made if checked.packing == "none" else packed(made):
            told(min(file.tell(), checked.identity.size))
            yield block


def _text(checked: CheckedFile, content: BinaryIO) -> Iterator[bytes]:
    """The text in UTF-8, each line ended by a line feed."""
    if checked.text is None or checked.as_it_is:
        yield from iter(lambda: content.read(BLOCK), b"")
        return
    content.seek(checked.text.mark)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(checked.text.codec)(), translate=True)
    try:
        for block in iter(lambda: content.read(BLOCK), b""):
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{checked.path}: was changed while it was read") from error
