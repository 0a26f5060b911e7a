"""From the second press on the confirm button to the plane's acknowledgement on the screen, against a raw socket.

Ours is the whole way: gates judged in the window and again in the transaction, event and order signed by device and
person, the intent committed durably on the desk, sent, committed by the plane, written back and painted. The reference
is a ready-made order of the same kind for another tenant, written to the same plane over a warm raw socket, until the
answer is there. A bare echo on the loopback stands in the notes.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from console.commands.demo.cast import COMMANDER, PEOPLE
from console.commands.demo.opening import TARGET, Case
from console.commands.demo.stage import Settings, Stage
from console.commands.demo.stopping import SWITCH, await_outcome, order_switch
from console.domain.commands import Order
from console.domain.inventory import BlastRadius
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc
from console.proof.canonical import canonical
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
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
from tests.fakes.hands import first_press, second_press

CYCLES, OTHER = 20, "tenant.cascade"


def measure(work: Path) -> dict[str, object]:
    """Milliseconds; medians over cycles in turn."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    press.install(app)
    theme = Theme("dark")
    theme.dress()
    ours, reference = list[float](), list[float]()
    with Stage(Settings(None, 0, work / "out"), lambda _: None, quick=True) as stage:
        case = _open_incident(stage)
        _prove(stage, case)
        window, raw = _Window(stage, case, theme), _Raw(stage, case)
        try:
            for cycle in range(CYCLES + 1):
                theirs, mine = raw.order(), window.stop()
                _restore(stage, case)
                if cycle:
                    ours.append(mine)
                    reference.append(theirs)
        finally:
            window.close()
            raw.close()
    notes = [f"ours p99 {percentile(ours, 0.99):.1f} ms; a bare echo on the loopback {_echo_ms():.3f} ms"]
    return row(ours, reference, "ms", notes)


class _Window:
    """The shipped panel on the stage's desk."""

    def __init__(self, stage: Stage, case: Case, theme: Theme) -> None:
        self._parent = QObject()
        notices = Notices(self._parent)
        self._bridge = Bridge(notices, self._parent)
        self._bridge.attach(stage.desk)
        stage.desk._writer.listen(partial(self._bridge._arrive, "changed"))  # the stage's desk runs already
        person, title, roles = PEOPLE[COMMANDER]
        key = stage.cast.actor(COMMANDER).key
        session = Session(person, title, True, roles, key, None, None, stage.plane_ready["origin"])
        frame = Frame(self._bridge, session, Selection(self._parent), theme, notices, stage.policy)
        self.panel = SwitchesPanel(frame)
        self.panel.resize(900, 700)
        self.panel.show()
        frame.selection.choose_incident(case.incident)
        _until(lambda: self.panel._board is not None)

    def stop(self) -> float:
        """Opens the sheet, presses twice, and waits until the acknowledgement is painted; milliseconds."""
        _until(lambda: not self._is_stopped())
        self.panel.on_action("switches.hold")
        sheet = self.panel.sheet
        assert isinstance(sheet, ConfirmSheet)
        button = sheet.form.button
        _until(button.isEnabled)
        first_press(button)
        begun = time.perf_counter()
        second_press(button)
        _until(lambda: sheet.receipt.acknowledged_shown)
        sheet.receipt.repaint()
        took = (time.perf_counter() - begun) * 1000
        _until(lambda: sheet.receipt.state == "verified" and not sheet._locked)
        sheet.disarm()
        return took

    def close(self) -> None:
        """Takes the panel away."""
        self.panel.close()
        self.panel.deleteLater()
        self._bridge.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _is_stopped(self) -> bool:
        return next(card.is_stopped for card in self.panel._cards if card.reach.switch == SWITCH)


