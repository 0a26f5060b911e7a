"""Random hands over the switches panel and its sheets, and a witness who says whether a fired gesture was a lawful one.

A lawful gesture is a person's: held on the button for as long as the policy asks, or pressed twice with the policy's
pause and nothing else in between. The monkey cannot type a name, so nothing wide and no restore can fire at all.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from console.actions.approvals import request_approval
from console.domain.switches import GateTimes
from console.ui.press import DEBOUNCE_MS
from console.ui.switches import SwitchesPanel
from console.ui.switches.hold_button import HoldButton
from console.ui.switches.looking import look_from
from tests.fakes.switch_stand import SECOND, SwitchStand

KEYS = (
    Qt.Key.Key_Space, Qt.Key.Key_Space, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select,
    Qt.Key.Key_Tab, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Home,
    Qt.Key.Key_A, Qt.Key.Key_Y, Qt.Key.Key_1, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_F1, Qt.Key.Key_F5,
    Qt.Key.Key_F9, Qt.Key.Key_F10, Qt.Key.Key_Menu, Qt.Key.Key_Escape,
)  # fmt: skip
"""No "r": neither "range" nor "borealis" can be typed."""
DECK = (
    "switches.approve", ("FF_TENANT_BLOCK", "stopped"), ("FF_GLOBAL_AI", "stopped"), ("FF_TENANT_BLOCK", "running"),
    "switches.approve", ("FF_GLOBAL_AI", "running"), "switches.hold", "switches.throw", "switches.restore",
    "switches.look",
)  # fmt: skip
PASTED = ("yes", "stop everything", "RANGE?", "\u202eegnar", "b0realis", "x" * 5_000, "a\nb\x00c")
NONE, ALT, LEFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.AltModifier, Qt.MouseButton.LeftButton
WRITTEN = ("switch.confirmed", "approval.given", "approval.declined", "break_glass.reviewed", "breaker.taken_over")
GRACE_MS = 30
"""How far the witness's clock and a timer of Qt may be apart."""


@dataclass
class Witness:
    """What was really pressed: it reads the monkey's own hands, never the button's memory."""

    times: GateTimes
    log: list[tuple[float, str, str, bool]] = field(default_factory=list)
    """(when, "press" | "release" | "other", key or button, on the fire button); newest last."""
    unlawful: list[str] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)

    def saw(self, what: str, with_: str = "", on_button: bool = False) -> None:
        """Something was sent just now."""
        self.log.append((time.monotonic(), what, with_, on_button))
        del self.log[:-400]

    def fires(self, button: HoldButton, gesture: str) -> None:
        """A button says that it was confirmed."""
        self.fired[gesture] += 1
        if not self._lawful(gesture):
            told = [(f"{at - self.log[-1][0]:.3f}", *rest) for at, *rest in self.log[-12:]]
            self.unlawful.append(f"{gesture} of '{button.text()}' after {told}")

    def _lawful(self, gesture: str) -> bool:
        presses = self._presses()
        if not presses:
            return False
        if gesture == "hold":
            return (time.monotonic() - presses[-1]) * 1000 >= self.times.hold_ms - GRACE_MS
        return len(presses) > 1 and (presses[-1] - presses[0]) * 1000 >= self.times.reflex_fail_ms - GRACE_MS

    def _presses(self) -> list[float]:
        """When the button was pressed since anything else was; a release that is no rest (80 ms) ends nothing."""
        began: list[float] = []
        released: float | None = None
        down = False
        for at, what, with_, on_button in self.log:
            if what == "other" or (what == "press" and not on_button):
                began, down, released = [], False, None
            elif what == "press":
                rested = released is not None and (at - released) * 1000 >= DEBOUNCE_MS
                if not down or rested or with_ == "mouse":
                    began.append(at)
                down, released = True, None
            elif down:
                released = at
        return began


