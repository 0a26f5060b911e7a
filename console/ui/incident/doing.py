"""What is done at once, without a sheet: acknowledge, take command, enter a state, seal, ask for signatures.

Everything goes through the writer, which checks its rule again; a refusal becomes a notice. While something is being
written nothing more is begun: a second press would act on what the first has already changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject

from console.actions.approvals import request_criterion
from console.actions.evidence import seal_evidence
from console.actions.incidents import acknowledge, enter_state, take_role
from console.domain.gates import COMMANDER
from console.domain.incident import BEHAVIOUR_RECOVERED, CONTAINED, MITIGATED, SERVICE_RECOVERED
from console.domain.next_step import ready_state
from console.queries.standing import Standing
from console.ui.bridge import sentence_of
from console.ui.frame import Frame


class Doing:
    """The direct actions of the page; `owner` is the panel that they are done for."""

    def __init__(self, frame: Frame, owner: QObject) -> None:
        self._frame, self._owner = frame, owner
        self._under_way = 0
        self.verbs: Mapping[str, Callable[[Standing], None]] = {
            "incident.acknowledge": self.acknowledge,
            "incident.take_command": self.take_command,
            "incident.enter_state": self.enter_state,
            "incident.seal": self.seal,
            "incident.request_criterion": self.request_criteria,
        }

    def acknowledge(self, standing: Standing) -> None:
        """Says that somebody has seen it."""
        row = standing.page.row
        self._act(acknowledge, row.incident, row.opened)

    def take_command(self, standing: Standing) -> None:
        """Takes the free seat of the commander."""
        row = standing.page.row
        self._act(take_role, row.incident, COMMANDER, row.opened)

    def enter_state(self, standing: Standing) -> None:
        """Enters the next state that may be entered, on what shows it."""
        state = ready_state(standing.page.facts)
        if state:
            self._act(enter_state, standing.page.row.incident, state, grounds(standing, state))

    def seal(self, standing: Standing) -> None:
        """Closes the tree over everything captured."""
        self._act(seal_evidence, standing.page.row.incident, self._frame.session.origin)

    def request_criteria(self, standing: Standing) -> None:
        """Asks for every signature that restoring still lacks and that nobody was asked for yet."""
        for one in standing.progress.criteria:
            if one.signed_by and not one.met and not one.requested:
                self._act(
                    request_criterion,
                    standing.page.row.incident,
                    catalogue=self._frame.policy.switches,
                    switch=one.switch,
                    target=one.target,
                    criterion=one.id,
                )

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._under_way > 0

    def _act(self, verb: Callable[..., Any], *args: Any, **more: Any) -> None:
        self._under_way += 1
        self._frame.bridge.act(
            verb,
            *args,
            actor=self._frame.session.actor(),
            owner=self._owner,
            then=self._on_done,
            failed=self._on_failed,
            **more,
        )

    def _on_done(self, _: object) -> None:
        self._under_way -= 1

    def _on_failed(self, error: BaseException) -> None:
        self._under_way -= 1
        self._frame.notices.say(sentence_of(error), "warning")


def grounds(standing: Standing, state: str) -> list[str]:
    """The events that show that `state` holds, as far as the facts name them."""
    facts = standing.page.facts
    shown = {
        CONTAINED: [*facts.stops.values()],
        MITIGATED: [*facts.stops.values(), facts.mitigation],
        SERVICE_RECOVERED: [*facts.restored.values(), facts.mitigation],
        BEHAVIOUR_RECOVERED: [*facts.restored.values(), facts.mitigation],
    }
    return [event for event in shown.get(state, []) if event]
