"""The times of a file as moments: those with an offset or a zone at their moment, those without by `--timezone`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo

import duckdb

from fraud.notation import NotationError
from reading.errors import BadInputError
from reading.forms.part import Kind
from reading.places import Places
from reading.zones import Period, periods, zone

ALLOWED = "a date and time from 2000 to 2099, as 2020-06-21 12:14:25, or with its offset, as 2020-06-21T12:14:25-05:00"

_CLOCK = "^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?)(.*)$"
_MOST_ZONES = 3_000


@dataclass(frozen=True)
class Zone:
    """What times without an offset mean.

    Attributes:
        name: from `checked_zone`.
        said_by: where it stands, and can be changed.
    """

    name: str = "UTC"
    said_by: str = "--timezone"


def clock_columns(column: str, kind: Kind) -> str:
    """SQL of two columns: `clock_ms`, what the clock showed, as if it were UTC (NULL where it is no time), and `zone`, what
    stands behind it."""
    if kind == "moment":
        return f"epoch_us(CAST({column} AS TIMESTAMPTZ)) // 1000 AS clock_ms, 'Z' AS zone"
    if kind == "time":
        return f"epoch_us(CAST({column} AS TIMESTAMP)) // 1000 AS clock_ms, '' AS zone"
    parts = f"regexp_extract(CAST({column} AS VARCHAR), '{_CLOCK}', ['clock', 'zone'])"
    return f"epoch_us(TRY_CAST({parts}.clock AS TIMESTAMP)) // 1000 AS clock_ms, {parts}.zone AS zone"


def to_moments(connection: duckdb.DuckDBPyConnection, places: Places, raw: str, timed: str, default: Zone) -> str:
    """Makes the view `timed` of the view `raw` (`row`, `clock_ms`, `zone`, ...; every clock_ms there), with `event_ms`.

    Args:
        connection: where they are.
        places: how errors name the file's rows.
        raw, timed: names of the views.
        default: what times without an offset mean.

    Returns:
        A sentence on how the times were read.

    Raises:
        BadInputError: some have an offset and others none, or one is of no zone that is known, or of an hour that a change
            of the clocks skipped.
    """
    firsts = timed_view(connection, places, raw, timed, default)
    skipped, repeated, first = connection.execute(
        f"SELECT min(row) FILTER (skipped), count(*) FILTER (repeated), min(row) FILTER (repeated) FROM {timed}"
    ).fetchall()[0]
    if skipped is not None:
        clock_ms, written = connection.execute(f"SELECT clock_ms, zone FROM {timed} WHERE row = {skipped}").fetchall()[
            0
        ]
        shown = f"{datetime.fromtimestamp(clock_ms / 1000, timezone.utc):%Y-%m-%d %H:%M:%S}"
        raise BadInputError(
            f"{places.value(skipped, 'event_time')}: {shown} never was in {written.strip() or default.name}: the clocks were put "
            f"forward over it; allowed: times that were, or another zone ({default.said_by})"
        )
    return _says(firsts, default, int(repeated), first)


def timed_view(
    connection: duckdb.DuckDBPyConnection, places: Places, raw: str, timed: str, default: Zone
) -> dict[str, int]:
    """Makes the view `timed` as `to_moments` does, with `skipped` and `repeated`: hours the clocks left out, or had twice.

    Returns:
        The first row of each zone, as it is written.

    Raises:
        BadInputError: some have an offset and others none, or one is of no zone that is known.
    """
    rows = connection.execute(
        f"SELECT zone, min(row) FROM {raw} GROUP BY zone ORDER BY 2 LIMIT {_MOST_ZONES}"
    ).fetchall()
    firsts = {written: int(row) for written, row in rows}
    of = {written: _zone(places, written, row, default) for written, row in firsts.items()}
    _check_one_kind(places, firsts, default)
    clocks = {written: periods(each) for written, each in of.items()}
    offsets = {clock[0].offset_ms for clock in clocks.values()}
    if all(len(clock) == 1 for clock in clocks.values()) and len(offsets) <= 1:
        offset = next(iter(offsets), 0)  # no row, no zone
        connection.execute(
            f"""CREATE OR REPLACE TEMP VIEW {timed} AS SELECT *, clock_ms - ({offset}) AS event_ms, false AS repeated,
            false AS skipped FROM {raw}"""
        )
        return firsts
    _join(connection, raw, timed, clocks)
    return firsts


def unknown_zones(connection: duckdb.DuckDBPyConnection, raw: str) -> list[str]:
    """What stands behind the times of a view and is no offset and no zone."""
    found = []
    for (written,) in connection.execute(f"SELECT DISTINCT zone FROM {raw} WHERE clock_ms IS NOT NULL").fetchall():
        try:
            _known_zone(written.strip(), "UTC")
        except NotationError:
            found.append(written)
    return found


def _check_one_kind(places: Places, firsts: dict[str, int], default: Zone) -> None:
    bare = min((row for written, row in firsts.items() if not written.strip()), default=None)
    zoned = min((row for written, row in firsts.items() if written.strip()), default=None)
    if bare is not None and zoned is not None:
        has, lacks = ("an offset", "none") if zoned > bare else ("no offset", "one")
        raise BadInputError(
            f"{places.value(max(bare, zoned), 'event_time')}: has {has}, the rows before it {lacks}; "
            f"allowed: all times with an offset, or all without ({default.said_by} says what those mean)"
        )


def _zone(places: Places, written: str, row: int, default: Zone) -> tzinfo:
    name = written.strip()
    try:
        return _known_zone(name, default.name)
    except NotationError:
        raise BadInputError(
            f"{places.value(row, 'event_time')}: {name[:40]!r} behind the time is no offset and no time zone; "
            f"allowed: {ALLOWED}"
        ) from None


def _known_zone(name: str, default: str) -> tzinfo:
    # Java writes both: the offset decides
    offset, bracket, _ = name.partition("[")
    return zone(offset if bracket and offset else name or default)


def _join(connection: duckdb.DuckDBPyConnection, raw: str, timed: str, clocks: dict[str, list[Period]]) -> None:
    connection.execute("""CREATE OR REPLACE TEMP TABLE clocks (of_zone VARCHAR, from_ms BIGINT, to_ms BIGINT, offset_ms BIGINT,
        repeated_to_ms BIGINT, earlier_offset_ms BIGINT)""")
    connection.executemany(
        "INSERT INTO clocks VALUES (?, ?, ?, ?, ?, ?)",
        [
            (written, one.from_ms, one.to_ms, one.offset_ms, one.repeated_to_ms, one.earlier_offset_ms)
            for written, clock in clocks.items()
            for one in clock
        ],
    )
    # of an hour that came twice, the first
    connection.execute(f"""CREATE OR REPLACE TEMP VIEW {timed} AS SELECT r.*,
        clock_ms - CASE WHEN clock_ms < repeated_to_ms THEN earlier_offset_ms ELSE offset_ms END AS event_ms,
        clock_ms < repeated_to_ms AS repeated, clock_ms >= to_ms AS skipped
        FROM {raw} AS r ASOF JOIN clocks AS k ON r.zone = k.of_zone AND r.clock_ms >= k.from_ms""")


def _says(firsts: dict[str, int], default: Zone, repeated: int, first: int | None) -> str:
    written = [name.strip() for name in firsts if name.strip()]
    said = f"times without an offset taken as {default.name} ({default.said_by})"
    if written:
        shown = ", ".join("UTC" if name == "Z" else name for name in written[:3]) + (
            ", ..." if len(written) > 3 else ""
        )
        said = f"times taken at their own offset ({shown})"
    if repeated:
        said += f"; {repeated:,} of an hour that the clocks repeat taken as its first, as row {first}"
    return said
