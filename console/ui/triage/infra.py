"""Infrastructure or model? Three questions above the tree, one key an answer, and what they come to (TRI-3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from console.domain.triage import UNCLEAR, InfraQuestion, TriageTree
from console.ui.chips import StateChip, paint_mark
from console.ui.text import display
from console.ui.theme import Theme
from console.ui.triage.nodes import INFRA

VERDICTS = {
    "infrastructure": ("infrastructure", "triangle", "abnormal"),
    "model": ("not infrastructure", "ring", "normal"),
    "open": ("not answered", "cross", "unknown"),
}
MIN_PX, SIDES_PX, NARROW_PX = 30, 88, 640
"""The least height of a question, and what the answer beside it and the margins take of its width;
narrower than the last, questions stand below each other."""
_FLAGS = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap)
_MARKS = {"": ("ring", "normal"), UNCLEAR: ("half", "unknown")}


class Question(QWidget):
    """One question; `focused(name)` and `typed(key, text)` as of a branch of the tree."""

    focused = Signal(str)
    typed = Signal(int, str)

    def __init__(self, theme: Theme, number: int, question: InfraQuestion, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._number, self.question = theme, number, question
        self.answer, self.disputed = "", False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, MIN_PX)
        theme.changed.connect(self.update)
        self.show_answer("")

    @property
    def name(self) -> str:
        """Under which its answers are kept."""
        return INFRA + self.question.id

    def show_answer(self, answer: str, disputed: bool = False) -> None:
        """Shows the answer that holds, "" for none, and whether another stands beside it."""
        self.answer, self.disputed = answer, disputed
        said = (answer or "not answered") + (", in conflict" if disputed else "")
        self.setAccessibleName(f"Infrastructure check {self._number}: {display(self.question.text, 120)} {said}")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(220, MIN_PX)

    def height_for(self, width: int) -> int:
        """The height at which the whole question can be read in `width` pixels."""
        room = QRectF(0, 0, max(width - SIDES_PX, 40), 1000)
        words = QFontMetricsF(self._theme.font("small")).boundingRect(room, _FLAGS, self._words())
        return max(int(words.height()) + 12, MIN_PX)

    def _words(self) -> str:
        return f"{self._number}  {display(self.question.text, 120)}"

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusInEvent(event)
        self.focused.emit(self.name)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102, N802
        super().focusOutEvent(event)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102, N802
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        arrow = event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right)
        if not (arrow or (plain and event.text().isalnum())):
            super().keyPressEvent(event)
        elif arrow or not event.isAutoRepeat():
            self.typed.emit(int(event.key()), event.text().lower())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setBrush(theme.colour("raised"))
        focused = self.hasFocus()
        painter.setPen(QPen(theme.colour("focus" if focused else "line"), theme.px("focus") if focused else 1))
        painter.drawRoundedRect(room, 4, 4)
        inner = room.adjusted(8, 4, -8, -4)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("text"))
        metrics = QFontMetricsF(painter.font())
        words = QRectF(inner.left(), inner.top(), room.width() - SIDES_PX, inner.height())
        painter.drawText(words, _FLAGS, self._words())
        said = self.answer or "open"
        points_at_infra = self.answer == self.question.infra_answer
        mark, colour = (
            ("diamond", "warning")
            if self.disputed
            else _MARKS.get(self.answer, ("triangle", "abnormal") if points_at_infra else ("dash", "normal"))
        )
        width = metrics.horizontalAdvance(said)
        painter.drawText(
            QRectF(inner.right() - width, inner.top(), width + 1, inner.height()),
            int(Qt.AlignmentFlag.AlignVCenter),
            said,
        )
        paint_mark(painter, QRectF(inner.right() - width - 16, inner.center().y() - 5, 11, 11), mark, theme, colour)
        painter.end()


class InfraCheck(QWidget):
    """The three questions and their verdict. Signals as of the tree."""

    focused = Signal(str)
    typed = Signal(int, str)

    def __init__(self, theme: Theme, tree: TriageTree, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tree = tree
        self.questions = {
            INFRA + q.id: Question(theme, n, q, self) for n, q in enumerate(tree.infra_questions, 1)
        }  # fmt: skip
        self._verdict = StateChip(theme, "", parent=self)
        self._layout = layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px("space_1"))
        for question in self.questions.values():
            question.focused.connect(self.focused)
            question.typed.connect(self.typed)
            layout.addWidget(question, 1)
        layout.addWidget(self._verdict)
        self.show_answers({})

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        stacked, direction = self.width() < NARROW_PX, QBoxLayout.Direction
        self._layout.setDirection(direction.TopToBottom if stacked else direction.LeftToRight)
        beside = self._verdict.sizeHint().width() + len(self.questions) * self._layout.spacing()
        each = self.width() if stacked else (self.width() - beside) // max(len(self.questions), 1)
        needed = max((q.height_for(each) for q in self.questions.values()), default=MIN_PX)
        for question in self.questions.values():
            if question.minimumHeight() != needed:
                question.setFixedHeight(needed)

    @property
    def verdict(self) -> str:
        """Infrastructure | model | open."""
        return self._shown

    def show_answers(self, answers: Mapping[str, str], disputed: Collection[str] = ()) -> None:
        """Shows answers by question id; `disputed` names those in conflict as their answers are kept."""
        for name, question in self.questions.items():
            question.show_answer(answers.get(question.question.id, ""), name in disputed)
        self._shown = self._tree.infra_verdict(answers)
        self._verdict.set_state(*VERDICTS[self._shown])
