"""The SQL of the features, put together from the `.sql` files beside this one.

Each function takes the name of a relation (or a SELECT in parentheses) and gives a SELECT. The text is the same for every
engine; an engine's program only says where its rows come from and go to.
"""

from __future__ import annotations

from importlib.resources import files

STREAM_WINDOWS = ("10m", "1h", "1d")


def sql_text(name: str) -> str:
    """The text of `NAME.sql` without its comments."""
    lines = files("fraud.features").joinpath(f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def stream_sql(source: str) -> str:
    """The stream features of every row of `source`.

    Args:
        source: a relation with `cc_num`, `amount_cents` BIGINT, `event_time` TIMESTAMP(3) in UTC and `event_ms` BIGINT (the
            same moment in milliseconds since 1970), each transaction once. Its other columns pass through.

    >>> stream_sql("SELECT * FROM t").count("WINDOW w AS")
    3
    """
    for window in STREAM_WINDOWS:
        source = sql_text(f"window_{window}").format(source=source)
    return source
