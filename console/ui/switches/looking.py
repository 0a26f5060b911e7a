"""The plane's answer to a look, as a preview on the desk's own clock; no widget in here.

Whether a preview is fresh is judged by the desk, so the plane's times are moved by the offset that this very exchange
showed; what follows from the preview is sent in the plane's time by the same offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.confirmation import Preview
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc, from_epoch_us, parse_utc, to_epoch_us

CAPABILITIES: Mapping[str, str] = {
    "refuses_new": "refuses new requests",
    "cuts_streams": "cuts streams in flight",
    "durable": "survives a restart",
    "read_back": "can be read back",
}


@dataclass(frozen=True)
class Look:
    """One answer: the preview, how the state was seen, what the back-end can do, and a command under way there."""

    preview: Preview
    seen_at: str
    """When the state was seen, by the plane's clock."""
    method: str
    command_id: str
    capabilities: Mapping[str, bool]
    pending: str


def look_from(exchange: Any) -> Look:
    """The exchange that brought a `SelectAnswer` of the plane."""
    answer, seen = exchange.answer, exchange.answer.observation
    offset_us = exchange.plane_us - (exchange.sent_us + exchange.received_us) // 2
    preview = Preview(
        select_token=answer.select_token,
        epoch=answer.epoch,
        generation=answer.generation,
        state=seen.state,
        observed_at=_on_desk(seen.observed_at, offset_us),
        blast_radius=BlastRadius(answer.scope, tuple(answer.ids)),
        policy_hash=answer.policy_hash,
        counts=dict(answer.counts),
        counted_at=_on_desk(answer.counted_at, offset_us),
        adapter=answer.adapter,
        reached={one: dict(counts) for one, counts in answer.reached.items()},
        offset_us=offset_us,
    )
    return Look(preview, seen.observed_at, seen.method, seen.command_id, dict(answer.capabilities), answer.pending)


def _on_desk(moment: str, offset_us: int) -> str:
    return format_utc(from_epoch_us(to_epoch_us(parse_utc(moment)) - offset_us)) if moment else ""
