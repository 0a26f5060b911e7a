"""How far it reaches, computed, never typed: traffic, tenants, lineage, money, safety, each with age and doubt (TRI-6).

Pure. Live counts come from whoever counts them; what was not counted is said and never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from console.domain.errors import InputError
from console.domain.inventory import KINDS, Inventory, InventoryItem
from console.domain.times import parse_utc

FRESH_S = 60
"""Counts older than this are marked old."""
SESSIONS, STREAMS, REQUESTS, MONEY = "sessions", "open_streams", "requests_60s", "spend_microusd_60s"
"""The names of counts: open sessions and streams, requests and micro-USD of the last 60 s."""

Counted = Mapping[str, Mapping[str, int]]
"""Inventory id -> name of a count -> number."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much of one tenant's traffic passes through the target, in whole per cent: at least, at most.

    The counts say how much passes through each, not how much through both; the two bounds are what follows from them.
    None where there are no counts to say it.
    """

    tenant: str
    least_percent: int | None
    most_percent: int | None


@dataclass(frozen=True, slots=True)
class Descendant:
    """An item that was made from the target, or from `through`, which was; `steps` away from the target."""

    id: str
    through: str
    steps: int


@dataclass(frozen=True, slots=True)
class BlastLine:
    """One line of a sheet: what, how much, and what to know of it ("" for nothing)."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastReport:
    """What a target reaches. Numbers are None where nobody counted; money is micro-USD a minute.

    `reached` are the ids by kind, widest kind first; `irreversible` names what acts for good on the tenants reached;
    `age_s` is None when nobody said when the counts are of; `doubts` are sentences.
    """

    target: str
    scope: str
    reached: Mapping[str, tuple[str, ...]]
    exposures: tuple[Exposure, ...]
    requests_per_minute: int | None
    open_sessions: int | None
    open_streams: int | None
    microusd_per_minute: int | None
    descendants: tuple[Descendant, ...]
    regulated: tuple[str, ...]
    vulnerable_users: tuple[str, ...]
    irreversible: tuple[str, ...]
    age_s: int | None
    doubts: tuple[str, ...]

    @property
    def is_old(self) -> bool:
        """Whether the counts are older than FRESH_S, or of nobody knows when."""
        return self.age_s is None or self.age_s > FRESH_S

    def lines(self) -> tuple[BlastLine, ...]:
        """The report for a sheet, the largest harm first."""
        age = "of an unknown time" if self.age_s is None else f"{self.age_s} s old" + (", OLD" if self.is_old else "")
        tenants = self.reached.get("tenant", ())
        others = [_counted(len(ids), kind) for kind, ids in self.reached.items() if kind != "tenant"]
        return (
            BlastLine("Irreversible effects", _listed(self.irreversible), "what was done there stays done"),
            BlastLine("Regulated", _listed(self.regulated)),
            BlastLine("Vulnerable users", _listed(self.vulnerable_users)),
            BlastLine("Tenants", _listed(tenants), f"scope {self.scope}"),
            *(BlastLine(f"  {one.tenant}", _share(one), "of its requests") for one in self.exposures),
            BlastLine("Requests a minute", _number(self.requests_per_minute), age),
            BlastLine("Open sessions", _number(self.open_sessions), age),
            BlastLine("Open streams", _number(self.open_streams), age),
            BlastLine("Money a minute", _dollars(self.microusd_per_minute), age),
            BlastLine("Also reached", ", ".join(others) or "nothing"),
            BlastLine(
                "Made from it", _listed(tuple(one.id for one in self.descendants)), "by lineage, not cut by a stop"
            ),
            *(BlastLine("Not certain", doubt) for doubt in self.doubts),
        )


