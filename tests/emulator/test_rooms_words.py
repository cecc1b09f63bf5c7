"""The emulated AWS and the engines know AWS and themselves, and nothing of the application that they are for."""

from __future__ import annotations

import re

import pytest

from emulator.process import ROOT

WORDS = re.compile(
    r"""
    \bcards?\b | card[-_] | fraud | \bmerchant | \bcc_num | \bthe\ ledger | \bdecisions\b
    | ["']transactions["'] | ["']features["'] | transactions\.topic | features\.topic | stream-features | StreamJob
    | lambda_src | glue_scripts | sagemaker_src | flink_src | `(local|cli|stacks|tools)[./]
    """,
    re.VERBOSE | re.IGNORECASE,
)
AWS_OWN = re.compile(
    r"""
    (?i:fraud[ _]?detector) | FRAUD_LABEL | CARD_BIN | ONLINE_FRAUD_INSIGHTS | Online\ Fraud\ Insights | \bFRAUD\b
    """,
    re.VERBOSE,
)
"""Names of a service of AWS's, and in its API."""
ENVIRONMENTS = re.compile(r"[\"`/]\.(venv|jars)\b")
NAMING = {"emulator/process.py", "engines/installed.py"}
"""Where `make setup` has put their own environments stands in these modules alone."""


@pytest.mark.parametrize("room", ["emulator", "engines"])
def test_no_word_of_the_application_stands_in_the_room(room: str) -> None:
    found = []
    for file in sorted((ROOT / room).rglob("*.py")):
        name = str(file.relative_to(ROOT))
        for number, line in enumerate(AWS_OWN.sub("", file.read_text()).splitlines(), 1):
            words = [match[0] for match in WORDS.finditer(line)]
            words += [] if name in NAMING else [match[0] for match in ENVIRONMENTS.finditer(line)]
            found += [f"{name}:{number}: {word}" for word in words]
    assert found == []


def test_such_words_are_found() -> None:
    for line in (
        'topic = "transactions"',
        "a card's token",
        "from fraud.fields",
        "see `local.ledger`",
        "stream-features",
    ):
        assert WORDS.search(line), line
    for line in (
        "a wildcard",
        "discarded",
        "TransactWriteItems",
        "local address",
        "the group's features",
        "cli.register",
    ):
        assert not WORDS.search(line), line
