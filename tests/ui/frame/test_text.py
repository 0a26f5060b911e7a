"""Untrusted text on labels and tooltips: plain, visible, bounded, quick."""

from __future__ import annotations

import time
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication, QWidget

from console.ui.text import PlainLabel, breakable, display, paragraphs, plain_tooltip
from console.ui.theme import Theme

HOSTILE = "<img src='file:///etc/passwd'><b>SEV-4</b> \u202esafe\u202c pay\u200bload \x1b[31m&amp;"


def test_markup_stays_text(dressed: Theme) -> None:
    label = PlainLabel(HOSTILE)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert "<b>SEV-4</b>" in label.text()
    for hidden in ("\u202e", "\u200b", "\x1b"):
        assert hidden not in label.text()
    assert "\u27e8U+202E\u27e9" in label.text()


def test_one_long_word_never_widens_a_label_that_wraps(dressed: Theme) -> None:
    label = PlainLabel("", limit=2_000)
    label.setWordWrap(True)
    label.setText("A" * 2_000)
    assert label.minimumSizeHint().width() < 400
    assert label.text() == "A" * 2_000
    assert label.heightForWidth(300) > 10 * label.fontMetrics().lineSpacing()
    assert breakable("short words and " + "B" * 27) == "short words and " + "B" * 27


def test_a_tooltip_shows_markup_as_it_is_written(qapp: QApplication) -> None:
    widget = QWidget()
    plain_tooltip(widget, HOSTILE + "\nsecond line")
    document = QTextDocument()
    document.setHtml(widget.toolTip())
    shown = document.toPlainText()
    assert "<img src='file:///etc/passwd'>" in shown
    assert "second line" in shown
    assert document.allFormats()
    assert not [one for one in document.allFormats() if one.isImageFormat()]
    plain_tooltip(widget, "")
    assert widget.toolTip() == ""


@pytest.mark.parametrize("text", ["plain", "caf\u00e9", "a\nb", "\t", "\u202e", "x" * 5_000, ""])
def test_one_line_is_one_line_and_bounded(text: str) -> None:
    shown = display(text, 300)
    assert "\n" not in shown
    assert "\t" not in shown
    assert len(shown) <= 301 or "\u27e8" in shown
    assert display("plain") == "plain"


def test_lines_are_kept_where_lines_are_wanted(dressed: Theme) -> None:
    assert paragraphs("one\ntwo") == "one\ntwo"
    label = PlainLabel("", limit=100)
    label.setWordWrap(True)
    label.setText("one\ntwo")
    assert label.text() == "one\ntwo"


def test_a_million_characters_cost_nothing(dressed: Theme) -> None:
    begun = time.process_time()
    label = PlainLabel("\u202ex" * 500_000, elide=True)
    label.resize(200, 20)
    label.grab()
    assert time.process_time() - begun < 0.5
    assert len(label.text()) < 3_000


def test_a_label_that_elides_gives_way_and_tells_the_whole(dressed: Theme, qtbot: Any) -> None:
    label = PlainLabel("a title that is longer than its place", elide=True)
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    assert label.minimumSizeHint().width() == 0
    assert "longer than its place" in label.toolTip()
    label.resize(900, 20)
    assert label.toolTip() == ""
