"""Looking at what went with fewer eyes: a reason later, a review by a third person, an automatic stop taken over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from console.actions.people import delegate_role
from console.actions.reviews import give_reason, review_break_glass, take_over_breaker
from console.domain.errors import RefusedError
from console.proof.actor import Actor
from console.queries.reviews import owed_reviews, unreasoned_commands
from console.store.passed import broken_glass
from tests.fakes.record_kit import COMMANDER, PERSON, START, body_of, key_of, new_incident
from tests.fakes.story import INVESTIGATOR, OWNER, SWITCH, TARGET, Story
from tests.fakes.told import Told

NOW = START + timedelta(minutes=1)
COMMAND = new_incident(77)
TWIN = Actor("twin@example.org", "investigator", PERSON)
STRANGER = Actor("x@example.org", "investigator", key_of(9))
BARE = Actor("bare@example.org", "", key_of(6))


@pytest.fixture
def held(told: Told, story: Story) -> Told:
    """With the commander's second name, and somebody certified who holds no role."""
    root, events = story.root, []
    for actor, roles in ((TWIN, ["investigator"]), (BARE, [])):
        assert actor.key is not None
        person = {"person": actor.person, "public_key": actor.key.public_hex, "display_name": ""}
        events.append(root.write("person.certified", "system", person))
        events += [root.write("role.granted", "system", {"person": actor.person, "role": role}) for role in roles]
    told.send(*events)
    return told


def confirmed(told: Told, *, taken: bool = True, command: str = COMMAND, **fields: Any) -> None:
    order: dict[str, Any] = {"command_id": command, "switch": SWITCH, "target": TARGET, "want": "stopped"}
    expires = {"expires": "2026-01-31T14:03:00.000000Z"}
    told.story.from_desk("switch.confirmed", **(order | expires | fields))
    if taken:
        told.story.from_plane("switch.acknowledged", **order, acknowledged_at="2026-01-31T14:02:31.000000Z")


def whys(told: Told, me: str = "") -> list[str]:
    return [one.why for one in told.ask(owed_reviews, me)]


def refusal(told: Told, act: Any, *args: Any, actor: Actor) -> str:
    before = told.types()
    with pytest.raises(RefusedError) as caught:
        act(told.record, told.story.incident, *args, actor=actor, now=NOW)
    assert told.types() == before
    return caught.value.sentence


def test_the_reason_of_a_narrow_stop_may_follow(held: Told) -> None:
    confirmed(held, reason="\u200b")
    assert held.ask(unreasoned_commands) == (COMMAND,)
    assert whys(held, COMMANDER.person) == ["no_reason"]
    assert whys(held, OWNER.person) == []
    assert "Write the reason" in refusal(held, give_reason, COMMAND, " \u2060", actor=COMMANDER)
    assert "gave the command" in refusal(held, give_reason, COMMAND, "It misfired.", actor=OWNER)
    give_reason(held.record, held.story.incident, COMMAND, "It misfired.", actor=COMMANDER, now=NOW)
    assert whys(held) == []
    assert "Nothing of the kind" in refusal(held, give_reason, COMMAND, "Again.", actor=COMMANDER)


def test_what_had_a_reason_or_was_never_taken_owes_nothing(held: Told) -> None:
    confirmed(held, reason="It misfires.")
    confirmed(held, command=new_incident(78), reason="", break_glass="Nobody answers.", taken=False)
    assert whys(held) == []


GLASS: dict[str, Any] = {"reason": "It spreads.", "break_glass": "Nobody answers."}


def test_broken_glass_is_reviewed_by_a_third_person_in_writing(held: Told) -> None:
    confirmed(held, **GLASS)
    (owed,) = held.ask(owed_reviews, OWNER.person)
    assert (owed.why, owed.by, owed.reason) == ("break_glass", COMMANDER.person, "Nobody answers.")
    assert owed.at == "2026-01-31T14:02:31.000000Z"
    review_break_glass(
        held.record, held.story.incident, COMMAND, "not_justified", "Somebody was there.", actor=OWNER, now=NOW
    )
    assert whys(held) == []
    assert held.newest().body["verdict"] == "not_justified"


@pytest.mark.parametrize(
    ("actor", "word"),
    [
        (COMMANDER, "neither gave"),
        (TWIN, "neither gave"),
        (BARE, "neither gave"),
        (STRANGER, "not certified"),
        (replace(OWNER, key=key_of(9)), "not certified"),
        (replace(OWNER, key=None), "sign in"),
    ],
    ids=["author", "author by another name", "no role", "stranger", "another's name", "locked"],
)
def test_who_cannot_review(held: Told, actor: Actor, word: str) -> None:
    confirmed(held, **GLASS)
    assert word in refusal(held, review_break_glass, COMMAND, "justified", "It was.", actor=actor)
    if actor.person != OWNER.person:
        assert whys(held, actor.person) == []


def test_a_review_has_a_verdict_and_a_statement(held: Told) -> None:
    confirmed(held, **GLASS)
    assert "justified or not_justified" in refusal(held, review_break_glass, COMMAND, "fine", "It was.", actor=OWNER)
    assert "Write what" in refusal(held, review_break_glass, COMMAND, "justified", "\u3164", actor=OWNER)
    assert "Nothing of the kind" in refusal(
        held, review_break_glass, new_incident(79), "justified", "It was.", actor=OWNER
    )


