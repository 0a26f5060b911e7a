"""A breach opens one incident, with everything known in the first second, and nothing a source may have made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.domain.events import check_body
from console.domain.judge import Breach, Clearing
from console.domain.times import format_utc, from_epoch_us, parse_utc
from console.plane import intake, journal
from console.plane.db import Database, Transaction
from console.plane.intake import Circumstances
from console.plane.judging import Judging
from console.plane.record import Record
from console.plane.tables import INCIDENT
from console.proof.envelope import Envelope
from tests.fakes.gateway import item
from tests.fakes.people import T0_MS
from tests.fakes.planes import BOREALIS, POLICY, World
from tests.unit.plane.test_record import opened

DETECTED = from_epoch_us(T0_MS * 1000)
TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
SEEN = Circumstances(TRACE, "0123456789abcdef", "a" * 64, "3.4.1", "sha256:" + "b" * 64)


def breach(metric: str = "grounding_score", onset_s: int = 0, tenant: str = BOREALIS) -> Breach:
    return Breach(
        rule=f"{metric}.floor", metric=metric, series=f"{metric}{{tenant={tenant}}}", dims={"tenant": tenant},
        side="floor", value=0.31, limit=0.7, window_s=300, samples=120, onset_us=(T0_MS + onset_s * 1000) * 1000,
    )  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[Database, Record]]:
    """A founded plane's database and record."""
    World(tmp_path)
    database, record = opened(tmp_path)
    yield database, record
    database.close()


def open_one(kept: tuple[Database, Record], one: Breach, seen: Circumstances = SEEN) -> str:
    database, record = kept
    return database.write_now(lambda tx: intake.open_intake(tx, record, POLICY, one, seen, DETECTED))


def events(kept: tuple[Database, Record], kind: str) -> list[Envelope]:
    entries = kept[0].write_now(lambda tx: journal.page(tx.connection, 0, 1000))
    return [e.event.envelope for e in entries if e.event.envelope.type == kind]


def test_a_breach_opens_an_incident_with_every_field(kept: tuple[Database, Record]) -> None:
    incident = open_one(kept, breach())
    (event,) = events(kept, "incident.opened")
    body = event.body
    check_body("incident.opened", body)
    assert event.incident == incident
    assert (body["severity"], body["class"], body["channel"]) == ("SEV-1", "semantic", "telemetry")
    assert (body["target"], body["workspace"]) == (BOREALIS, POLICY.inventory.item(BOREALIS).workspace)
    assert (body["traceparent"], body["prompt_version"]) == (TRACE, "3.4.1")
    assert parse_utc(str(body["decision_due"])) - DETECTED == timedelta(
        seconds=POLICY.severity.level("SEV-1").acknowledge_s
    )
    assert body["fingerprint"] == breach().fingerprint
    (signal,) = events(kept, "signal.breached")
    check_body("signal.breached", signal.body)
    assert (signal.incident, signal.body["value"]) == (incident, "0.31")


def test_one_breach_opens_once_whatever_restarts(kept: tuple[Database, Record]) -> None:
    assert open_one(kept, breach()) == open_one(kept, breach())
    assert (len(events(kept, "incident.opened")), len(events(kept, "signal.breached"))) == (1, 1)


def test_a_second_lamp_on_the_same_target_joins_the_open_incident(kept: tuple[Database, Record]) -> None:
    incident = open_one(kept, breach())
    assert open_one(kept, breach("refusal_rate", 5)) == incident
    assert open_one(kept, breach(tenant="tenant.cascade")) != incident
    assert (len(events(kept, "incident.opened")), len(events(kept, "signal.breached"))) == (2, 3)


def test_a_closed_incident_is_not_joined(kept: tuple[Database, Record]) -> None:
    first = open_one(kept, breach())
    kept[0].write_now(lambda tx: _close(tx, first))
    assert open_one(kept, breach(onset_s=60)) != first


def _close(tx: Transaction, incident: str) -> None:
    tx.connection.execute(INCIDENT.update().where(INCIDENT.c.incident == incident).values(closed_at="2026-01-01"))


def test_what_is_over_is_recorded_in_its_incident(kept: tuple[Database, Record]) -> None:
    database, record = kept
    incident = open_one(kept, breach())
    assert database.write_now(lambda tx: intake.standing_breaches(tx.connection)) == {breach().series: breach()}
    clearing = Clearing(breach=breach(), value=0.9, samples=80, cleared_us=(T0_MS + 60_000) * 1000)
    database.write_now(lambda tx: intake.clear_intake(tx, record, clearing))
    (event,) = events(kept, "signal.cleared")
    check_body("signal.cleared", event.body)
    assert event.incident == incident
    assert database.write_now(lambda tx: intake.standing_breaches(tx.connection)) == {}


def test_lamps_go_into_open_incidents(kept: tuple[Database, Record]) -> None:
    database, record = kept
    incident = open_one(kept, breach())
    lamps = Judging(POLICY.thresholds, {}).lamps()
    database.write_now(lambda tx: intake.write_lamps(tx, record, incident, BOREALIS, lamps, DETECTED))
    (event,) = events(kept, "lamps.observed")
    check_body("lamps.observed", event.body)
    assert event.body["observed_at"] == format_utc(DETECTED)
    found = database.write_now(lambda tx: intake.open_incidents(tx.connection))
    assert found == [(incident, BOREALIS, "unknown/unknown")]


def test_circumstances_are_read_from_real_items() -> None:
    seen = intake.circumstances_in(
        [
            item("configuration", "gateway.json", {"boot_id": "x"}),
            item("configuration", "model-manifest.json", {"prompt_version": "3.4.1"}),
            item("tracing_context", "t.json", {"traceparent": TRACE, "parent_span": "0123456789abcdef"}),
            item("retrieval_snapshot", "chunk.json", {"text": "x"}),
        ]
    )
    assert (seen.traceparent, seen.parent_span, seen.prompt_version) == (TRACE, "0123456789abcdef", "3.4.1")
    assert len(seen.model_manifest) == 64
    assert seen.retrieval_snapshot.startswith("sha256:")


HOSTILE: list[list[dict[str, Any]]] = [
    [item("tracing_context", "t", {"traceparent": "<b>open me</b>", "parent_span": 7})],
    [item("configuration", "m", {"prompt_version": "3.4.1; rm -rf"})],
    [item("tracing_context", "t", ["list"])],
    [item("tracing_context", "t", {}) | {"content_b64": "!!!"}],
    [],
]


@pytest.mark.parametrize("items", HOSTILE, ids=["markup", "version", "list", "not base64", "nothing"])
def test_text_of_a_source_never_gets_into_an_event(items: list[dict[str, str]]) -> None:
    seen = intake.circumstances_in(items)
    assert (seen.traceparent, seen.parent_span, seen.prompt_version) == ("", "", "")


def test_the_stricter_reading_is_opened_with(kept: tuple[Database, Record]) -> None:
    body = intake.opening_body(
        kept[1], POLICY, breach("latency_ms"), POLICY.inventory.item("tenant.estuary"), SEEN, datetime.now(UTC)
    )
    assert body["severity"] < "SEV-4"
    assert json.dumps(body)
