"""What a sheet has gathered so far, judged by the same gate table as the writer and the plane; no widget in here.

`Armed` is captured once when the sheet opens and never changes: whatever is selected elsewhere, this is what is acted
on. `judge` says which gates are not met, as they would be if the button were held now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.domain.commands import Approval, Order
from console.domain.confirmation import Confirmation, Preview
from console.domain.gates import COMMANDER, GLASS_BREAKERS, GateContext, Unmet, unmet_gates
from console.domain.inventory import InventoryItem
from console.domain.reach import Reach
from console.domain.restoring import proven_ids
from console.domain.switches import RUNNING, STOPPED, Switch
from console.domain.times import parse_utc
from console.policy import Policy
from console.queries.switches import Request, SheetFacts
from console.ui.switches.words import breadcrumb


@dataclass(frozen=True)
class Armed:
    """What the sheet is about, for as long as it is open."""

    incident: str
    switch: Switch
    item: InventoryItem
    want: str
    command_id: str
    breadcrumb: str
    wide: bool

    @property
    def target(self) -> str:
        """The inventory id that is acted on."""
        return self.item.id

    @property
    def restoring(self) -> bool:
        """Whether this gives back instead of stopping."""
        return self.want == RUNNING

    @property
    def gated(self) -> bool:
        """Whether reason, typed name and dwell are asked for."""
        return self.wide or self.restoring

    @property
    def verb(self) -> str:
        """STOP or RESTORE."""
        return "STOP" if self.want == STOPPED else "RESTORE"


def armed_on(policy: Policy, incident: str, reach: Reach, want: str, command_id: str) -> Armed:
    """What a sheet on that switch and item is about."""
    return Armed(
        incident=incident,
        switch=policy.switches.switch(reach.switch),
        item=policy.inventory.item(reach.target),
        want=want,
        command_id=command_id,
        breadcrumb=breadcrumb(policy.inventory, reach.target, reach.switch),
        wide=policy.inventory.blast_radius(reach.target).is_wide,
    )


@dataclass(frozen=True)
class Draft:
    """What the person has written and shown; `cited` maps criterion id to the ids chosen for it."""

    person: str
    preview: Preview | None = None
    reason: str = ""
    typed_name: str = ""
    break_glass: str = ""
    dwell_ms: int = 0
    cited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def acting_role(armed: Armed, roles: frozenset[str]) -> str:
    """The role of the person in which this order has the best chance: owner, thrower, commander, whatever is held."""
    wanted = (armed.switch.owner_role,) if armed.restoring else (*armed.switch.thrown_by, armed.switch.owner_role)
    held = [role for role in (*wanted, COMMANDER) if role in roles]
    return held[0] if held else next(iter(sorted(roles)), "")


def for_owner(armed: Armed, role: str) -> str:
    """The owner's role that a commander stands in for, "" when nobody is stood in for."""
    throws = (*armed.switch.thrown_by, armed.switch.owner_role)
    return armed.switch.owner_role if role == COMMANDER and role not in throws else ""


def matching_request(armed: Armed, draft: Draft, facts: SheetFacts, now: datetime) -> Request | None:
    """The request for a second person that still holds for what is previewed now."""
    request, preview = facts.request, draft.preview
    if request is None or preview is None or parse_utc(request.expires) <= preview.on_plane(now):
        return None
    same = (request.command_id, request.target, request.want, request.generation, request.blast_radius)
    wanted = (armed.command_id, armed.target, armed.want, preview.generation, preview.blast_radius)
    waiting = request.state in ("open", "approved")
    return request if waiting and same == wanted and request.policy_hash == preview.policy_hash else None


def approvals(armed: Armed, draft: Draft, facts: SheetFacts, now: datetime) -> tuple[Approval, ...]:
    """The approvals that hold now, of others than the person."""
    request = matching_request(armed, draft, facts, now)
    if request is None:
        return ()
    mine = facts.people[draft.person].public_key if draft.person in facts.people else ""
    return tuple(
        one for one in request.approvals if one.person != draft.person and facts.people[one.person].public_key != mine
    )