def blast_report(
    inventory: Inventory, target: str, reached_counts: Counted, counted_at: str, now: datetime
) -> BlastReport:
    """What `target` reaches by inventory and lineage, with the counts of `counted_at` (RFC 3339, "" unknown).

    `now` is on the clock that `counted_at` is on. Raises InputError for a target that is not in the inventory.
    """
    item, radius = inventory.item(target), inventory.blast_radius(target)
    items = [inventory.items[one] for one in radius.ids]
    descendants = descendants_of(inventory, target)
    touched = [*items, *(inventory.items[one.id] for one in descendants)]
    tenants = tuple(one.id for one in items if one.kind == "tenant")
    counts, age_s = reached_counts.get(target), _age_s(counted_at, now)
    return BlastReport(
        target=target,
        scope=radius.scope,
        reached=_by_kind(items),
        exposures=tuple(_exposure(item, one, tenants, reached_counts) for one in tenants),
        requests_per_minute=_count(counts, REQUESTS),
        open_sessions=_count(counts, SESSIONS),
        open_streams=_count(counts, STREAMS),
        microusd_per_minute=_count(counts, MONEY),
        descendants=descendants,
        regulated=_names(one for one in touched if one.regulated),
        vulnerable_users=_names(one for one in touched if one.vulnerable_users),
        irreversible=_names(one for one in (*touched, *_acting_for(inventory, item, tenants)) if one.irreversible),
        age_s=age_s,
        doubts=tuple(_doubts(target, tenants, reached_counts, age_s)),
    )


def descendants_of(inventory: Inventory, target: str) -> tuple[Descendant, ...]:
    """Everything made from `target`, directly or through others, nearest first; a part of an index is made from it.

    Each is named once, by its shortest way; a lineage that runs in a circle ends where it began.
    """
    found: dict[str, Descendant] = {}
    parents, steps = [target], 1
    while parents:
        made = {
            child.id: Descendant(child.id, parent, steps)
            for parent in reversed(parents)
            for child in inventory.items.values()
            if (parent in child.derived_from or child.of == parent) and child.id not in found and child.id != target
        }
        found |= made
        parents, steps = sorted(made), steps + 1
    return tuple(sorted(found.values(), key=lambda one: (one.steps, one.id)))


def _by_kind(items: Iterable[InventoryItem]) -> Mapping[str, tuple[str, ...]]:
    listed = sorted(items, key=lambda one: one.id)
    by_kind = {kind: tuple(one.id for one in listed if one.kind == kind) for kind in KINDS}
    return {kind: ids for kind, ids in by_kind.items() if ids}


def _acting_for(inventory: Inventory, item: InventoryItem, tenants: Iterable[str]) -> Iterable[InventoryItem]:
    """The tools that the reached tenants can act through; of a tool only itself counts."""
    if item.kind == "tool":
        return ()
    served = set(tenants)
    return (one for one in inventory.items.values() if one.kind == "tool" and served & set(one.tenants))


def _exposure(item: InventoryItem, tenant: str, tenants: Iterable[str], counted: Counted) -> Exposure:
    if item.kind in ("environment", "tenant"):
        return Exposure(tenant, 100, 100)
    through = _count(counted.get(item.id), REQUESTS)
    of_each = {one: _count(counted.get(one), REQUESTS) for one in tenants}
    own = of_each[tenant]
    if through is None or not own:
        return Exposure(tenant, None, None)
    most = min(through, own)
    others = [number for one, number in of_each.items() if one != tenant]
    known = [number for number in others if number is not None]
    least = max(through - sum(known), 0) if len(known) == len(others) else 0
    return Exposure(tenant, min(least, own) * 100 // own, -(-most * 100 // own))


def _doubts(target: str, tenants: Iterable[str], counted: Counted, age_s: int | None) -> Iterable[str]:
    for one in dict.fromkeys((target, *tenants)):
        if one not in counted:
            yield f"There is no count for {one}."
    if age_s is None:
        yield "Nobody said when the counts were taken."
    elif age_s > FRESH_S:
        yield f"The counts are {age_s} s old; look again."
    elif age_s < 0:
        yield "The counts are of the future; a clock is wrong."


def _age_s(counted_at: str, now: datetime) -> int | None:
    try:
        return int((now - parse_utc(counted_at)).total_seconds() // 1)
    except InputError:
        return None


def _count(counts: Mapping[str, int] | None, name: str) -> int | None:
    return counts.get(name) if counts is not None else None


def _names(items: Iterable[InventoryItem]) -> tuple[str, ...]:
    return tuple(sorted({one.id for one in items}))


def _listed(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "none"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('x') else 's'}"


def _number(count: int | None) -> str:
    return "not counted" if count is None else f"{count:,}"


def _dollars(micro: int | None) -> str:
    return "not counted" if micro is None else f"{micro // 1_000_000:,}.{micro % 1_000_000 // 10_000:02d} USD"


def _share(exposure: Exposure) -> str:
    least, most = exposure.least_percent, exposure.most_percent
    if least is None or most is None:
        return "not counted"
    return f"{most} %" if least == most else f"{least} to {most} %"
