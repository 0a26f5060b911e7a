"""What the person who sits here may do follows the record: granted, lent, withdrawn; and so does their own key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import QObject

from console.domain.changes import Changes
from console.domain.times import format_utc
from console.proof.keys import SigningKey
from console.store.own_key import KEY_CHANGED
from console.ui.frame import Frame
from console.ui.seat_watch import SeatWatch
from tests.fakes.desk_frame import DESK_KEY, Outside
from tests.fakes.record_kit import COMMANDER, PERSON, key_of
from tests.fakes.seats import ADA, BEN, OTHER_KEY


@pytest.fixture
def watch(frame: Frame) -> Iterator[SeatWatch]:
    parent = QObject()
    made = SeatWatch(frame, parent)
    yield made
    made.stop()


def test_roles_are_those_of_the_record_and_follow_it(
    watch: SeatWatch, frame: Frame, outside: Outside, qtbot: Any, certify: Callable[..., None]
) -> None:
    frame.session.roles = ("privacy_lead",)  # the invitation promised it
    watch._look()
    qtbot.waitUntil(lambda: frame.session.roles == ("incident_commander",))
    taken = {"person": COMMANDER.person, "role": "incident_commander", "reason": "moved"}
    with qtbot.waitSignal(frame.bridge.roles_changed):
        outside.send(outside.root.write("role.withdrawn", "system", taken))
    assert list(frame.session.roles) == []


def test_a_lent_role_comes_last_and_goes_by_itself(
    watch: SeatWatch, frame: Frame, outside: Outside, qtbot: Any, certify: Callable[..., None]
) -> None:
    certify(BEN.person, OTHER_KEY, BEN.display_name, *BEN.roles)
    frame.session.sign_in(BEN, OTHER_KEY)
    frame.bridge.seat(BEN.person)
    until = frame.bridge.now() + timedelta(seconds=2)
    body = {"person": BEN.person, "role": "incident_commander", "until": format_utc(until), "reason": "asleep"}
    lend(frame, outside, body)
    qtbot.waitUntil(lambda: frame.session.roles == ("security_lead", "incident_commander"))
    assert frame.session.lent == {"incident_commander": format_utc(until)}
    qtbot.waitUntil(lambda: frame.session.roles == ("security_lead",), timeout=8_000)
    assert frame.session.lent == {}


def lend(frame: Frame, outside: Outside, body: dict[str, str]) -> None:
    """The commander lends at this desk, and the plane accepts it."""

    def write(record: Any) -> Changes:
        with record.transaction() as tx:
            tx.append("role.delegated", "system", body, actor=COMMANDER, person_key=PERSON)
        changes: Changes = tx.changes
        return changes

    made = frame.bridge.desk.act(write).result(5)
    signed = frame.bridge.desk.query(lambda reader: reader.event(made.events[-1]))
    assert signed is not None
    outside.send(signed)


def enrol(outside: Outside, key: SigningKey, device: SigningKey, code: str) -> None:
    """The plane enrols the commander at that device with this key."""
    root, plane, who = outside.root, outside.plane, COMMANDER.person
    expires = format_utc(outside.desk.settings.clock() + timedelta(hours=1))
    invite = root.write(
        "invite.issued", "system",
        {"code_hash": hashlib.sha256(code.encode()).hexdigest(), "person": who, "display_name": "Commander",
         "roles": [], "label": "", "expires": expires},
    )  # fmt: skip
    cited = invite.envelope.event_id
    seat = {"device": device.id, "public_key": device.public_hex, "label": "", "person": who, "invite": cited}
    person = {"person": who, "public_key": key.public_hex, "display_name": "Commander", "invite": cited}
    outside.send(
        invite,
        plane.write("device.enrolled", "system", seat | {"code": code}),
        plane.write("person.enrolled", "system", person),
    )


def alarms(frame: Frame) -> list[str]:
    told = "SELECT sentence FROM alarm WHERE kind = ? AND settled_at = ''"
    return [row[0] for row in frame.bridge.desk.query(lambda db: db.tuples(told, (KEY_CHANGED,)))]


@pytest.mark.parametrize(
    ("enrolments", "says"),
    [
        (((PERSON, DESK_KEY),), ""),
        (((key_of(70), DESK_KEY),), "recorded another key"),
        (((PERSON, DESK_KEY), (key_of(71), key_of(72))), "enrol at another desk"),
        (((key_of(71), key_of(72)),), ""),
    ],
    ids=["its own", "another for this desk", "a later one elsewhere", "an older one elsewhere"],
)
def test_a_key_that_is_not_the_persons_in_the_record_is_an_alarm(
    watch: SeatWatch, frame: Frame, outside: Outside, qtbot: Any, enrolments: Any, says: str
) -> None:
    for n, (key, device) in enumerate(enrolments):
        enrol(outside, key, device, f"abcd-efgh-ijk{n}")
    frame.session.sign_in(ADA, PERSON)
    looked: list[Any] = []
    shown = watch._show
    watch._show = lambda person, found: (looked.append(found), shown(person, found))  # type: ignore[method-assign]
    frame.bridge.seat(ADA.person)
    qtbot.waitUntil(lambda: bool(looked))
    if says:
        qtbot.waitUntil(lambda: any(says in one for one in alarms(frame)))
        assert any(says in notice.sentence for notice in frame.notices.take())
    else:
        assert looked[-1].key_fault == ""
        assert alarms(frame) == []
