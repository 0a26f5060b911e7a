"""Every row, chain and position of a record of 100,000 events checked, against SHA-256 over the same signed texts."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from console.proof.actor import Actor
from console.proof.ids import uuid7
from console.proof.keys import SigningKey
from console.store.checking import check_in_pages
from console.store.opening import open_store
from console.store.transaction import Writer
from tests.bench.pairs import in_turn, percentile, row

PAIRS, EVENTS, INCIDENTS, A_TIME = 5, 100_000, 50, 1_000
TEXT = "14:02 the on-call engineer reports that answers of the adviser cite a page that does not exist"


def measure(work: Path) -> dict[str, object]:
    """Seconds for the whole check without its pauses; the record is in the page cache, the texts are in memory."""
    writer = Writer(
        device_key=SigningKey(os.urandom(32)),
        clock=lambda: datetime.now(UTC),
        random10=lambda: os.urandom(10),
        policy_hash="ab" * 32,
        exercise=True,
    )
    pages: list[float] = []
    with open_store(work / "desk") as store:
        record, actor = store.record(writer), Actor("local:bench")
        incidents = [uuid7(time.time_ns() // 1_000_000, os.urandom(10)) for _ in range(INCIDENTS)]
        for first in range(0, EVENTS, A_TIME):
            with record.transaction() as tx:
                for n in range(first, first + A_TIME):
                    body = {"text": f"{TEXT} {n}", "happened_at": ""}
                    tx.append("note.added", incidents[n % INCIDENTS], body, actor=actor)
        with store.reader() as db:
            texts = [text.encode("utf-8") for (text,) in db.tuples("SELECT canon FROM event ORDER BY n")]
            assert len(texts) == EVENTS

            def ours() -> float:
                begun = at = time.perf_counter()
                for found in check_in_pages(db):
                    assert not found
                    now = time.perf_counter()
                    pages.append(now - at)
                    at = now
                return time.perf_counter() - begun

            def reference() -> float:
                begun = time.perf_counter()
                for text in texts:
                    hashlib.sha256(text).digest()
                return time.perf_counter() - begun

            mine, theirs = in_turn(ours, reference, PAIRS)
    return row(
        mine,
        theirs,
        "s",
        [
            f"{EVENTS} events in {INCIDENTS} chains, {sum(map(len, texts))} bytes of signed text",
            f"a page: median {percentile(pages, 0.5) * 1000:.1f} ms, 99 % {percentile(pages, 0.99) * 1000:.1f} ms",
        ],
    )
