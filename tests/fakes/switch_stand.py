"""A frame for the switches panel: a real desk, and a plane that answers looks as the test says; commands stay unsent.

The record, the writer, the gates and the signatures are the shipped ones; only what the network would bring is made up.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import QObject

from console.actions.approvals import request_approval
from console.domain.changes import Changes
from console.domain.errors import EnvironmentFault
from console.domain.times import format_utc, to_epoch_us
from console.policy import Policy
from console.proof.actor import Actor
from console.runtime.desk import Desk, DeskSettings
from console.store.record import Record
from console.sync.step import Connection
from console.ui.bridge import Bridge
from console.ui.frame import Frame
from console.ui.notices import Notices
from console.ui.selection import Selection
from console.ui.switches.looking import look_from
from console.ui.theme import Theme
from tests.fakes.desk_frame import DESK_KEY, Outside, make_session
from tests.fakes.record_kit import body_of, key_of

SWITCH, TARGET = "FF_TENANT_BLOCK", "tenant.borealis"
SECOND, SECURITY = key_of(5), key_of(6)
ONLINE = Connection("online", 1, 1, 0, "")
OFFLINE = Connection("offline", 1, 1, 3, "The plane does not answer since 14:02:11 UTC.")


@dataclass
class ScriptedPlane:
    """What the plane answers; `age_s` is how old it says its sighting is, `hold` keeps answers back."""

    policy: Policy
    now: Callable[[], datetime]
    state: str = "running"
    generation: int = 1
    age_s: float = 0.5
    hold: bool = False
    policy_hash: str = ""
    counts: dict[str, int] = field(
        default_factory=lambda: {
            "sessions": 1_204,
            "open_streams": 87,
            "requests_60s": 3_318,
            "spend_microusd_60s": 4_120_000,
        }
    )
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    held: list[tuple[Future[Any], Any]] = field(default_factory=list)
    error: Exception | None = None
    ahead_us: int = 0
    """How far the plane's clock is ahead of the desk's."""

    def select(self, incident: str, switch: str, target: str, want: str) -> Any:
        """A `SelectAnswer` in an exchange."""
        self.asked.append((switch, target, want))
        radius = self.policy.inventory.blast_radius(target)
        seen = format_utc(self.now() - timedelta(seconds=self.age_s) + timedelta(microseconds=self.ahead_us))
        if self.error is not None:
            raise self.error
        now_us = to_epoch_us(self.now())
        return SimpleNamespace(
            sent_us=now_us, received_us=now_us, plane_us=now_us + self.ahead_us,
            answer=SimpleNamespace(
                select_token="t" + str(len(self.asked)), epoch="e1", generation=self.generation,
                observation=SimpleNamespace(state=self.state, observed_at=seen, method="probe", command_id=""),
                policy_hash=self.policy_hash or self.policy.hash, scope=radius.scope, ids=list(radius.ids),
                counts=dict(self.counts), counted_at=seen, adapter="simulator", pending="",
                reached={one: dict(self.counts) for one in radius.ids},
                capabilities={"refuses_new": True, "cuts_streams": True, "durable": True, "read_back": False},
            )
        )  # fmt: skip

    def command(self, command_id: str) -> Any:
        """A `CommandStatus` in an exchange."""
        return SimpleNamespace(answer=SimpleNamespace(state="dispatched"))

    def validate(self, incident: str, target: str, cases: int) -> Any:
        """Nobody measures here."""
        raise EnvironmentFault("The back-end does not answer the validation; try again.")


class ScriptedBridge(Bridge):
    """The real bridge, whose errands go to the scripted plane and whose connection is what the test says."""

    plane: ScriptedPlane
    link: Connection = ONLINE

    @property
    def connection(self) -> Any:
        return self.link

    def set_link(self, link: Connection) -> None:
        self.link = link
        self.connection_changed.emit(link)

    def errand(self, request: Any, *, owner: QObject, then: Any = None, failed: Any = None) -> None:
        def begin() -> Future[Any]:
            future: Future[Any] = Future()
            if self.plane.hold:
                self.plane.held.append((future, request))
            else:
                _settle(future, request, self.plane)
            return future

        self._submit(begin, owner, then, failed)

    def let_go(self) -> None:
        """Answers what was held back."""
        self.plane.hold = False
        for future, request in self.plane.held:
            _settle(future, request, self.plane)
        self.plane.held.clear()


def _settle(future: Future[Any], request: Any, plane: ScriptedPlane) -> None:
    try:
        future.set_result(request(plane))
    except Exception as error:  # noqa: BLE001 - it is what the test asked for
        future.set_exception(error)


@dataclass
class SwitchStand:
    """Everything a test of the panel holds."""

    frame: Frame
    bridge: ScriptedBridge
    plane: ScriptedPlane
    desk: Desk
    outside: Outside
    incident: str = ""

    def counted(self, table: str, where: str = "1") -> int:
        """How many rows a table of the record has."""
        found: int = self.desk.query(lambda reader: reader.value(f"SELECT count(*) FROM {table} WHERE {where}"))
        return found

    @property
    def fired(self) -> int:
        """Command rows and confirmations: what no accident may ever make."""
        return self.counted("command") + self.counted("timeline", "type = 'switch.confirmed'")

    def now_text(self, seconds: float = 0) -> str:
        """The desk's clock, moved by `seconds`."""
        return format_utc(self.desk.settings.clock() + timedelta(seconds=seconds))

    def tell(self, event_type: str, **fields: Any) -> str:
        """An event of the plane in the incident; returns its id."""
        signed = self.outside.plane.write(event_type, self.incident, body_of(event_type, **fields))
        self.outside.send(signed)
        return signed.envelope.event_id

    def stopped(self, command_id: str = "", *, seen_s: float = -4, state: str = "stopped", **about: str) -> None:
        """As if the plane had carried a stop out and seen it."""
        at = {"switch": SWITCH, "target": TARGET} | about
        command = command_id or self.incident
        common = {"command_id": command, "generation": 1}
        self.tell("switch.acknowledged", **at, **common, want="stopped", acknowledged_at=self.now_text(seen_s - 1))
        reply = "stopped at generation 1, 4 streams cut, durable"
        self.tell(
            "switch.dispatched",
            command_id=command,
            adapter="simulator",
            reply=reply,
            dispatched_at=self.now_text(seen_s),
        )
        self.tell(
            "switch.observed",
            **at,
            **common,
            state=state,
            method="probe",
            by="plane",
            observed_at=self.now_text(seen_s),
        )

    def partly(self, command_id: str, *, notice: str = "", seen: str = "unknown", **words: str) -> None:
        """As if the plane had carried a stop out and each back-end said `words` of it, by its name."""
        at = {"switch": SWITCH, "target": TARGET, "command_id": command_id, "generation": 1}
        self.tell("switch.acknowledged", **at, want="stopped", acknowledged_at=self.now_text(-5))
        unknown = {"result": "unknown", "evidence": ""}
        self.tell(
            "switch.observed",
            **at,
            state=seen,
            method="probe",
            by="plane",
            observed_at=self.now_text(-4),
            results=dict.fromkeys(("refuses_new", "streams_cut", "survives_restart"), unknown),
            detail=words | ({"notice": notice} if notice else {}) | {"probes": "6"},
        )

    def tripped(self, command_id: str, *, expires_s: float = 1_500) -> None:
        """As if a breaker of the plane had stopped the tenant by itself."""
        self.tell(
            "breaker.tripped", command_id=command_id, breaker="cost_runaway", switch=SWITCH, target=TARGET,
            generation=1, fingerprint="f", owner_role="incident_commander", expires=self.now_text(expires_s),
            sentence="Spending ran away, so the workspace was stopped.",
        )  # fmt: skip

    def ask(self, asker: Actor, reason: str, command_id: str = "") -> str:
        """Somebody's request for a second person to a stop of everything; returns its event id."""
        look = look_from(self.plane.select(self.incident, "FF_GLOBAL_AI", "environment.range", "stopped"))
        policy, now = self.frame.policy, self.desk.settings.clock()
        self.desk.act(
            request_approval, self.incident, command_id=command_id or self.incident, switch="FF_GLOBAL_AI",
            target="environment.range", want="stopped", preview=look.preview, reason=reason,
            inventory=policy.inventory, catalogue=policy.switches, policy_hash=policy.hash, actor=asker, now=now,
        ).result(5)  # fmt: skip
        newest = "SELECT event_id FROM timeline WHERE type = 'approval.requested' ORDER BY n DESC"
        found: str = self.desk.query(lambda reader: reader.value(newest))
        return found

    def move(self, command_id: str, state: str, **known: Any) -> None:
        """Moves a command's row as the sync does."""

        def keep(record: Record) -> Changes:
            with record.transaction() as tx:
                tx.update_command(command_id, state, **known)
            return tx.changes

        self.desk.act(keep).result(10)

    def command_id(self) -> str:
        """The id of the newest command."""
        found: str = self.desk.query(
            lambda r: r.value("SELECT command_id FROM command ORDER BY authorised_at DESC LIMIT 1")
        )
        return found

    def certify(self, person: str, key: Any, role: str) -> Actor:
        """Makes somebody known."""
        body = {"person": person, "public_key": key.public_hex, "display_name": person}
        root = self.outside.root
        self.outside.send(
            root.write("person.certified", "system", body),
            root.write("role.granted", "system", {"person": person, "role": role}),
        )
        return Actor(person, role, key)


def build_stand(folder: Path, policy: Policy, parent: QObject, theme: Theme, **incident: Any) -> SwitchStand:
    """A stand with one incident chosen; end it with `end_stand`."""
    notices = Notices(parent)
    bridge = ScriptedBridge(notices, parent)
    desk = Desk(DeskSettings(folder=folder, device_key=DESK_KEY, exercise=True, policy_hash=policy.hash))
    bridge.listen_to(desk)
    desk.start(outside=False)
    bridge.attach(desk)
    bridge.plane = ScriptedPlane(policy, desk.settings.clock)
    outside = Outside(desk)
    outside.found()
    frame = Frame(bridge, make_session(), Selection(parent), theme, notices, policy)
    stand = SwitchStand(frame, bridge, bridge.plane, desk, outside)
    stand.incident = outside.open_incident(**incident)
    frame.selection.choose_incident(stand.incident)
    return stand


def end_stand(stand: SwitchStand) -> None:
    """Closes bridge and desk."""
    stand.bridge.close()
    stand.desk.stop()
