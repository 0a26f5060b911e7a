"""The OpenBao adapter against a real OpenBao whose tools get their logins in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg import errors

from console.domain.errors import InputError
from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.times import format_utc
from console.plane.adapters import openbao
from console.plane.adapters.openbao import SWITCH, OpenBao
from console.plane.back_end_settings import OpenBaoSettings
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    SWITCHED_OFF,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Refuser,
)
from console.plane.settings import PlaneSettings, Secrets
from console.simulator.stand import postgres
from console.simulator.stand.openbao import OpenBaoStand, missing
from console.simulator.stand.postgres import DATABASE, PostgresStand

_WHY = missing() or postgres.missing()
pytestmark = pytest.mark.skipif(bool(_WHY), reason=_WHY or "it runs here")

T = TypeVar("T")
LEDGER = InventoryItem("tool.ledger", "tool", "Ledger", "environment.stand")
COURIER = InventoryItem("tool.courier", "tool", "Courier", "environment.stand")
INVENTORY = Inventory(
    {item.id: item for item in (LEDGER, COURIER)},
    tuple(Enforcement(SWITCH, item.id, "openbao") for item in (LEDGER, COURIER)),
    {},
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStand]:
    with ExitStack() as stack:
        found = PostgresStand(tmp_path_factory.mktemp("postgres"))
        stack.callback(found.close)
        found.start()
        yield found


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, database: PostgresStand) -> Iterator[OpenBaoStand]:
    with ExitStack() as stack:
        found = OpenBaoStand(tmp_path_factory.mktemp("openbao"), database=database)
        stack.callback(found.close)
        found.start()
        yield found


@pytest.fixture
def generation(stand: OpenBaoStand) -> int:
    """A generation that no test before this one has reached."""
    return max(held.generation for held in using(stand, OpenBao.read_back).switches.values()) + 1


def using(stand: OpenBaoStand, work: Callable[[OpenBao], Awaitable[T]], **settings: Any) -> T:
    """Run `work` with an adapter of the stand, closed afterwards."""

    async def whole() -> T:
        plane = PlaneSettings(openbao=OpenBaoSettings(**{**stand.settings, **settings}))
        adapter = openbao.connect(plane, Secrets(back_ends={"openbao": stand.secrets}), INVENTORY)
        assert adapter is not None
        try:
            return await work(adapter)
        finally:
            await adapter.close()

    return asyncio.run(whole())


def order(want: str, generation: int, **more: Any) -> Assertion:
    expires = format_utc(datetime.now(UTC) + timedelta(seconds=30))
    return replace(Assertion(SWITCH, LEDGER.id, want, generation, str(uuid.uuid4()), expires), **more)


def throw(stand: OpenBaoStand, want: str, generation: int) -> Assertion:
    asked = order(want, generation)
    using(stand, lambda adapter: adapter.apply(asked, 3.0))
    return asked


def mint(stand: OpenBaoStand, tool: str) -> str:
    """A token of a tool, asked for by an agent."""
    answer = stand.call("POST", f"auth/token/create/tool-{tool}", stand.agent_token, {"ttl": "60s"})
    return str(answer.json()["auth"]["client_token"])


def login(stand: OpenBaoStand, token: str, database: PostgresStand) -> psycopg.Connection[Any]:
    """A session of a database login that a tool got for its token."""
    given = stand.call("GET", "database/creds/tool-ledger", token).json()["data"]
    return psycopg.connect(
        host=database.settings["host"], dbname=DATABASE, user=given["username"], password=given["password"]
    )


def test_a_tool_is_revoked_and_restored_twenty_times_and_each_probe_sees_it(
    stand: OpenBaoStand, generation: int, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[float] = []

    async def cycles(adapter: OpenBao) -> None:
        assert (await adapter.probe(SWITCH, LEDGER, 2.0)).outcome == SERVED
        for number in range(40):
            asked = order("running" if number % 2 else "stopped", generation + number)
            began = time.perf_counter()
            applied = await adapter.apply(asked, 3.0)
            reply = await adapter.probe(SWITCH, LEDGER, 2.0)
            times.append((time.perf_counter() - began) * 1000)
            assert (applied.state, applied.generation, applied.durable) == (asked.want, asked.generation, True)
            if asked.want == "stopped":
                assert reply.refused_by == (Refuser(SWITCH, LEDGER.id, asked.generation, asked.assertion_id),)
            else:
                assert reply.outcome == SERVED
            assert (await adapter.probe(SWITCH, COURIER, 2.0)).outcome == SERVED

    using(stand, cycles)
    with capsys.disabled():
        print(f"\n{SWITCH}: apply and probe, 40 times: median {statistics.median(times):.1f}, most {max(times):.1f} ms")


def test_a_live_token_its_login_and_its_open_session_all_end(
    stand: OpenBaoStand, database: PostgresStand, generation: int
) -> None:
    tokens = [mint(stand, "ledger") for _ in range(3)]
    other = mint(stand, "courier")
    with login(stand, tokens[0], database) as session:
        session.execute("SELECT count(*) FROM manuals")
        asked = order("stopped", generation)

        async def revoke(adapter: OpenBao) -> tuple[int, Any]:
            reply, stream = await adapter.open_stream(SWITCH, LEDGER, 2.0)
            assert reply.outcome == SERVED
            assert stream is not None
            assert await stream.ended_within(0.05) is None
            applied = await adapter.apply(asked, 3.0)
            end = await stream.ended_within(2.0)
            await stream.close()
            return applied.streams_cut, end

        cut, end = using(stand, revoke)
        assert cut == 4
        assert (end.cut, end.assertion_id) == (True, asked.assertion_id)
        with pytest.raises(errors.AdminShutdown):
            session.execute("SELECT 1")
        session.close()
    assert all(stand.call("GET", "database/creds/tool-ledger", token).status_code == 403 for token in tokens)
    assert stand.call("GET", "database/creds/tool-courier", other).status_code == 200
    assert stand.call("POST", "auth/token/create/tool-ledger", stand.agent_token).status_code == 400
    throw(stand, "running", generation + 1)
    mint(stand, "ledger")


def test_a_stream_that_nobody_revoked_ends_with_the_adapter_and_leaves_no_token(
    stand: OpenBaoStand, generation: int
) -> None:
    throw(stand, "running", generation)

    async def leave(adapter: OpenBao) -> None:
        _, stream = await adapter.open_stream(SWITCH, COURIER, 2.0)
        assert stream is not None
        assert stream.end is None

    def leases() -> int:
        path = "sys/leases/lookup/auth/token/create/tool-courier/"
        return len(stand.call("LIST", path, stand.secrets["token"]).json().get("data", {}).get("keys", []))

    before = leases()
    using(stand, leave)
    assert leases() == before


def test_a_stop_survives_a_crash_and_the_restart_is_seen(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    stand = OpenBaoStand(tmp_path / "openbao")
    request.addfinalizer(stand.close)
    stand.start()
    throw(stand, "stopped", 7)
    before = using(stand, OpenBao.read_back)
    assert using(stand, OpenBao.read_back).boot_id == before.boot_id
    stand.kill()
    with pytest.raises(BackEndFault):
        using(stand, OpenBao.read_back)
    stand.restart()
    after = using(stand, OpenBao.read_back)
    assert before.boot_id != after.boot_id
    assert after.switches == after.durable == before.switches
    assert using(stand, lambda adapter: adapter.probe(SWITCH, LEDGER, 2.0)).outcome == SWITCHED_OFF
    capability = using(stand, OpenBao.capabilities)[SWITCH]
    assert (capability.durable, capability.cuts_streams, capability.ends_sessions) == (True, True, False)


def test_the_same_assertion_again_has_one_effect(stand: OpenBaoStand, generation: int) -> None:
    asked = order("stopped", generation)
    answers = [using(stand, lambda adapter: adapter.apply(asked, 3.0)) for _ in range(2)]
    assert replace(answers[0], streams_cut=0) == answers[1]
    throw(stand, "running", generation + 1)


@pytest.mark.parametrize(
    ("kind", "older", "more"),
    [
        ("stale", 1, {}),
        ("stale", 0, {}),
        ("expired", -1, {"expires": "2026-01-01T00:00:00.000000Z"}),
        ("unmapped", -1, {"target": "tool.unknown"}),
        ("unmapped", -1, {"target": "tool.../../sys/seal\x00"}),
        ("unmapped", -1, {"switch": "FF_GLOBAL_AI"}),
    ],
)
def test_what_must_be_refused_is_refused_and_changes_nothing(
    stand: OpenBaoStand, generation: int, kind: str, older: int, more: dict[str, Any]
) -> None:
    throw(stand, "running", generation)
    before = using(stand, OpenBao.read_back).switches
    asked = order("stopped", generation - older, **more)
    with pytest.raises(BackEndRefusal) as refused:
        using(stand, lambda adapter: adapter.apply(asked, 3.0))
    assert refused.value.kind == kind
    assert using(stand, OpenBao.read_back).switches == before
    mint(stand, "ledger")


def test_a_server_that_stands_still_or_is_gone_is_a_fault_in_time(stand: OpenBaoStand, generation: int) -> None:
    assert stand.pid
    os.kill(stand.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(BackEndFault, match="unknown"):
            using(stand, lambda adapter: adapter.apply(order("stopped", generation), 0.5))
        assert using(stand, lambda adapter: adapter.probe(SWITCH, LEDGER, 0.5)).outcome == NO_ANSWER
        assert time.monotonic() - began < 2.5
    finally:
        os.kill(stand.pid, signal.SIGCONT)
    with pytest.raises(BackEndFault, match="did not answer"):
        using(stand, OpenBao.read_back, url="http://127.0.0.1:1")


def test_both_tokens_are_renewed_before_they_end(stand: OpenBaoStand) -> None:
    def ends() -> list[str]:
        tokens = stand.secrets.values()
        return [stand.call("GET", "auth/token/lookup-self", token).json()["data"]["expire_time"] for token in tokens]

    before = ends()
    using(stand, OpenBao.read_back)
    assert all(later > earlier for earlier, later in zip(before, ends(), strict=True))


def test_tokens_never_travel_in_the_clear_to_another_machine() -> None:
    settings = PlaneSettings(openbao=OpenBaoSettings("http://vault.example.org:8200"))
    with pytest.raises(InputError, match="https"):
        openbao.connect(settings, Secrets(), INVENTORY)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "auth/token/roles/tool-ledger", {"allowed_policies": ["root"]}),
        ("POST", "auth/token/roles/other", {"disallowed_policies": []}),
        ("POST", "auth/token/create/tool-ledger", {}),
        ("GET", "database/creds/tool-ledger", None),
        ("GET", "sys/policies/acl", None),
    ],
)
def test_the_planes_token_shuts_tools_and_can_do_nothing_else(
    stand: OpenBaoStand, method: str, path: str, body: object
) -> None:
    assert stand.call(method, path, stand.secrets["token"], body).status_code == 403


def test_no_token_is_in_a_command_line_an_environment_a_log_or_a_repr(
    stand: OpenBaoStand, caplog: pytest.LogCaptureFixture
) -> None:
    seen = caplog.text + repr(stand) + (stand.folder / "openbao.log").read_text(encoding="utf-8")
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                seen += (process / name).read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
    assert not [word for word in (*stand.secrets.values(), stand.agent_token) if word in seen]
    kept = [file for file in stand.folder.iterdir() if file.suffix in (".json", ".key", ".hcl")]
    assert len(kept) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in kept)
