"""The systems an organisation runs, as data: the only things that can ever be the target of a command.

An id is `kind.name` in lower case (`tenant.borealis`), safe in a URL and a file name. Text from outside never becomes
an id; whatever is not in the inventory is *unmapped* and cannot be acted on (design.md, *Inventory*).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.errors import InputError

KINDS = ("environment", "tenant", "surface", "region", "model", "tool", "index", "segment", "pattern")
"""Kinds of inventory item, widest first."""

SCOPE_OF_KIND: Mapping[str, str] = {
    "environment": "global",
    "region": "wide",
    "model": "wide",
    "index": "wide",
    "tool": "wide",
    "surface": "wide",
    "segment": "wide",
    "pattern": "wide",
    "tenant": "tenant",
}
"""The blast-radius scope of a switch thrown on an item of this kind; an item may narrow it by naming its one tenant."""

SCOPES = ("session", "tenant", "wide", "global")
"""Blast-radius scopes, narrowest first; "tenant or narrower" is the first two."""


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One system, or one part of it.

    `tenants` are the ids of tenants whose traffic passes through it (empty for the environment: all of them);
    `workspace` is the UUID of a tenant's partition, "" for other kinds; `regulated`, `vulnerable_users` and
    `irreversible` are the escalators of SEV-1; `sensitivity` is "low", "normal" or "high". `derived_from` are the
    ids this one was made from (a model from a model, an index from an index; TRI-6), `of` is the index that a segment
    is a part of, and `text` what a pattern looks for in a prompt: literal text, never an expression.
    """

    id: str
    kind: str
    name: str
    environment: str
    tenants: tuple[str, ...] = ()
    workspace: str = ""
    owner_role: str = ""
    sensitivity: str = "normal"
    regulated: bool = False
    vulnerable_users: bool = False
    irreversible: bool = False
    derived_from: tuple[str, ...] = ()
    of: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Which adapter enforces `switch` on `target`; absent from the inventory means: by hand only."""

    switch: str
    target: str
    adapter: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """All items by id, the enforcement table, and the name of the probe identity of each environment.

    `data_paths` says by environment where requests pass, so that a desk can look for itself ("": the settings say it).

    Several adapters may enforce one switch on one target; it is in effect only when it is at every one of them.
    """

    items: Mapping[str, InventoryItem]
    enforcements: tuple[Enforcement, ...]
    probe_identities: Mapping[str, str]
    data_paths: Mapping[str, str] = field(default_factory=dict)

    def item(self, target: str) -> InventoryItem:
        """The item of that id; raises InputError for anything that is not in the inventory."""
        try:
            return self.items[target]
        except KeyError:
            raise InputError(
                f"'{target[:60]}' is not in the systems inventory, so it cannot be acted on; add it to data/systems."
            ) from None

    def adapters_for(self, switch: str, target: str) -> tuple[str, ...]:
        """Every adapter that enforces that switch there, in the order of the file; none: it is done by hand."""
        return tuple(e.adapter for e in self.enforcements if e.switch == switch and e.target == target)

    def adapter_names(self, switch: str, target: str) -> str:
        """The same as one text for people, "" when no adapter does."""
        return ", ".join(self.adapters_for(switch, target))

    def blast_radius(self, target: str) -> BlastRadius:
        """Scope and sorted ids of everything a stop on `target` reaches, counted without live numbers."""
        item = self.item(target)
        reached = {target} | set(self._inside(item))
        scope = SCOPE_OF_KIND[item.kind]
        if scope == "wide" and len(item.tenants) == 1:
            scope = "tenant"
        return BlastRadius(scope, tuple(sorted(reached)))

    def breadcrumb(self, target: str, switch: str) -> str:
        """The full name shown on every sheet: environment / item / switch."""
        item = self.item(target)
        parts = [self.items[item.environment].name] if item.kind != "environment" else []
        return " / ".join([*parts, item.name, switch])

    def _inside(self, item: InventoryItem) -> list[str]:
        if item.kind == "environment":
            return [other.id for other in self.items.values() if other.environment == item.id]
        if item.kind == "tenant":
            return []
        return list(item.tenants)


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a command reaches: `scope` of SCOPES and the sorted inventory ids; it is part of what people sign."""

    scope: str
    ids: tuple[str, ...]

    @property
    def is_wide(self) -> bool:
        """Whether the wider column of the gate table applies."""
        return SCOPES.index(self.scope) > SCOPES.index("tenant")

    def as_object(self) -> dict[str, object]:
        """As it is signed."""
        return {"scope": self.scope, "ids": list(self.ids)}
