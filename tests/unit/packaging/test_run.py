"""`packaging/run`: what it installs and when, what it says when something is missing, and which exit code wins.

A copy of the script runs in a folder of its own, with stand-ins for Python that write down how they were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("basename", "bash", "cat", "cksum", "dirname", "env", "id", "rm")
PROGRAMS = ("openssl", "ssh-keygen", "xxd", "sha256sum", "age", "dbus-run-session", "gnome-keyring-daemon")

STAND_IN = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >>"{calls}"
case " $* " in {failing}) exit 3 ;; *" -m pytest "*) echo "1 passed in 0.01s" ;; esac
"""


class House:
    """A small repository around a copy of packaging/run, on a system with few programs and no apt."""

    def __init__(self, root: Path) -> None:
        self.root, self.calls_file = root, root / "calls"
        self.path = root / "path"
        self.path.mkdir()
        for tool in TOOLS:
            self.path.joinpath(tool).symlink_to(shutil.which(tool) or tool)
        for program in PROGRAMS:
            self.path.joinpath(program).symlink_to(shutil.which("true") or "true")
        shutil.copytree(ROOT / "packaging", root / "packaging")
        shutil.copy(ROOT / "pyproject.toml", root)

    def make_venv(self, failing: str = '"none"') -> None:
        for name in ("python", "incident-console"):
            program = self.root / ".venv" / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(STAND_IN.format(calls=self.calls_file, failing=failing))
            program.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "packaging" / "run", *arguments],
            env={"PATH": str(self.path), "HOME": str(self.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """Return how the stand-ins were called since last asked."""
        found = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("deploy",), 2), (("help",), 0)])
def test_what_it_cannot_do_it_says(house: House, arguments: tuple[str, ...], code: int) -> None:
    result = house.run(*arguments)
    assert result.returncode == code
    assert result.stdout or result.stderr.startswith("packaging/run: ")
    assert not house.root.joinpath(".venv").exists()


def test_without_python_it_says_what_to_install(house: House) -> None:
    result = house.run("demo")
    assert result.returncode == 1
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "apt-get install python3" in result.stderr


def test_an_old_python_does_not_do(house: House) -> None:
    old = house.path / "python3"
    old.write_text("#!/usr/bin/env bash\nexit 1\n")
    old.chmod(0o755)
    assert "Python 3.11 or newer is needed" in house.run("demo").stderr


def test_packages_come_with_hashes_and_without_company(house: House) -> None:
    house.make_venv()
    house.run("bench", "commit")
    installed = [call for call in house.calls() if "--requirement" in call]
    assert [call.rpartition("/")[2] for call in installed] == ["console.txt", "test.txt"]
    assert all("--no-deps --require-hashes" in call for call in installed)


def test_the_demo_needs_no_test_tools_and_gets_its_arguments(house: House) -> None:
    house.make_venv()
    result = house.run("demo", "--headless", "--out", "here")
    calls = house.calls()
    assert result.returncode == 0
    assert not [call for call in calls if call.endswith("test.txt")]
    assert calls[-1] == "incident-console demo --headless --out here"
    assert "no display here" in result.stderr


def test_the_second_start_installs_nothing(house: House) -> None:
    house.make_venv()
    house.run("demo")
    house.calls()
    house.run("demo")
    assert house.calls() == ["incident-console demo"]


def test_a_changed_requirement_is_installed(house: House) -> None:
    house.make_venv()
    house.run("demo")
    house.calls()
    with (house.root / "packaging" / "requirements" / "console.txt").open("a") as file:
        file.write("# changed\n")
    house.run("demo")
    assert [call for call in house.calls() if call.endswith("console.txt")]


def test_a_failed_installation_is_tried_again(house: House) -> None:
    house.make_venv(failing='*" --require-hashes "*')
    assert house.run("demo").returncode == 1
    house.make_venv()
    house.calls()
    house.run("demo")
    assert [call for call in house.calls() if call.endswith("console.txt")]


def test_the_tests_get_their_arguments_and_the_last_word(house: House) -> None:
    house.make_venv()
    result = house.run("test", "-k", "one")
    assert result.returncode == 0
    assert "python -m pytest -k one" in house.calls()
    assert result.stdout.splitlines()[-1] == "1 passed in 0.01s"


def test_a_missing_program_is_said_loudly_with_and_without_root(house: House) -> None:
    house.make_venv()
    house.path.joinpath("age").unlink()
    result = house.run("test")
    assert result.returncode == 0
    assert "MISSING, the tests that need them will be SKIPPED: age" in result.stderr
    assert "apt-get install age" in result.stderr
    assert "apt-get download age" in result.stderr


@pytest.mark.parametrize("failing", ["-m ruff check", "-m ruff format --check", "-m mypy", "lint-imports", "-m pytest"])
def test_any_failing_check_fails_the_whole_and_stops_none(house: House, failing: str) -> None:
    house.make_venv()
    house.run("test")
    house.calls()
    house.make_venv(failing=f'*"{failing} "*')
    result = house.run("test")
    assert result.returncode != 0
    assert [call.split()[2] for call in house.calls() if " -m " in call] == ["ruff", "ruff", "mypy", "pytest"]


def test_continuous_integration_runs_the_test_command_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["set -eu", 'exec "$(dirname "$0")/../packaging/run" test </dev/null']
    for script in (ROOT / ".ci" / "run", ROOT / "packaging" / "run"):
        assert os.access(script, os.X_OK)
