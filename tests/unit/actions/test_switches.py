"""Confirming a switch: the gates hold inside the transaction, and an order that is refused leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from console.actions.approvals import request_approval
from console.actions.sightings import record_sighting
from console.actions.switches import confirm_switch
from console.domain.changes import Changes
from console.domain.commands import Approval, request_subject
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import ConsoleError, InputError, RefusedError
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc, to_epoch_us
from console.policy import default_path, load
from console.proof.actor import Actor
from console.proof.canonical import canonical
from console.proof.keys import leaf_digest, verify_text
from console.queries.capability import capability_rows
from console.queries.commands import command
from console.sync import keeping
from tests.fakes.record_kit import COMMANDER, PERSON, POLICY, START, append, key_of, new_incident
from tests.fakes.story import INVESTIGATOR, SWITCH, TARGET, Story
from tests.fakes.told import Told

SHIPPED = load(default_path())
NOW = START + timedelta(seconds=30)
WIDE, EVERYWHERE = "FF_GLOBAL_AI", "environment.range"
ENDS = format_utc(NOW + timedelta(minutes=10))


def preview_of(target: str, **changed: Any) -> Preview:
    seen = Preview(
        select_token="t", epoch="e1", generation=4, state="running", observed_at=format_utc(START),
        blast_radius=SHIPPED.inventory.blast_radius(target), policy_hash=POLICY, counts={"sessions": 3},
        counted_at=format_utc(START), adapter="simulator",
    )  # fmt: skip
    return replace(seen, **changed)


def stop(target: str = TARGET, switch: str = SWITCH, **changed: Any) -> Confirmation:
    asked = Confirmation(
        command_id=new_incident(9), incident=new_incident(500), switch=switch, target=target, want="stopped",
        preview=preview_of(target), gesture="hold", dwell_ms=0,
    )  # fmt: skip
    return replace(asked, **changed)


def stop_everything(**changed: Any) -> Confirmation:
    """Everything that one person can bring to a global stop."""
    given: dict[str, Any] = {
        "reason": "It spreads.",
        "typed_name": SHIPPED.inventory.item(EVERYWHERE).name,
        "dwell_ms": 1500,
    }
    return stop(EVERYWHERE, WIDE, **(given | changed))


def approved(asked: Confirmation, actor: Actor = INVESTIGATOR, expires: str = ENDS, **told: Any) -> Confirmation:
    """With the approval that `actor` signed for what they were told."""
    seen: dict[str, Any] = {
        "command_id": asked.command_id, "switch": asked.switch, "target": asked.target, "want": asked.want,
        "generation": asked.preview.generation, "blast_radius": asked.preview.blast_radius, "policy_hash": POLICY,
        "expires": expires,
    } | told  # fmt: skip
    assert actor.key is not None
    sig = actor.key.sign_text(canonical(request_subject(**seen)))
    approval = Approval(actor.person, "d" * 64, sig, format_utc(NOW), same_desk=False)
    return replace(asked, approvals=(approval,), request_expires=expires)


def confirm(told: Told, asked: Confirmation, actor: Actor = COMMANDER, **changed: Any) -> Changes:
    rules: dict[str, Any] = {
        "inventory": SHIPPED.inventory,
        "catalogue": SHIPPED.switches,
        "policy_hash": POLICY,
        "now": NOW,
    }
    return confirm_switch(told.record, asked, actor=actor, **(rules | changed))


def refusal(told: Told, asked: Confirmation, actor: Actor = COMMANDER, **changed: Any) -> str:
    with pytest.raises(ConsoleError) as caught:
        confirm(told, asked, actor, **changed)
    assert told.types() == ["incident.opened"]
    assert told.ask(lambda reader: reader.value("SELECT count(*) FROM command")) == 0
    return caught.value.sentence


def test_a_stop_of_one_tenant_is_cheap(told: Told, story: Story) -> None:
    asked = stop()
    changes = confirm(told, asked)
    assert changes.touches("command", story.incident)
    assert changes.touches("switch", story.incident)
    view = told.ask(command, asked.command_id)
    assert (view.state, view.want, view.sent_at) == ("authorised", "stopped", "")
    assert view.authorised_at == format_utc(NOW)


def test_order_and_event_are_signed_and_say_the_same(told: Told, story: Story) -> None:
    changes = confirm(told, stop())
    row = told.ask(lambda reader: reader.row("SELECT * FROM command"))
    signed = told.ask(lambda reader: reader.event(changes.events[0]))
    canon = row["order_canon"].encode()
    assert verify_text(PERSON.public_hex, canon, row["order_person_sig"])
    assert verify_text(told.record.device_key.public_hex, canon, row["order_sig"])
    assert signed.envelope.body["order_hash"] == leaf_digest(canon).hex()
    assert verify_text(PERSON.public_hex, signed.canon.encode(), signed.person_sig)
    order = json.loads(canon)
    assert order["expires"] == format_utc(NOW + timedelta(seconds=30))
    assert (order["confirmation"], order["exercise"]) == (changes.events[0], True)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"gesture": "click"}, "Hold the button"),
        ({"gesture": ""}, "Hold the button"),
        ({"want": "paused"}, "neither stopped nor running"),
        ({"preview": preview_of(TARGET, blast_radius=BlastRadius("tenant", ("tenant.cascade",)))}, "not of what"),
        ({"switch": "FF_TOOL_REVOKE"}, "cannot be thrown on a tenant"),
        ({"break_glass": "now", "want": "running"}, "Break-glass is for stops only"),
    ],
)
def test_what_no_gate_lets_through(told: Told, changed: Mapping[str, Any], word: str) -> None:
    assert word in refusal(told, stop(**changed))


def test_the_role_must_be_held_and_may_do_it(told: Told) -> None:
    assert "does not hold the role" in refusal(told, stop(), Actor(COMMANDER.person, "tool_owner", PERSON))
    assert "may not throw it" in refusal(told, stop(), INVESTIGATOR)
    stranger = Actor("x@example.org", "incident_commander", key_of(9))
    assert "does not hold the role" in refusal(told, stop(), stranger)


def test_a_preview_grows_old(told: Told) -> None:
    assert "older than 60 s" in refusal(told, stop(), now=START + timedelta(seconds=61))
    assert "older than 60 s" in refusal(told, stop(preview=preview_of(TARGET, observed_at="")))


def test_rules_that_changed_ask_for_a_new_preview(told: Told) -> None:
    assert "reaches now" in refusal(
        told, stop(preview=preview_of(TARGET, blast_radius=SHIPPED.inventory.blast_radius(EVERYWHERE)))
    )


def test_without_a_key_nothing_is_ordered(told: Told) -> None:
    assert "passphrase" in refusal(told, stop(), Actor(COMMANDER.person, "incident_commander"))


def test_one_command_at_a_time_on_one_target(told: Told, story: Story) -> None:
    confirm(told, stop())
    with pytest.raises(RefusedError, match="still under way"):
        confirm(told, stop(command_id=new_incident(10)))
    confirm(told, stop("tenant.cascade", command_id=new_incident(11)))
    assert told.types().count("switch.confirmed") == 2


@pytest.mark.parametrize(("target", "switch"), [("tenant.nobody", SWITCH), (TARGET, "FF_MOON")])
def test_what_is_not_in_the_inventory_cannot_be_acted_on(told: Told, target: str, switch: str) -> None:
    asked = replace(stop(), target=target, switch=switch)
    with pytest.raises(InputError):
        confirm(told, asked)
    assert told.types() == ["incident.opened"]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"reason": " "}, "Write the reason"),
        ({"typed_name": "Range"}, "Type the name"),
        ({"typed_name": ""}, "Type the name"),
        ({"dwell_ms": 1499}, "Read the numbers"),
        ({}, "second certified person"),
    ],
)
def test_a_stop_of_everything_has_every_gate(told: Told, changed: Mapping[str, Any], word: str) -> None:
    asked = stop_everything(**changed)
    assert word in refusal(told, approved(asked) if changed else asked)


def test_a_refusal_names_every_gate_at_once(told: Told) -> None:
    sentence = refusal(told, stop(EVERYWHERE, WIDE, gesture=""))
    for word in ("Hold the button", "Write the reason", "Type the name", "Read the numbers", "second certified person"):
        assert word in sentence


def test_a_second_persons_signature_opens_it(told: Told) -> None:
    confirm(told, approved(stop_everything()))
    assert told.newest().body["approvals"][0]["person"] == INVESTIGATOR.person


@pytest.mark.parametrize(
    "made",
    [
        lambda asked: approved(asked, COMMANDER),
        lambda asked: approved(asked, Actor("x@example.org", "investigator", key_of(9))),
        lambda asked: approved(asked, Actor(INVESTIGATOR.person, "investigator", key_of(9))),
        lambda asked: approved(asked, expires=format_utc(NOW)),
        lambda asked: approved(asked, generation=5),
        lambda asked: approved(asked, target=TARGET),
        lambda asked: approved(asked, want="running"),
        lambda asked: approved(asked, command_id=new_incident(10)),
        lambda asked: approved(asked, policy_hash="cd" * 32),
        lambda asked: replace(approved(asked), request_expires=ENDS.replace("14:", "15:")),
    ],
    ids=["own", "stranger", "wrong-key", "over", "generation", "target", "want", "command", "policy", "end"],
)
def test_an_approval_of_anything_else_does_not_count(told: Told, made: Any) -> None:
    assert "second certified person" in refusal(told, made(stop_everything()))


def test_the_commander_may_break_the_glass_for_a_stop_in_writing(told: Told) -> None:
    assert "second certified person" in refusal(told, stop_everything(break_glass="  "))
    confirm(told, stop_everything(break_glass="Nobody else is awake and it spreads."))
    assert told.newest().body["break_glass"].startswith("Nobody else")


def test_what_a_person_types_is_kept_in_one_spelling(told: Told) -> None:
    confirm(told, stop(reason="cafe\u0301 \u202e"))
    assert told.newest().body["reason"] == "caf\u00e9 \u202e"


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=-2), timedelta(milliseconds=40)])
def test_an_order_says_the_time_of_the_plane_and_its_row_that_of_the_desk(
    told: Told, story: Story, ahead: timedelta
) -> None:
    asked = stop(preview=preview_of(TARGET, offset_us=ahead // timedelta(microseconds=1)))
    confirm(told, asked)
    row = told.ask(lambda reader: reader.row("SELECT * FROM command"))
    order = json.loads(row["order_canon"])
    assert order["authorised_at"] == format_utc(NOW + ahead)
    assert order["expires"] == format_utc(NOW + ahead + timedelta(seconds=30))
    assert (row["authorised_at"], row["expires"]) == (format_utc(NOW), format_utc(NOW + timedelta(seconds=30)))
    heard = told.ask(keeping.authorised_commands)[0]
    assert heard.expires_us == to_epoch_us(NOW + timedelta(seconds=30))
    assert heard.ends_plane_us == to_epoch_us(NOW + ahead + timedelta(seconds=30))


def test_an_approval_is_over_by_the_clock_of_the_plane(told: Told) -> None:
    late = preview_of(EVERYWHERE, offset_us=700_000_000)
    assert "second certified person" in refusal(told, approved(stop_everything(preview=late)))
    early = preview_of(EVERYWHERE, offset_us=-7_200_000_000)
    confirm(told, approved(stop_everything(preview=early)))


def test_an_approval_that_was_taken_back_counts_no_more(told: Told, story: Story) -> None:
    asked = stop_everything()
    request_approval(
        told.record, story.incident, command_id=asked.command_id, switch=WIDE, target=EVERYWHERE, want="stopped",
        preview=asked.preview, reason="It spreads.", inventory=SHIPPED.inventory, catalogue=SHIPPED.switches,
        policy_hash=POLICY, actor=COMMANDER, now=NOW,
    )  # fmt: skip
    append(told.record, "approval.withdrawn", story.incident, command_id=asked.command_id, reason="Not now.")
    with pytest.raises(RefusedError, match="second certified person"):
        confirm(told, approved(asked))


def test_the_glass_breaks_three_times_an_hour_by_the_record_of_the_desk(told: Told, story: Story) -> None:
    for number in range(3):
        asked = stop_everything(command_id=new_incident(20 + number), break_glass="Nobody else is awake.")
        confirm(told, asked, now=NOW + timedelta(seconds=number))
        append(told.record, "switch.ended", story.incident, command_id=asked.command_id, state="verified")
        with told.record.transaction() as tx:
            for state in ("sent", "verified"):
                tx.update_command(asked.command_id, state)
    fourth = stop_everything(command_id=new_incident(30), break_glass="And again.")
    with pytest.raises(RefusedError, match="3 times within the hour"):
        confirm(told, fourth)
    later = NOW + timedelta(hours=1, minutes=1)
    fresh = preview_of(EVERYWHERE, observed_at=format_utc(later))
    confirm(told, replace(fourth, preview=fresh), now=later)


def test_a_sighting_keeps_what_the_back_end_declared(told: Told) -> None:
    record_sighting(
        told.record, switch=SWITCH, target=TARGET, preview=preview_of(TARGET), method="probe",
        seen_at=format_utc(NOW), command_id="", now=NOW, capabilities={"refuses_new": True, "durable": False},
    )  # fmt: skip
    rows = {(one.switch, one.target): one for one in told.ask(capability_rows, SHIPPED.inventory, SHIPPED.switches)}
    found = rows[SWITCH, TARGET]
    assert (found.declared, found.declared_at) == ({"refuses_new": True, "durable": False}, format_utc(NOW))
    assert found.adapters == ("simulator",)
    assert not found.by_hand
