"""Schedules: what AWS's pages on cron expressions describe is taken, everything else is refused before it is deployed.

Page *eb-cron-expressions*: "Cron expressions have six required fields, which are separated by white space"; "You can't use * in
both the Day-of-month and Day-of-week fields. If you use it in one, you must use ? in the other"; day of week "1-7 or SUN-SAT".
"""

from __future__ import annotations

import pytest

from stacks.schedules import checked_cron

TAKEN = (
    # the pages' own examples
    *("0 10 * * ? *", "15 12 * * ? *", "0 18 ? * MON-FRI *", "0 8 1 * ? *", "0/15 * * * ? *", "0/10 * ? * MON-FRI *"),
    *("0/5 8-17 ? * MON-FRI *", "5,35 14 * * ? *", "15 10 ? * 6L 2022-2023", "0/30 20-23 ? * MON-FRI *"),
    # each wildcard
    *("0 0 L * ? *", "0 0 3W * ? *", "0 0 ? * 3#2 *", "0 0 ? * TUE#2 *", "0 0 ? * L *", "0 0 ? * FRIL *"),
    *("0 0 1 JAN,FEB,MAR ? *", "0 0 1-15 * ? *", "1/10 * * * ? *", "*/5 0-6/2 * * ? 1970-2199", "59 23 31 12 ? 2199"),
    "0  0\t* * ? *",
    "0 0 29 2 ? *",
)
REFUSED = (
    ("0 0 * * * *", "one of day of month and day of week is"),
    ("0 0 ? * ? *", "one of day of month and day of week is"),
    ("0 0 1 * MON *", "one of day of month and day of week is"),
    ("0 0 L * L *", "one of day of month and day of week is"),
    ("0 0 * * ?", "5 fields"),
    ("0 3 ? * SUN", "5 fields"),
    ("0 0 0 * * ? *", "7 fields"),
    ("", "0 fields"),
    (" ", "0 fields"),
    (" 0 0 * * ? *", "6 fields"),
    ("60 0 * * ? *", "minutes '60': 0 to 59"),
    ("0 25 * * ? *", "hours '25': 0 to 23"),
    ("0 24 * * ? *", "hours '24'"),
    ("-1 0 * * ? *", "minutes '-1'"),
    ("0 0 0 * ? *", "day of month '0': 1 to 31"),
    ("0 0 32 * ? *", "day of month '32'"),
    ("0 0 32W * ? *", "day of month '32W'"),
    ("0 0 1 0 ? *", "month '0': 1 to 12 or JAN to DEC"),
    ("0 0 1 13 ? *", "month '13'"),
    ("0 0 1 JANUARY ? *", "month 'JANUARY'"),
    ("0 0 ? * 0 *", "day of week '0': 1 to 7 or SUN to SAT"),
    ("0 0 ? * 8 *", "day of week '8'"),
    ("0 0 ? * sun *", "day of week 'sun'"),
    ("0 0 ? * Sunday *", "day of week 'Sunday'"),
    ("0 0 ? * 3#6 *", "day of week '3#6'"),
    ("0 0 ? * 3#1,6#3 *", "day of week '3#1'"),  # the page: not valid, it is two expressions
    ("0 0 ? * FRI-MON *", "a range goes upwards"),
    ("30-10 0 * * ? *", "a range goes upwards"),
    ("0 0 * * ? 1969", "year '1969': 1970 to 2199"),
    ("0 0 * * ? 2200", "year '2200'"),
    ("0 0 * * ? ?", "year"),
    ("? 0 * * ? *", "minutes"),
    ("L 0 * * ? *", "minutes"),
    ("0/0 0 * * ? *", "a step is a number from 1"),
    ("0/99 0 * * ? *", "a step is a number from 1"),
    ("0/ 0 * * ? *", "a step is a number from 1"),
    ("0,,1 0 * * ? *", "minutes ''"),
    ("0, 0 * * ? *", "minutes"),
    ("1-2-3 0 * * ? *", "minutes '1-2-3'"),
    ("٣ 0 * * ? *", "minutes '٣'"),
    ("0\n0 * * ? *", "5 fields"),
    # never comes
    ("0 0 31 2 ? *", "none of its months has such a day"),
    ("0 0 30W FEB ? *", "none of its months has such a day"),
    ("0 0 31 4,6,9,11 ? *", "none of its months has such a day"),
    ("0 0 1" + ",1" * 150 + " * ? *", "no cron"),
)


@pytest.mark.parametrize("fields", TAKEN)
def test_what_eventbridge_takes_is_taken(fields: str) -> None:
    assert checked_cron(f"cron({fields})") == f"cron({fields})"


@pytest.mark.parametrize(("fields", "says"), REFUSED)
def test_what_eventbridge_refuses_is_refused(fields: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        checked_cron(f"cron({fields})")


@pytest.mark.parametrize(
    "text", ["", "cron", "cron()x", " cron(0 0 * * ? *)", "cron(0 0 * * ? *)\n", "cron((0 0 * * ? *))"]
)
def test_nothing_stands_around_it(text: str) -> None:
    with pytest.raises(ValueError, match="no cron"):
        checked_cron(text)
