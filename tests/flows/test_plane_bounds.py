"""What listens is bounded: bodies, packed or not, slow talkers, headers, connections, and askers without a token."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.plane import connections
from console.plane.api import bodies, guard, pace
from console.plane.api.bodies import Garbled, TooLarge, body_first
from console.plane.settings import HOST
from console.protocol.limits import DEFAULT_LIMITS
from tests.fakes.planes import Client, RunningPlane, World, fresh_id
from tests.waiting import wait_until

GIB = 1024 * 1024 * 1024
PACKED = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[tuple[RunningPlane, Client]]:
    with World(tmp_path).running() as (plane, desk):
        yield plane, desk


def bomb(size: int) -> bytes:
    """`size` bytes of zeros, packed a piece at a time."""
    packing, piece = zlib.compressobj(9, wbits=31), bytes(1024 * 1024)
    return b"".join(packing.compress(piece) for _ in range(size // len(piece))) + packing.flush()


def peak_memory() -> int:
    """The most bytes this process ever held in memory, since it was last asked to forget."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_a_gibibyte_of_zeros_is_refused_in_bounded_memory(talking: tuple[RunningPlane, Client]) -> None:
    packed = bomb(GIB)
    assert len(packed) <= DEFAULT_LIMITS.push_bytes
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of before
    before, started = peak_memory(), time.monotonic()
    answer = talking[1].ask("POST", "/v1/events", data=packed, headers=PACKED)
    assert (answer.status_code, answer.json()["kind"]) == (413, "too_large")
    assert peak_memory() - before < 32 * 1024 * 1024
    assert time.monotonic() - started < 5


def test_a_packed_push_is_taken(talking: tuple[RunningPlane, Client]) -> None:
    desk = talking[1]
    events = [desk.note(fresh_id()).wire() for _ in range(20)]
    answer = desk.ask("POST", "/v1/events", data=gzip.compress(json.dumps({"events": events}).encode()), headers=PACKED)
    assert [result["status"] for result in answer.json()["results"]] == ["accepted"] * 20
    assert desk.get("/v1/config").json()["limits"]["gzip_requests"] == 1


GARBAGE = {
    "no gzip": b"hello",
    "nothing": b"",
    "half of one": gzip.compress(os.urandom(2000))[:900],
    "without its end": gzip.compress(b'{"events":[]}')[:-4],
    "two in a row": gzip.compress(b'{"events":') + gzip.compress(b"[]}"),
    "a wrong sum": gzip.compress(b'{"events":[]}')[:-8] + struct.pack("<II", 1, 13),
    "zlib without gzip": zlib.compress(b'{"events":[]}'),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_what_cannot_be_unpacked_is_malformed(body: bytes) -> None:
    with pytest.raises(Garbled):
        asyncio.run(given(body, "/v1/events"))


def test_a_garbled_body_is_answered_so(talking: tuple[RunningPlane, Client]) -> None:
    answer = talking[1].ask("POST", "/v1/events", data=b"hello", headers=PACKED)
    assert (answer.status_code, answer.json()["kind"]) == (422, "malformed")
    assert "gzip" in answer.json()["detail"]


async def given(body: bytes, path: str) -> bytes:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return (await body_first(receive, path, packed=True))[0]


def test_the_bound_is_on_what_it_unpacks_to() -> None:
    most = bodies.UNPACKED["/v1/events"]
    assert len(asyncio.run(given(gzip.compress(bytes(most)), "/v1/events"))) == most
    with pytest.raises(TooLarge):
        asyncio.run(given(gzip.compress(bytes(most + 1)), "/v1/events"))
    with pytest.raises(TooLarge):
        asyncio.run(given(gzip.compress(bytes(bodies.SMALL + 1)), "/v1/token"))


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "x" * 100])
def test_another_encoding_is_not_read(talking: tuple[RunningPlane, Client], encoding: str) -> None:
    answer = talking[1].ask("POST", "/v1/events", data=b"{}", headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["kind"]) == (415, "unsupported")


def test_a_long_page_comes_packed_when_asked_and_a_short_one_never(talking: tuple[RunningPlane, Client]) -> None:
    desk = talking[1]
    for asked, sent in (("gzip", "gzip"), ("identity", None)):
        answer = desk.get("/v1/journal", headers={"Accept-Encoding": asked})
        assert answer.headers.get("content-encoding") == sent
        assert answer.json()["size"]
    assert "content-encoding" not in desk.get("/v1/checkpoint", headers={"Accept-Encoding": "gzip"}).headers


