"""Schema 0001: identity of the plane, journal and its tree, access, desired state, command ledger, intake, nonces.

The journal is append-only in the database itself: triggers refuse what the program never does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# table -> (primary key, text columns, whole-number columns); "#" marks a whole number within a primary key
_TABLES: dict[str, tuple[str, str, str]] = {
    "plane": ("#id", "origin epoch root_public_key plane_device plane_public_key founded_at", "exercise incarnation"),
    "head": ("#id", "journal_hash frontier", "gpos"),
    "tree": ("#level #at", "hash", ""),
    "access": ("incident", "state", ""),
    "journal": (
        "#gpos",
        "event_id hash status journal_hash type incident device actor canon sig person_sig server_sig problem"
        " received_at",
        "skew_ms",
    ),
    "chain": ("device incident #incarnation", "hash", "seq"),
    "desired": ("switch target", "want command_id enforced_by incident set_at drift", "generation"),
    "command": (
        "command_id",
        "order_hash canon sig person_sig incident switch target want was state expires acknowledged_at dispatched_at"
        " observed_at observation results problem",
        "generation",
    ),
    "incident": ("incident", "target opened_at closed_at lamps", ""),
    "breach": ("fingerprint", "incident metric series target onset breach cleared_at", ""),
    "back_end": ("adapter", "boot_id seen_at", ""),
    "nonce": ("nonce", "expires", ""),
}

_INDEXES = {
    "journal_incident": ("journal", ["incident", "gpos"]),
    "command_switch": ("command", ["switch", "target", "generation"]),
    "command_state": ("command", ["state"]),
    "breach_series": ("breach", ["series", "cleared_at"]),
}

_APPEND_ONLY = """
CREATE TRIGGER journal_no_{verb} BEFORE {verb} ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
"""


def upgrade() -> None:
    """Make every table of this step."""
    for name, (keys, texts, wholes) in _TABLES.items():
        columns = [
            sa.Column(
                key.lstrip("#"), _WHOLE if key.startswith("#") else sa.Text, primary_key=True, autoincrement=False
            )
            for key in keys.split()
        ]
        columns += [sa.Column(text, sa.Text, nullable=False) for text in texts.split()]
        columns += [sa.Column(whole, _WHOLE, nullable=False) for whole in wholes.split()]
        extra = [sa.UniqueConstraint("event_id", "hash", name="journal_event")] if name == "journal" else []
        op.create_table(name, *columns, *extra, sqlite_strict=True, sqlite_with_rowid=name != "tree")
    for index, (table, on) in _INDEXES.items():
        op.create_index(index, table, on)
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_APPEND_ONLY.format(verb=verb))


def downgrade() -> None:
    """Refuse: a record is never taken apart."""
    raise NotImplementedError("The plane's record has no way back; restore a backup made before the step instead.")