class Monkey:
    """`act()` does one thing at the panel; `sheets` counts what it opened, by kind."""

    def __init__(self, panel: SwitchesPanel, seed: int, times: GateTimes) -> None:
        self.panel, self.dice, self.witness = panel, random.Random(seed), Witness(times)
        self.sheets: Counter[str] = Counter()
        self.inputs, self._turn = 0, -1
        self._deeds: tuple[Callable[[], None], ...] = (
            self._key, self._key, self._key, self._key, self._storm, self._click, self._click, self._click,
            self._mouse_about, self._wheel, self._focus, self._paste, self._resize,
        )  # fmt: skip

    def act(self) -> None:
        """One random input, a storm counts as one for each key."""
        if self.panel.sheet is None and self.dice.random() < 0.3:
            self._open()
            self.inputs += 1
        elif self.panel.sheet is not None and self.dice.random() < 0.006:
            self.witness.saw("other")
            self.panel.sheet.disarm()
        else:
            self.dice.choice(self._deeds)()

    def let_go(self) -> None:
        """Nothing is down any more."""
        for key in set(KEYS):
            self._send_key(self.panel, QEvent.Type.KeyRelease, key, NONE, repeat=False)

    # -- deeds

    def _open(self) -> None:
        """The next kind of sheet in turn, so that a short round meets them all."""
        self.witness.saw("other")
        self._turn += 1
        kind = DECK[self._turn % len(DECK)]
        if isinstance(kind, str):
            self.panel.on_action(kind)
        else:
            cards = [card for card in self.panel._cards if card.reach.switch == kind[0]]
            if cards:
                self.panel.open_sheet(cards[0].reach, kind[1])
        if self.panel.sheet is not None:
            armed = getattr(self.panel.sheet, "armed", None)
            self.sheets["approve" if armed is None else f"{'wide' if armed.wide else 'narrow'} {armed.want}"] += 1

    def _key(self) -> None:
        key = self.dice.choice(KEYS)
        if key == Qt.Key.Key_Escape and self.dice.random() < 0.97:
            key = Qt.Key.Key_Space  # a sheet that is always closed would prove nothing
        widget = self.panel.window().focusWidget() or self.panel
        modifier = ALT if self.dice.random() < 0.05 else NONE
        repeat = self.dice.random() < 0.3
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            if self.dice.random() < 0.9:
                self._send_key(widget, kind, key, modifier, repeat=repeat)
        self.inputs += 1

    def _storm(self) -> None:
        """A key that is held down and repeats, or is mashed."""
        key, mashed = self.dice.choice(KEYS[:6]), self.dice.random() < 0.5
        widget = self.panel.window().focusWidget() or self.panel
        for n in range(self.dice.randrange(3, 25)):
            self._send_key(widget, QEvent.Type.KeyPress, key, NONE, repeat=n > 0 and not mashed)
            if mashed or self.dice.random() < 0.5:
                self._send_key(widget, QEvent.Type.KeyRelease, key, NONE, repeat=not mashed)
            self.inputs += 1
        self._send_key(widget, QEvent.Type.KeyRelease, key, NONE, repeat=False)

    def _send_key(self, widget: QWidget, kind: QEvent.Type, key: Qt.Key, modifier: Any, *, repeat: bool) -> None:
        is_press = kind == QEvent.Type.KeyPress
        fires = isinstance(widget, HoldButton) and key == Qt.Key.Key_Space and modifier == NONE
        if is_press and not (repeat and fires):
            self.witness.saw("press", "key", fires)
        elif not is_press and not repeat and key == Qt.Key.Key_Space:
            self.witness.saw("release", "key", fires)
        text = chr(key) if key < 128 else ""
        QApplication.sendEvent(widget, QKeyEvent(kind, key, modifier, text, autorep=repeat))

    def _place(self) -> tuple[QWidget, QPointF]:
        """Somewhere on the panel; on the fire button more often than chance would."""
        point = QPoint(self.dice.randrange(self.panel.width()), self.dice.randrange(self.panel.height()))
        sheet = self.panel.sheet
        button = getattr(getattr(sheet, "form", sheet), "button", None)
        if button is not None and self.dice.random() < 0.3:
            point = button.mapTo(self.panel, button.rect().center())
        widget: QWidget = self.panel.childAt(point) or self.panel
        return widget, QPointF(widget.mapFrom(self.panel, point))

    def _click(self) -> None:
        widget, at = self._place()
        for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            if self.dice.random() < 0.9:
                self._send_mouse(widget, at, kind)
        self.inputs += 1

    def _send_mouse(self, widget: QWidget, at: QPointF, kind: QEvent.Type) -> None:
        pressed = kind == QEvent.Type.MouseButtonPress
        moved = kind == QEvent.Type.MouseMove
        if not moved:
            self.witness.saw("press" if pressed else "release", "mouse", isinstance(widget, HoldButton))
        held = LEFT if pressed or moved else Qt.MouseButton.NoButton
        which = Qt.MouseButton.NoButton if moved else LEFT
        event = QMouseEvent(kind, at, QPointF(widget.mapToGlobal(at.toPoint())), which, held, NONE)
        QApplication.sendEvent(widget, event)

    def _mouse_about(self) -> None:
        """Pressed here, dragged there, let go elsewhere."""
        (widget, at), (other, to) = self._place(), self._place()
        self._send_mouse(widget, at, QEvent.Type.MouseButtonPress)
        self._send_mouse(widget, QPointF(widget.mapFromGlobal(other.mapToGlobal(to.toPoint()))), QEvent.Type.MouseMove)
        self._send_mouse(self.dice.choice((widget, other)), to, QEvent.Type.MouseButtonRelease)
        self.inputs += 1

    def _wheel(self) -> None:
        widget, at = self._place()
        turn = QPoint(0, self.dice.choice((-120, 120, 1_200)))
        globally = QPointF(widget.mapToGlobal(at.toPoint()))
        none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
        QApplication.sendEvent(widget, QWheelEvent(at, globally, QPoint(), turn, none, NONE, phase, False))
        self.inputs += 1

    def _focus(self) -> None:
        widget, _ = self._place()
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            widget.setFocus()
            if not isinstance(widget, HoldButton):
                self.witness.saw("other")
        self.inputs += 1

    def _paste(self) -> None:
        widget = self.panel.window().focusWidget()
        QApplication.clipboard().setText(self.dice.choice(PASTED))
        paste = getattr(widget, "paste", None)
        if callable(paste) and not (isinstance(widget, QPlainTextEdit) and widget.isReadOnly()):
            paste()
        self.inputs += 1

    def _resize(self) -> None:
        if self.dice.random() < 0.2:  # it lays everything out anew
            self.panel.resize(self.dice.randrange(500, 1_200), self.dice.randrange(400, 900))
        self.inputs += 1


