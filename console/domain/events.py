"""The kinds of events and what each body must hold; one literal table, checked where they are made and arrive.

A type that is not in the table is stored, verified and shown raw, never refused: it comes from a newer desk. A body
never holds captured text; it names a blob by its hash (design.md, *Event envelope*).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.domain.errors import InputError
from console.domain.times import parse_utc

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "s": str, "t": str, "i": int, "b": bool, "l": (list, tuple), "o": Mapping,
}  # fmt: skip

BODIES: Mapping[str, str] = {
    # the organisation, in the incident "system"; the first nine are signed by the root key acting as a device
    "organisation.founded": "name:s origin:s root_public_key:s exercise:b",
    "plane.certified": "device:s public_key:s origin:s",
    "device.certified": "device:s public_key:s label:s",
    "person.certified": "person:s public_key:s display_name:s",
    "role.granted": "person:s role:s",
    "role.withdrawn": "person:s role:s reason:s",
    "invite.issued": "code_hash:s person:s display_name:s roles:l label:s expires:t",
    "device.revoked": "device:s reason:s",
    "person.revoked": "person:s reason:s",
    # what the plane writes there: who came by an invitation of the root, and that its journal began anew
    "device.enrolled": "device:s public_key:s label:s person:s invite:s code:s",
    "person.enrolled": "person:s public_key:s display_name:s invite:s",
    "epoch.began": "epoch:s previous:s size:i reason:s",
    # a desk whose chains were forked or rolled back goes on with new ones
    "chain.restarted": "previous:i reason:s",
    # a role lent for a while by who holds it, in the incident "system"; it ends at `until` or when it is recalled
    "role.delegated": "person:s role:s until:t reason:s",
    "role.recalled": "person:s role:s reason:s",
    # an incident opens and is owned
    "incident.opened": (
        "title:s channel:s reporter:s detected_at:t fingerprint:s signal:o class:s families:l target:s workspace:s "
        "traceparent:s parent_span:s model_manifest:s prompt_version:s retrieval_snapshot:s containment_flag:b "
        "severity:s owner_role:s decision_due:t"
    ),
    "incident.acknowledged": "saw:s",
    "role.taken": "role:s person:s saw:s",
    "severity.graded": "level:s scope:s urgency:s reasons:l escalators:l saw:s",
    "signal.breached": "fingerprint:s metric:s series:o value:s threshold:s window_s:i samples:i onset:t",
    "signal.cleared": "fingerprint:s metric:s series:o value:s threshold:s window_s:i samples:i cleared_at:t",
    "lamps.observed": "target:s service:s behaviour:s samples:i window_s:i observed_at:t",
    "triage.answered": "branch:s answer:s evidence:l saw:s",
    "triage.concluded": "class:s branches:l severity:s containment:l surface:s runbook:s roles:l saw:s",
    "lifecycle.entered": "state:s grounds:l",
    "note.added": "text:s happened_at:t",
    "note.corrected": "corrects:s text:s",
    "note.revised": "note:s text:s saw:l",
    "conflict.resolved": "subject:s kept:s over:l reason:s",
    # who may read and write an incident; open to all until it is limited
    "access.limited": "reason:s",
    "access.granted": "person:s",
    "access.withdrawn": "person:s reason:s",
    # a switch moves; the confirmation is history, the order travels on its own
    "switch.confirmed": (
        "command_id:s order_hash:s switch:s target:s want:s generation:i blast_radius:o reason:s gesture:s approvals:l "
        "break_glass:s for_owner:s criteria:o expires:t"
    ),
    "approval.requested": (
        "command_id:s switch:s target:s want:s generation:i blast_radius:o policy_hash:s reason:s expires:t"
    ),
    "approval.given": "command_id:s sig:s approved_at:t same_desk:b",
    "approval.declined": "command_id:s reason:s",
    "approval.withdrawn": "command_id:s reason:s",
    "switch.reasoned": "command_id:s reason:s",
    "break_glass.reviewed": "command_id:s verdict:s statement:s",
    "owner.paged": "command_id:s role:s persons:l reason:s",
    "breaker.tripped": (
        "command_id:s breaker:s switch:s target:s generation:i fingerprint:s owner_role:s expires:t sentence:s"
    ),
    "breaker.taken_over": "command_id:s statement:s",
    "switch.ended": "command_id:s state:s sentence:s",
    "switch.acknowledged": "command_id:s switch:s target:s want:s generation:i order_hash:s acknowledged_at:t",
    "switch.refused": "command_id:s switch:s target:s want:s gates:l sentence:s",
    "switch.dispatched": "command_id:s adapter:s reply:s dispatched_at:t",
    "switch.observed": (
        "command_id:s switch:s target:s state:s generation:i by:s method:s observed_at:t results:o detail:o"
    ),
    "switch.drifted": "switch:s target:s desired:s observed:s generation:i observed_at:t",
    # evidence
    "evidence.captured": "item:s seal:i index:i dimension:s leaf:s size:i blob:s leaf_blob:s source:s captured_at:s",
    "evidence.sealed": "seal:i root:s size:i checkpoint:s sealer:s nested:b",
    "evidence.looked": "seal:i item:s purpose:s",
    "evidence.exported": "seal:i manifest_sha256:s kind:s",
    "evidence.verified": "seal:i verified:b findings:l",
    # getting back
    "validation.measured": "validation_id:s target:s cases:i passed:i measures:o beyond:l measured_at:t",
    "criterion.requested": "switch:s target:s criterion:s of:s",
    "criterion.signed": "switch:s target:s criterion:s evidence:l statement:s",
    "review.requested": "seal:i of:s",
    "review.signed": "seal:i verdict:s findings:l",
    "incident.closed": "resolution:s saw:s",
}
"""type -> "field:kind ..." with kinds s text, t a UTC time with its Z or "", i integer, b boolean, l list, o object."""

_WANTED = {name: dict(part.split(":") for part in spec.split()) for name, spec in BODIES.items()}
_PARSED = {"s": str, "t": str, "i": int, "b": bool, "l": list, "o": dict}
_EXACT = {name: tuple((field, _PARSED[kind]) for field, kind in wanted.items()) for name, wanted in _WANTED.items()}
"""type -> (field, the very type that JSON gives for it): what nearly every body is, found out at once."""
_MOMENTS = {name: tuple(field for field, kind in wanted.items() if kind == "t") for name, wanted in _WANTED.items()}

ROOT_ONLY = frozenset(
    {
        "organisation.founded",
        "plane.certified",
        "device.certified",
        "person.certified",
        "role.granted",
        "role.withdrawn",
        "invite.issued",
        "device.revoked",
        "person.revoked",
    }
)
"""Types that only the organisation's root key may sign (design.md, *People and devices*)."""

