"""The gateway as seen by its supervisor: started, told its faults, ended, and noticed when it ends by itself.

A child never outlives this process: its standard input is a pipe that only we hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterable
from typing import Any, Self

from console.domain.errors import EnvironmentFault
from console.simulator.faults import Fault
from console.simulator.settings import GatewayOrder

READY_WITHIN_S, APPLIED_WITHIN_S, STOP_WITHIN_S = 20.0, 10.0, 5.0
_LINE_LIMIT = 1024 * 1024


class GatewayChild:
    """One running gateway process; `boot_id` is its own, `ended` is set when it is gone and was waited for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.boot_id = ""
        self.ended = asyncio.Event()
        self._process = process
        self._number = 0
        self._applied: dict[int, asyncio.Future[None]] = {}
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, order: GatewayOrder) -> Self:
        """Starts a gateway and waits until it serves.

        Raises EnvironmentFault with its own sentence when it cannot, or when it is silent for 20 s.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "console.simulator",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
        child = cls(process)
        try:
            await child._write(order.as_object())
            async with asyncio.timeout(READY_WITHIN_S):
                said = await child._ready
            if not said.get("ready"):
                raise EnvironmentFault(
                    str(said.get("sentence") or "The gateway ended before it was ready; its log says why.")
                )
            child.boot_id = said["boot_id"]
        except TimeoutError:
            await child.end(signal.SIGKILL)
            raise EnvironmentFault(
                "The gateway was not ready within 20 s; the machine may be overloaded, try again."
            ) from None
        except BaseException:
            await child.end(signal.SIGKILL)
            raise
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replaces the faults and returns when they bend the next request.

        Raises EnvironmentFault when the gateway does not answer within 10 s.
        """
        self._number += 1
        applied = self._applied[self._number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(APPLIED_WITHIN_S):
                await self._write({"number": self._number, "faults": [fault.as_object() for fault in faults]})
                await applied
        except (TimeoutError, ConnectionError):
            raise EnvironmentFault(
                "The gateway did not take the change of faults; it may be restarting, try again."
            ) from None
        finally:
            self._applied.pop(self._number, None)

    async def end(self, with_signal: signal.Signals) -> None:
        """Ends it by `with_signal`, by SIGKILL after 5 s, and waits until it is gone; more than once is harmless."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(with_signal)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._listening

    async def _write(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise ConnectionResetError
        stdin.write(json.dumps(message).encode() + b"\n")
        await stdin.drain()

    async def _listen(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (line := await stdout.readline()):
            message = json.loads(line)
            if "applied" in message:
                waiter = self._applied.get(message["applied"])
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)
            elif not self._ready.done():
                self._ready.set_result(message)
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if not self._ready.done():
            self._ready.set_result({"ready": False})
        self.ended.set()
