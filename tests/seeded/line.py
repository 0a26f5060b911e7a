"""The whole line of a command: a real desk record and its actions, a real plane over HTTP, and a gateway on loopback.

`ask` makes what a sheet would hand over from the plane's own preview, `confirm` has the desk's action judge and sign it
and sends what it wrote. A `crooked` desk changes the order after its own gates and signs it again: what then stands in
the way is the plane alone. "Taken" means that the plane committed it; only then does it reach a back-end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from console.actions import switches
from console.domain.commands import Approval, Order, order_from_object, request_subject
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import ConsoleError
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.proof.canonical import canonical, parse_canonical
from console.proof.envelope import SignedEvent
from console.store import syncing
from console.store.opening import open_store
from console.store.record import Record
from console.store.transaction import Writer
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import (
    BLOCK,
    BOREALIS,
    COMMANDER,
    DESK,
    OWNER,
    PEOPLE,
    POLICY,
    ROLES,
    SECOND,
    SECURITY,
    Client,
    World,
    fresh_id,
    now,
)  # fmt: skip
from tests.fakes.record_kit import Cursor, Entry

ROLE_OF = {COMMANDER: "incident_commander", OWNER: "platform_administrator", SECOND: "sre_on_call",
           SECURITY: "security_lead"}  # fmt: skip
TWIN = "twin@example.org"
"""Another name of OWNER: certified with the same key."""
GLOBAL, CACHE, RANGE = "FF_GLOBAL_AI", "FF_CACHE_BYPASS", "environment.range"
Crook = Callable[[Order], Order]


def actor(person: str, role: str = "") -> Actor:
    """Somebody of the tests at the desk, in the role they act in."""
    return Actor(person, role or ROLE_OF.get(person, ""), PEOPLE[OWNER if person == TWIN else person])


class BrokenLineError(Exception):
    """The line itself does not work: no rule was tried, and nothing was caught."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one: `desk` the desk's refusal ("": it let it through), then the plane's answer."""

    command_id: str
    incident: str
    desk: str = ""
    status: int = 0
    kind: str = ""
    gates: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether the plane took it to carry it out."""
        return self.status == 202


class Line:
    """One desk, one plane, one gateway; `line(folder)` opens and closes it."""

    def __init__(self, record: Record, client: Client, gateway: FakeGateway, world: World, plane: Any) -> None:
        self.record, self.client, self.gateway = record, client, gateway
        self.world, self.plane = world, plane
        self._cursor = Cursor(client.get("/v1/journal?after=0&limit=1").json()["epoch"])

    # -- what a sheet does

    def look(self, incident: str, switch: str, target: str, want: str) -> Preview:
        """The plane's preview, as the desk keeps it."""
        shown = self.client.select(incident, switch, target, want)
        need("select_token" in shown, shown)
        return Preview(
            select_token=shown["select_token"], epoch=shown["epoch"], generation=shown["generation"],
            state=shown["observation"]["state"], observed_at=format_utc(now()),
            blast_radius=BlastRadius(shown["scope"], tuple(shown["ids"])), policy_hash=shown["policy_hash"],
            counts=shown["counts"], counted_at=shown["counted_at"], adapter=shown["adapter"],
        )  # fmt: skip

    def ask(self, switch: str = BLOCK, target: str = BOREALIS, want: str = "stopped", **changes: Any) -> Confirmation:
        """Everything one person can bring, complete; `changes` replace members."""
        incident = changes.pop("incident", "") or fresh_id()
        asked = Confirmation(
            command_id=fresh_id(), incident=incident, switch=switch, target=target, want=want,
            preview=self.look(incident, switch, target, want), gesture="hold", dwell_ms=2_000,
            reason="Answers are not grounded.", typed_name=POLICY.inventory.item(target).name,
        )  # fmt: skip
        return replace(asked, **changes)

    def wide_stop(self, **changes: Any) -> Confirmation:
        """A stop of everything, approved by the second person unless `approvals` says otherwise."""
        asked = self.ask(GLOBAL, RANGE)
        return replace(approved(asked), **changes)

    def restore(self, target: str = BOREALIS, **changes: Any) -> Confirmation:
        """A restore of the cache with its criteria signed off, and approved where it is wide."""
        asked = self.ask(CACHE, target, "running")
        asked = replace(asked, criteria={one: (self.sign_off(asked, one),) for one in criteria_of(CACHE)})
        return replace(approved(asked, OWNER) if target == RANGE else asked, **changes)

    def sign_off(self, asked: Confirmation, criterion: str, by: str = SECOND) -> str:
        """A signed statement that a criterion is met, known to desk and plane; the event's id."""
        body = {"switch": asked.switch, "target": asked.target, "criterion": criterion, "evidence": [],
                "statement": "Gone through."}  # fmt: skip
        return self.write("criterion.signed", body, asked.incident, actor(by))

    def write(self, event_type: str, body: dict[str, Any], incident: str, by: Actor, *, push: bool = True) -> str:
        """An event of this desk, signed by the person, and pushed; its id."""
        with self.record.transaction(now()) as tx:
            signed = tx.append(event_type, incident, body, actor=by, person_key=by.key)
        if push:
            self.push(signed)
        return signed.envelope.event_id

    def push(self, *events: SignedEvent) -> None:
        """Sends events of this desk to the plane, which must accept them."""
        results = self.client.push(*events)
        need({one["status"] for one in results} == {"accepted"}, results)

    # -- what the desk and the plane do

    def confirm(
        self, asked: Confirmation, by: str = COMMANDER, *, role: str = "", crooked: Crook | None = None,
        at: datetime | None = None, **wire: str,
    ) -> Attempt:  # fmt: skip
        """Has the desk judge, sign and write it, then sends it once; `wire` replaces members of the request."""
        person = actor(by, role)
        try:
            switches.confirm_switch(
                self.record, asked, inventory=POLICY.inventory, catalogue=POLICY.switches, policy_hash=POLICY.hash,
                actor=person, now=at or now(),
            )  # fmt: skip
        except ConsoleError as error:
            return Attempt(asked.command_id, asked.incident, desk=error.sentence or "refused")
        with self.record.transaction(now()) as tx:
            row = tx.row("SELECT * FROM command WHERE command_id = ?", (asked.command_id,))
            assert row is not None
            made = {"canon": row["order_canon"], "sig": row["order_sig"], "person_sig": row["order_person_sig"]}
        if crooked is not None:
            made = signed(crooked(order_from_object(parse_canonical(str(made["canon"]).encode()))), person)
        attempt = self.send(asked, made | wire)
        with self.record.transaction(now()) as tx:  # what the sync would hear of it
            for state in ("sent", "verified" if attempt.taken else "refused"):
                tx.update_command(asked.command_id, state)
        return attempt

    def send(self, asked: Confirmation, made: dict[str, Any]) -> Attempt:
        """Posts an order as it is on the wire."""
        answer = self.client.post("/v1/commands", made)
        told = answer.json()
        need(answer.status_code < 500, told)
        gates = tuple(told.get("gates", ()))
        return Attempt(asked.command_id, asked.incident, "", answer.status_code, told.get("kind", ""), gates)

    def pull(self) -> None:
        """Takes in what the plane's journal says since."""
        page = self.client.get(f"/v1/journal?after={self._cursor.gpos}").json()
        if not page["entries"]:
            return
        entries = [
            Entry(one["gpos"], one["journal_hash"], one["status"],
                  SignedEvent(one["event"]["canon"], one["event"]["sig"], one["event"].get("person_sig", "")))
            for one in page["entries"]
        ]  # fmt: skip
        before, last = self._cursor, entries[-1]
        self._cursor = Cursor(page["epoch"], last.gpos, last.journal_hash, page["size"])
        with self.record.transaction(now()) as tx:
            syncing.store_entries(tx, before, entries, self._cursor)

    def told(self, event_type: str, incident: str) -> list[dict[str, Any]]:
        """The bodies of the plane's accepted events of a type in an incident."""
        return self.client.bodies(event_type, incident)


