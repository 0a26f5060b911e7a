"""Triage: the tree with live signals beside it, one key an answer, everything kept, and what the walk comes to.

Signals propose, the person decides: nothing here answers by itself. What is being recorded shows at once and gives way
to the record.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from console.actions.triage import answer_branch, conclude_walk
from console.domain import triage as rules
from console.domain.changes import Changes
from console.domain.errors import ConsoleError
from console.domain.incident import CLOSED
from console.domain.triage import NO, UNCLEAR, YES, ContainmentStep, Proposal, Walk
from console.queries.headline import Headline, headline
from console.queries.triage import TriageView, triage
from console.ui.bridge import sentence_of
from console.ui.following import Following
from console.ui.frame import Frame
from console.ui.readings import ALL, TARGET, Reading, Readings, breached_metrics
from console.ui.text import PlainLabel
from console.ui.triage.detail import Detail
from console.ui.triage.infra import InfraCheck
from console.ui.triage.nodes import INFRA, NodeView, evidence_of, infra_answers, nodes, walk_of
from console.ui.triage.outcome import Outcome
from console.ui.triage.tree_view import TreeView

EVERY_MS, FILLING_MS = 1_000, 50
HISTORY = 1_300
"""Samples a series that a reading looks back at most: the longest window of the thresholds."""
KEYS = {"y": YES, "n": NO, "u": UNCLEAR}
WIDE_PX = 640
"""Narrower than this, what is said of a branch stands below the tree."""
_TOUCHING = ("triage", "incident", "severity", "timeline")


class TriagePanel(QWidget):
    """A panel of the desk. Signals: `action_wanted(action_id)`."""

    panel_id = "triage"
    panel_title = "Triage"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame, self._tree = frame, frame.policy.triage
        self._view: TriageView | None = None
        self._pending: dict[str, str] = {}
        self._focused = next(iter(self._tree.branches))
        self._following: Following | None = None
        self._stale = True
        self._frozen = False
        self._nodes: dict[str, NodeView] = {}
        self._metrics = tuple(dict.fromkeys(m for b in self._tree.branches.values() for m in b.metrics))
        self._build()
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._on_tick)
        frame.selection.incident_changed.connect(self._on_incident)
        frame.bridge.changed.connect(self._on_changed)
        self._show()

    def _build(self) -> None:
        theme = self._frame.theme
        self._infra = InfraCheck(theme, self._tree, self)
        self._branches = TreeView(theme, self)
        self._detail = Detail(theme, self)
        self._outcome = Outcome(theme, self)
        self._empty = PlainLabel("Choose an incident on the board (Ctrl+1); its triage is shown here.", self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for part in (self._infra, self._branches):
            part.focused.connect(self._on_focused)
            part.typed.connect(self._on_typed)
        self._detail.answered.connect(self._on_answered)
        self._detail.settle_wanted.connect(self._on_settle)
        self._outcome.conclude_wanted.connect(self._on_conclude)
        self._outcome.sheet_wanted.connect(self._on_sheet)
        words = QWidget(self)
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, theme.px("space_1"), 0)
        column.setSpacing(theme.px("space_2"))
        line = QFrame(words)
        line.setFrameShape(QFrame.Shape.HLine)
        line.setForegroundRole(line.palette().ColorRole.Light)
        for part in (self._detail, line, self._outcome):
            column.addWidget(part)
        column.addStretch(1)
        self._words = QScrollArea(self)
        self._words.setWidgetResizable(True)
        self._words.setFrameShape(QFrame.Shape.NoFrame)
        self._words.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._words.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._words.setWidget(words)
        self._middle = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._middle.setSpacing(theme.px("space_3"))
        self._middle.addWidget(self._branches, 3)
        side = QVBoxLayout()
        side.setSpacing(theme.px("space_1"))
        side.addWidget(self._words, 1)
        side.addWidget(self._outcome.keys)
        self._middle.addLayout(side, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px("space_2")] * 4)
        layout.setSpacing(theme.px("space_2"))
        layout.addWidget(self._infra)
        layout.addLayout(self._middle, 1)
        layout.addWidget(self._empty, 1)

    # -- what the window calls

    def action_state(self, action_id: str) -> str:
        """Why an action is blocked, "" when it is not."""
        if action_id.startswith("triage.answer_"):
            return self._answer_blocked()
        return self._conclude_blocked() if action_id == "triage.conclude" else ""

    def on_action(self, action_id: str) -> None:
        """Does one of the panel's actions."""
        if action_id == "triage.conclude":
            self._on_conclude()
        elif action_id.startswith("triage.answer_"):
            self._on_answered(action_id.removeprefix("triage.answer_"))

    def freeze(self, frozen: bool) -> None:
        """Holds the signals as they are; answers still show."""
        self._frozen = frozen

    # -- what is known

    @property
    def walk(self) -> Walk:
        """The walk as the record and what is being recorded have it."""
        view = self._view
        return walk_of(self._tree, view.answers, self._pending, view.held) if view is not None else Walk(self._tree)

    def proposal(self) -> Proposal | None:
        """What the walk comes to, None while the policy cannot say."""
        view = self._view
        if view is None:
            return None
        policy = self._frame.policy
        try:
            return rules.propose(
                self.walk,
                policy.switches,
                policy.inventory,
                incident_class=view.incident_class,
                severity=view.severity,
                target=view.target,
                pages=policy.severity.level(view.severity).pages,
            )
        except ConsoleError:
            return None

    def _answer_blocked(self) -> str:
        if self._view is None:
            return "Choose an incident on the board first; then its triage can be answered."
        if self._view.state == CLOSED:
            return "This incident is closed, so its triage takes no more answers."
        return ""

    def _conclude_blocked(self) -> str:
        blocked = self._answer_blocked()
        if blocked:
            return blocked
        if not self.walk.holding():
            return "No branch holds yet: answer yes (Y) at the branch that explains what is seen."
        if self.proposal() is None:
            return "The policy cannot say what to do about this target; see data/triage.yml and data/systems."
        return ""

    # -- showing

    def _show(self) -> None:
        view = self._view
        for part in (self._infra, self._branches, self._words, self._outcome.keys):
            part.setVisible(view is not None)
        self._empty.setVisible(view is None)
        if view is None:
            return
        self._show_nodes()
        self._infra.show_answers(infra_answers(view.answers, self._pending, view.held), _disputed(view))
        self._show_focused()
        self._outcome.show_proposal(self.proposal(), view.conclusion, self._tree, self._conclude_blocked())
        self._detail.enable(not self._answer_blocked())

    def _show_nodes(self) -> None:
        view = self._view
        if view is None:
            return
        found = nodes(self.walk, self._frame.policy.thresholds, self._readings(), view.signals, view.held)
        self._nodes = {node.branch.id: node for node in found}
        self._branches.show_nodes(found, view.target, view.incident_class, view.severity)

    def _show_focused(self) -> None:
        view = self._view
        if view is None:
            return
        answers = [one for one in view.answers if one.branch == self._focused]
        if self._focused in self._nodes:
            self._detail.show_branch(self._nodes[self._focused], self._tree, answers)
        else:
            question = self._infra.questions[self._focused].question
            self._detail.show_question(question, answers)
        self._detail.show_conflict(view.held.get(self._focused), answers)

    def _readings(self) -> dict[str, Reading]:
        following = self._following
        if following is None or not following.ready:
            return {}
        readings, now = following.readings, int(following.edge)
        breached = breached_metrics(self._frame.bridge.lamps, readings.item)
        scope = TARGET if readings.item is not None else ALL
        return {m: readings.reading(m, scope, now, m in breached) for m in readings.rules}

    # -- answering

    def _answer(self, name: str, answer: str) -> None:
        blocked, view = self._answer_blocked(), self._view
        if blocked or view is None:
            self._frame.notices.say(blocked, "warning")
            return
        evidence = evidence_of(self._nodes[name]) if name in self._nodes else []
        self._pending[name] = answer
        self._frame.bridge.act(
            answer_branch, view.incident, name, answer, evidence, view.saw, self._frame.session.actor(),
            owner=self, then=self._on_recorded, failed=self._on_refused,
        )  # fmt: skip
        self._show()
        if answer != YES or name.startswith(INFRA):
            self._go_on(name)

    def _go_on(self, name: str) -> None:
        """To the next question that is open; a walk takes one key an answer."""
        if name.startswith(INFRA):
            waiting = list(self._infra.questions)
            after = waiting[waiting.index(name) + 1 :]
            self._focus(after[0] if after else self.walk.next_branch() or next(iter(self._tree.branches)))
        else:
            self._focus(self.walk.next_branch() or name)

    def _focus(self, name: str) -> None:
        widget: QWidget | None = self._branches.nodes.get(name) or self._infra.questions.get(name)
        if widget is not None:
            widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def _order(self) -> list[str]:
        return [*self._infra.questions, *self._tree.branches]

    # -- slots

    def _on_focused(self, name: str) -> None:
        self._focused = name
        self._show_focused()

    def _on_typed(self, key: int, text: str) -> None:
        order = self._order()
        place = order.index(self._focused)
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Left):
            self._focus(order[max(place - 1, 0)])
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Right):
            self._focus(order[min(place + 1, len(order) - 1)])
        elif text in KEYS:
            self._answer(self._focused, KEYS[text])
        elif text.isdigit() and 1 <= int(text) <= len(self._infra.questions):
            self._focus(list(self._infra.questions)[int(text) - 1])
        else:
            named = next((b.id for b in self._tree.branches.values() if b.key == text), "")
            self._focus(named)

    def _on_answered(self, answer: str) -> None:
        self._answer(self._focused, answer)

    def _on_recorded(self, _: Any) -> None:
        self._reload()

    def _on_refused(self, error: BaseException) -> None:
        self._pending.clear()
        self._frame.notices.say(sentence_of(error), "error")
        self._show()

    def _on_conclude(self) -> None:
        blocked, view, proposal = self._conclude_blocked(), self._view, self.proposal()
        if blocked or view is None or proposal is None:
            self._frame.notices.say(blocked, "warning")
            return
        self._frame.bridge.act(
            conclude_walk, view.incident, proposal.as_body(), view.saw, self._frame.session.actor(),
            owner=self, then=self._on_concluded, failed=self._on_refused,
        )  # fmt: skip

    def _on_concluded(self, _: Any) -> None:
        proposal = self.proposal()
        first = next((step for step in proposal.containment if step.switch), None) if proposal is not None else None
        if first is not None and self._view is not None:
            then = partial(self._say_concluded, first)
            self._frame.bridge.ask(headline, self._view.incident, owner=self, then=then)
        self._reload()

    def _say_concluded(self, first: ContainmentStep, found: Headline | None) -> None:
        """What is next: the sheet of the smallest step, unless that stop is in force already."""
        stop, say = f"{first.switch} {first.target}", self._frame.notices.say
        if found is not None and stop in found.stops and stop not in found.restored:
            said = f"Triage is concluded; {first.switch} on {first.target} is in force already. F8 goes on."
            say(said, "info", ("Do the next step", "incident.next_step"))
        else:
            said = f"Triage is concluded; the smallest step is {first.switch} on {first.target}. F8 goes on."
            say(said, "info", ("Open the switch sheet", "switches.hold"))

    def _on_settle(self) -> None:
        self.action_wanted.emit("incident.settle")

    def _on_sheet(self) -> None:
        self.action_wanted.emit("switches.hold")

    def _on_incident(self, _: str) -> None:
        self._view, self._following = None, None
        self._pending.clear()
        self._show()
        self._reload()

    def _on_changed(self, changes: Changes) -> None:
        incident = self._frame.selection.incident
        if any(changes.touches(kind, incident) for kind in _TOUCHING):
            self._reload()

    def _reload(self) -> None:
        incident = self._frame.selection.incident
        self._stale = not self.isVisible()
        if incident and not self._stale:
            self._frame.bridge.ask(triage, incident, owner=self, then=self._on_view)

    def _on_view(self, view: TriageView | None) -> None:
        if view is None or view.incident != self._frame.selection.incident:
            return
        first = self._view is None
        target_moved = not first and self._view is not None and self._view.target != view.target
        self._view = view
        given = {one.branch: one.answer for one in view.answers}
        self._pending = {b: a for b, a in self._pending.items() if given.get(b) != a}
        if first or target_moved:
            self._following = None
            self._focused = self.walk.next_branch() or self._focused
        self._show()
        self.setFocusProxy(self._branches.nodes.get(self._focused))
        self._on_tick()

    def _on_tick(self) -> None:
        rings, view = self._frame.bridge.rings, self._view
        if rings is None or view is None or self._frozen:
            return
        if self._following is None:
            self._following = Following(rings, self._fresh, history=HISTORY)
        for _ in self._following.step():
            pass
        self._timer.setInterval(EVERY_MS if self._following.ready else FILLING_MS)
        if self._following.ready:
            before = self._nodes
            self._show_nodes()
            if before != self._nodes:
                self._show_focused()

    def _fresh(self) -> Readings:
        target = self._view.target if self._view is not None else ""
        item = self._frame.policy.inventory.items.get(target)
        chosen = None if item is None or item.kind == "environment" else item
        return Readings(self._frame.policy.thresholds, self._metrics, chosen)

    # -- events

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102, N802
        super().resizeEvent(event)
        wide = self.width() >= WIDE_PX
        direction = QBoxLayout.Direction
        self._middle.setDirection(direction.LeftToRight if wide else direction.TopToBottom)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        self._timer.start()
        if self._stale:
            self._reload()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102, N802
        super().hideEvent(event)
        self._timer.stop()


def _disputed(view: TriageView) -> frozenset[str]:
    """The branches, and infrastructure questions, with two answers that nobody has decided between."""
    return frozenset(branch for branch, one in view.held.items() if one.in_conflict)
