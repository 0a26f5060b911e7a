"""PySide6 6.12.0 on Python 3.11 loses a reference to `True` and `None` at each emit and void call; ours must not."""

from __future__ import annotations

import sys
from typing import Any

from PySide6.QtCore import QObject, Signal


class Emitter(QObject):
    done = Signal()


def test_ten_thousand_emits_cost_no_reference(qapp: Any) -> None:
    emitter = Emitter()
    emitter.done.connect(emitter.objectName)
    before = sys.getrefcount(None), sys.getrefcount(True)
    for _ in range(10_000):
        emitter.done.emit()
        emitter.setObjectName("x")
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert all(abs(now - then) < 1_000 for now, then in zip(after, before, strict=True))
