"""From the plane's word that a stop was taken, or seen, until fifty certified desks have it, against bare sockets.

Every desk holds a long poll of the journal open with a token of its own, all of them in one process. A word counts from
the clock reading inside the event, before its commit, and until the whole answer was read. The reference: one byte to a
server that passes it on to fifty open sockets, until the last of them has it; in turn with ours, in one run.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from console.commands.demo.opening import TARGET, Case
from console.commands.demo.stage import Settings, Stage
from console.commands.demo.stopping import await_outcome, order_switch
from console.domain.switches import RUNNING, STOPPED
from console.proof.keys import SEED_BYTES, SigningKey
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from tests.bench.bench_click_to_observed import _open_incident
from tests.bench.pairs import percentile, row

DESKS, CYCLES, HELD_S, WITHIN_S = 50, 20, 25, 20.0
TAKEN, SEEN = "switch.acknowledged", "switch.observed"


@dataclass
class Board:
    """Who has which word, and after how many milliseconds: (type, command) -> one number a desk."""

    ms: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, entries: list[dict[str, Any]], at: float) -> None:
        """A desk has these entries since `at` (seconds since 1970)."""
        events = [json.loads(entry["event"]["canon"]) for entry in entries]
        for event in events:
            if event["type"] in (TAKEN, SEEN):
                written = int(event["hlc"], 16) >> 16
                self.ms[event["type"], event["body"]["command_id"]].append(at * 1000 - written)
        async with self.news:
            self.news.notify_all()

    async def whole(self, command: str) -> list[list[float]]:
        """The numbers of both words once every desk has them."""
        async with asyncio.timeout(WITHIN_S), self.news:
            await self.news.wait_for(lambda: all(len(self.ms[kind, command]) >= DESKS for kind in (TAKEN, SEEN)))
        return [self.ms[kind, command][:DESKS] for kind in (TAKEN, SEEN)]


def measure(work: Path) -> dict[str, object]:
    """Milliseconds until the last of fifty has it; medians over both words of so many stops."""
    with Stage(Settings(None, 0, work / "out"), lambda _: None, quick=True) as stage, Bare() as bare:
        case = _open_incident(stage)
        tokens = _certified(stage)
        ours, theirs = asyncio.run(_measured(stage, case, tokens, bare))
    last, bare_last = [max(one) for one in ours], [max(one) for one in theirs]
    notes = [
        f"a desk: {_told(ours)}; taken {_told(ours[::2])}; seen {_told(ours[1::2])}; aim p99 100 ms",
        f"a bare socket: {_told(theirs)}",
    ]
    return row(last, bare_last, "ms, last of fifty", notes)


async def _measured(
    stage: Stage, case: Case, tokens: list[str], bare: Bare
) -> tuple[list[list[float]], list[list[float]]]:
    board, ours, theirs = Board(), list[list[float]](), list[list[float]]()
    async with aiohttp.ClientSession(stage.plane_ready["url"], connector=aiohttp.TCPConnector(limit=0)) as session:
        place = await _end_of(session, tokens[0])
        following = asyncio.gather(*(_follow(session, token, place, board) for token in tokens))
        try:
            for cycle in range(CYCLES + 1):
                sent = [await asyncio.to_thread(bare.pass_on) for _ in range(2)]
                words = await _stopped(stage, case, board)
                if cycle:
                    ours += words
                    theirs += sent
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following  # raises what a desk raised
    return ours, theirs


async def _stopped(stage: Stage, case: Case, board: Board) -> list[list[float]]:
    """One stop that all have heard of twice; then it runs again."""
    command = await asyncio.to_thread(order_switch, stage, case, STOPPED)
    words = await board.whole(command)
    await asyncio.to_thread(await_outcome, stage, command)
    name, criteria = stage.policy.inventory.item(TARGET).name, case.told["criteria"]
    back = await asyncio.to_thread(_restored, stage, case, name, criteria)
    await board.whole(back)
    return words


def _restored(stage: Stage, case: Case, name: str, criteria: Any) -> str:
    command = order_switch(stage, case, RUNNING, reason="The next cycle.", typed_name=name, criteria=criteria)
    await_outcome(stage, command)
    return command


def _certified(stage: Stage) -> list[str]:
    """Fifty devices that the root certifies now, each with its token."""
    keys = [SigningKey(secrets.token_bytes(SEED_BYTES)) for _ in range(DESKS)]
    stage.certify(
        [
            ("device.certified", {"device": key.id, "public_key": key.public_hex, "label": f"Desk {number}"})
            for number, key in enumerate(keys)
        ]
    )
    return [_token_of(stage, key) for key in keys]


def _token_of(stage: Stage, key: SigningKey) -> str:
    keeper = TokenKeeper(key, lambda: secrets.token_hex(32))
    client = PlaneClient(Wire(stage.plane_ready["url"], lambda: time.time_ns() // 1000), keeper)
    try:
        client.renew_token()
    finally:
        client.close()
    return keeper.token


async def _end_of(session: aiohttp.ClientSession, token: str) -> tuple[int, str]:
    """Where the journal ends: position and its hash."""
    answer = await _page(session, token, 0, "", 0)
    while answer["entries"] and answer["entries"][-1]["gpos"] < answer["size"]:
        last = answer["entries"][-1]
        answer = await _page(session, token, last["gpos"], last["journal_hash"], 0)
    return answer["size"], answer["journal_hash"]


async def _follow(session: aiohttp.ClientSession, token: str, place: tuple[int, str], board: Board) -> None:
    """What a desk's sync does: one long poll after the other, from where the last one ended."""
    while True:
        answer = await _page(session, token, *place, HELD_S)
        at = time.time()
        if answer["entries"]:
            place = answer["entries"][-1]["gpos"], answer["entries"][-1]["journal_hash"]
            await board.note(answer["entries"], at)


async def _page(session: aiohttp.ClientSession, token: str, after: int, at_hash: str, wait: int) -> dict[str, Any]:
    query = {"after": str(after), "hash": at_hash, "wait": str(wait)}
    async with session.get("/v1/journal", params=query, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()  # type: ignore[no-any-return]


class Bare:
    """A server that passes every byte it gets on to fifty sockets, and those sockets."""

    def __enter__(self) -> Bare:
        self._closing = ExitStack()
        listening = self._closing.enter_context(socket.create_server(("127.0.0.1", 0), backlog=DESKS + 1))
        self._ends, served = [], []
        for _ in range(DESKS + 1):
            self._ends.append(self._closing.enter_context(socket.create_connection(listening.getsockname())))
            served.append(self._closing.enter_context(listening.accept()[0]))
        for end in (*self._ends, *served):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serving = threading.Thread(target=_pass_on, args=(served[0], served[1:]))
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends[0].shutdown(socket.SHUT_WR)
        self._serving.join()
        self._closing.close()

    def pass_on(self) -> list[float]:
        """Milliseconds until each of the fifty has one byte that was sent to the server."""
        begun = time.perf_counter()
        self._ends[0].sendall(b".")
        took = []
        for end in self._ends[1:]:
            assert end.recv(1) == b"."
            took.append((time.perf_counter() - begun) * 1000)
        return took


def _pass_on(source: socket.socket, sinks: list[socket.socket]) -> None:
    while byte := source.recv(1):
        for sink in sinks:
            sink.sendall(byte)


def _told(series: list[list[float]]) -> str:
    values = [one for each in series for one in each]
    return f"p50 {percentile(values, 0.5):.1f} ms, p99 {percentile(values, 0.99):.1f} ms"
