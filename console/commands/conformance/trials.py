"""The trials of one switch on one target: so many stops and restores by people, then a crash of its back-end.

What is said of a capability is what the receipts of these commands say; nothing is asked of the adapter for it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from console.commands.conformance.hands import Hands, took_ms
from console.commands.conformance.rows import FALSE, TRUE, UNKNOWN, Row, percentile, verdict
from console.commands.conformance.stage import OFREP, Stage
from console.domain.commands import VERIFIED
from console.domain.errors import ConsoleError, EnvironmentFault
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc
from console.plane.adapters.table import connected
from console.plane.backends import ABILITIES, Assertion, BackEnd, Capability
from console.queries.commands import RESULTS, CommandView

SURVIVES, CONTROL = "survives_restart", "control_call"
RESTART_SEEN_WITHIN_S = 30.0
BARE_S = 3.0
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
    """The rows of one trial: the three results as the receipts show them, and what the adapter declares beside."""
    why = "; ".join(stage.skipped[name] for name in trial.adapters if name in stage.skipped)
    if why:
        return [Row(trial.backend, trial.switch, name, UNKNOWN, UNKNOWN, 0, skipped=why) for name in RESULTS]
    hands = Hands(stage, stage.crew, stage.policy.switches.switch(trial.switch), trial.target)
    stops: list[CommandView] = []
    for _ in range(cycles):
        stops.append(_verified(hands, STOPPED))
        _verified(hands, RUNNING)
    survived, restarts = _crash(stage, hands, trial)
    _verified(hands, RUNNING)
    took = [took_ms(view) for view in stops]
    say(f"{trial.backend} {trial.switch}: {percentile(took, 0.5)} ms, survives a restart: {survived}")
    flags = {name: TRUE if has else FALSE for name, has in declared.flags().items()}
    seen = {name: verdict([view.results[name].result for view in stops]) for name in ("refuses_new", "streams_cut")}
    return [
        Row(
            trial.backend, trial.switch, "refuses_new", flags["refuses_new"], seen["refuses_new"], cycles,
            percentile(took, 0.5), percentile(took, 0.99),
        ),
        Row(trial.backend, trial.switch, "streams_cut", flags["cuts_streams"], seen["streams_cut"], cycles),
        Row(trial.backend, trial.switch, SURVIVES, flags["durable"], survived, restarts),
    ]  # fmt: skip


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


async def declared_by(stage: Stage) -> dict[str, dict[str, Capability]]:
    """What each adapter declares, by adapter and switch."""
    back_ends = connected(stage.plane_settings, stage.plane_secrets, stage.policy.inventory)
    try:
        return {name: dict(await back_end.capabilities()) for name, back_end in back_ends.items()}
    finally:
        for back_end in back_ends.values():
            await back_end.close()


def combined(declared: dict[str, dict[str, Capability]], trial: Trial) -> Capability:
    """What all adapters of a trial declare together: an ability counts only where each has it."""
    each = [declared.get(name, {}).get(trial.switch, Capability(())) for name in trial.adapters]
    return Capability((), **{name: all(getattr(one, name) for one in each) for name in ABILITIES})


async def bare_rows(stage: Stage, chosen: Sequence[Trial], cycles: int) -> list[Row]:
    """With the plane gone: the bare control call and the probe after it, by the same adapters (SWI-4's reference)."""
    back_ends = connected(stage.plane_settings, stage.plane_secrets, stage.policy.inventory)
    rows = []
    try:
        for trial in chosen:
            for name in trial.adapters:
                # the plane's own flags have no control call but the plane's
                if name in back_ends and name != OFREP and len(trial.adapters) == 1:
                    took = await _bare(stage, back_ends[name], trial, cycles)
                    p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
                    rows.append(Row(name, trial.switch, CONTROL, TRUE, TRUE, len(took), p50, p99))
    finally:
        for back_end in back_ends.values():
            await back_end.close()
    return rows


async def _bare(stage: Stage, back_end: BackEnd, trial: Trial, cycles: int) -> list[float]:
    item, took = stage.policy.inventory.item(trial.target), []
    held = (await back_end.read_back()).switches.get((trial.switch, trial.target))
    generation = held.generation if held is not None else 0
    for number in range(2 * cycles):
        generation += 1
        want = RUNNING if number % 2 else STOPPED
        expires = format_utc(stage.now() + timedelta(seconds=30))
        began = time.monotonic()
        try:
            await back_end.apply(
                Assertion(trial.switch, trial.target, want, generation, str(uuid.uuid4()), expires), BARE_S
            )
        except ConsoleError as error:
            raise EnvironmentFault(f"{trial.backend} {trial.switch}: the bare call failed: {error}") from error
        if want == STOPPED:
            await back_end.probe(trial.switch, item, BARE_S)
            took.append((time.monotonic() - began) * 1000)
    return took


def declared(stage: Stage) -> dict[str, dict[str, Capability]]:
    """`declared_by`, from where no event loop runs."""
    return asyncio.run(declared_by(stage))
