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
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from console.domain.errors import ConsoleError

if TYPE_CHECKING:
    import typer

COMMANDS = {
    "demo": "One incident from signal to proven stop, as an exercise.",
    "plane": "The control plane: make it, run it, test its back-ends.",
    "simulator": "The range: an AI service under load, with faults to inject.",
    "verify": "Check a sealed evidence package.",
    "store": "Check, back up, restore, export or import the store.",
    "doctor": "Say what is missing on this machine and what to do.",
}
DESK_OPTIONS = ("--store", "--plane")

PROGRAM_FAULT = 70


def desk_options(args: list[str]) -> dict[str, str] | None:
    """{option: value} when `args` ask for nothing but the desk, else None: then the whole command line is needed."""
    found: dict[str, str] = {}
    rest = list(args)
    while rest:
        option, joined, value = rest.pop(0).partition("=")
        if option not in DESK_OPTIONS or option in found or not (joined or rest):
            return None
        found[option] = value if joined else rest.pop(0)
    return found


def open_desk(store: str | None, plane: str | None) -> int:
    """Opens the window; returns the exit code."""
    from console.app import run_desk

    return run_desk(Path(store) if store else None, plane)


def command_line() -> Any:
    """The click command of everything: the desk's options, and the table of commands, none of which is imported."""
    import typer
    from typer.core import TyperCommand, TyperGroup

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

    app = typer.Typer(cls=LazyCommands, rich_markup_mode=None, add_completion=False)
    store = typer.Option(None, metavar="DIR", help="Folder of the desk's store.")
    plane = typer.Option(None, metavar="URL", help="Address of the control plane.")
    version = typer.Option(False, "--version", help="Print the version and leave.")

    def desk(context: typer.Context, store: str = store, plane: str = plane, version: bool = version) -> None:
        """Open the incident desk, or run one of the commands below."""
        if version:
            from console import __version__

            typer.echo(f"incident-console {__version__}")
            raise typer.Exit
        if context.invoked_subcommand is None:
            raise typer.Exit(open_desk(store, plane))

    desk.__annotations__ = {"context": typer.Context, "store": str, "plane": str, "version": bool}
    app.callback(invoke_without_command=True)(desk)
    return typer.main.get_command(app)


def _imported(name: str) -> Any:
    import typer

    command_app: typer.Typer = importlib.import_module(f"console.commands.{name}").app
    command_app.rich_markup_mode = None  # plain text everywhere: what is printed may be read by a program
    command_app._add_completion = False  # the root has it for all
    command = typer.main.get_command(command_app)
    command.name = name
    return command


def main(args: list[str] | None = None) -> NoReturn:
    """Run the program with `args` (default: the process's own) and leave with its exit code."""
    given = sys.argv[1:] if args is None else args
    wanted = desk_options(given)
    try:
        if wanted is not None:  # the window is painted before the command line or the log file would be imported
            sys.exit(open_desk(wanted.get("--store"), wanted.get("--plane")))
        from console import logs

        logs.to_stderr()
        command_line().main(given, prog_name="incident-console")
    except ConsoleError as error:
        _leave(error.sentence, error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line
        _leave_with_fault(error)
    sys.exit(0)


def _leave_with_fault(error: Exception) -> NoReturn:
    """Says whose fault it is: a settings file's, or - whatever else comes here - our own."""
    import logging

    from console import config

    if isinstance(error, config.SettingsError):
        _leave(error.sentence, error.exit_code)
    sentence = "This is a fault of the program, not of what you did; please report it."
    logging.getLogger(__name__).critical(sentence, exc_info=error)
    sys.exit(PROGRAM_FAULT)


def _leave(sentence: str, code: int) -> NoReturn:
    from console import logs

    sys.stderr.write(f"incident-console: {logs.neutral(sentence)}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
