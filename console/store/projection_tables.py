"""The shape of the projections: tables and views that are computed from the record and may be dropped at any time.

They are not part of a schema version: when their shape or meaning changes, raise PROJECTIONS and every store rebuilds
them at its next start. Every table is keyed by `n`, the event's local number; what holds *now* is a view by order.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.store._sqlite import Connection, sqlite_utils_database

PROJECTIONS = 4
"""Raise it whenever a table below or a function in `projections` changes its meaning."""

TAIL = 2**62
"""The position of what the server has not ordered yet: after everything it has."""

TABLES: Mapping[str, dict[str, type]] = {
    "timeline": {
        "n": int, "event_id": str, "incident": str, "gpos": int, "hlc": str, "status": str, "type": str, "actor": str,
        "role": str, "device": str, "text": str,
    },
    "incident": {
        "incident": str, "n": int, "opened": str, "title": str, "channel": str, "reporter": str, "detected_at": str,
        "fingerprint": str, "class": str, "families": str, "target": str, "workspace": str, "owner_role": str,
        "decision_due": str, "exercise": int, "opened_class": str, "opened_severity": str, "severity": str,
        "severity_event": str, "state": str, "state_event": str, "acknowledged_event": str,
    },
    "severity": {
        "n": int, "incident": str, "level": str, "scope": str, "urgency": str, "reasons": str, "escalators": str,
        "saw": str,
    },
    "lifecycle": {"n": int, "incident": str, "state": str, "grounds": str},
    "role_holder": {"n": int, "incident": str, "role": str, "person": str, "saw": str, "seen": int},
    "triage_answer": {
        "n": int, "incident": str, "branch": str, "answer": str, "evidence": str, "saw": str, "seen": int,
    },
    "triage_conclusion": {
        "n": int, "incident": str, "class": str, "severity": str, "surface": str, "runbook": str, "containment": str,
        "roles": str, "branches": str, "saw": str, "seen": int,
    },
    "switch_state": {
        "n": int, "incident": str, "kind": str, "command_id": str, "switch": str, "target": str, "state": str,
        "generation": int, "method": str, "seen_by": str, "at": str, "results": str, "detail": str,
    },
    "evidence_item": {
        "n": int, "incident": str, "item": str, "seal": int, "position": int, "dimension": str, "leaf": str,
        "size": int, "blob": str, "leaf_blob": str, "source": str, "captured_at": str,
    },
    "seal": {
        "n": int, "incident": str, "seal": int, "root": str, "size": int, "checkpoint": str, "sealer": str,
        "nested": int,
    },
    "criterion": {
        "n": int, "incident": str, "switch": str, "target": str, "criterion": str, "evidence": str, "statement": str,
        "person": str, "role": str,
    },
    "certified_person": {
        "n": int, "person": str, "public_key": str, "display_name": str, "signer": str, "invite": str,
    },
    "certified_device": {
        "n": int, "device": str, "public_key": str, "label": str, "kind": str, "signer": str, "person": str,
        "invite": str, "code_hash": str,
    },
    "role_grant": {"n": int, "person": str, "role": str, "signer": str},
    "role_loan": {"n": int, "person": str, "role": str, "lender": str, "until": str},
    "invitation": {
        "n": int, "code_hash": str, "person": str, "display_name": str, "roles": str, "label": str, "expires": str,
        "signer": str,
    },
    "revocation": {"n": int, "kind": str, "name": str, "role": str, "signer": str},
    "note_revision": {"n": int, "incident": str, "note": str, "text": str, "saw": str},
    "resolution": {
        "n": int, "incident": str, "subject": str, "kept": str, "over": str, "reason": str, "author_role": str,
    },
    "held": {"n": int, "incident": str, "subject": str, "event_id": str, "sides": str, "in_conflict": int},
}  # fmt: skip

_KEYS: Mapping[str, str | tuple[str, ...]] = {"incident": "incident", "held": ("incident", "subject")}

_INDEXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("timeline", ("incident", "gpos", "hlc")),
    ("incident", ("severity", "incident", "state")),
    ("severity", ("incident",)),
    ("lifecycle", ("incident",)),
    ("role_holder", ("incident", "role")),
    ("triage_answer", ("incident", "branch")),
    ("triage_conclusion", ("incident",)),
    ("switch_state", ("switch", "target")),
    ("switch_state", ("command_id",)),
    ("evidence_item", ("incident", "seal")),
    ("seal", ("incident",)),
    ("criterion", ("incident", "switch", "target")),
    ("certified_device", ("device",)),
    ("certified_person", ("person",)),
    ("revocation", ("name",)),
    ("note_revision", ("incident", "note")),
    ("resolution", ("incident",)),
    ("held", ("in_conflict",)),
)

NEWEST_FIRST = "gpos DESC, hlc DESC, event_id DESC"
"""The order that decides what holds now: the server's position, then the hybrid clock for the tail."""


