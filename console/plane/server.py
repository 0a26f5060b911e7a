"""Serving a plane: one process, loopback only without TLS, a ready line once it listens, an end that loses nothing.

The ready line is one JSON object on standard output. A plane that was given its secrets over standard input ends when
that closes, so that it never outlives whoever started it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from console.domain.errors import EnvironmentFault, InputError
from console.plane.api.app import make_app
from console.plane.connections import HEADER_BYTES, IDLE_S, connections, most_connections
from console.plane.service import Plane
from console.plane.settings import HOST, PlaneSettings, Secrets
from console.plane.tls import Certificate, read_certificate

GRACE_S = 3
_STDIN, _HTTPS = 0, 443


def listen(port: int, host: str = HOST, *, tls: bool = False) -> socket.socket:
    """A bound socket (`port` 0: a free one).

    Raises InputError when `host` is no address or, without TLS, not the loopback; EnvironmentFault for a port in use.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise InputError(f"host must be an IP address to listen on, like 127.0.0.1; '{host[:60]}' is not.") from error
    if not address.is_loopback and not tls:
        raise InputError(f"Without TLS a plane listens on this machine only; give --tls-cert and --tls-key for {host}.")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # the protocol by name: asyncio turns Nagle's delay off only where it reads "TCP" here, else each answer waits 40 ms
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(256)
    except OSError as error:
        sock.close()
        raise EnvironmentFault(
            f"Port {port} on {host} cannot be used: {error.strerror}; stop what uses it or choose another with --port."
        ) from error
    return sock


class PlaneServer(uvicorn.Server):
    """A server that says when it listens and lets long answers end before it stops.

    `on_ready` is called on the event loop once connections are accepted.
    """

    def __init__(
        self, plane: Plane, sock: socket.socket, certificate: Certificate | None, on_ready: Callable[[], None]
    ) -> None:
        config = uvicorn.Config(
            make_app(plane, _hosts(sock, certificate)),
            http=connections(most_connections()),
            h11_max_incomplete_event_size=HEADER_BYTES,
            ssl_context_factory=(lambda _config, _default: certificate.context) if certificate is not None else None,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        super().__init__(config)
        self._plane, self._on_ready = plane, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and long polls, then the server."""
        self._plane.end_long_answers()
        await super().shutdown(sockets)


async def serve(
    settings: PlaneSettings,
    secrets: Secrets,
    sock: socket.socket,
    on_ready: Callable[[dict[str, Any], Callable[[], None]], None],
) -> str:
    """Run a plane on `sock` until it is stopped; why it stopped by itself, "" when it was asked to.

    `on_ready` gets the ready line and a function that stops the server (callable from any thread). Raises a
    ConsoleError when the plane cannot start.
    """
    loop = asyncio.get_running_loop()
    try:
        certificate = read_certificate(settings.tls_cert, settings.tls_key)
        plane = await Plane.started(settings, secrets)
    except BaseException:
        sock.close()
        raise

    def stop() -> None:
        server.should_exit = True

    def stop_from_anywhere() -> None:
        loop.call_soon_threadsafe(stop)

    def ready() -> None:
        line = ready_line(plane, sock, certificate)
        plane.database.announce(line["url"])
        on_ready(line, stop_from_anywhere)

    server = PlaneServer(plane, sock, certificate, ready)
    try:
        await plane.run_in_background(stop)
        await server.serve([sock])
    finally:
        await plane.close()
        sock.close()
    return plane.failed


def ready_line(plane: Plane, sock: socket.socket, certificate: Certificate | None = None) -> dict[str, Any]:
    """What is printed when the plane listens."""
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    if certificate is not None:
        plain = [name for name in certificate.names if not name.startswith("*.")]
        shown = shown if shown in plain else next(iter(plain), shown)
    return {
        "ready": True,
        "url": f"{'http' if certificate is None else 'https'}://{shown}:{port}",
        "port": port,
        "origin": plane.birth.origin,
        "exercise": plane.birth.exercise,
    }


def _hosts(sock: socket.socket, certificate: Certificate | None) -> frozenset[str]:
    """What may stand in a Host header: the certificate's names, or without one the loopback's."""
    host, port = sock.getsockname()[:2]
    own = f"[{host}]" if ":" in host else host
    names = certificate.names if certificate is not None else (own, "localhost")
    found = {f"{name}:{port}" for name in names}
    return frozenset(found | set(names) if port == _HTTPS else found)


def read_secrets_line(most: int = 16 * 1024) -> bytes:
    """The first line of standard input, read without taking more than it."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < most:
        piece = os.read(_STDIN, 1)
        if not piece:
            break
        line += piece
    return bytes(line)


def call_when_stdin_closes(stop: Callable[[], None]) -> None:
    """Call `stop` once standard input ends; a daemon thread, since a blocking read cannot be called off."""

    def wait() -> None:
        try:
            while os.read(_STDIN, 4096):
                pass
        except OSError:
            pass
        stop()

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def print_line(value: dict[str, Any]) -> None:
    """One JSON line on standard output, out at once."""
    os.write(1, json.dumps(value).encode() + b"\n")
