"""Every kind of event in one plain sentence, as the timeline tells it; what is not understood is named by its type.

The sentence is made from the body alone and may hold text that somebody typed or a source sent: whoever shows it
treats it as hostile. Nothing here fails on a body that lacks something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console.domain.sighting import BY_DESK

Body = Mapping[str, Any]


def sentence_of(event_type: str, body: Body) -> str:
    """One sentence for an event; an unknown type, or a body that cannot be read, is told by the type alone."""
    tell = TELLINGS.get(event_type)
    if tell is None:
        return f"{event_type} (this version does not know this kind of event; it is kept and verified)"
    try:
        return tell(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        return f"{event_type} (its content cannot be read)"


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _listed(values: object) -> str:
    return ", ".join(str(value) for value in values) if isinstance(values, Sequence) else str(values)


def _series(body: Body) -> str:
    return ", ".join(str(value) for value in body["series"].values()) or "everything"


def _opened(body: Body) -> str:
    return f"Incident opened at {body['severity']}: {body['title']} ({body['target']}, reported by {body['reporter']})."


def _graded(body: Body) -> str:
    return f"Graded {body['level']}: {' '.join(str(reason) for reason in body['reasons'])}"


def _breached(body: Body) -> str:
    return (
        f"{_words(body['metric'])} of {_series(body)} beyond its limit: {body['value']} against {body['threshold']}, "
        f"{body['samples']} samples in {body['window_s']} s."
    )


def _confirmed(body: Body) -> str:
    extra = f" Glass broken: {body['break_glass']}" if body["break_glass"] else ""
    reason = f" Reason: {body['reason']}" if body["reason"] else ""
    return f"Confirmed {body['switch']} on {body['target']}: {body['want']}.{reason}{extra}"


def _observed(body: Body) -> str:
    seen = ", ".join(f"{_words(name)} {result['result']}" for name, result in body["results"].items())
    what = f"{body['switch']} on {body['target']} {body['state']}" + (f"; {seen}" if seen else "")
    if body["by"] != BY_DESK:
        return f"Observed by {body['by']} ({_words(body['method'])}): {what}."
    why = body["detail"].get("why", "")
    return f"Observed from a desk ({_words(body['method'])}): {what}{f' ({why})' if why else ''}."


def _verified(body: Body) -> str:
    if body["verified"]:
        return f"The package of seal {body['seal']} was verified: nothing differs."
    return f"The package of seal {body['seal']} does NOT verify: {_listed(body['findings'])}"


def _measured(body: Body) -> str:
    within = f"beyond limits: {_listed(body['beyond'])}" if body["beyond"] else "every metric within its limits"
    return f"Validation of {body['target']}: {body['passed']} of {body['cases']} cases pass, {within}."


def _resolved(body: Body) -> str:
    over = f" ({len(body['over'])} set aside)"
    return f"Conflict over {_words(body['subject']).replace(':', ' ')} resolved{over}: {body['reason']}."


def _looked(body: Body) -> str:
    what = f"item {body['item']}" if body["item"] else f"seal {body['seal']}"
    return f"Looked at {what}: {body['purpose']}."


TELLINGS: Mapping[str, Callable[[Body], str]] = {
    "organisation.founded": lambda b: f"The organisation {b['name']} was founded ({b['origin']}).",
    "plane.certified": lambda b: f"The control plane {b['origin']} was certified.",
    "device.certified": lambda b: f"The device '{b['label']}' was certified.",
    "person.certified": lambda b: f"{b['display_name']} ({b['person']}) was certified.",
    "role.granted": lambda b: f"{b['person']} was granted the role {_words(b['role'])}.",
    "role.withdrawn": lambda b: f"The role {_words(b['role'])} was withdrawn from {b['person']}: {b['reason']}.",
    "invite.issued": lambda b: f"{b['display_name']} ({b['person']}) was invited until {b['expires']}.",
    "device.revoked": lambda b: f"The device {str(b['device'])[:16]} was revoked: {b['reason']}.",
    "person.revoked": lambda b: f"{b['person']} was revoked: {b['reason']}.",
    "device.enrolled": lambda b: f"The device '{b['label']}' was enrolled for {b['person']}.",
    "person.enrolled": lambda b: f"{b['display_name']} ({b['person']}) was enrolled.",
    "epoch.began": lambda b: f"The control plane began its journal anew at position {b['size']}: {b['reason']}.",
    "chain.restarted": lambda b: f"This desk began a new chain, after its incarnation {b['previous']}: {b['reason']}.",
    "role.delegated": lambda b: (
        f"The role {_words(b['role'])} was lent to {b['person']} until {b['until']}: {b['reason']}."
    ),
    "role.recalled": lambda b: f"The role {_words(b['role'])} was taken back from {b['person']}: {b['reason']}.",
    "incident.opened": _opened,
    "incident.acknowledged": lambda _: "Acknowledged.",
    "role.taken": lambda b: f"{b['person']} takes the role {_words(b['role'])}.",
    "severity.graded": _graded,
    "signal.breached": _breached,
    "signal.cleared": lambda b: f"{_words(b['metric'])} of {_series(b)} is within its limits again: {b['value']}.",
    "lamps.observed": lambda b: f"Lamps of {b['target']}: service {b['service']}, behaviour {b['behaviour']}.",
    "triage.answered": lambda b: f"Triage: {_words(b['branch'])}? {b['answer']}.",
    "triage.concluded": lambda b: (
        f"Triage concluded: class {b['class']}, branch {_listed(b['branches'])}, runbook {_words(b['runbook'])}."
    ),
    "lifecycle.entered": lambda b: f"The incident is now {_words(b['state'])}.",
    "note.added": lambda b: str(b["text"]),
    "note.corrected": lambda b: f"Correction: {b['text']}",
    "note.revised": lambda b: f"Revised: {b['text']}",
    "conflict.resolved": _resolved,
    "access.limited": lambda b: f"Access was limited to those who are named: {b['reason']}.",
    "access.granted": lambda b: f"{b['person']} was given access.",
    "access.withdrawn": lambda b: f"The access of {b['person']} was withdrawn: {b['reason']}.",
    "switch.confirmed": _confirmed,
    "approval.requested": lambda b: f"A second person is asked to approve {b['switch']} on {b['target']}: {b['want']}.",
    "approval.given": lambda b: f"Approved by a second person{', at the same desk' if b['same_desk'] else ''}.",
    "approval.declined": lambda b: f"The second person declined: {b['reason']}.",
    "approval.withdrawn": lambda b: f"The request for a second person was withdrawn: {b['reason']}.",
    "switch.reasoned": lambda b: f"Reason given afterwards: {b['reason']}.",
    "break_glass.reviewed": lambda b: f"Break-glass reviewed, {_words(b['verdict'])}: {b['statement']}.",
    "owner.paged": lambda b: f"The {_words(b['role'])} was paged: {b['reason']}.",
    "breaker.tripped": lambda b: (
        f"AUTOMATIC: {b['switch']} on {b['target']} stopped by the breaker {_words(b['breaker'])}: {b['sentence']}"
    ),
    "breaker.taken_over": lambda b: f"The automatic stop was taken over: {b['statement']}.",
    "switch.ended": lambda b: f"The command ended {b['state']}: {b['sentence']}",
    "switch.acknowledged": lambda b: f"The plane has committed {b['switch']} on {b['target']}: {b['want']}.",
    "switch.refused": lambda b: f"The plane refused {b['switch']} on {b['target']}: {b['sentence']}",
    "switch.dispatched": lambda b: f"Handed to {b['adapter']}, which answered: {b['reply']}.",
    "switch.observed": _observed,
    "switch.drifted": lambda b: (
        f"DRIFT: {b['switch']} on {b['target']} should be {b['desired']} and was seen {b['observed']}."
    ),
    "evidence.captured": lambda b: f"Captured: {_words(b['dimension'])}, {b['size']} bytes, from {b['source']}.",
    "evidence.sealed": lambda b: f"Seal {b['seal']} closed over {b['size']} items by {b['sealer']}.",
    "evidence.looked": _looked,
    "evidence.exported": lambda b: f"Seal {b['seal']} exported as a {_words(b['kind'])} package.",
    "evidence.verified": _verified,
    "validation.measured": _measured,
    "criterion.requested": lambda b: f"{_words(b['of']).capitalize()} is asked to sign '{_words(b['criterion'])}'.",
    "criterion.signed": lambda b: f"Signed off '{_words(b['criterion'])}' of {b['switch']}: {b['statement']}",
    "review.requested": lambda b: f"{b['of']} is asked to review seal {b['seal']}.",
    "review.signed": lambda b: f"Review of seal {b['seal']} signed: {_words(b['verdict'])}.",
    "incident.closed": lambda b: f"Closed: {b['resolution']}",
}
"""Event type -> how it is told; a test holds it complete against `domain.events.BODIES`."""
