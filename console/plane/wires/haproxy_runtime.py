"""What HAProxy is told and asked over its stats socket, and the map files that it loads when it starts.

The socket answers in text without a status, so an order succeeded only when its answer is empty and a read-back shows
it. Only words that were checked for their form are ever written to the socket or into a map.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

from console.domain.switches import RUNNING, STOPPED, UNKNOWN
from console.plane.backends import BackEndFault, Held

ANSWER_S = 3.0
"""Seconds that one question may take."""
PASSES, PAUSE_S = 5, 0.004
"""How often sessions are listed and ended again: one that was let in just before the stop may appear just after it."""

_MAX_ANSWER = 32 * 1024 * 1024
_A_TIME = 200
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/|-]{0,199}|/[A-Za-z0-9_./-]{1,300}|0x[0-9a-f]{1,16}")
_VALUE = re.compile(r"(running|stopped)\|(\d{1,15})\|([0-9A-Za-z-]{1,64})")
_SESSION = re.compile(r"^(0x[0-9a-f]{1,16}): \[[^\]]*\] id=(\d+) ", re.MULTILINE)
_LIVE = re.compile(r"^0x[0-9a-f]+: key=([^ |]+)\|(\d+) use=([1-9]\d*) ", re.MULTILINE)
_SERVED_BY = re.compile(r"^(0x[0-9a-f]{1,16}): .* be=([^ ]+) ", re.MULTILINE)


def value_of(held: Held) -> str:
    """One state as a map's value."""
    return f"{held.state}|{held.generation}|{held.assertion_id or '-'}"


def held_of(value: str) -> Held:
    """A map's value as a state; one that was changed by hand into something else is unknown."""
    found = _VALUE.fullmatch(value)
    if found is None:
        return Held(UNKNOWN, 0, "")
    state, generation, assertion_id = found.groups()
    return Held(STOPPED if state == STOPPED else RUNNING, int(generation), "" if assertion_id == "-" else assertion_id)


