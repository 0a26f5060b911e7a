"""`incident-console plane conformance`: every adapter against its real back-end, as people use it, told as it was seen.

Standard output carries the table; `--out` keeps `conformance.json` and the logs. Ends with 1 when something was
declared that was not seen, or when a back-end could not be run here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

CYCLES = 200


def conformance(
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="A new folder for the rows and the logs.")] = None,
    cycles: Annotated[int, typer.Option(min=1, max=10_000, help="Stops and restores of each switch.")] = CYCLES,
    only: Annotated[str, typer.Option(metavar="ADAPTER|SWITCH", help="Only what it enforces, or this switch.")] = "",
) -> None:
    """Drive every real back-end that runs here and print what each switch was seen to do."""
    from console.commands.conformance.rows import as_table, write_json
    from console.commands.conformance.run import run

    with tempfile.TemporaryDirectory(prefix="conformance-") as spare:
        folder = out or Path(spare) / "out"
        rows = run(folder, cycles, only, lambda line: typer.echo(line, err=True))
        write_json(rows, folder / "conformance.json")
    typer.echo(as_table(rows))
    if not all(row.is_honest for row in rows):
        raise typer.Exit(1)
