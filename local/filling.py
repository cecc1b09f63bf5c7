"""What `fraud up` fills the application with: a trained model behind its endpoint, and its nightly features.

The first time, the application's own machines make both of a made-up world, or of a person's own file, and what they made is
kept: an event starts the training machine, whose model passes its gate and takes over the endpoint, and the nightly machine adds
the last day to the sums of the nights before. Later what was kept is put back as the application itself would have it: the model
is registered as approved, and the training machine, asked to deploy again, puts the newest approved one behind the endpoint; the
nightly machine computes the night anew, from the kept sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from lambda_src.ports.model_registry import EVALUATION
from local.application import Application
from local.kept_world import WORLD, WORLDS, KeptWorld, Past, keep, kept_world, last_midnight_ms, made_past
from local.nightly import nights_before, parquet, start_nightly_on
from local.own_model import start_deploying
from local.own_past import handed_over
from local.training import new_champion, start_training

MODEL_KEY = "models/kept/output/model.tar.gz"


def fill(
    application: Application,
    folder: Path,
    told: Callable[[str], None],
    worlds: Path = WORLDS,
    own: Path | None = None,
) -> Path:
    """Leaves a trained model serving and the nightly features of the last midnight.

    Args:
        folder: for temporary files, and for what is given.
        told: of each step.
        worlds: where worlds are kept.
        own: what `local.own_past.hand_over` wrote, in place of a made-up world.

    Returns:
        A Parquet file: what the world's cards buy next, for `local.sending`.

    Raises:
        ApplicationError, ProcessError: a part did not do its work.
    """
    file, own_past = handed_over(own) if own else (None, None)
    of = file.made_of if file else ""
    kept = kept_world(worlds, of)
    past = kept.past(last_midnight_ms()) if kept else own_past or made_past(last_midnight_ms())
    application.set_card_token_key(past.token_key)
    if kept:
        _put_back(application, kept, past, told)
    else:
        what = f"the past of {file.name}" if file else f"a made-up world of {WORLD.cards:,} cards"
        told(f"{what}, {past.rows.num_rows:,} transactions: once, and kept for the next time")
        made = _make(application, past, folder, told)
        keep(past, *made, worlds, of, read_evaluation(application, made[2]))
    following = folder / "following.parquet"
    pq.write_table(past.following, following)
    return following


def _make(
    application: Application, past: Past, folder: Path, told: Callable[[str], None]
) -> tuple[dict[str, bytes], bytes, dict[str, str]]:
    """The sums of its nights, the model's archive, and what it was registered with."""
    training = start_training(application, past.rows)
    sums = nights_before(past.rows, past.cut_ms, folder)
    nightly = start_nightly_on(application, past.rows, past.cut_ms, sums)
    told("their nightly features")
    application.wait(nightly)
    told("a model: training set, training, evaluation, endpoint")
    new_champion(application, training)
    champion = application.champion()
    return sums, champion.archive, champion.metadata


def read_evaluation(application: Application, metadata: Mapping[str, str]) -> dict[str, bytes]:
    """{name: file} of what the evaluation wrote by which a model was registered."""
    folder = metadata[EVALUATION].rpartition("/")[0]
    return {
        key.rpartition("/")[2]: application.get("ModelsBucket", key)
        for key in application.keys("ModelsBucket", f"{folder}/")
    }


def put_evaluation(application: Application, kept: KeptWorld) -> None:
    """Puts back what the evaluation wrote, where the model's registration says it is: reports are made of it."""
    folder = kept.metadata[EVALUATION].rpartition("/")[0]
    for name, content in kept.evaluation.items():
        application.put("ModelsBucket", f"{folder}/{name}", content)


def _put_back(application: Application, kept: KeptWorld, past: Past, told: Callable[[str], None]) -> None:
    told("the kept model and its cards' nightly features")
    # for whoever trains again; no event is told of it without its mark of success
    application.put("CuratedBucket", "transactions/history.parquet", parquet(past.rows))
    put_evaluation(application, kept)
    training = start_deploying(application, MODEL_KEY, kept.model, kept.metadata)
    nightly = start_nightly_on(application, past.rows, past.cut_ms, kept.sums(past.cut_ms))
    application.wait(nightly)
    new_champion(application, training)
