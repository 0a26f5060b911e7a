"""Whether the tables, indexes, triggers and views of a store are the ones this version shipped.

sqlite-utils can create a misspelt table or drop a trigger without a word, and a damaged schema page can do the same; a
store whose schema differs is not written to. The fingerprints make the usual case cheap at start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from console.store import projection_tables
from console.store._sqlite import Connection, connect_memory
from console.store.faults import StoreDamageFault
from console.store.migrations import migrate

RECORD_FINGERPRINT = "4b97d6b114fffbfc2869ff023043df1ef8ddf837c9a1352540d66c0c89dc250b"
PROJECTIONS_FINGERPRINT = "fd3aef9facaf9bbd914d8afc4b95452efb9f4bb8884f713cdb5cf1ace4e5287d"
"""SHA-256 of the shipped schema; a test compares both with what the migrations really make."""

_OURS = """
SELECT name, tbl_name, sql FROM sqlite_master
WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' AND NOT (
  type IN ('table', 'index') AND tbl_name IN
  ('_sqlite_migrations', 'search_data', 'search_idx', 'search_docsize', 'search_config', 'search_content'))
"""


def record_objects(conn: Connection) -> dict[str, str]:
    """Name -> SQL of everything that belongs to the record itself."""
    return {name: sql for name, table, sql in conn.execute(_OURS) if table not in projection_tables.NAMES}


def projection_objects(conn: Connection) -> dict[str, str]:
    """Name -> SQL of everything that can be rebuilt."""
    return {name: sql for name, table, sql in conn.execute(_OURS) if table in projection_tables.NAMES}


def fingerprint(objects: Mapping[str, str]) -> str:
    """SHA-256 over names and SQL, hex; spacing and quotes are the business of whoever wrote the statement."""
    plain = sorted((name, _plain(sql)) for name, sql in objects.items())
    return hashlib.sha256(json.dumps(plain).encode("ascii")).hexdigest()


def _plain(sql: str) -> str:
    return "".join(sql.replace('"', "").split())


def shipped() -> Connection:
    """A database in memory with exactly the schema of this version; the caller closes it."""
    conn = connect_memory()
    migrate(conn)
    projection_tables.create(conn)
    return conn


def check_record_schema(conn: Connection, path: Path) -> None:
    """Raises StoreDamageFault naming the first table, index or trigger that is missing, added or altered."""
    found = record_objects(conn)
    if fingerprint(found) == RECORD_FINGERPRINT:
        return
    fault = schema_fault(found)
    if fault:
        raise StoreDamageFault(
            f"The schema of {path} is not the one this version writes: {fault}. Nothing was written; keep a copy, "
            "then restore the last backup into a new folder or export what is there with `store export`."
        )


def schema_fault(found: Mapping[str, str]) -> str:
    """What is wrong with the record's schema in a few words, or ""."""
    conn = shipped()
    try:
        wanted = record_objects(conn)
    finally:
        conn.close()
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            return f"'{name}' is missing"
        if name not in wanted:
            return f"'{name[:60]}' does not belong there"
        if _plain(found[name]) != _plain(wanted[name]):
            return f"'{name}' was altered"
    return ""


def projections_fit(conn: Connection) -> bool:
    """Whether the projections have the shape of this version; if not, rebuild them."""
    return fingerprint(projection_objects(conn)) == PROJECTIONS_FINGERPRINT
