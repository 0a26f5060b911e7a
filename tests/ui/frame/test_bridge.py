"""The bridge: everything crosses in order and on the main thread, to owners that still live, and failures are told."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from console.actions.incidents import add_note
from console.domain.changes import Changes
from console.domain.errors import InputError, RefusedError
from console.queries.incidents import incidents
from console.ui.bridge import BUG, Bridge
from console.ui.frame import Frame
from console.ui.notices import Notices
from tests.fakes.desk_frame import Outside, populate
from tests.fakes.record_kit import COMMANDER


def test_an_action_gets_its_moment_and_is_answered_on_the_main_thread(
    frame: Frame, outside: Outside, qtbot: Any
) -> None:
    incident = outside.open_incident()
    told: list[Any] = []

    def then(changes: Changes) -> None:
        told.append((changes, threading.current_thread() is threading.main_thread()))

    frame.bridge.act(add_note, incident, "seen", frame.bridge.now(), COMMANDER, owner=frame.bridge, then=then)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0][0].touches("timeline", incident)
    assert told[0][1]


def test_changes_are_heard_before_the_answer_and_a_burst_is_heard_as_few(
    frame: Frame, outside: Outside, qtbot: Any
) -> None:
    incident = outside.open_incident()
    heard: list[object] = []
    frame.bridge.changed.connect(heard.append)
    for number in range(50):
        frame.bridge.act(
            add_note, incident, f"note {number}", frame.bridge.now(), COMMANDER, owner=frame.bridge, then=heard.append
        )
    qtbot.waitUntil(lambda: len({id(one) for one in heard if isinstance(one, Changes)}) >= 50)
    assert isinstance(heard[0], Changes)
    assert len(heard) <= 101


def test_what_is_refused_goes_to_who_asked_else_to_the_notices(frame: Frame, qtbot: Any) -> None:
    failed: list[BaseException] = []
    frame.bridge.work(_refuse, owner=frame.bridge, failed=failed.append)
    frame.bridge.work(_refuse, owner=frame.bridge)
    qtbot.waitUntil(lambda: bool(failed) and bool(frame.notices.waiting))
    assert isinstance(failed[0], RefusedError)
    assert [(one.sentence, one.level) for one in frame.notices.waiting] == [("Not today.", "warning")]


def test_without_a_plane_an_errand_is_refused_in_words(frame: Frame, qtbot: Any) -> None:
    failed: list[Any] = []
    frame.bridge.errand(lambda client: client.config(), owner=frame.bridge, then=failed.append, failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed))
    assert "no plane" in failed[0].sentence


def test_a_bug_is_one_sentence_for_the_person_and_a_traceback_in_the_log(
    frame: Frame, qtbot: Any, expected_log: Any
) -> None:
    expected_log("a job failed")
    frame.bridge.work(_stumble, owner=frame.bridge)
    qtbot.waitUntil(lambda: bool(frame.notices.waiting))
    assert frame.notices.waiting[0].sentence == BUG
    assert frame.notices.waiting[0].level == "error"


def test_an_owner_that_is_gone_hears_nothing(frame: Frame, qtbot: Any) -> None:
    gate, told = threading.Event(), list[object]()
    owner = QWidget()
    frame.bridge.work(gate.wait, owner=owner, then=told.append, failed=told.append)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    gate.set()
    after: list[Any] = []
    frame.bridge.work(lambda: 1, owner=frame.bridge, then=after.append)
    frame.bridge.work(lambda: 2, owner=frame.bridge, then=after.append)
    qtbot.waitUntil(lambda: len(after) == 2)
    assert told == []


def test_questions_are_answered_by_the_record(frame: Frame, outside: Outside, qtbot: Any) -> None:
    ids = populate(outside, 5)
    answers: list[Any] = []
    frame.bridge.ask(incidents, 2, owner=frame.bridge, then=answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    assert [row.incident for row in answers[0]] == ids[:-3:-1]


def test_before_the_desk_is_open_everything_is_refused_in_words(qtbot: Any) -> None:
    parent = QObject()
    notices = Notices(parent)
    bridge = Bridge(notices, parent)
    bridge.ask(incidents, owner=bridge, then=pytest.fail)
    qtbot.waitUntil(lambda: bool(notices.waiting))
    assert "not open" in notices.waiting[0].sentence
    assert not bridge.has_plane
    assert bridge.connection.state == "offline"
    bridge.close()


def test_a_closed_bridge_hands_nothing_out_any_more(frame: Frame, qtbot: Any) -> None:
    told: list[Any] = []
    gate = threading.Event()
    frame.bridge.work(gate.wait, owner=frame.bridge, then=told.append)
    frame.bridge.close()
    gate.set()
    frame.bridge.join()
    frame.bridge.tell("too late")
    assert told == []
    assert frame.notices.waiting == []


def test_a_sentence_from_any_thread_becomes_a_notice(frame: Frame, qtbot: Any) -> None:
    thread = threading.Thread(target=frame.bridge.tell, args=("from afar",))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(frame.notices.waiting))
    assert frame.notices.waiting[0].sentence == "from afar"


def test_many_threads_speaking_at_once_lose_nothing(frame: Frame, qtbot: Any) -> None:
    count = 8 * 200

    def speak(first: int) -> None:
        for number in range(200):
            frame.bridge.tell(str(first + number))

    threads = [threading.Thread(target=speak, args=(n * 200,)) for n in range(8)]
    for thread in threads:
        thread.start()
    qtbot.waitUntil(lambda: len(frame.notices.waiting) == count, timeout=10_000)
    for thread in threads:
        thread.join()
    assert {one.sentence for one in frame.notices.waiting} == {str(n) for n in range(count)}


def _refuse() -> None:
    raise RefusedError("Not today.")


def _stumble() -> None:
    raise KeyError("internals")


def test_the_family_of_errors_keeps_its_sentence(frame: Frame, qtbot: Any) -> None:
    def wrong() -> None:
        raise InputError("The file is empty.")

    frame.bridge.work(wrong, owner=frame.bridge)
    qtbot.waitUntil(lambda: bool(frame.notices.waiting))
    assert frame.notices.waiting[0].sentence == "The file is empty."
