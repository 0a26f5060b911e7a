"""The same adapters without the plane: what they declare, and what the bare control call and its probe cost."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta

from console.commands.conformance.rows import TRUE, Row, percentile
from console.commands.conformance.stage import OFREP, Stage
from console.commands.conformance.trials import Trial
from console.domain.errors import ConsoleError, EnvironmentFault
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc
from console.plane.adapters.table import connected
from console.plane.backends import ABILITIES, Assertion, BackEnd, Capability

CONTROL = "control_call"
BARE_S = 3.0


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
