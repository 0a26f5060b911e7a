"""The plane's tables as SQLAlchemy Core values; what they look like on disk is the business of `migrations/`.

Nothing here is portable by luck: every column is text or a whole number, so SQLite and PostgreSQL hold the same thing.
Times are RFC 3339 text as in events; JSON is canonical text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

METADATA = MetaData()

WHOLE = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *, key: bool = False, default: str | None = "") -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, default=None if key else default)


def _whole(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, WHOLE, primary_key=key, nullable=False, autoincrement=False, default=None if key else 0)


PLANE = Table(
    "plane",
    METADATA,
    _whole("id", key=True),
    _text("origin"),
    _whole("exercise"),
    _text("epoch"),
    _text("root_public_key"),
    _text("plane_device"),
    _text("plane_public_key"),
    _whole("incarnation"),
    _text("founded_at"),
    sqlite_strict=True,
)
"""One row: who this plane is. `incarnation` numbers the chains its own device writes."""

HEAD = Table(
    "head",
    METADATA,
    _whole("id", key=True),
    _whole("gpos"),
    _text("journal_hash"),
    _text("frontier"),
    sqlite_strict=True,
)
"""One row, locked for update by every writer: it makes positions gap-free on any database. `frontier` is how the tree
over the journal ends at that position (`proof.growth.Frontier.text`)."""

TREE = Table(
    "tree",
    METADATA,
    _whole("level", key=True),
    _whole("at", key=True),
    _text("hash"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""The complete subtrees above the leaves of the journal's tree; the leaves are the journal's own rows."""

ACCESS = Table("access", METADATA, _text("incident", key=True), _text("state"), sqlite_strict=True)
"""Who holds roles in an incident and who else may read and write it, as `domain.access` folded it."""

JOURNAL = Table(
    "journal",
    METADATA,
    _whole("gpos", key=True),
    _text("event_id"),
    _text("hash"),
    _text("status"),
    _text("journal_hash"),
    _text("type"),
    _text("incident"),
    _text("device"),
    _text("actor"),
    _text("canon"),
    _text("sig"),
    _text("person_sig"),
    _text("server_sig"),
    _text("problem"),
    _text("received_at"),
    _whole("skew_ms"),
    UniqueConstraint("event_id", "hash", name="journal_event"),
    Index("journal_incident", "incident", "gpos"),
    sqlite_strict=True,
)
"""Append-only: every event in the server's order. `skew_ms`: how far its author's clock was off, if flagged."""

CHAIN = Table(
    "chain",
    METADATA,
    _text("device", key=True),
    _text("incident", key=True),
    _whole("incarnation", key=True),
    _whole("seq"),
    _text("hash"),
    sqlite_strict=True,
)
"""The last event of every chain."""

DESIRED = Table(
    "desired",
    METADATA,
    _text("switch", key=True),
    _text("target", key=True),
    _text("want"),
    _whole("generation"),
    _text("command_id"),
    _text("incident"),
    _text("set_at"),
    sqlite_strict=True,
)
"""What must be true of each switch, whoever enforces it."""

ENFORCED = Table(
    "enforced",
    METADATA,
    _text("adapter", key=True),
    _text("switch", key=True),
    _text("target", key=True),
    _whole("generation"),
    _text("assertion_id"),
    _text("drift"),
    _text("dispatched_at"),
    _text("seen_at"),
    _text("survived"),
    sqlite_strict=True,
)
"""What each back-end should hold of a switch. `assertion_id` is the id it holds it by now: the command's, or that of
the plane's own re-assertion; `drift` is what was last reported as drifted, "" when nothing is."""

TRIP = Table(
    "trip",
    METADATA,
    _text("command_id", key=True),
    _text("breaker"),
    _text("fingerprint"),
    _text("owner_role"),
    _text("expires"),
    _text("ended_at"),
    sqlite_strict=True,
)
"""One row an automatic stop: which breaker, for which breach, whose. `ended_at`: when its time was over, "" before."""

COMMAND = Table(
    "command",
    METADATA,
    _text("command_id", key=True),
    _text("order_hash"),
    _text("canon"),
    _text("sig"),
    _text("person_sig"),
    _text("incident"),
    _text("switch"),
    _text("target"),
    _text("want"),
    _text("was"),
    _whole("generation"),
    _text("state"),
    _text("expires"),
    _text("acknowledged_at"),
    _text("dispatched_at"),
    _text("observed_at"),
    _text("observation"),
    _text("results"),
    _text("problem"),
    Index("command_switch", "switch", "target", "generation"),
    Index("command_state", "state"),
    sqlite_strict=True,
)
"""The command ledger, kept for ever. `was` is the desired state before it, to go back to when it never took effect."""

INCIDENT = Table(
    "incident",
    METADATA,
    _text("incident", key=True),
    _text("target"),
    _text("opened_at"),
    _text("closed_at"),
    _text("lamps"),
    sqlite_strict=True,
)
"""Incidents this journal knows, with the lamps last written into them."""

BREACH = Table(
    "breach",
    METADATA,
    _text("fingerprint", key=True),
    _text("incident"),
    _text("metric"),
    _text("series"),
    _text("target"),
    _text("onset"),
    _text("breach"),
    _text("cleared_at"),
    Index("breach_series", "series", "cleared_at"),
    sqlite_strict=True,
)
"""One row a breach (rule, series, onset), so that one breach opens one intake whatever restarts in between."""

BACK_END = Table(
    "back_end",
    METADATA,
    _text("adapter", key=True),
    _text("boot_id"),
    _text("seen_at"),
    sqlite_strict=True,
)
"""The process of each back-end that was last seen, so that a restart is noticed even across a restart of the plane."""

FLAG = Table(
    "flag",
    METADATA,
    _text("switch", key=True),
    _text("target", key=True),
    _text("state"),
    _whole("generation"),
    _text("assertion_id"),
    sqlite_strict=True,
)
"""What applications are told that ask for flags (`adapters/ofrep`); a flag without a row is running."""

NONCE = Table("nonce", METADATA, _text("nonce", key=True), _text("expires"), sqlite_strict=True)
"""Token requests already used, until they are too old to be accepted anyway."""
