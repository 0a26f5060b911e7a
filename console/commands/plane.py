"""`incident-console plane`: found a control plane (`init`) and run one (`run`).

`init` makes the organisation's root key: keep its file off the machine that runs the plane. Both commands print one
JSON line on standard output; secrets never stand on a command line.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from console import paths
from console.domain.errors import ConsoleError
from console.plane.settings import (
    PlaneSettings,
    Secrets,
    read_settings,
    secrets_from_file,
    secrets_from_line,
)

app = typer.Typer(help="The control plane: make it and run it.")

_CONFIG = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings of the plane (TOML or JSON).")]
_DATABASE = Annotated[str | None, typer.Option(metavar="URL", help="SQLite file, or the URL of a database server.")]


@app.command()
def init(
    root_key: Annotated[Path, typer.Option(metavar="FILE", help="Where to put the organisation's root key.")],
    exercise: Annotated[bool, typer.Option("--exercise", help="Make a plane for exercises, for ever.")] = False,
    database: _DATABASE = None,
    config: _CONFIG = None,
) -> None:
    """Make a plane: root key, the plane's own key, and a database with the two founding events."""
    from console.plane.founding import found_plane
    from console.plane.service import wall_clock

    settings = _settings(config, database)
    founded = found_plane(
        settings.database,
        root_key,
        exercise=exercise,
        organisation=settings.organisation,
        now=wall_clock(),
        device_key=settings.device_key,
    )
    from console.plane.server import print_line

    print_line(
        {
            "origin": founded.origin,
            "exercise": founded.exercise,
            "root_public_key": founded.root_public_key,
            "plane_device": founded.plane_device,
            "plane_public_key": founded.plane_public_key,
            "root_chain": {"incarnation": 1, "seq": founded.root_chain.seq, "hash": founded.root_chain.hash},
        }
    )


@app.command()
def run(
    database: _DATABASE = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port on the loopback; 0 picks one.")] = None,
    config: _CONFIG = None,
    secrets_stdin: Annotated[
        bool, typer.Option("--secrets-stdin", help="Read the secrets from standard input, end when it closes.")
    ] = False,
) -> None:
    """Run a plane on the loopback until it is stopped."""
    from console.plane import server

    settings = _settings(config, database)
    secrets = _secrets(settings, secrets_stdin)
    sock = server.listen(settings.port if port is None else port)

    def ready(line: dict[str, Any], stop: Any) -> None:
        server.print_line(line)
        if not settings.gateway_url:
            typer.echo('incident-console: no gateway is set, so every switch is "not reachable" here.', err=True)
        if secrets_stdin:
            server.call_when_stdin_closes(stop)

    try:
        failed = asyncio.run(server.serve(settings, secrets, sock, ready))
    except KeyboardInterrupt:
        sys.exit(130)
    if failed:
        raise ConsoleError(f"The plane stopped because {failed}; its log says why.")


def _settings(config: Path | None, database: str | None) -> PlaneSettings:
    settings = read_settings(config)
    chosen = database or settings.database or str(paths.store_dir().parent / "plane" / "plane.db")
    return replace(settings, database=chosen)


def _secrets(settings: PlaneSettings, from_stdin: bool) -> Secrets:
    if from_stdin:
        from console.plane.server import read_secrets_line

        return secrets_from_line(read_secrets_line())
    return secrets_from_file(settings.secrets) if settings.secrets is not None else Secrets()
