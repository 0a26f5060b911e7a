"""Drives an HAProxy gateway: maps that every request is looked up in, their files, and the sessions behind a stop.

A stop takes effect in memory first and is then written to the file that HAProxy starts with; a restore the other way
round. So whatever fails in between, the stop is what stays.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from console.domain.errors import InputError
from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import RUNNING, STOPPED, UNKNOWN, WANTS
from console.domain.times import parse_utc
from console.plane.backends import (
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
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.haproxy_path import GatewayPath
from console.plane.wires.haproxy_runtime import Runtime, read_rows, write_rows

NAME = "haproxy"

_MAP_OF = {"FF_GLOBAL_AI": "kill.map", "FF_TENANT_BLOCK": "tenants.map", "FF_MODEL_ROUTE": "routes.map"}
_KIND_OF = {"FF_GLOBAL_AI": "environment", "FF_TENANT_BLOCK": "tenant", "FF_MODEL_ROUTE": "model"}
_ASSERTION_ID = re.compile(r"[0-9a-f-]{8,64}")
_FOLDER = re.compile(r"/[A-Za-z0-9_./-]{1,250}")
_PROVISIONED = Held(STOPPED, 0, "")
"""What a missing row means: the gateway refuses."""


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> Gateway | None:
    """The gateway the settings name, None when they name none. Raises InputError for a folder it could not name."""
    if settings.haproxy is None:
        return None
    if not _FOLDER.fullmatch(str(settings.haproxy.maps)):
        raise InputError(
            "haproxy.maps must be an absolute path of letters, digits and . _ - alone; move the maps to such a folder."
        )
    given = settings.haproxy
    return Gateway(given.socket, given.maps, given.probe_url, inventory)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a switch lies: the map's file, and the row in it."""

    table: Path
    row: str


