"""`incident-console verify` as a stranger runs it: exit codes, output that harms no terminal, nothing heavy loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.evidence.age import identity_file_text
from tests.fakes.packages import CUSTODIAN, ESCROW, STRANGER, make_package, rewrite, trust_value

FORBIDDEN = (
    *("PySide6", "pyqtgraph", "sqlite3", "pysqlite3", "sqlite_utils", "sqlalchemy"),
    *("requests", "urllib3", "http.client", "ssl", "aiohttp", "keyring"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_package(tmp_path / "package", nested=True)
    (tmp_path / "trust.json").write_text(json.dumps(trust_value()), encoding="utf-8")
    (tmp_path / "custodian.key").write_text(identity_file_text(CUSTODIAN), encoding="ascii")
    (tmp_path / "escrow.key").write_text(identity_file_text(ESCROW), encoding="ascii")
    return tmp_path


def verify(folder: Path, *arguments: str, code: str = "from console.cli import main; main()") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_verified_with_and_without_identities(folder: Path) -> None:
    code, out, err = verify(folder, "package", "--trust", "trust.json")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("Verified: seal 1 of incident ")
    assert "--      contents       not judged" in out
    both = ("--identity", "custodian.key", "--identity", "escrow.key")
    code, out, err = verify(folder, "package", "--trust", "trust.json", *both)
    assert (code, err) == (0, "")
    assert "ok      contents       4 items" in out


def test_one_identity_of_two_is_not_enough(folder: Path) -> None:
    code, out, _ = verify(folder, "package", "--trust", "trust.json", "--identity", "escrow.key")
    assert code == 1
    assert "custodian and escrow together" in out


def test_json_is_one_object(folder: Path) -> None:
    code, out, err = verify(folder, "package", "--trust", "trust.json", "--json")
    assert (code, err) == (0, "")
    value = json.loads(out)
    assert value["verified"] is True
    assert value["facts"]["items"] == 4
    assert [check["name"] for check in value["checks"] if not check["ok"]] == []
    rewrite(folder / "package", "data/000001.age", lambda data: data[:-1])
    code, out, _ = verify(folder, "package", "--trust", "trust.json", "--json")
    assert code == 1
    findings = [finding for check in json.loads(out)["checks"] for finding in check["findings"]]
    size = (folder / "package/data/000001.age").stat().st_size
    named = {"path": "data/000001.age", "index": 1, "expected_bytes": size + 1, "found_bytes": size}
    assert [one for one in findings if named.items() <= one.items()]


def test_not_verified_is_1(folder: Path) -> None:
    (folder / "file").write_bytes(b"PK")
    (folder / "empty").mkdir()
    (folder / "other.json").write_text(json.dumps(trust_value(signers=[])), encoding="utf-8")
    assert verify(folder, "file", "--trust", "trust.json")[0] == 1
    assert verify(folder, "empty", "--trust", "trust.json")[0] == 1
    assert verify(folder, "package", "--trust", "other.json")[0] == 1
    (folder / "package/seal/checkpoint.sshsig").unlink()
    code, out, _ = verify(folder, "package", "--trust", "trust.json")
    assert code == 1
    assert "FAILED  files          seal/checkpoint.sshsig: The file is missing." in out
    assert out.splitlines()[-1].startswith("NOT verified: files.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("none", "--trust", "trust.json"),
        ("package", "--trust", "none.json"),
        ("package", "--trust", "package"),
        ("package", "--trust", "custodian.key"),
        ("package", "--trust", "trust.json", "--identity", "none.key"),
        ("package", "--trust", "trust.json", "--identity", "trust.json"),
        ("package",),
        (),
    ],
    ids=["no-package", "no-trust", "folder", "not-trust", "no-identity", "not-identity", "no-option", "nothing"],
)
def test_what_is_missing_or_unreadable_is_2(folder: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = verify(folder, *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert err


def test_a_hostile_package_cannot_speak_to_the_terminal(folder: Path) -> None:
    (folder / "package" / "data" / "\x1b]0;owned\x07\x1b[2J\u202e\nVerified: all is well").write_bytes(b"")
    code, out, err = verify(folder, "package", "--trust", "trust.json")
    assert (code, err) == (1, "")
    assert not set(out) & set("\x1b\x07\u202e\r")
    assert not [line for line in out.splitlines() if line.startswith("Verified")]
    code, out, err = verify(folder, "package", "--trust", "trust.json", "--json")
    assert (code, err) == (1, "")
    assert out.rstrip("\n").isascii()
    assert out.rstrip("\n").isprintable()


def test_a_key_that_is_not_ours_in_the_trust_file_is_named_nowhere_as_ours(folder: Path) -> None:
    value = trust_value(devices=[STRANGER.public_hex])
    (folder / "trust.json").write_text(json.dumps(value), encoding="utf-8")
    code, out, _ = verify(folder, "package", "--trust", "trust.json")
    assert code == 1
    assert "which is not trusted here" in out


def test_neither_window_nor_database_nor_network_is_loaded(folder: Path) -> None:
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded', [one for one in {FORBIDDEN!r} if one in sys.modules]))\n"
        "from console.cli import main; main()"
    )
    status, out, err = verify(folder, "package", "--trust", "trust.json", code=code)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "loaded []"
