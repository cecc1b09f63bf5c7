"""`fraud send`: transactions into the application that `fraud up` left standing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.decision_lines import HEADER, plain_line, terminal_lines
from cli.endings import EndedError
from cli.options import Columns, Encoding, Timezone, decimal, whole
from cli.progress import console, progress
from fraud.api import TOGETHER
from fraud.decision import Decision, Outcome
from local import sending, sending_api
from local.api_caller import ApiCaller, emulated_url
from local.application import Application, ApplicationError
from local.background import Standing, StandingError, in_use
from local.sending_api import Refused
from reading.errors import BadInputError
from reading.transactions import USUAL, Reading, checked_reading, read_transactions
from sagemaker_src.processing.batch_features import engine

SHOWN = 10
SAYS: dict[Outcome, str] = {"approve": "approved", "review": "to review", "block": "blocked"}


def send(
    count: Annotated[int, whole("How many.", 1, 100_000)] = 100,
    rate: Annotated[float, decimal("Transactions a second.", 1, 2000)] = 50,
    attack: Annotated[bool, typer.Option(help="End with ten small purchases on one card.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Send the last --count rows of this file in place of made-up ones, as if they were made now; files as "
            "`fraud evaluate` reads them.",
            metavar="FILE",
        ),
    ] = None,
    encoding: Encoding = None,
    timezone: Timezone = None,
    columns: Columns = USUAL,
    api: Annotated[
        bool, typer.Option("--api", help="Through the scoring API, in signed requests, in place of Kafka.")
    ] = False,
    together: Annotated[int, whole("With --api: how many go in one request.", 1, TOGETHER)] = 1,
) -> None:
    """Send transactions to the standing application and show what it decides.

    Made-up ones are what the cards that its model knows buy at this time of the day: their merchants, places and amounts. A card
    buys once before any buys twice, so of more than some hundreds at once the model rightly suspects some. An application that
    stands empty gets purchases of unknown cards. With --data they are rows of a file of yours: their cards, which become tokens
    as the file is read, are unknown to it, and the declared fields that the file has go with them.

    With --api they go through the scoring API. A request that is throttled, or that a service cannot answer at the moment, is
    sent again, each time after a longer pause; a transaction that is refused is reported with the reason, keeps no other, and
    makes the exit status 1. What comes by the API alone is in no card's history, so an attack would show nothing there.

    Example: fraud send --count 200 --attack

    Example: fraud send --api --count 500 --together 20

    Example: fraud send --data transactions.csv --columns handbook --count 50
    """
    reading = checked_reading(encoding, timezone, columns)
    if data is None and (encoding is not None or timezone is not None or columns != USUAL):
        raise BadInputError("--encoding, --timezone, --columns: only with --data, the file that they are of")
    if together > 1 and not api:
        raise BadInputError("--together: only with --api, of whose requests it is the size")
    if api and attack:
        raise BadInputError(
            "--attack: not with --api; what comes by the API alone is in no card's history, where it shows"
        )
    decided: list[Decision] = []
    refused: list[Refused] = []
    try:
        standing = in_use()
        application = Application(standing.client)
        if data is None:
            purchases = _purchases(standing, application, count, attack)
        else:
            purchases = sending.of_rows(newest_rows(data, reading, application.card_token_key, count), attack=attack)
        with progress() as report:
            for one in _answers(standing, application, purchases.rows, rate, together if api else None):
                if isinstance(one, Refused):
                    refused.append(one)
                else:
                    decided.append(one)
                report("answered" if api else "decided", len(decided) + len(refused), purchases.rows.num_rows)
    except (ApplicationError, StandingError) as error:
        raise BadInputError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"the application does not answer: {error}") from error
    _show(sorted(decided, key=lambda one: one.transaction_id)[-SHOWN:])
    for line in summary(decided, purchases.attack, empty=not standing.following):
        console.print(line, markup=False, soft_wrap=True)
    if refused:
        raise EndedError("\n".join(refusals(refused)), 1)


def _answers(
    standing: Standing, application: Application, rows: pa.Table, rate: float, together: int | None
) -> Iterator[Decision | Refused]:
    """What becomes of the rows: through the API so many together, or through Kafka."""
    if together is None:
        return (Decision.from_json(row["decision"]) for row in sending.send(application, rows, rate))
    url = emulated_url(standing.endpoint, application.outputs["ApiUrl"])
    caller = ApiCaller(url, standing.credentials, standing.region, at_once=sending_api.AT_ONCE)
    return sending_api.send(caller.post, rows, rate, together)


def refusals(refused: Sequence[Refused]) -> list[str]:
    """What the API did not take, a line each of the first, and how many there are."""
    named = [f"  {one.transaction_id} ({one.status}): {one.says}" for one in refused[:SHOWN]]
    more = [f"  and {len(refused) - SHOWN:,} more"] if len(refused) > SHOWN else []
    return [f"the API refused {len(refused):,}:", *named, *more]


def _purchases(standing: Standing, application: Application, count: int, attack: bool) -> sending.Purchases:
    if not standing.following:
        return sending.of_unknown_cards(count, attack=attack, key=application.card_token_key)
    try:
        following = pq.read_table(standing.following)
    except OSError as error:
        raise BadInputError(
            f"{standing.following}, what the cards of this application buy, cannot be read ({error}); "
            "`fraud down` and `fraud up` stand it up again"
        ) from error
    return sending.of_known_cards(following, count, attack=attack, now_ms=time.time_ns() // 1_000_000)


def newest_rows(data: Path, reading: Reading, key: bytes, count: int) -> pa.Table:
    """The last rows of a file, oldest first, as they are sent; raises BadInputError as `read_transactions` does."""
    with engine() as connection:
        read = read_transactions(connection, data, "tx", key, reading)
        rows = connection.sql(f"""SELECT * EXCLUDE (row, is_fraud) FROM
            (SELECT * FROM tx ORDER BY event_time DESC, row DESC LIMIT {count}) ORDER BY event_time, row""").to_arrow_table()
    console.print(f"{data.name}: {read.transactions:,} transactions; {read.times}", markup=False, soft_wrap=True)
    return rows


def _show(newest: Iterable[Decision]) -> None:
    if console.is_terminal:
        console.print(HEADER, style="bold")
    for one in newest:
        line = terminal_lines(one, console.width) if console.is_terminal else plain_line(one)
        console.print(line, markup=False, soft_wrap=True)


def summary(decided: list[Decision], attack: frozenset[str], *, empty: bool) -> list[str]:
    """What became of them, a line each.

    Args:
        attack: the ids of those that were an attack.
        empty: whether the application stands without a trained model.
    """
    honest = [one for one in decided if one.transaction_id not in attack]
    lines = ["", f"{len(honest):,} decided: {_outcomes(honest)}; {_paths(honest)}"]
    if attack:
        burst = [one for one in decided if one.transaction_id in attack]
        lines.append(f"The attack, {len(burst)} small purchases on card {burst[0].cc_num[:8]}: {_outcomes(burst)}")
    for why, times in Counter(one.why for one in decided if one.why).most_common(3):
        lines.append(f"The fallback rule decided {times:,}: {why}")
    if empty:
        lines.append("The application stands empty (`fraud up --empty`); `fraud up` alone brings a trained model.")
    else:
        lines.append("`.venv/bin/fraud decisions` shows each with its reasons.")
    return lines


def _outcomes(decided: Iterable[Decision]) -> str:
    counts = Counter(one.outcome for one in decided)
    return ", ".join(f"{counts[outcome]:,} {says}" for outcome, says in SAYS.items())


def _paths(decided: Iterable[Decision]) -> str:
    counts = Counter(one.path for one in decided)
    return ", ".join(f"{counts[path]:,} by the {path}" for path in counts)
