"""What a second person sees, field by field beside what they are asked to approve; no widget in here.

A difference is named, so that nobody signs for something else than they read, and nobody wonders why they cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.domain.confirmation import Preview
from console.queries.switches import Request

_NAMED = 6


@dataclass(frozen=True)
class Field:
    """One field: as it was asked for, as this person sees it, and whether that is the same."""

    name: str
    asked: str
    seen: str
    same: bool


def compared(request: Request, preview: Preview) -> tuple[Field, ...]:
    """Every field of the request that a preview shows too; an approval needs all of them the same."""
    asked, seen = request.blast_radius, preview.blast_radius
    return (
        _field("Scope", asked.scope, seen.scope),
        Field("Reaches", _listed(asked.ids), _difference(asked.ids, seen.ids), set(asked.ids) == set(seen.ids)),
        _field("Generation", str(request.generation), str(preview.generation)),
        _field("Rules", request.policy_hash[:12], preview.policy_hash[:12], request.policy_hash == preview.policy_hash),
    )


def differing(fields: tuple[Field, ...]) -> str:
    """The names of what differs, "" when nothing does."""
    return ", ".join(one.name.lower() for one in fields if not one.same)


def _field(name: str, asked: str, seen: str, same: bool | None = None) -> Field:
    return Field(name, asked, seen, asked == seen if same is None else same)


def _difference(asked: tuple[str, ...], seen: tuple[str, ...]) -> str:
    more, less = sorted(set(seen) - set(asked)), sorted(set(asked) - set(seen))
    if not more and not less:
        return _listed(seen)
    parts = [f"besides {_listed(more)}" if more else "", f"without {_listed(less)}" if less else ""]
    return "; ".join(part for part in parts if part)


def _listed(ids: tuple[str, ...] | list[str]) -> str:
    rest = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + rest