class Gateway:
    """HAProxy with its stats socket, the folder of its maps, and the address that callers use."""

    name = NAME

    def __init__(self, socket: Path, maps: Path, probe_url: str, inventory: Inventory) -> None:
        self._runtime = Runtime(socket)
        self._inventory = inventory
        self._places = {
            (one.switch, one.target): _Place(maps / _MAP_OF[one.switch], one.target)
            for one in inventory.enforcements
            if one.adapter == NAME and one.switch in _MAP_OF
        }
        self._path = GatewayPath(probe_url, inventory, self._runtime, self.read_back)
        self._one_at_a_time = asyncio.Lock()
        self._cut: dict[str, int] = {}

    async def capabilities(self) -> Mapping[str, Capability]:
        """All three results; measured on the real thing (tests/flows/test_haproxy_adapter.py)."""
        return {
            switch: Capability((kind,), refuses_new=True, cuts_streams=True, durable=True, read_back=True)
            for switch, kind in _KIND_OF.items()
        }

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Set one row in memory and on disk, and after a stop end the sessions that it concerns."""
        place = self._place_of(assertion)
        try:
            async with asyncio.timeout(seconds), self._one_at_a_time:
                return await self._apply(assertion, place)
        except TimeoutError:
            raise BackEndFault(
                f"HAProxy did not answer within {seconds:g} s; what it did with {assertion.switch} is unknown."
            ) from None

    async def read_back(self) -> ReadBack:
        """The maps in memory, and their files."""
        boot_id = await self._runtime.boot_id()
        tables = sorted({place.table for place in self._places.values()})
        running = {table: await self._runtime.rows(table) for table in tables}
        durable = await asyncio.to_thread(_files, tables)
        return ReadBack(boot_id, self._of_places(running), None if durable is None else self._of_places(durable))

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Every switch that it enforces."""
        return (switch, item.id) in self._places

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """One short request that `switch` on `item` would refuse."""
        return await self._path.probe(switch, item, seconds)

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """A streamed answer that stays open for up to 60 s."""
        return await self._path.open_stream(switch, item, seconds)

    async def notice(self, item: InventoryItem, seconds: float) -> ProbeReply:
        """What a user is told who asks for nothing in particular while `item` is stopped (SWI-10)."""
        return await self._path.notice(item, seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self._path.close()

    def _place_of(self, assertion: Assertion) -> _Place:
        place = self._places.get((assertion.switch, assertion.target))
        if place is None:
            raise BackEndRefusal("unmapped", "This HAProxy enforces no such switch on that target; see data/systems.")
        if not _ASSERTION_ID.fullmatch(assertion.assertion_id) or assertion.want not in WANTS:
            raise BackEndRefusal(
                "failed", "The order has an id or a state that cannot stand in a map; nothing was done."
            )
        if parse_utc(assertion.expires) <= datetime.now(UTC):
            raise BackEndRefusal("expired", "The time of the order is over; nothing was done.")
        return place

    async def _apply(self, assertion: Assertion, place: _Place) -> Applied:
        rows = await self._runtime.rows(place.table)
        # a row that was changed by hand has lost its generation, but the file still knows it
        held = max(rows.get(place.row, _PROVISIONED).generation, await asyncio.to_thread(_generation_on_disk, place))
        if held > assertion.generation:
            raise BackEndRefusal("stale", f"HAProxy holds generation {held} already.", held)
        wanted = Held(assertion.want, assertion.generation, assertion.assertion_id)
        known = place.row in rows
        if assertion.want == STOPPED:
            await self._runtime.put(place.table, place.row, wanted, known=known)
            cut = await self._end_sessions(assertion)
            durable = await self._written(place, wanted, rows)
            return Applied(STOPPED, wanted.generation, cut, durable)
        if not await self._written(place, wanted, rows):
            raise BackEndRefusal("failed", f"{place.table.name} cannot be written, so nothing was restored.")
        await self._runtime.put(place.table, place.row, wanted, known=known)
        return Applied(RUNNING, wanted.generation, 0, durable=True)

    async def _end_sessions(self, assertion: Assertion) -> int:
        """How many streams this order ended; the same order again gives the same number."""
        if assertion.switch == "FF_TENANT_BLOCK":
            cut = await self._runtime.end_sessions_of_tenant(assertion.target)
        else:
            cut = await self._runtime.end_sessions_of_servers(self._models_behind(assertion.target))
        self._cut = {assertion.assertion_id: self._cut.get(assertion.assertion_id, 0) + cut}
        return self._cut[assertion.assertion_id]

    def _models_behind(self, target: str) -> frozenset[str]:
        """The back-ends that a stop on `target` empties: the model's own, or all of the environment."""
        items = self._inventory.items.values()
        return frozenset(one.id for one in items if one.kind == "model" and target in (one.id, one.environment))

    async def _written(self, place: _Place, wanted: Held, running: Mapping[str, Held]) -> bool:
        """Whether the file holds it; one that is missing or unreadable is made anew from what is in memory."""
        try:
            await asyncio.to_thread(_write, place, wanted, running)
        except OSError:
            return False
        return True

    def _of_places(self, rows: Mapping[Path, Mapping[str, Held]]) -> dict[tuple[str, str], Held]:
        return {pair: rows[place.table].get(place.row, _PROVISIONED) for pair, place in self._places.items()}


def _write(place: _Place, wanted: Held, running: Mapping[str, Held]) -> None:
    try:
        rows = read_rows(place.table)
    except (OSError, ValueError):
        rows = dict(running)
    if rows.get(place.row) == wanted:
        return
    # a row that nobody understands is kept as a stop: the gateway refuses there already
    kept = {name: held if held.state != UNKNOWN else _PROVISIONED for name, held in rows.items()}
    write_rows(place.table, kept | {place.row: wanted})


def _generation_on_disk(place: _Place) -> int:
    try:
        return read_rows(place.table).get(place.row, _PROVISIONED).generation
    except (OSError, ValueError):
        return 0


def _files(tables: list[Path]) -> dict[Path, dict[str, Held]] | None:
    try:
        return {table: read_rows(table) for table in tables}
    except (OSError, ValueError):
        return None
