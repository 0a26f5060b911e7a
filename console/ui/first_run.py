"""The page of a first start: a name, alone or with a plane, and where the desk's keys are kept. No account, no network.

It decides nothing by itself: it hands over `Answers` and is told what went wrong in one sentence, on the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from console.ui.text import PlainLabel
from console.ui.theme import Theme

MAX_NAME = 60


@dataclass(frozen=True)
class Answers:
    """What was filled in; `plane` "" works alone, `passphrase` "" asks for the system's keyring."""

    name: str
    plane: str
    passphrase: str = field(default="", repr=False)


class FirstRun(QWidget):
    """Signals: `answered(Answers)`. With `locked` it only asks for the passphrase of this desk's keys."""

    answered = Signal(object)

    def __init__(
        self, theme: Theme, name: str = "", plane: str = "", locked: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._locked = theme, locked
        self.name = QLineEdit(name, self, maxLength=MAX_NAME)
        self.alone = QRadioButton("Work &alone on this machine", self)
        self.join = QRadioButton("&Join a plane", self)
        self.plane = QLineEdit(plane, self, placeholderText="https://HOST:PORT")
        self.keyring = QRadioButton("In the system's &keyring", self)
        self.sealed = QRadioButton("In a file under a &passphrase", self)
        self.passphrase = QLineEdit(self, echoMode=QLineEdit.EchoMode.Password)
        self.again = QLineEdit(self, echoMode=QLineEdit.EchoMode.Password)
        self.fault = PlainLabel("", self, limit=1_000)
        self.start = QPushButton("&Open the desk", self, default=True)
        self._name_controls()
        self._lay_out()
        self._connect(bool(plane))
        theme.changed.connect(self._dress)
        self._dress()

    def say(self, sentence: str) -> None:
        """Shows what is wrong and lets the person try again."""
        self.fault.setText(sentence)
        self.fault.setAccessibleName(self.fault.text())
        self.fault.setVisible(bool(sentence))
        self.setEnabled(True)
        self.start.setText("&Open the desk")

    def first_focus(self) -> None:
        """Puts the focus where the typing begins."""
        (self.passphrase if self._locked else self.name).setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        # Only now: being put into the window, fields lose the order they were given before.
        keys = (self.keyring, self.sealed, self.passphrase, self.again, self.start)
        for before, after in pairwise((self.name, self.alone, self.join, self.plane, *keys)):
            QWidget.setTabOrder(before, after)

    def _on_start_clicked(self) -> None:
        fault = self._what_is_missing()
        if fault:
            self.say(fault)
            return
        self.fault.hide()
        self.setEnabled(False)
        self.start.setText("Opening ...")
        plane = self.plane.text().strip() if self.join.isChecked() else ""
        secret = self.passphrase.text() if self.sealed.isChecked() or self._locked else ""
        self.answered.emit(Answers(" ".join(self.name.text().split()), plane, secret))

    def _what_is_missing(self) -> str:
        if self._locked:
            return "" if self.passphrase.text() else "Write the passphrase of this desk's keys."
        if not self.name.text().strip():
            return "Write your name: it stands beside everything you do."
        if self.join.isChecked() and not self.plane.text().strip():
            return "Write the address of the plane, or choose to work alone."
        if self.sealed.isChecked() and len(self.passphrase.text()) < 8:
            return "The passphrase must have at least 8 characters."
        if self.sealed.isChecked() and self.passphrase.text() != self.again.text():
            return "The two passphrases differ; write the same one twice."
        return ""

    def _on_choice_changed(self, checked: bool = False) -> None:
        self.plane.setEnabled(self.join.isChecked())
        sealed = self.sealed.isChecked() and not self._locked
        self.passphrase.setEnabled(sealed or self._locked)
        self.again.setEnabled(sealed)

    def _name_controls(self) -> None:
        for control, name in (
            (self.name, "Your name"),
            (self.plane, "Address of the plane"),
            (self.passphrase, "Passphrase"),
            (self.again, "The same passphrase again"),
        ):
            control.setAccessibleName(name)

    def _connect(self, joins: bool) -> None:
        self._worlds, self._keys = QButtonGroup(self), QButtonGroup(self)
        for button in (self.alone, self.join):
            self._worlds.addButton(button)
        for button in (self.keyring, self.sealed):
            self._keys.addButton(button)
        (self.join if joins else self.alone).setChecked(True)
        self.keyring.setChecked(True)
        for button in (self.alone, self.join, self.keyring, self.sealed):
            button.toggled.connect(self._on_choice_changed)
        for line in (self.name, self.plane, self.passphrase, self.again):
            line.returnPressed.connect(self._on_start_clicked)
        self.start.clicked.connect(self._on_start_clicked)
        self._on_choice_changed()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.heading = PlainLabel("Unlock this desk" if self._locked else "Welcome to the incident console", self)
        self.intro = PlainLabel("", self, limit=600)
        self.intro.setWordWrap(True)
        self.fault.setWordWrap(True)
        self.fault.hide()
        if self._locked:
            self.intro.setText("The keys of this desk are in a file under a passphrase.")
            form.addRow("Passphrase", self.passphrase)
            for unused in (self.name, self.alone, self.join, self.plane, self.keyring, self.sealed, self.again):
                unused.hide()
        else:
            self.intro.setText(
                "No account is needed and nothing is sent anywhere. What you do is kept on this machine, signed by a "
                "key of its own; you can join a plane later."
            )
            form.addRow("Your name", self.name)
            form.addRow("This desk", _column(self.alone, self.join, self.plane))
            form.addRow("Its keys are kept", _column(self.keyring, self.sealed, self.passphrase, self.again))
            self.passphrase.setPlaceholderText("Passphrase, 8 characters or more")
            self.again.setPlaceholderText("The same again")
        page = QWidget(self)
        page.setMaximumWidth(620)
        rows = QVBoxLayout(page)
        rows.setSpacing(14)
        rows.addStretch(1)
        rows.addWidget(self.heading)
        rows.addWidget(self.intro)
        rows.addLayout(form)
        rows.addWidget(self.fault)
        rows.addWidget(self.start, 0, Qt.AlignmentFlag.AlignLeft)
        rows.addStretch(2)
        middle = QWidget(self)
        columns = QHBoxLayout(middle)
        columns.addStretch(1)
        columns.addWidget(page, 4)
        columns.addStretch(1)
        scroll = QScrollArea(self, widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(middle)
        scroll.setAccessibleName("First start")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    def _dress(self) -> None:
        self.heading.setFont(self._theme.font("large"))
        self.fault.setFont(self._theme.font("strong"))
        self.start.setMinimumHeight(self._theme.px("button"))
        if not self._theme.icon("alert-triangle", "abnormal").isNull():
            self.fault.setContentsMargins(0, 0, 0, 0)


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(6)
    for widget in widgets:
        column.addWidget(widget)
    return column
