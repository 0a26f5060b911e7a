"""The outermost layer: who is being addressed and how often, how large and slow a body may be, no traceback to anybody.

A body is read whole, counted and unpacked before anything parses it (`bodies`); every answer gets the headers that keep
a browser from making something else of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.plane.api.bodies import Garbled, Gone, TooLarge, TooSlow, body_first, limit_of
from console.plane.api.pace import Allowances
from console.plane.connections import HEADER_BYTES
from console.protocol.problems import MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)

SEND_S = 60.0
"""How long a caller may leave a part of its answer unread."""
RETRY_AFTER_S = 5
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE = (b"cache-control", b"no-store")
_SECURE = (b"strict-transport-security", b"max-age=31536000")


class Guard:
    """Wraps the application; `hosts` are the names under which it may be addressed (`*.NAME`: one label more).

    `is_known` says whether a token is one of this plane's, now.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str],
        is_known: Callable[[str], bool],
        allowances: Allowances | None = None,
    ) -> None:
        self._app, self._hosts, self._is_known = app, hosts, is_known
        self._allowances = allowances or Allowances()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = scope["plane_request_id"] = str(uuid.uuid4())
        answer = _Answer(send, identity, secure=scope["scheme"] == "https")
        problem = self._refusal(scope)
        if problem is None:
            problem = await self._passed_on(scope, receive, answer)
        if problem is not None and not answer.started:
            await _send_problem(answer, problem, identity)

    async def _passed_on(self, scope: Scope, receive: Receive, answer: _Answer) -> Problem | None:
        """Have the application answer; what has to be said instead, None when nothing has."""
        packed = _header(scope, b"content-encoding").lower() == "gzip"
        try:
            _, again = await body_first(receive, scope["path"], packed=packed)
            await self._app(scope, again, answer)
        except Gone:
            return None
        except TooLarge:
            return _too_large(scope)
        except TooSlow:
            return Problem("too_slow", "The body did not arrive in its time; send it at once or in smaller parts.")
        except Garbled:
            return Problem("malformed", "The body is not one whole gzip stream; send it again, or without packing it.")
        except Exception:  # noqa: BLE001 - the last line: nobody outside sees a traceback, the log has it
            if answer.left_unread:
                return None
            identity = scope["plane_request_id"]
            _log.critical("request %s %s failed by a fault of the program", scope["method"], identity, exc_info=True)
            return Problem("internal", "The plane failed on this request; its log says why.")
        return None

    def _refusal(self, scope: Scope) -> Problem | None:
        host = _header(scope, b"host").lower()
        if host not in self._hosts and f"*.{host.partition('.')[2]}" not in self._hosts:
            return Problem("forbidden", "This plane answers only under its own address.")
        if not self._may_ask(scope):
            return Problem("busy", "Too many requests without a token came from this address; wait and try again.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            return Problem("too_large", f"The headers are longer than {HEADER_BYTES} bytes; send fewer.")
        if _header(scope, b"content-encoding").lower() not in ("", "identity", "gzip"):
            return Problem("unsupported", "This plane reads plain bodies and gzip; send it in one of these.")
        length = _header(scope, b"content-length")
        return (
            _too_large(scope)
            if length.isascii() and length.isdigit() and int(length[:20]) > limit_of(scope["path"])
            else None
        )

    def _may_ask(self, scope: Scope) -> bool:
        scheme, _, token = _header(scope, b"authorization").partition(" ")
        if scheme.lower() == "bearer" and self._is_known(token.strip()):
            return True
        client = scope.get("client")
        return self._allowances.take(client[0] if client else "", asyncio.get_running_loop().time())


class _Answer:
    """Sends on what the application says, with this plane's headers, to a caller that has to read it."""

    def __init__(self, send: Send, identity: str, *, secure: bool) -> None:
        self._send = send
        self._headers = [(b"x-request-id", identity.encode()), *HEADERS, *([_SECURE] if secure else [])]
        self.started = self.left_unread = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message.get("headers", ()))
            if not any(name.lower() == b"cache-control" for name, _ in given):
                given.append(_NO_STORE)
            message["headers"] = [*given, *self._headers]
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(message)
        except TimeoutError:
            self.left_unread = True
            raise


def _header(scope: Scope, name: bytes) -> str:
    found = [value for key, value in scope["headers"] if key == name]
    # two of a kind are none: whoever stands between might have read the other one
    return found[0].decode("latin-1") if len(found) == 1 else "," if found else ""


def _too_large(scope: Scope) -> Problem:
    return Problem("too_large", f"The body is larger than {limit_of(scope['path'])} bytes allow; send less at a time.")


async def _send_problem(send: Any, problem: Problem, identity: str) -> None:
    body = json.dumps(problem.as_object() | {"request_id": identity}).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    if problem.kind == "busy":
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    # the rest of a refused body is never read
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