def judge(armed: Armed, draft: Draft, facts: SheetFacts | None, policy: Policy, now: datetime) -> tuple[Unmet, ...]:
    """Every gate that is not met now, first what the plane has to show; an empty answer allows the gesture."""
    if facts is None or draft.preview is None:
        return (Unmet("preview", "The plane has not shown yet what this reaches."),)
    found = list(_before(draft.preview, facts, policy, now))
    if facts.unsent & {one for ids in draft.cited.values() for one in ids}:
        found.append(Unmet("unsent", "The plane has not got all of the proof yet; it is being sent."))
    order = _order(armed, draft, facts, now)
    context = GateContext(
        roles_of={name: person.roles for name, person in facts.people.items()},
        approved_by={one.person for one in order.approvals},
        proven=proven_ids(
            armed.switch,
            armed.target,
            draft.cited,
            {piece.id: piece for pieces in facts.candidates.values() for piece in pieces},
        ),
        policy_hash=policy.hash,
        recent_break_glass=facts.recent_break_glass,
    )
    return (*found, *unmet_gates(order, policy.inventory, policy.switches, context))


def confirmation(armed: Armed, draft: Draft, facts: SheetFacts, gesture: str, now: datetime) -> Confirmation:
    """What is handed to the writer; call it only when `judge` found nothing."""
    assert draft.preview is not None
    order = _order(armed, draft, facts, now)
    return Confirmation(
        command_id=armed.command_id,
        incident=armed.incident,
        switch=armed.switch.id,
        target=armed.target,
        want=armed.want,
        preview=draft.preview,
        gesture=gesture,
        dwell_ms=draft.dwell_ms,
        reason=draft.reason,
        typed_name=draft.typed_name,
        for_owner=order.for_owner,
        break_glass=order.break_glass,
        approvals=order.approvals,
        request_expires=order.request_expires,
        criteria=draft.cited,
    )


def glass_left(armed: Armed, draft: Draft, facts: SheetFacts, policy: Policy) -> int | None:
    """How often this person may still break the glass within the hour; None where the gate allows it to nobody here."""
    known = facts.people.get(draft.person)
    if armed.restoring or not armed.wide or known is None or not GLASS_BREAKERS & known.roles:
        return None
    return max(policy.switches.limits.break_glass_per_hour - facts.recent_break_glass, 0)


def role_of(armed: Armed, draft: Draft, facts: SheetFacts) -> str:
    """The role the person acts in here."""
    known = facts.people.get(draft.person)
    return acting_role(armed, known.roles if known is not None else frozenset())


def _before(preview: Preview, facts: SheetFacts, policy: Policy, now: datetime) -> tuple[Unmet, ...]:
    fresh = timedelta(seconds=policy.switches.times.observation_fresh_s)
    found = []
    if now - parse_utc(preview.observed_at) > fresh:
        found.append(Unmet("stale", f"The numbers are older than {fresh.seconds} s; look again."))
    if preview.policy_hash != policy.hash:
        found.append(Unmet("policy", "The plane goes by other rules than this desk; reload the rules."))
    if facts.busy:
        found.append(Unmet("busy", "Another command on this target is under way; wait for its outcome."))
    return tuple(found)


def _order(armed: Armed, draft: Draft, facts: SheetFacts, now: datetime) -> Order:
    """The order as it would be written, with the gesture taken as done: that gate is the button's."""
    preview = draft.preview
    assert preview is not None
    role, given = role_of(armed, draft, facts), approvals(armed, draft, facts, now)
    request = matching_request(armed, draft, facts, now)
    return Order(
        command_id=armed.command_id, incident=armed.incident, switch=armed.switch.id, target=armed.target,
        want=armed.want, epoch=preview.epoch, generation=preview.generation, blast_radius=preview.blast_radius,
        policy_hash=preview.policy_hash, expires="", authorised_at="", reason=draft.reason,
        typed_name=draft.typed_name, dwell_ms=draft.dwell_ms, gesture="hold", person=draft.person, role=role,
        for_owner=for_owner(armed, role), device="", exercise=True, select_token=preview.select_token, confirmation="",
        approvals=given, request_expires=request.expires if request is not None and given else "",
        break_glass=draft.break_glass if armed.wide and not armed.restoring and not given else "",
        criteria=draft.cited,
    )  # fmt: skip
