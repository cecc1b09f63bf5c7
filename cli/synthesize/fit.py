"""`fraud synthesize fit`: a generator that learns the frauds of a table."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import Encoding, decimal, whole
from cli.output import check_folder, whole_folder
from cli.plain_table import refuse_numbers_as_text
from cli.progress import console, noted, progress
from cli.synthesize.inputs import MAX_SEED, Label, Positive, rows_of, said_of
from cli.work_folder import Work, work_folder, work_place
from fraud.notation import NotationError, decimal_number
from reading.errors import BadInputError
from reading.text import checked_encoding
from sagemaker_src import synthesis
from sagemaker_src.synthesis.fitting import HELD_OUT, FitRequest, Fitted, learn

_COMMAND = "synthesize fit"


class Kind(StrEnum):
    """What learns: `sagemaker_src.synthesis.generators.KINDS`."""

    WGAN = "wgan"
    COPULA = "copula"
    SMOTE = "smote"
    RESAMPLING = "resampling"


def fit(
    data: Annotated[
        Path,
        typer.Option(help="CSV or Parquet: any table with a column that says which rows are fraud.", metavar="FILE"),
    ],
    label: Label,
    positive: Positive,
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier fit wrote it.", metavar="DIR")],
    generator: Annotated[
        Kind,
        typer.Option(
            help="A network (wgan); or, to compare it with: a Gaussian copula, points between neighbours (smote), "
            "the same rows again (resampling)."
        ),
    ] = Kind.WGAN,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave a column out, as an identifier or a name; may be given again.", metavar="COLUMN"),
    ] = None,
    bounds: Annotated[
        list[str] | None,
        typer.Option(
            help="The least and the most that a column's values may be, as Amount=0:5000 or Amount=0:; default: those that "
            "are there. May be given again.",
            metavar="COLUMN=LOW:HIGH",
        ),
    ] = None,
    held_out: Annotated[
        float,
        decimal("Share of the frauds to keep apart, so that others measure what was made; 0: learn of all.", 0, 0.9),
    ] = HELD_OUT,
    epochs: Annotated[int | None, whole("How often the network sees every fraud; default: 500.", 1, 100_000)] = None,
    epsilon: Annotated[
        float | None,
        decimal(
            "Learn with differential privacy, at most this epsilon; costs quality, and needs --bounds for each column of "
            "numbers.",
            0.01,
            1000,
        ),
    ] = None,
    delta: Annotated[
        float | None,
        decimal("With --epsilon: how likely that is not kept; default: 1 in 10 times the rows.", 1e-12, 0.5),
    ] = None,
    seed: Annotated[
        int,
        whole(
            "The same file, options and seed give the same model, byte for byte; with --epsilon the noise is secret.",
            0,
            MAX_SEED,
        ),
    ] = 1,
    encoding: Encoding = None,
) -> None:
    """Learn the frauds of a table, to make new ones like them.

    Writes the model into a folder. One fraud in five is held out, so that `fraud synthesize evaluate` has rows that the
    model has not seen. Columns with card numbers, and those that name each row, are refused: leave them out.

    Stopped with Ctrl-C or killed, the same command goes on from the last checkpoint (kept beside --out, as .model-fit), and ends
    with the same model.

    Example: fraud synthesize fit --data creditcard.csv --label Class --positive 1 --out out/model

    Example: fraud synthesize fit --data claims.parquet --label outcome --positive fraud --without claim_id --out out/model

    Example: fraud synthesize fit --data claims.csv --label outcome --positive fraud --without claim_id --epsilon 8
    --bounds amount=0:20000 --bounds age=18:110 --out out/private-model
    """
    encoding = checked_encoding(encoding)
    settings = _settings(generator, epochs, epsilon, delta, bounds or [])
    request = FitRequest(label, positive, tuple(without or ()), generator.value, settings, held_out, seed)
    check_folder(out, _COMMAND)
    with progress() as report:
        table = rows_of(data, encoding, report)
        refuse_numbers_as_text(data, table, (label, *request.without))
        with _stopped_kindly(out), work_folder(out, _asked(data, request, encoding), _COMMAND) as work:
            _say_begun(work, out)
            with said_of(data):
                learned = learn(
                    table, request, file=data.name, progress=noted(report, "learning"), work=work.checkpoints
                )
            with whole_folder(out, _COMMAND) as folder:
                learned.save(folder)
    say_fitted(learned.fitted, out)


def _settings(
    kind: Kind, epochs: int | None, epsilon: float | None, delta: float | None, bounds: list[str]
) -> dict[str, Any]:
    own = {"epochs": epochs, "epsilon": epsilon, "delta": delta, "bounds": dict(map(_bound, bounds)) or None}
    given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    if given and kind is not Kind.WGAN:
        raise BadInputError(f"--{next(iter(given))}: only the network has it; leave it out, or --generator wgan")
    unbounded = [name for name, limits in given.get("bounds", {}).items() if not all(map(math.isfinite, limits))]
    if epsilon is not None and unbounded:
        raise BadInputError(f"--bounds: {unbounded[0]}: with --epsilon, needed: both, as {unbounded[0]}=0:5000")
    if delta is not None and epsilon is None:
        raise BadInputError("--delta: goes with --epsilon; name that too, or leave it out")
    return given


def _bound(text: str) -> tuple[str, tuple[float, float]]:
    column, _, limits = text.rpartition("=")
    low, colon, high = limits.partition(":")
    try:
        least = decimal_number(low) if low else float("-inf")
        most = decimal_number(high) if high else float("inf")
    except NotationError as error:
        raise BadInputError(f"--bounds: {text}: {error}") from error
    if not column or not colon or least > most:
        raise BadInputError(
            f"--bounds: {text!r}; allowed: COLUMN=LOW:HIGH, as Amount=0:5000, Amount=0: or Amount=:5000"
        )
    return column, (least, most)


def _asked(data: Path, request: FitRequest, encoding: str | None) -> dict[str, Any]:
    """All that the model depends on, as JSON has it."""
    with data.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    given = {"request": vars(request), "data": content, "encoding": encoding, "made_by": _made_by()}
    asked: dict[str, Any] = json.loads(json.dumps(given))
    return asked


def _made_by() -> dict[str, str]:
    """The programs that learn: checkpoints of others are no use."""
    code = hashlib.sha256()
    for path in sorted(Path(synthesis.__path__[0]).glob("*.py")):
        code.update(path.read_bytes())
    libraries = {name: version(name) for name in ("jax", "numpy", "optax", "pandas")}
    return {"code": code.hexdigest(), **libraries}


@contextmanager
def _stopped_kindly(out: Path) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        if work_place(out, _COMMAND).exists():
            console.print(
                f"fraud: stopped; the same command goes on from the last checkpoint, in {work_place(out, _COMMAND)}",
                markup=False,
                soft_wrap=True,
            )
        raise


def _say_begun(work: Work, out: Path) -> None:
    if work.resumed:
        console.print("Going on from the last checkpoint of the fit that was stopped", markup=False)
    if work.dropped:
        console.print(
            f"Starting anew: the fit that was stopped ({work_place(out, _COMMAND)}) had other data, options or programs",
            markup=False,
            soft_wrap=True,
        )


def say_fitted(fitted: Fitted, out: Path) -> None:
    """What was learned of, and what to do next."""
    apart = (
        f"{len(fitted.held_out):,} are held out to measure with (--held-out 0 learns of all)"
        if fitted.held_out
        else "none is held out, so how private the rows are cannot be measured against others"
    )
    console.print(f"Learned {len(fitted.trained):,} of {fitted.rows:,} frauds; {apart}", markup=False, soft_wrap=True)
    console.print(f"Wrote {out}; next:", markup=False, soft_wrap=True)
    console.print(
        f"  fraud synthesize sample --model {out} --rows 1000 --out {out.parent}/synthetic.csv",
        markup=False,
        soft_wrap=True,
    )
