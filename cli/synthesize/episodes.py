"""`fraud synthesize episodes`: fraud as card histories."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from cli.options import Columns, Encoding, Timezone, TransactionsFile, whole
from cli.output import check_folder, whole_folder
from cli.progress import Report, console, progress
from cli.synthesize.inputs import MAX_SEED
from cli.synthesize.verdict import show_verdict
from cli.times import parse_moment
from fraud.episodes import EpisodeModel, EpisodesError, Grafted, graft, learn, sample
from fraud.episodes.ledger import COLUMNS
from fraud.episodes.sampling import MOST
from fraud.world.cards import card_numbers
from reading.errors import BadInputError
from reading.transactions import Reading, checked_reading, read_transactions
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.synthesis.episodes_quality import episodes_quality, most_known
from sagemaker_src.synthesis.episodes_use import Trial
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.judging import QUALITY, REPORT
from sagemaker_src.synthesis.page.page import write_page
from sagemaker_src.synthesis.quality.verdict import Limits
from sagemaker_src.training.split import default_test_from

WRITTEN = (
    "trans_date_trans_time",
    "cc_num",
    "merchant",
    "category",
    "amt",
    "trans_num",
    "merch_lat",
    "merch_long",
    "is_fraud",
)
"""The columns of transactions.parquet: those of Kaggle's that are read."""

_COMMAND = "synthesize episodes"
_TITLE = "Grafted attacks: what they are worth"


def episodes(
    data: TransactionsFile,
    episodes: Annotated[int, whole("How many attacks to graft.", 1, MOST)],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    known: Annotated[
        int | None, whole("Learn from so many of the attacks, drawn by the seed; default: all of them.", 1)
    ] = None,
    test_from: Annotated[
        str | None,
        typer.Option(
            help="Learn from what came before this time and graft only there, so that what comes later stays real and can be "
            "tested on, as 2020-03-01 or 2020-03-01T12:00:00 (UTC); default: the whole file.",
            metavar="TIME",
        ),
    ] = None,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate",
            help="Also measure what they are worth: train with and without them, test on real later fraud of other cards.",
        ),
    ] = False,
    resplits: Annotated[int, whole("How often --evaluate draws anew which attacks are known.", 2, 100)] = 8,
    seed: Annotated[int, whole("The same data, options and seed give the same files.", 0, MAX_SEED)] = 1,
    encoding: Encoding = None,
    timezone: Timezone = None,
    columns: Columns = "kaggle",
) -> None:
    """Learn how attacks unfold, and graft new ones onto the histories of honest cards.

    An attack is a run of frauds of one card: how many, with what pauses, in which order of amounts and categories, at what
    hours. Windowed and nightly features of grafted ones arise by themselves when the file is replayed, trained on or
    evaluated; test on real fraud only, as --test-from lets you.

    Writes transactions.parquet (the file's rows and the grafted ones, in the columns of Kaggle's fraudTrain.csv that are read,
    with made-up card numbers of no issuer), episodes.parquet (which rows were grafted), episodes.json (what was learned: as
    confidential as the frauds) and summary.json; with --evaluate quality.json and report.html, too: fidelity, privacy, use and
    the verdict, on a page that needs no network and holds no real row.

    Example: fraud synthesize episodes --data fraudTrain.csv --episodes 200 --out out/episodes

    Example: fraud synthesize episodes --data fraudTrain.csv --episodes 200 --known 20 --test-from 2020-03-01 --out out/episodes
    """
    moment = None if test_from is None else parse_moment("--test-from", test_from)
    reading = checked_reading(encoding, timezone, columns)
    check_folder(out, _COMMAND)
    with whole_folder(out, _COMMAND) as folder, progress() as report:
        table, times = _read(data, reading, seed, report)
        past = table if moment is None else _before(data, table, moment)
        report("learning, sampling, grafting", 0, 3)
        with _said(data):
            model = learn(past, known=known, seed=seed)
        report("learning, sampling, grafting", 1, 3)
        sampled = sample(model, episodes, seed)
        report("learning, sampling, grafting", 2, 3)
        with _said("--episodes"):
            grafted = graft(sampled, table, seed, before_ms=moment)
        report("learning, sampling, grafting", 3, 3)
        _write(folder, model, grafted)
        summary = _summary(model, grafted, seed)
        (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        quality = None
        if evaluate:
            with _said(data):
                trial = _trial(table, moment, known, episodes, resplits)
                quality = episodes_quality(table, *trial, limits=Limits(), seed=seed, progress=report)
            (folder / QUALITY).write_text(json.dumps(quality, indent=2) + "\n")
            write_page(folder / REPORT, quality, facts=_facts(data, *trial, seed), title=_TITLE)
    console.print(
        f"Learned from {model.episodes:,} attacks ({model.cents.size:,} frauds); grafted {episodes:,} "
        f"({summary['grafted']:,} frauds) onto {summary['cards']:,} cards; {times}",
        markup=False,
        soft_wrap=True,
    )
    if quality is not None:
        show_verdict(quality)
    console.print(f"Wrote {out}/transactions.parquet, episodes.parquet, episodes.json and summary.json")
    if quality is not None:
        console.print(f"Wrote {out}/{REPORT} (open it in a browser) and {QUALITY}", markup=False, soft_wrap=True)


def _read(data: Path, reading: Reading, seed: int, report: Report) -> tuple[pa.Table, str]:
    """The file's transactions, `ledger.COLUMNS`, with a made-up number for each card, and how their times were taken.

    The numbers depend on the order in which the cards come up and on the seed, on nothing of the cards' own numbers.
    """
    with engine() as connection:
        report(f"reading {data.name}", 0, 1)
        read = read_transactions(connection, data, "tx", secrets.token_bytes(32), reading)
        table = connection.sql("SELECT * FROM tx ORDER BY row").to_arrow_table()
        report(f"reading {data.name}", 1, 1)
    cards = table["cc_num"].cast(pa.string()).combine_chunks().dictionary_encode()
    numbers = card_numbers(np.random.default_rng([seed, 6]), len(cards.dictionary))
    made_up = pa.array(numbers, pa.string()).take(cards.indices)
    return table.set_column(table.column_names.index("cc_num"), "cc_num", made_up).select(COLUMNS), read.times


def _before(data: Path, table: pa.Table, moment: int) -> pa.Table:
    before = table.filter(pc.less(_milliseconds(table["event_time"]), moment))
    if not before.num_rows:
        raise BadInputError(f"--test-from: {data} has no transaction before it")
    return before


def _milliseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("ms")).cast(pa.int64())


