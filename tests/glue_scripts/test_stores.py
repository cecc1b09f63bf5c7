"""Folders and buckets under the same calls: what changes while it is read, what is there already, what is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from glue_scripts.stores import Bucket, ChangedError, Folder, Store

Write = Callable[[str, bytes], None]


@pytest.fixture(params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, Write]]:
    """A store, and how another writes into it."""
    if request.param == "folder":
        root = tmp_path / "root"

        def write(name: str, content: bytes) -> None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)

        yield Folder(root), write
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="raw")
        yield (
            Bucket(client, "raw", "input/"),
            lambda name, content: client.put_object(Bucket="raw", Key=f"input/{name}", Body=content),
        )


def test_files_are_listed_by_name_without_those_that_are_hidden(place: tuple[Store, Write]) -> None:
    store, write = place
    for name in ("b +%ü.csv", "a.csv", "_working/x.csv", ".hidden", "below/c.csv"):
        write(name, name.encode())
    assert [file.name for file in store.files()] == ["a.csv", "b +%ü.csv", "below/c.csv"]


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_file_that_changes_while_it_is_read_is_told(change: str, place: tuple[Store, Write], tmp_path: Path) -> None:
    store, write = place
    write("a.csv", b"one")
    (file,) = store.files()
    store.fetch(file, tmp_path / "same")
    assert (tmp_path / "same").read_bytes() == b"one"
    if change == "removed":
        store.remove(file)
    else:
        write("a.csv", b"two")
    with pytest.raises(ChangedError, match="while it was read"):
        store.fetch(file, tmp_path / "copy")


def test_only_what_was_listed_is_removed(place: tuple[Store, Write]) -> None:
    store, write = place
    write("a.csv", b"one")
    (file,) = store.files()
    write("a.csv", b"two")
    store.remove(file)
    (left,) = store.files()
    store.remove(left)
    assert store.files() == []


def test_what_is_published_stays_what_it_is(place: tuple[Store, Write]) -> None:
    store, write = place
    write("_working/one", b"one")
    write("_working/two", b"two")
    store.publish("_working/one", "reports/r.json")
    store.publish("_working/two", "reports/r.json")
    assert store.content("reports/r.json") == b"one"
    store.remove_folder("_working")
    assert not store.exists("_working/one") and store.exists("reports/r.json")
