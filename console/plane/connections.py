"""A connection to the plane: its headers have a deadline and a size, and there are only so many at once.

Who opens connections and says nothing, or a byte at a time, is let go before anything is set up for them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.protocol.problems import MEDIA_TYPE, Problem

HEADERS_S = 10.0
"""How long a request's line and headers may take, from its first byte or from the connection's beginning."""
IDLE_S = 75
"""How long a connection may wait for its next request."""
HEADER_BYTES = 16 * 1024
MOST = 4096
"""Connections at once, if the process may have as many files open."""
_FILES_FOR_THE_REST = 64

_log = logging.getLogger(__name__)
_log.setLevel(logging.CRITICAL)  # what strangers send is answered, and never fills the log


def most_connections() -> int:
    """How many connections this process can hold and still open its files; raises its limit if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _FILES_FOR_THE_REST
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft - _FILES_FOR_THE_REST))


class Connection(H11Protocol):
    """One connection; `most` is how many there may be at once (a class of its own for each server)."""

    most = MOST

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = _log
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or say at once that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._refuse(503, Problem("busy", "Too many are connected to this plane; wait and try again."))
        else:
            self._deadline = self.loop.call_later(HEADERS_S, self._let_go)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget_deadline()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; while it is not a whole head the time runs."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch_the_head()

    def on_response_complete(self) -> None:
        """Go on with what was sent meanwhile, which has a deadline too."""
        super().on_response_complete()
        self._watch_the_head()

    def _watch_the_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._forget_deadline()
        elif self._deadline is None and self.conn.trailing_data[0]:
            self._deadline = self.loop.call_later(HEADERS_S, self._let_go)

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP."""
        self._refuse(400, Problem("malformed", "This is not a request of HTTP/1.1 that can be read; correct it."))

    def _refuse(self, status: int, problem: Problem) -> None:
        self._forget_deadline()
        body = json.dumps(problem.as_object() | {"status": status}).encode()
        phrase = {400: b"Bad Request", 503: b"Service Unavailable"}[status]
        head = b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\n" % (status, phrase, MEDIA_TYPE.encode())
        wait = b"retry-after: 5\r\n" if status == 503 else b""
        self.transport.write(head + wait + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        self.transport.close()

    def _let_go(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def connections(most: int) -> type[Connection]:
    """The class of connections for a server that holds so many at once."""
    return type("Connection", (Connection,), {"most": most})
