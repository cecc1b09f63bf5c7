"""`fraud upload` of what is longer than a part: parts with digests, what an interrupted run leaves, and files that change."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.uploading import parts
from cli.uploading.parts import LARGEST_PART, MIB, MOST_PARTS, Outgoing, part_bytes
from cli.uploading.state import state
from fraud.transaction import card_token
from tests.cli.person_files import CARD, KEY, csv
from tests.cli.upload_files import BUCKET, Account, account, states, upload

PART = 5 * MIB
ROWS = 200_000
TOKEN = card_token(CARD, KEY)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    monkeypatch.setattr(parts, "PAUSE_S", 0.0)
    monkeypatch.setattr(parts, "PART", PART)
    monkeypatch.setattr(parts, "AT_ONCE", 1)
    with account(monkeypatch, tmp_path / "state") as made:
        yield made


@pytest.fixture(scope="module")
def content() -> str:
    """Of a file of four parts."""
    lines = csv(8).splitlines(keepends=True)
    return lines[0] + "".join(lines[1:]) * (ROWS // 8)


@pytest.fixture
def data(tmp_path: Path, content: str) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text(content)
    return folder


class Killed(BaseException):
    """Nothing catches it: as kill -9 leaves things."""


def _stops(error: BaseException, after: int) -> Any:
    """Lets so many parts pass, then raises."""
    passed = iter(range(after))

    def refuse(operation: str, _: dict[str, Any]) -> None:
        if operation == "UploadPart" and next(passed, None) is None:
            raise error

    return refuse


def _run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, *options: str
) -> tuple[int, str, str]:
    return upload(monkeypatch, capsys, data, *options)


def test_a_long_file_goes_in_parts_with_their_digests(
    aws: Account, data: Path, content: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = _run(monkeypatch, capsys, data, "--json")
    assert status == 0
    expected = content.replace(CARD, TOKEN).encode()
    assert aws.objects("input/")["input/a.csv"] == expected
    sent = aws.operations("UploadPart")
    assert [len(each["Body"]) for each in sent[:-1]] == [PART] * (len(sent) - 1)
    assert all("ChecksumSHA256" in each for each in sent)
    (begun,) = aws.operations("CreateMultipartUpload")
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == ("SHA256", "COMPOSITE")
    (one,) = json.loads(out)["files"]
    assert (one["parts"], one["sha256"]) == (len(sent), hashlib.sha256(expected).hexdigest())


def test_it_goes_on_after_a_kill_and_sends_no_part_twice(
    aws: Account,
    data: Path,
    content: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    aws.refuse = _stops(Killed(), 2)
    with pytest.raises(Killed):
        _run(monkeypatch, capsys, data)
    assert not aws.objects()
    (kept,) = states(tmp_path / "state")
    assert TOKEN not in kept.read_text() and KEY.decode() not in kept.read_text()
    aws.refuse = lambda *_: None
    aws.asked.clear()
    status, out, _ = _run(monkeypatch, capsys, data, "--json")
    (one,) = json.loads(out)["files"]
    assert (status, one["parts_before"]) == (0, 2)
    assert [each["PartNumber"] for each in aws.operations("UploadPart")] == list(range(3, one["parts"] + 1))
    assert aws.objects("input/")["input/a.csv"] == content.replace(CARD, TOKEN).encode()
    assert not aws.unfinished() and not states(tmp_path / "state")


def test_parts_of_other_content_are_sent_again(
    aws: Account, data: Path, content: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.refuse = _stops(Killed(), 2)
    with pytest.raises(Killed):
        _run(monkeypatch, capsys, data)
    changed = content.replace("id0,", "ix0,", 1)
    (data / "a.csv").write_text(changed)
    aws.refuse = lambda *_: None
    status, out, _ = _run(monkeypatch, capsys, data, "--json")
    assert (status, json.loads(out)["files"][0]["parts_before"]) == (0, 1)
    assert aws.objects("input/")["input/a.csv"] == changed.replace(CARD, TOKEN).encode()


def test_an_upload_that_expired_begins_anew(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.refuse = _stops(Killed(), 2)
    with pytest.raises(Killed):
        _run(monkeypatch, capsys, data)
    (begun,) = aws.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    aws.s3.abort_multipart_upload(Bucket=BUCKET, Key=begun["Key"], UploadId=begun["UploadId"])
    aws.refuse = lambda *_: None
    status, out, _ = _run(monkeypatch, capsys, data, "--json")
    assert (status, json.loads(out)["files"][0]["parts_before"]) == (0, 0)


def test_ctrl_c_leaves_what_the_next_run_goes_on_with_and_says_so(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (data / "0.csv").write_text(csv(3))
    aws.refuse = _stops(KeyboardInterrupt(), 2)
    status, out, said = _run(monkeypatch, capsys, data)
    assert (status, out) == (130, "")
    assert (
        "interrupted; 1 files are there whole, 1 in parts, and no crawl was started. The same command goes on" in said
    )
    aws.refuse = lambda *_: None
    aws.asked.clear()
    status, out, _ = _run(monkeypatch, capsys, data, "--json")
    assert [each["outcome"] for each in json.loads(out)["files"]] == ["there", "sent"]
    assert [each["key"] for each in aws.manifests()[0]["files"]] == ["input/0.csv", "input/a.csv"]
    assert len(aws.operations("PutObject")) == 1


def test_what_is_unfinished_is_taken_back(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    aws.refuse = _stops(KeyboardInterrupt(), 2)
    _run(monkeypatch, capsys, data)
    assert aws.unfinished() == ["input/a.csv"]
    aws.refuse = lambda *_: None
    status, _, said = _run(monkeypatch, capsys, data, "--abort")
    assert status == 0 and "Took back the parts of 1 unfinished file" in said
    assert not aws.unfinished() and not aws.objects() and not states(tmp_path / "state")
    assert "Took back the parts of 0 unfinished files" in _run(monkeypatch, capsys, data, "--abort")[2]


def test_a_line_that_stays_broken_fails_the_file_and_keeps_its_parts(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "b.csv").write_text(csv(3))
    aws.refuse = _stops(EndpointConnectionError(endpoint_url="https://s3"), 1)
    status, _, said = _run(monkeypatch, capsys, data)
    assert status == 1 and "1 of 2 files not sent" in said
    assert set(aws.objects("input/")) == {"input/b.csv"}
    assert aws.unfinished() == ["input/a.csv"]
    aws.refuse = lambda *_: None
    status, out, _ = _run(monkeypatch, capsys, data, "--json")
    told = {each["file"]: each for each in json.loads(out)["files"]}
    assert (status, told["b.csv"]["outcome"], told["a.csv"]["parts_before"]) == (0, "there", 1)
    assert [[each["key"] for each in one["files"]] for one in aws.manifests()] == [["input/b.csv"], ["input/a.csv"]]


def test_a_part_that_arrives_damaged_is_sent_again(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = iter([ClientError({"Error": {"Code": "BadDigest", "Message": "no"}}, "UploadPart")])

    def refuse(operation: str, _: dict[str, Any]) -> None:
        if operation == "UploadPart" and (error := next(damaged, None)):
            raise error

    aws.refuse = refuse
    assert _run(monkeypatch, capsys, data)[0] == 0


def _grow(path: Path) -> None:
    with path.open("a") as file:
        file.write("more\n")


def _touch_within(path: Path) -> None:
    told = path.stat()
    with path.open("r+") as file:
        file.seek(3000)
        file.write("x")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))  # as one does who wants it unseen


CHANGES = {
    "was changed while it was read (": _grow,
    "was changed while it was read; not sent": _touch_within,
    "was renamed or removed while it was read": lambda path: path.rename(path.with_name("b.csv")),
    "was replaced by another file while it was read": lambda path: (
        path.rename(path.with_name("b.tmp")), path.write_text("x"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_not_sent(
    sentence: str,
    aws: Account,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (data / "z.csv").write_text(csv(3))
    changing = iter([CHANGES[sentence]])

    def refuse(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "UploadPart" and (change := next(changing, None)):
            change(data / "a.csv")

    aws.refuse = refuse
    status, _, said = _run(monkeypatch, capsys, data)
    assert status == 1 and sentence in said
    assert set(aws.objects("input/")) == {"input/z.csv"}
    assert [each["key"] for each in aws.manifests()[0]["files"]] == ["input/z.csv"]
    assert not aws.unfinished()


def test_two_runs_of_one_folder_do_not_mix(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with state(data, BUCKET):
        status, _, said = _run(monkeypatch, capsys, data)
    assert status == 2 and "is being uploaded to raw by another run" in said
    assert not aws.objects()


def test_a_state_of_another_release_is_passed_over(
    aws: Account, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    aws.refuse = _stops(KeyboardInterrupt(), 2)
    _run(monkeypatch, capsys, data)
    (kept,) = states(tmp_path / "state")
    kept.write_text('{"id": "x"')
    aws.refuse = lambda *_: None
    assert _run(monkeypatch, capsys, data)[0] == 0


@pytest.mark.parametrize("size", [0, 1, 300 * MIB, 48 << 30, 5 << 40])
def test_parts_are_within_the_services_limits(size: int) -> None:
    part = part_bytes(size)
    assert 5 * MIB <= part <= LARGEST_PART
    assert -(-size * 4 // part) <= MOST_PARTS or part == LARGEST_PART


def test_what_is_exactly_a_part_long_goes_in_one_request(aws: Account) -> None:
    one = Outgoing(aws.client("s3"), BUCKET, "input/a", PART)
    one.write(b"x" * PART)
    whole = one.finish()
    assert (whole.parts, len(aws.operations("PutObject"))) == (1, 1)
    one = Outgoing(aws.client("s3"), BUCKET, "input/b", PART)
    one.write(b"x" * (2 * PART))
    assert one.finish().parts == 2
    assert [len(each["Body"]) for each in aws.operations("UploadPart")] == [PART, PART]
