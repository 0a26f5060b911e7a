"""One committed action - chain, signature, projection, search, outbox, FULL - against a bare append and fdatasync."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from console.actions.incidents import add_note
from console.proof.actor import Actor
from console.proof.ids import uuid7
from console.proof.keys import SigningKey
from console.store.opening import open_store
from console.store.transaction import Writer
from tests.bench.pairs import in_turn, row

PAIRS, COMMITS = 9, 100
TEXT = "14:02 the on-call engineer reports that answers of the adviser cite a page that does not exist"


def measure(work: Path) -> dict[str, object]:
    """Milliseconds a commit; both sides write to the same disk, as many bytes a time as one event has."""
    writer = Writer(
        device_key=SigningKey(os.urandom(32)),
        clock=lambda: datetime.now(UTC),
        random10=lambda: os.urandom(10),
        policy_hash="",
        exercise=True,
    )
    store = open_store(work / "desk")
    try:
        record, actor = store.record(writer), Actor("local:bench")
        incident = uuid7(time.time_ns() // 1_000_000, os.urandom(10))

        def ours() -> float:
            begun = time.perf_counter()
            for _ in range(COMMITS):
                now = datetime.now(UTC)
                add_note(record, incident, TEXT, now, actor, now)
            return (time.perf_counter() - begun) / COMMITS * 1000

        ours()
        with store.reader() as reader:
            size = len(reader.events(incident)[-1].canon)
        with (work / "reference").open("ab", buffering=0) as file:

            def reference() -> float:
                begun = time.perf_counter()
                for _ in range(COMMITS):
                    file.write(b"x" * size)
                    os.fdatasync(file.fileno())
                return (time.perf_counter() - begun) / COMMITS * 1000

            mine, theirs = in_turn(ours, reference, PAIRS)
    finally:
        store.close()
    return row(mine, theirs, "ms a commit", [f"{COMMITS} commits a measurement, {size} bytes an event"])
