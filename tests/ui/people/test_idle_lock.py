"""The idle lock: it warns, it locks, it never locks out, and what was armed is disarmed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from console.domain.errors import RefusedError
from console.proof.actor import Actor
from console.ui.frame import Frame
from console.ui.idle_lock import CANNOT, LEAST_S, SOON, IdleLock
from console.ui.notices import Notice
from tests.fakes.seats import SharedDoor


class Clock:
    """Seconds that go on by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lock(frame: Frame, clock: Clock) -> Iterator[IdleLock]:
    frame.session.door = SharedDoor()
    made = IdleLock(frame, frame.notices, clock)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def said(frame: Frame) -> list[str]:
    frame.notices.take()
    sentences: list[str] = []

    def hear(notice: Notice) -> None:
        sentences.append(notice.sentence)

    frame.notices.said.connect(hear)
    return sentences


def go_on(lock: IdleLock, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        lock.tick()


def key(repeats: bool = False) -> QKeyEvent:
    none = Qt.KeyboardModifier.NoModifier
    return QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Shift, none, "", repeats)


def test_it_warns_a_minute_before_and_then_puts_the_key_away(
    lock: IdleLock, clock: Clock, frame: Frame, said: list[str]
) -> None:
    assert lock.idle_s == 900
    go_on(lock, clock, 839)
    assert said == []
    go_on(lock, clock, 2)
    assert said == [SOON]
    assert frame.session.signed_in
    go_on(lock, clock, 60)
    assert frame.session.key is None
    assert frame.session.locked.startswith("Locked: nobody touched this desk for 15 minutes. Sign in")
    assert frame.session.person == "ic@example.org"
    assert "seed" not in repr(frame.session)


def test_a_key_begins_the_time_anew_and_one_that_lies_on_a_key_does_not(
    lock: IdleLock, clock: Clock, frame: Frame
) -> None:
    target = QObject()
    go_on(lock, clock, 890)
    QApplication.sendEvent(target, key())
    go_on(lock, clock, 890)
    assert frame.session.signed_in
    QApplication.sendEvent(target, key(repeats=True))
    go_on(lock, clock, 20)
    assert not frame.session.signed_in


def test_a_machine_that_slept_is_locked_even_if_the_mouse_woke_it(lock: IdleLock, clock: Clock, frame: Frame) -> None:
    lock.tick()
    clock.now += 61
    QApplication.sendEvent(QObject(), key())
    lock.tick()
    assert "slept" in frame.session.locked


def test_a_wish_only_shortens_it(lock: IdleLock, frame: Frame) -> None:
    frame.session.idle_lock_s = 99_999
    assert lock.idle_s == 900
    frame.session.idle_lock_s = 120
    assert lock.idle_s == 120
    frame.session.idle_lock_s = 1
    assert lock.idle_s == LEAST_S


@pytest.mark.parametrize("door", [None, SimpleNamespace(can_unlock=False)])
def test_a_key_that_is_kept_nowhere_is_never_thrown_away(
    lock: IdleLock, clock: Clock, frame: Frame, said: list[str], door: Any
) -> None:
    frame.session.door = door
    go_on(lock, clock, 2_000)
    lock.lock_now()
    assert frame.session.signed_in
    assert said == [CANNOT]


def test_while_it_is_locked_nothing_is_written_in_anybody_s_name(lock: IdleLock, frame: Frame, qtbot: Any) -> None:
    def write(_: Any, actor: Actor) -> str:
        return actor.person

    lock.lock_now()
    failed: list[BaseException] = []
    done: list[Any] = []
    frame.bridge.act(write, frame.session.actor(), owner=frame.notices, then=done.append, failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed))
    assert isinstance(failed[0], RefusedError)
    assert failed[0].sentence.startswith("Locked by hand. Sign in")
    frame.bridge.act(lambda _: 7, owner=frame.notices, then=done.append)
    qtbot.waitUntil(lambda: done == [7])
    lock.lock_now()  # again says only that there is nothing to lock
    assert frame.session.locked.startswith("Locked by hand")


def test_a_job_in_somebodys_name_is_not_begun_while_locked(frame: Frame, qtbot: Any) -> None:
    """A capture would write it unsigned, which the plane refuses at a desk that several people share."""
    done: list[Any] = []
    refused: list[Any] = []
    job = partial(done.append, frame.session.actor())
    frame.bridge.seat(frame.session.person, "Locked by hand. Sign in.")
    frame.bridge.work(job, owner=frame.bridge, failed=refused.append)
    qtbot.waitUntil(lambda: bool(refused))
    assert (str(refused[0]), done) == ("Locked by hand. Sign in.", [])
    frame.bridge.seat(frame.session.person)
    frame.bridge.work(job, owner=frame.bridge)
    qtbot.waitUntil(lambda: bool(done))
