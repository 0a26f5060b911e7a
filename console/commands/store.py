"""`incident-console store`: check, back up, restore, export and import the desk's store, one line a finding.

`check`, `backup` and `export` only read and may run while a desk is open; `restore` and `import` write.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console import config, logs, paths
from console.domain.errors import RefusedError
from console.domain.times import format_utc

app = typer.Typer(help="Check, back up, restore, export or import the store.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, one file.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the export.")]


@app.callback()
def store(
    context: typer.Context,
    store: Annotated[Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store.")] = None,
) -> None:
    """Check, back up, restore, export or import the store."""
    above = context.parent.params.get("store") if context.parent else None
    chosen = store or above or config.load(paths.settings_file()).store or paths.store_dir()
    context.obj = Path(chosen).absolute()


@app.command()
def check(context: typer.Context) -> None:
    """Hold every row, chain, projection and blob against what was signed; leave with 1 on any fault."""
    from console.store.blobs import BlobStore
    from console.store.opening import BLOB_FOLDER, record_path, stored_version
    from console.store.verify import tally, verify_store

    folder: Path = context.obj
    if record_path(folder).is_file():
        stored_version(record_path(folder))
    report = verify_store(record_path(folder), BlobStore(folder / BLOB_FOLDER))
    _say(f"{folder}: {tally(report)}")
    for fault in report.faults:
        _say(f"FAULT  {fault}")
    if report.faults:
        _say(f"{len(report.faults)} faults: keep a copy of the folder, then restore the last backup into a new one.")
        raise typer.Exit(1)
    _say("Everything is as it was signed and stored.")


@app.command()
def backup(context: typer.Context, file: FileArgument) -> None:
    """Write one verified file that holds everything; it is not encrypted."""
    from console.store.archive import backup as write_backup
    from console.store.verify import tally

    made = write_backup(context.obj, file.absolute(), _now())
    _say(f"{made.path}: {made.size} bytes, {made.blobs} blobs; {tally(made.report)}")
    _say("Verified. The backup is not encrypted: evidence in it is, the rest can be read by whoever has the file.")


@app.command()
def restore(context: typer.Context, file: FileArgument) -> None:
    """Put a backup, or a copy from a store's `backups`, into a new folder, verified; nothing is ever overwritten."""
    from console.store.archive import restore as read_backup
    from console.store.verify import tally

    report = read_backup(file.absolute(), context.obj)
    _say(f"{context.obj}: {tally(report)}")
    _say("Verified and restored. This desk writes on under a new incarnation.")


@app.command()
def export(context: typer.Context, folder: FolderArgument) -> None:
    """Write every signed event and every blob as plain files; also from a store of a newer version."""
    from console.store.exporting import export as write_export

    made = write_export(context.obj, folder.absolute(), _now())
    for incident, count in sorted(made.events.items()):
        _say(f"{incident}: {count} events")
    _say(f"{folder}: {sum(made.events.values())} events, {made.forks} quarantined, {made.blobs} blobs")
    for left_out in made.left_out:
        _say(f"LEFT OUT  {left_out}")
    if made.left_out:
        raise typer.Exit(1)


@app.command(name="import")
def import_(context: typer.Context, folder: FolderArgument) -> None:
    """Take in an exported folder: what is signed, fits and is new; the same folder again changes nothing."""
    from console.store.importing import import_folder
    from console.store.opening import open_store

    refused = 0
    with open_store(context.obj) as opened:
        for taken in import_folder(opened, folder.absolute(), _now()):
            _say(taken.sentence)
            refused += taken.refused
    if refused:
        raise RefusedError(
            f"{refused} were refused, see above; everything else in {folder} was taken or known already."
        )


def _now() -> str:
    return format_utc(datetime.now(UTC))


def _say(text: str) -> None:
    """One line, without anything that a terminal would obey: ids and reasons may come from a hostile file."""
    typer.echo(logs.neutral(text))
