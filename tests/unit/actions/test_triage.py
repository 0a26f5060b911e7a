"""Walking the tree: an answer is kept with what it rests on, a second stands beside the first, rubbish is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console.actions.triage import ANSWERS, answer_branch, conclude_walk
from console.domain.errors import InputError, RefusedError
from console.queries.incidents import incident
from tests.fakes.record_kit import COMMANDER, START
from tests.fakes.story import Story
from tests.fakes.told import Told

NOW = START + timedelta(seconds=10)
PROPOSAL = {
    "class": "grounding", "branches": ["model"], "severity": "SEV-1", "containment": ["FF_TENANT_BLOCK x"],
    "surface": "model_weight", "runbook": "ungrounded_answer", "roles": ["model_owner"],
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_is_kept_with_its_evidence(told: Told, story: Story, answer: str) -> None:
    seen = [{"metric": "grounding_score", "value": "0.61"}]
    changes = answer_branch(told.record, story.incident, "model", answer, seen, "e0", COMMANDER, NOW)
    assert changes.touches("triage", story.incident)
    assert told.newest().body == {"branch": "model", "answer": answer, "evidence": seen, "saw": "e0"}


def test_an_answer_given_again_leaves_the_first(told: Told, story: Story) -> None:
    for answer in ("no", "yes"):
        answer_branch(told.record, story.incident, "model", answer, [], "", COMMANDER, NOW)
    assert told.types().count("triage.answered") == 2
    now = told.ask(lambda reader: reader.value("SELECT answer FROM triage_now WHERE branch = 'model'"))
    assert now == "yes"


@pytest.mark.parametrize("answer", ["", "maybe", "YES"])
def test_what_is_no_answer_is_refused(told: Told, story: Story, answer: str) -> None:
    with pytest.raises(RefusedError, match="yes, no or unclear"):
        answer_branch(told.record, story.incident, "model", answer, [], "", COMMANDER, NOW)
    assert told.types() == ["incident.opened"]


def test_the_conclusion_moves_the_class(told: Told, story: Story) -> None:
    conclude_walk(told.record, story.incident, PROPOSAL, "e0", COMMANDER, NOW)
    assert told.ask(incident, story.incident).row.incident_class == "grounding"


def test_a_conclusion_with_a_field_missing_is_refused(told: Told, story: Story) -> None:
    broken = {k: v for k, v in PROPOSAL.items() if k != "runbook"}
    with pytest.raises(InputError, match="runbook"):
        conclude_walk(told.record, story.incident, broken, "", COMMANDER, NOW)
    assert told.types() == ["incident.opened"]
