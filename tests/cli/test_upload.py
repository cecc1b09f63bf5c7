"""`fraud upload`: what lies in the bucket afterwards, what is said of it, and what is refused before a byte is sent."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.uploading import parts
from fraud.card_numbers import holds_card_number
from fraud.transaction import card_token
from reading.mapping.toml_file import SHIPPED
from tests.cli.person_files import CARD, KEY, csv, frame
from tests.cli.upload_files import BUCKET, Account, account, states, upload

TOKEN = card_token(CARD, KEY)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    monkeypatch.setattr(parts, "PAUSE_S", 0.0)
    with account(monkeypatch, tmp_path / "state") as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


class Run:
    """The command on one folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._given = monkeypatch, capsys, folder

    def __call__(self, *options: str | Path) -> tuple[int, str, str]:
        return upload(*self._given, *options)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path) -> Run:
    return Run(monkeypatch, capsys, data)


def test_files_lie_in_the_bucket_with_tokens_and_the_manifest_comes_last(aws: Account, data: Path, run: Run) -> None:
    (data / "train.csv").write_text(csv(8))
    (data / "test file+1.csv").write_text(csv(5))
    status, out, said = run()
    assert (status, out) == (0, "")
    expected = csv(8).replace(CARD, TOKEN).encode()
    assert aws.objects("input/") == {
        "input/train.csv": expected,
        "input/test file+1.csv": csv(5).replace(CARD, TOKEN).encode(),
    }
    (manifest,) = aws.manifests()
    assert manifest["columns"] == "kaggle"
    assert [(each["key"], each["rows"]) for each in manifest["files"]] == [
        ("input/test file+1.csv", 5), ("input/train.csv", 8),
    ]  # fmt: skip
    assert manifest["files"][1]["sha256"] == hashlib.sha256(expected).hexdigest()
    assert manifest["files"][1]["bytes"] == len(expected)
    assert [each["Key"].partition("/")[0] for each in aws.operations("PutObject")] == ["input", "input", "uploads"]
    assert all("ChecksumSHA256" in each for each in aws.operations("PutObject"))
    assert "To s3://raw of the application that `fraud up` left standing" in said
    assert "the crawl begins" in said
    assert not states(data.parent / "state")


def test_what_was_sent_is_told_as_json(aws: Account, data: Path, run: Run) -> None:
    (data / "train.csv").write_text(csv(8, cc_num=[CARD, TOKEN, "12345", "", *[CARD] * 4]))
    status, out, _ = run("--json")
    told = json.loads(out)
    assert status == 0
    assert told["bucket"] == BUCKET and told["manifest"].startswith("uploads/")
    (one,) = told["files"]
    assert {name: one[name] for name in ("file", "outcome", "rows", "tokens_made", "were_tokens", "no_card_numbers")} == {
        "file": "train.csv", "outcome": "sent", "rows": 8, "tokens_made": 5, "were_tokens": 1, "no_card_numbers": 1,
    }  # fmt: skip


def test_no_card_number_leaves_this_machine(aws: Account, data: Path, run: Run) -> None:
    row = f'7,"2020-01-01 10:00:00","{CARD}","x, {CARD}",c,1.00,id7,1,2,0'
    short = f"8,2020-01-01 10:00:00,c,{CARD},5555555555554445"
    (data / "a.csv").write_text(
        csv(3, merchant=f"paid with {CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]}") + f"{row}\n{short}\n"
    )
    status, _, said = run()
    assert status == 0
    (sent,) = aws.objects("input/").values()
    assert not holds_card_number(sent.decode()) and b"5555555555554445" not in sent
    assert sent.count(TOKEN.encode()) == 4
    assert "card numbers outside of their column were masked: merchant (4)" in said
    assert "1 rows have another number of values than the header" in said


def test_what_is_there_is_not_sent_again_and_starts_no_crawl(aws: Account, data: Path, run: Run) -> None:
    (data / "train.csv").write_text(csv(8))
    run()
    aws.asked.clear()
    status, _, said = run()
    assert status == 0
    assert not aws.operations("PutObject")
    assert "All of it was there already: nothing was sent, and no crawl was started" in said
    (data / "train.csv").write_text(csv(9))
    (data / "more.csv").write_text(csv(2))
    status, out, _ = run("--json")
    assert [(each["file"], each["outcome"]) for each in json.loads(out)["files"]] == [
        ("more.csv", "sent"),
        ("train.csv", "sent"),
    ]
    assert [len(each["files"]) for each in aws.manifests()] == [1, 2]


def test_what_was_worked_off_and_deleted_is_sent_again(aws: Account, data: Path, run: Run) -> None:
    (data / "train.csv").write_text(csv(8))
    run()
    aws.s3.delete_object(Bucket=BUCKET, Key="input/train.csv")
    status, out, _ = run("--json")
    assert (status, json.loads(out)["files"][0]["outcome"]) == (0, "sent")


