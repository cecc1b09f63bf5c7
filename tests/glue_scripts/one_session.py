"""The job on one Spark session for all runs: reads a JSON list of arguments a line, answers with status and what it said."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback


def main() -> None:
    """Runs until its input ends."""
    # in the engines' environment, not in that which collects the tests
    from pyspark.sql import SparkSession  # noqa: PLC0415

    from glue_scripts import transform  # noqa: PLC0415

    SparkSession.stop = lambda _: None  # each run would end the session
    for line in sys.stdin:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                status = transform.main(json.loads(line))
            except Exception:  # noqa: BLE001 - the other tests' session goes on
                status = -1
                traceback.print_exc()
        print("answer " + json.dumps([status, said.getvalue()]), flush=True)


if __name__ == "__main__":
    main()
