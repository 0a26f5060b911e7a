"""The steps that lead an older record to this version's schema; a step that was released is never edited again.

All pending steps, `application_id` and `user_version` change in one transaction, so a store is of one version or of the
next and never between.
"""

from __future__ import annotations

from console.store._sqlite import Connection, sqlite_utils_database, sqlite_utils_migrations
from console.store.migrations import m0001_record

APPLICATION_ID = 0x49434F4E
"""Says to any SQLite tool whose file this is ("ICON")."""
SCHEMA_VERSION = 1
"""`user_version` of a store that this program writes; one higher a step."""

_STEPS = (("m0001_record", m0001_record.apply),)


def migrate(conn: Connection) -> None:
    """Applies what is pending; call it inside a transaction, it commits nothing."""
    migrations = sqlite_utils_migrations("record")
    for name, step in _STEPS:
        migrations(name=name)(step)
    migrations.apply(sqlite_utils_database(conn))
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
