"""The page of a first start: a name, alone or with a plane, and where the desk's keys are kept.

It decides nothing by itself: it hands over `Answers` and is told what went wrong in one sentence, on the page. Who
joins a plane is shown it first, and joins only after comparing its words; to work alone needs no network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

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

from console.ui.press import guard
from console.ui.root_words import RootWords
from console.ui.text import PlainLabel
from console.ui.theme import Theme

if TYPE_CHECKING:
    from console.runtime.joining import Meeting

MAX_NAME = 60
MAX_CODE = 100
LEAST_PASSPHRASE = 12
LOCKED, OWN_KEY = "locked", "own key"
"""What a desk that was opened before asks for: the passphrase of its keys, or of its person's own key alone."""


@dataclass(frozen=True)
class Answers:
    """What was filled in; `plane` "" works alone. The passphrase protects what is in a file, a person's key too."""

    name: str
    plane: str
    passphrase: str = field(default="", repr=False)
    sealed: bool = False
    """Whether the desk's keys are to be in a file under the passphrase, and not in the keyring."""
    code: str = field(default="", repr=False)
    met: Meeting | None = None
    """The plane as it was compared; only with it is the code sent."""


class FirstRun(QWidget):
    """Signals: `answered(Answers)`; `meeting_wanted(Answers)`, to be followed by `compare` or `say`.

    With `locked` (LOCKED, OWN_KEY) it only asks for that passphrase.
    """

    answered = Signal(object)
    meeting_wanted = Signal(object)

    def __init__(
        self, theme: Theme, name: str = "", plane: str = "", locked: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._locked = theme, locked
        self._met: Meeting | None = None
        self.name = QLineEdit(name, self, maxLength=MAX_NAME)
        self.alone = QRadioButton("Work &alone on this machine", self)
        self.join = QRadioButton("&Join a plane", self)
        self.plane = QLineEdit(plane, self, placeholderText="https://HOST:PORT")
        self.code = QLineEdit(self, placeholderText="One-time code, like abcd-efgh-jkmn-pqrs", maxLength=MAX_CODE)
        self.keyring = QRadioButton("In the system's &keyring", self)
        self.sealed = QRadioButton("In a file under a &passphrase", self)
        self.passphrase = QLineEdit(self, echoMode=QLineEdit.EchoMode.Password)
        self.again = QLineEdit(self, echoMode=QLineEdit.EchoMode.Password)
        self.fault = PlainLabel("", self, limit=1_000)
        self.start = QPushButton("&Open the desk", self, default=True)
        self.other = QPushButton("", self)
        self.root_words = RootWords(theme, self)
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
        self._show_buttons()

    def compare(self, met: Meeting) -> None:
        """Shows the plane that was met; only after its words were compared is it joined."""
        self._met = met
        self.root_words.show_met(met)
        self.say("")
        self._show_step()
        self.root_words.same.setFocus(Qt.FocusReason.OtherFocusReason)

    def first_focus(self) -> None:
        """Puts the focus where the typing begins."""
        if self._met is not None:
            self.root_words.same.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            (self.passphrase if self._locked else self.name).setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        # Only now: being put into the window, fields lose the order they were given before.
        keys = (self.keyring, self.sealed, self.passphrase, self.again, self.root_words.same, self.start, self.other)
        for before, after in pairwise((self.name, self.alone, self.join, self.plane, self.code, *keys)):
            QWidget.setTabOrder(before, after)

    def _on_start_clicked(self) -> None:
        fault = self._what_is_missing()
        if fault:
            self.say(fault)
            return
        self.fault.hide()
        self.setEnabled(False)
        joins = self.join.isChecked() and not self._locked
        if joins and self._met is None:
            self.start.setText("Asking the plane who it is ...")
            self.meeting_wanted.emit(self._answers())
        else:
            self.start.setText("Joining ..." if joins else "Opening ...")
            self.answered.emit(self._answers())

    def _answers(self) -> Answers:
        joins = self.join.isChecked() and not self._locked
        asked = self.sealed.isChecked() or joins or bool(self._locked)
        return Answers(
            " ".join(self.name.text().split()),
            self.plane.text().strip() if self.join.isChecked() else "",
            self.passphrase.text() if asked else "",
            self.sealed.isChecked() and not self._locked,
            self.code.text().strip() if joins else "",
            self._met if joins else None,
        )

    def _on_other_clicked(self) -> None:
        """Back from comparing; or, where only the person's own key is locked, on without it."""
        if self._met is not None:
            self._met = None
            self.say("")
            self._show_step()
            self.code.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.passphrase.clear()
            self.setEnabled(False)
            self.answered.emit(self._answers())

    def _show_step(self) -> None:
        comparing = self._met is not None
        self.root_words.setVisible(comparing)
        self._form.setVisible(not comparing)
        self.intro.setVisible(not comparing)
        self.heading.setText("Is this your plane?" if comparing else self._title())
        self._show_buttons()

    def _show_buttons(self) -> None:
        comparing, joins = self._met is not None, self.join.isChecked() and not self._locked
        self.start.setText("&Join this plane" if comparing else "&Meet the plane" if joins else "&Open the desk")
        self.other.setText("&Back: they differ" if comparing else "Open &without my key")
        self.other.setVisible(comparing or self._locked == OWN_KEY)

    def _title(self) -> str:
        if self._locked:
            return "Unlock this desk" if self._locked == LOCKED else "Unlock your own key"
        return "Welcome to the incident console"

    def _what_is_missing(self) -> str:
        if self._locked:
            return "" if self.passphrase.text() else "Write the passphrase of the keys that are kept here."
        if self._met is not None:
            same = self.root_words.same.isChecked()
            return "" if same else "Compare the eight words first, and tick that they are the same."
        if not self.name.text().strip():
            return "Write your name: it stands beside everything you do."
        if self.join.isChecked() and not self.plane.text().strip():
            return "Write the address of the plane, or choose to work alone."
        if self.join.isChecked() and not self.code.text().strip():
            return "Write the one-time code of your invitation, or choose to work alone and join later."
        secret = self.sealed.isChecked() or self.join.isChecked()
        if secret and len(self.passphrase.text()) < LEAST_PASSPHRASE:
            return f"The passphrase must have at least {LEAST_PASSPHRASE} characters."
        if secret and self.passphrase.text() != self.again.text():
            return "The two passphrases differ; write the same one twice."
        return ""

    def _on_choice_changed(self, checked: bool = False) -> None:
        joins = self.join.isChecked()
        for line in (self.plane, self.code):
            line.setEnabled(joins)
        secret = (self.sealed.isChecked() or joins) and not self._locked
        self.passphrase.setEnabled(secret or bool(self._locked))
        self.again.setEnabled(secret)
        whose = "Passphrase of your own key" if joins else "Passphrase"
        if not self._locked:
            self.passphrase.setPlaceholderText(f"{whose}, {LEAST_PASSPHRASE} characters or more")
        self._show_buttons()

    def _name_controls(self) -> None:
        for control, name in (
            (self.name, "Your name"),
            (self.plane, "Address of the plane"),
            (self.code, "One-time code of your invitation"),
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
        for line in (self.name, self.plane, self.code, self.passphrase, self.again):
            line.returnPressed.connect(self._on_start_clicked)
        guard(self.start)
        self.start.clicked.connect(self._on_start_clicked)
        self.other.clicked.connect(self._on_other_clicked)
        self._on_choice_changed()

    def _lay_out(self) -> None:
        self._form = QWidget(self)
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.heading = PlainLabel(self._title(), self)
        self.intro = PlainLabel("", self, limit=600)
        self.intro.setWordWrap(True)
        self.fault.setWordWrap(True)
        self.fault.hide()
        self.root_words.hide()
        if self._locked:
            self._lay_out_locked(form)
        else:
            self.intro.setText(
                "No account is needed to work alone, and nothing is sent anywhere. What you do is kept on this "
                "machine, signed by a key of its own; you can join a plane later and take all of it along."
            )
            form.addRow("Your name", self.name)
            form.addRow("This desk", _column(self.alone, self.join, self.plane, self.code))
            form.addRow("Its keys are kept", _column(self.keyring, self.sealed))
            form.addRow("Passphrase", _column(self.passphrase, self.again))
            self.again.setPlaceholderText("The same again")
        self._lay_out_page()

    def _lay_out_locked(self, form: QFormLayout) -> None:
        self.intro.setText(
            "The keys of this desk are in a file under a passphrase."
            if self._locked == LOCKED
            else "Your own key is in a file under your passphrase. Without it you can do everything but what needs "
            "your signature, such as commands and approvals."
        )
        form.addRow("Passphrase", self.passphrase)
        unused = (self.name, self.alone, self.join, self.plane, self.code, self.keyring, self.sealed, self.again)
        for control in unused:
            control.hide()

    def _lay_out_page(self) -> None:
        page = QWidget(self)
        page.setMaximumWidth(620)
        rows = QVBoxLayout(page)
        rows.setSpacing(14)
        rows.addStretch(1)
        rows.addWidget(self.heading)
        rows.addWidget(self.intro)
        rows.addWidget(self._form)
        rows.addWidget(self.root_words)
        rows.addWidget(self.fault)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.other)
        buttons.addStretch(1)
        rows.addLayout(buttons)
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
        for button in (self.start, self.other):
            button.setMinimumHeight(self._theme.px("button"))


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(6)
    for widget in widgets:
        column.addWidget(widget)
    return column
