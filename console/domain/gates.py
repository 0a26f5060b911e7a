"""The gate table: what must be true of an order before a switch may move; the same function on the desk and the plane.

Stopping is cheap, restoring is gated. `unmet_gates` returns every gate that is not met, so that a sheet can show them
all and a refusal can name them; an empty answer is the only permission there is (design.md, *Gates*; SWI-3, SWI-11).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from console.domain.commands import Order
from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import RUNNING, STOPPED, Switch, SwitchCatalogue

COMMANDER = "incident_commander"
GLASS_BREAKERS = frozenset({COMMANDER, "sre_on_call"})
"""Roles that may break a two-person gate open for a stop (SWI-11)."""
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by their category that nobody can see."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """One gate that is not met: a stable `gate` name and the sentence a person reads."""

    gate: str
    sentence: str


@dataclass(frozen=True, slots=True)
class GateContext:
    """What the judge knows besides the order itself; the plane fills it from its own signed copy, never the desk's.

    `roles_of` maps a certified person to the roles held now; `approved_by` are the persons with another key than the
    author whose approval signature was verified over this very order; `proven` are the ids of events and items that
    exist and may serve as evidence; `recent_break_glass` counts how often the author's key broke the glass within the
    last hour, this order not among them.
    """

    roles_of: Mapping[str, Collection[str]]
    approved_by: Collection[str]
    proven: Collection[str]
    policy_hash: str
    recent_break_glass: int = 0


def unmet_gates(
    order: Order, inventory: Inventory, catalogue: SwitchCatalogue, context: GateContext
) -> tuple[Unmet, ...]:
    """Every gate that `order` does not meet, in the order a person would meet them."""
    switch, item = catalogue.switch(order.switch), inventory.item(order.target)
    radius = inventory.blast_radius(order.target)
    wide, restoring = radius.is_wide, order.want == RUNNING
    found = [*_what(order, switch, item, context)]
    if order.blast_radius != radius:
        found.append(Unmet("preview", "The preview is not of what this switch reaches now; open the preview again."))
    found += _who(order, switch, context, wide)
    if order.gesture not in ("hold", "second_press"):
        found.append(Unmet("gesture", "Hold the button for a second, or press it a second time."))
    if wide or restoring:
        found += _deliberate(order, item, catalogue.times.dwell_ms)
    if wide:
        found += _second_person(order, catalogue, context)
    if order.break_glass:
        found += _break_glass(order, context, wide)
    if restoring:
        found += _criteria(order, switch, context)
    return tuple(found)


def is_blank(text: str) -> bool:
    """Whether nobody could read anything in it: no letter and no digit that is seen (zero-width marks are none)."""
    return not any(unicodedata.category(one)[0] in "LN" and one not in _FILLERS for one in text)


def second_persons(order: Order, context: GateContext) -> frozenset[str]:
    """Who counts as the second person of `order`: not its author, approved this very order, holds a role now."""
    return frozenset(one for one in context.approved_by if one != order.person and context.roles_of.get(one))


def _what(order: Order, switch: Switch, item: InventoryItem, context: GateContext) -> Iterator[Unmet]:
    if order.want not in (STOPPED, RUNNING):
        yield Unmet("want", "The order asks for neither stopped nor running.")
    if item.kind not in switch.kinds:
        yield Unmet(
            "target", f"{switch.id} cannot be thrown on a {item.kind}; choose one of: {', '.join(switch.kinds)}."
        )
    if order.policy_hash != context.policy_hash:
        yield Unmet(
            "policy", "The rules this order was signed under are not the ones in force; reload and preview again."
        )


def _who(order: Order, switch: Switch, context: GateContext, wide: bool) -> Iterator[Unmet]:
    named = order.role or "(none)"
    if order.role not in context.roles_of.get(order.person, ()):
        yield Unmet("role", f"{order.person} does not hold the role {named}.")
    own = _may_act_by_right(order, switch)
    standing_in = not own and order.want != RUNNING and order.role == COMMANDER and not wide
    if not own and not standing_in:
        yield Unmet("authority", _authority_sentence(order, switch.owner_role))
    if standing_in and order.for_owner != switch.owner_role:
        yield Unmet("for_owner", f"Say for whom you stop it: its owner is {switch.owner_role}.")
    elif order.for_owner and not standing_in:
        yield Unmet("for_owner", "Nobody is stood in for here; leave the absent owner out.")


def _may_act_by_right(order: Order, switch: Switch) -> bool:
    """Owners act on their switch, and those named may stop with it; a restore is the owner's alone."""
    return order.role == switch.owner_role or (order.want != RUNNING and order.role in switch.thrown_by)


def _authority_sentence(order: Order, owner_role: str) -> str:
    if order.want == RUNNING:
        return f"Only the owner ({owner_role}) may restore it; ask them."
    return f"The role {order.role or '(none)'} may not throw it; ask the owner ({owner_role})."


def _deliberate(order: Order, item: InventoryItem, dwell_ms: int) -> Iterator[Unmet]:
    if is_blank(order.reason):
        yield Unmet("reason", "Write the reason.")
    if order.typed_name != unicodedata.normalize("NFC", item.name):
        yield Unmet("typed_name", f"Type the name of what is acted on: {item.name}.")
    if order.dwell_ms < dwell_ms:
        yield Unmet("dwell", f"Read the numbers for {dwell_ms} ms before confirming.")


def _second_person(order: Order, catalogue: SwitchCatalogue, context: GateContext) -> Iterator[Unmet]:
    if second_persons(order, context):
        return
    most = catalogue.limits.break_glass_per_hour
    asked = "A second certified person must approve"
    if order.want == RUNNING:
        yield Unmet("second_person", f"{asked}, no break-glass on a restore.")
    elif is_blank(order.break_glass):
        yield Unmet("second_person", f"{asked}, or break the glass with a written reason.")
    elif context.recent_break_glass >= most:
        often = f"{order.person} broke the glass {context.recent_break_glass} times within the hour"
        yield Unmet("break_glass_limit", f"{often}; now a second certified person must approve.")


def _break_glass(order: Order, context: GateContext, wide: bool) -> Iterator[Unmet]:
    if order.want == RUNNING:
        yield Unmet("break_glass", "Break-glass is for stops only.")
    elif not wide:
        yield Unmet("break_glass", "Nothing is locked here: a stop this narrow needs no break-glass.")
    if not GLASS_BREAKERS & set(context.roles_of.get(order.person, ())):
        yield Unmet("break_glass_role", "Only the commander or the on-call engineer may break the glass.")


def _criteria(order: Order, switch: Switch, context: GateContext) -> Iterator[Unmet]:
    for criterion in switch.criteria:
        ids = order.criteria.get(criterion.id, ())
        if not ids or not all(one in context.proven for one in ids):
            yield Unmet(f"criterion:{criterion.id}", f"Show evidence that this is met: {criterion.text}")
