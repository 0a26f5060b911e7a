"""Applications with the official OpenFeature provider obey a real plane, and are left at "off" when it is gone."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from console.domain.times import format_utc
from console.plane import server, watching
from console.plane.api.app import make_app
from console.plane.api.guard import Guard
from console.plane.api.ofrep import flags_of
from console.plane.back_end_settings import OfrepSettings
from console.plane.backends import Assertion
from console.plane.flags import wrong_defaults
from console.plane.service import Plane
from console.plane.settings import Secrets
from console.policy import default_path, load
from tests.fakes import planes
from tests.fakes.planes import BLOCK, Client, RunningPlane, World, fresh_id
from tests.waiting import wait_until

TOKEN = "a-token-of-applications"
FJORD, GLACIER, STAND = "tenant.fjord", "tenant.glacier", "environment.stand"
HERE = EvaluationContext("user-1", {"tenant": FJORD, "surface": "surface.helpdesk"})
ELSEWHERE = EvaluationContext("user-1", {"tenant": GLACIER, "surface": "surface.helpdesk"})
SYSTEMS = """
environment: environment.stand
probe: stand-probe
items:
  environment.stand: {owner_role: platform_administrator}
  tenant.fjord: {workspace: 0d6c8f1e-2b7a-4c39-9e54-8a1f3b6d7c20, owner_role: product_owner}
  tenant.glacier: {workspace: 5b9e2d47-6c10-4e8f-b3a2-d7c4f0915e68, owner_role: product_owner}
  surface.helpdesk: {owner_role: prompt_owner, tenants: [tenant.fjord, tenant.glacier]}
enforcement:
  ofrep:
    FF_TENANT_BLOCK: [tenant.fjord, tenant.glacier]
    FF_AGENT_DRAFT: [surface.helpdesk]
"""
URL = "/ofrep/v1/evaluate/flags"


class FlagPlane(RunningPlane):
    """A plane that serves flags to applications that show TOKEN."""

    def __init__(self, folder: Path, token: str = TOKEN) -> None:
        super().__init__(folder)
        self.settings = replace(self.settings, policy=folder / "data", ofrep=OfrepSettings())
        self._token = token

    def end(self) -> None:
        """Stop it before its fixture does."""
        super().__exit__(None, None, None)

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.end()

    def _run(self) -> None:
        secrets = Secrets(back_ends={"ofrep": {"client_token": self._token}})
        try:
            asyncio.run(server.serve(self.settings, secrets, self._sock, self._started))
        except BaseException as error:  # noqa: BLE001 - handed to the test that waits
            self.error = error
            self._ready.set()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    shutil.copytree(default_path(), tmp_path / "data")
    (tmp_path / "data" / "systems" / "stand.yml").write_text(SYSTEMS, encoding="utf-8")
    monkeypatch.setattr(planes, "POLICY", load(tmp_path / "data"))
    monkeypatch.setattr(watching, "EVERY_S", 0.1)
    return World(tmp_path)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The plane that the server runs, and its loop, once it does."""
    found: dict[str, Any] = {}

    def keep(plane: Plane, hosts: frozenset[str]) -> Guard:
        found.update(plane=plane, loop=asyncio.get_running_loop())
        return make_app(plane, hosts)

    monkeypatch.setattr(server, "make_app", keep)
    return found


@pytest.fixture
def plane(world: World, kept: dict[str, Any]) -> Iterator[FlagPlane]:
    with FlagPlane(world.folder) as running:
        yield running


@pytest.fixture
def desk(world: World, plane: FlagPlane) -> Iterator[Client]:
    with Client(plane.url) as client:
        client.push(*world.certified)
        client.log_in()
        wait_until(
            lambda: client.get("/v1/health").json()["back_ends"]["ofrep"]["reachable"], what="the flags to be looked at"
        )
        yield client


@pytest.fixture
def application(plane: FlagPlane) -> Iterator[OpenFeatureClient]:
    provider = OFREPProvider(plane.url, headers_factory=lambda: {"Authorization": f"Bearer {TOKEN}"}, timeout=2)
    api.set_provider(provider)
    yield api.get_client()
    api.shutdown()
    provider.session.close()


