"""The gate table: what must be true of an order before a switch may move; the same function on the desk and the plane.

Stopping is cheap, restoring is gated. `unmet_gates` returns every gate that is not met, so that a sheet can show them
all and a refusal can name them; an empty answer is the only permission there is (design.md, *Gates*; SWI-3, SWI-11).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from console.domain.commands import Order
from console.domain.inventory import Inventory
from console.domain.switches import RUNNING, STOPPED, SwitchCatalogue

COMMANDER = "incident_commander"


@dataclass(frozen=True, slots=True)
class Unmet:
    """One gate that is not met: a stable `gate` name and the sentence a person reads."""

    gate: str
    sentence: str


@dataclass(frozen=True, slots=True)
class GateContext:
    """What the judge knows besides the order itself; the plane fills it from its own signed copy, never the desk's.

    `roles_of` maps a certified person to the roles held now; `approved_by` are the persons whose approval signature was
    verified over this very order; `proven` are the ids of events and items that exist and may serve as evidence.
    """

    roles_of: Mapping[str, Collection[str]]
    approved_by: Collection[str]
    proven: Collection[str]
    policy_hash: str


def unmet_gates(
    order: Order, inventory: Inventory, catalogue: SwitchCatalogue, context: GateContext
) -> tuple[Unmet, ...]:
    """Every gate that `order` does not meet, in the order a person would meet them."""
    switch = catalogue.switch(order.switch)
    item = inventory.item(order.target)
    radius = inventory.blast_radius(order.target)
    found: list[Unmet] = []

    def need(met: bool, gate: str, sentence: str) -> None:
        if not met:
            found.append(Unmet(gate, sentence))

    wide, restoring = radius.is_wide, order.want == RUNNING
    roles = set(context.roles_of.get(order.person, ()))
    need(order.want in (STOPPED, RUNNING), "want", "The order asks for neither stopped nor running.")
    need(
        item.kind in switch.kinds,
        "target",
        f"{switch.id} cannot be thrown on a {item.kind}; choose one of: {', '.join(switch.kinds)}.",
    )
    need(
        order.policy_hash == context.policy_hash,
        "policy",
        "The rules this order was signed under are not the ones in force; reload and preview again.",
    )
    need(
        order.blast_radius == radius,
        "preview",
        "The preview is not of what this switch reaches now; open the preview again.",
    )
    need(order.role in roles, "role", f"{order.person} does not hold the role {order.role or '(none)'}.")
    need(
        _may_act(order, switch.thrown_by, switch.owner_role, wide),
        "authority",
        _authority_sentence(order, switch.owner_role),
    )
    need(
        order.gesture in ("hold", "second_press"), "gesture", "Hold the button for a second, or press it a second time."
    )
    if wide or restoring:
        need(bool(order.reason.strip()), "reason", "Write the reason.")
        need(order.typed_name == item.name, "typed_name", f"Type the name of what is acted on: {item.name}.")
        need(
            order.dwell_ms >= catalogue.times.dwell_ms,
            "dwell",
            f"Read the numbers for {catalogue.times.dwell_ms} ms before confirming.",
        )
    if wide:
        seconds = {p for p in context.approved_by if p != order.person and context.roles_of.get(p)}
        broken_open = not restoring and bool(order.break_glass.strip())
        need(
            bool(seconds) or broken_open,
            "second_person",
            "A second certified person must approve"
            + (", no break-glass on a restore." if restoring else ", or break the glass with a written reason."),
        )
    if order.break_glass:
        need(not restoring, "break_glass", "Break-glass is for stops only.")
        need(
            bool({COMMANDER, "sre_on_call"} & roles),
            "break_glass_role",
            "Only the commander or the on-call engineer may break the glass.",
        )
    if restoring:
        for criterion in switch.criteria:
            ids = order.criteria.get(criterion.id, ())
            need(
                bool(ids) and all(i in context.proven for i in ids),
                f"criterion:{criterion.id}",
                f"Show evidence that this is met: {criterion.text}",
            )
    return tuple(found)


def _may_act(order: Order, thrown_by: Collection[str], owner_role: str, wide: bool) -> bool:
    """Owners act on their switch; a commander may stop up to tenant scope for an absent one, never restore."""
    if order.want == RUNNING:
        return order.role == owner_role
    return order.role in thrown_by or order.role == owner_role or (order.role == COMMANDER and not wide)


def _authority_sentence(order: Order, owner_role: str) -> str:
    if order.want == RUNNING:
        return f"Only the owner ({owner_role}) may restore it; ask them."
    return f"The role {order.role or '(none)'} may not throw it; ask the owner ({owner_role})."
