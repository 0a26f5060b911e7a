"""Schema 0002: what each back-end should hold of a switch stands by itself, for several may enforce one; breakers.

Before this step there was one adapter, the range's, so what was kept of a switch was what that one should hold. When it
answered and what was seen of it is not known any more, and is found out anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEYS = ("adapter", "switch", "target")
_TEXTS = ("assertion_id", "drift", "dispatched_at", "seen_at", "survived")

_OF_A_TRIP = ("breaker", "fingerprint", "owner_role", "expires", "ended_at")

_TAKE_OVER = """
INSERT INTO enforced (adapter, switch, target, generation, assertion_id, drift, dispatched_at, seen_at, survived)
SELECT 'simulator', switch, target, generation, enforced_by, drift, '', '', '' FROM desired
"""


def upgrade() -> None:
    """Make the tables, take over what was kept, and let go of it where it was."""
    op.create_table(
        "enforced",
        *(sa.Column(key, sa.Text, primary_key=True) for key in _KEYS),
        sa.Column("generation", _WHOLE, nullable=False),
        *(sa.Column(text, sa.Text, nullable=False) for text in _TEXTS),
        sqlite_strict=True,
    )
    op.create_table(
        "trip",
        sa.Column("command_id", sa.Text, primary_key=True),
        *(sa.Column(text, sa.Text, nullable=False) for text in _OF_A_TRIP),
        sqlite_strict=True,
    )
    op.execute(_TAKE_OVER)
    for moved in ("enforced_by", "drift"):
        op.drop_column("desired", moved)


def downgrade() -> None:
    """Refuse: a record is never taken apart."""
    raise NotImplementedError("The plane's record has no way back; restore a backup made before the step instead.")
