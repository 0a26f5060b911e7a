"""The house rules hold for every file of this repository, and each rule is shown a bad sample that it must refuse."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests import rules

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "packaging" / "requirements"
MADE = {"build", "dist", "out", "__pycache__", "node_modules"}
BIG = 2_000_000

EVERY_PYTHON = [rules.too_long, rules.misplaced_init, rules.modal_dialog, rules.lambda_slot]
CONSOLE = [rules.no_docstring, rules.second_database_importer, rules.hidden_import, rules.network_on_the_desk]
TESTS = [rules.no_docstring, rules.fixed_sleep]


def tree() -> Iterator[str]:
    """Yield the path of each file of the work tree, tracked or not, without what tools and builds make."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            one
            for one in folders
            if one not in MADE and not one.endswith(".egg-info") and (one == ".ci" or one[0] != ".")
        ]
        yield from (Path(folder, file).relative_to(ROOT).as_posix() for file in files)


FILES = sorted(tree())
PYTHON = [name for name in FILES if name.endswith(".py")]


def read(name: str) -> str | None:
    """Return a file's text; None for what is not text or too big to be anybody's writing."""
    path = ROOT / name
    if path.is_symlink() or path.stat().st_size > BIG:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def check(names: list[str], applied: Sequence[rules.Rule]) -> None:
    """Fail with every fault, a line each."""
    faults = [fault for name in names for rule in applied for fault in rule(name, read(name) or "")]
    assert not faults, "\n" + "\n".join(faults)


def test_the_walk_sees_this_tree() -> None:
    assert {"console/cli.py", "tests/unit/test_manners.py", "packaging/run", ".ci/run", "pyproject.toml"} <= set(FILES)
    assert not [name for name in FILES if name.startswith((".venv", ".git/"))]


def test_every_python_file() -> None:
    check(PYTHON, EVERY_PYTHON)


def test_every_module_of_the_console() -> None:
    names = [name for name in PYTHON if name.startswith("console/")]
    check(names, [*CONSOLE, rules.unwanted_name])
    assert list(rules.missing_inits(set(names))) == []


def test_every_file_of_the_tests() -> None:
    names = [name for name in PYTHON if name.startswith("tests/") and name != "tests/waiting.py"]
    check(names, TESTS)


