"""What every answer has in common: the plane behind a request, the caller's device, the common members, problems.

A route answers with `reply` or raises `Refused`; anything else that escapes becomes an "internal" problem without a
traceback. What routes depend on is a coroutine: the framework would run a plain function in a thread of its own.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from console.domain.times import format_utc
from console.plane.commanding import Refused
from console.plane.service import Plane
from console.protocol.messages import Answer
from console.protocol.problems import MEDIA_TYPE, Problem

A = TypeVar("A", bound=Answer)

RETRY_AFTER_S = 5
WORTH_PACKING, WORTH_A_THREAD, LEVEL = 1024, 64 * 1024, 4
"""Bytes from which an answer is compressed, and from which on a thread of its own; zlib's level."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in {
        400: "Not HTTP",
        401: "No token, or an old one",
        403: "Not permitted",
        405: "Not a method of this address",
        408: "Too slow",
        413: "Too large",
        415: "Packed in an unknown way",
        422: "Malformed",
        500: "A fault of the program",
        503: "Busy",
    }.items()
}
"""What any route may answer besides, for the description of the API."""


def problems(**more: str) -> dict[int | str, dict[str, Any]]:
    """What one route may answer besides those: `_404="There is no such event"`."""
    return {int(status[1:]): {"description": text, "content": {MEDIA_TYPE: {}}} for status, text in more.items()}


async def plane_of(request: Request) -> Plane:
    """The plane that answers."""
    return _plane(request)


async def caller(request: Request) -> str:
    """The device whose token the request carries; raises Refused: 401 without a good one, 403 when it is revoked."""
    return device_of(request)


def _plane(request: Request) -> Plane:
    plane: Plane = request.app.state.plane
    return plane


def device_of(request: Request) -> str:
    """As `caller`, for a route that needs a token only sometimes."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    plane = _plane(request)
    device = plane.tokens.device_of(token.strip(), plane.clock()) if scheme.lower() == "bearer" else ""
    if not device:
        raise Refused(Problem("unauthenticated", "Send a token of this plane; ask for one at /v1/token."))
    check_not_revoked(plane, device)
    return device


def check_not_revoked(plane: Plane, device: str) -> None:
    """Raises Refused (403) once the device or its person was revoked; ask again after every wait."""
    revoked = plane.record.identities.revocation(device)
    if revoked:
        raise Refused(Problem("forbidden", revoked))


def may_see(plane: Plane, device: str, incident: str) -> bool:
    """Whether what belongs to that incident may be shown to the device as things stand now.

    A device that was never enrolled belongs to nobody and was certified by the root itself: it sees everything.
    """
    person = plane.record.identities.person_of(device)
    return not person or plane.record.access(incident).lets_in(person)


def check_access(plane: Plane, device: str, incident: str) -> None:
    """Raises Refused (403) when the access to that incident is limited to others."""
    if not may_see(plane, device, incident):
        raise Refused(Problem("forbidden", "The commander limited the access to this incident; ask them to be let in."))


def common(request: Request) -> dict[str, str]:
    """The members every answer carries."""
    plane = _plane(request)
    return {
        "epoch": plane.birth.epoch,
        "server_time": format_utc(plane.clock()),
        "request_id": request_id(request),
    }


def request_id(request: Request) -> str:
    """The id of this request, the same in its answer, its headers and the log."""
    scope = request.scope
    if "plane_request_id" not in scope:
        scope["plane_request_id"] = str(uuid.uuid4())
    return str(scope["plane_request_id"])


def reply(request: Request, kind: type[A], status: int = 200, **members: Any) -> Response:
    """An answer of that kind; `members` without the common ones."""
    return as_json(kind(**common(request), **members), status)


def as_json(message: BaseModel, status: int = 200) -> Response:
    """A message as it is sent."""
    return as_text(message.model_dump_json(), status)


def as_text(text: str, status: int = 200) -> Response:
    """An answer that is JSON already."""
    return Response(text, status, media_type="application/json", headers=_NO_STORE)


async def packed(request: Request, response: Response) -> Response:
    """The same answer compressed by gzip, when it is long and the caller accepts that; others are served meanwhile."""
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    response.headers["Vary"] = "Accept-Encoding"
    body = bytes(response.body)
    if "gzip" not in accepted or len(body) < WORTH_PACKING:
        return response
    headers = dict(response.headers) | {"Content-Encoding": "gzip"}
    press = partial(gzip.compress, body, LEVEL, mtime=0)
    if len(body) < WORTH_A_THREAD:
        small = press()
    else:
        small = await asyncio.get_running_loop().run_in_executor(_plane(request).packing, press)
    headers.pop("content-length", None)
    return Response(small, response.status_code, headers=headers)


def problem_response(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as it is sent, with what its kind calls for (Retry-After, WWW-Authenticate)."""
    body = problem.as_object() | common(request)
    more = dict(headers or {}) | _NO_STORE
    if problem.kind == "busy":
        more["Retry-After"] = str(RETRY_AFTER_S)
    if problem.kind == "unauthenticated":
        more["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body), problem.status, media_type=MEDIA_TYPE, headers=more)


_NO_STORE = {"Cache-Control": "no-store"}

PlaneHere = Annotated[Plane, Depends(plane_of)]
Caller = Annotated[str, Depends(caller)]
