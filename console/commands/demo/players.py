"""The demo's other people: owner, second person, investigator and facilitator, who answer what the desk asks of them.

They act through the same desk by the same verbs as anybody, a moment after they were asked, and everything they do is
an event that names them. They watch the record, not the window.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from console.actions.approvals import give_approval
from console.actions.evidence import record_look, record_verification
from console.actions.incidents import add_note
from console.actions.recovery import sign_criterion, sign_review
from console.commands.demo.cast import INVESTIGATOR, OWNER, SECOND, Cast
from console.commands.demo.opening import FAULT, TARGET
from console.commands.demo.stopping import preview_of
from console.domain.errors import ConsoleError
from console.domain.judge import NORMAL
from console.domain.switches import STOPPED
from console.evidence.age import Identity
from console.evidence.trust import Trust
from console.evidence.verification import verify_package
from console.policy import Policy
from console.proof.actor import Actor
from console.proof.envelope import Envelope
from console.queries.evidence import evidence
from console.queries.incidents import incidents
from console.queries.timeline import timeline
from console.runtime.desk import Desk
from console.simulator.range_client import RangeClient

QUIET_S = 5.0
"""How long healthy traffic is watched before the fault comes."""
THINKING_S = 1.5
"""How long anybody takes to answer, so that a person at the desk sees that it was asked first."""

_log = logging.getLogger(__name__)


class Players:
    """One thread that reads the incident's new events and answers some of them; `start` and `stop` it once."""

    def __init__(
        self,
        desk: Desk,
        policy: Policy,
        cast: Cast,
        stage_range: RangeClient,
        package: Path,
        trust: Trust,
        openers: tuple[Identity, Identity],
    ) -> None:
        self._desk, self._policy, self._cast, self._range = desk, policy, cast, stage_range
        self._package, self._trust, self._openers = package, trust, openers
        self._seen: set[str] = set()
        self._fault_id = ""
        self._news, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-players")
        self._answers: Mapping[str, Callable[[str, Envelope], None]] = {
            "approval.requested": self._approve,
            "criterion.requested": self._sign_off,
            "review.requested": self._review,
            "switch.observed": self._restart_once,
            "evidence.sealed": self._mend,
        }

    def start(self) -> None:
        """Begins to listen; call it before the desk starts or after, but once."""
        self._thread.start()

    def wake(self) -> None:
        """Something changed in the record; returns at once, so it may be a listener of the desk."""
        self._news.set()

    def stop(self) -> None:
        """Ends the thread; an answer that is under way is finished."""
        self._stopping.set()
        self._news.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(1.0)
            self._news.clear()
            try:
                self._begin_when_healthy()
                self._answer_news()
            except ConsoleError as error:
                if not self._stopping.is_set():
                    _log.info("a scripted person could not act: %s", error.sentence)

    def _begin_when_healthy(self) -> None:
        """The facilitator lets the fault in once both lamps were judged normal on real traffic."""
        feed = self._desk.feed
        lamps = feed.lamps if feed is not None else {}
        healthy = all(lamps.get(name, {}).get("state") == NORMAL for name in ("service", "behaviour"))
        if not self._fault_id and healthy and not self._stopping.wait(QUIET_S):
            self._fault_id = self._range.inject(FAULT, TARGET)

    def _answer_news(self) -> None:
        for row in self._desk.query(incidents):
            for entry in self._desk.query(timeline, row.incident):
                if entry.event_id in self._seen:
                    continue
                self._seen.add(entry.event_id)
                answer = self._answers.get(entry.type)
                if answer is not None and not self._stopping.wait(THINKING_S):
                    self._try(row.incident, answer, entry.signed.envelope)

    def _try(self, incident: str, answer: Callable[[str, Envelope], None], event: Envelope) -> None:
        try:
            answer(incident, event)
        except ConsoleError as error:
            self._say(incident, self._cast.actor(SECOND), f"I could not do what was asked: {error.sentence}")

    # -- what each of them does

    def _approve(self, incident: str, event: Envelope) -> None:
        actor, body = self._cast.actor(SECOND), event.body
        look = self._desk.errand(lambda client: client.select(incident, body["switch"], body["target"], body["want"]))
        seen = preview_of(look.result().answer)
        self._desk.act(give_approval, incident, event.event_id, actor=actor, now=_now(), preview=seen).result()

    def _sign_off(self, incident: str, event: Envelope) -> None:
        body, found = event.body, self._desk.query(evidence, incident)
        validated = [e.event_id for e in self._desk.query(timeline, incident) if e.type == "validation.measured"]
        actor = self._cast.actor(OWNER, str(body["of"]))
        if not validated or not found.items:
            self._say(
                incident, actor, "I can sign once evidence is captured and a validation was measured; ask again then."
            )
            return
        self._desk.act(
            sign_criterion,
            incident,
            catalogue=self._policy.switches,
            switch=body["switch"],
            target=body["target"],
            criterion=body["criterion"],
            evidence=[found.items[0].item, validated[-1]],
            statement="Gone through against the sealed items and the measured run; it complies.",
            actor=actor,
            now=_now(),
        ).result()

    def _review(self, incident: str, event: Envelope) -> None:
        actor, seal = self._cast.actor(INVESTIGATOR), int(event.body["seal"])
        if not self._package.is_dir():
            self._say(incident, actor, f"I need the exported package; export it to {self._package.name} and ask again.")
            return
        self._desk.act(record_look, incident, seal, "", "review before closing", actor=actor, now=_now()).result()
        verdict = verify_package(self._package, self._trust, self._openers)
        findings = [str(finding)[:300] for finding in verdict.findings]
        act = self._desk.act
        act(record_verification, incident, seal, verdict.ok, findings, actor=actor, now=_now()).result()
        word = "evidence_sufficient" if verdict.ok else "evidence_insufficient"
        act(sign_review, incident, seal, word, findings, actor=actor, now=_now()).result()

    def _restart_once(self, incident: str, event: Envelope) -> None:
        """After the first stop was seen to work the gateway's process is killed, to see whether it survives."""
        survives = event.body["results"].get("survives_restart", {}).get("result")  # a desk's own look has no results
        if event.body["state"] == STOPPED and survives == "unknown":
            self._range.restart_gateway("KILL")
            self._say(incident, self._cast.actor(SECOND), "I killed the gateway's process and it came back by itself.")

    def _mend(self, incident: str, event: Envelope) -> None:
        if self._fault_id:
            self._range.withdraw(self._fault_id)
            self._say(incident, self._cast.actor(SECOND), "The cause is found and taken away; validate the target.")

    def _say(self, incident: str, actor: Actor, text: str) -> None:
        now = _now()
        self._desk.act(add_note, incident, text, now, actor=actor, now=now).result()


def _now() -> datetime:
    return datetime.now(UTC)
