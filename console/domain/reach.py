"""Which switches reach a target, the smallest effective one first, each with a warning when it reaches further (SWI-5).

Pure; it proposes and never throws. Only what an adapter enforces can be thrown from here, the rest is done by hand.
A step that was taken and did not help is passed over for the next one; when nothing narrower is left, or no path meets
its floors, the proposal is to fail closed (SWI-6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.domain.inventory import SCOPES, Inventory
from console.domain.switches import SwitchCatalogue

STEPS = ("local", "scoped", "failover", "fail_closed")
FAIL_CLOSED = "fail_closed"
STOPPED_ALREADY, FAILED, UNKNOWN = "stopped", "failed", "unknown"
"""How a step may stand that is of no more help: seen stopped, seen without effect, outcome unknown."""

_WHY: Mapping[str, str] = {
    STOPPED_ALREADY: "is stopped already and the harm goes on",
    FAILED: "was thrown and took no effect",
    UNKNOWN: "was thrown and nobody knows whether it took effect",
}
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
            # among equals the order of the catalogue decides: the sort keeps it
            order = (rank, place, STEPS.index(switch.step), SCOPES.index(radius.scope), len(radius.ids))
            found.append((order, reach))
    return tuple(reach for _, reach in sorted(found, key=lambda entry: entry[0]))


def smallest_hold(reaches: Sequence[Reach]) -> Reach | None:
    """The smallest reversible stop that an adapter enforces, None when there is none (SWI-8)."""
    return next((reach for reach in reaches if reach.reversible and reach.adapter), None)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A step that is not proposed, and why in words."""

    reach: Reach
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The step to take next: `reach` is None when nothing can be thrown from here.

    `fails_closed` says that everything stops (SWI-6); `sentence` is what a person reads.
    """

    reach: Reach | None
    passed_over: tuple[PassedOver, ...]
    fails_closed: bool
    sentence: str


def propose(
    reaches: Sequence[Reach], standing: Mapping[tuple[str, str], str], paths: Mapping[str, bool] | None = None
) -> Proposal:
    """The smallest effective step of `reaches` (as `switches_for` orders them), or to fail closed.

    `standing` says of (switch, target) how it stands (STOPPED_ALREADY ...; absent: untouched); `paths` whether each
    route's behaviour meets its floors. With routes of which none does, no narrower step can help.
    """
    thrown = [one for one in reaches if one.adapter]
    narrower = [one for one in thrown if one.reversible and one.step != FAIL_CLOSED]
    no_path = bool(paths) and not any((paths or {}).values())
    passed: list[PassedOver] = []
    for one in narrower if not no_path else ():
        why = _WHY.get(standing.get((one.switch, one.target), ""), "")
        if not why:
            return Proposal(one, tuple(passed), fails_closed=False, sentence=_next_step(one, passed))
        passed.append(PassedOver(one, f"{one.switch} on {one.target} {why}."))
    return _fail_closed(thrown, standing, passed, no_path=no_path)


def _next_step(reach: Reach, passed: Sequence[PassedOver]) -> str:
    words = f"{reach.switch} on {reach.target} is the smallest step that can help"
    return f"{passed[-1].why} Next: {words}." if passed else f"{words}."


def _fail_closed(
    thrown: Sequence[Reach], standing: Mapping[tuple[str, str], str], passed: Sequence[PassedOver], *, no_path: bool
) -> Proposal:
    because = "No path meets its floors." if no_path else "No narrower step is left."
    for one in thrown:
        if one.step != FAIL_CLOSED:
            continue
        why = _WHY.get(standing.get((one.switch, one.target), ""), "")
        if not why:
            told = f"{because} Fail closed: {one.switch} on {one.target}; sessions end and nobody is answered."
            return Proposal(one, tuple(passed), fails_closed=True, sentence=told)
        passed = (*passed, PassedOver(one, f"{one.switch} on {one.target} {why}."))
    last = f" {passed[-1].why}" if passed else ""
    by_hand = f"{because}{last} Nothing is left to throw from here: work by hand by the fallback card."
    return Proposal(None, tuple(passed), fails_closed=True, sentence=by_hand)


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
