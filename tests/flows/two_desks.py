"""Two desks of one organisation before real back-ends: who sits there, and one command given as people give it.

Everything goes through a desk's own actions, its sync threads and the plane's interface, as in the conformance run.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from console.actions.approvals import give_approval, request_approval
from console.actions.organisation import pin_root
from console.actions.recovery import sign_criterion
from console.actions.switches import confirm_switch
from console.commands.conformance.ground import KEEPER, SECOND, Crew, stand_policy
from console.commands.demo.stopping import preview_of
from console.commands.house import CERTIFIED_WITHIN_S, House
from console.domain.commands import Approval
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import ConsoleError
from console.domain.switches import RUNNING
from console.policy import load
from console.proof.actor import Actor
from console.proof.keys import SEED_BYTES, SigningKey
from console.queries.commands import CommandView, command
from console.queries.incidents import incidents
from console.queries.switches import approval_request
from console.runtime.desk import Desk, DeskSettings
from console.simulator.stand.haproxy import HaproxyStand
from console.simulator.stand.postgres import PostgresStand
from console.store.facts import certified_people

T = TypeVar("T")
COMMANDER, ADMINISTRATOR = "incident_commander", "platform_administrator"
WITHIN_S = 40.0
REASON = "Two people try what they rely on."


class TwoDesks(House):
    """A plane that drives HAProxy and PostgreSQL, and two desks: `here` the commander's, `there` the second person's.

    The second person administrates the platform too. The attributes exist once it was entered.
    """

    here: Seat
    there: Seat

    def __init__(self, folder: Path) -> None:
        work, logs = folder / "work", folder / "logs"
        for made in (work, logs):
            made.mkdir(mode=0o700)
        super().__init__(load(stand_policy(work / "policy")), work, logs)
        self.haproxy, self.postgres = HaproxyStand(work / "haproxy"), PostgresStand(work / "postgres")

    def __enter__(self) -> TwoDesks:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def _open(self) -> None:
        stands = (self.haproxy, self.postgres)
        for stand in stands:
            self.closing.callback(stand.close)
            stand.start()
        self.found({"policy": str(self.work / "policy")} | {stand.name: _plain(stand.settings) for stand in stands})
        self.start_plane({stand.name: dict(stand.secrets) for stand in stands})
        crew, first, second = Crew.assemble(), _fresh_key(), _fresh_key()
        other: dict[str, object] = {"device": second.id, "public_key": second.public_hex, "label": "The other desk"}
        administrates: dict[str, object] = {"person": SECOND, "role": ADMINISTRATOR}
        self.certify(
            [*crew.papers(first, [COMMANDER]), ("device.certified", other), ("role.granted", administrates)]
        )  # fmt: skip
        self.open_desk(first, len(crew.keys))
        self.here = Seat(self, self.desk, first.id, Actor(KEEPER, COMMANDER, crew.keys[KEEPER]))
        self.there = Seat(self, self._second_desk(second), second.id, Actor(SECOND, ADMINISTRATOR, crew.keys[SECOND]))

    def _second_desk(self, key: SigningKey) -> Desk:
        desk = Desk(
            DeskSettings(
                folder=self.work / "second desk", device_key=key, exercise=True, policy_hash=self.policy.hash,
                plane_url=self.plane_ready["url"],
            )
        )  # fmt: skip
        desk.start()
        self.closing.callback(desk.stop)
        desk.act(pin_root, self.root.public_hex, now=self.now()).result()
        self.wait_for(
            lambda: len(desk.query(certified_people)) == len(self.desk.query(certified_people)),
            "The second desk learning who is certified",
            CERTIFIED_WITHIN_S,
        )
        return desk


@dataclass
class Seat:
    """One person at one desk; `device` is the desk's id."""

    house: TwoDesks
    desk: Desk
    device: str
    actor: Actor
    _proven: dict[tuple[str, str, str], dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def act(self, verb: Callable[..., T], *args: Any, **named: Any) -> T:
        """Does something at this desk and waits until it is committed."""
        return self.desk.act(verb, *args, **named, now=self.house.now()).result()

    def knows(self, incident: str) -> None:
        """Waits until the incident has come to this desk."""
        self.house.wait_for(
            lambda: any(row.incident == incident for row in self.desk.query(incidents)), "The incident", WITHIN_S
        )

    def previewed(self, incident: str, switch: str, target: str, want: str) -> Preview:
        """What this person is shown themselves."""
        return preview_of(self.desk.errand(lambda plane: plane.select(incident, switch, target, want)).result().answer)

    def prove(self, incident: str, switch: str, target: str, grounds: str) -> None:
        """Signs every restoration criterion on the event `grounds` and waits until the plane has it."""
        proven = {}
        for criterion in self.house.policy.switches.switch(switch).criteria:
            made = self.act(
                sign_criterion, incident, catalogue=self.house.policy.switches, switch=switch, target=target,
                criterion=criterion.id, evidence=[grounds], statement="Gone through.", actor=self.actor,
            )  # fmt: skip
            proven[criterion.id] = tuple(made.events)
        self._proven[incident, switch, target] = proven
        self.house.wait_for(lambda: self.desk.connection.to_send == 0, "The criteria reaching the plane", WITHIN_S)

    def ask(self, incident: str, switch: str, target: str, want: str) -> tuple[str, Preview]:
        """Asks for a second person; the id of the command that is to be, and what was shown."""
        shown, command_id, policy = self.previewed(incident, switch, target, want), self.house.new_id(), self.rules
        self.act(
            request_approval, incident, command_id=command_id, switch=switch, target=target, want=want, preview=shown,
            reason=REASON, inventory=policy.inventory, catalogue=policy.switches, policy_hash=policy.hash,
            actor=self.actor,
        )  # fmt: skip
        return command_id, shown

    def approve(self, incident: str, command_id: str) -> None:
        """Looks for themselves at what another desk asks, and approves it."""
        asked = self.house.wait_for(
            lambda: self.desk.query(approval_request, incident, command_id), "The request", WITHIN_S
        )
        shown = self.previewed(incident, asked.switch, asked.target, asked.want)
        self.act(give_approval, incident, asked.event_id, self.actor, preview=shown)

    def approved(self, incident: str, command_id: str) -> tuple[tuple[Approval, ...], str]:
        """The approval that came from the other desk, and the end of the request."""
        found = self.house.wait_for(lambda: self._answered(incident, command_id), "The approval", WITHIN_S)
        return found.approvals, found.expires

    def _answered(self, incident: str, command_id: str) -> Any:
        found = self.desk.query(approval_request, incident, command_id)
        return found if found is not None and found.approvals else None

    def confirm(
        self, incident: str, switch: str, target: str, want: str, preview: Preview | None = None,
        command_id: str = "", approvals: tuple[Approval, ...] = (), request_expires: str = "",
    ) -> str:  # fmt: skip
        """Confirms; the order goes out once. Returns the command's id."""
        policy, command_id = self.rules, command_id or self.house.new_id()
        confirmed = Confirmation(
            command_id=command_id, incident=incident, switch=switch, target=target, want=want,
            preview=preview or self.previewed(incident, switch, target, want), gesture="hold",
            dwell_ms=policy.switches.times.dwell_ms, reason=REASON, typed_name=policy.inventory.item(target).name,
            approvals=approvals, request_expires=request_expires,
            criteria=self._proven[incident, switch, target] if want == RUNNING else {},
        )  # fmt: skip
        self.act(
            confirm_switch, confirmed, inventory=policy.inventory, catalogue=policy.switches, policy_hash=policy.hash,
            actor=self.actor,
        )  # fmt: skip
        return command_id

    def receipt(self, command_id: str) -> CommandView:
        """What this desk shows of its command now."""
        view = self.desk.query(command, command_id)
        assert view is not None
        return view

    def becomes(self, command_id: str, state: str) -> CommandView:
        """The receipt once it is in that state and something was seen."""

        def seen() -> CommandView | None:
            view = self.receipt(command_id)
            return view if view.state == state and view.detail else None

        try:
            return self.house.wait_for(seen, f"{state} of {command_id}", WITHIN_S)
        except ConsoleError as late:
            raise AssertionError(f"{late.sentence} It is: {self.receipt(command_id)}") from late

    @property
    def rules(self) -> Any:
        """The policy of the house."""
        return self.house.policy


def _fresh_key() -> SigningKey:
    return SigningKey(secrets.token_bytes(SEED_BYTES))


def _plain(table: Any) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in table.items()}
