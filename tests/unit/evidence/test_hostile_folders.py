"""Folders that are no package: links, devices, smuggled files, names and manifests that fool other tools, bombs."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from console.evidence import bag, reading
from console.evidence.verdict import MAX_FINDINGS, Verdict
from console.evidence.verification import verify_package
from tests.fakes.packages import CUSTODIAN, make_package, rebuild_manifests, rewrite, trust

Attack = Callable[[Path], object]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    make_package(tmp_path / "package")
    return tmp_path / "package"


def failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.ok}


def add(name: str) -> Attack:
    def attack(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"#!/bin/sh\nexit 0\n")

    return attack


def link_item(folder: Path) -> None:
    target = folder.parent / "elsewhere.age"
    shutil.move(folder / "data/000000.age", target)
    (folder / "data/000000.age").symlink_to(target)


def link_folder(folder: Path) -> None:
    shutil.move(folder / "custody", folder.parent / "custody")
    (folder / "custody").symlink_to(folder.parent / "custody")


def pipe(folder: Path) -> None:
    (folder / "data/000000.age").unlink()
    os.mkfifo(folder / "data/000000.age")


def unix_socket(folder: Path) -> None:
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("seal/s")
    finally:
        os.chdir(here)


FOREIGN: dict[str, Attack] = {
    "script-beside-the-instructions": add("verify.sh"),
    "script-in-the-seal": add("seal/verify.sh"),
    "payload-smuggled": add("data/notes.txt"),
    "payload-smuggled-deep": add("data/more/000000.age"),
    "tag-file-smuggled": add("seal/checkpoint.tsr"),
    "folder-smuggled": add("META-INF/x"),
    "hidden-file": add(".hidden"),
    "case-collision": add("VERIFY.TXT"),
    "case-collision-of-folders": add("Data/000000.age"),
    "case-collision-of-items": add("data/000000.AGE"),
    "name-with-newline": add("data/000000.age\nx"),
    "name-with-bidi-override": add("data/\u202eega.000000"),
    "name-with-escape-sequence": add("\x1b[2Jx"),
    "name-not-utf8": add(os.fsdecode(b"data/\xff\xfe")),
    "name-of-a-device": add("CON"),
    "name-like-an-item-in-other-digits": add("data/\u0660\u0660\u0660\u0660\u0660\u0660.age"),
    "item-number-too-long": add("data/0000000.age"),
    "item-is-a-link": link_item,
    "folder-is-a-link": link_folder,
    "item-is-a-pipe": pipe,
    "socket": unix_socket,
}


@pytest.mark.parametrize("defect", FOREIGN)
def test_what_does_not_belong_is_refused_even_when_listed(package: Path, defect: str) -> None:
    FOREIGN[defect](package)
    if defect not in ("item-is-a-pipe", "socket"):
        rebuild_manifests(package)
    verdict = verify_package(package, trust(), [CUSTODIAN])
    assert "files" in failed(verdict)


@pytest.mark.parametrize("path", [*bag.TAG_FILES, bag.TAG_MANIFEST, bag.LEAVES, "data/000000.age"])
def test_a_missing_file_is_named(package: Path, path: str) -> None:
    (package / path).unlink()
    verdict = verify_package(package, trust())
    assert path in {finding.path for finding in verdict.findings}


@pytest.mark.parametrize("folder", bag.FOLDERS)
def test_a_missing_folder_is_no_crash(package: Path, folder: str) -> None:
    shutil.rmtree(package / folder)
    assert "files" in failed(verify_package(package, trust()))


LISTED: dict[str, bytes] = {
    "climbing": b"../../etc/passwd",
    "absolute": b"/etc/passwd",
    "absolute-windows": b"C:\\Windows\\win.ini",
    "device": b"/dev/zero",
    "home": b"~/.ssh/id_ed25519",
    "percent-encoded": b"data/%2e%2e%2f000000.age",
    "bidi": "data/\u202ex.age".encode(),
    "space": b"data/ 000000.age",
    "twice": b"data/000000.age",
    "twice-in-two-cases": b"DATA/000000.AGE",
    "backslash-escaped": b"data/000000.age\\n",
}


@pytest.mark.parametrize("defect", LISTED)
@pytest.mark.parametrize("manifest", [bag.MANIFEST, bag.TAG_MANIFEST])
def test_a_manifest_that_names_what_no_package_holds(package: Path, defect: str, manifest: str) -> None:
    rewrite(package, manifest, lambda data: data + b"0" * 64 + b"  " + LISTED[defect] + b"\n")
    verdict = verify_package(package, trust())
    assert "bag" in failed(verdict)
    assert manifest in {finding.path for finding in verdict.findings}


@pytest.mark.parametrize("manifest", [bag.MANIFEST, bag.TAG_MANIFEST])
@pytest.mark.parametrize(
    "change",
    [
        bytes.upper,
        lambda data: data.replace(b"  ", b" *", 1),
        lambda data: data.replace(b"  ", b"   ", 1),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.rstrip(b"\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"\\" + data,
        lambda data: b"# comment\n" + data,
        lambda data: b"",
    ],
    ids=["upper-case", "binary-mark", "three-spaces", "crlf", "no-newline", "bom", "backslash", "comment", "empty"],
)
def test_spellings_that_bagit_tools_forgive(package: Path, manifest: str, change: Callable[[bytes], bytes]) -> None:
    rewrite(package, manifest, change)
    assert "bag" in failed(verify_package(package, trust()))


def test_the_number_of_files_is_bounded(package: Path) -> None:
    for number in range(MAX_FINDINGS + 100):
        (package / "data" / str(number)).touch()
    _, check = reading.list_package(package, max_files=MAX_FINDINGS + 50)
    assert len(check.findings) == MAX_FINDINGS
    assert 0 < check.unnamed < 100
    _, check = reading.list_package(package)
    assert len(check.findings) + check.unnamed == MAX_FINDINGS + 100


def test_a_file_that_claims_to_be_huge_is_not_read(package: Path) -> None:
    os.truncate(package / "data/000000.age", 2**41)  # sparse: two terabytes of nothing
    verdict = verify_package(package, trust(), [CUSTODIAN])
    assert failed(verdict) == {"bag", "payload"}
    os.truncate(package / "data/000000.age", 2**43)
    assert "files" in failed(verify_package(package, trust()))
    os.truncate(package / bag.CUSTODY_LOG, reading.MAX_TAG_BYTES + 1)
    assert f"larger than {reading.MAX_TAG_BYTES} bytes" in str(verify_package(package, trust()).findings)
