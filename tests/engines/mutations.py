"""Bytes that go wrong in the ways that clients, files and attackers make them go wrong."""

from __future__ import annotations

from random import Random

PIECES = (
    *(
        b"",
        b",",
        b",,",
        b";",
        b'"',
        b'""',
        b"'",
        b"\\",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"\x80",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        "\u0661".encode(),
        "\u2028".encode(),
        "\u00a0".encode(),
        b"\xed\xa0\x80",
        b"\\ud800",
    ),
    *(
        b"1_000",
        b"nan",
        b"inf",
        b"-Infinity",
        b"1e999",
        b"0x1p3",
        b"-",
        b".",
        b"e",
        b"9" * 400,
        b"1" * 5_000,
        b"1e-400",
    ),
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b"[" * 2_000,
        b"[[]]",
        b"{}",
        b"null",
        b"true",
        b"NaN",
        b'"instances"',
        b'"reasons": 1e3,',
    ),
    *(
        b"(",
        b")",
        b"(" * 200,
        b"True",
        b"'<f8'",
        b"'|O'",
        b"(1, 38)",
        b"-1",
        b"1L",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x03\x00",
    ),
    *(b"=", b"q=0", b";q=0.5", b"; reasons=101", b"; reasons", b"*/*", b"*", b"%00", b"Content-Length: 3\r\n", b": "),
)


def mutated(chance: Random, text: bytes, most: int = 4) -> bytes:
    """The bytes after one to `most` changes: cut, doubled, moved, replaced, or something put in between."""
    for _ in range(chance.randint(0 if chance.random() < 0.2 else 1, most)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice((0, 1, 2, 8, 64, len(text))))
        before, part, after = text[:start], text[start:end], text[end:]
        match chance.randrange(6):
            case 0:
                text = before + after
            case 1:
                text = before + part * chance.choice((2, 3, 50)) + after
            case 2:
                text = before + chance.choice(PIECES) + after
            case 3:
                text = before + chance.choice(PIECES) + part + after
            case 4:
                text = before + bytes(byte ^ (1 << chance.randrange(8)) for byte in part[:8]) + part[8:] + after
            case 5:
                text = after + part + before
        text = text[:400_000]
    return text
