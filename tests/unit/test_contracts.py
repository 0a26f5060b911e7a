"""The import contracts of pyproject.toml bite: each forbidden arrow, added to a clean skeleton, breaks its contract.

The skeleton has every package of the layout, those not written yet included; the contracts are the project's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKELETON = {
    "cli": "import console.app, console.commands.doctor",
    "app": "import PySide6, console.ui.panel, console.runtime.writer, console.sync.step, console.remote.client",
    "ui.panel": "import PySide6, pyqtgraph, console.runtime.writer, console.queries.nouns",
    "runtime.writer": "import console.actions.verbs, console.queries.nouns, console.sync.step, console.remote.client",
    "actions.verbs": "import console.store.record, console.domain.rules",
    "queries.nouns": "import console.store.record",
    "sync.step": "import console.store.record, console.remote.client",
    "store.record": "import console.store._sqlite, console.proof.chain",
    "store._sqlite": "import sqlite3, pysqlite3, sqlite_utils",
    "remote.client": "import requests, keyring, console.protocol.messages",
    "plane.api": "import fastapi, sqlalchemy, console.plane.db, console.protocol.messages",
    "plane.db": "import sqlite3, pysqlite3, sqlalchemy",
    "simulator.gateway": "import aiohttp, console.protocol.messages",
    "protocol.messages": "import console.policy.reader",
    "policy.reader": "import console.evidence.seal",
    "evidence.seal": "import console.proof.chain",
    "proof.chain": "import console.domain.rules",
    "domain.rules": "",
    "commands.doctor": "import console.remote.client, console.plane.api, console.simulator.gateway, console.paths",
    "commands.verify": "import console.evidence.seal",
    "config": "import tomllib",
    "paths": "import pathlib",
    "logs": "import logging",
}

STACK = "Arrows point down the desk's stack"
QT = "Only ui and app know Qt"
HTTP = "Of the desk only remote knows HTTP and the keyring"
VERIFY = "A stranger's check of a package needs neither window, database nor network"
OFFLINE = "Offline first: actions and queries cannot reach the outside, not even indirectly"
NO_SETTINGS = "Rules, proofs, evidence, actions and queries know no settings, paths or log files"
SERVERS = "Servers and their libraries stay in the plane and the range"
SQLITE = "One importer of SQLite a side"
PLANE = "The plane and the range stand on the protocol"

# contract, module that must not, what it imports
FORBIDDEN = [
    (STACK, "domain.rules", "console.proof.chain"),
    (STACK, "proof.chain", "console.evidence.seal"),
    (STACK, "evidence.seal", "console.policy.reader"),
    (STACK, "policy.reader", "console.protocol.messages"),
    (STACK, "protocol.messages", "console.store.record"),
    (STACK, "store.record", "console.remote.client"),
    (STACK, "remote.client", "console.store.record"),
    (STACK, "store.record", "console.queries.nouns"),
    (STACK, "actions.verbs", "console.queries.nouns"),
    (STACK, "sync.step", "console.actions.verbs"),
    (STACK, "queries.nouns", "console.runtime.writer"),
    (STACK, "runtime.writer", "console.ui.panel"),
    (STACK, "ui.panel", "console.app"),
    (STACK, "app", "console.cli"),
    (STACK, "utils", "console.domain.rules"),
    (PLANE, "plane.api", "console.simulator.gateway"),
    (PLANE, "simulator.gateway", "console.plane.api"),
    (PLANE, "protocol.messages", "console.plane.api"),
    ("The desk never reaches the plane or the range", "runtime.writer", "console.plane.api"),
    ("The desk never reaches the plane or the range", "remote.client", "console.simulator.gateway"),
    ("The plane and the range never reach the desk", "plane.api", "console.store.record"),
    ("The plane and the range never reach the desk", "simulator.gateway", "console.remote.client"),
    (OFFLINE, "actions.verbs", "console.remote.client"),
    (OFFLINE, "store.record", "console.remote.client"),
    ("Only sync, runtime and those who compose use the outside directly, never a screen", "ui.panel", "console.remote"),
    ("config, paths and logs import nothing of ours", "config", "console.domain.rules"),
    ("config, paths and logs import nothing of ours", "logs", "console.paths"),
    (NO_SETTINGS, "domain.rules", "console.paths"),
    (NO_SETTINGS, "store.record", "console.config"),
    (QT, "commands.doctor", "PySide6.QtCore"),
    (QT, "runtime.writer", "pyqtgraph"),
    ("Nothing below the screens reaches Qt, not even indirectly", "logs", "shiboken6"),
    (SQLITE, "store.record", "sqlite3"),
    (SQLITE, "plane.api", "pysqlite3"),
    (SQLITE, "evidence.seal", "sqlite3.dbapi2"),
    ("One importer of sqlite-utils", "plane.db", "sqlite_utils"),
    ("SQLAlchemy stays in the plane", "store.record", "sqlalchemy.orm"),
    (HTTP, "sync.step", "requests"),
    (HTTP, "commands.doctor", "keyring"),
    (SERVERS, "remote.client", "aiohttp"),
    (SERVERS, "protocol.messages", "fastapi"),
    (VERIFY, "evidence.seal", "http.client"),
    (VERIFY, "commands.verify", "console.store.record"),
    (VERIFY, "commands.verify", "console.app"),
    (VERIFY, "proof.chain", "urllib3"),
    ("No cycles between siblings, at any depth", "domain.rules", "console.domain.other"),
]


def test_there_is_a_case_for_every_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == {name for name, _, _ in FORBIDDEN}


def test_no_contract_has_exemptions() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert settings["include_external_packages"]
    assert not settings["exclude_type_checking_imports"]
    assert not [contract["name"] for contract in settings["contracts"] if "ignore_imports" in contract]


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with every module of the layout, obeying every contract."""
    tree = tmp_path_factory.mktemp("skeleton")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for module, line in SKELETON.items():
        write(tree, module, line)
    return tree


def write(tree: Path, module: str, line: str) -> Path:
    path = tree.joinpath("console", *module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in (path.parent, tree / "console"):
        (folder / "__init__.py").touch()
    path.write_text(line + "\n")
    return path


def broken(tree: Path) -> set[str]:
    """Return the names of the contracts that do not hold in `tree`."""
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in result.stdout, result.stdout + result.stderr
    found = {line.removesuffix("BROKEN").strip() for line in result.stdout.splitlines() if line.endswith("BROKEN")}
    assert bool(found) == bool(result.returncode)
    return found


def test_the_skeleton_holds_every_contract(skeleton: Path) -> None:
    assert broken(skeleton) == set()


@pytest.mark.parametrize(("contract", "module", "imported"), FORBIDDEN, ids=lambda value: str(value)[:40])
def test_a_forbidden_arrow_breaks_its_contract(skeleton: Path, contract: str, module: str, imported: str) -> None:
    path = skeleton.joinpath("console", *module.split(".")).with_suffix(".py")
    extra = [write(skeleton, "domain.other", "import console.domain.rules")] if imported.endswith(".other") else []
    before = path.read_text() if path.exists() else None
    write(skeleton, module, f"{before or ''}\ndef late():\n    import {imported}")
    try:
        assert contract in broken(skeleton)
    finally:
        path.unlink() if before is None else path.write_text(before)
        for other in extra:
            other.unlink()
