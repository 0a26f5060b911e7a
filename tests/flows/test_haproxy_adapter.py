"""The HAProxy adapter against a real HAProxy: refused by name, still stopped after a crash, and drift seen."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from console.plane.adapters.haproxy import Gateway
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    SWITCHED_OFF,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Held,
    Refuser,
)
from console.simulator.stand.haproxy import HaproxyStand
from tests.flows.haproxy_kit import (
    CANARY,
    EACH,
    FJORD,
    HOUSE,
    ITEMS,
    NEEDS_HAPROXY,
    order,
    standing,
    with_adapter,
)
from tests.waiting import wait_until

pytestmark = NEEDS_HAPROXY


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[HaproxyStand]:
    yield from standing(tmp_path)


def tell(stand: HaproxyStand, command: str) -> str:
    """What a person with access to the socket does by hand."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(stand.settings["socket"])
        line.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: line.recv(65536), b"")).decode()


@EACH
def test_a_stop_is_refused_by_name_cuts_and_outlives_a_crash(stand: HaproxyStand, switch: str, target: str) -> None:
    item = ITEMS[target]
    stop, restore = order(switch, target, "stopped", 4), order(switch, target, "running", 5)
    refuser = Refuser(switch, target, 4, stop.assertion_id)

    async def stopped(gateway: Gateway) -> str:
        reply, stream = await gateway.open_stream(switch, item, 5)
        assert (reply.outcome, stream is not None) == (SERVED, True)
        assert stream is not None
        applied = await gateway.apply(stop, 3)
        assert (applied.state, applied.generation, applied.streams_cut, applied.durable) == ("stopped", 4, 1, True)
        end = await stream.ended_within(3)
        assert end is not None
        assert (end.cut, end.assertion_id) == (True, stop.assertion_id)
        await stream.close()
        met = await gateway.probe(switch, item, 3)
        assert (met.outcome, met.refused_by) == (SWITCHED_OFF, (refuser,))
        assert await gateway.apply(stop, 3) == applied
        read = await gateway.read_back()
        held = Held("stopped", 4, stop.assertion_id)
        assert read.durable is not None
        assert (read.switches[switch, target], read.durable[switch, target]) == (held, held)
        return read.boot_id

    async def after_the_crash(gateway: Gateway) -> str:
        assert (await gateway.probe(switch, item, 3)).refused_by == (refuser,)
        assert (await gateway.apply(restore, 3)).state == "running"
        assert (await gateway.probe(switch, item, 3)).outcome == SERVED
        read = await gateway.read_back()
        assert read.switches == read.durable
        assert read.switches[switch, target] == Held("running", 5, restore.assertion_id)
        return read.boot_id

    async def still_running(gateway: Gateway) -> None:
        assert (await gateway.probe(switch, item, 3)).outcome == SERVED

    before = with_adapter(stand, stopped)
    stand.restart()
    assert with_adapter(stand, after_the_crash) != before
    stand.restart()
    with_adapter(stand, still_running)


def test_the_fallback_answers_with_a_notice(stand: HaproxyStand) -> None:
    async def ask(session: aiohttp.ClientSession) -> str:
        headers = {"x-tenant": FJORD, "x-model": "model.stable"}
        async with session.post(stand.settings["probe_url"], json={}, headers=headers) as response:
            return await response.text()

    async def story(gateway: Gateway) -> None:
        async with aiohttp.ClientSession() as session:
            assert "notice" not in await ask(session)
            assert (await gateway.notice(ITEMS[CANARY], 3)).notice == ""
            await gateway.apply(order("FF_MODEL_ROUTE", CANARY, "stopped", 1), 3)
            told = await ask(session)
            seen = await gateway.notice(ITEMS[CANARY], 3)
        assert (seen.outcome, "reduced" in seen.notice) == (SERVED, True)
        assert '"answered_by": "model.stable"' in told
        assert '"instead_of": "model.canary"' in told

    with_adapter(stand, story)


def test_a_connection_that_was_kept_open_is_refused_at_its_next_request(stand: HaproxyStand) -> None:
    async def story(gateway: Gateway) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:

            async def ask() -> int:
                headers = {"x-tenant": FJORD}
                async with session.post(stand.settings["probe_url"], json={}, headers=headers) as response:
                    await response.read()
                    return response.status

            assert await ask() == 200
            await gateway.apply(order("FF_TENANT_BLOCK", FJORD, "stopped", 1), 3)
            assert await ask() == 403

    with_adapter(stand, story)


