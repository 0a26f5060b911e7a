"""The PostgreSQL adapter against a real PostgreSQL 18 with pgvector, laid out by the onboarding file itself."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from console.plane.adapters import postgres
from console.plane.adapters.postgres import Postgres
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    SWITCHED_OFF,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Refuser,
)
from console.simulator.stand.postgres import LOGINS, PostgresStand, missing
from tests.flows.postgres_orders import FJORD, INDEX, PAIRS, order, throw, using
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "it runs here")

INGEST = "INSERT INTO manuals (tenant, segment, body, embedding) VALUES (%s, %s, 'new', '[0, 1, 0]')"
NEAREST = "SELECT id, segment FROM manuals ORDER BY embedding <-> '[1, 0, 0]' LIMIT 10"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStand]:
    with ExitStack() as stack:
        found = PostgresStand(tmp_path_factory.mktemp("postgres"))
        stack.callback(found.close)
        found.start()
        yield found


@pytest.fixture(autouse=True)
def as_provisioned(stand: PostgresStand) -> Iterator[None]:
    yield
    with stand.connect("postgres") as session:
        session.execute("UPDATE console_switch.state SET state = 'running', generation = 0, command_id = ''")


@pytest.mark.parametrize("switch", PAIRS)
def test_a_switch_is_thrown_and_restored_twenty_times_and_each_probe_sees_it(
    stand: PostgresStand, switch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    item, times = PAIRS[switch], list[float]()

    async def cycles(adapter: Postgres) -> None:
        assert (await adapter.probe(switch, item, 2.0)).outcome == SERVED
        for generation in range(1, 41):
            asked = order(switch, "stopped" if generation % 2 else "running", generation)
            began = time.perf_counter()
            applied = await adapter.apply(asked, 2.0)
            reply = await adapter.probe(switch, item, 2.0)
            times.append((time.perf_counter() - began) * 1000)
            assert (applied.state, applied.generation, applied.durable) == (asked.want, generation, True)
            if asked.want == "stopped":
                assert reply.refused_by == (Refuser(switch, item.id, generation, asked.assertion_id),)
            else:
                assert reply.outcome == SERVED

    using(stand, cycles)
    with capsys.disabled():
        print(f"\n{switch}: apply and probe, 40 times: median {statistics.median(times):.1f}, most {max(times):.1f} ms")


def test_an_ingest_that_is_open_already_is_ended_and_the_probes_own_names_the_freeze(stand: PostgresStand) -> None:
    async def freeze(adapter: Postgres) -> tuple[Assertion, int, Any]:
        reply, stream = await adapter.open_stream("FF_INDEX_FREEZE", INDEX, 2.0)
        assert reply.outcome == SERVED
        assert stream is not None
        assert await stream.ended_within(0.05) is None
        assert (await adapter.probe("FF_INDEX_FREEZE", INDEX, 2.0)).outcome == SERVED  # two probes do not collide
        asked = order("FF_INDEX_FREEZE", "stopped", 1)
        applied = await adapter.apply(asked, 2.0)
        end = await stream.ended_within(2.0)
        await stream.close()
        assert await adapter.open_stream("FF_INDEX_FREEZE", INDEX, 2.0) != (reply, stream)
        return asked, applied.streams_cut, end

    with stand.connect("manuals_ingest") as ingest:
        ingest.execute(INGEST, ("glacier", "autumn"))
        asked, cut, end = using(stand, freeze)
        assert cut == 2
        assert (end.cut, end.assertion_id) == (True, asked.assertion_id)
        with pytest.raises(errors.AdminShutdown):
            ingest.execute("SELECT 1")
        ingest.close()


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_an_open_ingest_that_nobody_ended_cannot_commit_after_the_freeze(stand: PostgresStand, isolation: str) -> None:
    with stand.connect("postgres") as ingest:  # a superuser's session cannot be ended by the plane
        ingest.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        ingest.execute(INGEST, ("glacier", "autumn"))
        asked = throw(stand, "FF_INDEX_FREEZE", "stopped", 3)
        with pytest.raises((errors.Error, errors.SerializationFailure)) as refused:
            ingest.commit()
    if isolation == "READ COMMITTED":
        assert refused.value.sqlstate == postgres.REFUSAL
        for word in ("FF_INDEX_FREEZE", "index.manuals", '"generation" : 3', asked.assertion_id):
            assert word in str(refused.value.diag.message_detail)


def test_an_ingest_that_checked_early_does_not_hold_the_freeze_up(stand: PostgresStand) -> None:
    with stand.connect("manuals_ingest") as ingest:
        ingest.execute(INGEST, ("glacier", "autumn"))
        ingest.execute("SET CONSTRAINTS ALL IMMEDIATE")
        throw(stand, "FF_INDEX_FREEZE", "stopped", 1)
        with pytest.raises(errors.AdminShutdown):
            ingest.commit()
        ingest.close()


@pytest.mark.parametrize("statement", ["DELETE FROM manuals", "TRUNCATE manuals", "UPDATE manuals SET body = ''"])
def test_a_frozen_index_takes_no_write_of_anybody_not_even_its_owners(stand: PostgresStand, statement: str) -> None:
    throw(stand, "FF_INDEX_FREEZE", "stopped", 1)
    for prelude in ("SET ROLE manuals_ingest", "SET ROLE manuals_owner", "SET session_replication_role = replica"):
        with stand.connect("postgres") as session:
            session.execute(prelude)
            with pytest.raises(psycopg.Error) as refused:
                session.execute(statement)
        assert refused.value.sqlstate == postgres.REFUSAL


def test_a_search_whose_nearest_rows_are_all_quarantined_still_returns_k_rows(stand: PostgresStand) -> None:
    def search() -> list[str]:
        with stand.connect("manuals_reader") as reader:
            reader.execute("SET enable_seqscan = off")
            plan = "\n".join(row[0] for row in reader.execute(f"EXPLAIN {NEAREST}"))
            assert "Index Scan using manuals_embedding" in plan
            return [row[1] for row in reader.execute(NEAREST)]

    assert search() == ["spring"] * 10
    throw(stand, "FF_ROW_QUARANTINE", "stopped", 1)
    assert search() == ["autumn"] * 10
    with stand.connect("postgres") as session:  # why the setting is laid: without it the answer is empty
        session.execute("SET hnsw.iterative_scan = off")
        session.execute("SET enable_seqscan = off")
        session.execute("SET ROLE manuals_reader")
        assert session.execute(NEAREST).fetchall() == []


@pytest.mark.parametrize("role", ["manuals_owner", "manuals_ingest", "manuals_reader"])
def test_row_filters_bind_readers_and_owner_alike_and_return_when_restored(stand: PostgresStand, role: str) -> None:
    def seen() -> set[tuple[str, str]]:
        with stand.connect("postgres") as session:
            session.execute(psycopg.sql.SQL("SET ROLE {}").format(psycopg.sql.Identifier(role)))
            return set(session.execute("SELECT DISTINCT tenant, segment FROM manuals").fetchall())

    everything = seen()
    throw(stand, "FF_ROW_QUARANTINE", "stopped", 1)
    throw(stand, "FF_TENANT_BLOCK", "stopped", 1)
    assert seen() == {("glacier", "autumn")}
    throw(stand, "FF_ROW_QUARANTINE", "running", 2)
    throw(stand, "FF_TENANT_BLOCK", "running", 2)
    assert seen() == everything


def test_a_blocked_tenant_takes_no_write_and_an_open_one_cannot_commit(stand: PostgresStand) -> None:
    with stand.connect("manuals_ingest") as early, stand.connect("manuals_ingest") as other:
        early.execute(INGEST, ("fjord", "autumn"))
        other.execute(INGEST, ("glacier", "autumn"))
        throw(stand, "FF_TENANT_BLOCK", "stopped", 1)
        with pytest.raises(psycopg.Error) as refused:
            early.commit()
        assert refused.value.sqlstate == postgres.REFUSAL
        other.commit()  # another tenant's goes on
        with pytest.raises(errors.InsufficientPrivilege):
            early.execute(INGEST, ("fjord", "autumn"))


def test_a_stop_survives_a_crash_and_the_restart_is_seen(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    stand = PostgresStand(tmp_path / "postgres")
    request.addfinalizer(stand.close)  # one that does not start is closed as well
    stand.start()
    asked = throw(stand, "FF_INDEX_FREEZE", "stopped", 7)
    before = using(stand, Postgres.read_back)
    stand.kill()
    with pytest.raises(BackEndFault):
        using(stand, Postgres.read_back)
    stand.restart()
    after = using(stand, Postgres.read_back)
    assert before.boot_id != after.boot_id
    assert after.switches == after.durable == before.switches
    assert after.switches["FF_INDEX_FREEZE", "index.manuals"].assertion_id == asked.assertion_id
    reply = using(stand, lambda adapter: adapter.probe("FF_INDEX_FREEZE", INDEX, 2.0))
    assert reply.outcome == SWITCHED_OFF


def test_a_lost_row_reads_as_provisioned(stand: PostgresStand) -> None:
    throw(stand, "FF_INDEX_FREEZE", "stopped", 1)
    with stand.connect("postgres") as session:
        session.execute("DELETE FROM console_switch.state WHERE switch = 'FF_INDEX_FREEZE'")
    held = using(stand, Postgres.read_back).switches["FF_INDEX_FREEZE", "index.manuals"]
    assert (held.state, held.generation) == ("running", 0)


def test_the_same_assertion_again_has_one_effect(stand: PostgresStand) -> None:
    asked = order("FF_INDEX_FREEZE", "stopped", 4)

    async def twice(adapter: Postgres) -> None:
        first, second = [await adapter.apply(asked, 2.0) for _ in range(2)]
        assert first == second

    def set_at() -> object:
        with stand.connect("postgres") as session:
            return session.execute("SELECT set_at FROM console_switch.state WHERE state = 'stopped'").fetchall()

    using(stand, lambda adapter: adapter.apply(asked, 2.0))
    before = set_at()
    using(stand, twice)
    assert set_at() == before


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("stale", {"generation": 4}),
        ("stale", {"generation": 5}),
        ("expired", {"generation": 6, "expires": "2026-01-01T00:00:00.000000Z"}),
        ("unmapped", {"target": "index.unknown"}),
        ("unmapped", {"switch": "FF_GLOBAL_AI"}),
        ("unmapped", {"target": "'; DROP SCHEMA console_switch CASCADE; --\x00"}),
    ],
)
def test_what_must_be_refused_is_refused_and_changes_nothing(
    stand: PostgresStand, kind: str, more: dict[str, Any]
) -> None:
    throw(stand, "FF_INDEX_FREEZE", "stopped", 5)
    before = using(stand, Postgres.read_back).switches
    asked = replace(order("FF_INDEX_FREEZE", "running", 6), **more)
    with pytest.raises(BackEndRefusal) as refused:
        using(stand, lambda adapter: adapter.apply(asked, 2.0))
    assert refused.value.kind == kind
    assert refused.value.generation == (5 if kind in ("stale", "expired") else 0)
    assert using(stand, Postgres.read_back).switches == before


def test_a_scope_that_is_empty_is_not_said_to_be_hidden(stand: PostgresStand) -> None:
    with stand.connect("postgres") as session:
        session.execute("UPDATE console_switch.scope SET value = 'nobody' WHERE target = 'tenant.fjord'")
    try:
        throw(stand, "FF_TENANT_BLOCK", "stopped", 1)
        assert using(stand, lambda a: a.probe("FF_TENANT_BLOCK", FJORD, 2.0)).outcome == NO_ANSWER
    finally:
        with stand.connect("postgres") as session:
            session.execute("UPDATE console_switch.scope SET value = 'fjord' WHERE target = 'tenant.fjord'")


def test_a_server_that_stands_still_is_a_fault_in_time(stand: PostgresStand) -> None:
    """Half open: the kernel takes the connection, and nobody ever answers."""
    assert stand.pid
    os.kill(stand.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(BackEndFault, match="unknown"):
            using(stand, lambda adapter: adapter.apply(order("FF_INDEX_FREEZE", "stopped", 1), 0.5))
        assert using(stand, lambda a: a.probe("FF_INDEX_FREEZE", INDEX, 0.5)).outcome == NO_ANSWER
        assert time.monotonic() - began < 2.5
    finally:
        os.kill(stand.pid, signal.SIGCONT)


def test_a_session_that_falls_silent_in_the_middle_is_a_fault_in_time(stand: PostgresStand) -> None:
    with stand.connect("postgres") as holder:
        holder.execute("LOCK TABLE console_switch.state IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(BackEndFault):
            using(stand, lambda adapter: adapter.apply(order("FF_INDEX_FREEZE", "running", 1), 0.6))
        assert time.monotonic() - began < 2.0


def test_nobody_there_and_nobody_who_knows_us_are_clear_sentences(stand: PostgresStand, tmp_path: Path) -> None:
    with pytest.raises(BackEndFault, match="did not answer"):
        using(stand, Postgres.read_back, host=str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(BackEndFault, match="unknown"):
        using(
            stand,
            lambda adapter: adapter.apply(order("FF_INDEX_FREEZE", "stopped", 1), 0.4),
            host="127.0.0.1", port=deaf.getsockname()[1],
        )  # fmt: skip
    with pytest.raises(BackEndFault, match="password"):
        using(stand, Postgres.read_back, user="manuals_ingest", probe_user="console_switch")


def test_a_database_without_the_switches_says_how_to_lay_them(stand: PostgresStand) -> None:
    with pytest.raises(BackEndFault, match=r"run onboarding/postgres\.sql"):
        using(stand, Postgres.read_back, database="postgres")


def test_laying_it_again_changes_nothing(stand: PostgresStand) -> None:
    throw(stand, "FF_ROW_QUARANTINE", "stopped", 3)
    before = using(stand, Postgres.read_back)
    with stand.connect("postgres") as session:
        session.execute((Path(postgres.__file__).parent / "onboarding" / "postgres.sql").read_bytes())
    assert using(stand, Postgres.read_back) == before


def test_no_ingest_of_many_in_flight_commits_after_the_freeze_has_answered(stand: PostgresStand) -> None:
    def count() -> int:
        with stand.connect("postgres") as session:
            return int(session.execute("SELECT count(*) FROM manuals").fetchall()[0][0])

    def write_until_refused() -> None:
        with contextlib.suppress(psycopg.Error), stand.connect("manuals_ingest") as session:
            while True:
                session.execute(INGEST, ("glacier", "autumn"))
                session.commit()

    before = count()
    writers = [threading.Thread(target=write_until_refused) for _ in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: count() > before + 20, what="ingests to be under way")
    throw(stand, "FF_INDEX_FREEZE", "stopped", 1)
    at_the_freeze = count()
    for writer in writers:
        writer.join()
    assert count() == at_the_freeze


def test_the_planes_role_reaches_the_switches_and_nothing_else(stand: PostgresStand) -> None:
    with stand.connect("console_switch") as session, stand.connect("manuals_reader") as other:
        session.autocommit = True
        for statement in (
            "SELECT * FROM manuals",
            "UPDATE console_switch.state SET state = 'running'",
            "SELECT console_switch.try_write('index.manuals')",
            f"SELECT pg_terminate_backend({other.info.backend_pid})",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(statement)


def test_no_password_is_in_a_command_line_an_environment_a_log_or_a_repr(
    stand: PostgresStand, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = [stand.password_of(login) for login in (*LOGINS, "postgres")]
    seen = caplog.text + repr(stand)
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()):
            for name in ("cmdline", "environ"):
                try:
                    seen += (process / name).read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue
    seen += (stand.folder / "postgres.log").read_text(encoding="utf-8")
    assert not [word for word in passwords if word in seen]
