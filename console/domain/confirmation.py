"""What a confirmation sheet hands over after its gates: one frozen value, checked again by the writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.commands import Approval
from console.domain.inventory import BlastRadius


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the plane answered when the sheet opened: the state, its generation, what would be reached.

    `counts` are live numbers for the eye (sessions, requests in the last 60 s ...) as of `counted_at`; they are
    shown and never signed. Times are RFC 3339 UTC.
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