def test_every_answer_has_the_headers_and_none_names_the_server(talking: tuple[RunningPlane, Client]) -> None:
    desk = talking[1]
    for answer in (desk.get("/v1/config"), desk.get("/nothing"), desk.post("/v1/events", []), desk.ask("PUT", "/v1")):
        for name, value in guard.HEADERS:
            assert answer.headers[name.decode()] == value.decode()
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
        assert "location" not in answer.headers


@contextlib.contextmanager
def raw(plane: RunningPlane) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, plane.line["port"]), timeout=20) as opened:
        yield opened


def rest(opened: socket.socket) -> bytes:
    """Everything until the other side ends it, however it does."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := opened.recv(65536):
            got += piece
    return got


def head(plane: RunningPlane, more: str = "") -> bytes:
    return f"POST /v1/token HTTP/1.1\r\nHost: {HOST}:{plane.line['port']}\r\n{more}".encode()


@pytest.mark.parametrize("said", ["", "GET /v1/con", "GET /v1/config HTTP/1.1\r\nHost: x\r\nX: "])
def test_who_does_not_finish_the_headers_is_let_go(
    talking: tuple[RunningPlane, Client], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)
    with raw(talking[0]) as opened:
        opened.sendall(said.encode())
        assert rest(opened) == b""


def test_a_second_request_has_a_deadline_too(
    talking: tuple[RunningPlane, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)
    with raw(talking[0]) as opened:
        opened.sendall(f"GET /v1/config HTTP/1.1\r\nHost: {HOST}:{talking[0].line['port']}\r\n\r\nGET /v1".encode())
        assert rest(opened).startswith(b"HTTP/1.1 200")


def test_who_does_not_finish_the_body_is_told_so(
    talking: tuple[RunningPlane, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "START_S", 0.3)
    with raw(talking[0]) as opened:
        opened.sendall(head(talking[0], "Content-Length: 100\r\n\r\n") + b"{")
        answer = rest(opened)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"too_slow"' in answer


@pytest.mark.parametrize(("end", "status"), [("", b"400"), ("\r\n\r\n", b"413")], ids=["unfinished", "whole"])
def test_headers_have_a_size(talking: tuple[RunningPlane, Client], end: str, status: bytes) -> None:
    with raw(talking[0]) as opened:
        opened.sendall(head(talking[0], f"X-Long: {'x' * connections.HEADER_BYTES}{end}"))
        answer = rest(opened)
    assert answer.split()[1] == status
    assert b"application/problem+json" in answer


NO_HTTP = {"TLS": "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "a word": "HELLO\r\n\r\n", "HTTP/9": "GET / HTTP/9\r\n\r\n"}


@pytest.mark.parametrize("said", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_is_answered_and_ended(talking: tuple[RunningPlane, Client], said: str) -> None:
    with raw(talking[0]) as opened:
        opened.sendall(said.encode("latin-1"))
        assert rest(opened).startswith(b"HTTP/1.1 400")


def test_there_are_only_so_many_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    monkeypatch.setattr(connections, "MOST", 3)
    with RunningPlane(world.folder) as plane, contextlib.ExitStack() as held:
        for _ in range(3):
            held.enter_context(raw(plane))
        with raw(plane) as one_more:
            answer = rest(one_more)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after" in answer
        held.close()
        wait_until(lambda: answers(plane), what="room for another")


def answers(plane: RunningPlane) -> bool:
    with Client(plane.url) as client:
        return client.get("/v1/config").status_code == 200


def test_who_has_no_token_may_ask_only_so_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace.Allowances.__init__, "__defaults__", (12.0, 0.001))
    with World(tmp_path).running() as (_, desk):
        found = [desk.ask("GET", "/v1/health", headers={"Authorization": "Bearer x"}) for _ in range(13)]
        assert found[-1].status_code == 503
        assert (found[-1].json()["kind"], found[-1].headers["retry-after"]) == ("busy", "5")
        assert all(desk.get("/v1/checkpoint").status_code == 200 for _ in range(20))


def test_an_allowance_fills_up_again() -> None:
    allowances = pace.Allowances(2, 1)
    assert [allowances.take("a", 0), allowances.take("a", 0), allowances.take("a", 0)] == [True, True, False]
    assert allowances.take("b", 0)
    assert [allowances.take("a", 1.0), allowances.take("a", 1.0)] == [True, False]
    assert [allowances.take("a", 100.0) for _ in range(3)] == [True, True, False]
