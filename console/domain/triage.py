"""The semantic triage tree: ten branches, a walk that keeps every answer, and what the walk proposes (TRI-1 to TRI-5).

A walk is a value: answering gives a new one. Signals suggest, a person answers; a branch may be answered again, and two
branches may hold at once. A proposal opens sheets, it never throws anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.domain.errors import InputError
from console.domain.inventory import Inventory
from console.domain.switches import SwitchCatalogue

YES, NO, UNCLEAR = "yes", "no", "unclear"
ANSWERS = (YES, NO, UNCLEAR)
STEPS = ("local", "scoped", "failover", "fail_closed")
"""Graduated containment, smallest first (SWI-5)."""

_NAMED = 4


@dataclass(frozen=True, slots=True)
class Action:
    """One containment action of the catalogue: the switch that does it, or "" for what is done by hand (SWI-2).

    `step` is its place in STEPS; `destructive` ones wait until the evidence they would destroy is captured (SWI-8).
    """

    id: str
    title: str
    switch: str
    step: str
    destructive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One branch of the tree; `rollback` says in words what is rolled back, `surfaces` names the rollback surfaces.

    `key` is the one keystroke that opens it; `metrics` are the live signals shown beside it.
    """

    id: str
    title: str
    key: str
    symptom: str
    artefact: str
    containment: tuple[str, ...]
    surfaces: tuple[str, ...]
    rollback: str
    runbook: str
    roles: tuple[str, ...]
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the class -> branch -> runbook table; the first row of a class is the one to try first."""

    incident_class: str
    branch: str
    runbook: str


@dataclass(frozen=True, slots=True)
class InfraQuestion:
    """One question of the check "infrastructure or model" (TRI-3); `infra_answer` points at the infrastructure."""

    id: str
    text: str
    infra_answer: str


@dataclass(frozen=True, slots=True)
class TriageTree:
    """Branches in walk order, the routing table, the infrastructure questions, and the action catalogue.

    `general` are the containment actions that suit any branch: isolate, fail over, fail closed.
    """

    branches: Mapping[str, Branch]
    routes: tuple[Route, ...]
    infra_questions: tuple[InfraQuestion, ...]
    actions: Mapping[str, Action]
    general: tuple[str, ...]

    def branch(self, branch_id: str) -> Branch:
        """The branch of that id; raises InputError when there is none."""
        try:
            return self.branches[branch_id]
        except KeyError:
            known = ", ".join(self.branches)
            raise InputError(f"There is no branch '{branch_id[:40]}'; choose one of {known}.") from None

    def first_route(self, incident_class: str) -> Route:
        """Where a signal of this class leads first; raises InputError for a class the table does not know."""
        for route in self.routes:
            if route.incident_class == incident_class:
                return route
        raise InputError(f"No branch is set for the class '{incident_class[:40]}'; add a row to data/triage.yml.")

    def runbook(self, incident_class: str, branch_id: str) -> str:
        """The runbook for a class found at a branch; a pair without a row takes the branch's own runbook."""
        for route in self.routes:
            if (route.incident_class, route.branch) == (incident_class, branch_id):
                return route.runbook
        return self.branch(branch_id).runbook

    def infra_verdict(self, answers: Mapping[str, str]) -> str:
        """Which of "infrastructure", "model" and "open" the answers (question id -> yes, no, unclear) come to."""
        given = [answers.get(q.id, UNCLEAR) for q in self.infra_questions]
        if any(answer == q.infra_answer for answer, q in zip(given, self.infra_questions, strict=True)):
            return "infrastructure"
        return "open" if UNCLEAR in given else "model"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with what it rests on (observations, item ids), as a `triage.answered` event holds it."""

    branch: str
    answer: str
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """Every answer ever given, oldest first; the last one of a branch counts, the earlier ones stay visible."""

    tree: TriageTree
    answers: tuple[Answer, ...] = ()

    def answer(self, branch_id: str, answer: str, evidence: Sequence[Mapping[str, Any]] = ()) -> Walk:
        """The walk with one more answer; raises InputError for an unknown branch or answer."""
        self.tree.branch(branch_id)
        if answer not in ANSWERS:
            raise InputError(f"'{answer[:20]}' is not an answer; say {', '.join(ANSWERS)}.")
        return Walk(self.tree, (*self.answers, Answer(branch_id, answer, tuple(evidence))))

    def current(self) -> Mapping[str, Answer]:
        """The answer that counts, by branch; branches never answered are absent."""
        return {answer.branch: answer for answer in self.answers}

    def holding(self) -> tuple[str, ...]:
        """The branches answered yes, in walk order."""
        return self._answered(YES)

    def open_branches(self) -> tuple[str, ...]:
        """The branches never answered or unclear, in walk order."""
        current = self.current()
        return tuple(b for b in self.tree.branches if b not in current or current[b].answer == UNCLEAR)

    def next_branch(self) -> str:
        """The first branch never answered, else the first unclear one, else ""."""
        current = self.current()
        unanswered = [b for b in self.tree.branches if b not in current]
        return next(iter(unanswered or self.open_branches()), "")

    def _answered(self, answer: str) -> tuple[str, ...]:
        current = self.current()
        return tuple(b for b in self.tree.branches if b in current and current[b].answer == answer)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A branch that live signals point at, and the metrics that do so, worst first."""

    branch: str
    metrics: tuple[str, ...]


