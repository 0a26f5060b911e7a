"""A real Redis is stopped, restored, crashed and cut off: what gateways ask there is refused whenever it must be."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from console.plane.backends import (
    NO_ANSWER,
    OVERLOADED,
    SERVED,
    SWITCHED_OFF,
    BackEndFault,
    BackEndRefusal,
    Held,
    Refuser,
)
from console.simulator.stand.redis import RedisStand
from tests.fakes.redis_range import BUDGET, CACHE, ENFORCED, FJORD, GLACIER, ITEMS, STAND, driven, order, real_redis

CYCLES = 20


@pytest.fixture
def stand() -> Iterator[RedisStand]:
    with real_redis() as standing:
        yield standing


@pytest.mark.parametrize(("switch", "target"), ENFORCED)
def test_twenty_stops_and_restores_are_each_seen_by_a_probe(stand: RedisStand, switch: str, target: str) -> None:
    stops: list[float] = []
    applied: list[float] = []

    async def cycles() -> None:
        async with driven(stand) as redis:
            for generation in range(1, 2 * CYCLES, 2):
                assert (await redis.probe(switch, ITEMS[target], 2)).outcome == SERVED
                begun = time.perf_counter()
                stopped = await redis.apply(order(switch, target, "stopped", generation), 2)
                applied.append(time.perf_counter() - begun)
                reply = await redis.probe(switch, ITEMS[target], 2)
                stops.append(time.perf_counter() - begun)
                assert (stopped.state, stopped.generation, stopped.durable) == ("stopped", generation, True)
                refuser = Refuser(switch, target, generation, f"command-{generation}")
                assert (reply.outcome, reply.refused_by) == (SWITCHED_OFF, (refuser,))
                await redis.apply(order(switch, target, "running", generation + 1), 2)
            read = await redis.read_back()
            held = Held("running", 2 * CYCLES, f"command-{2 * CYCLES}")
            assert read.switches[switch, target] == held
            assert read.durable is not None
            assert read.durable[switch, target] == held

    asyncio.run(cycles())
    print(
        f"{switch} on {target}: applied {statistics.median(applied) * 1e3:.2f} ms, seen {_ms(stops)} (n {len(stops)})"
    )


def test_a_live_session_ends_and_names_the_command_that_cut_it(stand: RedisStand) -> None:
    cuts: list[float] = []

    async def cycles() -> None:
        async with driven(stand) as redis:
            for generation in range(1, 2 * CYCLES, 2):
                reply, session = await redis.open_stream(BUDGET, ITEMS[GLACIER], 2)
                assert reply.outcome == SERVED
                assert session is not None
                assert session.end is None
                begun = time.perf_counter()
                applied = await redis.apply(order(BUDGET, GLACIER, "stopped", generation), 2)
                end = await session.ended_within(2)
                cuts.append(time.perf_counter() - begun)
                assert applied.streams_cut == 1
                assert end is not None
                assert (end.cut, end.assertion_id) == (True, f"command-{generation}")
                await session.close()
                assert (await redis.open_stream(BUDGET, ITEMS[GLACIER], 2))[1] is None
                await redis.apply(order(BUDGET, GLACIER, "running", generation + 1), 2)

    asyncio.run(cycles())
    print(f"a session is cut after {_ms(cuts)} (n {len(cuts)})")


def test_a_session_that_merely_breaks_off_was_not_cut(stand: RedisStand) -> None:
    async def breaks() -> None:
        async with driven(stand) as redis:
            _, session = await redis.open_stream(BUDGET, ITEMS[GLACIER], 2)
            assert session is not None
            assert await session.ended_within(0) is None
            stand.kill()
            end = await session.ended_within(5)
            assert end is not None
            assert (end.cut, end.assertion_id) == (False, "")
            await session.close()

    asyncio.run(breaks())


def test_no_user_of_the_tenant_comes_in_while_it_is_stopped(stand: RedisStand) -> None:
    async def throw(want: str, generation: int) -> None:
        async with driven(stand) as redis:
            await redis.apply(order(BUDGET, GLACIER, want, generation), 2)

    asyncio.run(throw("stopped", 1))
    with stand.client(GLACIER, stand.gateway_password) as gateway, pytest.raises(AuthenticationError):
        gateway.ping()
    asyncio.run(throw("running", 2))
    with stand.client(GLACIER, stand.gateway_password) as gateway:
        assert gateway.ping()


@pytest.mark.parametrize(("switch", "target"), ENFORCED)
def test_a_stop_is_there_after_a_crash(stand: RedisStand, switch: str, target: str) -> None:
    async def survives() -> None:
        async with driven(stand) as redis:
            await redis.apply(order(switch, target, "stopped", 7), 2)
            before = await redis.read_back()
            stand.kill()
            assert (await redis.probe(switch, ITEMS[target], 0.5)).outcome == NO_ANSWER
            with pytest.raises(BackEndFault, match="Redis did not answer"):
                await redis.read_back()
            begun = time.perf_counter()
            stand.restart()
            reply = await redis.probe(switch, ITEMS[target], 2)
            print(f"{switch}: refused again {(time.perf_counter() - begun) * 1e3:.0f} ms after the restart began")
            assert (reply.outcome, reply.refused_by) == (SWITCHED_OFF, (Refuser(switch, target, 7, "command-7"),))
            after = await redis.read_back()
            assert after.boot_id != before.boot_id
            assert after.switches == before.switches
            assert (await redis.open_stream(switch, ITEMS[target], 2))[1] is None

    asyncio.run(survives())


def test_what_was_settled_is_there_after_a_crash_and_nobody_comes_in_without_a_name(stand: RedisStand) -> None:
    """Redis repeats its file as the user `default`: transactions of it are lost when that one may do nothing."""
    with stand.client(GLACIER, stand.gateway_password) as gateway:
        gateway.fcall("budget_reserve", 0, GLACIER, "w", "s", "a", "1", "10", "0", "250000", "60")
        assert gateway.fcall("budget_settle", 0, GLACIER, "w", "a", "1", "8", "0", "200000") == ["settled"]
        left = gateway.fcall("budget_left", 0, GLACIER, "w", "s")
        assert left == ["left", "9", "99992", "5", "4800000"]
    stand.restart()
    with stand.client(GLACIER, stand.gateway_password) as gateway:
        assert gateway.fcall("budget_left", 0, GLACIER, "w", "s") == left
    for user, password in (("default", ""), ("default", "x"), ("nobody", "x")):
        with stand.client(user, password) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
    nameless = Redis(unix_socket_path=str(stand.socket), protocol=2, driver_info=None)
    with nameless, pytest.raises(AuthenticationError):
        nameless.get("caps")


def test_a_purge_is_one_step_and_an_answer_of_before_is_not_kept_after_it(stand: RedisStand) -> None:
    async def throw(want: str, generation: int) -> None:
        async with driven(stand) as redis:
            await redis.apply(order(CACHE, FJORD, want, generation), 2)

    with stand.client(FJORD, stand.gateway_password) as gateway:

        def look_up(digest: str) -> list[str]:
            found: list[str] = gateway.fcall("cache_look_up", 0, FJORD, digest)
            return found

        miss, generation = look_up("d1")
        assert miss == "miss"
        assert gateway.fcall("cache_put", 0, FJORD, "d1", generation, "60", "an answer\n\x1b") == ["kept", generation]
        assert look_up("d1") == ["hit", generation, "an answer\n\x1b"]
        asyncio.run(throw("stopped", 1))
        assert look_up("d1") == ["refused", CACHE, FJORD, "1", "command-1"]
        assert gateway.fcall("cache_put", 0, FJORD, "d2", generation, "60", "x")[0] == "refused"
        asyncio.run(throw("running", 2))
        assert look_up("d1")[0] == "miss"
        late = gateway.fcall("cache_put", 0, FJORD, "d1", generation, "60", "computed before the purge")
        assert late[0] == "purged"
        assert look_up("d1")[0] == "miss"


def test_an_older_order_the_same_again_and_one_that_is_over(stand: RedisStand) -> None:
    async def orders() -> None:
        async with driven(stand) as redis:
            for switch, target in ((CACHE, FJORD), (BUDGET, GLACIER)):
                stop = order(switch, target, "stopped", 5)
                first = await redis.apply(stop, 2)
                purged = stand_purges(stand, target)
                assert (await redis.apply(stop, 2)).generation == first.generation
                assert stand_purges(stand, target) == purged
                for older in (order(switch, target, "running", 4), order(switch, target, "running", 5, "another")):
                    with pytest.raises(BackEndRefusal) as refused:
                        await redis.apply(older, 2)
                    assert (refused.value.kind, refused.value.generation) == ("stale", 5)
                with pytest.raises(BackEndRefusal) as refused:
                    await redis.apply(order(switch, target, "running", 6, lasts_s=-1), 2)
                assert refused.value.kind == "expired"
                assert (await redis.probe(switch, ITEMS[target], 2)).outcome == SWITCHED_OFF

    asyncio.run(orders())


def stand_purges(stand: RedisStand, target: str) -> object:
    with stand.admin() as admin:
        return admin.hget(f"switch:{target}", "purged")


@pytest.mark.parametrize(
    ("switch", "target"),
    [(BUDGET, FJORD), (BUDGET, STAND), ("FF_GLOBAL_AI", STAND), (CACHE, "tenant.nowhere"), ("x y\r\nz", "../*")],
)
def test_what_is_not_mapped_is_refused_before_redis_is_asked(stand: RedisStand, switch: str, target: str) -> None:
    async def refused() -> None:
        async with driven(stand, Path("nobody-listens-here")) as redis:
            with pytest.raises(BackEndRefusal) as refusal:
                await redis.apply(order(switch, target, "stopped", 1), 2)
            assert refusal.value.kind == "unmapped"

    asyncio.run(refused())


@pytest.mark.parametrize("hostile", ["*", "a b", "a:b", "", "x" * 101, "a\r\nSET b 1", "é", "a\x00b", "{a}"])
def test_hostile_ids_never_become_keys(stand: RedisStand, hostile: str) -> None:
    with stand.client(GLACIER, stand.gateway_password) as gateway, stand.admin() as admin:
        before = sorted(admin.keys())
        calls = [
            ("cache_look_up", hostile, "d"),
            ("cache_put", GLACIER, hostile, "0.0", "60", "x"),
            ("budget_reserve", GLACIER, hostile, "s", "r", "0", "0", "0", "1", "60"),
            ("budget_reserve", GLACIER, "w", "s", hostile, "0", "0", "0", "1", "60"),
            ("budget_reserve", GLACIER, "w", "s", "r", "0", "0", "0", hostile, "60"),
            ("budget_settle", GLACIER, "w", hostile, "0", "0", "0", "1"),
            ("budget_release", hostile, "w", "r"),
        ]
        for name, *words in calls:
            with pytest.raises(ResponseError):
                gateway.fcall(name, 0, *words)
        assert sorted(admin.keys()) == before


def test_a_gateway_reaches_neither_switches_nor_another_tenant(stand: RedisStand) -> None:
    with stand.client(FJORD, stand.gateway_password) as gateway:
        orders: list[tuple[str, ...]] = [
            ("FCALL", "switch_set", "0", CACHE, FJORD, "running", "99", "x", "9999999999999999"),
            ("FCALL", "budget_reserve", "0", GLACIER, "w", "s", "r", "0", "0", "0", "1", "60"),
            ("FCALL", "cache_put", "0", GLACIER, "d", "0.0", "60", "x"),
        ]
        for words in orders:
            with pytest.raises((NoPermissionError, ResponseError), match=r"permission|can.t access"):
                gateway.execute_command(*words)
        for direct in (("HSET", f"switch:{FJORD}", CACHE, "running 9 x"), ("KEYS", "*"), ("CONFIG", "GET", "*")):
            with pytest.raises(NoPermissionError):
                gateway.execute_command(*direct)


@pytest.mark.parametrize("lost", [None, "", "running", "running x -", "stopped 1", "running 1 a b", "RUNNING 1 a"])
def test_a_switch_that_redis_lost_counts_as_stopped(stand: RedisStand, lost: str | None) -> None:
    with stand.admin() as admin:
        for switch, target in ((CACHE, FJORD), (BUDGET, GLACIER)):
            admin.hdel(f"switch:{target}", switch)
            if lost is not None:
                admin.hset(f"switch:{target}", switch, lost)

    async def asks() -> None:
        async with driven(stand) as redis:
            read = await redis.read_back()
            for switch, target in ((CACHE, FJORD), (BUDGET, GLACIER)):
                assert read.switches[switch, target] == Held("stopped", 0, "")
                reply = await redis.probe(switch, ITEMS[target], 2)
                assert (reply.outcome, reply.refused_by) == (SWITCHED_OFF, (Refuser(switch, target, 0, ""),))
                await redis.apply(order(switch, target, "running", 1), 2)
                assert (await redis.probe(switch, ITEMS[target], 2)).outcome == SERVED

    asyncio.run(asks())


def test_what_is_half_done_is_stopped_and_told_as_stopped(stand: RedisStand) -> None:
    """The plane died between marker and user: a restore whose user is still off is no restore."""
    with stand.admin() as admin:
        admin.hset(f"switch:{GLACIER}", BUDGET, "running 3 command-3")
        admin.execute_command("ACL SETUSER", GLACIER, "off")

    async def asks() -> None:
        async with driven(stand) as redis:
            held = (await redis.read_back()).switches[BUDGET, GLACIER]
            assert held == Held("stopped", 3, "command-3")
            await redis.apply(order(BUDGET, GLACIER, "running", 3), 2)
            assert (await redis.read_back()).switches[BUDGET, GLACIER].state == "running"

    asyncio.run(asks())


def test_a_redis_that_does_not_wait_for_its_disk_is_not_durable(stand: RedisStand) -> None:
    async def asks() -> None:
        async with driven(stand) as redis:
            assert (await redis.read_back()).durable is not None
            with stand.admin() as admin:
                admin.execute_command("ACL SETUSER", "default", "-@all")
                assert (await redis.read_back()).durable is None
                admin.execute_command("ACL SETUSER", "default", "+@all")
                assert (await redis.read_back()).durable is not None
                admin.config_set("appendfsync", "everysec")
            assert (await redis.read_back()).durable is None
            assert (await redis.apply(order(CACHE, FJORD, "stopped", 1), 2)).durable is False

    asyncio.run(asks())


def test_a_used_up_budget_is_no_switch(stand: RedisStand) -> None:
    with stand.admin() as admin:
        admin.hset("caps", "micro_usd", "0")

    async def asks() -> None:
        async with driven(stand) as redis:
            reply = await redis.probe(BUDGET, ITEMS[GLACIER], 2)
            assert (reply.outcome, reply.refused_by) == (OVERLOADED, ())

    asyncio.run(asks())


def test_the_library_is_missing(stand: RedisStand) -> None:
    with stand.admin() as admin:
        admin.function_flush()

    async def asks() -> None:
        async with driven(stand) as redis:
            assert (await redis.probe(CACHE, ITEMS[FJORD], 2)).outcome == NO_ANSWER
            with pytest.raises(BackEndRefusal, match="Function not found") as refused:
                await redis.apply(order(CACHE, FJORD, "stopped", 1), 2)
            assert refused.value.kind == "failed"

    asyncio.run(asks())


def test_a_half_open_connection_is_unknown_and_never_a_success(stand: RedisStand) -> None:
    async def asks() -> None:
        with tempfile.TemporaryDirectory(prefix="mute-") as folder:
            socket = Path(folder, "mute.sock")
            held: list[asyncio.StreamWriter] = []
            server = await asyncio.start_unix_server(lambda _reader, writer: held.append(writer), socket)
            try:
                async with driven(stand, socket) as redis:
                    begun = time.perf_counter()
                    with pytest.raises(BackEndFault, match="what it did is unknown"):
                        await redis.apply(order(CACHE, FJORD, "stopped", 1), 0.2)
                    assert (await redis.probe(CACHE, ITEMS[FJORD], 0.2)).outcome == NO_ANSWER
                    reply, stream = await redis.open_stream(BUDGET, ITEMS[GLACIER], 0.2)
                    assert (reply.outcome, stream) == (NO_ANSWER, None)
                    assert time.perf_counter() - begun < 2
            finally:
                for writer in held:
                    writer.close()
                server.close()
                await server.wait_closed()

    asyncio.run(asks())


def test_a_wrong_password_is_a_fault_that_does_not_show_it(stand: RedisStand) -> None:
    stand._passwords["console"] = "not-the-password"

    async def asks() -> None:
        async with driven(stand) as redis:
            with pytest.raises(BackEndFault) as fault:
                await redis.read_back()
            assert "not-the-password" not in fault.value.sentence
            assert "not-the-password" not in repr(redis.__dict__["_session_password"])

    asyncio.run(asks())


def test_no_secret_is_in_the_command_line_or_in_the_open(stand: RedisStand) -> None:
    for file in stand.folder.iterdir():
        if file.is_file():
            text = file.read_bytes()
            assert not any(secret.encode() in text for secret in (*stand.secrets.values(), stand.gateway_password))
    assert (stand.folder / "users.acl").stat().st_mode & 0o077 == 0
    lines = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not any(secret.encode() in line for line in lines for secret in stand.secrets.values())


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.2f} ms median, {max(seconds) * 1e3:.2f} max"
