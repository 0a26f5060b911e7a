"""`incident-console demo`: one incident from a real signal to a proven stop, as an exercise with real processes.

Nothing is printed that was not measured; when a step fails the story stops with the reason and a non-zero exit.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console import logs

app = typer.Typer(help="One incident from signal to proven stop, as an exercise.")


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Tell the story in words, without a window.")] = False,
    trace: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Arrival trace: TIMESTAMP,ContextTokens,GeneratedTokens.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=60.0, help="How fast the trace is replayed.")] = 1.0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="New or empty folder for the outputs.")] = None,
) -> None:
    """Play one incident from a real signal to a proven stop."""
    from console.commands.demo.stage import Settings, Stage

    folder = out or Path(tempfile.mkdtemp(prefix="incident-console-demo-"))
    settings = Settings(trace, speed, folder)
    if not headless and _has_display():
        from console.commands.demo.at_the_desk import play_at_the_desk

        code = play_at_the_desk(settings)
        _say(f"Outputs: {folder}")
        raise typer.Exit(code)
    if not headless:
        _say("There is no display here, so the demo runs headless.")
    begun, story = time.monotonic(), list[str]()

    def say(text: str) -> None:
        line = f"[{time.monotonic() - begun:6.1f} s] {text}"
        story.append(line)
        _say(line)

    say(f"EXERCISE, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC. Plane and range start as processes of their own.")
    with Stage(settings, say) as stage:
        _play(stage, story)
    _say(f"Outputs: {folder}")


def _play(stage: object, story: list[str]) -> None:
    from console.commands.demo import opening, recovering, reviewing, stopping
    from console.commands.demo.opening import Case
    from console.commands.demo.outputs import write_outputs
    from console.commands.demo.stage import Stage

    assert isinstance(stage, Stage)
    case = Case()
    acts = (
        opening.watch_healthy_traffic,
        opening.go_wrong,
        opening.take_command,
        opening.walk_the_tree,
        stopping.contain,
        stopping.prove_it_survives,
        recovering.seal,
        recovering.mend,
        recovering.restore,
        recovering.see_it_recover,
        recovering.export,
        reviewing.review,
        reviewing.close_incident,
    )
    for act in acts:
        act(stage, case)
    write_outputs(stage, case, story)


def _has_display() -> bool:
    from console.app import has_display

    return has_display()


def _say(text: str) -> None:
    print(logs.neutral(text), flush=True)
