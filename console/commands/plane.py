"""`incident-console plane`: found a control plane (`init`), run one (`run`), and what else is done to it.

`init` makes the organisation's root key: keep its file off the machine that runs the plane. Both print one JSON line
on standard output; secrets never stand on a command line. People are in `plane_people`, copies in `plane_backup`.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from console.commands import plane_backup, plane_people
from console.commands.conformance import conformance
from console.commands.plane_settings import CONFIG, DATABASE, settings_of
from console.domain.errors import ConsoleError
from console.plane.settings import PlaneSettings, Secrets, secrets_from_file, secrets_from_line

app = typer.Typer(help="The control plane: make it, run it, invite people to it, copy it.")


@app.command()
def init(
    root_key: Annotated[Path, typer.Option(metavar="FILE", help="Where to put the organisation's root key.")],
    exercise: Annotated[bool, typer.Option("--exercise", help="Make a plane for exercises, for ever.")] = False,
    database: DATABASE = None,
    config: CONFIG = None,
) -> None:
    """Make a plane: root key, the plane's own key, and a database with the two founding events."""
    from console.plane.founding import found_plane
    from console.plane.service import wall_clock

    settings = settings_of(config, database)
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
    from console.proof.words import root_words

    words = " ".join(root_words(founded.root_public_key))
    typer.echo(f"incident-console: the root key's eight words, to tell whoever is invited: {words}", err=True)
    typer.echo(
        f"incident-console: move {root_key} off this machine, with a copy kept elsewhere; whoever has it decides who "
        "may do what.",
        err=True,
    )


@app.command()
def run(
    database: DATABASE = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks one.")] = None,
    config: CONFIG = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate in PEM form, with its chain.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's key, for its owner's eyes.")
    ] = None,
    secrets_stdin: Annotated[
        bool, typer.Option("--secrets-stdin", help="Read the secrets from standard input, end when it closes.")
    ] = False,
) -> None:
    """Run a plane until it is stopped: on the loopback, or with TLS on the address that the settings name."""
    from console.plane import server
    from console.plane.service import wall_clock
    from console.plane.tls import read_certificate

    settings = settings_of(config, database)
    settings = replace(settings, tls_cert=tls_cert or settings.tls_cert, tls_key=tls_key or settings.tls_key)
    secrets = _secrets(settings, secrets_stdin)
    certificate = read_certificate(settings.tls_cert, settings.tls_key)
    if certificate is not None and certificate.expires < wall_clock():
        typer.echo(f"incident-console: the certificate in {settings.tls_cert} is over; desks refuse it.", err=True)
    sock = server.listen(settings.port if port is None else port, settings.host, tls=certificate is not None)

    def ready(line: dict[str, Any], stop: Any) -> None:
        server.print_line(line)
        if not settings.drives_something:
            typer.echo('incident-console: no gateway is set, so every switch is "not reachable" here.', err=True)
        if secrets_stdin:
            server.call_when_stdin_closes(stop)

    try:
        failed = asyncio.run(server.serve(settings, secrets, sock, ready))
    except KeyboardInterrupt:
        sys.exit(130)
    if failed:
        raise ConsoleError(f"The plane stopped because {failed}; its log says why.")


def _secrets(settings: PlaneSettings, from_stdin: bool) -> Secrets:
    if from_stdin:
        from console.plane.server import read_secrets_line

        return secrets_from_line(read_secrets_line())
    return secrets_from_file(settings.secrets) if settings.secrets is not None else Secrets()


for command in (
    plane_people.invite,
    plane_people.grant,
    plane_people.withdraw,
    plane_people.revoke,
    plane_backup.backup,
    plane_backup.restore,
    conformance,
):
    app.command()(command)
