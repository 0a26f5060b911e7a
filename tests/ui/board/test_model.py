"""The lazy model: Qt's own tester over loading, scrolling, filtering and changes; hostile text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtTest import QAbstractItemModelTester

from console.queries import board as questions
from console.queries.board import ALL, DONE, NEWEST, OLDEST, SEVERE, Wanted
from console.ui.board.lines import COLUMNS
from console.ui.board.model import PENDING, BoardModel
from console.ui.frame import Frame
from tests.fakes.desk_frame import Outside, populate
from tests.fakes.record_kit import body_of

DISPLAY, TOOLTIP = int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.ToolTipRole)
HOSTILE = "<b>bold</b><img src='http://x/y.png'> \u202egnp.exe\u200b p\u0430ypal " + "A" * 900
TITLE = COLUMNS.index("Title")


@pytest.fixture
def model(frame: Frame, qtbot: Any) -> Iterator[BoardModel]:
    made = BoardModel(frame.bridge)
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()
    made.deleteLater()


def show(model: BoardModel, qtbot: Any, **wanted: Any) -> None:
    with qtbot.waitSignal(model.modelReset):
        model.show(Wanted(**wanted))
    qtbot.waitUntil(lambda: model.is_complete)


def column(model: QAbstractItemModel, number: int) -> list[str]:
    return [model.data(model.index(row, number), DISPLAY) for row in range(model.rowCount())]


def settle(model: BoardModel, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: PENDING not in column(model, TITLE))


def test_an_empty_record_has_no_rows_and_all_columns(model: BoardModel, qtbot: Any) -> None:
    show(model, qtbot)
    assert (model.rowCount(), model.columnCount()) == (0, 7)
    heads = [model.headerData(n, Qt.Orientation.Horizontal, DISPLAY) for n in range(8)]
    assert heads == [*COLUMNS, None]
    assert model.data(model.index(0, 0), DISPLAY) is None


def test_rows_come_in_slices_and_pages(
    model: BoardModel, outside: Outside, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(outside, 300)
    # Small slices and pages: the same as a million at full size, in a second.
    small = questions.board_opening.__globals__
    monkeypatch.setitem(small, "FIRST", 130)
    monkeypatch.setattr(questions.board_slice, "__defaults__", (50,))
    with qtbot.waitSignal(model.modelReset):
        model.show(Wanted(shown=ALL, order=OLDEST))
    assert 0 < model.rowCount() < 300
    assert model.line(0) is not None
    assert model.line(200) is None
    qtbot.waitUntil(lambda: model.is_complete)
    assert model.rowCount() == 300
    settle(model, qtbot)
    assert column(model, TITLE) == [f"Incident {n}" for n in range(300)]


@pytest.mark.parametrize(("order", "first"), [(NEWEST, "Incident 29"), (OLDEST, "Incident 0"), (SEVERE, "Incident 25")])
def test_order_is_the_records(model: BoardModel, outside: Outside, qtbot: Any, order: str, first: str) -> None:
    populate(outside, 30)
    show(model, qtbot, order=order)
    assert column(model, TITLE)[0] == first


def test_an_answer_to_an_older_wish_is_dropped(model: BoardModel, outside: Outside, qtbot: Any) -> None:
    populate(outside, 30)
    model.show(Wanted(shown=ALL))
    model.show(Wanted(shown=DONE))
    model.show(Wanted(mildest="SEV-0"))
    qtbot.waitUntil(lambda: model.rowCount() == 6)
    assert set(column(model, 0)) == {"SEV-0"}


def test_a_new_a_changed_and_a_closed_incident_move_without_a_reset(
    model: BoardModel, outside: Outside, qtbot: Any
) -> None:
    ids = populate(outside, 10)
    show(model, qtbot)
    fresh = outside.open_incident(severity="SEV-0", title="Fresh")
    closed = outside.plane.write("lifecycle.entered", ids[3], body_of("lifecycle.entered", state="closed"))
    graded = outside.plane.write("severity.graded", ids[8], body_of("severity.graded", level="SEV-0"))
    outside.send(closed, graded)
    with qtbot.assertNotEmitted(model.modelReset, wait=0):
        model.refresh([fresh, ids[3], ids[8]])
        qtbot.waitUntil(lambda: column(model, TITLE)[0] == "Fresh")
    assert "Incident 3" not in column(model, TITLE)
    assert column(model, TITLE)[:3] == ["Fresh", "Incident 8", "Incident 5"]
    assert model.rowCount() == 10


def test_hostile_text_is_shown_as_text(model: BoardModel, outside: Outside, qtbot: Any) -> None:
    outside.open_incident(title=HOSTILE, target=HOSTILE, severity=HOSTILE)
    show(model, qtbot)
    shown = " ".join(str(model.data(model.index(0, n), DISPLAY)) for n in range(7))
    assert "\u202e" not in shown
    assert "\u200b" not in shown
    assert "U+202E" in shown
    assert len(shown) < 1200
    tip = model.data(model.index(0, TITLE), TOOLTIP)
    assert "<img" not in tip
    assert "&lt;img" in tip
    spoken = model.data(model.index(0, 0), int(Qt.ItemDataRole.AccessibleTextRole))
    assert "\u202e" not in spoken


def test_an_age_that_is_none_is_unknown(model: BoardModel, outside: Outside, qtbot: Any) -> None:
    outside.open_incident(detected_at="")
    show(model, qtbot)
    assert column(model, COLUMNS.index("Age")) == ["unknown"]


def test_a_failure_is_told(model: BoardModel, frame: Frame, qtbot: Any) -> None:
    frame.bridge.desk.stop()
    with qtbot.waitSignal(model.failed) as said:
        model.show(Wanted())
    assert said.args[0].endswith(".")
