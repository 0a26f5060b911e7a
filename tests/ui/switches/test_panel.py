"""The panel: three columns that never merge, ages, what is loud, and hostile words shown as words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from console.domain.inventory import Inventory
from console.policy import Policy
from console.queries.switches import Word
from console.ui.switches import SwitchesPanel
from console.ui.switches.card import SwitchCard
from console.ui.switches.words import breadcrumb, observed_sign, observed_words
from console.ui.theme import Theme
from tests.fakes.desk_frame import make_session
from tests.fakes.hands import press_twice
from tests.fakes.switch_stand import OFFLINE, SWITCH, TARGET, SwitchStand


def card(panel: SwitchesPanel, switch: str = SWITCH) -> SwitchCard:
    return next(card for card in panel._cards if card.reach.switch == switch)


def states(made: SwitchCard) -> tuple[str, str, str]:
    return (made._desired.sign, made._claimed.sign, made.observed.sign)


def shown(widget: QWidget) -> str:
    return "\n".join(label.text().replace("\u200b", "") for label in widget.findChildren(QLabel))


def test_the_smallest_effective_step_comes_first_and_wider_ones_warn(panel: SwitchesPanel) -> None:
    first = panel._cards[0].reach
    assert (first.switch, first.target, first.warning) == (SWITCH, TARGET, "")
    wide = card(panel, "FF_GLOBAL_AI").reach
    assert "it also reaches" in wide.warning
    enforced = [bool(one.reach.adapter) for one in panel._cards]
    assert enforced == sorted(enforced, reverse=True)


def test_wanted_claimed_and_seen_stand_apart(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    assert states(card(panel)) == ("running", "no claim", "not looked yet")
    stand.tell(
        "switch.acknowledged", switch=SWITCH, target=TARGET, want="stopped", command_id=stand.incident,
        generation=1, acknowledged_at=stand.now_text(),
    )  # fmt: skip
    qtbot.waitUntil(lambda: states(card(panel))[0] == "stopped")
    assert states(card(panel)) == ("stopped", "no claim", "not looked yet")
    stand.tell(
        "switch.dispatched", command_id=stand.incident, adapter="simulator", reply="stopped at generation 1",
        dispatched_at=stand.now_text(),
    )  # fmt: skip
    qtbot.waitUntil(lambda: states(card(panel))[1] == "stopped")
    assert states(card(panel))[2] == "not looked yet"
    stand.stopped()
    qtbot.waitUntil(lambda: states(card(panel)) == ("stopped", "stopped", "stopped"))
    assert card(panel).observed.words in ("4 s ago by probe", "5 s ago by probe")


def test_what_was_seen_is_never_green_and_grey_once_old(policy: Policy) -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    desired = Word("stopped", "2025-12-31T23:00:00.000000Z")

    def seen(age_s: int, state: str = "stopped") -> tuple[str, str, str]:
        at = (now - timedelta(seconds=age_s)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return observed_sign(Word(state, at, method="probe"), desired, now, 60)

    assert seen(4) == ("stopped", "square", "warning")
    assert seen(61) == ("stopped?", "hollow_square", "normal")
    assert seen(4, "running") == ("RUNNING", "triangle", "abnormal")
    assert seen(4, "unknown") == ("UNKNOWN", "cross", "abnormal")
    old = Word("stopped", "2025-12-31T23:58:00.000000Z", method="probe")
    assert observed_words(old, now, 60) == "2 min ago by probe, too old to rely on"


def test_an_unknown_outcome_is_the_loudest_thing_and_can_be_looked_up(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    from tests.fakes.orders import authorise, order

    made = order(stand.desk.act(lambda record: record).result(5), stand.desk.settings.clock())
    stand.desk.act(authorise, made, stand.desk.settings.clock()).result(5)
    stand.move(made.command_id, "sent", sent_at=stand.now_text())
    stand.move(made.command_id, "unknown", sentence="The answer was lost.")
    qtbot.waitUntil(panel.alarms.isVisible)
    assert "OUTCOME UNKNOWN: STOP" in shown(panel.alarms)
    assert breadcrumb(stand.frame.policy.inventory, TARGET, SWITCH) in shown(panel.alarms)
    assert panel.action_state("switches.look_up") == ""
    panel.on_action("switches.look_up")
    qtbot.waitUntil(lambda: any("dispatched" in n.sentence for n in stand.frame.notices.waiting))
    assert stand.counted("command") == 1


def test_drift_is_loud(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    stand.stopped()
    stand.tell(
        "switch.drifted", switch=SWITCH, target=TARGET, desired="stopped", observed="running", generation=1,
        observed_at=stand.now_text(),
    )  # fmt: skip
    qtbot.waitUntil(lambda: "DRIFTED" in card(panel)._command.word)


def test_a_look_is_kept_with_its_time_and_tells_the_capabilities(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    assert "known once you have looked" in shown(panel.detail)
    panel.on_action("switches.look")
    qtbot.waitUntil(lambda: card(panel).observed.sign == "running")
    assert stand.plane.asked == [(SWITCH, TARGET, "running")]
    assert "cuts streams in flight" in shown(panel.detail)
    assert "NOT: can be read back" in shown(panel.detail)
    assert stand.counted("observation") == 1


def test_actions_say_why_they_cannot_be_done(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    assert "Nothing is stopped" in panel.action_state("switches.restore")
    assert "no command whose outcome" in panel.action_state("switches.look_up")
    panel.on_action("switches.hold")
    assert "sheet is open" in panel.action_state("switches.restore")
    assert panel.action_state("switches.hold") == ""  # it is this sheet that the key goes back to
    stand.frame.selection.choose_incident("")
    panel.sheet.disarm()  # type: ignore[union-attr]
    assert "Choose an incident" in panel.action_state("switches.hold")


def test_what_is_not_in_the_inventory_cannot_be_thrown(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    stand.frame.selection.choose_incident(stand.outside.open_incident(target="tenant.<b>x</b>"))
    qtbot.waitUntil(lambda: panel._board is not None and panel._board.target == "")
    assert panel._cards == []
    panel.on_action("switches.hold")
    assert panel.sheet is None
    assert "not in the inventory" in stand.frame.notices.waiting[-1].sentence


def test_hostile_words_stay_words_and_never_widen_the_panel(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any
) -> None:
    title = "<h1>x</h1><img src='file:///etc/passwd'>\u202egnp" + "W" * 900
    stand.frame.selection.choose_incident(stand.outside.open_incident(title=title))
    qtbot.waitUntil(lambda: "<h1>x</h1>" in panel.head.where.text().replace("\u200b", ""))
    stand.incident = stand.frame.selection.incident
    stand.stopped()
    stand.tell(
        "switch.dispatched", command_id=stand.incident, reply="<img src=x>\u200b" + "Z" * 900,
        dispatched_at=stand.now_text(),
    )  # fmt: skip
    qtbot.waitUntil(lambda: "<img src=x>" in shown(card(panel)))
    assert "⟨U+202E⟩" in shown(panel)
    assert "⟨U+200B⟩" in shown(card(panel))
    qtbot.waitUntil(lambda: panel.minimumSizeHint().width() < 640)


def test_it_fits_a_narrow_dock_on_a_small_screen(panel: SwitchesPanel, qtbot: Any) -> None:
    panel.on_action("switches.hold")
    panel.resize(480, 560)
    assert panel.minimumSizeHint().width() <= 480
    assert panel.minimumSizeHint().height() <= 560


def test_hidden_it_only_remembers_that_it_is_stale(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    panel.hide()
    asked = panel._asked
    with qtbot.waitSignal(stand.bridge.changed):
        stand.stopped()
    assert panel._asked == asked
    panel.show()
    qtbot.waitUntil(lambda: card(panel).observed.sign == "stopped")


def test_every_control_says_what_it_is(panel: SwitchesPanel, stand: SwitchStand, qtbot: Any) -> None:
    for name in ("hold", "list"):
        if name == "hold":
            panel.on_action("switches.hold")
        for button in panel.findChildren(QAbstractButton):
            if button.isVisible():
                assert button.accessibleName() or button.text(), button
        if panel.sheet is not None:
            panel.sheet.disarm()
    for made in panel._cards:
        assert made.accessibleName().startswith("range / ")
        assert "observed" in made.accessibleName()


def test_the_approving_person_looks_for_themselves(
    panel: SwitchesPanel, stand: SwitchStand, dressed: Theme, qtbot: Any
) -> None:
    from console.actions.approvals import request_approval
    from console.ui.switches.approve import ApproveSheet
    from console.ui.switches.looking import look_from
    from tests.fakes.switch_stand import SECOND

    policy, friend = stand.frame.policy, stand.certify("second@example.org", SECOND, "sre_on_call")
    look = look_from(stand.plane.select(stand.incident, "FF_GLOBAL_AI", "environment.range", "stopped"))
    stand.desk.act(
        request_approval, stand.incident, command_id=stand.incident, switch="FF_GLOBAL_AI",
        target="environment.range", want="stopped", preview=look.preview, reason="<b>All</b> of it is wrong.",
        inventory=policy.inventory, catalogue=policy.switches, policy_hash=policy.hash, actor=friend,
        now=stand.desk.settings.clock(),
    ).result(5)  # fmt: skip
    qtbot.waitUntil(panel.alarms.isVisible)
    assert "<b>All</b> of it" in shown(panel.alarms)
    panel.on_action("switches.approve")
    sheet = panel.sheet
    assert isinstance(sheet, ApproveSheet)
    qtbot.waitUntil(sheet.button.isEnabled, timeout=5_000)
    press_twice(sheet.button)
    qtbot.waitUntil(lambda: stand.counted("timeline", "type = 'approval.given'") == 1)
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert stand.fired == 0


@pytest.mark.parametrize("target", ["tenant.borealis", "tool.payments", "environment.range", "model.orion-1"])
def test_a_breadcrumb_has_four_parts(policy: Policy, target: str) -> None:
    inventory: Inventory = policy.inventory
    assert len(breadcrumb(inventory, target, "FF_X").split(" / ")) == 4


def test_the_session_of_the_tests_is_the_commander_s() -> None:
    assert make_session().roles == ("incident_commander",)
    assert OFFLINE.state == "offline"
