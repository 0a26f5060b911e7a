"""The HAProxy adapter against a real HAProxy before two AI servers: refused, cut, still stopped after a crash."""

from __future__ import annotations

import asyncio
import socket
import stat
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.times import format_utc
from console.plane.adapters import haproxy
from console.plane.adapters.haproxy import Gateway
from console.plane.back_end_settings import HaproxySettings
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
from console.plane.settings import PlaneSettings, Secrets
from console.simulator.stand.haproxy import HaproxyStand, missing
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "it can run")

HOUSE, FJORD, GLACIER, CANARY = "environment.stand", "tenant.fjord", "tenant.glacier", "model.canary"
ITEMS = {
    HOUSE: InventoryItem(HOUSE, "environment", "Stand", HOUSE),
    FJORD: InventoryItem(FJORD, "tenant", "Fjord", HOUSE),
    GLACIER: InventoryItem(GLACIER, "tenant", "Glacier", HOUSE),
    CANARY: InventoryItem(CANARY, "model", "Canary", HOUSE, tenants=(FJORD, GLACIER)),
    "model.stable": InventoryItem("model.stable", "model", "Stable", HOUSE, tenants=(FJORD, GLACIER)),
}
PAIRS = [
    ("FF_GLOBAL_AI", HOUSE),
    ("FF_TENANT_BLOCK", FJORD),
    ("FF_TENANT_BLOCK", GLACIER),
    ("FF_MODEL_ROUTE", CANARY),
]
INVENTORY = Inventory(ITEMS, tuple(Enforcement(switch, target, "haproxy") for switch, target in PAIRS), {})
EACH = pytest.mark.parametrize(("switch", "target"), [PAIRS[0], PAIRS[1], PAIRS[3]])


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[HaproxyStand]:
    """A fresh one, with everything running."""
    stand = HaproxyStand(tmp_path / "haproxy")
    stand.start()
    yield stand
    stand.close()


def adapter(stand: HaproxyStand) -> Gateway:
    given = stand.settings
    settings = HaproxySettings(Path(given["socket"]), Path(given["maps"]), given["probe_url"])
    found = haproxy.connect(PlaneSettings(haproxy=settings), Secrets(), INVENTORY)
    assert found is not None
    return found


