"""The running program of the window: application, theme, main window, bridge, guards; ended in order.

Nothing heavy is imported before the first paint. At the end the bridge stops hearing, then the desk stops (what talks,
the writer, the readers), then whatever stood around it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from console.ui.main_window import MainWindow
from console.ui.notices import Notices
from console.ui.theme import FUSION, Theme

if TYPE_CHECKING:
    import logging

    from console.policy import Policy
    from console.runtime.desk import Desk
    from console.ui.bridge import Bridge
    from console.ui.crash import CrashHandler
    from console.ui.frame import Frame
    from console.ui.session import Session
    from console.ui.title_marker import TitleMarker
    from console.ui.watchdog import Watchdog


class Program(QObject):
    """Attributes: `window`, `theme`, `notices`; `bridge` and `watchdog` from the first paint on, `frame` once open.

    `after_paint` is called on the main thread after the first paint, with everything light in place.
    """

    def __init__(
        self,
        exercise: bool | None,
        layout_folder: Path | None,
        log_folder: Path | None,
        after_paint: Callable[[], None],
    ) -> None:
        self.application = _application()
        super().__init__()
        self.theme = Theme("dark", self)
        self.theme.dress()
        self.notices = Notices(self)
        self.marker: TitleMarker | None = None
        self._exercise = exercise
        self.window = MainWindow(self.theme, self.notices, exercise, layout_folder)
        self.window.painted.connect(self._on_painted)
        self.window.closing.connect(self._on_closing)
        self._after_paint, self._log_folder = after_paint, log_folder
        self._log_handler: logging.Handler | None = None
        self._desk: Desk | None = None
        self._closers: list[Callable[[], None]] = []
        self.bridge: Bridge | None = None
        self.watchdog: Watchdog | None = None
        self.crash: CrashHandler | None = None
        self.frame: Frame | None = None
        self.closed = False

    def run(self) -> int:
        """Shows the window, runs until it is closed, puts everything away; returns the exit code."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.window.show()
            return int(self.application.exec())
        finally:
            self.put_away()
            for number, handler in before.items():
                signal.signal(number, handler)

    def open(self, desk: Desk, session: Session, policy: Policy) -> Frame:
        """Gives the window its desk, which has started; the panels follow when there is time."""
        from console.ui.frame import Frame
        from console.ui.selection import Selection

        assert self.bridge is not None  # made at the first paint, which comes before every opening
        self._desk = desk
        assert self.marker is not None
        self.marker.set_world(session.exercise)
        self.bridge.attach(desk)
        self.frame = Frame(self.bridge, session, Selection(self), self.theme, self.notices, policy)
        self.window.attach(self.frame)
        return self.frame

    def at_the_end(self, closer: Callable[[], None]) -> None:
        """Calls `closer` after the desk has stopped; the last one given is called first."""
        self._closers.append(closer)

    def holds(self, desk: Desk) -> None:
        """Has the desk stopped at the end even if the window is closed before it was opened with it."""
        self._desk = desk

    def put_away(self) -> None:
        """Ends bridge, desk and the rest, in this order; again does nothing."""
        if self.closed:
            return
        self.closed = True
        if self.watchdog is not None:
            self.watchdog.stop()
        if self.bridge is not None:
            self.bridge.close()
            if self.frame is None:
                self.bridge.join()  # an opening under way ends first, so that what it started can be stopped
        try:
            if self._desk is not None:
                self._desk.stop()
        finally:
            if self.bridge is not None:
                self.bridge.join()
            self._close_rest()

    def _close_rest(self) -> None:
        while self._closers:
            try:
                self._closers.pop()()
            except Exception:
                import logging

                logging.getLogger(__name__).exception("something could not be put away")
        if self.crash is not None:
            self.crash.remove()
        if self._log_handler is not None:
            from console import logs

            logs.stop(self._log_handler)
        if self.marker is not None:
            self.application.removeEventFilter(self.marker)
            self.marker.deleteLater()
        self.window.deleteLater()

    # -- after the first paint

    def _on_painted(self) -> None:
        from console.ui import press
        from console.ui.bridge import Bridge
        from console.ui.crash import CrashHandler
        from console.ui.title_marker import TitleMarker
        from console.ui.watchdog import Watchdog

        self.window.furnish()
        press.install(self.application)
        self.marker = TitleMarker(self.application, self._exercise)
        self.bridge = Bridge(self.notices, self)
        self.crash = CrashHandler(self.bridge.tell)
        self._write_logs()
        self.crash.install(self._log_folder / "crash.log" if self._log_folder is not None else None)
        self.watchdog = Watchdog(self)
        self.watchdog.start()
        for fault in self.theme.faults:
            self.notices.say(fault, "warning")
        self._after_paint()

    def _write_logs(self) -> None:
        from console import logs

        if self._log_folder is None:
            return
        try:
            self._log_handler = logs.to_file(self._log_folder / "desk.log")
        except OSError as error:
            self.notices.say(f"No log is written: {self._log_folder} cannot be used ({error.strerror}).", "warning")

    def _on_closing(self) -> None:
        QTimer.singleShot(0, self.application.quit)

    def _on_signal(self, number: int, frame: Any) -> None:
        # Python runs this between two beats of the watchdog, on the main thread.
        self.window.close()


def _application() -> QApplication:
    found = QApplication.instance()
    if isinstance(found, QApplication):
        return found
    application = QApplication(["incident-console", "-style", "Fusion"])
    application.setProperty(FUSION, True)
    application.setApplicationName("incident-console")
    application.setApplicationDisplayName("")
    application.setDesktopFileName("incident-console")
    return application
