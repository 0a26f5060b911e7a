"""Sentences to the person: said from anywhere, kept until a window exists, shown as bars that go by themselves.

A notice never asks and never blocks. The same sentence again is counted on the bar that is there.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

LEVELS = ("info", "warning", "error")


@dataclass(frozen=True)
class Notice:
    """One sentence; `action` is (label, action id) of what a button on it does."""

    sentence: str
    level: str = "info"
    action: tuple[str, str] | None = None


class Notices(QObject):
    """Signals: `said(Notice)`. What is said before anybody listens is kept in `waiting`."""

    said = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.waiting: list[Notice] = []
        self._heard = False

    def say(self, sentence: str, level: str = "info", action: tuple[str, str] | None = None) -> None:
        """Says one sentence; an unknown level counts as an error."""
        notice = Notice(sentence, level if level in LEVELS else "error", action)
        if self._heard:
            self.said.emit(notice)
        else:
            self.waiting.append(notice)

    def take(self) -> list[Notice]:
        """What was said so far, for the window that listens from now on."""
        self._heard = True
        waiting, self.waiting = self.waiting, []
        return waiting