def with_adapter(stand: HaproxyStand, story: Callable[[Gateway], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        gateway = adapter(stand)
        try:
            return await story(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


def order(switch: str, target: str, want: str, generation: int, *, expires_in_s: float = 30) -> Assertion:
    expires = format_utc(datetime.now(UTC) + timedelta(seconds=expires_in_s))
    return Assertion(switch, target, want, generation, str(uuid.uuid4()), expires)


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


@EACH
def test_twenty_times_off_and_on(stand: HaproxyStand, switch: str, target: str) -> None:
    item = ITEMS[target]

    async def cycles(gateway: Gateway) -> tuple[list[float], list[float]]:
        until_refused, until_cut = [], []
        for turn in range(20):
            _, stream = await gateway.open_stream(switch, item, 5)
            assert stream is not None
            begun, wall = time.perf_counter(), datetime.now(UTC)
            await gateway.apply(order(switch, target, "stopped", 2 * turn + 1), 3)
            assert (await gateway.probe(switch, item, 3)).outcome == SWITCHED_OFF
            until_refused.append(1000 * (time.perf_counter() - begun))
            end = await stream.ended_within(3)
            await stream.close()
            assert end is not None
            assert end.cut
            until_cut.append(1000 * (end.at - wall).total_seconds())
            await gateway.apply(order(switch, target, "running", 2 * turn + 2), 3)
            assert (await gateway.probe(switch, item, 3)).outcome == SERVED
        return until_refused, until_cut

    for what, times in zip(("refused", "cut"), with_adapter(stand, cycles), strict=True):
        ordered = sorted(times)
        print(
            f"{switch} {what}: median {statistics.median(ordered):.1f} ms, most {ordered[-1]:.1f} ms, n {len(ordered)}"
        )
        assert ordered[-1] < 2000


def test_a_tenant_is_cut_alone(stand: HaproxyStand) -> None:
    async def story(gateway: Gateway) -> None:
        streams = [(await gateway.open_stream("FF_TENANT_BLOCK", ITEMS[who], 5))[1] for who in (FJORD, GLACIER)]
        assert None not in streams
        mine, other = streams
        assert mine is not None
        assert other is not None
        applied = await gateway.apply(order("FF_TENANT_BLOCK", FJORD, "stopped", 1), 3)
        assert applied.streams_cut == 1
        end = await mine.ended_within(3)
        assert end is not None
        assert end.cut
        assert (await gateway.probe("FF_TENANT_BLOCK", ITEMS[GLACIER], 3)).outcome == SERVED
        assert (await gateway.probe("FF_GLOBAL_AI", ITEMS[HOUSE], 3)).outcome == SERVED
        assert other.end is None
        # everything is named that refuses
        both = order("FF_GLOBAL_AI", HOUSE, "stopped", 1)
        await gateway.apply(both, 3)
        met = await gateway.probe("FF_TENANT_BLOCK", ITEMS[FJORD], 3)
        assert [one.switch for one in met.refused_by] == ["FF_GLOBAL_AI", "FF_TENANT_BLOCK"]
        await mine.close()
        await other.close()

    with_adapter(stand, story)


@EACH
def test_a_crowd_is_cut_and_nobody_slips_through(stand: HaproxyStand, switch: str, target: str) -> None:
    """Streams that are open, and others that come in while the stop is made: none of them lives on."""
    models = {"x-model": CANARY} if target == CANARY else {}

    async def stream(session: aiohttp.ClientSession, opened: asyncio.Semaphore, tenant: str) -> str:
        headers = {"x-tenant": tenant} | models
        async with session.post(stand.settings["probe_url"], json={"hold": True}, headers=headers) as response:
            if response.status != 200:
                before = "cut before it began"
                return {403: "refused", 502: before, 503: before}.get(response.status, str(response.status))
            try:
                await response.content.readany()
                opened.release()
                while await response.content.readany():
                    pass
            except aiohttp.ClientError:
                return "cut"
        return "ended"

    async def story(gateway: Gateway) -> None:
        opened = asyncio.Semaphore(0)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            others = [group.create_task(stream(session, opened, GLACIER)) for _ in range(10)] if target == FJORD else []
            mine = [group.create_task(stream(session, opened, FJORD)) for _ in range(40)]
            for _ in mine + others:
                await opened.acquire()
            late = [group.create_task(stream(session, opened, FJORD)) for _ in range(40)]
            begun = time.perf_counter()
            applied = await gateway.apply(order(switch, target, "stopped", 1), 5)
            async with asyncio.timeout(3):
                ends = await asyncio.gather(*mine, *late)
            took = 1000 * (time.perf_counter() - begun)
            print(f"{switch}: {applied.streams_cut} cut, {ends.count('refused')} refused, all ended in {took:.0f} ms")
            assert set(ends[:40]) == {"cut"}
            assert set(ends[40:]) <= {"cut", "cut before it began", "refused"}
            assert applied.streams_cut >= ends.count("cut")
            assert not any(task.done() for task in others)
            for task in others:
                task.cancel()

    with_adapter(stand, story)


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


def test_a_stream_that_breaks_for_another_reason_is_not_cut(stand: HaproxyStand) -> None:
    async def story(gateway: Gateway) -> None:
        _, stream = await gateway.open_stream("FF_GLOBAL_AI", ITEMS[HOUSE], 5)
        assert stream is not None
        stand.kill()
        end = await stream.ended_within(5)
        assert end is not None
        assert not end.cut
        await stream.close()

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
        await gateway.apply(order("FF_GLOBAL_AI", HOUSE, "stopped", 1), 3)
        tell(stand, f"set map {table} {HOUSE} running|0|-")
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
