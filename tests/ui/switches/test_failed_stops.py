"""A stop that cannot be relied on: what failed, where, what still runs, what to do; in the panel and in any window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from console.policy import Policy
from console.queries.failed_stops import failed_stops
from console.ui.failed_stop_band import ACTION, FailedStopBand
from console.ui.switches import SwitchesPanel
from console.ui.switches.progress import ReceiptView
from console.ui.switches.sheet import ConfirmSheet
from console.ui.theme import Theme
from tests.fakes.orders import authorise, order
from tests.fakes.switch_stand import SWITCH, TARGET, SwitchStand, build_stand, end_stand


@pytest.fixture
def stand(qapp: QApplication, dressed: Theme, policy: Policy, tmp_path: Path) -> Iterator[SwitchStand]:
    """The tenant's switch is enforced by two back-ends here."""
    inventory, parent = policy.inventory, QObject()
    first = next(one for one in inventory.enforcements if (one.switch, one.target) == (SWITCH, TARGET))
    both = replace(inventory, enforcements=(*inventory.enforcements, replace(first, adapter="postgres")))
    made = build_stand(tmp_path / "store", replace(policy, inventory=both), parent, dressed)
    yield made
    end_stand(made)
    parent.deleteLater()


def lost(stand: SwitchStand, state: str = "unknown") -> str:
    """An order of this desk that ended so."""
    clock = stand.desk.settings.clock
    made = replace(order(stand.desk.act(lambda record: record).result(5), clock()), incident=stand.incident)
    stand.desk.act(authorise, made, clock()).result(5)
    stand.move(made.command_id, "sent", sent_at=stand.now_text())
    stand.move(made.command_id, state, sentence="The answer was lost.")
    return made.command_id


def found(stand: SwitchStand) -> list[tuple[str, list[tuple[str, bool | None]]]]:
    stops = stand.desk.query(lambda reader: failed_stops(reader, stand.frame.policy.inventory))
    return [(one.how, [(place.adapter, place.in_effect) for place in one.places]) for one in stops]


def shown(widget: QWidget) -> str:
    return "\n".join(label.text().replace("\u200b", "") for label in widget.findChildren(QLabel))


def labels(widget: QWidget) -> list[str]:
    """What stands on the buttons that can be seen."""
    return [one.text() for one in widget.findChildren(QPushButton) if one.isVisible()]


def press(widget: QWidget, words: str) -> None:
    next(one for one in widget.findChildren(QPushButton) if words in one.text() and one.isVisible()).click()


def test_a_stop_in_effect_at_one_of_two_places_names_both_and_what_still_runs(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    stand.partly(lost(stand), simulator="in effect", postgres="not seen, the probe met no answer")
    qtbot.waitUntil(lambda: "ONLY PARTLY IN EFFECT" in shown(panel.alarms))
    assert found(stand) == [("partial", [("simulator", True), ("postgres", None)])]
    words = shown(panel.alarms)
    assert "\u25a0 simulator: in effect" in words
    assert "\u2715 postgres: not seen" in words
    assert "still runs at: postgres" in words
    assert "by the fallback card" in words
    qtbot.waitUntil(lambda: "Next step" in " ".join(labels(panel.alarms)))  # the board comes in an answer of its own
    assert labels(panel.alarms)[:2] == ["Look it up", "By hand \u2026"]


def test_by_hand_opens_the_fallback_card_and_moves_nothing(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    stand.partly(lost(stand), simulator="in effect", postgres="not in effect")
    qtbot.waitUntil(lambda: "ONLY PARTLY" in shown(panel.alarms))
    press(panel.alarms, "By hand")
    sheet = panel.sheet
    assert isinstance(sheet, ConfirmSheet)
    assert sheet.fallback is not None
    assert "do it by hand now" in shown(sheet.fallback)
    assert stand.counted("command") == 1  # the one that is lost


def test_the_next_step_opens_its_own_sheet(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    stand.partly(lost(stand), simulator="not in effect", postgres="not in effect")
    qtbot.waitUntil(lambda: "Next step" in " ".join(labels(panel.alarms)))
    press(panel.alarms, "Next step")
    sheet = panel.sheet
    assert isinstance(sheet, ConfirmSheet)
    assert sheet.armed.switch.id != SWITCH


@pytest.mark.parametrize("state", ["refused", "expired", "stale"])
def test_a_stop_that_was_never_taken_stays_loud_until_another_one_holds(stand: SwitchStand, state: str) -> None:
    lost(stand, state)
    assert found(stand) == [("failed", [])]
    stand.stopped()
    assert found(stand) == []


def test_what_another_desk_gave_and_nobody_saw_hold_is_loud_here_too(stand: SwitchStand) -> None:
    stand.partly(stand.incident, seen="running", simulator="not in effect", postgres="not in effect")
    assert found(stand) == [("no_effect", [("simulator", False), ("postgres", False)])]


def test_a_stop_without_its_notice_is_not_in_effect(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    words = "in effect, but its notice to users was not seen"
    stand.partly(lost(stand), seen="stopped", notice="not seen", simulator=words, postgres="in effect")
    qtbot.waitUntil(lambda: "USERS WERE NOT TOLD" in shown(panel.alarms))
    first = panel._cards[0]
    qtbot.waitUntil(lambda: first.observed.sign == "stopped, users not told")


@pytest.mark.parametrize("notice", ["seen", "not seen", "cannot be seen there"])
def test_a_receipt_says_whether_users_were_seen_to_be_told(
    stand: SwitchStand, dressed: Theme, qtbot: Any, notice: str
) -> None:
    from console.queries.commands import command

    command_id = lost(stand)
    stand.partly(command_id, seen="stopped", notice=notice, simulator="in effect")
    view = ReceiptView(dressed)
    qtbot.addWidget(view)
    view.show_view(stand.desk.query(lambda reader: command(reader, command_id)), ("simulator",))
    assert view.words == f"\u25a0 simulator: in effect\nNotice to users: {notice}"


def test_the_window_says_it_over_every_panel_and_leads_there(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    band = FailedStopBand(stand.frame, host)
    assert band.isHidden()
    stand.partly(lost(stand), simulator="in effect", postgres="not in effect")
    qtbot.waitUntil(lambda: not band.isHidden())
    assert "STOP ONLY PARTLY IN EFFECT: FF_TENANT_BLOCK on tenant.borealis" in band.accessibleName()
    assert "\u25b2 postgres: not in effect" in shown(band)
    wanted: list[str] = []
    band.wanted.connect(wanted.append)
    band.button.click()
    assert wanted == [ACTION]
    other = stand.outside.open_incident(target="tenant.cascade", title="Another one")
    stand.frame.selection.choose_incident(other, "tenant.cascade")
    panel.on_action(ACTION)
    qtbot.waitUntil(lambda: stand.frame.selection.incident == stand.incident)
    stand.stopped()
    stand.move(stand.command_id(), "verified")
    qtbot.waitUntil(band.isHidden)


def test_hostile_words_of_a_back_end_stay_words(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    stand.partly(lost(stand), simulator="in effect", postgres="<img src=x>\u202e" + "W" * 900)
    qtbot.waitUntil(lambda: "<img src=x>" in shown(panel.alarms))
    assert "\u27e8U+202E\u27e9" in shown(panel.alarms)
    qtbot.waitUntil(lambda: panel.minimumSizeHint().width() < 640)