def test_an_old_a_late_and_a_foreign_order_are_refused(stand: HaproxyStand) -> None:
    async def kind(gateway: Gateway, assertion: Assertion) -> tuple[str, int]:
        with pytest.raises(BackEndRefusal) as refusal:
            await gateway.apply(assertion, 3)
        return refusal.value.kind, refusal.value.generation

    async def story(gateway: Gateway) -> None:
        await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "stopped", 7), 3)
        assert await kind(gateway, order("FF_GLOBAL_AI", HOUSE, "running", 6)) == ("stale", 7)
        assert (await kind(gateway, order("FF_GLOBAL_AI", HOUSE, "running", 8, expires_in_s=-1)))[0] == "expired"
        for switch, target in [
            ("FF_TENANT_BLOCK", "tenant.nobody"),
            ("FF_TENANT_BLOCK", f"{FJORD};shutdown frontend ai"),
            ("FF_TENANT_BLOCK", f"{FJORD} x\nshutdown frontend ai"),
            ("FF_INDEX_FREEZE", HOUSE),
        ]:
            assert (await kind(gateway, order(switch, target, "stopped", 9)))[0] == "unmapped"
        evil = Assertion("FF_GLOBAL_AI", HOUSE, "running", 9, "a; shutdown frontend ai", "2099-01-01T00:00:00.000000Z")
        assert (await kind(gateway, evil))[0] == "failed"
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == SWITCHED_OFF

    with_adapter(stand, story)


def test_what_was_changed_by_hand_is_seen(stand: HaproxyStand) -> None:
    table = f"{stand.settings['maps']}/kill.map"

    async def held(gateway: Gateway) -> Held:
        return (await gateway.read_back()).switches["FF_GLOBAL_AI", HOUSE]

    async def story(gateway: Gateway) -> None:
        await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "stopped", 2), 3)
        tell(stand, f"set map {table} {HOUSE} running|0|-")
        with pytest.raises(BackEndRefusal, match="generation 2"):
            await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "running", 1), 3)
        read = await gateway.read_back()
        assert read.switches["FF_GLOBAL_AI", HOUSE] == Held("running", 0, "")
        assert read.durable is not None
        assert read.durable["FF_GLOBAL_AI", HOUSE].state == "stopped"
        # whatever is no order of ours refuses, and says so without naming one
        tell(stand, f"set map {table} {HOUSE} on")
        assert await held(gateway) == Held("unknown", 0, "")
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == NO_ANSWER
        tell(stand, f"clear map {table}")
        assert await held(gateway) == Held("stopped", 0, "")
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == SWITCHED_OFF
        tell(stand, f"add map {table} {HOUSE} running|1|-")
        tell(stand, f"add map {table} {HOUSE} stopped|1|-")
        assert (await held(gateway)).state == "unknown"
        await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "running", 2), 3)
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == SERVED

    with_adapter(stand, story)


def test_a_file_that_cannot_be_written_leaves_a_stop_and_prevents_a_restore(stand: HaproxyStand) -> None:
    table = Path(stand.settings["maps"]) / "kill.map"

    async def story(gateway: Gateway) -> None:
        blocker = table.with_name(".kill.map.new")
        blocker.mkdir()
        try:
            applied = await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "stopped", 1), 3)
            assert not applied.durable
            with pytest.raises(BackEndRefusal, match="nothing was restored"):
                await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "running", 2), 3)
            assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == SWITCHED_OFF
        finally:
            blocker.rmdir()
        table.write_bytes(b"\xff\xfe")
        assert (await gateway.read_back()).durable is None
        await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "stopped", 3), 3)
        read = await gateway.read_back()
        assert read.durable == read.switches

    with_adapter(stand, story)


def test_only_a_known_tenant_is_served_and_its_name_is_never_code(stand: HaproxyStand) -> None:
    async def statuses(gateway: Gateway) -> list[tuple[int, str]]:
        found = []
        async with aiohttp.ClientSession() as session:
            for name in ["", "tenant.nobody", '"},{"switch":"FF_X"', "%[env(HOME)]", "tenant.fjord,tenant.glacier"]:
                async with session.post(stand.settings["probe_url"], json={}, headers={"x-tenant": name}) as response:
                    found.append((response.status, (await response.json(content_type=None))["kind"]))
        return found

    assert set(with_adapter(stand, statuses)) == {(403, "unknown_tenant")}


def test_the_socket_is_for_its_owner_alone(stand: HaproxyStand) -> None:
    assert stat.S_IMODE(Path(stand.settings["socket"]).stat().st_mode) == 0o600


def test_a_gateway_that_is_gone_is_unknown(stand: HaproxyStand) -> None:
    async def story(gateway: Gateway) -> None:
        with pytest.raises(BackEndFault, match="unknown"):
            await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "stopped", 1), 3)
        with pytest.raises(BackEndFault):
            await gateway.read_back()
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 1)).outcome == NO_ANSWER
        assert (await gateway.open_stream("FF_GLOBAL_AI", ITEMS[HOUSE], 1))[1] is None

    stand.kill()
    with_adapter(stand, story)


def test_closing_leaves_nothing_running(tmp_path: Path) -> None:
    stand = HaproxyStand(tmp_path / "own")
    stand.start()
    port = int(stand.settings["probe_url"].rsplit(":", 1)[1].split("/")[0])
    stand.close()

    def refuses() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    wait_until(refuses, 5, "the port being free")
