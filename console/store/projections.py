"""What screens read, computed from events: one function a type in one literal table, the same for one event or for all.

A projection row depends on its event alone and never on what came before it, so the order of arrival cannot matter;
what holds *now* is decided by order when it is read. A stale answer (`saw`) is kept beside the one it did not see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.errors import InputError
from console.domain.events import BODIES, check_body
from console.domain.sighting import BY_DESK
from console.proof.envelope import SYSTEM, Envelope
from console.proof.keys import key_id
from console.store import search
from console.store._sqlite import Connection
from console.store.projection_tables import NEWEST_FIRST, TABLES, TAIL, held_first
from console.store.standing import settle_incident

PENDING, ACCEPTED, REJECTED = "pending", "accepted", "rejected"
_NOT_ORDERED = (TAIL, PENDING)
_NOWHERE: Mapping[int, tuple[int, str]] = {}

_INSERT = {
    name: f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - literals only
    for name, columns in TABLES.items()
}
_OPENED = _INSERT["incident"] + (
    " ON CONFLICT (incident) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in TABLES["incident"] if name != "incident")
    + " WHERE excluded.opened < incident.opened"
)

_Row = tuple[str | int, ...]
_Rows = Callable[[int, Envelope, Mapping[str, Any]], Iterable[tuple[str, _Row]]]


@dataclass(frozen=True, slots=True)
class Projection:
    """How events of one type are shown: the rows they add, what a screen must reload, and the body fields searched."""

    rows: _Rows
    kinds: tuple[str, ...]
    text: tuple[str, ...] = ()
    moves_incident: bool = False
    """Whether the incident's own row (severity, state, class) may have changed by it."""


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def _text(value: object) -> str:
    return _ENCODE(value) if value else _EMPTY.get(type(value), "") or _ENCODE(value)


_EMPTY: Mapping[type, str] = {list: "[]", tuple: "[]", dict: "{}"}
"""Most lists of most events are empty, and asking the encoder takes ten times as long."""


