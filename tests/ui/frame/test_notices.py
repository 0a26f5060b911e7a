"""Notices: kept until a window listens, stacked, counted, gone by themselves - but never an error."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from console.ui import notice_bars
from console.ui.notice_bars import NoticeBars
from console.ui.notices import Notice, Notices
from console.ui.theme import Theme
from tests.ui.accessible import unnamed


@pytest.fixture
def bars(dressed: Theme, qtbot: Any) -> NoticeBars:
    shown = NoticeBars(dressed)
    qtbot.addWidget(shown)
    shown.resize(900, 200)
    shown.show()
    return shown


def test_what_is_said_before_there_is_a_window_is_kept(qapp: Any) -> None:
    notices = Notices()
    notices.say("early", "warning")
    notices.say("odd", "shouting")
    assert [(one.sentence, one.level) for one in notices.take()] == [("early", "warning"), ("odd", "error")]
    heard: list[Notice] = []
    notices.said.connect(heard.append)
    notices.say("late")
    assert [one.sentence for one in heard] == ["late"]
    assert notices.waiting == []


def test_the_same_sentence_is_counted_not_stacked(bars: NoticeBars) -> None:
    for _ in range(50):
        bars.show_notice(Notice("The disk is full.", "error"))
    assert len(bars.bars) == 1
    assert bars.bars[0]._times.text() == "\u00d7 50"


def test_at_most_three_are_shown_and_errors_wait_for_nobody(bars: NoticeBars) -> None:
    for number in range(5):
        bars.show_notice(Notice(f"error {number}", "error"))
    assert [bar.notice.sentence for bar in bars.bars] == ["error 2", "error 1", "error 0"]
    bars.dismiss_newest()
    assert [bar.notice.sentence for bar in bars.bars] == ["error 3", "error 1", "error 0"]


def test_a_lesser_notice_gives_way(bars: NoticeBars) -> None:
    for level in ("info", "error", "warning", "error"):
        bars.show_notice(Notice(f"one {level} {len(bars.bars)}", level))
    assert [bar.notice.level for bar in bars.bars] == ["error", "warning", "error"]


def test_a_note_goes_by_itself_and_an_error_stays(dressed: Theme, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_bars, "LASTS_MS", {"info": 30, "warning": 60, "error": 0})
    monkeypatch.setattr(notice_bars, "READ_MS", 0)
    shown = NoticeBars(dressed)
    qtbot.addWidget(shown)
    for level in ("info", "warning", "error"):
        shown.show_notice(Notice(f"one {level}", level))
    qtbot.waitUntil(lambda: len(shown.bars) == 1)
    assert shown.bars[0].notice.level == "error"


def test_its_button_names_an_action_and_ends_it(bars: NoticeBars, qtbot: Any) -> None:
    bars.show_notice(Notice("The order was not sent.", "warning", ("Look it up", "switches.look_up")))
    button = next(one for one in bars.findChildren(QPushButton) if one.text() == "Look it up")
    with qtbot.waitSignal(bars.chosen) as chosen:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert chosen.args == ["switches.look_up"]
    assert bars.bars == []


def test_hostile_and_long_sentences_stay_plain_and_inside(bars: NoticeBars, qtbot: Any) -> None:
    bars.show_notice(Notice("<h1>big</h1>\u202e " + "word " * 5_000, "error"))
    bar = bars.bars[0]
    qtbot.waitUntil(lambda: bar.height() > 28)
    assert "<h1>" in bar._text.text()
    assert bar.height() < 120
    assert bar._text.geometry().bottom() <= bar.height()


def test_nothing_takes_the_focus_and_everything_has_a_name(bars: NoticeBars, qtbot: Any) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    bars.show_notice(Notice("The order was not sent.", "warning", ("Look it up", "switches.look_up")))
    assert unnamed(bars) == []
    assert not bars.bars[0].hasFocus()
