"""What is missing before an action can be done: told at every stage of an incident, without a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from console.domain.evidence import DIMENSIONS
from console.domain.times import format_utc, parse_utc
from console.policy import Policy
from console.queries.standing import Standing, standing
from console.ui.incident.actions_view import ROWS
from console.ui.incident.blocking import NOTHING_CHOSEN, OVER, Seat, blocked, reviewers
from tests.fakes.record_kit import COMMANDER
from tests.fakes.story import INVESTIGATOR, OWNER, STAGES
from tests.fakes.told import told as telling

HERE = Seat(COMMANDER.person, signed_in=True)
ACTIONS = tuple(action for action, _, _ in ROWS)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> dict[str, Standing]:
    """Where the incident stands after each stage of its story."""
    with telling(Path(tmp_path_factory.mktemp("told")) / "store") as told:
        found = {}
        for stage in STAGES:
            told.story.play(stage)
            found[stage] = told.ask(standing, told.story.incident, policy)
    return found


@pytest.mark.parametrize(
    ("stage", "action", "word"),
    [
        ("acknowledged", "incident.acknowledge", "already"),
        ("commanded", "incident.take_command", "already"),
        ("opened", "incident.enter_state", "No stop was seen"),
        ("opened", "incident.seal", "Nothing is captured"),
        ("sealed", "incident.seal", "sealed"),
        ("opened", "incident.request_criterion", "Nothing is stopped"),
        ("asked_owner", "incident.request_criterion", "wait for the security lead"),
        ("signed", "incident.request_criterion", "Every signature"),
        ("captured", "incident.export", "seal the evidence first"),
        ("captured", "incident.request_review", "Nothing is sealed"),
        ("asked_review", "incident.request_review", "has not answered"),
        ("exported", "incident.close", "not reviewed"),
        ("opened", "incident.close", "Nothing was contained"),
        ("closed", "incident.grade", OVER),
        ("closed", "incident.acknowledge", OVER),
    ],
)
def test_what_is_missing_is_said(stages: dict[str, Standing], stage: str, action: str, word: str) -> None:
    assert word in blocked(action, stages[stage], HERE)


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        ("opened", "incident.acknowledge"),
        ("opened", "incident.take_command"),
        ("opened", "incident.grade"),
        ("opened", "incident.assign_role"),
        ("stopped", "incident.enter_state"),
        ("captured", "incident.seal"),
        ("sealed", "incident.validate"),
        ("mitigated", "incident.request_criterion"),
        ("sealed", "incident.export"),
        ("exported", "incident.request_review"),
        ("reviewed", "incident.close"),
        ("closed", "incident.export"),
        ("closed", "incident.next_step"),
    ],
)
def test_what_can_be_done_is_not_blocked(stages: dict[str, Standing], stage: str, action: str) -> None:
    assert blocked(action, stages[stage], HERE) == ""


@pytest.mark.parametrize("stage", STAGES)
def test_every_reason_is_a_sentence(stages: dict[str, Standing], stage: str) -> None:
    for seat in (HERE, Seat("x@example.org", signed_in=False, offline="The plane cannot be reached.", no_export="No.")):
        reasons = [blocked(action, stages[stage], seat) for action in ACTIONS]
        assert all(reason == "" or reason.endswith(".") for reason in reasons), reasons


def test_without_an_incident_everything_says_to_choose_one() -> None:
    assert {blocked(action, None, HERE) for action in ACTIONS} == {NOTHING_CHOSEN}
    assert blocked("view.board", None, HERE) == ""


def test_what_the_seat_lacks_is_said(stages: dict[str, Standing]) -> None:
    locked = replace(HERE, signed_in=False)
    for stage, action in (("captured", "incident.seal"), ("sealed", "incident.export"), ("reviewed", "incident.close")):
        assert "signature" in blocked(action, stages[stage], locked)
    offline = replace(HERE, offline="The plane cannot be reached; this needs it.")
    assert blocked("incident.validate", stages["sealed"], offline) == offline.offline
    bare = replace(HERE, no_export="There is no key.")
    assert blocked("incident.export", stages["sealed"], bare) == "There is no key."
    other = replace(HERE, person=OWNER.person)
    assert "only they can export" in blocked("incident.export", stages["sealed"], other)


@pytest.mark.parametrize(("seconds", "word"), [(0, "still arriving"), (2.9, "still arriving"), (3, ""), (-5, "")])
def test_evidence_that_is_still_arriving_is_not_sealed(stages: dict[str, Standing], seconds: float, word: str) -> None:
    here = stages["captured"]
    last = parse_utc(here.captured_at)
    said = blocked("incident.seal", here, replace(HERE, now=format_utc(last + timedelta(seconds=seconds))))
    assert word in said
    assert bool(word) == bool(said)


def test_reviewers_are_those_who_did_not_respond_investigators_first(stages: dict[str, Standing]) -> None:
    assert reviewers(stages["exported"]) == (INVESTIGATOR.person,)
    assert reviewers(stages["opened"])[0] == INVESTIGATOR.person
    assert set(reviewers(stages["opened"])) == {INVESTIGATOR.person, OWNER.person, COMMANDER.person}


def test_the_story_captures_every_dimension(stages: dict[str, Standing]) -> None:
    assert stages["captured"].progress.captured == len(DIMENSIONS)
