"""What an application is told that asks for a flag (OpenFeature, OFREP): pure, from what is served and its context.

A flag is a switch that the adapter `ofrep` enforces somewhere, its value "AI enabled". A context that leaves open where
the request belongs gets an error and not a value: the caller's own default, which must be false, then holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.inventory import KINDS, Inventory, InventoryItem
from console.domain.switches import RUNNING, STOPPED
from console.plane.backends import Held

ADAPTER = "ofrep"
KEY = "targetingKey"
NOT_FOUND, KEY_MISSING, INVALID = "FLAG_NOT_FOUND", "TARGETING_KEY_MISSING", "INVALID_CONTEXT"
ENABLED, OFF = "enabled", "stopped"
"""The variants."""

NEVER = Held(RUNNING, 0, "")
"""What is served where no command was ever given."""

_LONGEST = 200
_WRONG_DEFAULT = re.compile(r"""["'](FF_[A-Z_]+)["']\s*,\s*(?:\w+\s*[=:]\s*)?(?:true|True|TRUE)\b""")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer for one flag: `metadata` names target, generation and command of every switch that decided."""

    key: str
    value: bool
    reason: str
    variant: str
    metadata: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class NoEvaluation:
    """Why there is no answer, as OFREP says it: `code` is one of its error codes, `sentence` for a person."""

    key: str
    code: str
    sentence: str


def flag_keys(inventory: Inventory) -> tuple[str, ...]:
    """Every flag there is, sorted."""
    return tuple(sorted({e.switch for e in inventory.enforcements if e.adapter == ADAPTER}))


def evaluate(
    inventory: Inventory, served: Mapping[tuple[str, str], Held], key: str, context: Mapping[str, Any]
) -> Evaluation | NoEvaluation:
    """Whether that flag lets a request of this context through.

    `context` has `targetingKey` and, by kind, the inventory ids that the request belongs to; "" says that it has none
    of a kind. Every kind on which the flag can be thrown must be named.
    """
    if key not in flag_keys(inventory):
        return NoEvaluation(key[:_LONGEST], NOT_FOUND, "There is no such flag; its key is the id of a switch.")
    fault = _fault(inventory, key, context)
    if fault is not None:
        return fault
    met = _met(inventory, served, key, context)
    stops = [(target, held) for target, held in met if held.state == STOPPED]
    if stops:
        return Evaluation(key, False, "TARGETING_MATCH", OFF, _metadata(key, stops))
    return Evaluation(key, True, "DEFAULT", ENABLED, _metadata(key, met[:1]))


def evaluate_all(
    inventory: Inventory, served: Mapping[tuple[str, str], Held], context: Mapping[str, Any]
) -> list[Evaluation | NoEvaluation]:
    """Every flag for one context."""
    return [evaluate(inventory, served, key, context) for key in flag_keys(inventory)]


def context_for(inventory: Inventory, key: str, item: InventoryItem) -> dict[str, str]:
    """The context of a request that belongs to `item` and to nothing else: what a probe asks with."""
    kinds = dict.fromkeys((kind for kind in _kinds(inventory, key)), "")
    identity = inventory.probe_identities.get(item.environment) or "probe"
    return {KEY: identity, **kinds, "environment": item.environment, item.kind: item.id}


def wrong_defaults(source: str) -> list[str]:
    """The flags that a program asks for with the default true: those fail open when the plane is gone.

    Reads any language in which the default follows the key, as in OpenFeature's SDKs; a lint, not a proof.
    """
    return [found.group(1) for found in _WRONG_DEFAULT.finditer(source)]


def _fault(inventory: Inventory, key: str, context: Mapping[str, Any]) -> NoEvaluation | None:
    subject = context.get(KEY)
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST:
        return NoEvaluation(key, KEY_MISSING, f"The context needs a {KEY} of up to {_LONGEST} characters.")
    for kind in (kind for kind in KINDS if kind in context):
        given = context[kind]
        item = inventory.items.get(given) if isinstance(given, str) else None
        if given != "" and (item is None or item.kind != kind):
            return NoEvaluation(key, INVALID, f"The context's {kind} is not in the systems inventory.")
    missing = [kind for kind in _kinds(inventory, key) if kind not in context]
    if missing:
        return NoEvaluation(key, INVALID, f'The context must name {", ".join(missing)} ("" when there is none).')
    if not any(context.get(kind) for kind in KINDS):
        return NoEvaluation(key, INVALID, "The context must name at least the environment of the request.")
    return None


def _kinds(inventory: Inventory, key: str) -> list[str]:
    """The kinds on which that flag can be thrown; the environment follows from whatever else is named."""
    on = {inventory.items[e.target].kind for e in inventory.enforcements if (e.switch, e.adapter) == (key, ADAPTER)}
    return [kind for kind in KINDS if kind in on and kind != "environment"]


def _met(
    inventory: Inventory, served: Mapping[tuple[str, str], Held], key: str, context: Mapping[str, Any]
) -> list[tuple[str, Held]]:
    """Every target of that flag that the request belongs to, narrowest first, and what is served there."""
    named = [context[kind] for kind in reversed(KINDS) if context.get(kind)]
    targets = dict.fromkeys([*named, *(inventory.items[target].environment for target in named)])
    return [
        (target, served.get((key, target), NEVER))
        for target in targets
        if ADAPTER in inventory.adapters_for(key, target)
    ]


def _metadata(key: str, decided: list[tuple[str, Held]]) -> dict[str, str | int]:
    return dict(_numbered(key, decided))


def _numbered(key: str, decided: list[tuple[str, Held]]) -> Iterator[tuple[str, str | int]]:
    """Members of text and numbers only, as OFREP has it: the second switch's names end in `_2`, and so on."""
    for number, (target, held) in enumerate(decided, start=1):
        end = f"_{number}" if number > 1 else ""
        yield f"switch{end}", key
        yield f"target{end}", target
        yield f"generation{end}", held.generation
        yield f"command_id{end}", held.assertion_id
