"""Two answers to one branch at once: marked on the node, both told, and what the commander kept holds."""

from __future__ import annotations

from typing import Any

import pytest

from console.actions.conflicts import resolve_conflict
from console.domain.times import format_utc
from console.queries.board import Wanted, board_opening
from console.queries.headline import headline
from console.queries.triage import triage
from console.ui.board.lines import line_of
from console.ui.frame import Frame
from console.ui.readings import Reading
from console.ui.triage import TriagePanel
from console.ui.triage.node_widget import value_text
from console.ui.triage.nodes import nodes, walk_of
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import COMMANDER, append, body_of
from tests.fakes.story import Story

METRIC = "grounding_score"


@pytest.fixture
def incident(outside: Outside) -> str:
    return outside.open_incident()


def answer_twice(outside: Outside, incident: str, branch: str = "retrieval") -> tuple[str, str]:
    """(the other's "no", this desk's "yes"), neither of which saw the other."""
    body = body_of("triage.answered", branch=branch, answer="no", saw="")
    theirs = outside.plane.write("triage.answered", incident, body, actor="<b>ben</b>")
    mine = outside.desk.act(
        lambda record: append(record, "triage.answered", incident, branch=branch, answer="yes", saw="")
    ).result(10)
    outside.send(theirs)
    return theirs.envelope.event_id, mine.envelope.event_id


def test_a_branch_in_conflict_is_marked_and_leads_to_where_it_is_settled(
    frame: Frame, outside: Outside, incident: str, qtbot: Any
) -> None:
    panel = TriagePanel(frame)
    qtbot.addWidget(panel)
    panel.resize(900, 600)
    panel.show()
    frame.selection.choose_incident(incident)
    theirs, mine = answer_twice(outside, incident)
    qtbot.waitUntil(lambda: panel._nodes.get("retrieval") is not None and panel._nodes["retrieval"].in_conflict)
    node = panel._branches.nodes["retrieval"]
    assert node.state_text == "in conflict, holds"
    assert "in conflict" in node.accessibleName()
    panel._focus("retrieval")
    told = panel._detail._labels["Conflict"].text()
    assert "yes by" in told
    assert "no by <b>ben</b>" in told
    assert told.count("UTC") == 2
    with qtbot.waitSignal(panel.action_wanted) as wanted:
        panel._detail.settle.click()
    assert wanted.args == ["incident.settle"]
    outside.desk.act(
        resolve_conflict, incident, "triage:retrieval", theirs, [mine], "the index is well", COMMANDER,
        outside.desk.settings.clock(),
    ).result(10)  # fmt: skip
    qtbot.waitUntil(lambda: not panel._nodes["retrieval"].in_conflict)
    assert panel._nodes["retrieval"].state == "no"  # the older answer was kept, and holds
    assert not panel._detail.settle.isVisible()


def test_an_infrastructure_question_in_conflict_is_marked(
    frame: Frame, outside: Outside, incident: str, qtbot: Any
) -> None:
    panel = TriagePanel(frame)
    qtbot.addWidget(panel)
    panel.show()
    frame.selection.choose_incident(incident)
    name, question = next(iter(panel._infra.questions.items()))
    answer_twice(outside, incident, name)
    qtbot.waitUntil(lambda: question.disputed)
    assert "in conflict" in question.accessibleName()


def test_bar_and_board_say_that_somebody_must_decide(frame: Frame, outside: Outside, incident: str) -> None:
    desk = frame.bridge.desk
    assert desk.query(headline, incident).conflicts == 0
    answer_twice(outside, incident)
    assert desk.query(headline, incident).conflicts == 1
    (row,) = desk.query(board_opening, Wanted()).page
    assert line_of(row).state == ("unanswered, in conflict", "triangle", "abnormal")
    outside.desk.act(lambda record: append(record, "incident.acknowledged", incident)).result(10)
    (row,) = desk.query(board_opening, Wanted()).page
    assert line_of(row).state == ("in conflict, open", "diamond", "warning")
    assert "in conflict, open" in line_of(row).spoken


@pytest.mark.parametrize(("state", "action"), [("stopped", "incident.next_step"), ("", "switches.hold")])
def test_concluding_offers_what_is_next_and_no_stop_that_is_in_force(
    frame: Frame, outside: Outside, state: str, action: str, qtbot: Any
) -> None:
    story = Story(lambda work: outside.desk.act(work).result(10), outside.send, outside.root, outside.plane)
    story.opened(**{"class": "semantic"})
    if state:
        story.observed(state)
    panel = TriagePanel(frame)
    qtbot.addWidget(panel)
    panel.show()
    frame.selection.choose_incident(story.incident, "tenant.borealis")
    qtbot.waitUntil(lambda: panel._view is not None)
    panel._answer("model", "yes")
    qtbot.waitUntil(lambda: not panel._pending and not panel._conclude_blocked())
    panel.on_action("triage.conclude")
    qtbot.waitUntil(lambda: bool(frame.notices.waiting))
    assert [notice.action[1] for notice in frame.notices.waiting if notice.action] == [action]


def test_what_is_well_again_is_not_called_breached(frame: Frame, outside: Outside, incident: str) -> None:
    onset = format_utc(outside.desk.settings.clock())
    body = body_of("signal.breached", metric=METRIC, value="0.41", fingerprint="f", onset=onset)
    outside.send(outside.plane.write("signal.breached", incident, body))
    view = frame.bridge.desk.query(triage, incident)
    tree, rules = frame.policy.triage, frame.policy.thresholds
    read = {METRIC: Reading(METRIC, "normal", 0.93, 500, 1)}
    node = next(one for one in nodes(walk_of(tree, (), {}), rules, read, view.signals) if METRIC in one.branch.metrics)
    signal = next(one for one in node.signals if one.metric == METRIC)
    assert signal.state == "normal"
    assert value_text(signal).endswith(f"now, breached {onset[11:16]}")
    assert node.proposed == "yes"  # the record holds the breach until the plane clears it
