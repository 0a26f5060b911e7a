"""Two texts of a note beside what they were made from, line by line, each line with a word, a shape and a colour.

The comparison is pure and slow for long texts: have a worker do it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem, QWidget

from console.domain.merging import Place, merge, places
from console.evidence.display import display_text
from console.queries.notes import NoteView
from console.ui.chips import paint_mark
from console.ui.rows import RowDelegate
from console.ui.tables import DISPLAY, ColumnsModel, Index
from console.ui.theme import Theme

SAME = "same"
KINDS: dict[str, tuple[str, str, str]] = {
    SAME: ("unchanged", "dash", "normal"),
    "first adds": ("first adds", "square", "accent"),
    "second adds": ("second adds", "circle", "graph_5"),
    "both add": ("both add", "half", "normal"),
    "first leaves out": ("first leaves out", "hollow_square", "accent"),
    "second leaves out": ("second leaves out", "ring", "graph_5"),
    "both leave out": ("both leave out", "cross", "normal"),
    "before": ("OPEN: it was", "diamond", "warning"),
    "first": ("OPEN: first says", "diamond", "warning"),
    "second": ("OPEN: second says", "diamond", "warning"),
}
"""Kind of a line -> (word, shape, colour token)."""
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
_MOST_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lines` are (kind, text in its display form), `merged` both together with open places between marks.

    `rewritten` says that characters which deceive the eye were written out in `merged`: what is seen is what is saved.
    """

    lines: tuple[tuple[str, str], ...]
    merged: str
    rewritten: bool


def compare(view: NoteView) -> Comparison:
    """Compares the first two sides of a note; of a single one, only its text."""
    shown = [_honest(side.text) for side in view.sides[:2]]
    rewritten = any(text != side.text for text, side in zip(shown, view.sides, strict=False))
    if view.base is None:
        return Comparison((), shown[0], rewritten)
    base = _honest(view.base.text)
    lines = tuple((kind, line[:_MOST_SHOWN]) for kind, line in _lines(places(base, *shown)))
    return Comparison(lines, merge(base, *shown), rewritten)


def _honest(text: str) -> str:
    """The text itself where nothing in it deceives the eye and no line is too long to lay out, else what shows it."""
    made = display_text(text)
    return made.text if made.escaped or len(made.lines) > text.count("\n") + 1 else text


def _lines(found: Iterator[Place]) -> Iterator[tuple[str, str]]:
    for place in found:
        for kind, lines in _kinds(place):
            for line in lines:
                yield kind, line


def _kinds(place: Place) -> Sequence[tuple[str, Sequence[str]]]:
    base, ours, theirs = place.base, place.ours, place.theirs
    if base == ours == theirs:
        return ((SAME, base),)
    if place.is_open:
        return (("before", base), ("first", ours), ("second", theirs))
    if ours == theirs:
        return (("both leave out", base), ("both add", ours))
    if theirs == base:
        return (("first leaves out", base), ("first adds", ours))
    return (("second leaves out", base), ("second adds", theirs))


class LinesModel(ColumnsModel):
    """The lines of a comparison."""

    columns = ("Change", "Line")

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[tuple[str, str], ...] = ()

    def show(self, lines: tuple[tuple[str, str], ...]) -> None:
        """Shows other lines."""
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def count(self) -> int:  # noqa: D102
        return len(self._lines)

    def kind(self, row: int) -> str:
        """The kind of a line."""
        return self._lines[row][0]

    def first_change(self) -> int:
        """The first line that somebody changed, 0 when nobody did."""
        return next((row for row, (kind, _) in enumerate(self._lines) if kind != SAME), 0)

    def data(self, index: Index, role: int = DISPLAY) -> Any:  # noqa: D102
        if not index.isValid() or int(role) not in (DISPLAY, _ACCESSIBLE):
            return None
        kind, line = self._lines[index.row()]
        word = KINDS[kind][0]
        if int(role) == _ACCESSIBLE:
            return f"{word}: {line}"
        return (word, line)[index.column()]


class ChangeDelegate(RowDelegate):
    """Paints the shape before the word."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        model = index.model()
        if not isinstance(model, LinesModel):
            super().paint(painter, option, index)
            return
        word, shape, colour = KINDS[model.kind(index.row())]
        style, room = option.widget.style(), option.rect  # type: ignore[attr-defined]
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)  # type: ignore[attr-defined]
        gap, side = self._theme.px("space_1"), self._theme.px("lamp")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mark = QRectF(room.left() + gap, room.center().y() - side / 2 + 0.5, side, side)
        paint_mark(painter, mark, shape, self._theme, colour)
        painter.setFont(option.font)  # type: ignore[attr-defined]
        painter.setPen(self._theme.colour("text_dim" if word == KINDS[SAME][0] else "text"))
        words = room.adjusted(side + 3 * gap, 0, 0, 0)
        shown = QFontMetrics(painter.font()).elidedText(word, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), shown)
        painter.restore()
