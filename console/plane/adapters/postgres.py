"""Drives freeze, quarantine and tenant block in a PostgreSQL with pgvector, as `onboarding/postgres.sql` lays them.

During an incident only rows change. Every question opens a session of its own, so a restart leaves nothing half dead
here; the switch is set first and the ingest sessions are ended after it, so that what fails in between fails stopped.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, errors

from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc
from console.plane.back_end_settings import PostgresSettings
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    SWITCHED_OFF,
    Applied,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Capability,
    Held,
    ProbeReply,
    ProbeStream,
    ReadBack,
    Refuser,
)
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.postgres_ingest import OpenIngest

NAME = "postgres"
FREEZE = "FF_INDEX_FREEZE"
CAPABILITIES: Mapping[str, Capability] = {
    FREEZE: Capability(("index",), True, True, True, True, True),
    # a cursor that is open already reads on to its end
    "FF_ROW_QUARANTINE": Capability(("segment",), refuses_new=True, durable=True, read_back=True),
    "FF_TENANT_BLOCK": Capability(("tenant",), refuses_new=True, durable=True, read_back=True),
}

CONTROL_S = 3.0
"""Seconds that a question may take."""
LOCK_MS = 250
"""How long to wait for one row before those who hold it are ended (a stop) or asked again (a restore)."""
REFUSAL = "CS001"
"""The SQLSTATE under which a refusal names its switch."""

_REFUSED = {
    "stale": "PostgreSQL holds a newer state of this switch already.",
    "expired": "The command's time was over when it reached PostgreSQL; nothing was changed.",
    "unmapped": "This switch is not laid out in PostgreSQL for this target; lay it as onboarding/postgres.md says.",
}

T = TypeVar("T")
Session = AsyncConnection[Any]


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> Postgres | None:
    """The PostgreSQL the settings name, None when they name none."""
    return None if settings.postgres is None else Postgres(settings.postgres, secrets, inventory)


class Postgres:
    """The one PostgreSQL of `settings`; secrets "password" and "probe_password"."""

    name = NAME

    def __init__(self, settings: PostgresSettings, secrets: Secrets, inventory: Inventory) -> None:
        self._settings, self._inventory = settings, inventory
        self._passwords = {
            settings.user: secrets.of(NAME, "password"),
            settings.probe_user: secrets.of(NAME, "probe_password"),
        }
        self._open: dict[Session, OpenIngest | None] = {}

    async def capabilities(self) -> Mapping[str, Capability]:
        """The three switches that `postgres.sql` lays."""
        return CAPABILITIES

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Set one switch; it is committed to disk when this returns."""
        if not self._enforces(assertion.switch, assertion.target):
            raise BackEndRefusal("unmapped", f"PostgreSQL does not enforce {assertion.switch} on that target.")
        return await self._ask(self._settings.user, seconds, partial(_set, assertion))

    async def read_back(self) -> ReadBack:
        """Every switch it enforces, as committed; what has no row there is as provisioned, running.

        The boot id is the cluster's identity and the start of its first process.
        """
        rows, boot_id, is_durable = await self._ask(self._settings.user, CONTROL_S, _read)
        mine = [(e.switch, e.target) for e in self._inventory.enforcements if e.adapter == NAME]
        switches = {at: Held(RUNNING, 0, "") for at in mine} | rows
        return ReadBack(boot_id, switches, switches if is_durable else None)

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """All three can be probed, wherever it enforces them."""
        return self._enforces(switch, item.id)

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Ingest a document and roll back (freeze), or read a row that is known to be there (the others)."""
        attempt = _ingest if switch == FREEZE else partial(_look, switch)
        return await self._attempt(partial(attempt, item.id), seconds)

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """An ingest whose transaction stays open; the other switches cut nothing that is under way."""
        if switch != FREEZE:
            return await self.probe(switch, item, seconds), None
        kept: list[Session] = []

        async def begin(session: Session) -> ProbeReply:
            reply = await _ingest(item.id, session, stay=True)
            if reply.outcome == SERVED:
                self._open[session] = None
                kept.append(session)
            return reply

        reply = await self._attempt(begin, seconds)
        if not kept or reply.outcome != SERVED:
            for session in kept:
                self._open.pop(session)
                await session.close()
            return reply, None
        stream = OpenIngest(kept[0], reply.at, partial(self._stopped_by, switch, item.id), self._open.pop)
        self._open[kept[0]] = stream
        return reply, stream

    async def close(self) -> None:
        """End every open ingest."""
        for session, stream in list(self._open.items()):
            self._open.pop(session, None)
            await (session.close() if stream is None else stream.close())

    def _enforces(self, switch: str, target: str) -> bool:
        return switch in CAPABILITIES and NAME in self._inventory.adapters_for(switch, target)

    async def _stopped_by(self, switch: str, target: str) -> str:
        """The id under which that switch is held stopped now, "" when it is not or nobody says."""
        try:
            held = (await self.read_back()).switches.get((switch, target))
        except BackEndFault:
            return ""
        return held.assertion_id if held is not None and held.state == STOPPED else ""

    async def _attempt(self, work: Callable[[Session], Awaitable[ProbeReply]], seconds: float) -> ProbeReply:
        try:
            return await self._ask(self._settings.probe_user, seconds, work)
        except BackEndFault:
            return ProbeReply(NO_ANSWER, datetime.now(UTC))

    async def _ask(self, login: str, seconds: float, work: Callable[[Session], Awaitable[T]]) -> T:
        """What `work` answers on a new session; raises BackEndFault when that takes longer than `seconds`."""
        opened: list[Session] = []

        async def whole() -> T:
            session = await self._session(login, seconds)
            opened.append(session)
            try:
                return await work(session)
            finally:
                if session not in self._open:
                    await session.close()

        task = asyncio.ensure_future(whole())
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                # finished first: psycopg would otherwise ask a server that does not answer to cancel, for seconds
                for session in opened:
                    session.pgconn.finish()
                task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            if (mine := asyncio.current_task()) is not None and mine.cancelling():
                raise
            raise BackEndFault("PostgreSQL did not answer in time; what it did is unknown.") from None
        except psycopg.Error as error:
            raise BackEndFault(_sentence(error)) from error

    async def _session(self, login: str, seconds: float) -> Session:
        settings = self._settings
        limits = f"-c lock_timeout={LOCK_MS} -c statement_timeout={max(1, math.ceil(seconds * 1000))}"
        return await AsyncConnection.connect(
            host=settings.host, port=settings.port, dbname=settings.database, user=login,
            password=self._passwords[login], passfile=os.devnull, connect_timeout=max(2, math.ceil(seconds)),
            application_name="incident-console", gssencmode="disable", prepare_threshold=None,
            options=f"{limits} -c synchronous_commit=on -c search_path=pg_catalog", **_transport(settings),
        )  # fmt: skip


async def _set(assertion: Assertion, session: Session) -> Applied:
    outcome, state, generation = await _set_row_soon(assertion, session)
    if outcome not in ("set", "same"):
        raise BackEndRefusal(outcome, _REFUSED[outcome], generation)
    is_freeze = assertion.switch == FREEZE and assertion.want == STOPPED
    ended = await _end_ingest(assertion.target, session) if is_freeze else 0
    return Applied(state, generation, ended, durable=True)


async def _set_row_soon(assertion: Assertion, session: Session) -> tuple[str, str, int]:
    """Set the row; an ingest that holds it, in the middle of its commit or on purpose, goes when it is to be a stop."""
    while True:
        try:
            return await _set_row(assertion, session)
        except errors.LockNotAvailable:
            if assertion.want == STOPPED:
                await _end_ingest(assertion.target, session)


async def _set_row(assertion: Assertion, session: Session) -> tuple[str, str, int]:
    question = "SELECT outcome, state, generation FROM console_switch.set_state(%s, %s, %s, %s, %s, %s)"
    values = (
        assertion.switch, assertion.target, assertion.want, assertion.generation, assertion.assertion_id,
        parse_utc(assertion.expires),
    )  # fmt: skip
    async with session.transaction():
        outcome, state, generation = await _row(session, question, values)
    return outcome, state, generation


async def _end_ingest(target: str, session: Session) -> int:
    async with session.transaction():
        (ended,) = await _row(session, "SELECT console_switch.end_ingest(%s)", (target,))
    return int(ended)


async def _read(session: Session) -> tuple[dict[tuple[str, str], Held], str, bool]:
    cursor = await session.execute("SELECT switch, target, state, generation, command_id FROM console_switch.held()")
    rows = {(row[0], row[1]): Held(*row[2:]) for row in await cursor.fetchall()}
    question = (
        "SELECT system_identifier, pg_postmaster_start_time(), current_setting('fsync') = 'on' FROM pg_control_system()"
    )
    cluster, started, is_durable = await _row(session, question, ())
    return rows, f"{cluster}-{int(started.timestamp() * 1e6)}", is_durable


async def _ingest(target: str, session: Session, *, stay: bool = False) -> ProbeReply:
    """What ingesting one document meets; the transaction is rolled back unless it is to `stay` open and was served."""
    reply = ProbeReply(NO_ANSWER, datetime.now(UTC))
    try:
        (written,) = await _row(session, "SELECT console_switch.try_write(%s)", (target,))
        if not stay:
            await session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        reply = ProbeReply(SERVED if written else NO_ANSWER, datetime.now(UTC))
    except psycopg.Error as error:
        if error.sqlstate != REFUSAL:
            raise
        reply = ProbeReply(SWITCHED_OFF, datetime.now(UTC), _refusers(error))
    finally:
        if not (stay and reply.outcome == SERVED) and not session.closed:
            await session.rollback()
    return reply


async def _look(switch: str, target: str, session: Session) -> ProbeReply:
    """What reading a row of the target meets. A row filter cannot speak: the switch is read in the same moment."""
    question = "SELECT sees, has_rows, state, generation, command_id FROM console_switch.try_read(%s, %s)"
    sees, has_rows, state, generation, command_id = await _row(session, question, (switch, target))
    if sees or not has_rows:
        return ProbeReply(SERVED if sees else NO_ANSWER, datetime.now(UTC))
    by = (Refuser(switch, target, generation, command_id),) if state == STOPPED else ()
    return ProbeReply(SWITCHED_OFF, datetime.now(UTC), by)


async def _row(session: Session, question: str, values: tuple[object, ...]) -> tuple[Any, ...]:
    cursor = await session.execute(question.encode(), values)
    row = await cursor.fetchone()
    if row is None:
        raise psycopg.DataError("no row")
    return tuple(row)


def _refusers(error: psycopg.Error) -> tuple[Refuser, ...]:
    """Who refused, as the refusal's detail names it; nobody when it does not."""
    try:
        named = json.loads(error.diag.message_detail or "")
        return (Refuser(named["switch"], named["target"], int(named["generation"]), named["command_id"]),)
    except (ValueError, TypeError, KeyError):
        return ()


def _transport(settings: PostgresSettings) -> dict[str, Any]:
    """How the bytes are guarded: a socket and the loopback need nothing, all else a certificate that is checked."""
    if settings.host.startswith("/") or _is_loopback(settings.host):
        return {"sslmode": "disable"}
    return {"sslmode": "verify-full", "sslrootcert": str(settings.tls_ca or "system")}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sentence(error: psycopg.Error) -> str:
    """What went wrong, without a word of what the server wrote."""
    if isinstance(error, errors.UndefinedFunction | errors.InvalidSchemaName | errors.InsufficientPrivilege):
        return "The switches are not laid out in PostgreSQL; run onboarding/postgres.sql as its page says."
    if "authentication failed" in str(error):
        return "PostgreSQL refuses the plane's password; give the plane the one of its role."
    return f"PostgreSQL did not answer ({type(error).__name__}); what it did is unknown."
