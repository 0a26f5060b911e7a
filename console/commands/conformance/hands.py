"""One command of a conformance run, given as people give it: preview, second person, confirmation, one order.

Everything goes through the desk's own actions and its sync threads; the receipt is the desk's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from console.actions.approvals import give_approval, request_approval
from console.actions.opening import open_by_hand
from console.actions.recovery import sign_criterion
from console.actions.switches import confirm_switch
from console.commands.conformance.ground import Crew
from console.commands.demo.stopping import preview_of
from console.commands.house import House
from console.domain.commands import ENDS, UNKNOWN, Approval
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import EnvironmentFault
from console.domain.switches import RUNNING, Switch
from console.domain.times import parse_utc
from console.queries.commands import CommandView, command
from console.queries.switches import approval_request

OUTCOME_WITHIN_S = 40.0
SENT_WITHIN_S = 20.0
REASON = "Conformance run: the switch is thrown and restored to see what it does."


@dataclass
class Hands:
    """The crew's hands on one switch and target, in an incident of its own."""

    house: House
    crew: Crew
    switch: Switch
    target: str
    incident: str = field(init=False)
    _proven: dict[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Opens the incident and has the owner sign every restoration criterion."""
        policy, actor = self.house.policy, self.crew.keeper(self.switch.owner_role)
        item = policy.inventory.item(self.target)
        opened = self.house.act(
            open_by_hand, f"{self.switch.id} on {item.name}", item, "active", policy.severity, actor
        )
        signed = opened.events[0]
        self.incident = next(iter(opened.incidents))
        self._proven = {}
        for criterion in self.switch.criteria:
            made = self.house.act(
                sign_criterion, self.incident, catalogue=policy.switches, switch=self.switch.id, target=self.target,
                criterion=criterion.id, evidence=[signed], statement="Nothing on the stand can fail.", actor=actor,
            )  # fmt: skip
            self._proven[criterion.id] = tuple(made.events)
        self.house.desk.sync_now()
        self.house.wait_for(
            lambda: self.house.desk.connection.to_send == 0, "The signed criteria reaching the plane", SENT_WITHIN_S
        )

    def order(self, want: str) -> CommandView:
        """Orders `want` and waits for its end or for "unknown"; the receipt as it is then."""
        house = self.house
        client = house.desk.errand(lambda plane: plane.select(self.incident, self.switch.id, self.target, want))
        preview, command_id = preview_of(client.result().answer), house.new_id()
        approvals, ends = self._approved(command_id, want, preview)
        house.act(
            confirm_switch,
            Confirmation(
                command_id=command_id, incident=self.incident, switch=self.switch.id, target=self.target, want=want,
                preview=preview, gesture="hold", dwell_ms=house.policy.switches.times.dwell_ms, reason=REASON,
                typed_name=house.policy.inventory.item(self.target).name, approvals=approvals, request_expires=ends,
                criteria=self._proven if want == RUNNING else {},
            ),
            inventory=house.policy.inventory, catalogue=house.policy.switches, policy_hash=house.policy.hash,
            actor=self.crew.keeper(self.switch.owner_role),
        )  # fmt: skip
        return house.wait_for(
            lambda: self._settled(command_id), f"An outcome of {self.switch.id} {want}", OUTCOME_WITHIN_S
        )

    def receipt(self, command_id: str) -> CommandView:
        """The receipt of a command as it is now."""
        view = self.house.desk.query(command, command_id)
        if view is None:
            raise EnvironmentFault(f"The desk does not know command {command_id}; look at its store.")
        return view

    def _settled(self, command_id: str) -> CommandView | None:
        view = self.receipt(command_id)
        known = view.results["refuses_new"].evidence or view.state in (UNKNOWN, *ENDS[1:])
        return view if (view.state in ENDS or view.state == UNKNOWN) and known else None

    def _approved(self, command_id: str, want: str, preview: Preview) -> tuple[tuple[Approval, ...], str]:
        """The second person's approval where the gate asks for one, and the end of the request."""
        house, policy = self.house, self.house.policy
        if not preview.blast_radius.is_wide:
            return (), ""
        house.act(
            request_approval, self.incident, command_id=command_id, switch=self.switch.id, target=self.target,
            want=want, preview=preview, reason=REASON, inventory=policy.inventory, catalogue=policy.switches,
            policy_hash=policy.hash, actor=self.crew.keeper(self.switch.owner_role),
        )  # fmt: skip
        asked = house.desk.query(approval_request, self.incident, command_id)
        assert asked is not None  # it was committed by the line above
        house.act(give_approval, self.incident, asked.event_id, self.crew.second, preview=preview)
        given = house.desk.query(approval_request, self.incident, command_id)
        assert given is not None
        return given.approvals, given.expires


def took_ms(view: CommandView) -> float:
    """From authorised to observed, both on the desk's clock."""
    return (parse_utc(view.observed_at) - parse_utc(view.authorised_at)).total_seconds() * 1000
