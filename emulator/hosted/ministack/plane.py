"""The address, the services beside its own, and its CloudFormation."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from emulator.hosted.ministack.judging import OURS, one_request
from emulator.hosted.ministack.names import app, cloudwatch, ec2, provisioners, router, stacks
from emulator.protocol.wire import Answer, Request

_ZONES = "abcdef"
"""Of us-east-1 (page *aws-availability-zones*)."""


async def serve(port: int, stopped: asyncio.Event, pages: Mapping[str, Callable[[], Any]]) -> None:
    """Serves at a port of the loopback address until `stopped`.

    Args:
        pages: {path: gives what is shown there as JSON}, for whoever runs this.
    """
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"

    async def over_tls(scope: dict[str, Any], receive: Any, send: Any) -> None:
        # The loopback address stands for TLS: policies that refuse plain HTTP would refuse everything here.
        page = pages.get(scope["path"]) if scope["type"] == "http" else None
        if page:
            body = json.dumps(await asyncio.to_thread(page)).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            with one_request():
                await app.app(scope | {"scheme": "https"} if scope["type"] == "http" else scope, receive, send)

    served: Any = over_tls  # hypercorn's own types of an application are narrower than what it takes
    await hypercorn_serve(served, config, shutdown_trigger=stopped.wait)


def add_services(signing_names: set[str], answer: Callable[[Request], Answer]) -> None:
    """Requests signed for these services go to `answer`, on a thread of their own, after their signature was checked."""
    detect = router.detect_service

    def with_ours(method: str, path: str, headers: dict[str, str], query: dict[str, list[str]]) -> str:
        credential = headers.get("authorization", "").partition("Credential=")[2].split("/")
        return OURS if len(credential) > 3 and credential[3] in signing_names else detect(method, path, headers, query)

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        given = await asyncio.to_thread(answer, Request(method, path, headers, body or b"", query))
        return given.status, given.headers, given.body

    router.detect_service = app.detect_service = with_ours
    app.SERVICE_HANDLERS[OURS] = handle


def evaluate_alarms(every_s: float) -> None:
    """Alarms are looked at now and then, as the service does; MiniStack looks when a metric is put by a call alone."""

    def look() -> None:
        while True:
            time.sleep(every_s)
            cloudwatch._evaluate_all_alarms()

    threading.Thread(target=look, name="alarms", daemon=True).start()


def add_types(types: dict[str, dict[str, Callable[..., Any]]]) -> None:
    """Types for its CloudFormation: {type: {"create": (logical id, properties, stack) -> (physical id, attributes), ...}}."""
    provisioners._RESOURCE_HANDLERS.update(types)
    theirs = stacks._runs_on_worker_thread
    # ours start processes and call back into this address: never on the thread that answers requests
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in types or theirs(resource_type)


def type_handlers(kind: str) -> dict[str, Callable[..., Any]]:
    """How its CloudFormation makes a type."""
    return dict(provisioners._RESOURCE_HANDLERS[kind])


def watch_resources(made: Callable[[str, str, str, dict[str, Any], str, dict[str, Any]], None]) -> None:
    """Tells (stack, logical id, type, properties, physical id, attributes) of each resource that a stack has made."""
    provision = stacks._provision_resource

    def watched(resource_type: str, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        physical_id, attributes = provision(resource_type, logical_id, properties, stack)
        made(stack, logical_id, resource_type, properties, physical_id, attributes)
        return physical_id, attributes

    stacks._provision_resource = watched


def know_all_zones() -> None:
    """Subnets stand in the zone that they name by its id: MiniStack knows three of a region, and puts others into the first."""
    theirs = provisioners._ec2_subnet_zone

    def zone(properties: dict[str, Any]) -> str:
        asked = properties.get("AvailabilityZoneId")
        found = str(theirs(properties))
        if asked and not properties.get("AvailabilityZone"):
            names = (f"{ec2.get_region()}{letter}" for letter in _ZONES)
            found = next((name for name in names if ec2._az_id_for_zone_name(name) == asked), "")
            if not found:
                raise ValueError(f"there is no availability zone {asked}")
        return found

    provisioners._ec2_subnet_zone = zone


def refer_to_secrets_by_arn() -> None:
    """`Ref` of a secret is its ARN in AWS; MiniStack's is its name, which no policy's resource matches."""
    kind = "AWS::SecretsManager::Secret"
    theirs = provisioners._RESOURCE_HANDLERS[kind]

    def create(*given: Any) -> tuple[str, dict[str, Any]]:
        _, attributes = theirs["create"](*given)
        return attributes["Arn"], attributes

    def update(physical_id: str, *given: Any) -> tuple[str, dict[str, Any]]:
        _, attributes = theirs["update"](_secret_name(physical_id), *given)
        return attributes["Arn"], attributes

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        theirs["delete"](_secret_name(physical_id), properties)

    provisioners._RESOURCE_HANDLERS[kind] = {**theirs, "create": create, "update": update, "delete": delete}


def _secret_name(secret_arn: str) -> str:
    # six characters of the service's own follow the name
    return secret_arn.rsplit(":", 1)[-1].rsplit("-", 1)[0]
