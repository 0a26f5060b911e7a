"""Whoever was certified a moment ago does not approve outside exercises: the desk says so before the plane would."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from console.actions.approvals import give_approval, request_approval
from console.domain.confirmation import Preview
from console.domain.errors import RefusedError
from console.domain.times import format_utc
from console.policy import default_path, load
from console.proof.actor import Actor
from console.store import syncing
from console.store.facts import certified_people
from tests.fakes.record_kit import (
    COMMANDER,
    PLANE,
    POLICY,
    ROOT,
    START,
    Author,
    Cursor,
    desk,
    entries_after,
    key_of,
    new_incident,
    organisation,
)

SHIPPED = load(default_path())
ONE, WIDE, NEW = new_incident(1), "environment.range", Actor("new@example.org", "sre_on_call", key_of(5))


@pytest.mark.parametrize("exercise", [False, True])
def test_a_newcomer_is_told_from_when_on_they_approve(tmp_path: Path, exercise: bool) -> None:
    with desk(tmp_path / "store", exercise=exercise) as (_, record):
        root = Author(ROOT, exercise=exercise)
        assert NEW.key is not None
        body = {"person": NEW.person, "public_key": NEW.key.public_hex, "display_name": ""}
        events = [
            *organisation(root, key_of(10)),
            root.write("person.certified", "system", body),
            root.write("role.granted", "system", {"person": NEW.person, "role": NEW.role}),
        ]
        entries, after = entries_after(Cursor("e1"), events)
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="o", exercise=exercise, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
                plane_public_key=PLANE.public_hex, epoch="e1",
            )  # fmt: skip
            syncing.store_entries(tx, Cursor("e1"), entries, after)
            assert certified_people(tx)[NEW.person].since
        shown = Preview(
            select_token="t", epoch="e1", generation=3, state="running", observed_at=format_utc(START),
            blast_radius=SHIPPED.inventory.blast_radius(WIDE), policy_hash=POLICY, counts={}, counted_at="",
            adapter="simulator",
        )  # fmt: skip
        asked = request_approval(
            record, ONE, command_id=new_incident(8), switch="FF_GLOBAL_AI", target=WIDE, want="stopped", preview=shown,
            reason="All of it.", inventory=SHIPPED.inventory, catalogue=SHIPPED.switches, policy_hash=POLICY,
            actor=COMMANDER, now=START,
        ).events[0]  # fmt: skip
        later = START + timedelta(seconds=5)
        if exercise:
            give_approval(record, ONE, asked, NEW, later, preview=shown, approver_age_h=24)
        else:
            with pytest.raises(RefusedError, match="less than 24 hours ago and approves from"):
                give_approval(record, ONE, asked, NEW, later, preview=shown, approver_age_h=24)
