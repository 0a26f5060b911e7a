"""The child of the kill -9 test: opens a store and appends until it is killed, naming each event once it is committed.

    python -m tests.chaos.appending FOLDER SEED

A line is written only after the commit, so every line is a promise. Imports only what appending needs: it is started
again after every kill.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from console.proof.actor import Actor
from console.proof.keys import SigningKey
from console.store.opening import open_store
from console.store.transaction import Transaction, Writer

KEY = SigningKey(b"k" * 32)
ACTOR = Actor("ic@example.org", "incident_commander")
INCIDENTS = tuple(f"019c145c-7ab9-7290-a787-{number:012x}" for number in range(1, 4))


def append_one(tx: Transaction, chance: random.Random) -> str:
    """Appends one event of a random kind; returns its id."""
    incident, body = chance.choice(INCIDENTS), dict[str, object]()
    kind = chance.choice(("note.added", "note.added", "severity.graded", "role.taken", "incident.acknowledged"))
    if kind == "note.added":
        body = {"text": "grounding fell " * chance.randint(1, 40), "happened_at": ""}
    elif kind == "severity.graded":
        body = {"level": "SEV-1", "scope": "", "urgency": "", "reasons": ["r"], "escalators": [], "saw": ""}
    elif kind == "role.taken":
        body = {"role": "incident_commander", "person": ACTOR.person, "saw": ""}
    else:
        body = {"saw": ""}
    return tx.append(kind, incident, body, actor=ACTOR).envelope.event_id


def main(folder: Path, seed: int) -> None:
    """Appends for ever."""
    chance = random.Random(seed)
    writer = Writer(
        device_key=KEY,
        clock=lambda: datetime.now(UTC),
        random10=lambda: os.urandom(10),
        policy_hash="ab" * 32,
        exercise=True,
    )
    with open_store(folder) as store:
        record = store.record(writer)
        os.write(1, b"ready\n")
        while True:
            with record.transaction() as tx:
                ids = [append_one(tx, chance) for _ in range(chance.choice((1, 1, 1, 5, 10)))]
                tx.save_draft("k", ids[0], "note", "half a thought")
            os.write(1, "".join(f"{event_id}\n" for event_id in ids).encode("ascii"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
