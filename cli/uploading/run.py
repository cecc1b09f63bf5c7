"""One upload: file after file, each whole or not at all, and the manifest of those that went."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from cli.uploading.contents import FILES, Contents, contents, entry, write_manifest
from cli.uploading.parts import ChecksumError, Outgoing, Whole, abort, part_bytes
from cli.uploading.place import Place
from cli.uploading.state import State, Unfinished, new_id
from reading.errors import BadInputError
from reading.tokenized.cards import Cards, Counts
from reading.tokenized.checked import CheckedFile, identity, opened_file
from reading.tokenized.stream import tokenized

Report = Callable[[str, int, int], None]


class ChangedError(Exception):
    """A file is another one than was checked."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        status: `there`: the very same lies in the bucket already.
        whole: the object; None where it failed.
        why: it failed.
    """

    file: CheckedFile
    status: Literal["sent", "there", "failed"]
    counts: Counts = field(default_factory=Counts)
    whole: Whole | None = None
    why: str = ""


@dataclass(frozen=True)
class Upload:
    """What became of all of them; `manifest` is its key, empty where nothing new went."""

    outcomes: Sequence[Outcome]
    manifest: str


def upload_files(place: Place, files: Sequence[CheckedFile], columns: str, kept: State, report: Report) -> Upload:
    """Sends files, one after the other, and then the manifest of those that are whole and that no other manifest names.

    A file that fails does not stop the others. What was sent of it is kept for the next run, unless the file has changed.

    Args:
        place: where to.
        files: checked.
        columns: the mapping's name.
        kept: what an earlier run left, and what the next one goes on with.
        report: is told of each file's bytes.
    """
    there = contents(place.s3, place.bucket)
    for key in [key for key, whole in kept.whole.items() if not there.lies(key, whole.etag)]:
        del kept.whole[key], kept.rows[key]  # another object is there, or none
    outcomes = []
    for file in files:
        try:
            outcomes.append(_one(place, file, there, kept, report))
        except (BadInputError, ChangedError, ChecksumError, BotoCoreError, ClientError, OSError) as error:
            outcomes.append(Outcome(file, "failed", why=str(error)))
    new = {f"{FILES}{each.file.name}" for each in outcomes if each.whole} & set(kept.whole)
    if not new:
        return Upload(outcomes, "")
    manifest = write_manifest(
        place.s3, place.bucket, kept.id, columns, [entry(key, kept.whole[key], kept.rows[key]) for key in sorted(new)]
    )
    for key in new:
        del kept.whole[key], kept.rows[key]
    kept.id = new_id()
    return Upload(outcomes, manifest)


def _one(place: Place, file: CheckedFile, there: Contents, kept: State, report: Report) -> Outcome:
    key = f"{FILES}{file.name}"
    before = kept.whole[key].sha256 if key in kept.whole else there.digest(key)
    with opened_file(file.path) as opened:
        if before is not None:  # the same name: the same content?
            cards, digest, size = Cards(place.key), hashlib.sha256(), 0
            for block in tokenized(file, opened, cards, _told(report, file, "comparing")):
                digest.update(block)
                size += len(block)
            if digest.hexdigest() == before:
                _check_same(file, opened)
                return Outcome(file, "there", cards.counts, kept.whole.get(key) or Whole("", size, before))
        cards = Cards(place.key)
        with _outgoing(place, key, file, kept) as outgoing:
            for block in tokenized(file, opened, cards, _told(report, file, "sending")):
                outgoing.write(block)
            try:
                _check_same(file, opened)
            except ChangedError:
                outgoing.abort()
                kept.unfinished.pop(key, None)
                kept.save()
                raise
            whole = outgoing.finish()
    kept.unfinished.pop(key, None)
    kept.whole[key], kept.rows[key] = whole, cards.counts.rows
    kept.save()
    return Outcome(file, "sent", cards.counts, whole)


@contextmanager
def _outgoing(place: Place, key: str, file: CheckedFile, kept: State) -> Iterator[Outgoing]:
    """The file on its way, which goes on where an earlier run was."""
    begun = kept.unfinished.get(key)
    part = part_bytes(file.identity.size)
    if begun and begun.part != part:  # the file is much longer now
        abort(place.s3, place.bucket, key, begun.upload)
        begun = None

    def note(upload: str) -> None:
        kept.unfinished[key] = Unfinished(upload, part)
        kept.save()

    outgoing = Outgoing(
        place.s3, place.bucket, key, part, begun.upload if begun else None, begun.sent if begun else None, note,
        partial(kept.note, key),
    )  # fmt: skip
    try:
        yield outgoing
    finally:
        outgoing.stop()


def _check_same(file: CheckedFile, opened: Any) -> None:
    """Holds a file that was read to what it was when it was checked.

    Raises:
        ChangedError: it has changed since, was renamed or replaced: says which.
    """
    now = identity(file.path, opened)
    if now != file.identity:
        grown = f" ({file.identity.size:,} bytes before, {now.size:,} now)" if now.size != file.identity.size else ""
        raise ChangedError(f"{file.path}: was changed while it was read{grown}; not sent: upload it once it is whole")
    try:
        told = file.path.stat()
    except OSError as error:
        raise ChangedError(f"{file.path}: was renamed or removed while it was read; not sent") from error
    if (told.st_dev, told.st_ino) != (file.identity.device, file.identity.inode):
        raise ChangedError(f"{file.path}: was replaced by another file while it was read; not sent: upload it again")


def _told(report: Report, file: CheckedFile, doing: str) -> Callable[[int], None]:
    size = max(file.identity.size // 1000, 2)  # of a total of one, only its begin is told

    def told(done: int) -> None:
        report(f"{doing} {file.path.name}, kB", min(done // 1000, size), size)

    return told
