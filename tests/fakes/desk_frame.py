"""A frame for tests of the window: a real desk on a temporary store, a commander with a key, policy, no plane.

What a plane would have sent is put into the store as its journal, signed by the keys of `record_kit`.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from console.domain.changes import Changes
from console.domain.times import format_utc
from console.evidence.age import new_identity
from console.policy import Policy
from console.proof.envelope import SignedEvent
from console.runtime.desk import Desk, DeskSettings
from console.store import syncing
from console.store.record import Record
from console.ui.bridge import Bridge
from console.ui.frame import Frame
from console.ui.notices import Notices
from console.ui.selection import Selection
from console.ui.session import Openers, Session
from console.ui.theme import Theme
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    PLANE,
    ROOT,
    Author,
    Cursor,
    body_of,
    entries_after,
    key_of,
    new_incident,
    organisation,
)

DESK_KEY = key_of(10)


@dataclass
class Outside:
    """What the plane would have said to this desk: a journal that grows by `send`."""

    desk: Desk
    root: Author = field(default_factory=lambda: Author(ROOT))
    plane: Author = field(default_factory=lambda: Author(PLANE))
    cursor: Cursor = field(default_factory=Cursor)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, *events: SignedEvent) -> None:
        """Puts events into the store as the next page of the plane's journal; waits for the commit."""
        entries, after = entries_after(self.cursor, events)
        before, self.cursor = self.cursor, after

        def keep(record: Record) -> Changes:
            with record.transaction() as tx:
                syncing.store_entries(tx, before, entries, after)
            return tx.changes

        self.desk.act(keep).result(10)

    def found(self) -> None:
        """Founds the organisation and certifies plane, commander and this desk."""

        def meet(record: Record) -> None:
            with record.transaction() as tx:
                syncing.remember_plane(
                    tx, origin="exercise.test", exercise=True, root_public_key=ROOT.public_hex,
                    plane_device=PLANE.id, plane_public_key=PLANE.public_hex, epoch="e1",
                )  # fmt: skip

        self.desk.act(meet).result(10)
        self.cursor = Cursor("e1")
        plane = {"device": PLANE.id, "public_key": PLANE.public_hex, "origin": "exercise.test"}
        founded = organisation(self.root, DESK_KEY)  # written before the plane's: the order is the root's chain
        certified = [self.root.write("plane.certified", "system", body_of("plane.certified") | plane)]
        self.send(*founded, *certified)

    def open_incident(self, **fields: Any) -> str:
        """Has the plane open an incident; returns its id."""
        incident = new_incident(next(self.numbers))
        self.send(*self.opening(incident, **fields))
        return incident

    def opening(self, incident: str, **fields: Any) -> list[SignedEvent]:
        """The events of one opened incident, not sent yet."""
        now = format_utc(self.desk.settings.clock())
        opened = {
            "title": "Grounding of Borealis fell below its floor", "channel": "telemetry", "reporter": "plane",
            "detected_at": now, "fingerprint": secrets.token_hex(16), "class": "grounding", "severity": "SEV-1",
            "target": "tenant.borealis", "owner_role": "retrieval_owner", "decision_due": "",
        }  # fmt: skip
        return [self.plane.write("incident.opened", incident, body_of("incident.opened", **(opened | fields)))]


def populate(outside: Outside, count: int, **fields: Any) -> list[str]:
    """`count` incidents of mixed severity from the plane, in one page; returns their ids, oldest first."""
    ids = [new_incident(next(outside.numbers)) for _ in range(count)]
    events = [
        event
        for n, incident in enumerate(ids)
        for event in outside.opening(incident, **({"severity": f"SEV-{n % 5}", "title": f"Incident {n}"} | fields))
    ]
    outside.send(*events)
    return ids


def make_desk(folder: Path, policy: Policy, prepare: Callable[[Desk], None]) -> Desk:
    """A started desk without a plane; `prepare` sees it before it starts."""
    desk = Desk(DeskSettings(folder=folder, device_key=DESK_KEY, exercise=True, policy_hash=policy.hash))
    prepare(desk)
    desk.start()
    return desk


def make_session() -> Session:
    """The commander of the tests, signed in, with an evidence identity and two openers."""
    custodian, escrow = new_identity(), new_identity()
    return Session(
        person=COMMANDER.person,
        display_name="Commander",
        exercise=True,
        roles=("incident_commander",),
        key=PERSON,
        evidence_identity=new_identity(),
        openers=Openers(custodian.recipient, escrow.recipient),
        origin="exercise.test",
        kept="in memory, for this session only",
    )


def make_frame(folder: Path, policy: Policy, parent: QObject, theme: Theme) -> tuple[Frame, Desk, Outside]:
    """A whole frame, organisation founded; stop with `frame.bridge.close(); desk.stop(); frame.bridge.join()`."""
    notices = Notices(parent)
    bridge = Bridge(notices, parent)
    desk = make_desk(folder, policy, bridge.listen_to)
    bridge.attach(desk)
    outside = Outside(desk)
    outside.found()
    frame = Frame(bridge, make_session(), Selection(parent), theme, notices, policy)
    return frame, desk, outside