def need(met: bool, told: object = "") -> None:
    """What a scenario rests on; raises BrokenLineError, which is no catch, when it is not so."""
    if not met:
        raise BrokenLineError(str(told)[:300])


def signed(order: Order, person: Actor) -> dict[str, str]:
    """An order on the wire, signed by the desk and the person."""
    text = canonical(order.as_object())
    assert person.key is not None
    return {"canon": text.decode(), "sig": DESK.sign_text(text), "person_sig": person.key.sign_text(text)}


def approved(
    asked: Confirmation, by: str = SECOND, *, ends_s: float = 600, given_s: float = 0, **told: Any
) -> Confirmation:
    """With a second person's signature over what is asked; `told` is what they were shown instead."""
    expires = format_utc(now() + timedelta(seconds=ends_s))
    seen: dict[str, Any] = {
        "command_id": asked.command_id, "switch": asked.switch, "target": asked.target, "want": asked.want,
        "generation": asked.preview.generation, "blast_radius": asked.preview.blast_radius,
        "policy_hash": POLICY.hash, "expires": expires,
    } | told  # fmt: skip
    key = actor(by).key
    assert key is not None
    sig = key.sign_text(canonical(request_subject(**seen)))
    at = format_utc(now() + timedelta(seconds=given_s))
    return replace(asked, approvals=(Approval(by, OTHER_DESK.id, sig, at, same_desk=False),), request_expires=expires)


