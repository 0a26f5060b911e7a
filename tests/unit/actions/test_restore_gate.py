"""A restore on the desk needs what the plane will ask for: the same rule, over the desk's own record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.actions.switches import confirm_switch
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import RefusedError
from console.domain.times import format_utc
from console.policy import default_path, load
from console.proof.actor import Actor
from console.store import syncing
from console.store.record import Record
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    PLANE,
    POLICY,
    ROOT,
    START,
    Author,
    Cursor,
    append,
    body_of,
    desk,
    entries_after,
    key_of,
    new_incident,
    organisation,
)

SHIPPED = load(default_path())
ONE, SWITCH, TARGET = new_incident(1), "FF_TENANT_BLOCK", "tenant.borealis"
SECURITY = key_of(4)


@dataclass
class Desk:
    record: Record
    root: Author
    plane: Author
    cursor: Cursor

    def take(self, *events: Any) -> None:
        entries, after = entries_after(self.cursor, events)
        with self.record.transaction() as tx:
            syncing.store_entries(tx, self.cursor, entries, after)
        self.cursor = after

    def measured(self, target: str = TARGET) -> str:
        event = self.plane.write("validation.measured", ONE, body_of("validation.measured", target=target))
        self.take(event)
        return event.envelope.event_id

    def signed(self, actor: str = "sec@example.org", **about: str) -> str:
        body = body_of(
            "criterion.signed", **({"switch": SWITCH, "target": TARGET, "criterion": "compliance_sign_off"} | about)
        )
        with self.record.transaction() as tx:
            key = SECURITY if actor == "sec@example.org" else PERSON
            made = tx.append("criterion.signed", ONE, body, actor=Actor(actor, "security_lead", key), person_key=key)
        return made.envelope.event_id

    def restore(self, **cited: str) -> None:
        item = SHIPPED.inventory.item(TARGET)
        preview = Preview(
            select_token="t", epoch="e1", generation=1, state="stopped", observed_at=format_utc(START),
            blast_radius=SHIPPED.inventory.blast_radius(TARGET), policy_hash=POLICY, counts={}, counted_at="",
            adapter="simulator",
        )  # fmt: skip
        confirmation = Confirmation(
            command_id=new_incident(9), incident=ONE, switch=SWITCH, target=TARGET, want="running", preview=preview,
            gesture="hold", dwell_ms=2000, reason="It is mended.", typed_name=item.name,
            criteria={name: (one,) for name, one in cited.items()},
        )  # fmt: skip
        confirm_switch(
            self.record, confirmation, inventory=SHIPPED.inventory, catalogue=SHIPPED.switches, policy_hash=POLICY,
            actor=COMMANDER, now=START + timedelta(seconds=5),
        )  # fmt: skip


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path / "store") as (_, record):
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
                plane_public_key=PLANE.public_hex, epoch="e1",
            )  # fmt: skip
        made = Desk(record, Author(ROOT), Author(PLANE), Cursor("e1"))
        person = {"person": "sec@example.org", "public_key": SECURITY.public_hex, "display_name": "Security"}
        made.take(
            *organisation(made.root, key_of(10)),
            made.root.write(
                "plane.certified", "system", body_of("plane.certified", device=PLANE.id, public_key=PLANE.public_hex)
            ),
            made.root.write("person.certified", "system", person),
            made.root.write("role.granted", "system", {"person": "sec@example.org", "role": "security_lead"}),
        )
        yield made


def test_a_restore_that_is_proven_is_written(at_desk: Desk) -> None:
    at_desk.restore(compliance_sign_off=at_desk.signed(), behaviour_validation=at_desk.measured())
    assert at_desk_commands(at_desk) == 1


def refused(at_desk: Desk, **cited: str) -> str:
    with pytest.raises(RefusedError) as caught:
        at_desk.restore(**cited)
    assert at_desk_commands(at_desk) == 0
    return caught.value.sentence


def at_desk_commands(at_desk: Desk) -> int:
    with at_desk.record.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM command"))


def test_events_that_exist_but_show_something_else_do_not_count(at_desk: Desk) -> None:
    good = {"compliance_sign_off": at_desk.signed(), "behaviour_validation": at_desk.measured()}
    note = append(at_desk.record, "note.added", ONE).envelope.event_id
    swaps = {
        "a note": {"behaviour_validation": note},
        "a run of another tenant": {"behaviour_validation": at_desk.measured("tenant.cascade")},
        "a sign-off as a measurement": {"behaviour_validation": good["compliance_sign_off"]},
        "signed for another switch": {"compliance_sign_off": at_desk.signed(switch="FF_CACHE_BYPASS")},
        "signed by another role": {"compliance_sign_off": at_desk.signed(actor=COMMANDER.person)},
        "a run as a sign-off": {"compliance_sign_off": good["behaviour_validation"]},
    }
    for word, swap in swaps.items():
        assert "Show evidence" in refused(at_desk, **(good | swap)), word


def test_a_measurement_that_this_desk_made_up_does_not_count(at_desk: Desk) -> None:
    own = append(at_desk.record, "validation.measured", ONE, target=TARGET).envelope.event_id
    assert "measured run" in refused(at_desk, compliance_sign_off=at_desk.signed(), behaviour_validation=own)


def test_a_sign_off_whose_person_s_signature_is_another_s_does_not_count(at_desk: Desk) -> None:
    body = body_of("criterion.signed", switch=SWITCH, target=TARGET, criterion="compliance_sign_off")
    with at_desk.record.transaction() as tx:
        forged = tx.append(
            "criterion.signed", ONE, body, actor=replace(COMMANDER, person="sec@example.org"), person_key=PERSON
        )
    cited = {"compliance_sign_off": forged.envelope.event_id, "behaviour_validation": at_desk.measured()}
    assert "complies" in refused(at_desk, **cited) or "comply" in refused(at_desk, **cited)