def suggest(tree: TriageTree, breached: Collection[str], warned: Collection[str] = ()) -> tuple[Suggestion, ...]:
    """Branches that the signals point at: those with most breached metrics first, then warned, then walk order (TRI-5).

    `breached` and `warned` are names of metrics; a metric that no branch lists points nowhere.
    """
    order = list(tree.branches)
    found = []
    for branch in tree.branches.values():
        bad = tuple(m for m in branch.metrics if m in breached)
        doubtful = tuple(m for m in branch.metrics if m in warned and m not in breached)
        if bad or doubtful:
            found.append((-len(bad), -len(doubtful), order.index(branch.id), Suggestion(branch.id, bad + doubtful)))
    return tuple(entry[-1] for entry in sorted(found, key=lambda entry: entry[:3]))


@dataclass(frozen=True, slots=True)
class ContainmentStep:
    """One proposed step: what to do, with which switch on which target, and a warning when it is wider than needed.

    `switch` and `target` are "" for what is done by hand; `adapter` is "" when nobody enforces the switch there.
    """

    action: str
    title: str
    step: str
    switch: str = ""
    target: str = ""
    adapter: str = ""
    scope: str = ""
    warning: str = ""


def containment_steps(
    tree: TriageTree, catalogue: SwitchCatalogue, inventory: Inventory, branches: Sequence[str], target: str
) -> tuple[ContainmentStep, ...]:
    """What the holding branches call for, the smallest effective step first (SWI-5).

    Steps that an adapter enforces within the affected scope come first, by place in graduated containment and by how
    much they reach; then wider ones, each with a warning; then what is done by hand. Raises InputError for a target
    that is not in the inventory.
    """
    wanted = list(dict.fromkeys([*(a for b in branches for a in tree.branch(b).containment), *tree.general]))
    found: list[tuple[tuple[int, int, int, int], ContainmentStep]] = []
    for place, action in enumerate(tree.actions[a] for a in wanted):
        targets = _targets(inventory, catalogue.switch(action.switch).kinds, target) if action.switch else ()
        if not targets:
            step = ContainmentStep(action.id, action.title, action.step)
            found.append(((3, STEPS.index(action.step), 0, place), step))
        for item in targets:
            proposed = _bound_step(inventory, catalogue, action, item, target)
            rank = 2 if not proposed.adapter else 1 if proposed.warning else 0
            reach = len(inventory.blast_radius(item).ids)
            found.append(((rank, STEPS.index(proposed.step), reach, place), proposed))
    ordered = [step for _, step in sorted(found, key=lambda entry: entry[0])]
    seen: dict[tuple[str, str, str], ContainmentStep] = {}
    for step in ordered:
        seen.setdefault((step.switch, step.target, "" if step.switch else step.action), step)
    return tuple(seen.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a walk comes to; a person accepts or changes it. `containment` is ordered, the first is the one to take."""

    incident_class: str
    branches: tuple[str, ...]
    severity: str
    containment: tuple[ContainmentStep, ...]
    surface: str
    runbook: str
    playbooks: tuple[str, ...] = field(default=())
    roles: tuple[str, ...]

    def as_body(self) -> dict[str, Any]:
        """The body of a `triage.concluded` event without `saw`."""
        return {
            "class": self.incident_class,
            "branches": list(self.branches),
            "severity": self.severity,
            "containment": [f"{s.switch or s.action}{' ' + s.target if s.target else ''}" for s in self.containment],
            "surface": self.surface,
            "runbook": self.runbook,
            "roles": list(self.roles),
        }


def propose(
    walk: Walk,
    catalogue: SwitchCatalogue,
    inventory: Inventory,
    *,
    incident_class: str,
    severity: str,
    target: str,
    pages: Sequence[str] = (),
    playbooks: Sequence[str] = (),
) -> Proposal:
    """Class, severity, containment, surface, runbook and roles from a walk (TRI-2).

    `incident_class` and `severity` are those of the signals and the grade; `pages` the roles that level pages. When no
    branch holds yet, the branch that the class leads to first stands in. Raises InputError for unknown names.
    """
    tree = walk.tree
    first = tree.first_route(incident_class)
    branches = walk.holding() or (first.branch,)
    lead = first.branch if first.branch in branches else branches[0]
    steps = containment_steps(tree, catalogue, inventory, branches, target)
    owners = [role for b in (lead, *(b for b in branches if b != lead)) for role in tree.branch(b).roles]
    if steps and steps[0].switch:
        owners.append(catalogue.switch(steps[0].switch).owner_role)
    return Proposal(
        incident_class=incident_class,
        branches=branches,
        severity=severity,
        containment=steps,
        surface=tree.branch(lead).surfaces[0],
        runbook=tree.runbook(incident_class, lead),
        playbooks=tuple(playbooks),
        roles=tuple(dict.fromkeys([*owners, *pages])),
    )


def _targets(inventory: Inventory, kinds: Collection[str], target: str) -> tuple[str, ...]:
    """Items on which a switch of these kinds would reach `target`: itself, or what carries its traffic."""
    item = inventory.item(target)
    if item.kind in kinds:
        return (item.id,)
    tenants = set(item.tenants) or {item.id}
    everywhere = item.kind == "environment"
    return tuple(
        other.id
        for other in inventory.items.values()
        if other.kind in kinds
        and other.environment == item.environment
        and (everywhere or other.kind == "environment" or tenants & set(other.tenants))
    )


def _bound_step(
    inventory: Inventory, catalogue: SwitchCatalogue, action: Action, item: str, affected: str
) -> ContainmentStep:
    radius = inventory.blast_radius(item)
    extra = sorted(set(radius.ids) - set(inventory.blast_radius(affected).ids) - {item})
    named = ", ".join(extra[:_NAMED]) + (f" and {len(extra) - _NAMED} more" if len(extra) > _NAMED else "")
    warning = f"Wider than what is affected: it also reaches {named}." if extra else ""
    return ContainmentStep(
        action=action.id,
        title=action.title,
        step=catalogue.switch(action.switch).step,
        switch=action.switch,
        target=item,
        adapter=inventory.adapter_names(action.switch, item),
        scope=radius.scope,
        warning=warning,
    )
