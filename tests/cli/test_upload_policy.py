"""`fraud upload --policy-file`: the statements that the bucket's policy must have before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.person_files import csv
from tests.cli.upload_files import BUCKET, Account, account, upload

TLS: dict[str, Any] = {
    "Sid": "OnlyTls",  # of one action, as moto denies whatever the condition
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutBucketAcl",
    "Resource": ["arn:aws:s3:::${bucket}", "arn:aws:s3:::${bucket}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path / "state") as made:
        yield made


def _policy(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _run(
    content: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    data = folder / "data"
    data.mkdir()
    (data / "a.csv").write_text(csv(3))
    (folder / "policy.json").write_text(content)
    status, _, said = upload(monkeypatch, capsys, data, "--policy-file", folder / "policy.json")
    return status, said


def test_a_policy_that_the_bucket_has_lets_the_files_pass(
    aws: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**TLS, "Sid": "Another", "Resource": f"arn:aws:s3:::{BUCKET}/x"}
    held = {
        **TLS, "Sid": "ByAnotherName", "Principal": {"AWS": "*"}, "Action": ["s3:PutBucketAcl"],
        "Resource": [f"arn:aws:s3:::{BUCKET}/*", f"arn:aws:s3:::{BUCKET}"],
        "Condition": {"Bool": {"aws:SecureTransport": [False]}},
    }  # fmt: skip
    aws.s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(other, held))
    status, said = _run(_policy(TLS), tmp_path, monkeypatch, capsys)
    assert status == 0
    assert "The bucket's policy has all 1 statements" in said
    assert not aws.operations("PutBucketPolicy")


@pytest.mark.parametrize("there", [None, {**TLS, "Effect": "Allow"}, {**TLS, "Condition": {}}])
def test_a_policy_that_the_bucket_lacks_stops_all_of_it(
    there: dict[str, Any] | None,
    aws: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if there:
        aws.s3.put_bucket_policy(Bucket=BUCKET, Policy=_policy(there).replace("${bucket}", BUCKET))
    status, said = _run(_policy(TLS), tmp_path, monkeypatch, capsys)
    assert status == 2
    assert "lacks statement 1 (OnlyTls)" in said and "nothing was sent" in said
    assert not aws.objects() and not aws.operations("PutBucketPolicy")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("no", "no JSON"),
        ("[]", "no policy; needed:"),
        (_policy(), "no policy; needed:"),
        (_policy("x"), "statement 1 is no object"),
        (_policy({**TLS, "Effekt": "Deny"}), "statement 1: 'Effekt' is not known; allowed: Action"),
        (_policy({**TLS, "Effect": "deny"}), "statement 1: Effect is 'deny'; allowed: Allow, Deny"),
        (_policy(TLS, {**TLS, "NotAction": "s3:GetObject"}), "statement 2: needed: one of Action and NotAction"),
        (_policy({**TLS, "Sid": "x" * 20_480}), "allowed: at most 20,480"),
    ],
)
def test_what_is_no_policy_is_refused(
    content: str,
    sentence: str,
    aws: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, said = _run(content, tmp_path, monkeypatch, capsys)
    assert status == 2 and sentence in said
    assert not aws.objects()
