"""The supervisor: keeps one gateway process running, injects its faults, and replays the load against it.

Faults belong to the world and not to the gateway, so they outlive its restarts. A gateway that dies by itself is
started again, at most five times in half a minute; then the supervisor gives up and says so.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from console.domain.errors import EnvironmentFault, InputError, RefusedError
from console.simulator.faults import Fault, fault_from_object
from console.simulator.gateway_child import GatewayChild
from console.simulator.load import Replay
from console.simulator.settings import GatewayOrder

MAX_FAULTS = 32
RESTART_SIGNALS = {"TERM": signal.SIGTERM, "KILL": signal.SIGKILL}
_DEATHS, _DEATHS_WITHIN_S = 5, 30.0

_log = logging.getLogger(__name__)


class Supervisor:
    """Owns the gateway child and the replay (None: no load); `failure` is what made it give up, None while it runs."""

    def __init__(self, order: GatewayOrder, replay: Replay | None) -> None:
        self.replay = replay
        self.failure: EnvironmentFault | None = None
        self._order = order
        self._faults: dict[str, Fault] = {}
        self._child: GatewayChild | None = None
        self._changing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._deaths: deque[float] = deque(maxlen=_DEATHS)

    async def start(self) -> None:
        """Starts the gateway, then the load; raises EnvironmentFault when the gateway cannot start."""
        self._child = await GatewayChild.start(self._order)
        if self.replay is not None:
            self._tasks.append(asyncio.create_task(self.replay.run()))

    async def stay(self, stopping: asyncio.Event) -> None:
        """Returns when `stopping` is set, or when the gateway kept dying (then `failure` says why)."""
        while not stopping.is_set() and self.failure is None:
            child = self._child
            if child is None:  # between two gateways: whoever changes it holds the lock
                async with self._changing:
                    continue
            waits = [asyncio.create_task(stopping.wait()), asyncio.create_task(child.ended.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            if not stopping.is_set() and child is self._child:
                await self._revive(child)

    async def stop(self) -> None:
        """Ends load and gateway; nothing of either is left when it returns."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._changing:
            if self._child is not None:
                await self._child.end(signal.SIGTERM)
                self._child = None

    # --- range control

    async def inject(self, asked: Mapping[str, Any]) -> Fault:
        """Adds a fault and returns when it bends the next request.

        Raises InputError for a fault that makes no sense, RefusedError beyond 32 of them, EnvironmentFault when the
        gateway does not take it.
        """
        fault = fault_from_object(asked, uuid.uuid4().hex, self._order.world.ids)
        async with self._changing:
            if len(self._faults) >= MAX_FAULTS:
                raise RefusedError(f"{MAX_FAULTS} faults are injected already; take one away first.")
            await self._set_faults({**self._faults, fault.id: fault})
        return fault

    async def withdraw(self, fault_id: str) -> None:
        """Takes a fault away and returns when it no longer bends requests; raises InputError for an unknown id."""
        async with self._changing:
            if fault_id not in self._faults:
                raise InputError("There is no such fault; it may have been taken away already.")
            await self._set_faults({key: fault for key, fault in self._faults.items() if key != fault_id})

    async def restart_gateway(self, signal_name: str) -> dict[str, Any]:
        """Ends the gateway by TERM or KILL and starts it anew on the same port and folder.

        Returns the boot ids of both and the time without a gateway in milliseconds; raises EnvironmentFault.
        """
        async with self._changing:
            old = self._child
            began = time.monotonic()
            self._child = None
            if old is not None:
                await old.end(RESTART_SIGNALS[signal_name])
            try:
                self._child = await GatewayChild.start(self._current_order())
            except EnvironmentFault as fault:
                self.failure = fault
                raise
            downtime_ms = round((time.monotonic() - began) * 1000)
            return {
                "boot_id": self._child.boot_id,
                "previous_boot_id": old.boot_id if old else "",
                "downtime_ms": downtime_ms,
            }

    def state(self) -> dict[str, Any]:
        """What `GET /range` shows."""
        replay, child = self.replay, self._child
        load = replay.tally.as_object(asyncio.get_running_loop().time()) if replay else {"sent": 0, "shed": 0}
        trace = (
            {"name": replay.trace.name, "arrivals": len(replay.trace), "period_s": round(replay.trace.period_s, 3)}
            if replay
            else None
        )
        return {
            "trace": trace,
            "speed": replay.speed if replay else 0,
            **load,
            "faults": [fault.as_object() for fault in self._faults.values()],
            "gateway": {
                "pid": child.pid if child else 0,
                "boot_id": child.boot_id if child else "",
                "port": self._order.port,
            },
        }

    async def _set_faults(self, faults: dict[str, Fault]) -> None:
        if self._child is None:
            raise EnvironmentFault("There is no gateway running now; wait until it is back.")
        await self._child.set_faults(faults.values())
        self._faults = faults

    async def _revive(self, dead: GatewayChild) -> None:
        async with self._changing:
            if self._child is not dead:
                return
            await dead.end(signal.SIGKILL)
            self._child = None
            self._deaths.append(time.monotonic())
            if len(self._deaths) == _DEATHS and self._deaths[-1] - self._deaths[0] < _DEATHS_WITHIN_S:
                self.failure = EnvironmentFault(
                    "The gateway died five times in half a minute, so the range gave up; its log says why."
                )
                return
            _log.warning("the gateway (pid %d) ended by itself and is started again", dead.pid)
            try:
                self._child = await GatewayChild.start(self._current_order())
            except EnvironmentFault as fault:
                self.failure = fault

    def _current_order(self) -> GatewayOrder:
        return replace(self._order, faults=tuple(self._faults.values()))
