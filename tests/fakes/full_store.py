"""A store with at least one row in every table; run as a module it writes the one that is kept in tests/data/stores.

python -m tests.fakes.full_store tests/data/stores/NUMBER
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from console.domain.commands import Order
from console.domain.inventory import BlastRadius
from console.proof.journal import receipt_object, sign_receipt
from console.store import rows, syncing
from console.store._sqlite import connect_writer
from console.store.blobs import BlobStore, copy_as_is
from console.store.opening import record_path
from console.store.receipts import store_receipts
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import (
    PLANE,
    ROOT,
    Author,
    Cursor,
    Receipt,
    append,
    body_of,
    desk,
    entries_after,
    key_of,
    new_incident,
    note,
    organisation,
)

ONE, TWO = new_incident(1), new_incident(2)


def order_of(command_id: str) -> Order:
    """An order to stop a tenant in the first incident; only its id varies."""
    return Order(
        command_id=command_id, incident=ONE, switch="FF_TENANT_BLOCK", target="tenant.borealis", want="stopped",
        epoch="e1", generation=1, blast_radius=BlastRadius("tenant", ("tenant.borealis",)), policy_hash="", expires="",
        authorised_at="", reason="", typed_name="", dwell_ms=0, gesture="hold", person="", role="", for_owner="",
        device="", exercise=True, select_token="", confirmation="", criteria={},
    )  # fmt: skip


def fill_every_table(record: Record, blobs: BlobStore) -> None:
    """At least one row in each table of the record."""
    with record.transaction() as tx:
        syncing.remember_plane(
            tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
            plane_public_key=PLANE.public_hex, epoch="e1",
        )  # fmt: skip
    other = Author(key_of(20))
    opened = append(record, "incident.opened", ONE, title="Ungrounded advice to clients", severity="SEV-1")
    events = [*organisation(Author(ROOT), other.key), opened]
    events += [other.write("note.added", ONE, body_of("note.added", text=f"theirs {n}")) for n in range(3)]
    events.append(other.write("note.added", ONE, body_of("note.added", text="fork"), seq=1, prev_hash="0" * 64))
    entries, after = entries_after(Cursor(), events)
    mine = [note(record, incident, f"note {n}") for n, incident in enumerate([ONE, TWO] * 4)]
    append(record, "incident.closed", TWO)
    with record.transaction() as tx:
        syncing.store_entries(tx, Cursor("e1"), entries, after)
        receipt = receipt_object(mine[0].envelope.event_id, mine[0].hash, "accepted", 40, "e1")
        answer = Receipt(mine[0].envelope.event_id, mine[0].hash, "accepted", 40, sign_receipt(PLANE, receipt))
        store_receipts(tx, "e1", [answer])
        tx.insert_command(order_of(new_incident(9)), "{}", "sig", "sig")
        tx.insert_observation(
            switch="FF_TENANT_BLOCK", target="tenant.borealis", state="stopped", generation=1, method="probe",
            seen_by="desk", observed_at="",
        )  # fmt: skip
        tx.save_draft("k", ONE, "note", "half a thought")
        rows.insert(tx.conn, "checkpoint", (1, "e1", 3, "note", tx.at))
        rows.replace(
            tx.conn, "withheld", {"pull": 1, "gpos": 99, "event_hash": "0" * 64, "event_id": "", "since": tx.at}
        )
        stored = blobs.put(io.BytesIO(b"ciphertext"), copy_as_is)
        tx.insert_blob(stored.sha256, stored.size)


def keep_store(folder: Path) -> None:
    """Writes a small store and, beside it, what must be read from it for ever."""
    with desk(folder) as (store, record):
        fill_every_table(record, store.blobs)
    conn = connect_writer(record_path(folder))
    try:
        for pragma in ("journal_mode = DELETE", "page_size = 1024"):
            conn.execute(f"PRAGMA {pragma}")
        conn.execute("VACUUM")
        hashes = [row[0] for row in conn.execute("SELECT hash FROM event ORDER BY n")]
    finally:
        conn.close()
    (folder / "lock").unlink()
    counts = dict(verify_store(record_path(folder)).counts)
    expected = json.dumps({"counts": counts, "hashes": hashes}, indent=1) + "\n"
    (folder / "expected.json").write_text(expected, "ascii")


if __name__ == "__main__":
    keep_store(Path(sys.argv[1]))
