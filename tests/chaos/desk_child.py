"""A desk without a window, for chaos: it works and syncs until it is killed, naming each event once it is committed.

    python -m tests.chaos.desk_child < SPEC

SPEC is one JSON line: folder, seed (hex), plane_url, root, skew_s, chance, rate. Then a line a word: `work`, `rest`,
`sync`, `stop`. It answers with JSON lines: {"ids": [...]} are promises, {"at": ...} says how its sync stands.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from console.actions.organisation import pin_root
from console.proof.keys import SigningKey
from console.runtime.desk import Desk, DeskSettings
from console.store.record import Record
from console.store.syncing import sync_position, waiting
from tests.chaos.appending import ACTOR, INCIDENTS, append_one

STATUS_EVERY_S = 0.2
OPENED: dict[str, Any] = {
    "title": "", "channel": "form", "reporter": ACTOR.person, "detected_at": "2026-01-31T14:02:00.000000Z",
    "fingerprint": "", "signal": {}, "class": "", "families": [], "target": "", "workspace": "", "traceparent": "",
    "parent_span": "", "model_manifest": "", "prompt_version": "", "retrieval_snapshot": "", "containment_flag": False,
    "severity": "SEV-3", "owner_role": "", "decision_due": "",
}  # fmt: skip


class Work:
    """What the desk is told to do; `told` is set with every word."""

    def __init__(self) -> None:
        self.working, self.stopping, self.told = True, False, threading.Event()

    def listen(self, desk: Desk) -> None:
        """Obeys standard input until it ends."""
        for word in sys.stdin:
            match word.strip():
                case "work":
                    self.working = True
                case "rest":
                    self.working = False
                case "sync":
                    desk.sync_now()
                case _:
                    break
            self.told.set()
        self.stopping = True
        self.told.set()


def append_some(record: Record, chance: random.Random) -> list[str]:
    """One action of a person: one to three events in one transaction."""
    with record.transaction() as tx:
        return [append_one(tx, chance) for _ in range(chance.choice((1, 1, 2, 3)))]


def open_incidents(record: Record) -> None:
    """Opens the incidents that both desks work on, once."""
    with record.transaction() as tx:
        for number, incident in enumerate(INCIDENTS):
            if tx.value("SELECT 1 FROM event WHERE incident = ? AND type = 'incident.opened'", (incident,)) is None:
                tx.append("incident.opened", incident, OPENED | {"title": f"Chaos {number}"}, actor=ACTOR)


def say(value: dict[str, Any]) -> None:
    """One line, written at once."""
    os.write(1, json.dumps(value).encode("ascii") + b"\n")


def status(desk: Desk) -> dict[str, Any]:
    """How the sync stands."""
    at, queued = desk.query(sync_position), desk.query(waiting)
    stands = desk.connection
    return {"at": at.gpos, "epoch": at.epoch, "queued": queued, "state": stands.state, "sentence": stands.sentence}


def main() -> None:
    """Works until told to stop."""
    spec, work = json.loads(sys.stdin.readline()), Work()
    chance, skew = random.Random(spec["chance"]), timedelta(seconds=spec["skew_s"])
    settings = DeskSettings(
        folder=Path(spec["folder"]),
        device_key=SigningKey(bytes.fromhex(spec["seed"])),
        exercise=True,
        policy_hash="ab" * 32,
        plane_url=spec["plane_url"],
        clock=lambda: datetime.now(UTC) + skew,
    )
    with Desk(settings) as desk:
        desk.act(pin_root, spec["root"], now=datetime.now(UTC)).result()
        if spec["opens"]:
            desk.act(open_incidents).result()
        say({"ready": True})
        threading.Thread(target=work.listen, args=(desk,), daemon=True).start()
        told_at = 0.0
        while not work.stopping:
            if work.working:
                say({"ids": desk.act(append_some, chance).result()})
            if time.monotonic() - told_at > STATUS_EVERY_S:
                told_at = time.monotonic()
                say(status(desk))
            work.told.wait(chance.expovariate(spec["rate"]) if work.working else STATUS_EVERY_S)
            work.told.clear()


if __name__ == "__main__":
    main()
