"""From authorised to observed at the data path, against a bare control call and a probe on the same gateway.

Ours is the whole path: signed order, commit at the plane, dispatch, probe, and the observation on the desk's clock.
The reference holds another tenant's switch, so that neither disturbs the other.
"""

from __future__ import annotations

import http.client
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from console.actions.recovery import sign_criterion
from console.commands.demo.cast import COMMANDER, OWNER
from console.commands.demo.opening import TARGET, Case
from console.commands.demo.recovering import await_sent
from console.commands.demo.stage import Settings, Stage
from console.commands.demo.stopping import SWITCH, await_outcome, order_switch
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc, parse_utc
from tests.bench.pairs import percentile, row

CYCLES, OTHER = 60, "tenant.cascade"


def measure(work: Path) -> dict[str, object]:
    """Milliseconds; medians over stop cycles in turn, with the 99th percentile of ours as a note."""
    with Stage(Settings(None, 0, work / "out"), lambda _: None, quick=True) as stage:
        case = _open_incident(stage)
        bare = _Bare(stage.gateway_url, stage.control_token)
        ours, reference = [], []
        for cycle in range(CYCLES + 1):
            theirs = bare.stop_and_probe(cycle)
            mine = _stop_and_restore(stage, case)
            if cycle:
                ours.append(mine)
                reference.append(theirs)
        bare.close()
    return row(ours, reference, "ms", [f"ours p99 {percentile(ours, 0.99):.1f} ms, longest {max(ours):.1f} ms"])


def _stop_and_restore(stage: Stage, case: Case) -> float:
    view = await_outcome(stage, order_switch(stage, case, STOPPED))
    took = parse_utc(view.observed_at) - parse_utc(view.authorised_at)
    await_outcome(
        stage,
        order_switch(
            stage,
            case,
            RUNNING,
            reason="The next cycle of the measurement.",
            typed_name=stage.policy.inventory.item(TARGET).name,
            criteria=case.told["criteria"],
        ),
    )
    return took / timedelta(milliseconds=1)


def _open_incident(stage: Stage) -> Case:
    """An incident opened by hand, with a validation and a sign-off that every restore of the run may cite."""
    case, now = Case(incident=stage.new_id()), format_utc(datetime.now(UTC))
    body: dict[str, Any] = dict.fromkeys(
        ("fingerprint", "workspace", "traceparent", "parent_span", "model_manifest", "prompt_version"), ""
    )
    body |= {"title": "Measurement", "channel": "manual", "reporter": "bench", "detected_at": now, "signal": {}}
    body |= {"class": "semantic", "families": [], "target": TARGET, "retrieval_snapshot": "", "containment_flag": False}
    body |= {"severity": "SEV-4", "owner_role": "incident_commander", "decision_due": now}

    def open_it(record: Any, now: datetime) -> None:
        with record.transaction(now) as tx:
            tx.append("incident.opened", case.incident, body, actor=stage.cast.actor(COMMANDER))

    stage.act(open_it)
    await_sent(stage)
    measured = stage.desk.errand(lambda client: client.validate(case.incident, TARGET, 200)).result().answer
    stage.wait_for(lambda: stage.desk.query(lambda r: r.event(measured.event_id)), "The validation arriving", 20)
    signed = stage.act(
        sign_criterion, case.incident, catalogue=stage.policy.switches, switch=SWITCH, target=TARGET,
        criterion="compliance_sign_off", evidence=[measured.event_id], statement="Measurement.",
        actor=stage.cast.actor(OWNER),
    )  # fmt: skip
    await_sent(stage)
    case.told["criteria"] = {"compliance_sign_off": signed.events, "behaviour_validation": (measured.event_id,)}
    return case


class _Bare:
    """One warm connection to the gateway: PUT the switch, then ask the data path until it refuses."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))
        self._token, self._generation = token, 0

    def stop_and_probe(self, cycle: int) -> float:
        begun = time.perf_counter()
        self._put("stopped", cycle)
        while self._chat() != 403:
            pass
        took = (time.perf_counter() - begun) * 1000
        self._put("running", cycle)
        return took

    def close(self) -> None:
        self._connection.close()

    def _put(self, want: str, cycle: int) -> None:
        self._generation += 1
        body = {
            "want": want,
            "generation": self._generation,
            "command_id": f"0190000{self._generation % 10}-0000-7000-8000-{cycle:06d}{self._generation:06d}",
            "expires": format_utc(datetime.now(UTC) + timedelta(seconds=30)),
        }
        status = self._send(
            "PUT", f"/control/switches/{SWITCH}/{OTHER}", body, {"Authorization": f"Bearer {self._token}"}
        )
        assert status == 200, status

    def _chat(self) -> int:
        body = {
            "tenant": OTHER,
            "surface": "surface.assistant",
            "region": "region.north",
            "input": "?",
            "max_tokens": 1,
        }
        return self._send("POST", "/v1/chat", body, {})

    def _send(self, method: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> int:
        self._connection.request(method, path, json.dumps(body), headers | {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status