def criteria_of(switch: str) -> tuple[str, ...]:
    """The ids of what must be proven before that switch is restored."""
    return tuple(one.id for one in POLICY.switches.switch(switch).criteria)


class _World(World):
    """A plane that also certified a second desk and another name of OWNER."""

    def __init__(self, folder: Path, *, exercise: bool) -> None:
        from console.plane.founding import sign_as_root
        from tests.fakes import planes

        super().__init__(folder, exercise=exercise)
        more: list[tuple[str, dict[str, object]]] = [
            ("device.certified", {"device": OTHER_DESK.id, "public_key": OTHER_DESK.public_hex, "label": "another"}),
            ("person.certified", {"person": TWIN, "public_key": PEOPLE[OWNER].public_hex, "display_name": "Twin"}),
            ("role.granted", {"person": TWIN, "role": "sre_on_call"}),
        ]
        entries = [*planes.certificates(), *more]
        self.certified = sign_as_root(self.root, self.founded.root_chain, entries, exercise=exercise, now=now())


@contextlib.contextmanager
def line(folder: Path, *, exercise: bool = True) -> Iterator[Line]:
    """An open line in `folder`, with desk and plane knowing the same people; closed at the end."""
    import secrets

    for name in ("plane", "desk"):
        (folder / name).mkdir(parents=True)
    world = _World(folder / "plane", exercise=exercise)
    writer = Writer(
        device_key=DESK, clock=now, random10=lambda: secrets.token_bytes(10), policy_hash=POLICY.hash, exercise=exercise
    )
    with (
        FakeGateway() as gateway,
        world.running(gateway.url) as (plane, client),
        open_store(folder / "desk") as store,
    ):
        record, config = store.record(writer), client.config
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin=config["origin"], exercise=exercise, root_public_key=config["root_public_key"],
                plane_device=config["plane_device"], plane_public_key=config["plane_public_key"],
                epoch=client.get("/v1/journal?after=0&limit=1").json()["epoch"],
            )  # fmt: skip
        made = Line(record, client, gateway, world, plane)
        made.pull()
        yield made


__all__ = ["BLOCK", "BOREALIS", "CACHE", "COMMANDER", "GLOBAL", "OWNER", "RANGE", "ROLES", "SECOND", "SECURITY",
           "Attempt", "Line", "actor", "approved", "criteria_of", "line"]  # fmt: skip
