"""The outermost layer: who is being addressed, how large a body may be, and no traceback to anybody.

A body is read whole and counted before anything parses it; what is answered passes through untouched.
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


class Gone(Exception):
    """The caller left before its body was whole: nothing of it is acted upon."""


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
            try:
                await self._app(scope, await _body_first(receive, _limit(scope)), tagged)
                return
            except Gone:
                return
            except TooLarge:
                problem = _too_large(scope)
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
        return _too_large(scope) if length.isdigit() and int(length) > _limit(scope) else None


def _limit(scope: Scope) -> int:
    return LARGEST.get(scope["path"], SMALL)


def _too_large(scope: Scope) -> Problem:
    return Problem("too_large", f"The body is larger than {_limit(scope)} bytes; send less at a time.")


async def _body_first(receive: Receive, limit: int) -> Receive:
    """Read the body, at most so many bytes; what gives it back and then goes on as before. Raises TooLarge and Gone.

    Reading it here and not on the way keeps a framework's own handling of parse errors out of it.
    """
    parts, size, more = list[bytes](), 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
        size += len(parts[-1])
        if size > limit:
            raise TooLarge
    whole: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again


async def _send_problem(send: Any, problem: Problem, identity: str) -> None:
    body = json.dumps(problem.as_object() | {"request_id": identity}).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    # the rest of a refused body is never read
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
