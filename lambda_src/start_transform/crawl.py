"""A crawl that has succeeded, and the runs of the job that have acted on it.

EventBridge may deliver an event twice, late, or after a later one (page *eb-event-delivery-level*). So each run says in an
argument of its own which crawl it acts on, and what was acted on is not acted on again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

INPUT, CRAWL = "--input", "--crawl"
"""Arguments of a run. The script knows nothing of the second one."""


class Crawl(NamedTuple):
    """A crawl.

    Attributes:
        id: of its event, the same however often that is delivered.
        told: when the event came about, as it says: ISO 8601 in UTC, to a second. A crawler runs once at a time, so crawls ended
            in this order.
        began: when it began, or somewhat before.
    """

    id: str
    told: str
    began: datetime

    @property
    def mark(self) -> str:
        """What its runs say of it."""
        return f"{self.told} {self.id}"


def crawl(identity: str, told: str, seconds: str) -> Crawl:
    """A crawl by its event: its id, its time, and how long it says that the crawl took, if it does.

    >>> crawl("1-2", "2026-01-01T00:01:00Z", "58").began.isoformat()
    '2026-01-01T00:00:01+00:00'

    Raises:
        ValueError: the time is none.
    """
    ran = timedelta(seconds=int(seconds) + 1 if seconds.isdecimal() else 0)  # the service rounds
    return Crawl(identity, told, datetime.fromisoformat(told) - ran)


class Run(NamedTuple):
    """A run of the job.

    Attributes:
        input: what it transforms.
        mark: of the crawl that it acts on; empty of one that was started by hand.
        ended: None while it goes on.
    """

    input: str
    mark: str
    ended: datetime | None


def runs_since(glue: Any, job: str, moment: datetime) -> list[Run]:
    """The runs that went on at a moment or have begun since; the job runs once at a time."""
    found = []
    for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
        for run in page["JobRuns"]:  # the newest first (page *API_GetJobRuns*)
            arguments = run.get("Arguments", {})
            found.append(Run(arguments.get(INPUT, ""), arguments.get(CRAWL, ""), run.get("CompletedOn")))
            if run["StartedOn"] < moment:
                return found
    return found


def acted_on(runs: Iterable[Run], told: Crawl, place: str) -> bool:
    """Whether a run has begun to transform a place after this crawl, or after a later one.

    >>> late = crawl("1-1", "2026-01-01T00:01:00Z", "")
    >>> [acted_on([Run("s3://raw/input/", mark, None)], late, "s3://raw/input/")
    ...  for mark in ("2026-01-01T00:01:00Z 1-1", "2026-01-01T00:01:00Z 1-2", "2026-01-01T00:05:00Z 1-3", "")]
    [True, False, True, False]
    """
    return any(run.input == place and (run.mark == told.mark or run.mark.partition(" ")[0] > told.told) for run in runs)
