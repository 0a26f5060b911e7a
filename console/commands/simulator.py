"""`incident-console simulator run`: the range in the foreground until it is told to end.

Standard output carries exactly one line, the JSON ready line; everything a person should read goes to standard error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="The range: an AI service under load, with faults to inject.")


@app.callback()
def simulator() -> None:
    """The range: an AI service under load, with faults to inject."""


@app.command()
def run(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as JSON: trace, speed, seed, state_dir, policy.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the gateway on the loopback; 0 picks a free one.")
    ] = 0,
    secrets_stdin: Annotated[
        bool,
        typer.Option(
            "--secrets-stdin", help="Read the three tokens as one JSON line from standard input, and end with it."
        ),
    ] = False,
) -> None:
    """Run the AI service, its gateway and its load until SIGTERM or Ctrl-C."""
    from console.simulator.run import run_range
    from console.simulator.settings import RangeSettings, read_settings

    settings = read_settings(config) if config else RangeSettings()
    run_range(settings, port, secrets_from_stdin=secrets_stdin, announce=_announce)


def _announce(ready: dict[str, Any]) -> None:
    print(json.dumps(ready), flush=True)
