"""Scenes of people at a desk: signed in, locked, nobody, changing seats, lending, the phone list offline, hostile."""

from __future__ import annotations

from datetime import timedelta

from console.actions.people import delegate_role
from console.ui.main_window import MainWindow
from console.ui.people import PeoplePanel
from tests.fakes.record_kit import body_of, key_of
from tests.fakes.seats import ADA, BEN, OTHER_KEY, Seat, SharedDoor
from tests.fakes.studio import Studio
from tests.ui.scenes_panels import HOSTILE, Scene, Take, in_themes
from tests.ui.scenes_window import _read, _window

NASTY = "\u202egro.live@<i>x</i>\u0007" + "W" * 200


def _people(studio: Studio) -> None:
    """Four certified people, one of whom was turned away, and a role lent to another."""
    studio.frame.session.door = SharedDoor()
    studio.frame.session.display_name = "Ines Carver"
    root = studio.outside.root
    events = []
    for person, key, name, role in (
        (BEN.person, OTHER_KEY, "Ben Other", "security_lead"),
        ("scribe@example.org", key_of(51), "Sol Penn", "support_lead"),
        ("gone@example.org", key_of(52), "Left Lastyear", "sre_on_call"),
    ):
        body = {"person": person, "public_key": key.public_hex, "display_name": name}
        events += [
            root.write("person.certified", "system", body),
            root.write("role.granted", "system", {"person": person, "role": role}),
        ]
    gone = {"person": "gone@example.org", "reason": "Left the organisation"}
    studio.outside.send(*events, root.write("person.revoked", "system", gone))
    until = studio.clock.now + timedelta(hours=3, minutes=42)
    actor, now = studio.frame.session.actor(), studio.clock()
    lent = studio.desk.act(
        delegate_role, "scribe@example.org", "incident_commander", until, "Night shift", actor=actor, now=now
    ).result(10)
    signed = studio.desk.query(lambda reader: reader.event(lent.events[-1]))
    assert signed is not None
    studio.outside.send(signed)


def _at_work(studio: Studio) -> MainWindow:
    studio.pass_time(400)
    studio.flow()
    _people(studio)
    studio.opened(detected_at=studio.now_text(-35))
    studio.tell("acknowledged", "commanded", "graded", every_s=8)
    studio.sync()
    window = _window(studio)
    _read(studio, window)
    return window


def people_window(studio: Studio, take: Take) -> None:
    window = _at_work(studio)
    window.go_to("people")
    studio.settle()
    in_themes(studio, take, window, "window-people", "dark", "light", "high_contrast")
    window.go_to("switches")
    window.dispatcher.run("desk.lock")
    studio.settle()
    take("window-locked", window)
    window.dispatcher.run("switches.hold")
    studio.settle()
    take("window-locked-hold", window)
    window.dispatcher.run("people.sign_in")
    studio.settle()
    in_themes(studio, take, window, "window-sign-in")


def people_nobody(studio: Studio, take: Take) -> None:
    window = _at_work(studio)
    studio.frame.session.key = None
    studio.bridge.seat(studio.frame.session.person)
    window.go_to("people")
    studio.settle()
    take("window-nobody-signed-in", window)


def people_paged(studio: Studio, take: Take) -> None:
    window = _at_work(studio)
    body = body_of(
        "owner.paged", command_id="c", role="incident_commander", persons=[], reason="Break-glass used at borealis"
    )
    studio.outside.send(studio.outside.plane.write("owner.paged", studio.story.incident, body))
    studio.settle()
    studio.until(lambda: bool(window.notice_bars.bars))
    take("window-paged", window)


def people_lend(studio: Studio, take: Take) -> None:
    _people(studio)
    panel = PeoplePanel(studio.frame)
    studio.show(panel)
    studio.until(lambda: panel.board is not None)
    panel.on_action("people.lend")
    studio.settle()
    in_themes(studio, take, panel, "people-lend")


def people_offline(studio: Studio, take: Take) -> None:
    window = _at_work(studio)
    studio.go_offline()
    _read(studio, window)
    window.dispatcher.run("people.phone_list")
    studio.settle()
    in_themes(studio, take, window, "window-phone-list")


def people_hostile(studio: Studio, take: Take) -> None:
    _people(studio)
    nasty = {"person": "x@example.org", "public_key": key_of(77).public_hex, "display_name": NASTY}
    studio.outside.send(studio.outside.root.write("person.certified", "system", nasty))
    studio.frame.session.display_name = NASTY
    studio.frame.session.door = SharedDoor(ADA, Seat("x@example.org", NASTY, (HOSTILE[:300],)), BEN)
    window = _window(studio)
    window.go_to("people")
    studio.settle()
    take("people-hostile", window)
    window.dispatcher.run("people.sign_in")
    studio.settle()
    take("people-hostile-sign-in", window)


SCENES: dict[str, Scene] = {
    "people-window": people_window, "people-nobody": people_nobody, "people-paged": people_paged,
    "people-lend": people_lend, "people-offline": people_offline, "people-hostile": people_hostile,
}  # fmt: skip
