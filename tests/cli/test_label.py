"""`fraud label`: what is put on the bus, what is refused with its row, and what is said of transactions that nobody knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import boto3
import pytest
from moto import mock_aws

from cli import applications
from cli.label import SourceOption, known_ms_text
from fraud.label import FIELDS, Label, Source, parse_label
from fraud.notation import iso_moment_ms
from lambda_src.ports.decision_table import DecisionTable
from tests.card_number_cases import SPELLINGS, readable
from tests.cli.person_files import fraud
from tests.cli.standing_application import decision

HEADER = "transaction_id,is_fraud,known_at,source,reported_by\n"
OUTPUTS = {"CardFraud-Dev-Streaming": {"EventBus": "decided", "DecisionsTable": "decisions"}}


class Account:
    """What stands, and the labels that were put on its bus."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []
        self.refuse: set[str] = set()
        self.dynamodb = self.client("dynamodb")
        self.dynamodb.create_table(
            TableName="decisions",
            KeySchema=[{"AttributeName": "transaction_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "transaction_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        DecisionTable(self.dynamodb, "decisions").record([decision(number) for number in range(1, 40)])
        self.client("events").create_event_bus(Name="decided")

    def client(self, service: str, **options: Any) -> Any:
        made = boto3.client(service, region_name="us-east-1", **options)
        if service == "events":
            real = made.put_events

            def put(Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - boto's name
                refused = [json.loads(each["Detail"])["transaction_id"] in self.refuse for each in Entries]
                self.put += [each for each, no in zip(Entries, refused, strict=True) if not no]
                answer = real(Entries=Entries)
                answer["Entries"] = [{"ErrorCode": "Throttled"} if no else {} for no in refused]
                return answer

            made.put_events = put
        return made

    @property
    def labels(self) -> list[Label]:
        assert {each["DetailType"] for each in self.put} <= {"transaction labelled"}
        return [parse_label(each["Detail"].encode()) for each in self.put]


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        made = Account()
        monkeypatch.setattr(applications, "outputs", lambda _, stack: OUTPUTS[stack])
        monkeypatch.setattr(applications, "in_use", lambda: SimpleNamespace(client=made.client))
        yield made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *options: fraud(monkeypatch, capsys, "label", *map(str, options))


def test_a_file_of_labels_is_on_the_bus(standing: Account, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    rows = [f"t{number:03},{number % 2},2026-01-02T09:00:00Z,chargeback,issuer 7\n" for number in range(1, 30)]
    file.write_text(HEADER + "".join(rows))
    status, said = run("--file", file)
    assert status == 0
    assert [each.transaction_id for each in standing.labels] == [f"t{number:03}" for number in range(1, 30)]
    assert [each.is_fraud for each in standing.labels] == [number % 2 == 1 for number in range(1, 30)]
    assert {(each.source, each.reported_by) for each in standing.labels} == {("chargeback", "issuer 7")}
    assert "29 labels sent to the application that `fraud up` left standing" in said
    assert "unknown" not in said


def test_json_lines_and_options_for_what_no_row_says(standing: Account, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    lines = [
        {"transaction_id": "t001", "is_fraud": True},
        {"transaction_id": "t002", "is_fraud": False, "source": "dispute"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    given = ("--by", "ann", "--source", "analyst", "--known-at", "2026-01-02T10:00:00+01:00")
    assert run("--file", file, *given)[0] == 0
    first, second = standing.labels
    assert json.loads(first.to_json()) == {
        "transaction_id": "t001", "is_fraud": True, "source": "analyst", "reported_by": "ann",
        "known_at": "2026-01-02T09:00:00.000Z",
    }  # fmt: skip
    assert (second.source, second.is_fraud) == ("dispute", False)


def test_rows_that_are_no_labels_are_refused_with_their_number_and_keep_no_other(
    standing: Account, run: Any, tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        HEADER
        + "t001,fraud,2026-01-02,,\n"
        + "t002,maybe,2026-01-02,,\n"
        + "t003,1\n"
        + "t004,1,yesterday,,\n"
        + "t005,1,2098-01-02,,\n"
        + "t006,legitimate,,rumour,\n"
        + ",1,,,\n"
        + "t007,LEGITIMATE,,,bo\n"
    )
    status, said = run("--file", file, "--by", "ann")
    assert status == 1
    assert [(each.transaction_id, each.is_fraud, each.reported_by) for each in standing.labels] == [
        ("t001", True, "ann"), ("t007", False, "bo"),
    ]  # fmt: skip
    for line in (
        r"row 2: is_fraud: 'maybe'; allowed: true, false, 1, 0, fraud or legitimate",
        r"row 3: 2 values; allowed: 5, as the header has",
        r"row 4: known_at: no moment; allowed: a date",
        r"row 5: known_at: in the future",
        r"row 6: source: 'rumour'.*; allowed: analyst, chargeback, dispute, import",
        r"row 7: transaction_id: ''",
        r"2 labels sent",
        r"6 of 8 rows refused",
    ):
        assert re.search(line, said), (line, said)


def test_labels_of_unknown_transactions_are_sent_and_reported(standing: Account, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("transaction_id,is_fraud\nt001,1\nelsewhere-1,1\nelsewhere-1,0\n")
    status, said = run("--file", file, "--by", "ann")
    assert status == 0
    assert [each.transaction_id for each in standing.labels] == ["t001", "elsewhere-1", "elsewhere-1"]
    assert "1 unknown transaction, labelled all the same: elsewhere-1" in said
    assert "1 transaction is labelled both ways at one moment; which label is later only known_at can say" in said
    assert "place: elsewhere-1" in said


def test_labels_of_different_moments_contradict_nothing(standing: Account, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("transaction_id,is_fraud,known_at\nt001,1,2026-01-01\nt001,0,2026-01-02\nt001,0,2026-01-02\n")
    status, said = run("--file", file, "--by", "ann")
    assert (status, len(standing.labels)) == (0, 3)
    assert "both ways" not in said


def test_what_was_sent_as_json(
    standing: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("transaction_id,is_fraud\nt001,1\nelsewhere-1,1\nt002,x\n")
    status, _ = fraud(monkeypatch, capsys, "label", "--file", str(file), "--by", "ann", "--json")
    assert status == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("transaction,is_fraud\nt1,1\n", "lacks transaction_id; it has .*; allowed: transaction_id, is_fraud"),
        ("transaction_id,is_fraud,amount\nt1,1,5\n", "'amount' is no column of a label"),
        ("transaction_id,is_fraud,is_fraud\nt1,1,1\n", "the column 'is_fraud' is there twice"),
        ("transaction_id,is_fraud\nt1,1\n", "no column reported_by, and no --by"),
        ("", "is empty; allowed: transaction_id, is_fraud"),
        ("\n\n", "is empty; allowed: transaction_id, is_fraud"),
        ("transaction_id;is_fraud\nt1;1\n", "parts its columns by ';', not by commas; it has .*; allowed: "),
        ("transaction_id\tis_fraud\nt1\t1\n", r"parts its columns by '\\t', not by commas"),
        ('{"transaction_id": "t1"}\n', "lacks is_fraud"),
        ("{]\n", "row 1: message: "),
        ('transaction_id,is_fraud,reported_by\nt1,1,a\nt2,1,"b\n', "no CSV: "),
        ("transaction_id,is_fraud,reported_by\nt1,1,caf\xe9\n", "not UTF-8 at byte"),
    ],
)
def test_a_file_that_is_none_of_labels_is_refused_before_anything_is_sent(
    content: str, says: str, standing: Account, run: Any, tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(content, encoding="latin-1")
    status, said = run("--file", file)
    assert status == 2
    assert re.search(says, said), said
    assert standing.put == []


def test_one_transaction(standing: Account, run: Any) -> None:
    assert run("t001", "--legitimate", "--by", "ann")[0] == 0
    [one] = standing.labels
    assert (one.transaction_id, one.is_fraud, one.source, one.reported_by) == ("t001", False, "analyst", "ann")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "give the id of one transaction, or --file; not both"),
        (("t001", "--file", "x.csv"), "not both"),
        (("t001", "--by", "ann"), "say --fraud or --legitimate"),
        (("t001", "--fraud"), "--by who says it"),
        (("--file", "x.csv", "--fraud"), "only with the id of one transaction"),
        (("--file", "there-is-none.csv"), "cannot be read"),
        (("t 1", "--fraud", "--by", "ann"), "transaction_id: 't 1'"),
        (("t001", "--fraud", "--by", "ann", "--known-at", "2026"), "--known-at"),
        (("t001", "--fraud", "--by", "ann", "--known-at", "2098-01-01"), "known_at: in the future"),
    ],
)
def test_wrong_options_send_nothing(options: tuple[str, ...], says: str, standing: Account, run: Any) -> None:
    status, said = run(*options)
    assert status == 2
    assert says in said
    assert standing.put == []


def test_a_bus_that_goes_on_refusing_ends_it_with_what_was_sent(
    standing: Account, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    standing.refuse = {"t002"}
    file = tmp_path / "labels.csv"
    file.write_text("transaction_id,is_fraud\nt001,1\nt002,1\n")
    status, said = run("--file", file, "--by", "ann", "--known-at", "2026-01-02")
    assert status == 1
    assert "decided: 1 labels refused: Throttled" in said
    assert "--known-at 2026-01-02T00:00:00.000Z" in said


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_card_number_is_nowhere(kind: str, standing: Account, run: Any, tmp_path: Path) -> None:
    spelt = SPELLINGS[kind]
    file = tmp_path / "labels.jsonl"
    good = {
        "transaction_id": "t001",
        "is_fraud": True,
        "source": "analyst",
        "reported_by": "ann",
        "known_at": "2026-01-02",
    }
    wrong = [good | {name: spelt} for name in FIELDS] + [good | {spelt: 1}]
    file.write_text("\n".join(map(json.dumps, [good, *wrong])))
    status, said = run("--file", file)
    assert status == 1
    assert len(standing.put) == 1
    assert f"{len(wrong)} of {len(wrong) + 1} rows refused" in said
    file.write_text(f"transaction_id,is_fraud,{json.dumps(spelt)}\n")
    assert run("--file", file)[0] == 2
    assert not readable(said)


def test_the_options_are_the_domains() -> None:
    assert [each.value for each in SourceOption] == list(get_args(Source))
    assert iso_moment_ms(known_ms_text(1_767_225_600_123)) == 1_767_225_600_123
