"""The command line: a lazy table, one-sentence errors, exit codes, and what stays unimported."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer

from console import cli, config, logs
from console.domain.errors import EnvironmentFault, InputError

ROOT = Path(__file__).parents[2]
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "console.cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A command module `console.commands.sample`, listed in the table for this test."""
    module = types.ModuleType("console.commands.sample")
    module.app = typer.Typer()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.COMMANDS, "sample", "A command for this test.")
    monkeypatch.setattr(logs, "to_stderr", lambda: None)
    return module


def leave(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    return left.value.code


def test_help_lists_every_command_whole_and_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("--help").stdout
    for name, help_ in cli.COMMANDS.items():
        assert f"{name} " in shown
        assert help_ in shown
    listing = (
        "import sys; from console.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, capture_output=True, text=True, check=False
    ).stderr
    assert not [name for name in loaded.split() if name.startswith("console.commands.")]


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("incident-console ")


def test_without_a_display_the_desk_says_what_to_run() -> None:
    nowhere = {name: value for name, value in os.environ.items() if name not in SCREENS}
    result = subprocess.run(
        [sys.executable, "-m", "console.cli"], cwd=ROOT, capture_output=True, text=True, check=False, env=nowhere
    )
    assert result.returncode == EnvironmentFault.exit_code
    assert "incident-console demo --headless" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], {}),
        (["--store", "a", "--plane=https://b"], {"--store": "a", "--plane": "https://b"}),
        (["--store"], None),
        (["--store", "a", "--store", "b"], None),
        (["--help"], None),
        (["demo"], None),
        (["--store", "a", "demo"], None),
    ],
)
def test_only_what_asks_for_nothing_but_the_desk_skips_the_command_line(
    arguments: list[str], found: dict[str, str] | None
) -> None:
    assert cli.desk_options(arguments) == found


def test_an_unknown_command_is_a_usage_error() -> None:
    result = run("chaos")
    assert result.returncode == 2
    assert "No such command 'chaos'" in result.stderr


def test_a_sole_command_is_the_command(command: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    @command.app.command()
    def sample(package: Path, loud: bool = False) -> None:
        typer.echo(f"{package} {loud}")

    assert leave("sample", "here", "--loud") == 0
    assert capsys.readouterr().out == "here True\n"


def test_a_callback_makes_sub_commands(command: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    @command.app.callback()
    def shared(context: typer.Context, store: Path = Path()) -> None:
        context.obj = store

    @command.app.command()
    def check(context: typer.Context) -> None:
        typer.echo(f"checking {context.obj}")

    assert leave("sample", "--store", "there", "check") == 0
    assert capsys.readouterr().out == "checking there\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("The file \x1b[31m is missing."), 2),
        (EnvironmentFault("The disk is full."), 3),
        (config.SettingsError("settings.toml, line 3: x is wrong."), 2),
    ],
)
def test_an_error_is_one_sentence_and_its_exit_code(
    command: types.ModuleType, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    @command.app.command()
    def sample() -> None:
        raise error

    assert leave("sample") == code
    shown = capsys.readouterr().err
    assert shown.startswith("incident-console: ")
    assert shown.removesuffix("\n").isprintable()


def test_a_fault_of_the_program_says_so(
    command: types.ModuleType, expected_log, caplog: pytest.LogCaptureFixture
) -> None:
    expected_log("fault of the program")

    @command.app.command()
    def sample() -> None:
        raise RuntimeError("impossible")

    assert leave("sample") == cli.PROGRAM_FAULT
    assert caplog.records[0].exc_info


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_of_the_table_can_be_asked_for_help(name: str) -> None:
    result = run(name, "--help")
    assert result.returncode == 0, result.stderr
    assert f"Usage: incident-console {name}" in result.stdout


def test_verify_loads_neither_window_nor_database_nor_network() -> None:
    script = "import sys, console.cli, console.commands.verify; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in result.stdout.split()} | set(result.stdout.split())
    unwanted = {"PySide6", "pyqtgraph", "numpy", "sqlite3", "_sqlite3", "pysqlite3", "sqlite_utils", "sqlalchemy"}
    unwanted |= {
        "requests",
        "urllib3",
        "http.client",
        "aiohttp",
        "fastapi",
        "keyring",
        "console.store",
        "console.plane",
    }
    assert loaded & unwanted == set()
