"""The first sync of a desk from a plane with 100,000 events, against a bare transfer and insert of the same bytes.

Ours is a new desk from its start until its copy reaches the journal's end: everything judged, stored, projected and
searchable. The reference asks the same plane for the same pages, parses the JSON and inserts the texts.
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from pathlib import Path

import requests

from console.domain.times import format_utc, from_epoch_us
from console.proof.journal import EMPTY_JOURNAL_HASH, sign_token_request
from console.runtime.desk import Desk
from console.store._sqlite import Immediate, connect_writer
from console.store.readers import Reader
from tests.bench.long_journal import DESK, new_desk, position, prepared, served
from tests.bench.pairs import in_turn, row

EVENTS, PAGE, PAIRS, PATIENCE_S = 100_000, 1_000, 5, 300.0
_TABLES = (
    "CREATE TABLE event (n INTEGER PRIMARY KEY, canon TEXT, sig TEXT, person_sig TEXT)",
    "CREATE TABLE journal (gpos INTEGER PRIMARY KEY, status TEXT, event_hash TEXT, journal_hash TEXT)",
)


def measure(work: Path) -> dict[str, object]:
    """Seconds of a first sync; both sides write durably to the same disk."""
    numbers, sizes, firsts = itertools.count(), list[int](), list[float]()
    journal = prepared(EVENTS)
    with served(journal) as url:

        def ours() -> float:
            return _synced(work / f"desk-{next(numbers)}", url, journal.newest, sizes, firsts)

        def reference() -> float:
            return _copied(work / f"copy-{next(numbers)}", url)

        mine, theirs = in_turn(ours, reference, PAIRS)
    notes = [
        f"{EVENTS:,} events, {max(sizes) / 1e6:.1f} MB on the wire, aim 10 s and 25 MB",
        f"the incident opened last is readable after {sorted(firsts)[len(firsts) // 2]:.2f} s",
    ]
    return row(mine, theirs, "s", notes)


def _readable(db: Reader, incident: str) -> bool:
    """Whether the board has a row for it and its page a commander."""
    return bool(db.value("SELECT 1 FROM incident JOIN role_now USING (incident) WHERE incident = ?", (incident,)))


def _synced(folder: Path, url: str, newest: str, sizes: list[int], firsts: list[float]) -> float:
    desk, first, changed = new_desk(folder, url), 0.0, threading.Event()
    desk.on_changes(lambda _: changed.set())
    begun = time.perf_counter()
    desk.start()
    try:
        while True:
            reached, size = position(desk)
            took = time.perf_counter() - begun
            first = first or (took if desk.query(_readable, newest) else 0.0)
            if reached >= EVENTS:
                break
            assert took < PATIENCE_S, f"stands at {reached} of {size}: {desk.connection.sentence}"
            changed.wait(PATIENCE_S)
            changed.clear()
        sizes.append(received_bytes(desk))
        firsts.append(first)
        return took
    finally:
        desk.stop()
        shutil.rmtree(folder)


def received_bytes(desk: Desk) -> int:
    """Bytes of the journal's pages as they came over the wire."""
    assert desk._outside is not None
    assert desk._outside.sync is not None
    return sum(client._wire.received_bytes for client in desk._outside.sync._pulling._clients)


def _copied(folder: Path, url: str) -> float:
    folder.mkdir()
    begun = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False
        config = session.get(f"{url}/v1/config").json()
        session.headers["Authorization"] = f"Bearer {_token(session, url, config['origin'])}"
        path = folder / "copy.sqlite"
        conn = connect_writer(path)
        try:
            for sql in _TABLES:
                conn.execute(sql)
            after, at = 0, EMPTY_JOURNAL_HASH
            while after < EVENTS:
                query = f"epoch={config['epoch']}&after={after}&hash={at}&limit={PAGE}"
                entries = json.loads(session.get(f"{url}/v1/journal?{query}").content)["entries"]
                after, at = entries[-1]["gpos"], entries[-1]["journal_hash"]
                texts = [(e["gpos"], *(e["event"][name] for name in ("canon", "sig", "person_sig"))) for e in entries]
                copies = [(e["gpos"], e["status"], e["event_hash"], e["journal_hash"]) for e in entries]
                with Immediate(conn, path):
                    conn.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", texts)
                    conn.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", copies)
        finally:
            conn.close()
    took = time.perf_counter() - begun
    shutil.rmtree(folder)
    return took


def _token(session: requests.Session, url: str, origin: str) -> str:
    nonce, at = f"{time.time_ns():064x}", format_utc(from_epoch_us(time.time_ns() // 1000))
    asked = {"device": DESK.id, "time": at, "nonce": nonce, "origin": origin}
    sig = sign_token_request(DESK, nonce, at, origin)
    return str(session.post(f"{url}/v1/token", json=asked | {"sig": sig}).json()["token"])
