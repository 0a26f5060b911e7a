"""Which switches reach a target, the smallest effective one first, each with a warning when it reaches further (SWI-5).

Pure; it proposes and never throws. Only what an adapter enforces can be thrown from here, the rest is done by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.inventory import SCOPES, Inventory
from console.domain.switches import SwitchCatalogue

STEPS = ("local", "scoped", "failover", "fail_closed")
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Reach:
    """One switch on one item: its place in graduated containment, what it reaches, and a warning when that is wider.

    `adapter` is "" where nobody enforces it; `proposed` says that triage called for it.
    """

    switch: str
    target: str
    step: str
    scope: str
    adapter: str
    warning: str
    reversible: bool
    proposed: bool


def switches_for(
    inventory: Inventory, catalogue: SwitchCatalogue, target: str, proposed: Sequence[tuple[str, str]] = ()
) -> tuple[Reach, ...]:
    """Every switch that would contain `target`, the one to take first; `proposed` are (switch, item) from triage.

    Raises InputError for a target that is not in the inventory.
    """
    found = []
    for switch in catalogue.switches.values():
        for item in _items(inventory, switch.kinds, target):
            radius = inventory.blast_radius(item)
            warning = _warning(inventory, item, target)
            wanted = (switch.id, item) in proposed
            adapter = inventory.adapter_names(switch.id, item)
            reach = Reach(switch.id, item, switch.step, radius.scope, adapter, warning, switch.reversible, wanted)
            # What nobody enforces cannot contain; what reaches further than the harm comes after what does not.
            rank = 2 if not adapter else 1 if warning else 0
            place = proposed.index((switch.id, item)) if wanted else len(proposed)
            order = (rank, place, STEPS.index(switch.step), SCOPES.index(radius.scope), len(radius.ids), switch.id)
            found.append((order, reach))
    return tuple(reach for _, reach in sorted(found, key=lambda entry: entry[0]))


def smallest_hold(reaches: Sequence[Reach]) -> Reach | None:
    """The smallest reversible stop that an adapter enforces, None when there is none (SWI-8)."""
    return next((reach for reach in reaches if reach.reversible and reach.adapter), None)


def _items(inventory: Inventory, kinds: Sequence[str], target: str) -> list[str]:
    item = inventory.item(target)
    if item.kind in kinds:
        return [item.id]
    tenants = set(item.tenants) or {item.id}
    return [
        other.id
        for other in inventory.items.values()
        if other.kind in kinds
        and other.environment == item.environment
        and (item.kind == "environment" or other.kind == "environment" or tenants & set(other.tenants))
    ]


def _warning(inventory: Inventory, item: str, target: str) -> str:
    reached, harmed = set(inventory.blast_radius(item).ids), set(inventory.blast_radius(target).ids)
    extra = sorted(reached - harmed - {item})
    if not extra:
        return ""
    named = ", ".join(extra[:_NAMED]) + (f" and {len(extra) - _NAMED} more" if len(extra) > _NAMED else "")
    return f"Wider than what is affected: it also reaches {named}."
