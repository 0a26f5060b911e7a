"""Switches over HTTP: preview, order, where an order stands."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from console.domain.commands import UNKNOWN
from console.domain.times import format_utc
from console.plane.api.envelope import PROBLEMS, Caller, PlaneHere, check_access, check_not_revoked, problems, reply
from console.plane.ledger import Command
from console.plane.ledger import Result as Shown
from console.plane.service import Plane
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import CommandRequest, CommandStatus, Observation, Result, SelectAnswer, SelectRequest

router = APIRouter(responses=PROBLEMS)


@router.post(
    "/v1/commands/select",
    response_model=SelectAnswer,
    responses=problems(_404="No such target, or nothing enforces that switch on it"),
)
async def select(request: Request, body: SelectRequest, plane: PlaneHere, device: Caller) -> Response:
    """Open the sheet: what the data path shows now, what would be reached, and a token for having seen it."""
    check_access(plane, device, body.incident)
    shown = await plane.commanding.select(body, device)
    observation = Observation(
        state=shown.state,  # type: ignore[arg-type]  # one of the three by construction, checked again by the model
        observed_at=format_utc(shown.observed_at),
        method=shown.method,  # type: ignore[arg-type]
        generation=shown.generation,
        command_id=shown.command_id,
    )
    return reply(
        request,
        SelectAnswer,
        select_token=shown.token,
        generation=shown.generation,
        observation=observation,
        scope=shown.scope,
        ids=list(shown.ids),
        counts=dict(shown.counts),
        reached={one: dict(numbers) for one, numbers in shown.reached.items()},
        counted_at=shown.counted_at,
        adapter=shown.adapter,
        capabilities=shown.capability.flags() if shown.capability is not None else {},
        policy_hash=plane.policy.hash,
        pending=shown.pending,
    )


@router.post(
    "/v1/commands",
    response_model=CommandStatus,
    status_code=202,
    responses=problems(_404="No such target", _409="Stale, or another order under this id", _410="Expired"),
)
async def operate(request: Request, body: CommandRequest, plane: PlaneHere, device: Caller) -> Response:
    """Take a signed order: answered right after its intent is committed; the same order again acts once."""
    command = await plane.commanding.submit(body, device)
    return _status(request, command, 202)


@router.get("/v1/commands/{command_id}", response_model=CommandStatus, responses=problems(_404="No such command"))
async def status(
    request: Request,
    plane: PlaneHere,
    device: Caller,
    command_id: str,
    wait: Annotated[float, Query(ge=0, le=DEFAULT_LIMITS.long_poll_s)] = 0.0,
    state: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Where an order stands; with `wait` held until it reaches `state`, cannot any more, or the time is over."""
    command = await _awaited(plane, command_id, wait, state)
    check_not_revoked(plane, device)
    check_access(plane, device, command.incident)
    return _status(request, command, 200)


async def _awaited(plane: Plane, command_id: str, seconds: float, state: str) -> Command:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        command = await plane.commanding.status(command_id)
        over = command.state == state or command.is_over or command.state == UNKNOWN
        left = deadline - loop.time()
        if over or left <= 0 or plane.is_closing or not await plane.database.changed.wait(left):
            return command


def _status(request: Request, command: Command, code: int) -> Response:
    observation = Observation(**command.observation) if command.observation else None
    return reply(
        request,
        CommandStatus,
        code,
        command_id=command.command_id,
        state=command.state,
        generation=command.generation,
        acknowledged_at=command.acknowledged_at,
        dispatched_at=command.dispatched_at,
        observed_at=command.observed_at,
        observation=observation,
        refuses_new=_result(command.result("refuses_new")),
        streams_cut=_result(command.result("streams_cut")),
        survives_restart=_result(command.result("survives_restart")),
        problem=dict(command.problem),
    )


def _result(shown: Shown) -> Result:
    return Result(result=shown.result, evidence=shown.evidence)  # type: ignore[arg-type]  # checked by the model
