"""A plane whose journal is long already: signed events of several desks, placed by the plane's own modules; cached.

Preparing a hundred thousand takes about a minute, so every benchmark of one run is given the same database.
"""

from __future__ import annotations

import atexit
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from console.domain.events import PERSON_SIGNED
from console.domain.evidence import DIMENSIONS
from console.domain.times import format_utc, from_epoch_us
from console.plane import journal
from console.plane.db import Database, Transaction, database_url
from console.plane.founding import DEVICE_KEY, ROOT_KEY, beside, found_plane, read_key, sign_as_root
from console.plane.journal import Placing
from console.plane.record import follow_incidents
from console.proof.envelope import SignedEvent
from console.proof.keys import SigningKey
from console.runtime.desk import Desk, DeskSettings
from console.store.syncing import sync_position
from tests.fakes.record_kit import COMMANDER, PERSON, Author, body_of, key_of, new_incident

AT_ONCE, OPEN_AT_ONCE, DESKS = 2_000, 8, 5
DESK = key_of(4_000)
"""The desk that is new: certified by the root, and author of nothing."""
_AT = "2026-01-31T14:02:11.000000Z"
_NOTE = "the on-call engineer reports that answers of the adviser cite page {n} of a paper that does not exist"
_HEX = random.Random(7)
_KINDS, _SHARES = ("note", "lamps", "triage", "evidence", "signal", "grade"), (42, 26, 11, 8, 8, 5)
_prepared: dict[int, LongJournal] = {}


@dataclass(frozen=True)
class LongJournal:
    """A founded plane in `folder`; `newest` is the incident opened last."""

    folder: Path
    events: int
    newest: str


