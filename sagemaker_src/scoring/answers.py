"""A model's answers, joined to the rows that they are about: each row judged as the deciding step judges a payment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from fraud.answers import checked, reasons_of
from fraud.decision import Outcome, Reason, Thresholds
from fraud.model_input import ModelInput
from fraud.model_request import read_scores
from fraud.ports import ScorerUnavailableError, Scores
from sagemaker_src.scoring.part import Part, file_source, read_part, rows_in

OUT = ".out"
"""What a batch transform puts after the name of what it answers (page API_TransformOutput)."""


class AnswersError(ValueError):
    """The answers are not those to the rows: says which, and what is wrong."""


class Judged(NamedTuple):
    """n rows of a part, judged: the score, the outcome and the reasons of each; None where no reasons were asked for."""

    scores: Sequence[float]
    outcomes: list[Outcome]
    reasons: list[tuple[Reason, ...]] | None


class Model(NamedTuple):
    """What answered: the same in all answers.

    Attributes:
        version: the model's.
        thresholds: those of its evaluation.
        missing: the features that it takes and that were not given.
    """

    version: str
    thresholds: Thresholds
    missing: tuple[str, ...]


def answer_files(rows: Path, answers: Path) -> list[tuple[Path, Path]]:
    """The parts in their order, each with the file of its answer.

    Raises:
        AnswersError: a part has no answer, or an answer no part.
    """
    parts = {path.stem: path for path in sorted(rows.glob("part-*.parquet"))}
    found = {path.name.removesuffix(OUT): path for path in sorted(answers.rglob(f"part-*{OUT}"))}
    if not parts:
        raise AnswersError(f"{rows} holds no rows; allowed: what sagemaker_src.scoring.requests has written")
    if unanswered := sorted(parts.keys() - found.keys()):
        raise AnswersError(f"{len(unanswered)} of {len(parts)} parts have no answer, as {unanswered[0]}{OUT}")
    if unasked := sorted(found.keys() - parts.keys()):
        raise AnswersError(f"{len(unasked)} answers are to none of the {len(parts)} parts, as {unasked[0]}{OUT}")
    return [(path, found[name]) for name, path in parts.items()]


def judge(connection: duckdb.DuckDBPyConnection, rows: Path, answer: Path, *, explained: bool) -> tuple[Model, Judged]:
    """A part's rows, judged by the answer to them.

    Args:
        explained: whether reasons were asked for.

    Raises:
        AnswersError: it is no answer to these rows.
    """
    reasons = None
    try:
        scores = read_scores(answer.read_bytes())
        if explained:
            part = read_part(connection, file_source(rows))
            scores = checked(scores, part.given, len(part.vectors))
            reasons = reasons_of_part(part, scores)
        else:
            count = rows_in(connection, rows)
            scores = checked(scores._replace(reasons=[()] * count), ModelInput((), {}), count)
    except ScorerUnavailableError as error:
        raise AnswersError(f"{answer.name}: {error}") from error
    outcomes = [scores.thresholds.outcome(score) for score in scores.scores]
    return (
        Model(scores.model_version, scores.thresholds, scores.missing),
        Judged(scores.scores, outcomes, reasons),
    )


def reasons_of_part(part: Part, scores: Scores) -> list[tuple[Reason, ...]]:
    """The reasons of each row of a part, as a model's answer has them."""
    positions = {name: position for position, name in enumerate(part.given.names)}
    texts = [dict(zip(part.texts, row, strict=True)) for row in zip(*part.texts.values(), strict=True)]
    rows = zip(scores.reasons, part.vectors.tolist(), texts, strict=True)
    return [reasons_of(contributions, vector, positions, text) for contributions, vector, text in rows]


def same_model(models: Sequence[Model]) -> Model:
    """The one model that gave all answers.

    Raises:
        AnswersError: there were several.
    """
    counts = Counter(model.version for model in models)
    if len(counts) > 1 or len({model.thresholds.model_dump_json() for model in models}) > 1:
        raise AnswersError(f"the answers are of several models: {', '.join(sorted(counts))}; allowed: of one")
    return models[0]