class _Raw:
    """The plane over one warm socket: orders that were judged by nobody, signed before the clock starts."""

    def __init__(self, stage: Stage, case: Case) -> None:
        self._stage, self._case = stage, case
        keeper = TokenKeeper(stage.desk.settings.device_key, lambda: secrets.token_hex(32))
        self._client = PlaneClient(Wire(stage.plane_ready["url"], lambda: time.time_ns() // 1000), keeper)
        self._client.health()
        self._client.renew_token()
        self._token = keeper.token
        host, port = stage.plane_ready["url"].removeprefix("http://").split(":")
        self._host = f"{host}:{port}"
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def order(self) -> float:
        """One fresh stop of another tenant; milliseconds from the first byte sent to the last one received."""
        request = self._request()
        begun = time.perf_counter()
        self._socket.sendall(request)
        status = self._read_answer()
        took = (time.perf_counter() - begun) * 1000
        assert status == 202, status
        return took

    def close(self) -> None:
        """Closes both connections."""
        self._socket.close()
        self._client.close()

    def _request(self) -> bytes:
        shown = self._client.select(self._case.incident, SWITCH, OTHER, STOPPED).answer
        actor, device, now = self._stage.cast.actor(COMMANDER), self._stage.desk.settings.device_key, datetime.now(UTC)
        order = Order(
            command_id=self._stage.new_id(), incident=self._case.incident, switch=SWITCH, target=OTHER, want=STOPPED,
            epoch=shown.epoch, generation=shown.generation, blast_radius=BlastRadius(shown.scope, tuple(shown.ids)),
            policy_hash=shown.policy_hash, expires=format_utc(now + timedelta(seconds=25)),
            authorised_at=format_utc(now), reason="", typed_name="", dwell_ms=0, gesture="second_press",
            person=actor.person, role=actor.role, for_owner="", device=device.id, exercise=True,
            select_token=shown.select_token, confirmation=self._stage.new_id(), criteria={},
        )  # fmt: skip
        text = canonical(order.as_object())
        signed = {"canon": text.decode(), "sig": device.sign_text(text)}
        body = json.dumps(signed | {"person_sig": actor.signing_key("An order").sign_text(text)}).encode()
        head = f"POST /v1/commands HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._token}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def _read_answer(self) -> int:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
        while len(body) < size:
            body += self._socket.recv(65536)
        return int(head.split(b" ")[1])


def _prove(stage: Stage, case: Case) -> None:
    """A run that is within its limits, which every restore may cite; few cases stray by chance, so they are many."""

    def within() -> str:
        run = stage.desk.errand(lambda client: client.validate(case.incident, TARGET, 200)).result().answer
        signed = stage.wait_for(lambda: stage.desk.query(lambda r: r.event(run.event_id)), "The run arriving", 20)
        return "" if signed.envelope.body["beyond"] else run.event_id

    case.told["criteria"] |= {"behaviour_validation": (stage.wait_for(within, "A run within its limits", 60),)}


def _restore(stage: Stage, case: Case) -> None:
    name = stage.policy.inventory.item(TARGET).name
    reason, criteria = "The next cycle of the measurement.", case.told["criteria"]
    await_outcome(stage, order_switch(stage, case, RUNNING, reason=reason, typed_name=name, criteria=criteria))


def _until(done: Callable[[], bool], within_s: float = 40.0) -> None:
    """Turns the event loop until something holds, without rounding up to a timer's tick."""
    deadline, loop, waker = time.monotonic() + within_s, QEventLoop(), QTimer(interval=50)
    waker.start()  # so that the deadline is seen even when nothing happens
    while not done():
        assert time.monotonic() < deadline, "the window did not get there"
        loop.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    waker.stop()


def _echo_ms(times: int = 200) -> float:
    ours, theirs = socket.socketpair()
    peer = threading.Thread(target=_echo, args=(theirs, times))
    peer.start()
    with ours:
        begun = time.perf_counter()
        for _ in range(times):
            ours.sendall(b"x" * 2_000)
            left = 2_000
            while left:
                left -= len(ours.recv(left))
        took = (time.perf_counter() - begun) * 1000 / times
    peer.join()
    return took


def _echo(end: socket.socket, times: int) -> None:
    with end:
        for _ in range(times):
            left, data = 2_000, b""
            while left:
                data = end.recv(left)
                left -= len(data)
            end.sendall(b"x" * 2_000)