def prepared(events: int) -> LongJournal:
    """A plane with that many events in its journal; made once a process and removed at its end."""
    if events not in _prepared:
        folder = Path(tempfile.mkdtemp(prefix="bench-journal-", dir="/var/tmp"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _prepared[events] = _fill(folder, events)
    return _prepared[events]


def _fill(folder: Path, events: int) -> LongJournal:
    file, root_file, now = str(folder / "plane.db"), folder / "root.key", datetime.now(UTC)
    founded = found_plane(file, root_file, exercise=True, organisation="Bench", now=now)
    root, plane = read_key(root_file, ROOT_KEY), read_key(beside(file), DEVICE_KEY)
    keys = [DESK, *(key_of(4_001 + n) for n in range(DESKS))]
    made: list[tuple[str, dict[str, object]]] = [
        ("device.certified", {"device": key.id, "public_key": key.public_hex, "label": f"desk {n}"})
        for n, key in enumerate(keys)
    ]
    person: dict[str, object] = {
        "person": COMMANDER.person,
        "public_key": PERSON.public_hex,
        "display_name": "Commander",
    }
    made += [("person.certified", person), ("role.granted", {"person": COMMANDER.person, "role": COMMANDER.role})]
    certified = sign_as_root(root, founded.root_chain, made, exercise=True, now=now)
    story = _Story(plane, keys[1:])
    everything = iter([*certified, *islice(story.events(), events - len(certified) - 2)])
    database = Database.opened(database_url(file))
    try:
        while batch := list(islice(everything, AT_ONCE)):
            database.write_now(lambda tx, batch=batch: _place(tx, batch, plane))  # type: ignore[misc]
    finally:
        database.close()
    return LongJournal(folder, events, story.newest)


def _place(tx: Transaction, batch: list[SignedEvent], plane: SigningKey) -> None:
    for event in batch:
        # the epoch stands in receipts alone, and nobody asks for these
        journal.place(tx, Placing(event, _AT), plane, "")
        follow_incidents(tx.connection, event.envelope, _AT)


class _Story:
    """Incidents that overlap, each some 250 events of a plane and five desks."""

    def __init__(self, plane: SigningKey, desks: list[SigningKey]) -> None:
        self._plane, self._desks = Author(plane), [Author(key) for key in desks]
        self._chance, self._numbers, self.newest = random.Random(1), 0, ""

    def events(self) -> Iterator[SignedEvent]:
        """One after the other, for ever."""
        under_way = [self._incident() for _ in range(OPEN_AT_ONCE)]
        while True:
            place = self._chance.randrange(OPEN_AT_ONCE)
            event = next(under_way[place], None)
            if event is None:
                under_way[place] = self._incident()
            else:
                yield event

    def _incident(self) -> Iterator[SignedEvent]:
        self._numbers += 1
        incident = self.newest = new_incident(self._numbers)
        desks = self._chance.sample(self._desks, 3)
        fields = {"title": f"Grounding out of bounds {self._numbers}", "severity": "SEV-2", "channel": "telemetry"}
        fields |= {"detected_at": _AT, "target": "tenant.borealis", "class": "semantic", "fingerprint": _hex()}
        yield self._plane.write("incident.opened", incident, body_of("incident.opened", **fields))
        yield _by(desks[0], "incident.acknowledged", incident)
        yield _by(desks[0], "role.taken", incident, role=COMMANDER.role, person=COMMANDER.person)
        for n in range(self._chance.randrange(210, 270)):
            yield self._one(incident, desks, n)
        yield _by(desks[0], "evidence.sealed", incident, seal=1, root=_hex(), size=7, sealer=COMMANDER.person)
        yield _by(desks[0], "lifecycle.entered", incident, state="contained")
        yield _by(desks[0], "incident.closed", incident, resolution="the index was rebuilt")

    def _one(self, incident: str, desks: list[Author], n: int) -> SignedEvent:
        kind = self._chance.choices(_KINDS, _SHARES)[0]
        desk = self._chance.choice(desks)
        if kind == "lamps":
            body = body_of("lamps.observed", target="tenant.borealis", service="ok", behaviour="fail", observed_at=_AT)
            return self._plane.write("lamps.observed", incident, body)
        if kind == "signal":
            fields: dict[str, Any] = {"fingerprint": _hex(), "metric": "grounding_score", "value": "0.41", "onset": _AT}
            fields |= {"series": {"tenant": "borealis", "model": "orion-2"}, "threshold": "0.80", "window_s": 300}
            return self._plane.write("signal.breached", incident, body_of("signal.breached", **fields))
        if kind == "triage":
            return _by(desk, "triage.answered", incident, branch=f"branch-{n % 9}", answer="yes")
        if kind == "grade":
            return _by(desk, "severity.graded", incident, level=f"SEV-{n % 4}", scope="tenant", reasons=["one tenant"])
        if kind == "evidence":
            fields = {"item": new_incident(10_000 + n), "seal": 1, "index": n, "dimension": tuple(DIMENSIONS)[n % 7]}
            fields |= {"leaf": _hex(), "blob": _hex(), "leaf_blob": _hex(), "size": 2048, "captured_at": _AT}
            return _by(desk, "evidence.captured", incident, **fields)
        happened = format_utc(from_epoch_us(1_769_868_131_000_000 + n))
        return _by(desk, "note.added", incident, text=_NOTE.format(n=n), happened_at=happened)


def _by(desk: Author, event_type: str, incident: str, **fields: Any) -> SignedEvent:
    event = desk.write(event_type, incident, body_of(event_type, **fields), actor=COMMANDER.person, role=COMMANDER.role)
    if event_type not in PERSON_SIGNED:
        return event
    return SignedEvent(event.canon, event.sig, PERSON.sign_text(event.canon.encode()))


def _hex() -> str:
    return _HEX.randbytes(32).hex()


@contextmanager
def served(made: LongJournal) -> Iterator[str]:
    """The address of that plane, running in a process of its own; it ends with the block."""
    config = made.folder / "plane.json"
    config.write_text(json.dumps({"database": str(made.folder / "plane.db")}))
    command = [sys.executable, "-m", "console.cli", "plane", "run", "--config", str(config), "--port", "0"]
    with subprocess.Popen([*command, "--secrets-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        try:
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.stdin.close()
            process.wait(20)


def new_desk(folder: Path, url: str) -> Desk:
    """A desk that has met nobody; certified in the journal."""
    return Desk(DeskSettings(folder=folder, device_key=DESK, exercise=True, plane_url=url))


def position(desk: Desk) -> tuple[int, int]:
    """How far the desk's copy of the journal reaches, and how long the journal is as far as it knows."""
    at = desk.query(sync_position)
    return at.gpos, at.size_seen
