"""The triage panel: one key an answer, everything kept, two branches at once, signals that propose and never decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from console.queries.triage import TriageView, triage
from console.ui.frame import Frame
from console.ui.triage import TriagePanel
from console.ui.triage.nodes import nodes, walk_of
from tests.fakes.desk_frame import Outside
from tests.fakes.metric_stream import Feed, Stream, streamed
from tests.fakes.record_kit import body_of

TARGET = "tenant.borealis"
HOSTILE = "<b>x</b><img src=y>\u202e" + "z" * 500


@pytest.fixture
def live(frame: Frame, outside: Outside) -> Iterator[tuple[Frame, Feed, Stream]]:
    stream = Stream(bad={("grounding_score", TARGET): 0.4})
    shown, feed = streamed(frame, outside, stream)
    yield shown, feed, stream
    shown.bridge.close()


@pytest.fixture
def incident(outside: Outside) -> str:
    return outside.open_incident(**{"class": "semantic"})


@pytest.fixture
def panel(live: tuple[Frame, Feed, Stream], incident: str, qtbot: Any) -> TriagePanel:
    made = TriagePanel(live[0])
    qtbot.addWidget(made)
    made.resize(1000, 620)
    made.show()
    made.activateWindow()
    live[0].selection.choose_incident(incident, TARGET)
    qtbot.waitUntil(lambda: made._view is not None)
    return made


def press(panel: TriagePanel, key: Any) -> None:
    QTest.keyClick(panel.focusWidget(), key)


def kept(outside: Outside, incident: str) -> TriageView:
    found = outside.desk.query(triage, incident)
    assert found is not None
    return found


def test_a_walk_is_one_key_an_answer_and_goes_on_by_itself(
    panel: TriagePanel, outside: Outside, incident: str, qtbot: Any
) -> None:
    panel._focus("retrieval")
    for key in "nnu":
        press(panel, key)
    assert panel._focused == "model"
    press(panel, "y")
    qtbot.waitUntil(lambda: len(kept(outside, incident).answers) == 4 and not panel._pending)
    found = kept(outside, incident)
    assert [(a.branch, a.answer) for a in found.answers] == [
        ("retrieval", "no"), ("prompt", "no"), ("tool", "unclear"), ("model", "yes"),
    ]  # fmt: skip
    assert panel._focused == "model"
    assert panel.walk.holding() == ("model",)


def test_an_answer_can_be_given_again_and_two_branches_hold(
    panel: TriagePanel, outside: Outside, incident: str, qtbot: Any
) -> None:
    panel._focus("retrieval")
    press(panel, "n")
    press(panel, "r")
    press(panel, "y")
    press(panel, "m")
    press(panel, "y")
    qtbot.waitUntil(lambda: len(kept(outside, incident).answers) == 3 and not panel._pending)
    assert panel.walk.holding() == ("retrieval", "model")
    assert panel._branches.nodes["retrieval"].state_text == "holds"
    panel._focus("retrieval")
    answers = panel._detail._labels["Answers"].text()
    assert answers.startswith("yes at")
    assert "no at" in answers


def test_every_branch_is_one_key_away_and_no_answer_key_is_a_branch(panel: TriagePanel, live: Any) -> None:
    for branch in live[0].policy.triage.branches.values():
        assert branch.key not in "ynu"
        panel._focus("retrieval")
        press(panel, branch.key)
        assert panel._focused == branch.id
        assert panel.focusWidget() is panel._branches.nodes[branch.id]


def test_the_three_infrastructure_questions_are_answered_and_kept(
    panel: TriagePanel, outside: Outside, incident: str, qtbot: Any
) -> None:
    panel._focus("retrieval")
    press(panel, "1")
    for key in "yyn":
        press(panel, key)
    qtbot.waitUntil(lambda: len(kept(outside, incident).answers) == 3 and not panel._pending)
    assert panel._infra.verdict == "model"
    assert panel._focused == "retrieval"
    assert panel.walk.answers == ()
    press(panel, "3")
    press(panel, "y")
    assert panel._infra.verdict == "infrastructure"


def test_signals_propose_and_nobody_answers_for_the_person(
    panel: TriagePanel, live: tuple[Frame, Feed, Stream], outside: Outside, incident: str, qtbot: Any
) -> None:
    live[2].run(260)
    qtbot.waitUntil(lambda: panel._nodes["model"].proposed == "yes", timeout=8000)
    model = panel._branches.nodes["model"]
    assert "signals propose yes" in model.accessibleName()
    assert "breached" in model.accessibleDescription()
    assert panel._nodes["tool"].proposed == "no"
    assert kept(outside, incident).answers == ()
    panel._focus("model")
    press(panel, "y")
    qtbot.waitUntil(lambda: bool(kept(outside, incident).answers))
    evidence = kept(outside, incident).answers[0].evidence
    assert {"grounding_score"} <= {str(piece["metric"]) for piece in evidence}


def test_a_recorded_breach_proposes_while_there_is_no_stream(
    frame: Frame, outside: Outside, incident: str, qtbot: Any
) -> None:
    body = body_of("signal.breached", metric="grounding_score", value="0.41", fingerprint="f", onset="")
    outside.send(outside.plane.write("signal.breached", incident, body))
    view = kept(outside, incident)
    walk = walk_of(frame.policy.triage, view.answers, {})
    found = {node.branch.id: node for node in nodes(walk, frame.policy.thresholds, {}, view.signals)}
    assert found["model"].proposed == "yes"
    assert found["model"].signals[0].standing
    assert found["security"].proposed == ""


def test_concluding_needs_a_branch_and_records_the_proposal(
    panel: TriagePanel, live: tuple[Frame, Feed, Stream], outside: Outside, incident: str, qtbot: Any
) -> None:
    assert "No branch holds" in panel.action_state("triage.conclude")
    panel.on_action("triage.conclude")
    assert kept(outside, incident).conclusion is None
    panel._focus("model")
    press(panel, "y")
    qtbot.waitUntil(lambda: not panel._pending)
    assert panel.action_state("triage.conclude") == ""
    panel.on_action("triage.conclude")
    qtbot.waitUntil(lambda: kept(outside, incident).conclusion is not None)
    found = kept(outside, incident).conclusion
    assert found is not None
    assert found.branches == ("model",)
    assert found.containment[0] == f"FF_TENANT_BLOCK {TARGET}"
    qtbot.waitUntil(panel._outcome.sheet.isEnabled)
    offer = ("Open the switch sheet", "switches.hold")
    qtbot.waitUntil(lambda: [n.action for n in live[0].notices.waiting if n.action is not None] == [offer])
    with qtbot.waitSignal(panel.action_wanted) as asked:
        panel._outcome.sheet.click()
    assert asked.args == ["switches.hold"]


def test_a_held_key_is_one_answer(panel: TriagePanel, outside: Outside, incident: str, qtbot: Any) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QApplication

    panel._focus("retrieval")
    widget = panel.focusWidget()
    for repeat in (False, True, True, True):
        event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_N, Qt.KeyboardModifier.NoModifier, "n", repeat)
        QApplication.sendEvent(panel.focusWidget() if repeat else widget, event)
    qtbot.waitUntil(lambda: not panel._pending)
    assert len(kept(outside, incident).answers) == 1


def test_an_answer_of_another_desk_shows(panel: TriagePanel, outside: Outside, incident: str, qtbot: Any) -> None:
    body = body_of("triage.answered", branch="cost", answer="yes", saw="")
    outside.send(outside.plane.write("triage.answered", incident, body))
    qtbot.waitUntil(lambda: panel.walk.holding() == ("cost",))
    assert panel._branches.nodes["cost"].state_text == "holds"


def test_without_an_incident_it_says_what_to_do(frame: Frame, qtbot: Any) -> None:
    made = TriagePanel(frame)
    qtbot.addWidget(made)
    made.show()
    assert made._empty.isVisible()
    assert "Choose an incident" in made.action_state("triage.answer_yes")


def test_hostile_text_stays_text(
    live: tuple[Frame, Feed, Stream], outside: Outside, qtbot: Any, panel: TriagePanel
) -> None:
    fields = {"class": HOSTILE, "target": HOSTILE, "severity": HOSTILE, "title": HOSTILE}
    hostile = outside.open_incident(**fields)
    body = body_of("triage.answered", branch=HOSTILE, answer=HOSTILE, saw="")
    outside.send(outside.plane.write("triage.answered", hostile, body, actor=HOSTILE[:30]))
    live[0].selection.choose_incident(hostile, "")
    qtbot.waitUntil(lambda: panel._view is not None and panel._view.incident == hostile)
    panel.grab()
    assert panel.proposal() is None
    assert "policy cannot say" in panel._conclude_blocked() or "No branch holds" in panel._conclude_blocked()
    for label in panel.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText
        assert "\u202e" not in label.text()


def test_every_control_has_a_name_and_it_fits(panel: TriagePanel) -> None:
    panel.resize(640, 560)
    panel.grab()
    for widget in panel.findChildren(QWidget):
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisible():
            assert widget.accessibleName(), widget
