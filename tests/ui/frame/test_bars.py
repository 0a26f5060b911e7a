"""The bars that are always in view: incident, lamps, connection, paging, world - and what they say without them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from console.domain.times import format_utc, to_epoch_us
from console.domain.updates import next_update_due
from console.queries.headline import Headline, headline, open_incidents
from console.sync.step import Connection
from console.ui.ages import age, clock_of_us, duration, moment_of
from console.ui.frame import Frame
from console.ui.incident_bar import IncidentBar, lamps_of
from console.ui.main_window import MainWindow
from console.ui.session import Session
from console.ui.status_bar import StatusBar
from console.ui.theme import Theme
from console.ui.world import EXERCISE, LIVE, WorldBand, marked, unmarked
from tests.fakes.desk_frame import Outside, populate
from tests.fakes.record_kit import PERSON, body_of

NOW = datetime(2026, 1, 31, 14, 2, 11, tzinfo=UTC)


def line(**changed: Any) -> Headline:
    fields: dict[str, Any] = {
        "incident": "i", "title": "Ungrounded advice", "severity": "SEV-1", "state": "open",
        "target": "tenant.borealis",
        "acknowledged": True, "commander": "ic@example.org", "detected_at": format_utc(NOW), "updated_at": "",
        "stops": {}, "restored": {}, "under_way": 0,
    }  # fmt: skip
    return Headline(**(fields | changed))


@pytest.fixture
def bar(dressed: Theme, qtbot: Any) -> IncidentBar:
    shown = IncidentBar(dressed)
    qtbot.addWidget(shown)
    shown.resize(1366, 70)
    shown.show()
    return shown


@pytest.fixture
def status(dressed: Theme, qtbot: Any) -> StatusBar:
    shown = StatusBar(dressed)
    qtbot.addWidget(shown)
    shown.resize(1366, 26)
    shown.show()
    return shown


# --- the incident bar


def test_an_incident_is_told_whole(bar: IncidentBar) -> None:
    bar.show_headline(line(), NOW + timedelta(minutes=12, seconds=7))
    assert bar.chip.level == "SEV-1"
    assert bar.title.text() == "Ungrounded advice"
    assert bar.commander.value == "ic@example.org"
    assert bar.since.value == "12:07"
    assert bar.update_due.value == "in 2:53"
    assert bar.containment.word == "nothing is contained"
    bar.set_next("Next: throw FF_TENANT_BLOCK", why="It is the smallest step.")
    assert bar.next_button.isVisible()
    bar.set_next("Next: wait for the probe", "")
    assert not bar.next_button.isVisible()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "nothing is contained"),
        ({"under_way": 1, "stops": {"S t": "e"}}, "containing: outcome not seen yet"),
        ({"stops": {"S t": "e"}}, "contained: 1 stop in effect"),
        ({"stops": {"S t": "e", "S u": "f"}}, "contained: 2 stops in effect"),
        ({"stops": {"S t": "e"}, "restored": {"S t": "f"}}, "restored"),
        ({"state": "closed", "stops": {"S t": "e"}}, "closed"),
    ],
)
def test_containment_is_what_was_observed(bar: IncidentBar, changed: dict[str, Any], word: str) -> None:
    bar.show_headline(line(**changed), NOW)
    assert bar.containment.word == word


@pytest.mark.parametrize(
    ("severity", "after", "shown", "mark"),
    [
        ("SEV-0", 0, "in 15:00", ""),
        ("SEV-1", 14, "in 1:00", "warning"),
        ("SEV-1", 16, "overdue by 1:00", "abnormal"),
        ("SEV-2", 16, "in 14:00", ""),
        ("SEV-3", 500, "none", ""),
        ("", 1, "none", ""),
    ],
)
def test_the_next_update_is_due_by_severity(bar: IncidentBar, severity: str, after: int, shown: str, mark: str) -> None:
    bar.show_headline(line(severity=severity), NOW + timedelta(minutes=after))
    assert (bar.update_due.value, bar.update_due._colour) == (shown, mark)


def test_what_is_in_conflict_is_said_while_it_is(bar: IncidentBar) -> None:
    bar.show_headline(line(conflicts=2), NOW)
    assert bar.conflict.isVisible()
    assert bar.conflict.word == "IN CONFLICT: 2 things"
    bar.show_headline(line(), NOW)
    assert not bar.conflict.isVisible()
    bar.show_headline(line(conflicts=1), NOW)
    bar.show_none(None)
    assert not bar.conflict.isVisible()


def test_an_update_starts_the_time_anew() -> None:
    later = NOW + timedelta(minutes=10)
    assert next_update_due("SEV-1", NOW, later) == NOW + timedelta(minutes=25)
    assert next_update_due("SEV-1", NOW, NOW - timedelta(hours=1)) == NOW + timedelta(minutes=15)


def test_a_clock_that_jumps_back_shows_no_negative_time(bar: IncidentBar) -> None:
    bar.show_headline(line(), NOW - timedelta(hours=2))
    assert bar.since.value == "0 s"
    assert bar.update_due.value == "in 2:15:00"


def test_a_hostile_title_and_commander_stay_plain_and_inside(bar: IncidentBar) -> None:
    bar.show_headline(line(title="<h1>x</h1>\u202e" + "w" * 10_000, commander="<b>\u200bx</b>" * 50), NOW)
    bar.grab()
    assert "<h1>" in bar.title.text()
    assert "\u202e" not in bar.title.text()
    assert bar.minimumSizeHint().width() <= 1366
    assert bar.sizeHint().height() < 90


def test_a_detection_that_is_no_time_is_a_dash(bar: IncidentBar) -> None:
    bar.show_headline(line(detected_at="yesterday"), NOW)
    assert bar.since.value == "-"
    assert bar.update_due.value == "none"


@pytest.mark.parametrize("sent", [None, [], {"service": 3}, {"service": {"state": None, "because": 7}}, {"x": {}}])
def test_lamps_that_are_none_are_unknown_not_a_crash(bar: IncidentBar, sent: Any) -> None:
    bar.set_lamps(lamps_of(sent))
    assert bar.behaviour.state == "unknown"


def test_both_lamps_stand_side_by_side(bar: IncidentBar) -> None:
    bar.set_lamps(lamps_of({"service": {"state": "normal"}, "behaviour": {"state": "abnormal", "because": ["low"]}}))
    assert (bar.service.state, bar.behaviour.state) == ("normal", "abnormal")
    assert bar.behaviour.accessibleDescription() == "low"
    assert bar.service.y() == bar.behaviour.y()


# --- kept up to date on the window


def test_f8_takes_the_worst_incident_then_does_its_next_step(
    window: MainWindow, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    populate(outside, 2, severity="SEV-3")
    worst = outside.open_incident(severity="SEV-1", title="The worst of them")
    qtbot.waitUntil(lambda: "3 incidents are open, the worst: The worst" in window.bar.title.text())
    assert window.windowTitle() == "EXERCISE \u00b7 Incident console"
    window.dispatcher.run("incident.next_step")
    assert frame.selection.incident == worst
    assert frame.selection.target == "tenant.borealis"
    qtbot.waitUntil(lambda: window.bar.next_text.text() == "Next: Acknowledge it")
    assert window.windowTitle() == "EXERCISE \u00b7 SEV-1 The worst of them - Incident console"
    qtbot.waitUntil(lambda: window.panel("incident").standing is not None)

    def pressed() -> bool:  # again and again: a press quicker than anybody reads counts for nothing
        if window.bar.next_text.text() == "Next: Acknowledge it":
            window.bar.next_button.click()
        return window.bar.next_text.text() != "Next: Acknowledge it"

    qtbot.waitUntil(pressed)
    found = frame.bridge.desk.query(headline, worst)
    assert found is not None
    assert found.acknowledged
    assert window.bar.next_text.text().startswith("Next: ")


def test_another_incident_that_is_worse_is_told_once(
    window: MainWindow, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    first = outside.open_incident(severity="SEV-2", title="The first")
    qtbot.waitUntil(lambda: "The first" in window.bar.title.text())
    frame.selection.choose_incident(first)
    qtbot.waitUntil(lambda: window.bar.incident == first)
    second = outside.open_incident(severity="SEV-0", title="The second")
    qtbot.waitUntil(lambda: len(window.notice_bars.bars) == 1)
    assert "SEV-0: The second" in window.notice_bars.bars[0].notice.sentence
    outside.send(outside.plane.write("note.added", second, body_of("note.added", text="more")))
    outside.send(outside.plane.write("note.added", first, body_of("note.added", text="more")))
    assert len(window.notice_bars.bars) == 1


def test_the_headline_is_the_record_s(frame: Frame, outside: Outside) -> None:
    desk = frame.bridge.desk
    assert desk.query(open_incidents).count == 0
    incident = outside.open_incident(severity="SEV-1")
    found = desk.query(headline, incident)
    assert found is not None
    assert (found.severity, found.commander, found.stops, found.updated_at) == ("SEV-1", "", {}, "")
    outside.send(outside.plane.write("note.added", incident, body_of("note.added", text="an update")))
    updated = desk.query(headline, incident)
    assert updated is not None
    assert updated.updated_at
    assert desk.query(headline, "no such incident") is None
    assert desk.query(open_incidents).worst == incident


# --- the status line


def connected(state: str, **changed: Any) -> Connection:
    fields = {"since_us": 0, "last_synced_us": to_epoch_us(NOW), "to_send": 0, "sentence": "a sentence"}
    return Connection(state, **(fields | changed))


def test_online_is_calm(status: StatusBar) -> None:
    status.show_connection(connected("online"), True, NOW)
    assert status.state.word == "ONLINE"
    assert status.synced.text() == "last synced 14:02:11 UTC"
    assert not status.paging.isVisible()
    assert not status.to_send.isVisible()
    assert status.clock.text() == "14:02:11 UTC"


def test_offline_says_since_when_what_waits_and_that_nobody_is_paged(status: StatusBar) -> None:
    status.show_connection(connected("offline", to_send=7), True, NOW + timedelta(minutes=3))
    assert status.state.word == "OFFLINE"
    assert status.synced.text() == "last synced 14:02:11 UTC, 3:00 ago"
    assert status.to_send.word == "7 to send"
    assert status.to_send.isVisible()
    assert status.paging.word == "NOBODY IS BEING PAGED"
    assert status.paging.isVisible()
    status.show_connection(connected("online"), True, NOW)
    assert not status.paging.isVisible()


def test_alone_is_no_alarm(status: StatusBar) -> None:
    status.show_connection(connected("offline", last_synced_us=0), False, NOW)
    assert status.state.word == "ALONE"
    assert status.paging.word == "nobody is being paged"
    assert status.synced.text() == "no plane: everything is kept on this desk"


@pytest.mark.parametrize("state", ["stopped", "alarm", "connecting", "something new"])
def test_every_state_of_the_connection_has_a_word(status: StatusBar, state: str) -> None:
    status.show_connection(connected(state, last_synced_us=0), True, NOW)
    assert status.state.word.isupper()
    assert status.synced.text() == "never synced"


def test_who_is_here_and_who_cannot_sign(status: StatusBar) -> None:
    session = Session("local:Ada", kept="in memory, for this session only")
    status.show_person(session)
    assert status.person.word == "Ada (alone, cannot sign)"
    assert "in memory" in status.person.toolTip()
    session.person = "ada@example.org"
    status.show_person(session)
    assert status.person.word == "NOBODY IS SIGNED IN"
    session.display_name, session.key = "Ada " + "W" * 90, PERSON
    status.show_person(session, "Incident commander")
    assert status.person.word.endswith("\u2026: Incident commander")
    session.lock("Locked by hand. Sign in.")
    status.show_person(session, "Incident commander")
    assert (status.person.word, session.signed_in) == ("LOCKED: SIGN IN", False)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1:00"), (3_599, "59:59"), (3_600, "1:00:00"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_ages_and_moments() -> None:
    assert age(NOW, NOW + timedelta(seconds=4)) == "4 s ago"
    assert "a clock was set" in age(NOW, NOW - timedelta(seconds=4))
    assert clock_of_us(0) == "never"
    assert moment_of("") is moment_of("soon") is None


# --- the world


@pytest.mark.parametrize(("exercise", "word"), [(True, EXERCISE), (False, LIVE), (None, "NOT OPEN YET")])
def test_the_band_says_the_world(dressed: Theme, exercise: bool | None, word: str) -> None:
    band = WorldBand(dressed, exercise, "plane.example.org")
    assert band.word == word
    assert band.accessibleName().startswith(word)
    others = [WorldBand(dressed, one).grab().toImage() for one in (True, False, None) if one is not exercise]
    assert WorldBand(dressed, exercise).grab().toImage() not in others


def test_the_word_stands_once_in_a_title() -> None:
    assert marked(marked("Sheet", True), False) == f"{LIVE} \u00b7 Sheet"
    assert marked("", True) == EXERCISE
    assert unmarked(EXERCISE) == ""


def test_every_window_has_the_word_whoever_made_it(bare: MainWindow, qtbot: Any) -> None:
    dialog = QDialog(bare)
    dialog.setWindowTitle("A sheet of a panel")
    dialog.open()
    assert dialog.windowTitle() == "EXERCISE \u00b7 A sheet of a panel"
    dialog.setWindowTitle("Renamed")
    assert dialog.windowTitle() == "EXERCISE \u00b7 Renamed"
    dialog.close()
    label = QWidget(bare)
    label.show()
    assert label.windowTitle() == ""
    assert all(
        window.windowTitle().startswith(EXERCISE)
        for window in QApplication.topLevelWidgets()
        if window.isVisible() and window.isWindow()
    )