def _now(table: str, keys: str, where: str = "1", newest: str = NEWEST_FIRST) -> str:
    columns = ", ".join(f"p.{name}" for name in TABLES[table])
    return (
        f"SELECT * FROM (SELECT {columns}, t.event_id, t.gpos, t.hlc, t.status, t.actor, "  # noqa: S608 - literals only
        f"row_number() OVER (PARTITION BY {keys} ORDER BY {newest}) AS place "
        f"FROM {table} p JOIN timeline t ON t.n = p.n WHERE t.status <> 'rejected' AND {where}) WHERE place = 1"
    )


_ROOT = "(SELECT device FROM known_key WHERE origin = 'root')"
_BY_ROOT = f"p.signer IN {_ROOT}"
_BY_PLANE = (
    "p.signer IN (SELECT d.device FROM certified_device d JOIN timeline o ON o.n = d.n "  # noqa: S608 - literals only
    f"WHERE d.kind = 'plane' AND d.signer IN {_ROOT} AND o.status <> 'rejected')"
)


def _place(line: str) -> str:
    return f"({line}.gpos, {line}.hlc, {line}.event_id)"


def _ended(kinds: str, name: str, after: str, role: str = "", before: str = "") -> str:
    """Whether the root ended it: by an event of one of these kinds after `after` (and before `before`, if given)."""
    sql = (
        f"EXISTS (SELECT 1 FROM revocation r JOIN timeline o ON o.n = r.n "  # noqa: S608 - literals only
        f"WHERE r.name = {name} AND r.kind IN ({kinds}) AND r.signer IN {_ROOT} AND o.status <> 'rejected'"
    )
    sql += f" AND (r.role = '' OR r.role = {role})" if role else ""
    sql += f" AND {_place('o')} > {_place(after)}" if after else ""
    return sql + (f" AND {_place('o')} < {_place(before)})" if before else ")")


_INVITED = (
    "EXISTS (SELECT 1 FROM invitation i JOIN timeline s ON s.n = i.n "  # noqa: S608 - literals only
    "WHERE s.event_id = p.invite "
    f"AND i.code_hash = p.code_hash AND i.person = p.person AND i.signer IN {_ROOT} AND s.status <> 'rejected' "
    f"AND s.gpos <= t.gpos AND NOT {_ended(repr('person'), 'i.person', 's', before='t')})"
)
_SPENT = "EXISTS (SELECT 1 FROM enrolled_device d WHERE d.invite = p.invite AND d.person = p.person)"
_OLDEST_FIRST = "t.gpos, t.hlc, t.event_id"
_OWNER_FIRST = f"p.person = '', {_OLDEST_FIRST}"
"""A device stays the first person's who enrolled at it; only others may enrol there too."""
_GRANTED = "EXISTS (SELECT 1 FROM grant_now g WHERE g.person = {who} AND g.role = p.role)"
_RECALLED = (
    "EXISTS (SELECT 1 FROM role_loan r JOIN timeline o ON o.n = r.n "  # noqa: S608 - literals only
    "WHERE r.until = '' AND r.person = p.person AND r.role = p.role AND o.status = 'accepted' "
    f"AND {_GRANTED.format(who='r.lender')} AND {_place('o')} > {_place('t')})"
)


def _counts(enrolled: str) -> str:
    return f"(({_BY_ROOT} AND p.invite = '') OR p.n IN (SELECT n FROM {enrolled}))"  # noqa: S608


def held_first(subject: str) -> str:
    """The order that puts first what the conflicts came to, where there were any (see `console.store.standing`)."""
    held = f"SELECT h.n FROM held h WHERE h.incident = p.incident AND h.subject = {subject}"  # noqa: S608
    return f"p.n = ifnull(({held}), 0) DESC, {NEWEST_FIRST}"


