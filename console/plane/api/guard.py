"""The outermost layer: who is being addressed, how large a body may be, and no traceback to anybody.

Bodies are counted as they come in and before anything parses them. Streams pass through untouched.
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.problems import MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)

LARGEST = {"/v1/events": DEFAULT_LIMITS.push_bytes, "/v1/commands": 2 * DEFAULT_LIMITS.command_bytes}
"""Bytes a body may have, by path; everything else is small."""
SMALL = 64 * 1024


class TooLarge(Exception):
    """A body grew beyond what its path allows."""


class Guard:
    """Wraps the application; `hosts` are the names under which it may be addressed."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = scope["plane_request_id"] = str(uuid.uuid4())
        started = False

        async def tagged(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity.encode())]
            await send(message)

        problem = self._refusal(scope)
        if problem is None:
            limit = LARGEST.get(scope["path"], SMALL)
            try:
                await self._app(scope, _counted(receive, limit), tagged)
                return
            except TooLarge:
                problem = Problem("too_large", f"The body is larger than {limit} bytes; send less at a time.")
            except Exception:  # noqa: BLE001 - the last line: nobody outside sees a traceback, the log has it
                _log.critical(
                    "request %s %s failed by a fault of the program", scope["method"], identity, exc_info=True
                )
                problem = Problem("internal", "The plane failed on this request; its log says why.")
        if not started:
            await _send_problem(tagged, problem, identity)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1").lower() not in self._hosts:
            return Problem("forbidden", "This plane answers only under its own address on this machine.")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            return Problem("malformed", "This plane reads plain bodies only; send it without Content-Encoding.")
        length = headers.get(b"content-length", b"0")
        limit = LARGEST.get(scope["path"], SMALL)
        if length.isdigit() and int(length) > limit:
            return Problem("too_large", f"The body is larger than {limit} bytes; send less at a time.")
        return None


def _counted(receive: Receive, limit: int) -> Receive:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > limit:
                raise TooLarge
        return message

    return counted


async def _send_problem(send: Any, problem: Problem, identity: str) -> None:
    body = json.dumps(problem.as_object() | {"request_id": identity}).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    # the rest of a refused body is never read
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
