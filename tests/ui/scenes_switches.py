"""Scenes of the kill-switch panel for the pictures: cards, sheets, receipts, unknown outcomes, the offline card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton

from console.ui.switches import SwitchesPanel
from console.ui.switches.sheet import ConfirmSheet
from tests.fakes import hands
from tests.fakes.orders import authorise, order
from tests.fakes.record_kit import body_of
from tests.fakes.studio import TARGET, Studio
from tests.fakes.switch_stand import SECOND
from tests.ui.scenes_panels import HOSTILE, Scene, Take, in_themes
from tests.ui.scenes_window import under_way

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
    _lost(studio)
    studio.until(panel.alarms.isVisible)
    studio.settle()
    take("switches-unknown", panel)


def _lost(studio: Studio, command_id: str = "") -> str:
    """An order of this desk whose outcome nobody knows; returns its id."""
    made = order(studio.desk.act(lambda record: record).result(5), studio.clock(), command_id=command_id)
    made = replace(made, incident=studio.stand.incident or studio.story.incident)
    studio.desk.act(authorise, made, studio.clock()).result(5)
    studio.stand.move(made.command_id, "sent", sent_at=studio.now_text())
    lost = "The answer was lost, so the outcome is unknown; it is being looked up and is not sent again."
    studio.stand.move(made.command_id, "unknown", sentence=lost)
    return made.command_id


def _with_postgres(studio: Studio) -> None:
    """The tenant's switch is enforced at two places."""
    inventory = studio.frame.policy.inventory
    second = replace(
        next(e for e in inventory.enforcements if (e.switch, e.target) == (NARROW, TARGET)), adapter="postgres"
    )
    policy = replace(studio.frame.policy, inventory=replace(inventory, enforcements=(*inventory.enforcements, second)))
    studio.frame = studio.stand.frame = replace(studio.frame, policy=policy)


def _fail_in_part(studio: Studio) -> None:
    studio.pass_time(5)
    studio.stand.partly(_lost(studio), simulator="in effect", postgres="not seen, the probe met no answer")


def switches_partial(studio: Studio, take: Take) -> None:
    _with_postgres(studio)
    panel = _panel(studio)
    _fail_in_part(studio)
    studio.until(panel.alarms.isVisible)
    studio.settle()
    in_themes(studio, take, panel, "switches-partial", "dark", "light")


def window_failed_stop(studio: Studio, take: Take) -> None:
    _with_postgres(studio)
    window = under_way(studio)
    window.go_to("timeline")
    _fail_in_part(studio)
    studio.until(window.failed_stops.isVisible)
    studio.settle()
    in_themes(studio, take, window, "window-failed-stop", "dark", "light")


def switches_untold(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    command = _lost(studio)
    studio.pass_time(6)
    told = {"simulator": "in effect, but its notice to users was not seen"}
    studio.stand.partly(command, seen="stopped", notice="not seen", **told)
    studio.until(panel.alarms.isVisible)
    studio.settle()
    take("switches-untold", panel)


def switches_waiting(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    friend = studio.stand.certify("second@example.org", SECOND, "sre_on_call")
    studio.stand.tripped(studio.story.incident)
    studio.stand.ask(friend, "Grounding fell for every tenant; nothing narrower holds.")
    studio.settle()
    panel.on_action("switches.waiting")
    studio.settle()
    in_themes(studio, take, panel, "switches-waiting", "dark", "light")
    panel.on_action("switches.approve")
    studio.until(lambda: panel.sheet is not None)
    sheet: Any = panel.sheet
    studio.until(lambda: sheet.numbers.visible_ms > 2_000)
    studio.settle()
    in_themes(studio, take, panel, "switches-approve", "dark", "light")
    sheet.disarm()
    studio.bridge.plane.generation = 4
    panel.on_action("switches.approve")
    studio.until(lambda: panel.sheet is not None)
    sheet = panel.sheet
    studio.until(lambda: sheet.numbers.visible_ms > 2_000)
    studio.settle()
    take("switches-approve-differs", panel)


def switches_automatic(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    _stopped(studio, panel)
    studio.stand.tripped(studio.story.incident)
    studio.until(lambda: not panel._cards[0].take_button.isHidden())
    studio.settle()
    take("switches-automatic", panel)
    panel._cards[0].take_button.click()
    studio.settle()
    take("switches-take-over", panel)


def switches_capability(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    panel.on_action("switches.capability")
    page: Any = panel._overlay.page
    studio.until(lambda: page.tree.topLevelItemCount() > 0)
    studio.settle()
    take("switches-capability", panel)


def switches_find(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    panel.on_action("switches.find")
    panel.list.typed.setText("tool")
    studio.settle()
    take("switches-find", panel)


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
    "switches-partial": switches_partial, "switches-untold": switches_untold, "switches-waiting": switches_waiting,
    "switches-automatic": switches_automatic, "switches-find": switches_find, "switches-hostile": switches_hostile,
    "switches-capability": switches_capability, "window-failed-stop": window_failed_stop,
}  # fmt: skip
