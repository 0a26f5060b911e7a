"""The shapes of the files about systems, people and switches: what fields there are, of which kind, and nothing else.

These models are the edge; inside, policy is the frozen dataclasses of `domain`. Names that point elsewhere are only
text here: whether they resolve is asked in `references`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_ID = r"^[a-z][a-z0-9_]{0,59}$"
_SWITCH = r"^[A-Z][A-Z0-9_]{0,39}$"
_BY = r"^(hand|[A-Z][A-Z0-9_]{0,39})$"
_ITEM = r"^(environment|tenant|surface|region|model|tool|index|segment|pattern)\.[a-z0-9][a-z0-9-]{0,59}$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_PROBE = r"^[a-z][a-z0-9-]{0,59}$"
_DATA_PATH = r"^(https://[0-9A-Za-z.-]{1,200}(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?)?$"
_KEY = r"^[a-z]$"
_PERSON = r"^[^\s@:]{1,100}@[A-Za-z0-9.-]{1,99}$"
_PHONE = r"^\+?[0-9][0-9 ]{2,28}[0-9]$"
_USD = r"^(0|[1-9][0-9]{0,5})\.[0-9]{2}$"

FORMS: Mapping[str, str] = {
    _ID: "use small letters, digits and _, beginning with a letter",
    _SWITCH: "use capital letters, digits and _, beginning with a letter",
    _BY: "write hand, or the id of a switch",
    _ITEM: (
        "write kind.name, the kind one of environment, tenant, surface, region, model, tool, index, segment, pattern"
    ),
    _UUID: "write a UUID in small letters",
    _PROBE: "use small letters, digits and -, beginning with a letter",
    _DATA_PATH: 'write it as https://HOST:PORT, or http to this machine itself; "" when the settings say it',
    _KEY: "write one small letter",
    _PERSON: "write a person as they are certified, as in ada@example.org",
    _PHONE: "write digits and blanks in quotes, with + before the number of a country",
    _USD: "write dollars and cents as text, as in 5.00",
}
"""Pattern -> what to write, for the sentences about it."""

Text = Annotated[str, Field(min_length=1, max_length=400)]
Id = Annotated[str, Field(pattern=_ID)]
SwitchId = Annotated[str, Field(pattern=_SWITCH)]
ItemId = Annotated[str, Field(pattern=_ITEM)]
PersonId = Annotated[str, Field(pattern=_PERSON)]
Phone = Annotated[str, Field(pattern=_PHONE)]
Uuid = Annotated[str, Field(pattern=_UUID)]
Key = Annotated[str, Field(pattern=_KEY)]
LevelId = Literal["SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4"]
KindId = Literal["environment", "tenant", "surface", "region", "model", "tool", "index", "segment", "pattern"]
StepId = Literal["local", "scoped", "failover", "fail_closed"]
Seconds = Annotated[int, Field(ge=1, le=31_536_000)]
Milliseconds = Annotated[int, Field(ge=1, le=600_000)]
Names = Annotated[list[Id], Field(min_length=1)]


class Shape(BaseModel):
    """Base of every shape: strict kinds, no unknown fields, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ItemShape(Shape):
    """One inventory item; fields as in `domain.inventory.InventoryItem`."""

    owner_role: Id
    tenants: list[ItemId] = []
    workspace: Uuid = ""
    sensitivity: Literal["low", "normal", "high"] = "normal"
    regulated: bool = False
    vulnerable_users: bool = False
    irreversible: bool = False
    derived_from: list[ItemId] = []
    of: ItemId = ""
    text: Annotated[str, Field(max_length=200)] = ""


class SystemsShape(Shape):
    """A file of data/systems: one environment, its items, and who enforces which switch there."""

    environment: ItemId
    probe: Annotated[str, Field(pattern=_PROBE)]
    data_path: Annotated[str, Field(pattern=_DATA_PATH)] = ""
    items: Annotated[dict[ItemId, ItemShape], Field(min_length=1)]
    enforcement: dict[Id, dict[SwitchId, list[ItemId]]] = {}


