"""A plane over real HTTP: what every answer carries, who may talk, and how it refuses what it cannot use."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from console.protocol.limits import DEFAULT_LIMITS
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import Client, RunningPlane, World, fresh_id

KEPT = ("epoch", "server_time", "request_id")


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningPlane, Client]]:
    """A plane without a gateway and a desk with a token."""
    with World(tmp_path_factory.mktemp("plane")).running() as (plane, desk):
        yield plane, desk


@pytest.fixture
def desk(talking: tuple[RunningPlane, Client]) -> Client:
    return talking[1]


def refused(answer: requests.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["kind"], body["type"]) == (status, kind, f"urn:incident-console:problem:{kind}")
    assert "Traceback" not in answer.text
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def test_who_the_plane_is_needs_no_token(talking: tuple[RunningPlane, Client]) -> None:
    plane, desk = talking
    config = desk.ask("GET", "/v1/config", headers={"Authorization": ""}).json()
    assert (config["origin"], config["exercise"]) == (plane.line["origin"], True)
    assert config["limits"]["events_per_push"] == DEFAULT_LIMITS.events_per_push
    assert all(config[name] for name in KEPT)


def test_two_requests_have_two_ids(desk: Client) -> None:
    first, second = desk.get("/v1/config"), desk.get("/v1/config")
    assert first.json()["request_id"] == first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/journal"), ("GET", f"/v1/events/{fresh_id()}"), ("GET", "/v1/inventory"),
        ("GET", "/v1/metrics/stream"), ("POST", "/v1/commands/select"), ("POST", "/v1/commands"),
        ("GET", f"/v1/commands/{fresh_id()}"), ("POST", "/v1/validations"),
        ("GET", f"/v1/captures?incident={fresh_id()}&target=tenant.borealis"), ("POST", "/v1/events"),
    ],
)  # fmt: skip
def test_everything_else_does(desk: Client, method: str, path: str) -> None:
    bodies = {
        "/v1/commands/select": {"incident": fresh_id(), "switch": "FF_X", "target": "tenant.x", "want": "stopped"},
        "/v1/commands": {"canon": "{}", "sig": "", "person_sig": ""},
        "/v1/validations": {"incident": fresh_id(), "target": "tenant.x", "cases": 1},
        "/v1/events": {"events": []},
    }
    for token in ("", "Bearer nonsense", "Basic nonsense"):
        answer = desk.ask(method, path, json=bodies.get(path), headers={"Authorization": token})
        assert refused(answer, 401, "unauthenticated")["epoch"]
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_proof_is_good_once(desk: Client) -> None:
    asked = desk.token_request()
    assert desk.post("/v1/token", asked).status_code == 200
    refused(desk.post("/v1/token", asked), 401, "unauthenticated")


def test_an_uncertified_device_gets_no_token(talking: tuple[RunningPlane, Client]) -> None:
    with Client(talking[0].url, OTHER_DESK) as stranger:
        refused(stranger.post("/v1/token", stranger.token_request()), 401, "unauthenticated")


def test_the_root_key_gets_one_to_read_its_chain(talking: tuple[RunningPlane, Client], tmp_path: Path) -> None:
    world = World(tmp_path)
    with RunningPlane(tmp_path) as plane, Client(plane.url, world.root) as root:
        assert root.log_in().get("/v1/journal").json()["size"] == 2


def test_nothing_is_there(desk: Client) -> None:
    for path in ("/", "/v1", "/v1/config/", "/docs", "/redoc", "/v1/commands/select/x"):
        refused(desk.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/v1/config", "GET"), ("GET", "/v1/token", "POST"), ("PUT", "/v1/commands", "POST")],
)
def test_an_unknown_method_says_which_are_known(desk: Client, method: str, path: str, allowed: str) -> None:
    answer = desk.ask(method, path)
    refused(answer, 405, "not_allowed")
    assert answer.headers["allow"] == allowed


def test_a_path_that_two_routes_fit_allows_both(desk: Client) -> None:
    answer = desk.ask("DELETE", "/v1/commands/select")
    refused(answer, 405, "not_allowed")
    assert answer.headers["allow"] == "GET, POST"


BAD_BODIES = {
    "no JSON": b"{",
    "nothing": b"",
    "no object": b"[]",
    "not text": b"\xff\xfe",
    "deep": b'{"events":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    "a surprise": b'{"events": [], "more": 1}',
    "of the wrong kind": b'{"events": {}}',
    "half an event": b'{"events": [{"canon": "{}"}]}',
    "a number as text": b'{"events": [{"canon": 1, "sig": ""}]}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_cannot_be_read(desk: Client, body: bytes) -> None:
    answer = desk.ask("POST", "/v1/events", data=body, headers={"Content-Type": "application/json"})
    refused(answer, 422, "malformed")


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "limit=0", "limit=1001", "wait=26", "wait=-1", f"after={2**70}", "hash=" + "0" * 65],
)
def test_a_query_that_cannot_be_used(desk: Client, query: str) -> None:
    refused(desk.get(f"/v1/journal?{query}"), 422, "malformed")


def test_a_body_is_measured_before_it_is_read(desk: Client) -> None:
    huge = b" " * (DEFAULT_LIMITS.push_bytes + 1)
    refused(desk.ask("POST", "/v1/events", data=huge), 413, "too_large")
    refused(desk.ask("POST", "/v1/token", data=b" " * 70_000), 413, "too_large")


def test_a_body_of_unsaid_length_is_counted(desk: Client) -> None:
    pieces = (b" " * 10_000 for _ in range(10))
    refused(desk.ask("POST", "/v1/token", data=pieces), 413, "too_large")


def test_more_events_than_fit_are_refused_whole(desk: Client) -> None:
    event = {"canon": "{}", "sig": ""}
    refused(desk.post("/v1/events", {"events": [event] * (DEFAULT_LIMITS.events_per_push + 1)}), 422, "malformed")


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1", "localhost:1", ""])
def test_only_its_own_name_is_answered(talking: tuple[RunningPlane, Client], host: str) -> None:
    port = talking[0].line["port"]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(f"GET /v1/config HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert b"403" in answer.split(b"\r\n")[0]
    assert b'"forbidden"' in answer
    assert b"epoch" not in answer


def test_it_listens_on_the_loopback_alone(talking: tuple[RunningPlane, Client]) -> None:
    port = talking[0].line["port"]
    listening = [
        line.split()[1]
        for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_without_a_gateway_it_says_so(desk: Client) -> None:
    health = desk.get("/v1/health").json()
    assert health["status"] == "degraded"
    assert not any(back_end["reachable"] for back_end in health["back_ends"].values())
    shown = desk.select(fresh_id())
    assert (shown["observation"]["state"], shown["observation"]["method"]) == ("unknown", "none")
    refused(
        desk.post("/v1/validations", {"incident": fresh_id(), "target": "tenant.borealis", "cases": 1}), 503, "busy"
    )


def test_the_description_names_every_route(desk: Client) -> None:
    described = desk.get("/v1/openapi.json").json()
    assert {"/v1/config", "/v1/token", "/v1/events", "/v1/journal", "/v1/commands", "/v1/captures"} <= set(
        described["paths"]
    )
    assert described["openapi"].startswith("3.1")
    assert json.dumps(described)
