"""Seeing through the data path whether a switch is where it should be: the only thing that makes a command "verified".

What one reply says is judged in `domain.sighting`, by the rules that a desk judges its own looks by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from console.domain.inventory import InventoryItem
from console.domain.sighting import Aim, ProbeReply, Seen, judge_reply, state_seen
from console.domain.switches import RUNNING, STOPPED
from console.plane.backends import (
    BackEnd,
    BackEndFault,
    BackEndRefusal,
    ProbeStream,
    ReadBack,
)

DEADLINE_S = 2.0
"""How long a command may take from its dispatch until it was seen or is unknown."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.16
CONFIRM_S = 0.05
"""How long after the effect was first seen it is looked at again, before it is believed."""
CUT_GRACE_S = 0.5
"""How long after new requests are refused an open stream may take to end before it counts as not cut."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What was seen at `at` through the data path, after so many probes; `read` what the back-end says it holds.

    `wavers`: it was seen in effect once, and then was not.
    """

    seen: Seen
    at: datetime
    probes: int
    outcome: str
    hidden_by: str = ""
    read: ReadBack | None = None
    wavers: bool = False

    def state(self, want: str) -> str:
        """The state that was observed."""
        return state_seen(self.seen, want)

    def refuses_new(self, want: str) -> str:
        """The first result: are new requests refused? "false" after a restore that is in effect."""
        return {STOPPED: "true", RUNNING: "false"}.get(self.state(want), "unknown")


def holds(read: ReadBack | None, aim: Aim) -> bool:
    """Whether a read-back names exactly this state under this generation and id."""
    held = read.switches.get((aim.switch, aim.target)) if read is not None else None
    return held is not None and (held.state, held.generation, held.assertion_id) == (
        aim.want,
        aim.generation,
        aim.assertion_id,
    )


def durable_form(read: ReadBack | None, aim: Aim) -> str:
    """Whether the back-end's durable form holds it: "true", "false" or "unknown"."""
    if read is None or read.durable is None:
        return "unknown"
    held = read.durable.get((aim.switch, aim.target))
    same = held is not None and (held.state, held.generation) == (aim.want, aim.generation)
    return "true" if same else "false"


async def watch_effect(
    back_end: BackEnd,
    item: InventoryItem,
    aim: Aim,
    seconds: float | None = None,
    *,
    not_at_once: Callable[[], Awaitable[None]] | None = None,
) -> Effect:
    """Probe at once and then ever more slowly until the effect was seen and confirmed, or `seconds` (DEADLINE_S) ended.

    One lucky probe proves nothing of a back-end that flaps: what was seen must be seen again CONFIRM_S later, and the
    time is that of the first sight. With `seconds` 0 it looks once, and again only to confirm. `not_at_once` is awaited
    when the first probe did not see it; nothing else comes between the dispatch and that probe. Raises only what
    `not_at_once` raises.
    """
    loop = asyncio.get_running_loop()
    seconds = DEADLINE_S if seconds is None else seconds
    deadline, pause, probes = loop.time() + seconds, FIRST_PAUSE_S, 0
    first: _Look | None = None
    wavers = False
    while True:
        look = await _look(back_end, item, aim, max(0.05, deadline - loop.time()) if seconds else DEADLINE_S)
        probes += 1
        if look.seen == "in_effect":
            if first is not None:
                read = look.read or await read_quietly(back_end)
                return Effect("in_effect", first.reply.at, probes, look.reply.outcome, read=read, wavers=wavers)
            first = look
            await asyncio.sleep(CONFIRM_S)
            continue
        wavers, first = wavers or first is not None, None
        if loop.time() + pause >= deadline:
            hidden_by = look.reply.refused_by[0].switch if look.seen == "hidden" and look.reply.refused_by else ""
            read = look.read or await read_quietly(back_end)
            return Effect(look.seen, look.reply.at, probes, look.reply.outcome, hidden_by, read, wavers)
        if not_at_once is not None:
            await not_at_once()
            not_at_once = None
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class _Look:
    """One probe, what it says about the aim, and the read-back that a restore needs beside it."""

    seen: Seen
    reply: ProbeReply
    read: ReadBack | None = None


async def _look(back_end: BackEnd, item: InventoryItem, aim: Aim, seconds: float) -> _Look:
    reply = await back_end.probe(aim.switch, item, seconds)
    seen = judge_reply(reply, aim)
    if seen != "in_effect" or aim.want != RUNNING:
        return _Look(seen, reply)
    # a served request names no command, so the read-back has to
    read = await read_quietly(back_end)
    return _Look("in_effect" if holds(read, aim) else "unknown", reply, read)


async def watch_cut(stream: ProbeStream | None, aim: Aim, *, can_cut: bool, in_effect: bool) -> tuple[str, str]:
    """The second result and a word on it, from a stream that was alive at dispatch (None: there was none)."""
    if stream is None:
        return "unknown", "no probe stream was open before the command"
    grace = CUT_GRACE_S if can_cut and in_effect else 0.0
    end = stream.end or await stream.ended_within(grace)
    if end is None:
        return "false", "the probe stream is still open"
    if end.cut and end.assertion_id == aim.assertion_id:
        return "true", "the probe stream was cut"
    return "unknown", "the probe stream ended without naming this command"


async def read_quietly(back_end: BackEnd) -> ReadBack | None:
    """What the back-end holds, None when it does not say."""
    try:
        return await back_end.read_back()
    except (BackEndFault, BackEndRefusal):
        return None