def ask_for_approval(stand: SwitchStand) -> None:
    """Somebody else asks for a second person, so that there is something to approve by accident."""
    policy, friend = stand.frame.policy, stand.certify("second@example.org", SECOND, "sre_on_call")
    look = look_from(stand.plane.select(stand.incident, "FF_GLOBAL_AI", "environment.range", "stopped"))
    stand.desk.act(
        request_approval, stand.incident, command_id=stand.incident, switch="FF_GLOBAL_AI",
        target="environment.range", want="stopped", preview=look.preview, reason="All of it is wrong.",
        inventory=policy.inventory, catalogue=policy.switches, policy_hash=policy.hash, actor=friend,
        now=stand.desk.settings.clock(),
    ).result(5)  # fmt: skip


def written(stand: SwitchStand) -> dict[str, int]:
    """What no accident may ever write: orders, and signatures of a person."""
    events = {name: stand.counted("timeline", f"type = '{name}'") for name in WRITTEN}
    wide = "switch = 'FF_GLOBAL_AI' OR want = 'running'"
    return {"orders": stand.counted("command"), "wide or restore": stand.counted("command", wide)} | events


def play(
    panel: SwitchesPanel, stand: SwitchStand, count: int, seed: int, patched: Callable[[str, Any], None], rest_s: float,
    *, really: bool = True,
) -> Monkey:  # fmt: skip
    """`count` inputs at full speed with a rest of up to `rest_s` after each burst; `patched` puts the witness in.

    Unless it is `really` so, a fired button is only witnessed.
    """
    monkey = Monkey(panel, seed, stand.frame.policy.switches.times)
    original = HoldButton._fire

    def fire(button: HoldButton, gesture: str) -> None:
        monkey.witness.fires(button, gesture)
        if really:
            original(button, gesture)

    patched("_fire", fire)
    while monkey.inputs < count:
        burst = monkey.inputs + monkey.dice.randrange(5, 60)
        while monkey.inputs < min(burst, count):
            monkey.act()
        end = time.monotonic() + monkey.dice.random() * rest_s * (monkey.dice.random() < 0.05)
        QApplication.processEvents()
        while time.monotonic() < end:
            QApplication.processEvents()
    monkey.let_go()
    return monkey