def test_a_review_that_nobody_allowed_settles_nothing(held: Told) -> None:
    confirmed(held, **GLASS)
    body = body_of("break_glass.reviewed", command_id=COMMAND, verdict="justified", statement="I was right.")
    held.story._as_person("break_glass.reviewed", body, COMMANDER)
    held.story._write("break_glass.reviewed", body, OWNER, PERSON)  # the owner's name under another's signature
    assert whys(held) == ["break_glass"]


@pytest.mark.parametrize("lie", [False, True])
def test_an_approval_at_the_desk_that_asked_is_reviewed_whatever_it_says_of_itself(held: Told, lie: bool) -> None:
    given = {"command_id": COMMAND, "sig": "s", "approved_at": "", "same_desk": not lie}
    held.story._as_person("approval.given", given, INVESTIGATOR)
    approval = {"person": INVESTIGATOR.person, "device": "d" * 64, "sig": "s", "approved_at": "", "same_desk": not lie}
    confirmed(held, reason="It spreads.", approvals=[approval])
    assert whys(held) == ["same_desk"]
    assert whys(held, INVESTIGATOR.person) == [], "who approved it does not review it"
    assert "neither gave" in refusal(held, review_break_glass, COMMAND, "justified", "It was.", actor=INVESTIGATOR)
    review_break_glass(held.record, held.story.incident, COMMAND, "justified", "Both were there.", actor=OWNER, now=NOW)
    assert whys(held) == []


def tripped(told: Told, owner_role: str = "security_lead") -> None:
    told.story.from_plane(
        "breaker.tripped", command_id=COMMAND, breaker="runaway_spend", switch=SWITCH, target=TARGET,
        owner_role=owner_role, sentence="It spent its cap.", expires="2026-01-31T15:02:11.000000Z",
    )  # fmt: skip


@pytest.mark.parametrize("actor", [OWNER, COMMANDER])
def test_an_automatic_stop_is_taken_over_by_owner_or_commander(held: Told, actor: Actor) -> None:
    tripped(held)
    (owed,) = held.ask(owed_reviews, actor.person)
    assert (owed.why, owed.by, owed.reason) == ("automatic", "runaway_spend", "It spent its cap.")
    assert whys(held, INVESTIGATOR.person) == []
    assert "Only the owner" in refusal(held, take_over_breaker, COMMAND, "Mine.", actor=INVESTIGATOR)
    assert "Write what you know" in refusal(held, take_over_breaker, COMMAND, "", actor=actor)
    take_over_breaker(held.record, held.story.incident, COMMAND, "I look at it.", actor=actor, now=NOW)
    assert whys(held) == []


def test_all_incidents_are_asked(held: Told) -> None:
    confirmed(held, **GLASS)
    beside = Told(held.store, held.record, held.story.beside(new_incident(600)), held.cursor)
    beside.story.send = held.send
    confirmed(beside, command=new_incident(80), **GLASS)
    assert {one.incident for one in held.ask(owed_reviews)} == {held.story.incident, beside.story.incident}


def test_broken_glass_is_counted_by_key_and_hour_and_only_where_it_broke(held: Told) -> None:
    assert COMMANDER.key is not None
    for number in range(3):
        confirmed(held, command=new_incident(80 + number), **GLASS)
    confirmed(held, command=new_incident(90), reason="With two.", break_glass="")
    body = body_of(
        "switch.confirmed", command_id=new_incident(91), **GLASS, expires="2026-01-31T14:03:00.000000Z"
    )  # fmt: skip
    held.story._as_person("switch.confirmed", body, TWIN)
    held.story.from_plane("switch.refused", command_id=new_incident(80), switch=SWITCH, target=TARGET)
    key = COMMANDER.key.public_hex
    since, later = "2026-01-31T13:05:00.000000Z", "2026-01-31T14:05:00.000000Z"
    assert set(held.ask(broken_glass, key, since)) == {new_incident(81), new_incident(82), new_incident(91)}
    assert held.ask(broken_glass, key, later) == ()
    assert held.ask(broken_glass, key_of(4).public_hex, since) == ()


def test_a_lent_role_counts_for_a_review_while_it_runs_and_the_review_stays(held: Told) -> None:
    confirmed(held, **GLASS)
    until = NOW + timedelta(hours=1)
    delegate_role(held.record, BARE.person, "incident_commander", until, "Asleep.", actor=COMMANDER, now=NOW)
    held.sync()
    assert held.ask(owed_reviews, BARE.person) == ()
    assert [one.why for one in held.ask(owed_reviews, BARE.person, NOW)] == ["break_glass"]

    with pytest.raises(RefusedError, match="neither gave"):
        review_break_glass(
            held.record, held.story.incident, COMMAND, "justified", "It was.", actor=BARE, now=until + timedelta(1)
        )
    review_break_glass(held.record, held.story.incident, COMMAND, "justified", "It was.", actor=BARE, now=NOW)
    assert whys(held) == []
