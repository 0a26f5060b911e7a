"""Keeps what is being typed in a field on this desk, so that neither a crash nor another panel loses it.

One `Draft` a field: `open` it for a place, and the text kept for that place comes back; while a person types, it is
saved at most SAVE_MS after each key, and at once when the field goes out of sight. `drop` it when the text is recorded
or thrown away. Drafts are never events and are never sent.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from console.actions.drafts import discard_draft, save_draft
from console.queries.drafts import Draft as Kept
from console.queries.drafts import drafts
from console.ui.bridge import Bridge, sentence_of

SAVE_MS = 700
Field = QLineEdit | QPlainTextEdit


class Draft(QObject):
    """The draft of one field, which owns it. Signals: `restored(str)` with when it was saved (RFC 3339)."""

    restored = Signal(str)

    def __init__(self, bridge: Bridge, field: Field, kind: str) -> None:
        super().__init__(field)
        self._bridge, self._field, self._kind = bridge, field, kind
        self._incident = self._place = self._key = self._kept = self._before = ""
        self._person = bridge.person
        self._last: dict[str, str] = {}
        """What was last said to be kept, by key, "" for nothing: a reader may not have seen the writer do it yet."""
        self._told = False
        self._turn = 0
        """Counts the places opened; what was kept of an older one is not put into the field."""
        self._timer = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._timer.timeout.connect(self.save)
        field.textChanged.connect(self._on_edited)
        bridge.person_changed.connect(self._on_person)
        field.installEventFilter(self)

    def open(self, incident: str, place: str = "", start: str = "") -> None:
        """Goes to another place: keeps what was typed at the one before, shows `start`, then what is kept of this one.

        A place is one of an incident ("" for none) and each person's own; nothing typed meanwhile is lost.
        """
        self.save()
        self._turn += 1
        self._incident, self._place, self._key = incident, place, ""
        self._person = self._bridge.person
        _put(self._field, start)
        self._timer.stop()
        self._key, self._kept, self._before = f"{self._kind}:{incident}:{place}:{self._person}", start, start
        if self._bridge.is_open:
            then, failed = partial(self._on_kept, self._turn, self._key), self._on_failed
            self._bridge.ask(drafts, incident, owner=self, then=then, failed=failed)

    def save(self) -> None:
        """Keeps what stands in the field, if it is not kept yet."""
        self._timer.stop()
        text = _text(self._field)
        if not self._key or text == self._kept or not self._bridge.is_open:
            return
        self._kept = text
        kept = self._last[self._key] = "" if text == self._before else text
        self._bridge.act(
            save_draft, self._key, self._incident, self._kind, kept,
            owner=self, then=self._on_saved, failed=self._on_failed,
        )  # fmt: skip

    def drop(self) -> None:
        """Forgets the draft: it is recorded, or thrown away. Nothing is kept until the next `open`."""
        self._timer.stop()
        key, self._key = self._key, ""
        if key and self._bridge.is_open:
            self._last[key] = ""
            self._bridge.act(discard_draft, key, owner=self, failed=self._on_failed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102, N802
        if watched is self._field and event.type() == QEvent.Type.Hide:
            self.save()
        return False

    def _on_person(self) -> None:
        """Keeps what the one before was typing as theirs, and shows what whoever sits here now left at this place."""
        if self._key and self._person != self._bridge.person:
            self.open(self._incident, self._place, self._before)

    def _on_edited(self, _: str = "") -> None:
        if self._key and not self._timer.isActive():  # a person who does not pause is saved as well
            self._timer.start()

    def _on_kept(self, turn: int, key: str, found: tuple[Kept, ...]) -> None:
        kept = next((one for one in found if one.key == key), None)
        text = self._last.get(key, kept.text if kept is not None else "")
        if turn != self._turn or self._key != key or not text:
            return
        typed = _text(self._field)
        if typed == self._before:
            self._kept = text
            _put(self._field, text)
        elif not self._before:
            _put(self._field, f"{text} {typed}")
        self.restored.emit(kept.saved_at if kept is not None else "")

    def _on_saved(self, _: Any) -> None:
        self._told = False

    def _on_failed(self, error: BaseException) -> None:
        """Says once that nothing is kept; the text itself still stands in the field."""
        self._kept = self._before
        if not self._told:
            self._told = True
            self._bridge.tell(f"What you are typing cannot be kept as a draft: {sentence_of(error)}")


def _text(field: Field) -> str:
    return field.text() if isinstance(field, QLineEdit) else field.toPlainText()


def _put(field: Field, text: str) -> None:
    if _text(field) == text:
        return
    if isinstance(field, QLineEdit):
        field.setText(text)
    else:
        field.setPlainText(text)
