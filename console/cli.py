"""The command line: a table of names, each opened only when it is asked for.

Convention: command `NAME` lives in `console/commands/NAME.py` (or a package of that name), which exposes `app`, a
`typer.Typer`. With exactly one `@app.command()` and no callback that function *is* the command
(`incident-console demo --headless`); with several, or with a callback for what they share, each is a sub-command
(`incident-console store --store DIR check`). A command that must keep its only sub-command (`simulator run`) declares
an empty callback. This module imports none of them by name, so `verify` loads neither Qt nor SQLite nor HTTP.

A command reports failure by raising `ConsoleError`: one sentence on standard error and the error's own exit code.
Anything else that escapes is a fault of the program and leaves with 70 after its traceback.
"""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from console import __version__, config, logs
from console.domain.errors import ConsoleError, InputError

COMMANDS = {
    "demo": "One incident from signal to proven stop, as an exercise.",
    "plane": "The control plane: make it, run it, test its back-ends.",
    "simulator": "The range: an AI service under load, with faults to inject.",
    "verify": "Check a sealed evidence package.",
    "store": "Check, back up, restore, export or import the store.",
    "doctor": "Say what is missing on this machine and what to do.",
}

PROGRAM_FAULT = 70

_log = logging.getLogger(__name__)


class LazyCommands(TyperGroup):
    """A group that lists its commands from the table and imports the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what help and completion need to know of a command, without importing it."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is about to run, imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, _imported(str(name)), rest


def _imported(name: str) -> Any:
    command_app: typer.Typer = importlib.import_module(f"console.commands.{name}").app
    command_app.rich_markup_mode = None  # plain text everywhere: what is printed may be read by a program
    command_app._add_completion = False  # the root has it for all
    command = typer.main.get_command(command_app)
    command.name = name
    return command


app = typer.Typer(cls=LazyCommands, rich_markup_mode=None, add_completion=False)


@app.callback(invoke_without_command=True)
def desk(
    context: typer.Context,
    store: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the desk's store.")] = None,
    plane: Annotated[str | None, typer.Option(metavar="URL", help="Address of the control plane.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Open the incident desk, or run one of the commands below."""
    if version:
        typer.echo(f"incident-console {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise InputError(
            "The desk's window is not part of this version; run `incident-console demo --headless` to see the whole "
            "path, or `incident-console --help` for the commands."
        )


def main(args: list[str] | None = None) -> NoReturn:
    """Run the program with `args` (default: the process's own) and leave with its exit code."""
    logs.to_stderr()
    try:
        typer.main.get_command(app).main(args, prog_name="incident-console")
    except (ConsoleError, config.SettingsError) as error:
        typer.echo(f"incident-console: {logs.neutral(error.sentence)}", err=True)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last line: whatever comes here is our own fault, and is told as such
        _log.critical("This is a fault of the program, not of what you did; please report it.", exc_info=True)
        sys.exit(PROGRAM_FAULT)
    sys.exit(0)


if __name__ == "__main__":
    main()
