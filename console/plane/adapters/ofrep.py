"""Drives applications that ask for flags (OpenFeature) by serving them: the state is in the plane's own database.

What is committed is served from memory at once. The probe is a request over HTTP like any application's, so it goes
through everything that theirs do. With the plane gone every application is left to its own default, which is false.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import ssl
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Connection, insert, select, update

from console.domain.errors import EnvironmentFault
from console.domain.inventory import KINDS, Inventory, InventoryItem
from console.domain.times import parse_utc
from console.plane import flags
from console.plane.backends import (
    NO_ANSWER,
    OVERLOADED,
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
)
from console.plane.db import Database, Transaction
from console.plane.flags import Evaluation, NoEvaluation
from console.plane.settings import PlaneSettings, Secrets
from console.plane.tables import FLAG
from console.plane.wires import gateway_answers

NAME = flags.ADAPTER

EVALUATE = "/ofrep/v1/evaluate/flags"
_MAX_ANSWER = 64 * 1024
_BUSY = (429, 503)


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> ServedFlags | None:
    """The flags this plane serves, None when its settings say nothing of them."""
    if settings.ofrep is None:
        return None
    return ServedFlags(settings.ofrep.probe_url, secrets.of(NAME, "client_token"), inventory, settings.tls_cert)


class ServedFlags:
    """Flags by switch and target, kept in the database given to `keep_in` before anything else is asked.

    `probe_url` is where applications reach the plane, "" for the address that it announced itself; `token` is what
    they show, and without one nobody is let in.
    """

    name = NAME

    def __init__(self, probe_url: str, token: str, inventory: Inventory, certificate: Path | None = None) -> None:
        self._probe_url, self._token, self._inventory = probe_url.rstrip("/"), token, inventory
        self._certificate = certificate
        self._boot_id = str(uuid.uuid4())
        self._served: dict[tuple[str, str], Held] | None = None
        self._database: Database | None = None
        self._session: aiohttp.ClientSession | None = None

    def keep_in(self, database: Database) -> None:
        """Keep what is served in that database, and probe at the address that it knows of the plane."""
        self._database = database

    def lets_in(self, token: str) -> bool:
        """Whether an application that shows `token` may ask."""
        return bool(self._token) and hmac.compare_digest(token.encode(), self._token.encode())

    async def evaluate(self, key: str, context: Mapping[str, Any]) -> Evaluation | NoEvaluation:
        """One flag, as it is served now; raises EnvironmentFault while the database does not answer."""
        return flags.evaluate(self._inventory, await self._view(), key, context)

    async def evaluate_all(self, context: Mapping[str, Any]) -> list[Evaluation | NoEvaluation]:
        """Every flag; raises EnvironmentFault while the database does not answer."""
        return flags.evaluate_all(self._inventory, await self._view(), context)

    async def capabilities(self) -> Mapping[str, Capability]:
        """New requests only: an application that is answering already does not ask again by itself."""
        return {
            key: Capability(KINDS, refuses_new=True, durable=True, read_back=True)
            for key in flags.flag_keys(self._inventory)
        }

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Commit it; it is served from then on."""
        self._check(assertion)
        view = await self._view()

        def work(tx: Transaction) -> Held:
            held = _set(tx.connection, assertion)
            tx.then(lambda: view.update({(assertion.switch, assertion.target): held}))
            return held

        try:
            async with asyncio.timeout(seconds):
                held = await self._kept().write(work)
        except BackEndRefusal:
            raise
        except (EnvironmentFault, TimeoutError) as error:
            raise BackEndFault("The plane's database did not take the flag in time; what it did is unknown.") from error
        return Applied(held.state, held.generation, 0, durable=True)

    async def read_back(self) -> ReadBack:
        """What is served, and what is in the database."""
        view = dict(await self._view())
        try:
            kept = await self._kept().read(_all)
        except EnvironmentFault as fault:
            raise BackEndFault(fault.sentence) from fault
        return ReadBack(self._boot_id, self._filled(view), self._filled(kept))

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Wherever this adapter enforces."""
        return NAME in self._inventory.adapters_for(switch, item.id)

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Ask over HTTP for a request that belongs to `item` alone."""
        try:
            async with asyncio.timeout(seconds):
                status, answer = await self._ask(switch, flags.context_for(self._inventory, switch, item))
            return _reply(status, answer, switch)
        except (aiohttp.ClientError, OSError, TimeoutError, BackEndFault, ValueError, RecursionError):
            return ProbeReply(NO_ANSWER, datetime.now(UTC))

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """A flag has no stream."""
        return await self.probe(switch, item, seconds), None

    async def close(self) -> None:
        """Close the probe's connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _check(self, assertion: Assertion) -> None:
        if NAME not in self._inventory.adapters_for(assertion.switch, assertion.target):
            raise BackEndRefusal("unmapped", f"{assertion.switch[:60]} is no flag on {assertion.target[:60]}.")

    async def _view(self) -> dict[tuple[str, str], Held]:
        """What is served; read once, after that every commit changes it."""
        if self._served is None:
            try:
                found = await self._kept().read(_all)
            except EnvironmentFault as fault:
                raise BackEndFault(fault.sentence) from fault
            if self._served is None:  # another caller may have been first, and its view is the one that is kept
                self._served = found
        return self._served

    def _kept(self) -> Database:
        if self._database is None:
            raise BackEndFault("The flags have no database yet; nothing is served.")
        return self._database

    def _filled(self, found: Mapping[tuple[str, str], Held]) -> dict[tuple[str, str], Held]:
        """With every flag that was never set: it is running."""
        pairs = ((e.switch, e.target) for e in self._inventory.enforcements if e.adapter == NAME)
        return {pair: found.get(pair, flags.NEVER) for pair in pairs}

    async def _ask(self, key: str, context: Mapping[str, str]) -> tuple[int, Any]:
        url = self._probe_url or self._kept().address
        if not url:
            raise BackEndFault("The plane does not listen yet.")
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=8, ssl=_trusting(self._certificate))
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        async with self._session.post(
            f"{url}{EVALUATE}/{key}",
            json={"context": context},
            headers={"Authorization": f"Bearer {self._token}"},
            allow_redirects=False,
        ) as response:
            return response.status, json.loads(await response.content.read(_MAX_ANSWER))


def _set(connection: Connection, assertion: Assertion) -> Held:
    """Compare and set one row. Raises BackEndRefusal."""
    at = (FLAG.c.switch == assertion.switch, FLAG.c.target == assertion.target)
    row = connection.execute(select(FLAG).where(*at)).first()
    wanted = Held(assertion.want, assertion.generation, assertion.assertion_id)
    held = Held(row.state, row.generation, row.assertion_id) if row is not None else flags.NEVER
    if held == wanted:
        return held
    if assertion.generation <= held.generation:
        raise BackEndRefusal("stale", "A newer state of this flag is served.", held.generation)
    if parse_utc(assertion.expires) <= datetime.now(UTC):
        raise BackEndRefusal("expired", "This order for a flag came after its end.", held.generation)
    values = {"state": wanted.state, "generation": wanted.generation, "assertion_id": wanted.assertion_id}
    if row is not None:
        connection.execute(update(FLAG).where(*at).values(values))
    else:
        connection.execute(insert(FLAG).values(switch=assertion.switch, target=assertion.target, **values))
    return wanted


def _all(connection: Connection) -> dict[tuple[str, str], Held]:
    rows = connection.execute(select(FLAG))
    return {(row.switch, row.target): Held(row.state, row.generation, row.assertion_id) for row in rows}


def _reply(status: int, answer: Any, switch: str) -> ProbeReply:
    at = datetime.now(UTC)
    if status in _BUSY:
        return ProbeReply(OVERLOADED, at)
    if status != 200 or not isinstance(answer, dict) or answer.get("key") != switch:
        return ProbeReply(NO_ANSWER, at)
    if answer.get("value") is True:
        return ProbeReply(SERVED, at)
    metadata = answer.get("metadata")
    if answer.get("value") is not False or not isinstance(metadata, dict):
        return ProbeReply(NO_ANSWER, at)
    ends = [name.removeprefix("switch") for name in metadata if name.startswith("switch")]
    named = [{name: metadata.get(name + end) for name in _NAMED} for end in ends]
    return ProbeReply(SWITCHED_OFF, at, tuple(one for entry in named for one in gateway_answers.refusers(entry)))


_NAMED = ("switch", "target", "generation", "command_id")


def _trusting(certificate: Path | None) -> ssl.SSLContext | bool:
    """What a caller trusts: the usual authorities, and the plane's own certificate."""
    if certificate is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
