"""A whole conformance run, from an empty folder to its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from console.commands.conformance.bare import bare_rows, combined, declared
from console.commands.conformance.rows import Row
from console.commands.conformance.stage import STANDS, Stage
from console.commands.conformance.trials import run_trial, trials


def run(folder: Path, cycles: int, only: str, say: Callable[[str], None]) -> list[Row]:
    """Every row; `only` names one adapter or one switch, "" all of them.

    Raises a ConsoleError when a switch does not do as it is told.
    """
    rows: list[Row] = []
    with Stage(folder) as stage:
        say(f"{len(stage.stands)} of {len(STANDS)} back-ends and the range answered after {stage.ready_s:.1f} s.")
        for name, why in stage.skipped.items():
            say(f"SKIPPED {name}: {why}")
        can = declared(stage)
        chosen = [trial for trial in trials(stage) if not only or only in (trial.switch, *trial.adapters)]
        for trial in chosen:
            rows += run_trial(stage, trial, cycles, combined(can, trial), say)
        stage.desk.stop()
        stage.stop_plane()
        rows += asyncio.run(bare_rows(stage, [t for t in chosen if not set(t.adapters) & set(stage.skipped)], cycles))
    return rows