class RoleShape(Shape):
    """One role; fields as in `domain.roles.Role`."""

    title: Text
    responsibility: Text
    authority: Text
    escalation: Text
    audit: Text
    source: Text
    inferred: list[Literal["title", "responsibility", "authority", "escalation", "audit"]] = []


class RoomShape(Shape):
    """Who must be in the room, and from which levels on."""

    levels: list[LevelId]
    roles: Names


class RolesShape(Shape):
    """data/roles.yml."""

    roles: dict[Id, RoleShape]
    aliases: dict[Id, Id]
    room: RoomShape


class RunbooksShape(Shape):
    """data/runbooks/index.yml."""

    runbooks: dict[Id, Text]


class RollbackShape(Shape):
    """data/rollback.yml."""

    surfaces: dict[Id, Text]


class TimesShape(Shape):
    """Gate times; fields as in `domain.switches.GateTimes`."""

    dwell_ms: Milliseconds
    hold_ms: Milliseconds
    reflex_fail_ms: Milliseconds
    reflex_warn_ms: Milliseconds
    lockout_ms: Milliseconds
    command_ttl_s: Annotated[int, Field(ge=1, le=300)]
    approval_ttl_s: Annotated[int, Field(ge=1, le=3600)]
    observation_fresh_s: Seconds
    probe_stream_max_s: Annotated[int, Field(ge=1, le=600)]


class CriterionShape(Shape):
    """One restoration criterion."""

    text: Text
    evidence: Literal["validation", "sealed_item", "statement"]
    signed_by: Id = ""


class SwitchShape(Shape):
    """One kill switch; fields as in `domain.switches.Switch`."""

    title: Text
    cuts: Text
    mechanism: Text
    kinds: Annotated[list[KindId], Field(min_length=1)]
    owner_role: Id
    thrown_by: Names
    step: StepId
    reversible: bool
    criteria: Annotated[dict[Id, CriterionShape], Field(min_length=1)]
    fallback: Text
    source: Text
    notice: bool = False


class ActionShape(Shape):
    """One containment action: bound to a switch, or by hand and then with its step."""

    title: Text
    by: Annotated[str, Field(pattern=_BY)]
    step: StepId | None = None
    destructive: bool = False


class GatesShape(Shape):
    """Numbers of the gates; fields and what holds without them as in `domain.switches.GateLimits`."""

    break_glass_per_hour: Annotated[int, Field(ge=1, le=60)] = 3
    approver_age_h: Annotated[int, Field(ge=0, le=8760)] = 24
    delegation_max_h: Annotated[int, Field(ge=1, le=720)] = 24
    idle_lock_s: Annotated[int, Field(ge=30, le=86_400)] = 900


class BudgetsShape(Shape):
    """Caps of the gateway (TEL-3); fields as in `domain.budgets.Caps`, money as dollars and cents."""

    turns: Annotated[int, Field(ge=1, le=1_000)] = 10
    input_tokens: Annotated[int, Field(ge=1, le=100_000_000)] = 100_000
    writes: Annotated[int, Field(ge=1, le=100_000)] = 5
    usd: Annotated[str, Field(pattern=_USD)] = "5.00"


class BreakerShape(Shape):
    """One automatic stop; fields as in `domain.switches.Breaker`."""

    metric: Id
    switch: SwitchId
    owner_role: Id
    expires_min: Annotated[int, Field(ge=1, le=1440)]
    sentence: Text


class SwitchesShape(Shape):
    """data/switches.yml."""

    times: TimesShape
    gates: GatesShape = GatesShape()
    budgets: BudgetsShape = BudgetsShape()
    breakers: dict[Id, BreakerShape] = {}
    switches: dict[SwitchId, SwitchShape]
    actions: dict[Id, ActionShape]
