"""The options that every `plane` command takes, and the settings they lead to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from console import paths
from console.plane.settings import PlaneSettings, read_settings

CONFIG = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings of the plane (TOML or JSON).")]
DATABASE = Annotated[str | None, typer.Option(metavar="URL", help="SQLite file, or the URL of a database server.")]
PORT = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Port of a running plane; found by itself beside its database.")
]


def settings_of(config: Path | None, database: str | None) -> PlaneSettings:
    """The settings in `config`, with the database that was named or the usual place of it."""
    settings = read_settings(config)
    chosen = database or settings.database or str(paths.store_dir().parent / "plane" / "plane.db")
    return replace(settings, database=chosen)
