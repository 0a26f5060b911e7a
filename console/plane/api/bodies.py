"""Reading a request's body before anything parses it: counted, timed, and unpacked within the same bounds.

A body that is too large, too slow or cannot be unpacked never reaches the application; what was read is given back.
"""

from __future__ import annotations

import asyncio
import zlib

from starlette.types import Message, Receive

from console.protocol.limits import DEFAULT_LIMITS

LARGEST = {"/v1/events": DEFAULT_LIMITS.push_bytes, "/v1/commands": 2 * DEFAULT_LIMITS.command_bytes}
"""Bytes a body may have as it is sent, by path; a piece of a blob has a limit of its own, everything else is small."""
SMALL = 64 * 1024
BLOBS = "/v1/blobs/"
UNPACKED = {"/v1/events": 4 * DEFAULT_LIMITS.push_bytes}
"""Bytes a packed body may have unpacked, by path; elsewhere as many as unpacked ones."""
START_S, SLOWEST_BYTES_S = 10.0, 8 * 1024
"""A body has this long, and longer only by what has arrived of it: who sends a byte at a time is not waited for."""
_PIECE = 256 * 1024
_GZIP = 31
"""zlib's way of saying: a gzip header and nothing else."""


class TooLarge(Exception):
    """A body grew beyond what its path allows, as sent or unpacked."""


class TooSlow(Exception):
    """A body did not arrive in its time."""


class Garbled(Exception):
    """A packed body cannot be unpacked."""


class Gone(Exception):
    """The caller left before its body was whole: nothing of it is acted upon."""


def limit_of(path: str) -> int:
    """Bytes a body for `path` may have as it is sent."""
    return DEFAULT_LIMITS.blob_chunk_bytes if path.startswith(BLOBS) else LARGEST.get(path, SMALL)


async def body_first(receive: Receive, path: str, *, packed: bool) -> tuple[bytes, Receive]:
    """The whole body, unpacked, and what gives it back to an application and then goes on as before.

    Raises TooLarge, TooSlow, Garbled and Gone. Reading it here and not on the way keeps a framework's own handling of
    parse errors out of it.
    """
    body = await _whole(receive, limit_of(path))
    if packed:
        body = await _unpacked(body, UNPACKED.get(path, limit_of(path)))
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return body, again


async def _whole(receive: Receive, limit: int) -> bytes:
    body, more = bytearray(), True
    loop = asyncio.get_running_loop()
    started = loop.time()
    while more:
        try:
            async with asyncio.timeout_at(started + START_S + len(body) / SLOWEST_BYTES_S):
                message = await receive()
        except TimeoutError as error:
            raise TooSlow from error
        if message["type"] != "http.request":
            raise Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise TooLarge
    return bytes(body)


async def _unpacked(body: bytes, limit: int) -> bytes:
    """What `body` unpacks to; never more than a piece beyond the limit is made of it, however much it promises.

    Others are served between the pieces.
    """
    unpacking, whole, left = zlib.decompressobj(wbits=_GZIP), bytearray(), body
    while not unpacking.eof:
        try:
            piece = unpacking.decompress(left, _PIECE)
        except zlib.error as error:
            raise Garbled from error
        left = unpacking.unconsumed_tail
        whole += piece
        if len(whole) > limit:
            raise TooLarge
        if not piece and not left and not unpacking.eof:
            raise Garbled
        await asyncio.sleep(0)
    if unpacking.unused_data:
        raise Garbled
    return bytes(whole)
