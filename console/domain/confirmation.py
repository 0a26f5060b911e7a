"""What a confirmation sheet hands over after its gates: one frozen value, checked again by the writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.domain.commands import Approval
from console.domain.inventory import BlastRadius


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the plane answered when the sheet opened: the state, its generation, what would be reached.

    `counts` are live numbers of the target for the eye (sessions, requests in the last 60 s ...) as of `counted_at`,
    `reached` those of everything a stop would reach, by inventory id; they are shown and never signed. Times are
    RFC 3339 UTC, on the desk's clock; the plane's clock is `offset_us` ahead of it.
    """

    select_token: str
    epoch: str
    generation: int
    state: str
    observed_at: str
    blast_radius: BlastRadius
    policy_hash: str
    counts: Mapping[str, int]
    counted_at: str
    adapter: str
    reached: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    offset_us: int = 0

    def on_plane(self, moment: datetime) -> datetime:
        """A moment of the desk's clock as the plane's clock shows it."""
        return moment + timedelta(microseconds=self.offset_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """One person's confirmed intent; field meanings as in `domain.commands.Order`."""

    command_id: str
    incident: str
    switch: str
    target: str
    want: str
    preview: Preview
    gesture: str
    dwell_ms: int
    reason: str = ""
    typed_name: str = ""
    for_owner: str = ""
    break_glass: str = ""
    approvals: tuple[Approval, ...] = ()
    request_expires: str = ""
    criteria: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
