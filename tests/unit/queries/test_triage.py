"""Triage as the record holds it: every answer in order, the last conclusion, signals that still stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.triage import answer_branch, conclude_walk
from console.queries.milestones import milestones
from console.queries.triage import triage
from console.store.opening import Store
from console.store.record import Record
from tests.fakes.record_kit import COMMANDER, Clock, append, desk, new_incident

INCIDENT = new_incident(1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Store, Record]]:
    with desk(tmp_path / "store") as (store, record):
        append(
            record, "incident.opened", INCIDENT, title="t", target="tenant.borealis", severity="SEV-1",
            detected_at="2026-01-31T14:02:11.000000Z", **{"class": "semantic"},
        )  # fmt: skip
        yield store, record


def test_every_answer_is_kept_in_order_and_the_last_event_is_what_was_seen(opened: tuple[Store, Record]) -> None:
    store, record = opened
    clock = Clock()
    with store.reader() as reader:
        found = triage(reader, INCIDENT)
        assert found is not None
        assert found.answers == ()
        first_saw = found.saw
    for answer in ("no", "unclear", "yes"):
        answer_branch(record, INCIDENT, "model", answer, [{"metric": "grounding_score"}], first_saw, COMMANDER, clock())
    with store.reader() as reader:
        found = triage(reader, INCIDENT)
    assert found is not None
    assert [one.answer for one in found.answers] == ["no", "unclear", "yes"]
    assert found.answers[0].evidence == ({"metric": "grounding_score"},)
    assert found.answers[0].actor == COMMANDER.person
    assert found.saw == found.answers[-1].event_id != first_saw
    assert (found.target, found.incident_class, found.severity) == ("tenant.borealis", "semantic", "SEV-1")


def test_a_conclusion_replaces_the_one_before(opened: tuple[Store, Record]) -> None:
    store, record = opened
    clock = Clock()
    for branches in (["model"], ["retrieval", "model"]):
        body = {
            "class": "semantic", "branches": branches, "severity": "SEV-1", "surface": "model_weight",
            "containment": ["FF_TENANT_BLOCK tenant.borealis"], "runbook": "ungrounded_answer",
            "roles": ["model_owner"],
        }  # fmt: skip
        conclude_walk(record, INCIDENT, body, "", COMMANDER, clock())
    with store.reader() as reader:
        found = triage(reader, INCIDENT)
    assert found is not None
    assert found.conclusion is not None
    assert found.conclusion.branches == ("retrieval", "model")
    assert found.conclusion.containment == ("FF_TENANT_BLOCK tenant.borealis",)
    assert found.saw == found.conclusion.event_id


def test_only_signals_that_were_not_cleared_stand(opened: tuple[Store, Record]) -> None:
    store, record = opened
    for fingerprint, metric in (("a", "grounding_score"), ("b", "refusal_rate")):
        append(record, "signal.breached", INCIDENT, fingerprint=fingerprint, metric=metric, value="0.5", onset="")
    append(record, "signal.cleared", INCIDENT, fingerprint="b", metric="refusal_rate")
    with store.reader() as reader:
        found = triage(reader, INCIDENT)
    assert found is not None
    assert [signal.metric for signal in found.signals] == ["grounding_score"]


def test_an_incident_that_is_not_there_is_none(opened: tuple[Store, Record]) -> None:
    with opened[0].reader() as reader:
        assert triage(reader, new_incident(2)) is None
        assert milestones(reader, new_incident(2)) == ()


def test_milestones_are_those_a_probe_has_seen(opened: tuple[Store, Record]) -> None:
    store, record = opened
    seen = {"switch": "FF_TENANT_BLOCK", "target": "tenant.borealis", "method": "probe"}
    append(record, "switch.observed", INCIDENT, state="stopped", observed_at="2026-01-31T14:05:00.000000Z", **seen)
    with store.reader() as reader:
        kinds = [one.kind for one in milestones(reader, INCIDENT)]
    assert sorted(kinds) == ["contained", "detected"]
