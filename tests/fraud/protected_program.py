"""The whole program with two protected fields declared, as a process of its own: prints where they are, as JSON.

A declaration is read when a module is imported, so only a new process has another one.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

DECLARED = """
DECLARED = (
    Field(name="held_group", kind="category", says="the holder's group", protected=True),
    Field(name="held_age", kind="number", says="the holder's age", least=0, most=130, protected=True),
"""
NAMES = ("held_group", "held_age")
SECRET = "kind-nobody-may-see"
AGE = 61.4375


def declare() -> None:
    """`fraud.fields`, with the two fields first."""
    spec = importlib.util.find_spec("fraud.fields")
    assert spec
    assert spec.origin
    source = Path(spec.origin).read_text(encoding="utf-8")
    assert source.count("\nDECLARED = (\n") == 1
    module = importlib.util.module_from_spec(spec)
    sys.modules["fraud.fields"] = module
    exec(compile(source.replace("\nDECLARED = (\n", DECLARED), spec.origin, "exec"), module.__dict__)  # noqa: S102


def vector() -> list[str]:
    """The names of everything that a model, a request and a vector can hold."""
    from fraud.vector import FEATURE_NAMES, INPUT_COLUMNS, given_input  # noqa: PLC0415 - after `declare`

    given = given_input({"event_ms": [0], "held_group": [SECRET], "held_age": [AGE], "category": ["travel"]})
    return [*FEATURE_NAMES, *INPUT_COLUMNS, *given.names, *given.categories, json.dumps(given.manifest())]


def stored() -> list[str]:
    """The columns of the topic `features`, of the feature groups, of decisions, and what can be looked back by."""
    from flink_src.properties import JobProperties  # noqa: PLC0415
    from flink_src.statements import insert_statements, table_statements  # noqa: PLC0415
    from fraud.columns import DECISION_COLUMNS  # noqa: PLC0415
    from fraud.features.feature import KEYS  # noqa: PLC0415
    from fraud.features.groups import FEATURE_GROUPS  # noqa: PLC0415

    job = JobProperties(bootstrap_servers="b")
    (topic,) = (text for text in table_statements(job, 1) if "CREATE TABLE features" in text)
    inserted = insert_statements(job)[0].partition("FROM (")[0]
    groups = [name for group in FEATURE_GROUPS for name, _ in group.columns]
    return [topic, inserted, *groups, *(column.name for column in DECISION_COLUMNS), *KEYS]


def decisions() -> list[str]:
    """Decisions on transactions that hold them: by a model, by the rule, and of one that the stream gave no features for."""
    from fraud.deciding import Deciding, decide_without_features  # noqa: PLC0415
    from fraud.decision import FallbackRule  # noqa: PLC0415
    from fraud.transaction import parse_transaction  # noqa: PLC0415
    from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer  # noqa: PLC0415
    from samples.deciding_world import (  # noqa: PLC0415
        MOMENT,
        feature_message,
        small_nightly,
        transaction_message,
        write_model,
    )

    held: dict[str, Any] = {"held_group": SECRET, "held_age": AGE}
    with tempfile.TemporaryDirectory() as folder:
        scorer = ModelScorer(write_model(Path(folder) / "model"))
        deciding = Deciding(nightly=KnownNightly(small_nightly()), scorer=scorer, store=MadeDecisions())
        made = list(deciding.decide_batch([feature_message(1, **held)]).decisions)
    transaction = parse_transaction(transaction_message(2, **held))
    assert transaction.optional == held
    made += decide_without_features(
        [(transaction, MOMENT)], store=MadeDecisions(), fallback=FallbackRule(), clock=lambda: 0, why="late"
    )
    assert [one.path for one in made] == ["model", "fallback"]
    return [one.to_json() for one in made]


def logs() -> list[str]:
    """What the functions at the doors say of transactions that hold them, rightly and wrongly, when everything fails."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    from samples.deciding_world import transaction_message  # noqa: PLC0415
    from samples.environments import ENVIRONMENTS  # noqa: PLC0415
    from samples.kafka import kafka_event  # noqa: PLC0415
    from samples.lambda_context import CONTEXT  # noqa: PLC0415

    def refused(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Operation")

    os.environ.update(ENVIRONMENTS["accept"] | {"AWS_DEFAULT_REGION": "us-east-1"})
    from lambda_src.accept import handler as accept  # noqa: PLC0415
    from lambda_src.kafka_event import WholeBatchFailedError  # noqa: PLC0415
    from lambda_src.telemetry import logger  # noqa: PLC0415

    stream = io.StringIO()
    logger.registered_handler.setStream(stream)  # type: ignore[attr-defined]
    accept.queue._client = type("Refusing", (), {"send_message": refused, "send_message_batch": refused})()
    accept.quarantine._client = type("Refusing", (), {"put_object": refused})()
    right = transaction_message(1, held_group=SECRET, held_age=AGE)
    wrong = [transaction_message(2, held_group=SECRET * 9), transaction_message(3, held_age=1_000 + AGE)]
    said = ""
    try:
        accept.handler(kafka_event(right, *wrong, topic="transactions"), CONTEXT)
    except WholeBatchFailedError as error:
        said = str(error)
    return [stream.getvalue(), said]


def refusals() -> list[str]:
    """Why wrong values are refused, as logs and the quarantine have it."""
    from fraud.transaction import InvalidTransactionError, parse_transaction  # noqa: PLC0415
    from samples.deciding_world import transaction_message  # noqa: PLC0415

    found = []
    for held in ({"held_group": SECRET * 9}, {"held_group": [SECRET]}, {"held_age": 1_000 + AGE}):
        try:
            parse_transaction(transaction_message(1, **held))
        except InvalidTransactionError as error:
            found.append(str(error))
    return found


def archived() -> list[str]:
    """The archive's columns."""
    from fraud.columns import TRANSACTION_COLUMNS  # noqa: PLC0415

    return [column.name for column in TRANSACTION_COLUMNS]


if __name__ == "__main__":
    declare()
    print(json.dumps({each.__name__: each() for each in (vector, stored, decisions, refusals, archived, logs)}))