def test_no_file_names_this_machine_or_a_registry() -> None:
    check([name for name in FILES if read(name) is not None], [rules.machine_path])


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (rules.too_long, "console/a.py", "x = 1\n" * 400),
        (rules.no_docstring, "console/a.py", "import os\n"),
        (rules.no_docstring, "console/a.py", '"""Todo."""\n'),
        (rules.misplaced_init, "packaging/__init__.py", ""),
        (rules.misplaced_init, "tests/unit/__init__.py", ""),
        (rules.second_database_importer, "console/store/record.py", "import sqlite3"),
        (rules.second_database_importer, "console/store/record.py", "def f():\n    from sqlite3 import dbapi2"),
        (
            rules.second_database_importer,
            "console/plane/api.py",
            "import importlib\nimportlib.import_module('pysqlite3')",
        ),
        (rules.second_database_importer, "console/plane/db.py", "import sqlite_utils"),
        (rules.hidden_import, "console/cli.py", "importlib.import_module('console.app')"),
        (rules.hidden_import, "console/actions/a.py", "__import__('requests')"),
        (rules.network_on_the_desk, "console/store/a.py", "import http.client"),
        (rules.network_on_the_desk, "console/ui/a.py", "from urllib import request"),
        (rules.network_on_the_desk, "console/domain/a.py", "import socket"),
        (rules.fixed_sleep, "tests/unit/test_a.py", "import time\ntime.sleep(0.1)"),
        (rules.fixed_sleep, "tests/unit/test_a.py", "from time import sleep as nap\nnap(1)"),
        (rules.fixed_sleep, "tests/unit/test_a.py", "asyncio.sleep(0.5)"),
        (rules.fixed_sleep, "tests/ui/test_a.py", "def test(qtbot):\n    qtbot.wait(100)"),
        (rules.machine_path, "README.md", "see " + "/ro" + "ot/x"),
        (rules.machine_path, "data/a.yaml", "path: " + "/home" + "/ann/file"),
        (rules.machine_path, "packaging/requirements/a.txt", "# https://py" + "pi.org/simple"),
        (rules.modal_dialog, "console/ui/a.py", "from PySide6.QtWidgets import QMessageBox"),
        (rules.modal_dialog, "console/ui/a.py", "QtWidgets.QMessageBox.question()"),
        (rules.modal_dialog, "console/ui/a.py", "dialog.exec()"),
        (rules.lambda_slot, "console/ui/a.py", "button.clicked.connect(lambda: self.go())"),
        (rules.unwanted_name, "console/store/utils.py", ""),
        (rules.unwanted_name, "console/store/a.py", "class StoreManager:\n    pass"),
        (rules.compiled_with_address, "a.txt", "--index-url https://example.org\n"),
        (rules.compiled_with_address, "a.txt", "#    pip-compile --find-links /some/where a.in\n"),
        (rules.compiled_with_address, "a.txt", "x @ file:///tmp/x.whl \\\n    --hash=sha256:00\n"),
        (rules.compiled_with_address, "a.txt", "six==1.16.0\n    # via x\n"),
    ],
)
def test_a_rule_refuses_its_bad_sample(rule: rules.Rule, name: str, text: str) -> None:
    assert list(rule(name, text))


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (rules.too_long, "console/a.py", "x = 1\n" * 399),
        (rules.no_docstring, "console/a.py", '"""What this is for, in a sentence."""\n'),
        (rules.second_database_importer, "console/store/_sqlite.py", "import pysqlite3, sqlite_utils"),
        (rules.hidden_import, "console/cli.py", "importlib.import_module(f'console.commands.{name}')"),
        (rules.network_on_the_desk, "console/remote/a.py", "import ssl"),
        (rules.network_on_the_desk, "console/protocol/a.py", "from http import HTTPStatus\nimport urllib.parse"),
        (rules.fixed_sleep, "tests/unit/test_a.py", "asyncio.sleep(0)\nevent.wait(5)\ntext = 'time.sleep(1)'"),
        (rules.machine_path, "README.md", "GET /v1/work/items, ../shared, tests/home/x, https://example.org/root/x"),
        (rules.modal_dialog, "console/app.py", "dialog.open()\napp.exec()"),
        (rules.lambda_slot, "console/ui/a.py", "button.clicked.connect(self.on_button_clicked)"),
        (
            rules.compiled_with_address,
            "a.txt",
            "#    pip-compile --no-emit-index-url a.in\nx==1 \\\n    --hash=sha256:00\n",
        ),
    ],
)
def test_a_rule_lets_a_good_sample_pass(rule: rules.Rule, name: str, text: str) -> None:
    assert list(rule(name, text)) == []


def test_missing_inits_are_named() -> None:
    assert len(list(rules.missing_inits({"console/__init__.py", "console/ui/panel.py"}))) == 1


# --- requirements


def pins(name: str) -> dict[str, Version]:
    """Return what a compiled file pins, by normalised name."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", (REQUIREMENTS / name).read_text(), re.MULTILINE)
    return {canonical(project): Version(version) for project, version in found}


def wanted(text: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def canonical(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()


def unsatisfied(requirements: list[Requirement], pinned: dict[str, Version]) -> list[str]:
    found = {str(one): pinned.get(canonical(one.name)) for one in requirements}
    return [str(one) for one in requirements if (version := found[str(one)]) is None or version not in one.specifier]


@pytest.mark.parametrize("compiled", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_compiled_requirements_say_what_and_not_from_where(compiled: Path) -> None:
    assert list(rules.compiled_with_address(compiled.name, compiled.read_text())) == []


@pytest.mark.parametrize("source", sorted(REQUIREMENTS.glob("*.in")), ids=lambda path: path.name)
def test_every_requirement_is_satisfied_by_what_is_compiled(source: Path) -> None:
    requirements = wanted(source.read_text())
    assert requirements
    assert unsatisfied(requirements, pins(source.with_suffix(".txt").name)) == []


def test_the_two_sets_agree() -> None:
    console, test = pins("console.txt"), pins("test.txt")
    assert {name: test[name] for name in console.keys() & test.keys() if console[name] != test[name]} == {}


def test_the_window_library_stays_below_the_version_that_crashes() -> None:
    assert Version("6.8.3") <= pins("console.txt")["pyside6-essentials"] < Version("6.12")
    assert [one for one in wanted((REQUIREMENTS / "console.in").read_text()) if "<6.12" in str(one.specifier)]


def test_an_unsatisfied_requirement_is_seen() -> None:
    asked = wanted("six>=2  # why\nattrs\nmissing\n-c console.txt\n")
    assert unsatisfied(asked, {"six": Version("1.16.0"), "attrs": Version("26.1")}) == ["six>=2", "missing"]