class Runtime:
    """The stats socket at `path`; every call raises BackEndFault when there is no answer to be relied on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, *words: str) -> str:
        """The answer to one command; ValueError for a word that could be read as something else."""
        return await self._ask([words])

    async def order(self, *words: str) -> None:
        """Give one command; BackEndFault unless its answer is empty."""
        if answer := (await self.ask(*words)).strip():
            raise BackEndFault(f"HAProxy refused '{' '.join(words[:2])}': {ascii(answer[:80])[1:-1]}.")

    async def boot_id(self) -> str:
        """The process that answers."""
        found = dict(line.split(": ", 1) for line in (await self.ask("show", "info")).splitlines() if ": " in line)
        if not all(found.get(name, "").isdigit() for name in ("Pid", "Start_time_sec")):
            raise BackEndFault("HAProxy does not say which process answers; version 2.6 or later is needed.")
        return f"haproxy-{found['Pid']}-{found['Start_time_sec']}"

    async def rows(self, table: Path) -> dict[str, Held]:
        """What a map holds in memory by id; two rows for one id that differ are unknown."""
        answer = await self.ask("show", "map", str(table))
        lines = [line.split(maxsplit=2) for line in answer.splitlines() if line.strip()]
        if not all(len(line) == 3 and line[0].startswith("0x") for line in lines):
            raise BackEndFault(
                f"HAProxy does not know the map {table.name}; compare its configuration with haproxy.cfg."
            )
        found: dict[str, Held] = {}
        for _, name, value in lines:
            held = held_of(value)
            found[name] = held if found.get(name, held) == held else Held(UNKNOWN, 0, "")
        return found

    async def put(self, table: Path, name: str, held: Held, *, known: bool) -> None:
        """Change a row of a map in memory, or add it, and see that it is there."""
        await self.order("set" if known else "add", "map", str(table), name, value_of(held))
        if (await self.rows(table)).get(name) != held:
            raise BackEndFault(f"HAProxy took a row of {table.name} without an error, but does not hold it.")

    async def servers(self) -> list[tuple[str, str]]:
        """Back-end and name of every server."""
        lines = (await self.ask("show", "servers", "state")).splitlines()[2:]
        return [(words[1], words[3]) for words in map(str.split, lines) if len(words) > 3]

    async def end_sessions_of_servers(self, behind: frozenset[str]) -> int:
        """End every session that a server of these back-ends answers; how many were seen."""
        ended: set[str] = set()
        for _ in range(PASSES):
            listed = _SERVED_BY.findall(await self.ask("show", "sess"))
            live = {pointer for pointer, back_end in listed if back_end in behind}
            if not live:
                break
            ended |= live
            for back_end, server in await self.servers():
                if back_end in behind:
                    await self.order("shutdown", "sessions", "server", f"{back_end}/{server}")
            await asyncio.sleep(PAUSE_S)
        return len(ended)

    async def end_sessions_of_tenant(self, tenant: str) -> int:
        """End every session of one tenant, found by the table of live streams; how many were seen."""
        ended: set[str] = set()
        for _ in range(PASSES):
            live = {
                number for who, number, _ in _LIVE.findall(await self.ask("show", "table", "live")) if who == tenant
            }
            if not live:
                break
            listed = _SESSION.findall(await self.ask("show", "sess", "all"))
            wanted = [pointer for pointer, number in listed if number in live]
            ended |= live
            for start in range(0, len(wanted), _A_TIME):
                # a session that has ended by itself meanwhile is answered with "no such session", which is as good
                await self._ask([("shutdown", "session", one) for one in wanted[start : start + _A_TIME]])
            await asyncio.sleep(PAUSE_S)
        return len(ended)

    async def was_ended_by_order(self, stream: str) -> bool:
        """Whether HAProxy wrote down that this stream was ended by an order over this socket (termination state K)."""
        lines = (await self.ask("show", "events", "cuts")).splitlines()
        return any(line.startswith(f"{stream} K") for line in lines)

    async def _ask(self, commands: list[tuple[str, ...]]) -> str:
        for word in (word for words in commands for word in words):
            if not _WORD.fullmatch(word):
                raise ValueError(f"{ascii(word)[:60]} is not a word for HAProxy's socket")
        line = ";".join(" ".join(words) for words in commands) + "\n"
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._answer(line.encode("ascii"))
        except (OSError, TimeoutError, UnicodeDecodeError) as error:
            raise BackEndFault(
                f"HAProxy did not answer at its stats socket ({type(error).__name__}); what it did is unknown."
            ) from error

    async def _answer(self, line: bytes) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(line)
            await writer.drain()
            data = bytearray()
            while part := await reader.read(65536):
                data += part
                if len(data) > _MAX_ANSWER:
                    raise OSError("the answer has no end")
            return data.decode("utf-8", "strict")
        finally:
            writer.transport.abort()


def read_rows(table: Path) -> dict[str, Held]:
    """What a map's file holds by id. Raises OSError, or ValueError for a file that is not text."""
    found: dict[str, Held] = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#"):
            # HAProxy takes the first of several rows for one id
            found.setdefault(name, held_of(value.strip()))
    return found


def write_rows(table: Path, rows: Mapping[str, Held]) -> None:
    """Replace a map's file so that a crash leaves the old or the new one, never a part. Raises OSError."""
    fresh = table.with_name(f".{table.name}.new")
    text = "".join(f"{name} {value_of(held)}\n" for name, held in sorted(rows.items()))
    fresh.unlink(missing_ok=True)
    # made anew: a link that somebody laid there must not lead the writing elsewhere
    with fresh.open("x", encoding="utf-8") as file:
        if table.exists():
            os.fchmod(file.fileno(), table.stat().st_mode & 0o777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(table)
    folder = os.open(table.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
