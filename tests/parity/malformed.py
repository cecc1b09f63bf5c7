"""Messages that break the contract, or nearly do: by hand, and drawn by hypothesis."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.card_number_cases import CASES

GOOD = {
    "transaction_id": '"ID"',
    "cc_num": '"0123456789abcdef0123456789abcdef"',
    "amount": '"12.34"',
    "event_time": '"2026-01-31T12:00:00.000Z"',
    "merchant": '"Kub and Mann"',
    "category": '"misc_net"',
    "merch_lat": "36.011293",
    "merch_long": "-82.048315",
}
"""The contract's fields and a valid JSON text for each. ID stands for the message's own transaction_id."""

OPTIONAL = {
    "entry_mode": '"chip"',
    "currency": '"EUR"',
    "country": '"FR"',
    "mcc": '"5411"',
    "device_id": '"a device"',
    "terminal_id": '"t-7"',
}
"""The same for the fields that may be missing."""

# JSON texts, valid or not, to put in the place of a field's value.
VALUES = (
    "null", "true", "false", "0", "-0", "-1", "1", "12", "12.3", "12.34", "12.345", "1e2", "1E5", "1.2e1", "-0.0",
    "00012", "012", ".5", "5.", "+5", "NaN", "Infinity", "-Infinity", "nan", "1e400", "1e-400",
    "1e99999999999999999999", "9" * 400, "9" * 5000, "0." + "1" * 500, "90", "90.0",
    "90.00000000000000000000000000001", "-90.0000001", "180", "180.0", "-180.00001", "91", "181", "5e-324", "1e-05",
    "8.9E+1", "999999.99", "1000000", "1000000.00", '"999999.99"', '"1000000.00"', '"0.01"', '"0.00"', '"0"',
    '"-1.00"', '"1,000.00"', '"12.345"', '"1e2"', '"NaN"', '"Infinity"', '""', '" "', '"   "', '"\\u0020"', '"\\t"',
    '"\\u00a0"', '"\\u2003x"', '"\u00a0"', '" x"', '"x "', "[]", "{}", "[1]", '{"amount": "1.00"}', '["12.34"]',
    '{"a": {"b": {"c": []}}}', "[" * 50 + "]" * 50, "[" * 5000 + "]" * 5000, '"4111111111111111"', "4111111111111111",
    '"4111 1111 1111 1111"', '"4111-1111-1111-1111"', '"0123456789ABCDEF0123456789ABCDEF"',
    '"0123456789abcdef0123456789abcde"', '"0123456789abcdef0123456789abcdef0"',
    '"\\u0030123456789abcdef0123456789abcdef"', "12345678901234567890123456789012",
    '"12345678901234567890123456789012"', '"0123456789abcdef0123456789abcdef\\n"', '"2026-02-29T12:00:00.000Z"',
    '"2024-02-29T12:00:00.000Z"', '"2000-02-29T00:00:00.000Z"', '"2099-12-31T23:59:59.999Z"',
    '"0001-01-01T00:00:00.000Z"', '"9999-12-31T23:59:59.999Z"', '"1999-12-31T23:59:59.999Z"',
    '"2026-13-01T00:00:00.000Z"', '"2026-04-31T00:00:00.000Z"', '"2026-01-31T24:00:00.000Z"',
    '"2026-01-31T23:59:60.000Z"', '"2026-01-31T23:59:61.000Z"', '"2026-01-31 12:00:00.000Z"', '"2026-01-31T12:00:00Z"',
    '"2026-01-31T12:00:00.000+00:00"', '"2026-01-31T12:00:00.000z"', '"٢٠٢٦-01-31T12:00:00.000Z"', "1769860800000",
    '"x"', '"é"', '"\\u00e9"', '"\\u00E9t\\u00e9"', '"😀"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83dx"',
    '"\\/"', '"\\\\"', '"\\""', '"a\\"b"', '"a\\\\"', '"a\\qb"', '"\\u12"', '"a\tb"', '"a\nb"', '"a\x00b"',
    '"a\\u0000b"', '"a\x7fb"', '"\ufffd"', '"\ufeffx"', '"' + "x" * 100 + '"', '"' + "x" * 101 + '"',
    '"' + "😀" * 100 + '"', '"' + "\\ud83d\\ude00" * 100 + '"', '"' + "\\ud83d\\ude00" * 101 + '"',
    '"\\"amount\\": \\"9.99\\""', "'x'", "x", "", "12.34 56", '"unclosed', "undefined", "/* */ 1", '"EUR"', '"EURO"', '"eur"',
    '"\\u0045UR"', '"EU"', '"0742"', '"074"', '"chip"', '"chip_2"', '"c"', '"' + "c" * 30 + '"', '"' + "c" * 31 + '"', "742",
    '"EUR\\n"', '"4111111111111111 "',
)  # fmt: skip


def written(fields: dict[str, str], between: str = ", ") -> str:
    """A JSON object of keys and JSON texts."""
    return "{" + between.join(f'"{key}": {value}' for key, value in fields.items()) + "}"


def handmade() -> list[bytes]:
    """Each field with each value, each field missing, and what can be wrong with a whole message."""
    good = written(GOOD)
    without = [written({key: value for key, value in GOOD.items() if key != field}) for field in GOOD]
    replaced = [written(GOOD | {field: value}) for field in (*GOOD, *OPTIONAL) for value in VALUES]
    replaced += [written(GOOD | OPTIONAL | {field: value}) for field in OPTIONAL for value in VALUES]
    extra = [written(GOOD | {"note": value}) for value in VALUES]
    numbers = [
        written(GOOD | {field: value})
        for field in ("merchant", "category", "note", "device_id")
        for value in _card_numbers()
    ]
    numbers += [written(GOOD | {"transaction_id": value}) for value in _card_numbers()]
    full = written(GOOD | OPTIONAL)
    twice = [full[:-1] + f', "{field}": {value}}}' for field, value in (GOOD | OPTIONAL).items()]
    twice += [full[:-1] + f', "{field}": null}}' for field in OPTIONAL]
    twice += [
        full,
        written(GOOD | OPTIONAL, ",\n"),
        full.replace(": ", " :\n\t"),
        written(dict(reversed((GOOD | OPTIONAL).items()))),
    ]
    twice += [full.replace('"mcc"', '"m\\u0063c"'), full.replace('"mcc"', '"MCC"'), good[:-1] + ', "mcc": null}']
    whole = [
        "", " ", "null", "true", "1", '"text"', "[]", "{}", "[" + good + "]", good + good, good + " x", good + "}",
        good[:-1], good[1:], "\ufeff" + good, " " + good, "\n\t " + good + " \r\n", good + "\x00",
        good.replace(":", "="), good.replace('"', "'"), good.replace(",", ";"), good[:-1] + ",}", "{," + good[1:],
        good.replace(", ", ",,", 1), good.replace(": ", " :\n\t"), written(GOOD, between=","),
        written(dict(reversed(GOOD.items()))), good.replace('"amount"', '"Amount"'),
        good.replace('"amount"', '"amoun\\u0074"'), good.replace('"amount"', "amount"), good[:-1] + ', "x\\u0061": 1}',
        good[:-1] + ', "": 1}', good[:-1] + ', "é": null}', good[:-1] + ', "note": "4111111111111111"}',
        good[:-1] + ', "note": "' + "x" * 999_000 + '"}', good[:-1] + ', "note": "' + "x" * 16_000 + '"}',
        good[:-1] + ', "note": "' + "é" * 16_000 + '"}', good[:-1] + " " * 16_384 + "}",
        good[:-1] + "".join(f', "k{number}": {number}' for number in range(1000)) + "}",
        '{"a":' * 3000 + "1" + "}" * 3000, "[" * 100_000, "{" * 16_000, '"' * 16_000, "\\" * 16_000,
        "{" + '"a":1,' * 2700,
    ]  # fmt: skip
    texts = [text.encode() for text in [*without, *replaced, *extra, *numbers, *twice, *whole]]
    raw = good.encode()
    not_text = [
        b"\xff\xfe",
        b"\x00" * 100,
        raw.replace(b"Kub", b"K\xe9b"),
        raw.replace(b"Kub", b"\xed\xa0\x80"),
        raw + b"\xc0\x80",
    ]
    not_text += [raw.replace(b"Kub", bytes([first, 0x80])) for first in (0xC0, 0xC1, 0xE0, 0xF5, 0xFF)]
    not_text += [good.encode("utf-16"), good.encode("utf-32-le"), raw.replace(b"Kub", b"\xf4\x90\x80\x80")]
    return texts + not_text


def _card_numbers() -> list[str]:
    """JSON texts that hold a card number, and what looks like one and is none."""
    texts = [text for kinds in CASES.values() for text in kinds.values()]
    return list(
        dict.fromkeys(json.dumps(text, ensure_ascii=ascii_only) for text in texts for ascii_only in (True, False))
    )


def drawn(count: int) -> list[bytes]:
    """Messages that hypothesis makes of the good one; the same ones each time."""
    texts: list[bytes] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(_messages())
    def collect(text: bytes) -> None:
        texts.append(text)

    collect()
    return texts


@st.composite
def _messages(draw: Callable) -> bytes:
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=120),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    besides = draw(st.lists(st.sampled_from(list(OPTIONAL.items())), max_size=6, unique=True))
    fields = dict(draw(st.permutations([*GOOD.items(), *besides])))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        fields[draw(st.sampled_from([*GOOD, *OPTIONAL]))] = json.dumps(
            draw(json_values), ensure_ascii=draw(st.booleans())
        )
    elif kind == 1:
        key = json.dumps(draw(st.text(max_size=8)), ensure_ascii=draw(st.booleans()))[1:-1]
        fields[key] = json.dumps(draw(json_values), ensure_ascii=draw(st.booleans()))
    text = bytearray(written(fields, draw(st.sampled_from((",", ", ", " ,\n")))).encode(errors="surrogatepass"))
    if kind == 2:
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, len(text) - 1))
            text[at : at + draw(st.integers(0, 2))] = draw(
                st.binary(max_size=2) | st.sampled_from((b'"', b"\\", b",", b"}", b" "))
            )
    return bytes(text)
