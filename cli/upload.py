"""`fraud upload`: files into the raw bucket, card numbers made tokens on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from cli.applications import EnvironmentOption
from cli.endings import EndedError
from cli.options import Columns, Encoding
from cli.progress import console, progress
from cli.uploading.parts import abort as taken_back
from cli.uploading.place import Place, place
from cli.uploading.policy import check_policy
from cli.uploading.run import Outcome, Upload, upload_files
from cli.uploading.state import State, state
from reading.contents import NOTHING, files_of
from reading.errors import BadInputError
from reading.mapping.toml_file import Mapping
from reading.tokenized.cards import NO_CARD
from reading.tokenized.checked import CheckedFile, check_alike, check_file
from reading.transactions import USUAL, checked_reading


def upload(
    local_dir: Annotated[Path, typer.Option(help="Folder whose files are sent; folders in it are not.", metavar="DIR")],
    columns: Columns = USUAL,
    encoding: Encoding = None,
    policy_file: Annotated[
        Path | None,
        typer.Option(
            help="A bucket policy, JSON: before anything is sent, each of its statements must stand in the bucket's policy, "
            "${bucket} in it meaning the bucket's name. It is compared, never applied: the policy is its stack's.",
            metavar="FILE",
        ),
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(help="In place of the raw bucket that the stack Data says.", metavar="NAME")
    ] = None,
    env: EnvironmentOption = None,
    abort: Annotated[
        bool,
        typer.Option(
            "--abort", help="Send nothing: take back what an interrupted upload of this folder left unfinished."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was sent as an object of JSON.")] = False,
) -> None:
    """Send files to the batch: into the raw bucket, card numbers made tokens on the way.

    CSV, TSV, JSON lines or Parquet, packed with gzip or zstd or not. All files are checked before a byte of any is sent. Each
    card number becomes a token under the application's secret, here on this machine; a card number that stands anywhere else is
    masked; all other columns, the holder's among them, are sent as they are. A file appears in the bucket whole or not at all.
    When all are through, a manifest starts the crawl.

    What is there already is not sent again. After a Ctrl-C, a kill or a broken line the same command goes on where it was. A file
    that fails does not keep the others; the exit status is 1 then, and 2 where the input is wrong and nothing was sent.

    Example: fraud upload --local-dir data

    Example: fraud upload --local-dir data --columns till.toml --env dev --json
    """
    mapping = checked_reading(encoding, None, columns).mapping
    files = [] if abort else checked_files(local_dir, mapping, encoding)
    where = place(None if env is None else env.value, bucket)
    if not abort:
        where.check_mapping(mapping)
        if where.columns is None:
            _say(
                f"Not checked, for --bucket names another bucket than the stack's: whether it is read by {mapping.named}, too"
            )
    if policy_file is not None:
        count = check_policy(where.s3, where.bucket, policy_file)
        _say(f"The bucket's policy has all {count:,} statements of {policy_file}")
    with state(local_dir, where.bucket) as kept:
        if abort:
            _take_back(where, kept)
            return
        _say(f"To s3://{where.bucket} of {where.says}")
        try:
            with progress() as report:
                done = upload_files(where, files, mapping.path.stem, kept, report)
        except KeyboardInterrupt as interrupt:
            raise EndedError(_interrupted(kept), 130) from interrupt
        except (BotoCoreError, ClientError) as error:
            raise EndedError(
                f"{where.says} does not answer as it must: {error}; the same command goes on", 1
            ) from error
        if kept.unfinished or kept.whole:
            kept.save()
        else:
            kept.forget()
    _show(done, where, as_json)
    if failed := [each for each in done.outcomes if each.status == "failed"]:
        said = "; ".join(each.why for each in failed)
        raise EndedError(f"{len(failed):,} of {len(done.outcomes):,} files not sent: {said}", 1)


def checked_files(folder: Path, mapping: Mapping, encoding: str | None) -> list[CheckedFile]:
    """The files of a folder, each checked.

    Raises:
        BadInputError: it is no folder, or a file cannot be sent: a sentence on each that cannot.
    """
    if not folder.is_dir():
        raise BadInputError(
            f"--local-dir: {folder}: {'a file' if folder.exists() else 'there is no such folder'}; needed: a folder"
        )
    checked, wrong = [], []
    for path in files_of(folder, NOTHING if mapping.told.form is None else mapping.told):
        try:
            checked.append(check_file(path, mapping, encoding))
        except BadInputError as error:
            wrong.append(str(error))
    if not wrong:
        try:
            check_alike(checked)
        except BadInputError as error:
            wrong.append(str(error))
    if wrong:
        raise BadInputError("\n".join([*wrong, "nothing was sent"]))
    others = sorted(each.name for each in folder.iterdir() if each not in {one.path for one in checked})
    if others:
        _say(
            f"Not sent, as they are no files of rows: {', '.join(others[:10])}{' and others' if len(others) > 10 else ''}"
        )
    for each in checked:
        if each.said:
            _say(f"{each.path.name}: {'; '.join(each.said)}")
    return checked


def _take_back(where: Place, kept: State) -> None:
    try:
        count = sum(taken_back(where.s3, where.bucket, key, each.upload) for key, each in kept.unfinished.items())
    except (BotoCoreError, ClientError) as error:
        raise EndedError(f"cannot be taken back: {error}", 1) from error
    whole = len(kept.whole)
    kept.forget()
    _say(f"Took back the parts of {count:,} unfinished {'file' if count == 1 else 'files'}")
    if whole:
        _say(
            f"{whole:,} that went whole {'lies' if whole == 1 else 'lie'} in the bucket, without a manifest, for a day at most"
        )


def _interrupted(kept: State) -> str:
    kept.save()
    begun = f", {len(kept.unfinished):,} in parts" if kept.unfinished else ""
    return (
        f"interrupted; {len(kept.whole):,} files are there whole{begun}, and no crawl was started. The same command goes on "
        "where this one was; with --abort it takes the parts back"
    )


def _show(done: Upload, where: Place, as_json: bool) -> None:
    if as_json:
        told = {"bucket": where.bucket, "manifest": done.manifest, "files": list(map(_told, done.outcomes))}
        typer.echo(json.dumps(told, indent=1))
        return
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for name in ("file", "rows", "bytes", "tokens made", "were tokens", "outcome"):
        table.add_column(name, justify="left" if name in ("file", "outcome") else "right", overflow="fold")
    for each in done.outcomes:
        counts, size = each.counts, each.whole.size if each.whole else 0
        numbers = (
            [f"{number:,}" for number in (counts.rows, size, counts.made, counts.were)] if each.whole else [""] * 4
        )
        table.add_row(each.file.path.name, *numbers, _outcome(each))
    console.print(table)
    for each in done.outcomes:
        for line in remarks(each):
            _say(f"{each.file.path.name}: {line}")
    if done.manifest:
        _say(f"Manifest {done.manifest}: the crawl begins")
    elif all(each.status == "there" for each in done.outcomes):
        _say("All of it was there already: nothing was sent, and no crawl was started")
    else:
        _say("No manifest was written, and no crawl was started")


def remarks(one: Outcome) -> list[str]:
    """What a person should know of a file that went."""
    counts, lines = one.counts, []
    if counts.none:
        lines.append(
            f"{counts.none:,} values that are neither a card number nor a token were sent as {NO_CARD}: their rows go to "
            "quarantine"
        )
    if counts.malformed:
        lines.append(
            f"{counts.malformed:,} rows have another number of values than the header, or are none: they go to quarantine"
        )
    if counts.masked:
        named = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.masked.items()))
        lines.append(f"card numbers outside of their column were masked: {named}")
    return lines


def _outcome(one: Outcome) -> str:
    if one.status == "sent" and one.whole and one.whole.reused:
        return f"sent, {one.whole.reused:,} of {one.whole.parts:,} parts before"
    return {"sent": "sent", "there": "was there", "failed": "failed"}[one.status]


def _told(one: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"file": one.file.path.name, "outcome": one.status}
    if one.whole is None:
        return told | {"why": one.why}
    counts = one.counts
    return told | {
        "bytes": one.whole.size, "sha256": one.whole.sha256, "parts": one.whole.parts, "parts_before": one.whole.reused,
        "rows": counts.rows, "tokens_made": counts.made, "were_tokens": counts.were, "no_card_numbers": counts.none,
        "malformed_rows": counts.malformed, "masked": dict(counts.masked),
    }  # fmt: skip


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
