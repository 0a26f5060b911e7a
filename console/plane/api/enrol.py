"""Enrolment over HTTP: the one address, besides `/v1/config`, that somebody unknown may talk to."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.plane import enrolment
from console.plane.api.envelope import PROBLEMS, PlaneHere, reply
from console.plane.commanding import Refused
from console.protocol.messages import EnrolAnswer, EnrolRequest
from console.protocol.problems import Problem

_log = logging.getLogger(__name__)

router = APIRouter(responses=PROBLEMS)


@router.post("/v1/enrol", response_model=EnrolAnswer)
async def enrol(request: Request, body: EnrolRequest, plane: PlaneHere) -> Response:
    """Let a device in by a one-time code; ten wrong codes a minute from one address, then it has to wait."""
    address = request.client.host if request.client is not None else ""
    seconds = asyncio.get_running_loop().time()
    if plane.wrong_codes.must_wait(address, seconds):
        raise Refused(Problem("busy", "Too many wrong codes came from this address; wait a minute and try again."))
    if enrolment.wrong_code(body, plane.record.identities):
        plane.wrong_codes.count(address, seconds)
        _log.info("a wrong enrolment code came from %s", address)
        raise Refused(Problem("forbidden", enrolment.WRONG))
    now = plane.clock()
    found = await plane.database.write(lambda tx: enrolment.enrol(tx, plane.record, body, now))
    if isinstance(found, Problem):
        raise Refused(found)
    return reply(request, EnrolAnswer, device=found.device, person=found.person, roles=list(found.roles))