VIEWS: Mapping[str, str] = {
    "severity_now": _now("severity", "p.incident", newest=held_first("'severity'")),
    "role_now": _now("role_holder", "p.incident, p.role", newest=held_first("'role:' || p.role")),
    "triage_now": _now("triage_answer", "p.incident, p.branch", newest=held_first("'triage:' || p.branch")),
    "conclusion_now": _now("triage_conclusion", "p.incident", newest=held_first("'conclusion'")),
    "switch_now": _now("switch_state", "p.switch, p.target", "p.kind = 'observed'", f"p.at DESC, {NEWEST_FIRST}"),
    "seal_now": _now("seal", "p.incident, p.seal"),
    "criterion_now": _now("criterion", "p.incident, p.switch, p.target, p.criterion"),
    "enrolled_device": _now(
        "certified_device", "p.invite", f"p.invite <> '' AND {_BY_PLANE} AND {_INVITED}", _OLDEST_FIRST
    ),
    "enrolled_person": _now(
        "certified_person", "p.invite", f"p.invite <> '' AND {_BY_PLANE} AND {_SPENT}", _OLDEST_FIRST
    ),
    "person_now": _now(
        "certified_person",
        "p.person",
        f"{_counts('enrolled_person')} AND NOT {_ended(repr('person'), 'p.person', 't')}",
    ),
    "device_now": _now(
        "certified_device",
        "p.device",
        f"{_counts('enrolled_device')} AND NOT {_ended(repr('device'), 'p.device', '')} "
        f"AND (p.person = '' OR NOT {_ended(repr('person'), 'p.person', 't')})",
        _OWNER_FIRST,
    ),
    "grant_now": _now(
        "role_grant",
        "p.person, p.role",
        f"{_BY_ROOT} AND NOT {_ended(repr('grant') + ', ' + repr('person'), 'p.person', 't', 'p.role')}",
    ),
    "loan_now": _now(
        "role_loan",
        "p.person, p.role, p.lender",
        f"p.until <> '' AND t.status = 'accepted' AND {_GRANTED.format(who='p.lender')} AND NOT {_RECALLED} "
        f"AND NOT {_ended(repr('grant') + ', ' + repr('person'), 'p.lender', 't', 'p.role')} "
        f"AND NOT {_ended(repr('person'), 'p.person', 't')}",
    ),
}
"""View -> what holds now: one row a key, with `event_id`, `gpos`, `hlc`, `status`, `actor` of the event that says so.

People, devices and grants count only when the pinned organisation root signed them, or when the plane enrolled them by
an invitation of the root that nobody had spent before; what the root revoked or withdrew afterwards ends them, and a
revoked device never counts again. A loan counts once the plane took it, while its lender holds the role by a grant and
nobody took it back; whether it has ended, and whether its lender signed it, is asked by who reads it. Where there was a
conflict, what it came to holds. `switch_now` goes by the time of observation, so that an older sighting never covers a
newer one.
"""

SEARCH = (
    "CREATE VIRTUAL TABLE search USING fts5(text, content='timeline', content_rowid='n', columnsize=0, "
    "prefix='2 3', tokenize='unicode61 remove_diacritics 2')"
)
"""Over titles, notes and reasons; `rowid` is the event's `n`. Evidence is never in it. See `search`."""

NAMES = (*TABLES, *VIEWS, "search")


def create(conn: Connection) -> None:
    """Creates all projections, empty; call it inside a transaction."""
    db = sqlite_utils_database(conn)
    for name, columns in TABLES.items():
        db.table(name).create(columns, pk=_KEYS.get(name, "n"), not_null=list(columns), strict=True)
    for table, columns_of in _INDEXES:
        db.table(table).create_index(list(columns_of), index_name=f"{table}_by_{'_'.join(columns_of)}")
    conn.execute(SEARCH)
    for name, select in VIEWS.items():
        db.create_view(name, select)


def drop(conn: Connection) -> None:
    """Removes every projection that is there; call it inside a transaction."""
    kinds = dict(conn.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"))
    for name in (*VIEWS, "search", *TABLES):
        if name in kinds:
            conn.execute(f"DROP {kinds[name]} {name}")
