"""A sheet: one question on a page of its own inside the panel, confirmed by one button that has the focus, or left.

The confirming button is guarded against held keys: whatever opened the sheet cannot also confirm it. Enter in a field
goes to the button and does not press it; Esc leaves. Nothing outside the panel is blocked meanwhile.
"""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from console.queries.standing import Standing
from console.ui.bridge import sentence_of
from console.ui.frame import Frame
from console.ui.press import guard
from console.ui.words import Words

LEAST_FORM = 60
WIDEST = 640
"""Pixels: a form wider than this makes the eye travel."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Sheet(QWidget):
    """Signals: `left()` when it is over; `said(str)` with what was done, in a sentence.

    Subclasses fill `rows` and override `confirm`; `refresh(standing)` is called when the incident changed meanwhile.
    """

    left = Signal()
    said = Signal(str)

    def __init__(self, frame: Frame, standing: Standing, title: str, confirm: str, intro: str = "") -> None:
        super().__init__()
        theme = frame.theme
        self.frame, self.standing = frame, standing
        self._missing, self._busy = "", ""
        self.stops: list[QWidget] = []
        """What Tab goes through before the buttons, in order."""
        self.title = Words(theme, title, "title", parent=self)
        self.intro = Words(theme, intro, "small", "text_dim", wrap=True, parent=self)
        self.intro.setVisible(bool(intro))
        self.trouble = Words(theme, "", "strong", wrap=True, parent=self)
        self.trouble.hide()
        self.button = QPushButton(confirm, self)
        self.button.setAutoDefault(True)
        guard(self.button)
        self.cancel = QPushButton("Back   Esc", self)
        self.cancel.setAccessibleName("Back to the incident")
        self.cancel.setAutoDefault(True)
        self._lay_out()
        self.setAccessibleName(title)
        self.button.clicked.connect(self._on_confirmed)
        self.cancel.clicked.connect(self.left)

    # -- for subclasses

    @property
    def is_over(self) -> bool:
        """Whether nothing is lost when the next step takes its place."""
        return False

    def confirm(self) -> None:
        """Does what the sheet is for."""
        raise NotImplementedError

    def refresh(self, standing: Standing) -> None:
        """Takes up what changed; a sheet keeps what the person has put in."""
        self.standing = standing

    def add(self, label: str, field: QWidget) -> None:
        """Adds a field under its label; the label names it to a screen reader."""
        caption = Words(self.frame.theme, label, "label", "text_dim", parent=self)
        caption.setBuddy(field)
        field.setAccessibleName(field.accessibleName() or label)
        if isinstance(field, QComboBox):
            field.view().setAccessibleName(field.accessibleName())
        field.setMinimumHeight(max(field.minimumHeight(), self.frame.theme.px("button")))
        self.rows.addWidget(caption)
        self.rows.addWidget(field)
        self.stops.append(field)

    def set_missing(self, sentence: str) -> None:
        """Blocks the button and says why; "" frees it."""
        self._missing = sentence
        self._show_state()

    def set_busy(self, sentence: str) -> None:
        """Says what is going on and takes no second press; "" when it is over."""
        self._busy = sentence
        self._show_state()

    def fail(self, error: BaseException) -> None:
        """Says why it was not done and stays open."""
        self._busy = ""
        self._show_state()
        self.show_trouble(sentence_of(error))

    def show_trouble(self, sentence: str) -> None:
        """Shows a sentence above the buttons, "" for none."""
        self.trouble.setText(sentence)
        self.trouble.setVisible(bool(sentence))

    def finish(self, sentence: str) -> None:
        """Says what was done and leaves."""
        if sentence:
            self.said.emit(sentence)
        self.left.emit()

    # -- events

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        # Only now: being put into a panel, a sheet loses the order it was given before.
        for before, after in pairwise((*self.stops, self.button, self.cancel)):
            QWidget.setTabOrder(before, after)
        QTimer.singleShot(0, self, self.take_focus)

    def take_focus(self) -> None:
        """Gives the focus to where the person goes on: the button, unless a subclass knows better."""
        self.button.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102, N802
        if event.key() == Qt.Key.Key_Escape:
            if not event.isAutoRepeat():
                self.left.emit()
            return
        if event.key() in _ENTER:
            if not event.isAutoRepeat():
                self.button.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102, N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.frame.theme.colour("base"))
        painter.end()

    # -- inside

    def _lay_out(self) -> None:
        gap = self.frame.theme.px("space_2")
        body = QWidget(self)
        body.setMaximumWidth(WIDEST)
        self.rows = QVBoxLayout(body)
        self.rows.setContentsMargins(0, 0, gap, 0)
        self.rows.setSpacing(gap // 2)
        self.area = Form(body, self)
        foot = QHBoxLayout()
        foot.setSpacing(gap)
        foot.addWidget(self.button, 3)
        foot.addWidget(self.cancel)
        foot.addStretch(1)
        self.button.setMaximumWidth(WIDEST * 2 // 3)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.addWidget(self.title)
        whole.addWidget(self.intro)
        whole.addWidget(self.area)
        whole.addWidget(self.trouble)
        whole.addLayout(foot)
        whole.addStretch(1)

    def _show_state(self) -> None:
        self.show_trouble(self._busy or self._missing)
        self.button.setProperty("blocked", bool(self._busy or self._missing))
        self.button.setFlat(bool(self._busy or self._missing))
        self.button.setAccessibleDescription(self.trouble.text())

    def _on_confirmed(self) -> None:
        if self._busy:
            return
        if self._missing:
            self.show_trouble(self._missing)
            return
        self.show_trouble("")
        self.confirm()


class Form(QScrollArea):
    """As high as what is in it, so that the buttons stand right below; scrolls where there is less room."""

    def __init__(self, body: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._body = body
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        outer = QWidget(self)
        column = QVBoxLayout(outer)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(body)
        column.addStretch(1)
        self.setWidget(outer)

    def sizeHint(self) -> QSize:  # noqa: D102, N802
        layout, width = self._body.layout(), min(self.viewport().width(), self._body.maximumWidth())
        height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        return QSize(self._body.sizeHint().width(), height + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802
        return QSize(LEAST_FORM, LEAST_FORM)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


def choice(entries: list[tuple[str, str]], chosen: str = "") -> QComboBox:
    """A box of (value, text), that value chosen; it may be narrower than its longest text."""
    box = QComboBox()
    for value, text in entries:
        box.addItem(text, value)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)
    return box
