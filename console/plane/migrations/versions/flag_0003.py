"""Schema 0003: the flags that the plane serves to applications (OFREP), in a table of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "flag",
        *(sa.Column(key, sa.Text, primary_key=True) for key in ("switch", "target")),
        sa.Column("generation", _WHOLE, nullable=False),
        *(sa.Column(text, sa.Text, nullable=False) for text in ("state", "assertion_id")),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Refuse: a record is never taken apart."""
    raise NotImplementedError("The plane's record has no way back; restore a backup made before the step instead.")