def _opened(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield _OPENED, (
        e.incident, n, e.event_id, b["title"], b["channel"], b["reporter"], b["detected_at"], b["fingerprint"],
        b["class"], _text(b["families"]), b["target"], b["workspace"], b["owner_role"], b["decision_due"],
        int(e.exercise), b["class"], b["severity"], b["severity"], e.event_id, "open", e.event_id, "",
    )  # fmt: skip
    yield _INSERT["severity"], (n, e.incident, b["severity"], "", "", "[]", "[]", "")


def _graded(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    row = (b["level"], b["scope"], b["urgency"], _text(b["reasons"]), _text(b["escalators"]), b["saw"])
    yield _INSERT["severity"], (n, e.incident, *row)


def _entered(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield _INSERT["lifecycle"], (n, e.incident, b["state"], _text(b["grounds"]))


def _closed(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield _INSERT["lifecycle"], (n, e.incident, "closed", _text([b["saw"]] if b["saw"] else []))


def _role(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield _INSERT["role_holder"], (n, e.incident, b["role"], b["person"], b["saw"], e.seen_gpos)


def _answered(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield (
        _INSERT["triage_answer"],
        (n, e.incident, b["branch"], b["answer"], _text(b["evidence"]), b["saw"], e.seen_gpos),
    )


def _concluded(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    lists = (_text(b["containment"]), _text(b["roles"]), _text(b["branches"]))
    yield (
        _INSERT["triage_conclusion"],
        (n, e.incident, b["class"], b["severity"], b["surface"], b["runbook"], *lists, b["saw"], e.seen_gpos),
    )


def _switch(kind: str, at: str) -> _Rows:
    """Rows of one step of a switch; `at` names the body field that says when, "" when the event's clock must do."""

    def rows(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
        state = b.get("state") or b.get("observed") or b.get("want") or ""
        results, detail = b.get("results", {}), b.get("detail") or b.get("sentence") or b.get("reply") or ""
        yield _INSERT["switch_state"], (
            n, e.incident, kind, b.get("command_id", ""), b.get("switch", ""), b.get("target", ""), state,
            b.get("generation", 0), b.get("method", ""), b.get("by", ""), b[at] if at else "", _text(results),
            detail if isinstance(detail, str) else _text(detail),
        )  # fmt: skip

    return rows


_OBSERVED, _LOOKED = _switch("observed", "observed_at"), _switch("looked", "observed_at")


def _sighted(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    """The plane's word is "observed", a desk's own look is "looked": what is in effect never rests on the second."""
    return (_LOOKED if b["by"] == BY_DESK else _OBSERVED)(n, e, b)


def _captured(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    names = ("item", "seal", "index", "dimension", "leaf", "size", "blob", "leaf_blob", "source", "captured_at")
    yield _INSERT["evidence_item"], (n, e.incident, *(b[name] for name in names))


def _sealed(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    row = (b["seal"], b["root"], b["size"], b["checkpoint"], b["sealer"], int(b["nested"]))
    yield _INSERT["seal"], (n, e.incident, *row)


def _criterion(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    row = (b["switch"], b["target"], b["criterion"], _text(b["evidence"]), b["statement"], e.actor, e.role)
    yield _INSERT["criterion"], (n, e.incident, *row)


def _person(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    if e.incident == SYSTEM:
        yield (
            _INSERT["certified_person"],
            (n, b["person"], b["public_key"], b["display_name"], e.device, b.get("invite", "")),
        )


def _device(kind: str, name: str, key: str, label: str) -> _Rows:
    """A device counts as certified only when its id is that of the key named beside it; `name` "" is the signer."""

    def rows(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
        device = b[name] if name else e.device
        if e.incident == SYSTEM and is_key_of(device, b[key]):
            row = (device, b[key], b[label], kind, e.device, b.get("person", ""), b.get("invite", ""))
            code = b.get("code", "").encode("utf-8", "surrogatepass")
            yield _INSERT["certified_device"], (n, *row, hashlib.sha256(code).hexdigest() if code else "")

    return rows


def _grant(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    if e.incident == SYSTEM:
        yield _INSERT["role_grant"], (n, b["person"], b["role"], e.device)


def _invited(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    if e.incident == SYSTEM:
        row = (b["code_hash"], b["person"], b["display_name"], _text(b["roles"]), b["label"], b["expires"], e.device)
        yield _INSERT["invitation"], (n, *row)


def _ended(kind: str, name: str) -> _Rows:
    """What the root ends: a device, a person, or a grant of a role."""

    def rows(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
        if e.incident == SYSTEM:
            yield _INSERT["revocation"], (n, kind, b[name], b.get("role", ""), e.device)

    return rows


def _lent(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    """A role lent by the author, or taken back by them: then `until` is ""."""
    if e.incident == SYSTEM:
        yield _INSERT["role_loan"], (n, b["person"], b["role"], e.actor, b.get("until", ""))


def _revised(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield _INSERT["note_revision"], (n, e.incident, b["note"], b["text"], _text(b["saw"]))


def _resolved(n: int, e: Envelope, b: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    yield _INSERT["resolution"], (n, e.incident, b["subject"], b["kept"], _text(b["over"]), b["reason"], e.role)


def is_key_of(device: str, public_hex: str) -> bool:
    """Whether `device` is the id of that public key; malformed hex is False."""
    try:
        return key_id(public_hex) == device
    except ValueError:
        return False


def _only_timeline(_: int, __: Envelope, ___: Mapping[str, Any]) -> Iterable[tuple[str, _Row]]:
    return ()


_INTAKE = ("incident", "severity")
TABLE: Mapping[str, Projection] = {
    "organisation.founded": Projection(_device("root", "", "root_public_key", "name"), ("organisation",)),
    "plane.certified": Projection(_device("plane", "device", "public_key", "origin"), ("organisation",)),
    "device.certified": Projection(_device("desk", "device", "public_key", "label"), ("organisation",)),
    "person.certified": Projection(_person, ("organisation",)),
    "role.granted": Projection(_grant, ("organisation",)),
    "role.withdrawn": Projection(_ended("grant", "person"), ("organisation",)),
    "invite.issued": Projection(_invited, ("organisation",)),
    "device.revoked": Projection(_ended("device", "device"), ("organisation",)),
    "person.revoked": Projection(_ended("person", "person"), ("organisation",)),
    "device.enrolled": Projection(_device("desk", "device", "public_key", "label"), ("organisation",)),
    "person.enrolled": Projection(_person, ("organisation",)),
    "role.delegated": Projection(_lent, ("organisation",)),
    "role.recalled": Projection(_lent, ("organisation",)),
    "incident.opened": Projection(_opened, _INTAKE, ("title", "reporter"), moves_incident=True),
    "incident.acknowledged": Projection(_only_timeline, ("incident",), moves_incident=True),
    "role.taken": Projection(_role, ("role", "conflict"), moves_incident=True),
    "severity.graded": Projection(_graded, (*_INTAKE, "conflict"), ("reasons",), moves_incident=True),
    "triage.answered": Projection(_answered, ("triage", "conflict"), moves_incident=True),
    "triage.concluded": Projection(_concluded, ("triage", "incident", "conflict"), moves_incident=True),
    "lifecycle.entered": Projection(_entered, ("incident",), moves_incident=True),
    "incident.closed": Projection(_closed, ("incident",), ("resolution",), moves_incident=True),
    "note.added": Projection(_only_timeline, (), ("text",)),
    "note.corrected": Projection(_only_timeline, (), ("text",)),
    "note.revised": Projection(_revised, ("conflict",), ("text",), moves_incident=True),
    "conflict.resolved": Projection(
        _resolved, (*_INTAKE, "role", "triage", "conflict"), ("reason",), moves_incident=True
    ),
    "switch.confirmed": Projection(_switch("confirmed", ""), ("switch",), ("reason", "break_glass")),
    "switch.ended": Projection(_switch("ended", ""), ("switch",), ("sentence",)),
    "switch.acknowledged": Projection(_switch("acknowledged", "acknowledged_at"), ("switch",)),
    "switch.refused": Projection(_switch("refused", ""), ("switch",), ("sentence",)),
    "switch.dispatched": Projection(_switch("dispatched", "dispatched_at"), ("switch",)),
    "switch.observed": Projection(_sighted, ("switch",)),
    "switch.drifted": Projection(_switch("drifted", "observed_at"), ("switch",)),
    "evidence.captured": Projection(_captured, ("evidence",)),
    "evidence.sealed": Projection(_sealed, ("seal", "evidence")),
    "criterion.signed": Projection(_criterion, ("criterion",), ("statement",)),
}
"""Event type -> projection; a type that is not here is in the timeline alone, and shown raw when it is not known."""

_MOVES_INCIDENT = frozenset(name for name, projection in TABLE.items() if projection.moves_incident)


def apply(conn: Connection, n: int, event: Envelope, *, checked: bool = False) -> tuple[str, ...]:
    """Adds the rows of one event, not yet ordered by the server; returns the kinds that changed.

    `checked` says that its body has been checked already; events must come in the order of `n`.
    """
    lines, kinds = _lines(n, event, checked, _NOT_ORDERED)
    for sql, row in lines:
        conn.execute(sql, row)
    if n % search.FOLD_EVERY == 0:
        search.fold(conn, n)
    return kinds


def apply_all(
    conn: Connection, events: Iterable[tuple[int, Envelope]], positions: Mapping[int, tuple[int, str]] = _NOWHERE
) -> set[str]:
    """As `apply` of each of `events` in the order of `n`, in one statement a table; returns the kinds that changed.

    `positions` says where the server placed an event and whether it accepted it, (gpos, status) by `n`.
    """
    grouped: dict[str, list[_Row]] = {}
    changed, folds = set[str](), list[int]()
    for n, event in events:
        lines, kinds = _lines(n, event, checked=False, position=positions.get(n, _NOT_ORDERED))
        for sql, row in lines:
            grouped.setdefault(sql, []).append(row)
        changed.update(kinds)
        if n % search.FOLD_EVERY == 0:
            folds.append(n)
    for sql, found in grouped.items():
        conn.executemany(sql, found)
    for n in folds:
        search.fold(conn, n)
    return changed


def _lines(
    n: int, event: Envelope, checked: bool, position: tuple[int, str]
) -> tuple[list[tuple[str, _Row]], tuple[str, ...]]:
    """The rows of one event, that of the timeline last, and the kinds that a screen must reload."""
    projection, text = TABLE.get(event.type), ""
    kinds: tuple[str, ...] = ("timeline",)
    lines: list[tuple[str, _Row]] = []
    if projection is not None and (checked or _is_understood(event)):
        lines.extend(projection.rows(n, event, event.body))
        if projection.text:
            text = " ".join([_words(event.body[name]) for name in projection.text])
        kinds += projection.kinds
    gpos, status = position
    line = (event.event_id, event.incident, gpos, event.hlc, status, event.type, event.actor, event.role, event.device)
    lines.append((_INSERT["timeline"], (n, *line, text)))
    return lines, kinds


def _words(value: object) -> str:
    return value if isinstance(value, str) else _text(value)


def _is_understood(event: Envelope) -> bool:
    """Whether this program knows what the body must hold and it does; anything else is kept and shown raw."""
    if event.schema_v != 1 or event.type not in BODIES:
        return False
    try:
        check_body(event.type, event.body)
    except InputError:
        return False
    return True


def place(conn: Connection, n: int, gpos: int, status: str) -> None:
    """Gives an event the server's position and verdict; the caller refreshes its incident afterwards."""
    place_many(conn, [(gpos, status, n)])


def place_many(conn: Connection, placed: Iterable[tuple[int, str, int]]) -> None:
    """As `place` for each (gpos, status, n)."""
    conn.executemany("UPDATE timeline SET gpos = ?, status = ? WHERE n = ?", placed)


def moves_incident(event_type: str) -> bool:
    """Whether an event of this type can change its incident's own row."""
    return event_type in _MOVES_INCIDENT


def _latest(columns: str, table: str, where: str = "1", order: str = NEWEST_FIRST) -> str:
    return (
        f"SELECT {columns} FROM {table} p JOIN timeline t ON t.n = p.n "  # noqa: S608 - literals only
        f"WHERE p.incident = ?1 AND t.status <> 'rejected' AND {where} ORDER BY {order} LIMIT 1"
    )


_REFRESH = f"""
UPDATE incident SET
  (severity, severity_event) =
    (SELECT ifnull(s, opened_severity), ifnull(e, opened) FROM (SELECT 1)
     LEFT JOIN ({_latest("p.level AS s, t.event_id AS e", "severity", order=held_first("'severity'"))})),
  (state, state_event) =
    (SELECT ifnull(s, 'open'), ifnull(e, opened) FROM (SELECT 1)
     LEFT JOIN ({_latest("p.state AS s, t.event_id AS e", "lifecycle")})),
  acknowledged_event = ifnull((SELECT event_id FROM timeline t WHERE t.incident = ?1 AND t.status <> 'rejected'
    AND t.type = 'incident.acknowledged' ORDER BY gpos, hlc, event_id LIMIT 1), ''),
  class = ifnull(({_latest("p.class", "triage_conclusion", order=held_first("'conclusion'"))}), opened_class)
WHERE incident = ?1
"""  # noqa: S608 - literals only


def refresh_incident(conn: Connection, incident: str) -> None:
    """Settles what holds now of one incident: its conflicts, and severity, state, class, acknowledgement in its row."""
    settle_incident(conn, incident)
    conn.execute(_REFRESH, (incident,))


def refresh_incidents(conn: Connection, incidents: Iterable[str]) -> None:
    """As `refresh_incident` for each of them."""
    for incident in incidents:
        refresh_incident(conn, incident)
