"""What happens when the program itself is wrong: one log record, one notice, and the window goes on.

An exception in a slot may come once a paint; the same one (type and place) is logged once a minute and told once.
`faulthandler` writes what kills the process to a file of its own.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

SENTENCE = "A fault of the program was caught and is in the log; what you did last may not have been done."
AGAIN_S = 60.0

_log = logging.getLogger(__name__)


class CrashHandler:
    """Takes `sys.excepthook` and `threading.excepthook` over between `install` and `remove`."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._seen: dict[tuple[Any, ...], float] = {}
        self._before: tuple[Any, Any] | None = None
        self._dump: IO[str] | None = None

    def install(self, dump: Path | None = None) -> None:
        """Takes over; `dump` is the file for faulthandler, None for none. A file that cannot be made is logged."""
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook, threading.excepthook = self.handle, self._handle_thread
        if dump is not None:
            try:
                dump.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._dump = dump.open("a", encoding="utf-8")
                faulthandler.enable(self._dump)
            except OSError as error:
                _log.warning("crashes cannot be written to %s: %s", dump, error)

    def remove(self) -> None:
        """Gives both hooks back."""
        if self._before is not None:
            sys.excepthook, threading.excepthook = self._before
            self._before = None
        if self._dump is not None:
            faulthandler.disable()
            self._dump.close()
            self._dump = None

    def handle(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Logs and tells it unless it was seen a moment ago."""
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        place, now = _place(kind, trace), self._clock()
        before = self._seen.get(place)
        if before is not None and now - before < AGAIN_S:
            return
        self._seen[place] = now
        _log.error("an exception reached nobody", exc_info=(kind, error, trace))
        if before is None:
            self._tell(SENTENCE)

    def _handle_thread(self, arguments: Any) -> None:
        if arguments.exc_value is not None:
            self.handle(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def _place(kind: type[BaseException], trace: TracebackType | None) -> tuple[Any, ...]:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (kind, trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace is not None else (kind,)