PERSON_SIGNED = frozenset(
    {
        "switch.confirmed",
        "approval.given",
        "evidence.exported",
        "incident.closed",
        "review.signed",
        "criterion.signed",
        "evidence.sealed",
        "conflict.resolved",
        "access.limited",
        "access.granted",
        "access.withdrawn",
        "role.delegated",
        "role.recalled",
        "approval.declined",
        "break_glass.reviewed",
        "breaker.taken_over",
    }
)
"""Types that must carry the person's signature besides the device's."""

PLANE_ONLY = frozenset(
    {
        "switch.acknowledged",
        "switch.refused",
        "switch.dispatched",
        "switch.drifted",
        "signal.breached",
        "signal.cleared",
        "lamps.observed",
        "validation.measured",
        "device.enrolled",
        "person.enrolled",
        "epoch.began",
        "owner.paged",
        "breaker.tripped",
    }
)
"""Types that only the plane's own device may write."""


def check_body(event_type: str, body: Mapping[str, Any]) -> None:
    """Raises InputError naming the field when `body` is not what `event_type` must hold; unknown types pass."""
    wanted = _WANTED.get(event_type)
    if wanted is None or (
        body.keys() == wanted.keys()
        and all(type(body[n]) is k for n, k in _EXACT[event_type])
        and all(not body[n] or _is_moment(body[n]) for n in _MOMENTS[event_type])
    ):
        return
    for name, kind in wanted.items():
        if name not in body:
            raise InputError(f"An event '{event_type}' must hold '{name}'; it is missing.")
        value = body[name]
        if not isinstance(value, _KINDS[kind]) or (kind == "i" and isinstance(value, bool)):
            raise InputError(
                f"The field '{name}' of an event '{event_type}' is a {type(value).__name__}, which is not its kind."
            )
        if kind == "t" and value and not _is_moment(value):
            raise InputError(
                f"The field '{name}' of an event '{event_type}' is no UTC time with its closing Z; none is guessed."
            )
    unknown = sorted(set(body) - set(wanted))
    if unknown:
        raise InputError(f"An event '{event_type}' holds the unknown field '{str(unknown[0])[:60]}'; leave it out.")


def _is_moment(text: Any) -> bool:
    try:
        parse_utc(text)
    except InputError:
        return False
    return True
