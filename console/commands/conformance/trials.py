"""The trials of one switch on one target: so many stops and restores by people, then a crash of its back-end.

What is said of a capability is what the receipts of these commands say; nothing is asked of the adapter for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from console.commands.conformance.hands import Hands, took_ms
from console.commands.conformance.rows import FALSE, TRUE, UNKNOWN, Row, percentile, verdict
from console.commands.conformance.stage import SIMULATOR, Stage
from console.domain.commands import VERIFIED
from console.domain.errors import EnvironmentFault
from console.domain.switches import RUNNING, STOPPED
from console.plane.backends import Capability
from console.queries.commands import CommandView

SURVIVES = "survives_restart"
ROWS = {
    "refuses_new": "refuses_new",
    "streams_cut": "cuts_streams",
    SURVIVES: "durable",
    "read_back": "read_back",
    "durable_form": "durable",
    "ends_sessions": "ends_sessions",
}
"""Capability as it is told -> the ability that an adapter declares for it (`plane.backends.ABILITIES`)."""
RESTART_SEEN_WITHIN_S = 30.0
AN_INCIDENT = 20
"""Stops and restores in one incident: more than any real one holds."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One switch on one target and every adapter that enforces it there."""

    switch: str
    target: str
    adapters: tuple[str, ...]

    @property
    def backend(self) -> str:
        """The adapters as one name."""
        return "+".join(self.adapters)


def trials(stage: Stage) -> list[Trial]:
    """One trial a switch and set of adapters: the first target that the inventory names for it."""
    found: dict[tuple[str, tuple[str, ...]], Trial] = {}
    inventory = stage.policy.inventory
    for entry in inventory.enforcements:
        adapters = inventory.adapters_for(entry.switch, entry.target)
        found.setdefault((entry.switch, adapters), Trial(entry.switch, entry.target, adapters))
    return sorted(found.values(), key=lambda trial: (trial.backend, trial.switch))


def run_trial(stage: Stage, trial: Trial, cycles: int, declared: Capability, say: Say) -> list[Row]:
    """The rows of one trial: every ability as the receipts show it, and what the adapters declare beside."""
    why = "; ".join(stage.skipped[name] for name in trial.adapters if name in stage.skipped)
    if why:
        return [Row(trial.backend, trial.switch, name, UNKNOWN, UNKNOWN, 0, skipped=why) for name in ROWS]
    hands = Hands(stage, stage.crew, stage.policy.switches.switch(trial.switch), trial.target)
    stops, ended = list[CommandView](), list[str]()
    for number in range(cycles):
        if number and number % AN_INCIDENT == 0:
            hands = Hands(stage, stage.crew, hands.switch, trial.target)
        stops.append(_verified(hands, STOPPED))
        ended.append(_sessions_ended(stage, trial, stops[-1]) if declared.ends_sessions else UNKNOWN)
        _verified(hands, RUNNING)
    survived, restarts = _crash(stage, hands, trial)
    _verified(hands, RUNNING)
    took = [took_ms(view) for view in stops]
    say(f"{trial.backend} {trial.switch}: {percentile(took, 0.5)} ms, survives a restart: {survived}")
    details = [_detail(stage, view) for view in stops]
    seen = {
        "refuses_new": verdict([view.results["refuses_new"].result for view in stops]),
        "streams_cut": verdict([view.results["streams_cut"].result for view in stops]),
        SURVIVES: survived,
        "read_back": verdict([TRUE if one.get("boot_id") else UNKNOWN for one in details]),
        "durable_form": verdict([str(one.get("durable", UNKNOWN)) for one in details]),
        "ends_sessions": verdict(ended),
    }
    says = {name: TRUE if getattr(declared, ability) else FALSE for name, ability in ROWS.items()}
    rows = []
    for name in ROWS:
        times = (percentile(took, 0.5), percentile(took, 0.99)) if name == "refuses_new" else (None, None)
        n = restarts if name == SURVIVES else cycles
        rows.append(Row(trial.backend, trial.switch, name, says[name], seen[name], n, *times))
    return rows


def _sessions_ended(stage: Stage, trial: Trial, stop: CommandView) -> str:
    """Whether live sessions ended: of the range as it counts them, elsewhere the probe's own, which is one."""
    if SIMULATOR not in trial.adapters:
        return stop.results["streams_cut"].result
    counts = stage.desk.errand(lambda plane: plane.inventory()).result().answer.counts
    return TRUE if counts.get(trial.target, {}).get("sessions") == 0 else FALSE


def _detail(stage: Stage, stop: CommandView) -> Mapping[str, Any]:
    """What stands beside the observation that shows this stop: the read-back as the plane recorded it."""
    found = stage.desk.query(lambda reader: reader.event(stop.results["refuses_new"].evidence))
    return found.envelope.body["detail"] if found is not None else {}


def _verified(hands: Hands, want: str) -> CommandView:
    view = hands.order(want)
    if view.state != VERIFIED:
        said = view.problem or view.sentence
        raise EnvironmentFault(f"{view.switch} on {view.target} -> {want} ended as {view.state}: {said}")
    return view


def _crash(stage: Stage, hands: Hands, trial: Trial) -> tuple[str, int]:
    """Stops, kills every back-end of it in turn, and waits for what the plane's probe of the new process says."""
    stop = _verified(hands, STOPPED)
    for adapter in trial.adapters:
        stage.restart(adapter)
    deadline = time.monotonic() + RESTART_SEEN_WITHIN_S

    def seen() -> str | None:
        result = hands.receipt(stop.command_id).results[SURVIVES].result
        return result if result != UNKNOWN or time.monotonic() > deadline else None

    return stage.wait_for(seen, "An answer to the restart", RESTART_SEEN_WITHIN_S + 5), len(trial.adapters)
