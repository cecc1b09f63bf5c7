"""`--policy-file`: what the bucket's policy must say before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from reading.errors import BadInputError

LONGEST = 20 * 1024
"""Bytes: what a bucket's policy may hold (page "Bucket policies for Amazon S3")."""
_KEYS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_LISTS = ("Action", "NotAction", "Resource", "NotResource")
BUCKET = "${bucket}"
"""Stands in the file for the bucket's name."""


def read_policy(path: Path, bucket: str) -> list[dict[str, Any]]:
    """The statements of a policy file, for a bucket.

    Raises:
        BadInputError: there is no such file, it is too long, or it is no policy of a bucket: names the statement.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"--policy-file: {path}: cannot be read: {error}") from error
    if len(text.encode()) > LONGEST:
        raise BadInputError(f"--policy-file: {path}: {len(text.encode()):,} bytes; allowed: at most {LONGEST:,}")
    try:
        policy = json.loads(text.replace(BUCKET, bucket))
    except ValueError as error:
        raise BadInputError(f"--policy-file: {path}: no JSON: {error}") from error
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise BadInputError(
            f'--policy-file: {path}: no policy; needed: {{"Version": "2012-10-17", "Statement": [...]}}'
        )
    for number, statement in enumerate(statements, 1):
        _check(path, number, statement)
    return statements


def _check(path: Path, number: int, statement: object) -> None:
    where = f"--policy-file: {path}: statement {number}"
    if not isinstance(statement, dict):
        raise BadInputError(f"{where} is no object")
    if unknown := sorted(set(statement) - _KEYS):
        raise BadInputError(f"{where}: {unknown[0]!r} is not known; allowed: {', '.join(sorted(_KEYS))}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise BadInputError(f"{where}: Effect is {statement.get('Effect')!r}; allowed: Allow, Deny")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if (one in statement) == (other in statement):
            raise BadInputError(f"{where}: needed: one of {one} and {other}")


def check_policy(s3: Any, bucket: str, path: Path) -> int:
    """Holds a bucket's policy to the statements of a file; changes nothing. Returns how many there are.

    Raises:
        BadInputError: the bucket's policy lacks one, names it; or there is no such policy, or it may not be read.
    """
    wanted = read_policy(path, bucket)
    try:
        there = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise BadInputError(f"--policy-file: the policy of {bucket} cannot be read: {error}") from error
        there = []
    held = [_plain(each) for each in (there if isinstance(there, list) else [there])]
    for number, statement in enumerate(wanted, 1):
        if _plain(statement) not in held:
            named = f"statement {number}{' (' + str(statement['Sid']) + ')' if 'Sid' in statement else ''}"
            raise BadInputError(
                f"--policy-file: the policy of {bucket} lacks {named} of {path}; nothing was sent. A bucket's policy is its "
                "stack's: add it there (stacks/data.py) and deploy, or leave it out of the file"
            )
    return len(wanted)


def _plain(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement without its name, lists in one order."""
    made = {key: value for key, value in statement.items() if key != "Sid"}
    made |= {key: _listed(made[key]) for key in _LISTS if key in made}
    for key in ("Principal", "NotPrincipal"):
        if isinstance(made.get(key), dict):
            made[key] = {kind: _listed(who) for kind, who in made[key].items()}
        elif made.get(key) == "*":  # to S3 the same
            made[key] = {"AWS": ["*"]}
    if isinstance(made.get("Condition"), dict):
        made["Condition"] = {
            operator: {key: _listed(value) for key, value in tests.items()} if isinstance(tests, dict) else tests
            for operator, tests in made["Condition"].items()
        }
    return made


def _listed(value: Any) -> list[str]:
    return sorted(
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in (value if isinstance(value, list) else [value])
    )
