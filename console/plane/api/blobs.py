"""Evidence over HTTP: put in parts by offset, asked how far it is, read back whole or in part.

A device with a token may send ciphertext and read it, except that of an incident whose access is limited to others. Who
can open it is decided by whom it was encrypted to.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response, StreamingResponse

from console.domain.errors import InputError
from console.plane import journal
from console.plane.api.envelope import (
    PROBLEMS,
    Caller,
    PlaneHere,
    check_access,
    problem_response,
    problems,
    reply,
)
from console.plane.blobs import Blobs, Held, Misplaced
from console.plane.commanding import Refused
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import BlobAnswer
from console.protocol.problems import MEDIA_TYPE, Problem

router = APIRouter(responses=PROBLEMS)

BINARY = "application/octet-stream"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_MISSING = Problem("not_found", "This plane does not hold that blob; whoever has it must send it.")

_Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the ciphertext")]
_WHERE = {
    "Upload-Offset": {"description": "Bytes held", "schema": {"type": "integer", "minimum": 0}},
    "Upload-Length": {"description": "Bytes of the whole", "schema": {"type": "integer", "minimum": 0}},
}
_BODY = {"requestBody": {"required": True, "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}}}
_NONE = problems(_404="Not held")


@router.put(
    "/v1/blobs/{sha256}",
    response_model=BlobAnswer,
    responses={409: {"description": "The next part begins elsewhere", "content": {MEDIA_TYPE: {}}, "headers": _WHERE}},
    openapi_extra=_BODY,
)
async def put(
    request: Request,
    plane: PlaneHere,
    device: Caller,
    sha256: _Sha256,
    upload_offset: Annotated[int, Header(ge=0, le=DEFAULT_LIMITS.blob_bytes)],
    upload_length: Annotated[int, Header(ge=1, le=DEFAULT_LIMITS.blob_bytes)],
) -> Response:
    """One part of a blob of age ciphertext, on the disk before this is answered; the last one decides by the hash."""
    data = await request.body()
    async with plane.sending(sha256, device):
        try:
            held = await asyncio.to_thread(plane.blobs.add, sha256, device, upload_offset, upload_length, data)
        except Misplaced as error:
            found = await asyncio.to_thread(plane.blobs.held, sha256, device) or Held(0, upload_length, complete=False)
            return problem_response(request, Problem("conflict", error.sentence), _where(found))
        except InputError as error:
            raise Refused(Problem("malformed", error.sentence)) from error
    return reply(request, BlobAnswer, sha256=sha256, offset=held.offset, size=held.size, complete=held.complete)


@router.head(
    "/v1/blobs/{sha256}",
    response_class=Response,
    responses=_NONE | {200: {"description": "How far it is", "headers": _WHERE}},
)
async def head(request: Request, plane: PlaneHere, device: Caller, sha256: _Sha256) -> Response:
    """How much of a blob the plane holds of what this device sends; complete when both are equal."""
    held = await asyncio.to_thread(plane.blobs.held, sha256, device)
    if held is None:
        raise Refused(_MISSING)
    return Response(status_code=200, headers=_where(held))


@router.get(
    "/v1/blobs/{sha256}",
    response_class=Response,
    responses=_NONE
    | {
        200: {"description": "All of it", "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The part", "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}},
        416: {"description": "It has no such part", "content": {MEDIA_TYPE: {}}},
    },
)
async def get(
    request: Request,
    sha256: _Sha256,
    plane: PlaneHere,
    device: Caller,
    range: Annotated[str, Header(max_length=100)] = "",  # noqa: A002 - HTTP's own name
) -> Response:
    """The ciphertext, or with one `Range` of bytes a part of it; several ranges are answered by the whole."""
    held = await asyncio.to_thread(plane.blobs.held, sha256, device)
    if held is None or not held.complete:
        raise Refused(_MISSING)
    person = plane.record.identities.person_of(device)
    closed = plane.record.closed_to(person) if person else ()
    if closed:
        named = await plane.database.read(lambda found: journal.incident_naming_blob(found, sha256, closed))
        if named:
            check_access(plane, device, named)
    part = _part(range, held.size)
    if part is None:
        problem = Problem("out_of_range", f"This blob has {held.size} bytes; ask for some of them.")
        return problem_response(request, problem, {"Content-Range": f"bytes */{held.size}"})
    start, end = part
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start), "ETag": f'"{sha256}"'}
    if range and (start, end) != (0, held.size):
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{held.size}"
    status = 206 if "Content-Range" in headers else 200
    return StreamingResponse(_pieces(plane.blobs, sha256, start, end), status, headers, media_type=BINARY)


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """(first byte, byte after the last) of what was asked for; the whole for what is no single range, None for none."""
    found = _RANGE.fullmatch(asked.replace(" ", ""))
    if found is None or found[1] == found[2] == "":
        return 0, size
    if not found[1]:
        count = min(int(found[2]), size)
        return (size - count, size) if count else None
    start, end = int(found[1]), min(int(found[2] or size) + 1, size)
    return (start, end) if start < end else None


async def _pieces(blobs: Blobs, sha256: str, start: int, end: int) -> AsyncIterator[bytes]:
    pieces = blobs.read(sha256, start, end)
    try:
        while (piece := await asyncio.to_thread(next, pieces, b"")) != b"":
            yield piece
    finally:
        await asyncio.shield(asyncio.to_thread(pieces.close))


def _where(held: Held) -> dict[str, str]:
    return {"Upload-Offset": str(held.offset), "Upload-Length": str(held.size)}