def ask(plane: RunningPlane, path: str, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **headers}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(plane.url + path, data=data, headers=sent, timeout=10)


def context(**ids: str) -> dict[str, Any]:
    return {"context": {"targetingKey": "user-1", **ids}}


def test_a_stop_reaches_the_official_client_and_a_plane_that_is_gone_leaves_it_off(
    world: World, plane: FlagPlane, desk: Client, application: OpenFeatureClient
) -> None:
    before = application.get_boolean_details(BLOCK, False, HERE)
    assert (before.value, before.reason, before.variant) == (True, "DEFAULT", "enabled")
    incident = fresh_id()
    shown = desk.select(incident, BLOCK, FJORD)
    assert (shown["observation"]["state"], shown["observation"]["method"]) == ("running", "probe")
    order = desk.order(incident, shown, BLOCK, FJORD)
    begun = time.perf_counter()
    sent = desk.send(order)
    assert sent.status_code == 202, sent.text
    wait_until(lambda: not application.get_boolean_value(BLOCK, False, HERE), what="the application to see the stop")
    seen = time.perf_counter() - begun
    print(f"an application saw the stop {seen * 1e3:.1f} ms after the order was sent")
    assert seen < 0.5
    status = desk.status(order.command_id, wait=10)
    assert (status["state"], status["refuses_new"]["result"]) == ("verified", "true")
    assert status["streams_cut"]["result"] == "unknown"
    after = application.get_boolean_details(BLOCK, False, HERE)
    assert (after.value, after.reason, after.variant) == (False, "TARGETING_MATCH", "stopped")
    assert after.flag_metadata == {
        "switch": BLOCK, "target": FJORD, "generation": status["generation"], "command_id": order.command_id,
    }  # fmt: skip
    assert application.get_boolean_value(BLOCK, False, ELSEWHERE) is True
    plane.end()
    gone = application.get_boolean_details(BLOCK, False, ELSEWHERE)
    assert (gone.value, gone.reason) == (False, "ERROR")
    with FlagPlane(world.folder) as again:
        answer = ask(again, f"{URL}/{BLOCK}", context(tenant=FJORD)).json()
        assert (answer["value"], answer["metadata"]["command_id"]) == (False, order.command_id)


def test_propagation_over_twenty_cycles(
    plane: FlagPlane, desk: Client, application: OpenFeatureClient, kept: dict[str, Any]
) -> None:
    """Set at the adapter of the running plane, seen by the official client of another thread."""
    flags = flags_of(kept["plane"])
    assert flags is not None
    times: list[float] = []
    for generation in range(1, 41):
        want = "stopped" if generation % 2 else "running"
        ends = format_utc(planes.now() + timedelta(seconds=30))
        applying = flags.apply(Assertion(BLOCK, FJORD, want, generation, fresh_id(), ends), 2)
        begun = time.perf_counter()
        asyncio.run_coroutine_threadsafe(applying, kept["loop"]).result(5)
        while application.get_boolean_value(BLOCK, want == "stopped", HERE) is not (want == "running"):
            assert time.perf_counter() - begun < 5, "the application does not follow"
        times.append(time.perf_counter() - begun)
    print(f"followed after {statistics.median(times) * 1e3:.1f} ms median, {max(times) * 1e3:.1f} max (n {len(times)})")
    assert statistics.median(times) < 0.5


