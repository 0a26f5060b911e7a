"""`incident-console plane backup | restore`: a copy of a plane's database, and putting one back under a new epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from console.commands.plane_settings import CONFIG, DATABASE, settings_of


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the backup; it must not exist.")],
    config: CONFIG = None,
    database: DATABASE = None,
) -> None:
    """Copy the plane's database, whether the plane runs or not; its keys are not in it.

    The evidence it holds is copied into the folder FILE-blobs, which belongs to the backup.
    """
    from console.plane.backup import back_up

    settings = settings_of(config, database)
    blobs = back_up(settings.database, file)
    typer.echo(json.dumps({"backup": str(file), "blobs": blobs}))


def restore(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="A file that `plane backup` made.")],
    config: CONFIG = None,
    database: DATABASE = None,
) -> None:
    """Put a backup in the place of a stopped plane's database, checked whole, and begin a new epoch."""
    from console.plane.backup import restore as put_back
    from console.plane.epochs import guard_file
    from console.plane.founding import DEVICE_KEY, beside, read_key
    from console.plane.service import wall_clock
    from console.policy import default_path, load

    settings = settings_of(config, database)
    key_file = settings.device_key or beside(settings.database)
    key, policy = read_key(key_file, DEVICE_KEY), load(settings.policy or default_path())
    guard = guard_file(settings.database, key_file)
    done = put_back(settings.database, file, key, guard, policy.hash, wall_clock)
    kept = str(done.kept) if done.kept is not None else ""
    told = {"origin": done.origin, "entries": done.size, "epoch": done.epoch, "replaced": kept, "blobs": done.blobs}
    typer.echo(json.dumps(told))
