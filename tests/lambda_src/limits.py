"""What AWS refuses of a call, for every call of the functions: its own models' limits, and those that only its pages state.

botocore does not look at a model's upper limits, and moto at few of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape

KIB, MIB = 1024, 1024 * 1024


def refuse_over_limits(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
    """A hook of botocore: raises ClientError for what the service would refuse."""
    problems = [*_by_model(params, model.input_shape, model.name), *_PAGES.get(model.name, _no_page)(params)]
    if problems:
        error = {"Code": "ValidationException", "Message": "; ".join(problems)}
        raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}, model.name)


def _by_model(value: Any, shape: Shape | None, path: str) -> Iterator[str]:
    if shape is None:
        return
    most = shape.metadata.get("max")
    if most is not None and shape.type_name in ("list", "map", "string", "blob") and len(value) > most:
        yield f"{path}: {len(value)}, at most {most}"
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _by_model(value[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for each in value:
            yield from _by_model(each, shape.member, f"{path}[]")
    elif shape.type_name == "map":
        for each in value.values():
            yield from _by_model(each, shape.value, f"{path}{{}}")


def _no_page(_: dict[str, Any]) -> Iterator[str]:
    return iter(())


def _batch_get_record(params: dict[str, Any]) -> Iterator[str]:
    # page feature-store-quotas: "BatchGetRecord API: can contain as many as 100 records"
    records = sum(len(each["RecordIdentifiersValueAsString"]) for each in params["Identifiers"])
    if records > 100:
        yield f"{records} records, at most 100"


def _batch_write_record(params: dict[str, Any]) -> Iterator[str]:
    # page feature-store-quotas: "Maximum size of a record: 350 KB"
    if any(len(json.dumps(entry["Record"]).encode()) > 350 * KIB for entry in params["Entries"]):
        yield "a record of over 350 KB"


def _put_events(params: dict[str, Any]) -> Iterator[str]:
    # page CalculatePutEventsEntrySize: "the total entry size must be less than 256KB", and how it is counted
    texts = [entry[name] for entry in params["Entries"] for name in ("Source", "DetailType", "Detail")]
    if sum(len(text.encode()) for text in texts) + 14 * len(params["Entries"]) >= 256 * KIB:
        yield "entries of 256 KB and more"


def _transact_write_items(params: dict[str, Any]) -> Iterator[str]:
    # page API_TransactWriteItems: "the aggregate size of the items in the transaction cannot exceed 4 MB", "no two actions can
    # target the same item"; page ServiceQuotas: an item takes 400 KB
    items = [each["Put"]["Item"] for each in params["TransactItems"]]
    if sum(map(item_bytes, items)) > 4 * MIB or any(item_bytes(item) > 400 * KIB for item in items):
        yield "items of over 4 MB, or one of over 400 KB"
    if len({item["transaction_id"]["S"] for item in items}) < len(items):
        yield "two actions on one item"


def _send_message(params: dict[str, Any]) -> Iterator[str]:
    # page API_SendMessage: at most 1 MiB (256 KiB before, which older queues keep); DelaySeconds 0 to 900
    if len(params["MessageBody"].encode()) > 256 * KIB or not 0 <= params.get("DelaySeconds", 0) <= 900:
        yield "a body of over 256 KiB, or a delay of over 900 s"


def _put_object(params: dict[str, Any]) -> Iterator[str]:
    # page object-keys: at most 1,024 bytes
    if len(params["Key"].encode()) > 1_024:
        yield "a key of over 1,024 bytes"


_PAGES = {
    "BatchGetRecord": _batch_get_record,
    "BatchWriteRecord": _batch_write_record,
    "PutEvents": _put_events,
    "TransactWriteItems": _transact_write_items,
    "SendMessage": _send_message,
    "PutObject": _put_object,
}


def item_bytes(item: dict[str, Any]) -> int:
    """The size of an item of DynamoDB."""
    # page CapacityUnitCalculations: names and values in UTF-8; a number never takes more than its digits
    return sum(len(name.encode()) + len(text.encode()) for name, value in item.items() for text in value.values())