@contextmanager
def _said(what: object) -> Iterator[None]:
    """What is wrong with a file or an option is a person's to mend: an error that names it."""
    try:
        yield
    except (EpisodesError, SynthesisError) as error:
        raise BadInputError(f"{what}: {error}") from error


def _trial(table: pa.Table, moment: int | None, known: int | None, episodes: int, resplits: int) -> tuple[int, Trial]:
    """From when on is tested, milliseconds since 1970, and how."""
    if moment is None:
        moment = default_test_from(_milliseconds(table["event_time"]).to_numpy())
    known = most_known(table, moment) if known is None else known
    return moment, Trial(known=known, episodes=episodes, resplits=resplits)


def _facts(data: Path, moment: int, trial: Trial, seed: int) -> list[tuple[str, str]]:
    """What the page says of the measurement."""
    tested = f"real frauds from {datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M} (UTC) on"
    return [
        ("table", data.name),
        ("tested on", f"{tested}, each time of {trial.tested:.0%} of the cards, none of which was trained on"),
        ("attacks known", f"{trial.known:,}, drawn anew for each resplit"),
        ("attacks grafted", f"{trial.episodes:,}, learned of these alone"),
        ("seed", str(seed)),
    ]


def _write(folder: Path, model: EpisodeModel, grafted: Grafted) -> None:
    rows = grafted.transactions
    columns = {
        "trans_date_trans_time": rows["event_time"].cast(pa.timestamp("ms")),
        "amt": pa.array(rows["amount_cents"].to_numpy() / 100),
        "trans_num": rows["transaction_id"],
        **{name: rows[name] for name in ("cc_num", "merchant", "category", "merch_lat", "merch_long", "is_fraud")},
    }
    pq.write_table(pa.table(columns).select(WRITTEN), folder / "transactions.parquet")
    made = pa.array(grafted.synthetic)
    episode = grafted.episode[grafted.synthetic]
    # The rows are by time, so that the steps of each attack are as well.
    step = np.zeros(episode.size, dtype=np.int64)
    order = np.argsort(episode, kind="stable")
    first = np.searchsorted(episode[order], episode[order], side="left")
    step[order] = np.arange(episode.size) - first + 1
    account = {
        "trans_num": rows["transaction_id"].filter(made),
        "cc_num": rows["cc_num"].filter(made),
        "episode": pa.array(episode + 1),
        "step": pa.array(step),
        "is_synthetic": pa.array(np.ones(episode.size, dtype=bool)),
    }
    pq.write_table(pa.table(account), folder / "episodes.parquet")
    (folder / "episodes.json").write_text(model.to_json())


def _summary(model: EpisodeModel, grafted: Grafted, seed: int) -> dict[str, Any]:
    made = grafted.transactions.filter(pa.array(grafted.synthetic))
    length = np.bincount(grafted.episode[grafted.synthetic])
    cents = made["amount_cents"].to_numpy()
    return {
        "seed": seed,
        "known_episodes": model.episodes,
        "known_frauds": int(model.cents.size),
        "episodes": int(length.size),
        "grafted": made.num_rows,
        "cards": len(made["cc_num"].unique()),
        "transactions": grafted.transactions.num_rows,
        "frauds": int(grafted.transactions["is_fraud"].to_numpy().sum()),
        "frauds_an_episode": {"median": float(np.median(length)), "most": int(length.max())},
        "amount": {name: float(np.quantile(cents, share)) / 100 for name, share in _SHARES.items()},
    }


_SHARES = {"p5": 0.05, "median": 0.5, "p95": 0.95}
