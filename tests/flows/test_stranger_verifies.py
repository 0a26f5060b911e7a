"""A package verifies with stock tools alone: the published commands, to the letter, and the reference libraries.

Nothing of the product runs between writing the package and judging it here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from console.evidence import bag
from console.evidence.age import identity_file_text
from console.proof.keys import public_pem
from console.proof.sshsig import allowed_signers_line
from tests.fakes.packages import (
    CUSTODIAN,
    ESCROW,
    IC,
    IC_NAME,
    PLAINTEXTS,
    STRANGER,
    leaves_of,
    make_package,
    rebuild_manifests,
    rewrite,
)
from tests.fakes.stranger import FILES, SIGNATURES, TREE, shell

TOOLS = ("bash", "sha256sum", "find", "awk", "sed", "base64", "xxd", "openssl", "ssh-keygen")

AGE_PLAIN = "age -d -i custodian.key data/000003.age | sha256sum"
AGE_NESTED = "age -d -i escrow.key data/000003.age | age -d -i custodian.key | sha256sum"
OPENING = ("age ",)
COMMANDS = ("sha256sum ", "test ", "cp ", "sed ", "openssl ", "ssh-keygen ", "printf ", "grep ")


@pytest.fixture(autouse=True)
def tools() -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"these programs of a stranger are not installed here: {', '.join(missing)}")


@pytest.fixture(params=[False, True], ids=["plain", "nested"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A sealed package, written by the product."""
    make_package(tmp_path / "package", nested=request.param)
    return tmp_path / "package"


@pytest.fixture
def scratch(package: Path) -> Path:
    """A copy of the package with the key files of a stranger beside its VERIFY.txt."""
    copy = package.parent / "scratch"
    shutil.copytree(package, copy)
    (copy / "PUB.pem").write_text(public_pem(IC.public_hex), encoding="ascii")
    (copy / "allowed_signers").write_text(allowed_signers_line(IC_NAME, IC.public_hex), encoding="ascii")
    (copy / "custodian.key").write_text(identity_file_text(CUSTODIAN), encoding="ascii")
    (copy / "escrow.key").write_text(identity_file_text(ESCROW), encoding="ascii")
    return copy


def is_nested(package: Path) -> bool:
    return "escrow.key, custodian.key" in (package / bag.VERIFY).read_text(encoding="utf-8")


def need_age() -> None:
    if not shutil.which("age"):
        pytest.skip("the program age is not installed here (apt-get install age); decryption by strangers is untested")


@pytest.mark.parametrize("script", [FILES, TREE, SIGNATURES], ids=["files", "tree", "signatures"])
def test_the_published_commands(scratch: Path, script: str) -> None:
    done = shell(scratch, script)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_age_program_opens_an_item(scratch: Path) -> None:
    need_age()
    done = shell(scratch, AGE_NESTED if is_nested(scratch) else AGE_PLAIN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == hashlib.sha256(PLAINTEXTS[3]).hexdigest()


def test_one_key_does_not_open_a_nested_package(scratch: Path) -> None:
    need_age()
    for key in ("escrow.key", "custodian.key"):
        opened = subprocess.run(
            ["age", "-d", "-i", key, "data/000003.age"], cwd=scratch, capture_output=True, timeout=60, check=False
        )
        assert (opened.stdout == PLAINTEXTS[3]) is not is_nested(scratch)


def test_the_instructions_in_the_package_are_commands_that_work(scratch: Path) -> None:
    text = (scratch / bag.VERIFY).read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if line.startswith(COMMANDS)]
    assert len(commands) == 13, text
    done = shell(scratch, "\n".join(commands))
    assert done.returncode == 0, done.stdout + done.stderr
    need_age()
    opening = [line for line in text.splitlines() if line.startswith(OPENING)]
    opened = shell(scratch, "\n".join(opening))
    assert opened.stdout.split()[0] == hashlib.sha256(PLAINTEXTS[0]).hexdigest()
    leaves = shell(scratch, opening[0].replace("data/000000.age", bag.LEAVES).removesuffix(" | sha256sum"))
    lines = leaves.stdout.encode().splitlines()
    assert lines == [leaf.line for leaf in leaves_of(PLAINTEXTS)]
    hashes = [hashlib.sha256(b"\x00" + line).hexdigest() for line in lines]
    assert (scratch / bag.LEAF_HASHES).read_text(encoding="ascii").splitlines() == hashes


def test_instructions_are_plain_text_in_lines_that_a_terminal_shows(package: Path) -> None:
    text = (package / bag.VERIFY).read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in text)
    assert not [path for path in package.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_the_tree_in_bash_for_any_number_of_items(tmp_path: Path, size: int) -> None:
    make_package(tmp_path / "package", [b"%d" % i for i in range(size)])
    done = shell(tmp_path / "package", TREE)
    assert done.returncode == 0, done.stderr


def test_bagit_python_validates_it(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bagit", "--validate", str(package)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_securesystemslib_verifies_the_statement(package: Path) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer._key import SSlibKey

    value = json.loads((package / bag.STATEMENT).read_text(encoding="utf-8"))
    key_id = value["signatures"][0]["keyid"]
    envelope = Envelope.from_dict(value)
    for signer, holds in ((IC, True), (STRANGER, False)):
        key = SSlibKey(key_id, "ed25519", "ed25519", {"public": signer.public_hex})
        if holds:
            assert key_id in envelope.verify([key], 1)
        else:
            with pytest.raises(VerificationError):
                envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    for subject in statement["subject"]:
        found = hashlib.sha256((package / subject["name"]).read_bytes()).hexdigest()
        assert subject["digest"]["sha256"] == found


def test_stock_tools_catch_an_altered_item(scratch: Path) -> None:
    rewrite(scratch, "data/000002.age", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    assert shell(scratch, FILES).returncode != 0


def test_stock_tools_catch_an_altered_item_after_the_manifests_were_rebuilt(scratch: Path) -> None:
    """By the signed statement, in the package's own instructions: BagIt alone lets it pass, and here is the proof."""
    text = (scratch / bag.VERIFY).read_text(encoding="utf-8")
    statement = [line for line in text.splitlines() if line.startswith(COMMANDS)][-5:]
    assert shell(scratch, "\n".join(statement)).returncode == 0
    for name in ("PUB.pem", "allowed_signers", "custodian.key", "escrow.key", "claim", "sig", "pae"):
        (scratch / name).rename(scratch.parent / name)
    rewrite(scratch, "data/000002.age", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    rebuild_manifests(scratch)
    assert shell(scratch, FILES).returncode == 0
    shutil.copy(scratch.parent / "PUB.pem", scratch)
    assert shell(scratch, "\n".join(statement)).returncode != 0


def test_stock_tools_catch_leaves_that_were_reordered(scratch: Path) -> None:
    rewrite(scratch, bag.LEAF_HASHES, lambda data: b"".join(data.splitlines(keepends=True)[::-1]))
    assert shell(scratch, TREE).returncode != 0


def test_stock_tools_catch_another_signer(scratch: Path) -> None:
    (scratch / "PUB.pem").write_text(public_pem(STRANGER.public_hex), encoding="ascii")
    line = allowed_signers_line(IC_NAME, STRANGER.public_hex)
    (scratch / "allowed_signers").write_text(line, encoding="ascii")
    *openssl, ssh = SIGNATURES.strip().splitlines()
    assert shell(scratch, "\n".join(openssl)).returncode != 0
    assert shell(scratch, ssh).returncode != 0
