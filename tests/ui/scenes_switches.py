"""Scenes of the kill-switch panel for the pictures: cards, sheets, receipts, unknown outcomes, the offline card."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton

from console.ui.switches import SwitchesPanel
from console.ui.switches.sheet import ConfirmSheet
from tests.fakes import hands
from tests.fakes.orders import authorise, order
from tests.fakes.record_kit import body_of
from tests.fakes.studio import TARGET, Studio
from tests.ui.scenes_panels import HOSTILE, Scene, Take, in_themes

SIZE = QSize(900, 640)
WIDE = "FF_GLOBAL_AI"
NARROW = "FF_TENANT_BLOCK"
STEP_TIMES = {
    "sent": "sent_at", "acknowledged": "acknowledged_at", "dispatched": "dispatched_at", "verified": "observed_at",
}  # fmt: skip


def _panel(studio: Studio, **fields: Any) -> SwitchesPanel:
    studio.pass_time(60)
    studio.opened(**fields)
    panel = SwitchesPanel(studio.frame)
    studio.show(panel, SIZE)
    studio.until(lambda: panel._board is not None)
    studio.settle()
    return panel


def _stopped(studio: Studio, panel: SwitchesPanel) -> None:
    studio.stand.stopped(seen_s=-4)
    studio.pass_time(5)
    studio.until(lambda: panel._cards[0].observed.sign == "stopped")
    studio.settle()


def _sheet(studio: Studio, panel: SwitchesPanel, switch: str, want: str = "stopped") -> ConfirmSheet:
    card = next(card for card in panel._cards if card.reach.switch == switch)
    panel.open_sheet(card.reach, want)
    sheet: Any = panel.sheet
    studio.until(lambda: sheet._look is not None and sheet._facts is not None)
    studio.until(lambda: sheet.form.numbers.visible_ms > 2_000)
    studio.settle()
    return sheet


def switches(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    _stopped(studio, panel)
    in_themes(studio, take, panel, "switches", "dark", "light", "high_contrast")
    for name, size in (("switches-1366", QSize(1366, 560)), ("switches-narrow", QSize(520, 560))):
        panel.resize(size)
        studio.settle()
        take(name, panel)


def switches_sheet(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    _sheet(studio, panel, NARROW)
    in_themes(studio, take, panel, "switches-sheet")
    assert panel.sheet is not None
    panel.sheet.disarm()
    sheet = _sheet(studio, panel, WIDE)
    sheet.form.reason.setPlainText("Grounding fell for every tenant; nothing narrower holds.")
    sheet.form.typed.setText("range")
    studio.settle()
    take("switches-wide-waiting", panel)


def switches_restore(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    _stopped(studio, panel)
    studio.bridge.plane.state = "stopped"
    _sheet(studio, panel, NARROW, "running")
    take("switches-restore-unmet", panel)


def switches_offline(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    studio.go_offline()
    panel.on_action("switches.hold")
    studio.settle()
    take("switches-offline", panel)


def switches_sent(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    sheet = _sheet(studio, panel, NARROW)
    hands.press_twice(sheet.form.button)
    studio.until(lambda: studio.stand.counted("command") == 1)
    command, seen = studio.stand.command_id(), {"result": "true", "evidence": ""}
    for state in ("sent", "acknowledged", "dispatched", "verified"):
        studio.pass_time(0.4)
        studio.stand.move(command, state, **{STEP_TIMES[state]: studio.now_text()})
    studio.stand.tell(
        "switch.observed", command_id=command, switch=NARROW, target=TARGET, state="stopped", method="probe",
        by="plane", generation=2, observed_at=studio.now_text(),
        results={"refuses_new": seen, "streams_cut": seen, "survives_restart": seen | {"result": "unknown"}},
    )  # fmt: skip
    studio.until(lambda: all(button.isEnabled() for button in panel.findChildren(QPushButton) if button.isVisible()))
    studio.settle()
    take("switches-receipt", panel)


def switches_unknown(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    made = order(studio.desk.act(lambda record: record).result(5), studio.clock())
    studio.desk.act(authorise, made, studio.clock()).result(5)
    studio.stand.move(made.command_id, "sent", sent_at=studio.now_text())
    lost = "The answer was lost, so the outcome is unknown; it is being looked up and is not sent again."
    studio.stand.move(made.command_id, "unknown", sentence=lost)
    studio.until(panel.alarms.isVisible)
    studio.settle()
    take("switches-unknown", panel)


def switches_hostile(studio: Studio, take: Take) -> None:
    panel = _panel(studio, title=HOSTILE)
    _stopped(studio, panel)
    reply = "<img src=x>" + "\u200b" * 40 + "Z" * 900
    told = body_of("switch.dispatched", command_id=studio.story.incident, reply=reply, dispatched_at=studio.now_text())
    studio.outside.send(studio.outside.plane.write("switch.dispatched", studio.story.incident, told))
    studio.settle()
    take("switches-hostile", panel)


SCENES: dict[str, Scene] = {
    "switches": switches, "switches-sheet": switches_sheet, "switches-restore": switches_restore,
    "switches-offline": switches_offline, "switches-sent": switches_sent, "switches-unknown": switches_unknown,
    "switches-hostile": switches_hostile,
}  # fmt: skip
