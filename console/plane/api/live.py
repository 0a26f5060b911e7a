"""What goes on now: counts by inventory id, the stream of samples and lamps, measured runs, captured evidence."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from console.domain.errors import InputError
from console.domain.thresholds import beyond_limits
from console.domain.times import format_utc
from console.plane.api.envelope import PROBLEMS, Caller, PlaneHere, check_access, common, problems, reply
from console.plane.backends import BackEndFault, BackEndRefusal, Measured, ServiceBackEnd
from console.plane.commanding import Refused
from console.plane.db import Transaction
from console.plane.service import Plane
from console.protocol.messages import InventoryAnswer, ValidationAnswer, ValidationRequest
from console.protocol.problems import Problem

router = APIRouter(responses=PROBLEMS)

CAPTURE_LIMIT = 50
"""Interactions asked for in one capture."""
_UUID7 = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_SEED_BITS = 31


@router.get("/v1/inventory", response_model=InventoryAnswer)
async def inventory(request: Request, plane: PlaneHere, _device: Caller) -> Response:
    """Live counts of everything the back-ends serve, with the time they are of."""
    counted_at, counts = "", dict[str, dict[str, int]]()
    for back_end in _services(plane).values():
        try:
            found = await back_end.counts()
        except (BackEndFault, BackEndRefusal) as fault:
            raise Refused(Problem("busy", fault.sentence)) from fault
        counted_at = found.counted_at
        counts |= {one: dict(n) for one, n in found.by_id.items() if one in plane.policy.inventory.items}
    return reply(request, InventoryAnswer, counted_at=counted_at or format_utc(plane.clock()), counts=counts)


@router.get(
    "/v1/metrics/stream",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events", "content": {"text/event-stream": {}}}},
)
async def metrics(
    request: Request, plane: PlaneHere, device: Caller, after: Annotated[int | None, Query(ge=0, lt=2**53)] = None
) -> Response:
    """Samples and lamps as server-sent events: `{"t", "samples"}` with an id, `{"lamps"}` without one.

    A desk that cannot keep up is let go with a comment; it connects again with the last id it had.
    """
    return StreamingResponse(plane.relay.follow(after, device), media_type="text/event-stream", headers=_tags(request))


@router.post("/v1/validations", response_model=ValidationAnswer, responses=problems(_404="No such target"))
async def validate(request: Request, body: ValidationRequest, plane: PlaneHere, device: Caller) -> Response:
    """A measured run against a target, delivered to nobody, recorded in the incident as an event of the plane's."""
    check_access(plane, device, body.incident)
    back_end = _serving(plane, body.target)
    try:
        measured = await back_end.validate(body.target, body.cases, secrets.randbits(_SEED_BITS))
    except (BackEndFault, BackEndRefusal) as fault:
        raise Refused(Problem("busy", fault.sentence)) from fault
    validation = plane.record.new_id()
    event = await plane.database.write(lambda tx: _write(tx, plane, body, validation, measured))
    return reply(
        request,
        ValidationAnswer,
        validation_id=validation,
        event_id=event,
        cases=measured.cases,
        passed=measured.passed,
        measures=dict(measured.measures),
    )


@router.get(
    "/v1/captures",
    response_class=StreamingResponse,
    responses=problems(_404="No such target")
    | {200: {"description": "Items, one a line", "content": {"application/x-ndjson": {}}}},
)
async def captures(
    request: Request,
    plane: PlaneHere,
    device: Caller,
    incident: Annotated[str, Query(pattern=_UUID7)],
    target: Annotated[str, Query(max_length=100)],
) -> Response:
    """Evidence on a target, an item a line (NDJSON), passed on from the back-end; the plane keeps nothing of it."""
    check_access(plane, device, incident)
    back_end = _serving(plane, target)
    try:
        items = await back_end.capture(target, CAPTURE_LIMIT)
    except (BackEndFault, BackEndRefusal) as fault:
        raise Refused(Problem("busy", fault.sentence)) from fault

    async def lines() -> AsyncIterator[bytes]:
        for item in items:
            yield json.dumps(item).encode() + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=_tags(request))


def _services(plane: Plane) -> dict[str, ServiceBackEnd]:
    """The back-ends that stand before the service itself, by name."""
    return {name: b for name, b in plane.operator.back_ends.items() if isinstance(b, ServiceBackEnd)}


def _serving(plane: Plane, target: str) -> ServiceBackEnd:
    """The back-end that serves an inventory item, by preference one that enforces switches on it.

    Raises Refused for an unmapped item, or when no such back-end is connected.
    """
    try:
        item = plane.policy.inventory.item(target)
    except InputError as error:
        raise Refused(Problem("not_found", error.sentence)) from error
    names = {e.adapter for e in plane.policy.inventory.enforcements if e.target in (item.id, item.environment)}
    services = _services(plane)
    serving = [back_end for name, back_end in services.items() if name in names] or list(services.values())
    if not serving:
        raise Refused(Problem("busy", f"No back-end that serves {item.id} is connected; check the plane's settings."))
    return serving[0]


def _write(tx: Transaction, plane: Plane, body: ValidationRequest, validation: str, measured: Measured) -> str:
    event: dict[str, Any] = {
        "validation_id": validation,
        "target": body.target,
        "cases": measured.cases,
        "passed": measured.passed,
        "measures": dict(measured.measures),
        "beyond": list(beyond_limits(plane.policy.thresholds, measured.measures)),
        "measured_at": format_utc(plane.clock()),
    }
    return plane.record.write(tx, "validation.measured", body.incident, event)


def _tags(request: Request) -> dict[str, str]:
    """The common members as headers, where the body is a stream."""
    return {f"x-{name.replace('_', '-')}": text for name, text in common(request).items() if name != "request_id"} | {
        "Cache-Control": "no-store"
    }
