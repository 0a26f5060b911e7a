"""A data path that means harm, over a real socket: whatever it answers, a look ends in time and says no untruth."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest

from console.domain.errors import InputError
from console.domain.sighting import Refuser
from console.policy import default_path, load
from console.remote.data_path import SILENT, STRANGE, OwnDataPath
from tests.unit.remote.test_hostile_plane import read_request

Send = Callable[[socket.socket], None]
INVENTORY = load(default_path()).inventory
BLOCK, TARGET = "FF_TENANT_BLOCK", INVENTORY.item("tenant.borealis")
WITHIN_S = 0.4
REFUSED = {"kind": "switched_off", "switch": BLOCK, "target": TARGET.id, "generation": 2, "command_id": "c-2"}


def naming(**changes: object) -> bytes:
    return json.dumps(REFUSED | changes).encode()


def clock() -> datetime:
    return datetime.now(UTC)


@contextmanager
def answering(send: Send) -> Iterator[OwnDataPath]:
    """A path to a listener that reads each request and then does `send`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            with taken, suppress(OSError):
                read_request(taken)
                send(taken)

    thread = threading.Thread(target=serve, name="hostile data path")
    thread.start()
    path = OwnDataPath(f"http://127.0.0.1:{listener.getsockname()[1]}", "a-token", clock)
    try:
        yield path
    finally:
        path.close()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


def answer(status: str, kind: str, body: bytes) -> Send:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda taken: taken.sendall(head + body)


def redirect(taken: socket.socket) -> None:
    taken.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")


def drip(first: bytes, piece: bytes) -> Send:
    """Sends a little for ever, or until the other side has had enough."""

    def send(taken: socket.socket) -> None:
        taken.sendall(first)
        taken.settimeout(0.05)
        for _ in itertools.count():
            try:
                if not taken.recv(1):
                    return
            except TimeoutError:
                taken.sendall(piece)

    return send


def flood(taken: socket.socket) -> None:
    taken.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n\r\n")
    for _ in range(1000):
        taken.sendall(b" " * 65536)


def look(path: OwnDataPath) -> tuple[str, str, float]:
    began = time.monotonic()
    met = path.probe(INVENTORY, BLOCK, TARGET, WITHIN_S)
    return met.reply.outcome, met.why, time.monotonic() - began


CHUNKED = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nTransfer-Encoding: chunked\r\n\r\n"
PAGE = b"<html><body>Please sign in to the network.</body></html>"


@pytest.mark.parametrize(
    ("send", "outcome", "why"),
    [
        (answer("200 OK", "text/event-stream; charset=utf-8", b"data: {}\n\n"), "served", ""),
        (answer("200 OK", "text/html", PAGE), "no_answer", STRANGE),
        (answer("200 OK", "text/event-stream", b""), "no_answer", STRANGE),
        (answer("403 Forbidden", "text/html", PAGE), "no_answer", STRANGE),
        (answer("403 Forbidden", "application/json", b"[" * 60_000), "no_answer", STRANGE),
        (answer("403 Forbidden", "application/json", naming(switch="<b>")), "no_answer", STRANGE),
        (answer("403 Forbidden", "application/json", naming(generation=-1)), "no_answer", STRANGE),
        (answer("503 Service Unavailable", "text/plain", b"busy"), "overloaded", ""),
        (redirect, "no_answer", STRANGE),
        (flood, "no_answer", STRANGE),
        (lambda taken: None, "no_answer", SILENT),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X-A: a\r\n"), "no_answer", SILENT),
        (drip(CHUNKED, b"1\r\n \r\n"), "no_answer", SILENT),
        (lambda taken: taken.sendall(b"\x00\xff" * 200), "no_answer", SILENT),
    ],
    ids=[
        "served", "a page", "nothing", "a page that refuses", "deep", "a name with markup", "a negative generation",
        "busy", "redirect", "flood", "hangs up", "a head that drips", "a body that drips", "noise",
    ],
)  # fmt: skip
def test_every_look_ends_in_time_with_what_may_be_concluded(send: Send, outcome: str, why: str) -> None:
    with answering(send) as path:
        found, said, took = look(path)
    assert (found, said) == (outcome, why)
    assert took < 3 * WITHIN_S


def test_a_refusal_is_read_with_everything_it_names() -> None:
    with answering(answer("403 Forbidden", "application/problem+json", json.dumps(REFUSED).encode())) as path:
        met = path.probe(INVENTORY, BLOCK, TARGET, WITHIN_S)
    assert met.reply.refused_by == (Refuser(BLOCK, TARGET.id, 2, "c-2"),)


def test_a_blocked_tenant_says_nothing_of_what_others_pass_too() -> None:
    """Of a wide switch the next tenant is asked, at most eight."""
    asked: list[int] = []

    def send(taken: socket.socket) -> None:
        asked.append(1)
        refused = (
            REFUSED | {"target": "tenant.borealis"} if len(asked) == 1 else REFUSED | {"target": "environment.range"}
        )
        answer("403 Forbidden", "application/problem+json", json.dumps(refused).encode())(taken)

    with answering(send) as path:
        met = path.probe(INVENTORY, "FF_GLOBAL_AI", INVENTORY.item("environment.range"), WITHIN_S)
    assert len(asked) == 2
    assert met.reply.refused_by[0].target == "environment.range"


def test_what_was_aborted_sends_nothing_any_more() -> None:
    with answering(answer("200 OK", "text/event-stream", b"data: {}\n\n")) as path:
        path.abort()
        assert look(path)[:2] == ("no_answer", SILENT)


@pytest.mark.parametrize("url", ["http://example.org", "https://user:word@example.org", "ftp://127.0.0.1", "http://"])
def test_a_token_never_travels_in_the_clear(url: str) -> None:
    with pytest.raises(InputError) as caught:
        OwnDataPath(url, "a-token", clock)
    assert "a-token" not in caught.value.sentence


def test_the_token_is_not_shown() -> None:
    path = OwnDataPath("http://127.0.0.1:1", "a-token", clock)
    path.close()
    assert "a-token" not in repr(path)