def test_one_who_may_not_list_sends_all_the_same(aws: Account, data: Path, run: Run) -> None:
    (data / "train.csv").write_text(csv(8))

    def refuse(operation: str, _: dict[str, Any]) -> None:
        if operation == "ListObjectsV2":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    aws.refuse = refuse
    assert run()[0] == 0
    assert set(aws.objects("input/")) == {"input/train.csv"}


def test_a_file_that_fails_does_not_keep_the_others(aws: Account, data: Path, run: Run) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (data / name).write_text(csv(4))

    def refuse(operation: str, parameters: dict[str, Any]) -> None:
        if parameters.get("Key") == "input/b.csv":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)

    aws.refuse = refuse
    status, out, said = run("--json")
    assert status == 1
    assert "fraud: 1 of 3 files not sent: " in said and "AccessDenied" in said
    assert [each["outcome"] for each in json.loads(out)["files"]] == ["sent", "failed", "sent"]
    assert [each["key"] for each in aws.manifests()[0]["files"]] == ["input/a.csv", "input/c.csv"]
    aws.refuse = lambda *_: None
    assert run()[0] == 0
    assert [len(each["files"]) for each in aws.manifests()] == [2, 1]


def test_a_broken_line_is_tried_again(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_text(csv(4))
    broken = iter(
        [EndpointConnectionError(endpoint_url="x"), ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")]
    )

    def refuse(operation: str, _: dict[str, Any]) -> None:
        if operation == "PutObject" and (error := next(broken, None)):
            raise error

    aws.refuse = refuse
    assert run()[0] == 0


_ROW = "9,2020-01-01 10:00:00,4,Müller,c,1,i,1,2,0\n"
TWO_ENCODINGS = csv(3).encode() + _ROW.encode() + _ROW.encode("windows-1252")

REFUSED = {
    "a.csv": [
        (b"", "a.csv: the file is empty"),
        (csv(3).splitlines()[0].encode() + b"\n", "a.csv: a header without a row"),
        (csv(3).replace(",", "~").encode(), "a.csv: the header is one value by the delimiter"),
        (csv(3).replace("cc_num", "card").encode(), "has no column 'cc_num'"),
        (b"a,b\n1,2\n", "a.csv: none of the columns is there; needed: a header with"),
        (csv(3).partition("\n")[2].encode(), "a.csv: a card number stands where the columns' names should"),
        (TWO_ENCODINGS, "two encodings are in the file"),
        (csv(3).replace("merchant", "amt").encode(), "is there twice"),
        (b"PK\x03\x04 and so on", "a zip archive or an Excel workbook"),
        ((csv(1).splitlines()[0] + "\n" + "1,2,3\n" * 5).encode(), "no other as many as the header"),
    ],
    "a.csv.gz": [
        (gzip.compress(csv(2000).encode())[:-2000], "a.csv.gz: the gzip ends in the middle"),
        (b"\x1f\x8b" + b"x" * 100, "a.csv.gz: no gzip, or damaged"),
    ],
    "a.jsonl": [(b'{"cc_num": 1}\nno\n', "a.jsonl: line 2, row 2: no JSON object"), (b"", "a.jsonl: the file is empty")],
    "a.parquet": [(b"PAR1 and so on", "a.parquet: cannot be read as Parquet")],
    f"{CARD}.csv": [(csv(2).encode(), "a file's name holds a card number")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "sentence"), [(name, *each) for name, several in REFUSED.items() for each in several]
)
def test_a_wrong_file_is_refused_before_a_byte_of_any_is_sent(
    name: str, content: bytes, sentence: str, aws: Account, data: Path, run: Run
) -> None:
    (data / "0.csv").write_text(csv(8))
    (data / name).write_bytes(content)
    status, out, said = run()
    assert (status, out) == (2, "")
    assert sentence in said and "nothing was sent" in said
    assert not holds_card_number(said)
    assert not aws.asked


def test_each_wrong_file_has_its_sentence(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_text("")
    (data / "b.csv").write_text("x,y\n1,2\n")
    _, _, said = run()
    assert "a.csv: the file is empty" in said and "b.csv: none of the columns" in said


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (frame(3)[list(reversed(frame(3).columns))].to_csv(index=False), "the same columns in another order"),
        (frame(3, device_id="d").to_csv(index=False), "the column 'device_id' is not in both"),
    ],
)
def test_files_of_one_upload_are_alike(other: str, sentence: str, aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_text(csv(3))
    (data / "b.csv").write_text(other)
    status, _, said = run()
    assert status == 2 and sentence in said


def test_two_forms_are_refused(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_text(csv(3))
    pq.write_table(pa.Table.from_pandas(frame(3), preserve_index=False), data / "b.parquet")
    status, _, said = run()
    assert status == 2 and "b.parquet: of another form than a.csv" in said


def test_a_file_without_labels_goes_beside_one_with(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_text(csv(3))
    (data / "b.csv").write_text(frame(3).drop(columns="is_fraud").to_csv(index=False))
    status, _, said = run()
    assert status == 0
    assert "b.csv: without labels: it is scored, and nothing is learned from it" in said


@pytest.mark.parametrize("wrong", ["there is no such folder", "a file", "a folder without a file of rows"])
def test_a_folder_that_is_none_is_refused(wrong: str, aws: Account, data: Path, run: Run) -> None:
    data.rmdir()
    if wrong == "a file":
        data.write_text("")
    elif wrong.startswith("a folder"):
        data.mkdir()
        (data / "notes.pdf").write_text("")
    status, _, said = run()
    assert status == 2 and wrong in said


def test_bom_and_carriage_returns_stay_as_they_are(aws: Account, data: Path, run: Run) -> None:
    content = b"\xef\xbb\xbf" + csv(8).replace("\n", "\r\n").encode()
    (data / "a.csv").write_bytes(content)
    assert run()[0] == 0
    assert aws.objects("input/")["input/a.csv"] == content.replace(CARD.encode(), TOKEN.encode())


def test_another_encoding_is_made_utf8_and_said(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_bytes(csv(8, merchant="Café Müller").encode("utf-16"))
    status, _, said = run()
    assert status == 0 and "made UTF-8 with line feeds" in said
    assert aws.objects("input/")["input/a.csv"].decode() == csv(8, merchant="Café Müller").replace(CARD, TOKEN)


def test_packed_files_are_packed_again_and_zstd_as_gzip(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv.gz").write_bytes(gzip.compress(csv(8).encode()))
    with pa.CompressedOutputStream(str(data / "b.csv.zst"), "zstd") as packed:
        packed.write(csv(9).encode())
    status, _, said = run()
    assert status == 0 and "b.csv.zst: packed with gzip in place of zstd" in said
    sent = {key: gzip.decompress(content).decode() for key, content in aws.objects("input/").items()}
    assert sent == {"input/a.csv.gz": csv(8).replace(CARD, TOKEN), "input/b.csv.gz": csv(9).replace(CARD, TOKEN)}


def test_json_lines_and_parquet(aws: Account, data: Path, run: Run) -> None:
    (data / "a.jsonl").write_text(frame(5).to_json(orient="records", lines=True))
    assert run()[0] == 0
    sent = aws.objects("input/")["input/a.jsonl"].decode()
    assert sent == frame(5).to_json(orient="records", lines=True).replace(CARD, TOKEN)
    (data / "a.jsonl").unlink()
    pq.write_table(pa.Table.from_pandas(frame(5), preserve_index=False), data / "a.parquet")
    assert run()[0] == 0
    body = aws.objects("input/")["input/a.parquet"]
    pd.testing.assert_frame_equal(pq.read_table(pa.BufferReader(body)).to_pandas(), frame(5, cc_num=TOKEN))


def test_another_bucket_and_an_account_of_ones_own(
    aws: Account, data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.s3.create_bucket(Bucket="mine")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (data / "a.csv").write_text(csv(3))
    status, _, said = run("--bucket", "mine", "--env", "dev")
    assert status == 0
    assert "To s3://mine of the application dev in the AWS account of your credentials" in said
    assert (
        "Not checked, for --bucket names another bucket than the stack's: whether it is read by --columns kaggle"
        in said
    )
    assert "input/a.csv" in {each["Key"] for each in aws.s3.list_objects_v2(Bucket="mine")["Contents"]}


def test_files_by_another_mapping_than_the_applications_are_not_sent(aws: Account, data: Path, run: Run) -> None:
    (data / "a.csv").write_text(csv(3))
    mapping = data.parent / "till.toml"
    mapping.write_text((SHIPPED / "kaggle.toml").read_text() + "# a comment changes nothing\n")
    (data.parent / "kaggle.toml").write_text(mapping.read_text())
    assert run("--columns", str(data.parent / "kaggle.toml"))[0] == 0
    sent = aws.objects()
    status, _, said = run("--columns", str(mapping))
    assert status == 2
    assert "reads its files by kaggle.toml (setting batch_columns)" in said
    assert "or deploy with -c batch_columns=till" in said
    (data.parent / "kaggle.toml").write_text(mapping.read_text().replace('"amt"', '"amt * 1"', 1))
    status, _, said = run("--columns", str(data.parent / "kaggle.toml"))
    assert status == 2
    assert "this is another one than its kaggle" in said
    assert aws.objects() == sent


def test_an_application_that_does_not_stand_is_named(
    aws: Account, data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (data / "a.csv").write_text(csv(3))
    status, _, said = run("--env", "prod")
    assert status == 2
    assert "the application prod in the AWS account of your credentials does not answer as it must" in said