def test_all_flags_at_once_change_their_tag_with_their_state(plane: FlagPlane, desk: Client) -> None:
    body = context(tenant=FJORD, surface="surface.helpdesk")
    first = ask(plane, URL, body)
    assert [(flag["key"], flag["value"]) for flag in first.json()["flags"]] == [
        ("FF_AGENT_DRAFT", True), (BLOCK, True),
    ]  # fmt: skip
    again = ask(plane, URL, body, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert desk.stop(fresh_id(), BLOCK, FJORD)["state"] == "verified"
    changed = ask(plane, URL, body, **{"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert [flag["value"] for flag in changed.json()["flags"]] == [True, False]
    part = ask(plane, URL, context(tenant=FJORD)).json()["flags"]
    assert [flag.get("errorCode", "") for flag in part] == ["INVALID_CONTEXT", ""]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (f"{URL}/FF_NONE", context(tenant=FJORD), 404, "FLAG_NOT_FOUND"),
        (f"{URL}/..%2f..%2fv1", context(tenant=FJORD), 404, ""),
        (f"{URL}/{BLOCK}", {}, 400, "TARGETING_KEY_MISSING"),
        (f"{URL}/{BLOCK}", {"context": {"targetingKey": "u"}}, 400, "INVALID_CONTEXT"),
        (f"{URL}/{BLOCK}", context(tenant="tenant.nowhere"), 400, "INVALID_CONTEXT"),
        (f"{URL}/{BLOCK}", context(tenant="surface.helpdesk"), 400, "INVALID_CONTEXT"),
        (f"{URL}/{BLOCK}", context(tenant="'; DROP TABLE flag; --\x1b[2J"), 400, "INVALID_CONTEXT"),
        (f"{URL}/{BLOCK}", {"context": {"targetingKey": "u", "tenant": [FJORD]}}, 400, "INVALID_CONTEXT"),
        (f"{URL}/{BLOCK}", {"context": "all"}, 422, ""),
        (f"{URL}/{BLOCK}", b"{", 422, ""),
        (f"{URL}/{BLOCK}", b"[" * 60_000, 422, ""),
        (f"{URL}/{'F' * 101}", context(tenant=FJORD), 422, ""),
    ],
)  # fmt: skip
def test_whatever_cannot_be_answered_is_an_error_and_never_a_value(
    plane: FlagPlane, path: str, body: Any, status: int, code: str
) -> None:
    answer = ask(plane, path, body)
    assert answer.status_code == status
    told = answer.json()
    assert told.get("errorCode", "") == code
    assert "value" not in told
    assert "\x1b" not in told["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("token", ["", "wrong", "é".encode().decode("latin-1"), TOKEN + "x"])
def test_only_applications_with_the_token_are_answered(plane: FlagPlane, token: str) -> None:
    for path in (URL, f"{URL}/{BLOCK}"):
        answer = ask(plane, path, context(tenant=FJORD), token)
        assert (answer.status_code, answer.json()["kind"]) == (401, "unauthenticated")
    assert (
        requests.get(
            plane.url + "/v1/journal?after=0", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
        ).status_code
        == 401
    )


def test_without_a_token_nobody_is_let_in_and_without_flags_there_is_nothing(world: World, tmp_path: Path) -> None:
    with FlagPlane(world.folder, token="") as silent:
        for token in ("", " ", "x"):
            assert ask(silent, URL, {}, token).status_code == 401
    with RunningPlane(world.folder) as bare:
        assert ask(bare, URL, {}).status_code == 404


@pytest.mark.parametrize("where", [{}, {"tenant": "tenant.nowhere"}, {"surface": "surface.helpdesk"}])
def test_the_official_client_keeps_its_default_when_its_context_leaves_something_open(
    application: OpenFeatureClient, where: dict[str, str]
) -> None:
    details = application.get_boolean_details(BLOCK, False, EvaluationContext("user-1", where))
    assert (details.value, details.reason, details.error_code) == (False, "ERROR", "INVALID_CONTEXT")
    assert application.get_boolean_details("FF_NONE", False, HERE).error_code == "FLAG_NOT_FOUND"


def test_a_plane_that_answers_nothing_leaves_the_client_at_its_default() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        provider = OFREPProvider(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout=0.2)
        api.set_provider(provider)
        try:
            details = api.get_client().get_boolean_details(BLOCK, False, HERE)
        finally:
            api.shutdown()
            provider.session.close()
    assert (details.value, details.reason) == (False, "ERROR")


def test_every_program_here_that_asks_for_a_flag_has_the_default_false() -> None:
    """Rule 5 of the guide: with another default an application fails open when the plane is gone."""
    root = Path(__file__).parents[2]
    pages = [p for p in (root / "console" / "plane" / "adapters" / "onboarding").iterdir() if p.is_file()]
    for page in (*pages, *root.glob("console/**/*.py")):
        assert wrong_defaults(page.read_text(encoding="utf-8")) == [], page
