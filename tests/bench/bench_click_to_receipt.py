"""From the second press on the confirm button to the plane's acknowledgement on the screen, against a bare round trip.

Ours is the whole way: gates judged in the window and again in the transaction, event and order signed by device and
person, both committed with fdatasync (the durable intent), sent, taken by a plane over real HTTP, written back and
shown. The reference is one small message there and back over a warm raw socket on the loopback.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.commands.demo.cast import COMMANDER, OWNER, PEOPLE
from console.commands.demo.opening import TARGET, Case
from console.commands.demo.stage import Settings, Stage
from console.commands.demo.stopping import SWITCH, await_outcome, order_switch
from console.domain.switches import RUNNING, STOPPED
from console.ui import press
from console.ui.bridge import Bridge
from console.ui.frame import Frame
from console.ui.notices import Notices
from console.ui.selection import Selection
from console.ui.session import Session
from console.ui.switches import SwitchesPanel
from console.ui.switches.sheet import ConfirmSheet
from console.ui.theme import Theme
from tests.bench.bench_click_to_observed import _open_incident
from tests.bench.pairs import percentile, row

CYCLES = 25
REQUEST, ANSWER = b"q" * 2_000, b"a" * 600
"""About what an order and its answer weigh."""


def measure(work: Path) -> dict[str, object]:
    """Milliseconds; medians over cycles in turn."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    press.install(app)
    theme = Theme("dark")
    theme.dress()
    echo = _Echo()
    ours, reference = list[float](), list[float]()
    with Stage(Settings(None, 0, work / "out"), lambda _: None, quick=True) as stage:
        case = _open_incident(stage)
        desk = _Window(stage, case, theme)
        try:
            for cycle in range(CYCLES + 1):
                theirs = echo.round_trip()
                mine = desk.stop()
                _restore(stage, case)
                if cycle:
                    ours.append(mine)
                    reference.append(theirs)
        finally:
            desk.close()
            echo.close()
    return row(ours, reference, "ms", [f"ours p99 {percentile(ours, 0.99):.1f} ms, longest {max(ours):.1f} ms"])


class _Window:
    """The shipped panel on the stage's desk."""

    def __init__(self, stage: Stage, case: Case, theme: Theme) -> None:
        self._parent = QObject()
        notices = Notices(self._parent)
        self._bridge = Bridge(notices, self._parent)
        self._bridge.listen_to(stage.desk)
        stage.desk._outside and self._bridge.attach(stage.desk)
        stage.desk._writer.listen(self._heard)
        person, title, roles = PEOPLE[COMMANDER]
        key = stage.cast.actor(COMMANDER).key
        session = Session(person, title, True, roles, key, stage.evidence, None, stage.plane_ready["origin"])
        selection = Selection(self._parent)
        frame = Frame(self._bridge, session, selection, theme, notices, stage.policy)
        self.panel = SwitchesPanel(frame)
        self.panel.resize(900, 700)
        self.panel.show()
        selection.choose_incident(case.incident)
        self._until(lambda: self.panel._board is not None)

    def stop(self) -> float:
        """Opens the sheet, presses twice, and waits until the acknowledgement is on the screen; milliseconds."""
        self._until(lambda: not self._is_stopped())
        self.panel.on_action("switches.hold")
        self._until(lambda: isinstance(self.panel.sheet, ConfirmSheet))
        sheet = self.panel.sheet
        assert isinstance(sheet, ConfirmSheet)
        button = sheet.form.button
        self._until(button.isEnabled)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        QTest.qWait(400)
        begun = time.perf_counter()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self._until(lambda: sheet.receipt.acknowledged_shown)
        sheet.receipt.repaint()
        took = (time.perf_counter() - begun) * 1000
        self._until(lambda: sheet.receipt.state == "verified" and not sheet._locked)
        sheet.disarm()
        return took

    def close(self) -> None:
        self.panel.close()
        self.panel.deleteLater()
        self._bridge.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _heard(self, changes: Any) -> None:
        self._bridge._arrive("changed", changes)

    def _is_stopped(self) -> bool:
        cards = [card for card in self.panel._cards if (card.reach.switch, card.reach.target) == (SWITCH, TARGET)]
        return not cards or cards[0].is_stopped

    def _until(self, done: Any, within_s: float = 40.0) -> None:
        """Runs the event loop until something holds; it wakes with every event, so nothing is rounded up."""
        deadline = time.monotonic() + within_s
        waker = QTimer(interval=50)
        waker.start()
        while not done():
            assert time.monotonic() < deadline, "the window did not get there"
            QApplication.processEvents(QEventLoopFlags)
        waker.stop()


def _restore(stage: Stage, case: Case) -> None:
    name = stage.policy.inventory.item(TARGET).name
    reason, criteria = "The next cycle of the measurement.", case.told["criteria"]
    await_outcome(
        stage, order_switch(stage, case, RUNNING, reason=reason, typed_name=name, criteria=criteria)
    )


class _Echo:
    """A peer that answers each request over one warm connection."""

    def __init__(self) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, args=(server,), daemon=True)
        self._thread.start()
        self._socket = socket.create_connection(server.getsockname())
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def round_trip(self) -> float:
        begun = time.perf_counter()
        for _ in range(20):
            self._socket.sendall(REQUEST)
            _take(self._socket, len(ANSWER))
        return (time.perf_counter() - begun) * 1000 / 20

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)

    def _serve(self, server: socket.socket) -> None:
        peer, _ = server.accept()
        with server, peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while _take(peer, len(REQUEST)):
                peer.sendall(ANSWER)


def _take(peer: socket.socket, size: int) -> bool:
    left = size
    while left:
        part = peer.recv(left)
        if not part:
            return False
        left -= len(part)
    return True
