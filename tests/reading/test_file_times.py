"""The times of a person's file: those with an offset at their moment, those without by --timezone, and what is no time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.replay import _read as replayed
from cli.times import start_ms
from reading.errors import BadInputError
from reading.event_times import Zone
from reading.transactions import Reading, checked_reading
from reading.zones import periods
from tests.cli.person_files import csv, frame, fraud, moments, parquet, read, with_column

TIME = "trans_date_trans_time"


def _csv(folder: Path, *texts: str) -> Path:
    file = folder / "t.csv"
    file.write_text(csv(len(texts), **{TIME: list(texts)}))
    return file


def _parquet(folder: Path, times: pa.Array, **options: object) -> Path:
    table = pa.Table.from_pandas(frame(len(times)), preserve_index=False)
    pq.write_table(with_column(table, TIME, times), folder / "t.parquet", **options)
    return folder / "t.parquet"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-01-06 20:21:15", datetime(2020, 1, 6, 20, 21, 15)),
        ("2020-01-06T20:21", datetime(2020, 1, 6, 20, 21)),
        ("2020-01-06 20:21:15.123987654", datetime(2020, 1, 6, 20, 21, 15, 123_000)),
        ("2020-01-06 20:21:15-05:00", datetime(2020, 1, 7, 1, 21, 15)),
        ("2020-01-06T20:21:15Z", datetime(2020, 1, 6, 20, 21, 15)),
        ("2020-01-06 20:21:15 -0500", datetime(2020, 1, 7, 1, 21, 15)),
        ("2020-01-06 20:21:15+05:30", datetime(2020, 1, 6, 14, 51, 15)),
        ("2020-01-06 20:21:15+14", datetime(2020, 1, 6, 6, 21, 15)),
        ("2020-01-06 20:21:15 UTC", datetime(2020, 1, 6, 20, 21, 15)),
        ("2020-01-06 20:21:15 America/New_York", datetime(2020, 1, 7, 1, 21, 15)),
        ("2020-07-06T20:21:15-04:00[America/New_York]", datetime(2020, 7, 7, 0, 21, 15)),
    ],
)
def test_a_time_is_taken_at_its_moment(text: str, moment: datetime, tmp_path: Path) -> None:
    assert moments(_csv(tmp_path, text, text)) == [moment, moment]


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", datetime(2020, 7, 1, 12)),
        ("America/New_York", datetime(2020, 7, 1, 16)),
        ("-05:00", datetime(2020, 7, 1, 17)),
        ("Asia/Kolkata", datetime(2020, 7, 1, 6, 30)),
    ],
)
def test_timezone_says_what_times_without_an_offset_mean(zone: str, moment: datetime, tmp_path: Path) -> None:
    reading = checked_reading(None, zone)
    naive = pa.array([datetime(2020, 7, 1, 12)], pa.timestamp("us"))
    for file in (_csv(tmp_path, "2020-07-01 12:00:00"), _parquet(tmp_path, naive)):
        said, found = read(file, reading)
        assert found == [moment]
        assert said.times == f"times without an offset taken as {zone} (--timezone)"


def test_offsets_may_differ_and_timezone_changes_none_of_them(tmp_path: Path) -> None:
    file = _csv(tmp_path, "2020-01-06 20:21:15-05:00", "2020-07-06 20:21:15-04:00", "2020-07-06 20:21:15Z")
    said, found = read(file, Reading(zone=Zone("Asia/Tokyo")))
    assert found == [datetime(2020, 1, 7, 1, 21, 15), datetime(2020, 7, 7, 0, 21, 15), datetime(2020, 7, 6, 20, 21, 15)]
    assert said.times == "times taken at their own offset (-05:00, -04:00, UTC)"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_timestamps_with_a_zone_are_moments_and_those_without_are_not(unit: str, tmp_path: Path) -> None:
    there = datetime(2020, 7, 1, 12)
    zoned = pa.array([there.replace(tzinfo=ZoneInfo("America/New_York"))], pa.timestamp(unit, "America/New_York"))
    assert moments(_parquet(tmp_path, zoned), Reading(zone=Zone("Asia/Tokyo"))) == [datetime(2020, 7, 1, 16)]
    plain = pa.array([there], pa.timestamp(unit))
    assert moments(_parquet(tmp_path, plain), Reading(zone=Zone("Asia/Tokyo"))) == [datetime(2020, 7, 1, 3)]


def test_int96_is_utc_as_its_writers_have_it(tmp_path: Path) -> None:
    file = _parquet(
        tmp_path, pa.array([datetime(2020, 7, 1, 12)], pa.timestamp("ns")), use_deprecated_int96_timestamps=True
    )
    assert moments(file, Reading(zone=Zone("Asia/Tokyo"))) == [datetime(2020, 7, 1, 12)]


@pytest.mark.parametrize(
    ("texts", "row", "has"),
    [
        (["2020-01-06 20:21:15", "2020-01-06 20:21:15", "2020-01-06 20:21:15-05:00"], 3, "has an offset"),
        (["2020-01-06T20:21:15Z", "2020-01-06 20:21:15"], 2, "has no offset"),
        (["2020-01-06 20:21:15 Europe/Berlin", "2020-01-06 20:21:15", "2020-01-06 20:21:15"], 2, "has no offset"),
    ],
)
def test_with_and_without_an_offset_is_an_error_with_the_row(
    texts: list[str], row: int, has: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=rf"t\.csv: row {row}: column {TIME}: {has}.*--timezone"):
        moments(_csv(tmp_path, *texts))


@pytest.mark.parametrize(
    "text",
    [
        *("2020-01-06", "01/06/2020 20:21", "1577961048", "2020-01-06 24:00:00", "2020-01-06 20:21:60", "2020-02-30 10:00:00"),
        *("2020-01-06 20:21:15 PST", "2020-01-06 08:21:15 PM", "2020-01-06 20:21:15+99:00", "2020-01-06 20:21:15,123"),
        *("٢٠٢٠-٠١-٠٦ ٢٠:٢١:١٥", "1999-12-31 23:00:00-05:00", "2099-12-31 23:00:00-05:00", "9999-12-31 00:00:00"),
        *(" 2020-01-06 20:21:15", "2020-1-6 1:2:3", "2020-01-06 20:21:15 Narnia/Cair", "infinity", "now"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_an_error_with_the_row(text: str, tmp_path: Path) -> None:
    first = "2020-01-06 20:21:15Z" if text.endswith("-05:00") else "2020-01-06 20:21:15"
    file = _csv(tmp_path, first, text)
    with pytest.raises(BadInputError, match=rf"row 2: column {TIME}: .*as 2020-06-21 12:14:25, or with its offset"):
        moments(file)


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        (pa.array([date(2020, 1, 6)] * 2), "date32"),
        (pa.array([time(10, 0)] * 2), "time64"),
        (pa.array([1_577_961_048] * 2), "1577961048"),
        (pa.array([1_577_961_048.5] * 2), "1577961048.5"),
        (pa.array([[1]] * 2), "list"),
        (pa.array([None, datetime(2020, 1, 6)], pa.timestamp("us")), "missing"),
    ],
)
def test_parquet_columns_of_another_kind_are_no_times(times: pa.Array, kind: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=f"{TIME}.*{kind}"):
        moments(_parquet(tmp_path, times))


def test_a_time_that_the_clocks_skipped_is_an_error_with_the_row(tmp_path: Path) -> None:
    said = r"row 2: .*2020-03-08 02:30:00 never was in America/New_York"
    with pytest.raises(BadInputError, match=said):
        moments(_csv(tmp_path, "2020-03-08 01:59:59", "2020-03-08 02:30:00"), Reading(zone=Zone("America/New_York")))
    with pytest.raises(BadInputError, match=said):
        moments(_csv(tmp_path, "2020-03-08 01:59:59-05:00", "2020-03-08 02:30:00 America/New_York"))


def test_of_an_hour_that_the_clocks_repeat_the_first_is_taken_and_said(tmp_path: Path) -> None:
    file = _csv(tmp_path, "2020-11-01 00:59:59", "2020-11-01 01:00:00", "2020-11-01 01:59:59", "2020-11-01 02:00:00")
    said, found = read(file, Reading(zone=Zone("America/New_York")))
    hours = [datetime(2020, 11, 1, 4, 59, 59), datetime(2020, 11, 1, 5), datetime(2020, 11, 1, 5, 59, 59)]
    assert found == [*hours, datetime(2020, 11, 1, 7)]
    assert said.times.endswith("; 2 of an hour that the clocks repeat taken as its first, as row 2")


ZONES = ("America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia", "UTC")


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    name=st.sampled_from(ZONES),
    clock=st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2036, 12, 30)),
)
def test_the_periods_say_what_pythons_zones_say(name: str, clock: datetime) -> None:
    zone = ZoneInfo(name)
    clock = clock.replace(microsecond=0)
    clock_ms = round((clock - datetime(1970, 1, 1)).total_seconds()) * 1000
    [period] = [one for one in periods(zone) if one.from_ms <= clock_ms][-1:]
    skipped = clock.replace(tzinfo=zone).astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None) != clock
    assert skipped == (clock_ms >= period.to_ms)
    if not skipped:
        offset = period.earlier_offset_ms if clock_ms < period.repeated_to_ms else period.offset_ms
        assert timedelta(milliseconds=offset) == clock.replace(tzinfo=zone, fold=0).utcoffset()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Berlin", "a name of the IANA database, as America/New_York"),
        ("PST", "not a time zone"),
        ("../../etc/passwd", "not a time zone"),
        ("+25:00", "not a time zone"),
        ("", "not a time zone"),
        ("٠٥:٠٠+", "not a time zone"),
    ],
)
def test_a_zone_that_is_none_is_refused_before_the_file_is_read(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (("features",), ("evaluate",), ("replay", "--model", tmp_path, "--day", "2020-01-02")):
        status, error = fraud(
            monkeypatch, capsys, *command, "--data", "none.csv", "--out", tmp_path / "out", "--timezone", name
        )
        assert (status, said in error, "--timezone" in error) == (2, True, True), error


def test_a_replay_takes_the_days_of_utc(tmp_path: Path) -> None:
    """00:30 in Tokyo is the day before in UTC."""
    file = _csv(tmp_path, "2020-01-05 12:00:00", "2020-01-06 00:30:00", "2020-01-06 09:00:00", "2020-01-07 08:59:59")
    day = start_ms(date(2020, 1, 6))
    history, live, said = replayed(file, day, Reading(zone=Zone("Asia/Tokyo")))
    assert [table["transaction_id"].to_pylist() for table in (history, live)] == [["id0", "id1"], ["id2", "id3"]]
    assert said == "times without an offset taken as Asia/Tokyo (--timezone)"


@pytest.mark.slow
def test_the_commands_say_how_the_times_were_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, said in (((), "taken as UTC"), (("--timezone", "Europe/Berlin"), "taken as Europe/Berlin")):
        file = parquet(tmp_path / "t.parquet", 40)
        for command in ("features", "evaluate"):
            out = tmp_path / command
            status, output = fraud(monkeypatch, capsys, command, "--data", file, "--out", out, *options)
            assert (status, f"times without an offset {said} (--timezone)" in output) == (0, True), output
        assert f"times without an offset {said} (--timezone)" in (out / "report.html").read_text()
