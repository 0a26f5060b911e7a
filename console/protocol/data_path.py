"""The chat endpoint that a probe knocks at, as the plane and a desk both speak it: what is asked, what an answer says.

Pure. Nothing that an answer holds selects a target or is passed on without having been checked for its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from console.domain.errors import InputError
from console.domain.inventory import Inventory, InventoryItem
from console.domain.sighting import NO_ANSWER, OVERLOADED, SWITCHED_OFF, ProbeReply, Refuser

PATH = "/v1/chat"
TOKEN_HEADER = "x-probe"  # noqa: S105 - the name of the header, not what it carries
MAX_REFUSAL_BYTES = 64 * 1024
MOST_TENANTS = 8
"""Tenants tried before a probe gives up seeing past blocked ones."""
SHOWS = "simulator"
"""The adapter whose switches this endpoint refuses by; of what only others enforce it tells nothing."""

_ID = re.compile(r"[0-9A-Za-z._-]{0,100}")
_BLOCKS = ("FF_GLOBAL_AI", "FF_TENANT_BLOCK", "FF_FEATURE", "FF_TOKEN_BUDGET")
_NEEDS_TARGET = ("FF_TOOL_REVOKE", "FF_MODEL_ROUTE", "FF_INDEX_FREEZE", "FF_ROW_QUARANTINE")
_NEEDS_ABILITY: Mapping[str, str] = {
    "FF_AGENT_DRAFT": "agent",
    "FF_READ_ONLY": "write",
    "FF_MEMORY_WRITES": "memory",
    "FF_EXTERNAL_CALLS": "external",
    "FF_BROWSER_ACCESS": "browser",
    "FF_EGRESS_BLOCK": "egress",
    "FF_SAFETY_FILTER": "unfiltered",
    "FF_STATIC_RESPONSE": "model_answer",
    "FF_HUMAN_REVIEW": "unreviewed",
    "FF_REASONING_TURNS": "long_reasoning",
    "FF_TRUST_CAVEAT": "plain_answer",
    "FF_CACHE_BYPASS": "cache",
    "FF_SESSIONS": "session",
}
"""The ability that a switch takes away, by the gateway's word for it."""


def requests_for(inventory: Inventory, switch: str, item: InventoryItem) -> list[dict[str, Any]]:
    """Bodies of requests that `switch` on `item` would refuse, one a tenant; none when no request can tell."""
    needs = _needs(switch, item)
    if needs is None:
        return []
    plain: dict[str, Any] = {"input": "Probe: is this path open?", "max_tokens": 1}
    return [route | plain | needs for route in routes(inventory, item)]


def routes(inventory: Inventory, item: InventoryItem) -> list[dict[str, str]]:
    """Tenant, surface and region of requests that pass through `item`, one a tenant, in order of id."""
    environment = item.id if item.kind == "environment" else item.environment
    around = sorted((o for o in inventory.items.values() if o.environment == environment), key=lambda other: other.id)
    if item.kind == "tenant":
        tenants = [item.id]
    else:
        tenants = [o.id for o in around if o.kind == "tenant" and (not item.tenants or o.id in item.tenants)]
    found = []
    for tenant in tenants:
        route = {"tenant": tenant}
        for kind in ("surface", "region"):
            serving = [o.id for o in around if o.kind == kind and (not o.tenants or tenant in o.tenants)]
            route[kind] = item.id if item.kind == kind else next(iter(serving), "")
        if all(route.values()):
            found.append(route)
    return found


def only_this_tenant(reply: ProbeReply, tenant: str, item: InventoryItem) -> bool:
    """Whether a request was refused only because its tenant is blocked, while `item` is something else."""
    return bool(reply.refused_by) and item.id != tenant and all(r.target == tenant for r in reply.refused_by)


def is_answer(content_type: str, first: bytes) -> bool:
    """Whether an answer of status 200 has begun: a page that something else puts in the way is none."""
    return bool(first) and content_type.partition(";")[0].strip().lower() == "text/event-stream"


def refusal(status: int, data: bytes, at: datetime) -> ProbeReply:
    """What a status other than 200 says, and which switches its problem names; what is malformed is no answer."""
    if status == 503:
        return ProbeReply(OVERLOADED, at)
    try:
        value = json.loads(data)
        if status == 403 and isinstance(value, dict) and value.get("kind") == "switched_off":
            return ProbeReply(SWITCHED_OFF, at, refusers(value))
    except (ValueError, RecursionError, InputError):
        return ProbeReply(NO_ANSWER, at)
    return ProbeReply(NO_ANSWER, at)


def refusers(value: Mapping[str, Any]) -> tuple[Refuser, ...]:
    """The switches a refusal names: `refused_by` when it lists them all, else the one it names.

    Raises InputError for one whose names or generation have not the form they must have.
    """
    listed = value.get("refused_by")
    entries = listed if isinstance(listed, list) and listed else [value]
    return tuple(
        Refuser(
            _label(entry.get("switch"), "switch"),
            _label(entry.get("target"), "target"),
            _generation(entry.get("generation")),
            _label(entry.get("command_id"), "command_id"),
        )
        for entry in entries
        if isinstance(entry, dict)
    )


def _needs(switch: str, item: InventoryItem) -> dict[str, Any] | None:
    """What a request must ask for so that this switch refuses it; None when none can."""
    if switch in _BLOCKS:
        return {}
    if switch in _NEEDS_TARGET:
        return {"needs": [item.id]}
    if switch == "FF_PROMPT_PATTERN" and item.text:
        return {"input": f"Probe: {item.text}"}
    ability = _NEEDS_ABILITY.get(switch)
    return {"needs": [ability]} if ability is not None else None


def _generation(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise InputError("The refusal's generation is malformed; it is not relied upon.")
    return value


def _label(value: object, what: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InputError(f"The refusal's {what} is malformed; it is not relied upon.")
    return value
