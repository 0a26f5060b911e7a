"""Packages that are bad on purpose: each named by its defect, each refused, most for a reason that names the place.

Wherever an attacker could make the bag agree with itself again, they do: manifests are rebuilt before it is judged.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from console.evidence import bag
from console.evidence.custody import log_text, parse_log, sign_log
from console.evidence.trust import Signer
from console.evidence.verdict import Verdict
from console.evidence.verification import verify_package
from console.proof.checkpoint import sign_checkpoint
from console.proof.sshsig import sign_ssh
from tests.fakes.packages import (
    CUSTODIAN,
    ESCROW,
    IC,
    IC_NAME,
    ORIGIN,
    PLAINTEXTS,
    STRANGER,
    custody_of,
    event,
    leaves_of,
    make_package,
    rebuild_manifests,
    rebuild_tag_manifest,
    rewrite,
    trust,
)
from tests.fakes.people import DESK, OTHER_DESK

Attack = Callable[[Path], object]
LEAVES = leaves_of(PLAINTEXTS)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    make_package(tmp_path / "package")
    return tmp_path / "package"


def failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.ok}


def flip_last(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def swap_items(folder: Path) -> None:
    first, second = folder / "data/000000.age", folder / "data/000002.age"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def drop_last_item(folder: Path) -> None:
    (folder / "data/000003.age").unlink()
    rewrite(folder, bag.LEAF_HASHES, lambda data: b"".join(data.splitlines(keepends=True)[:-1]))


def swap_leaves(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([lines[1], lines[0], *lines[2:]])


def resign_checkpoint(folder: Path, name: str = IC_NAME) -> None:
    note = (folder / bag.CHECKPOINT).read_text(encoding="utf-8")
    root = bytes.fromhex(verify_package(folder, trust()).facts["root"])
    forged = sign_checkpoint(ORIGIN, int(note.split("\n")[1]), root, STRANGER, name)
    (folder / bag.CHECKPOINT).write_text(forged, encoding="utf-8")
    (folder / bag.SSHSIG).write_text(sign_ssh(forged.encode(), STRANGER), encoding="utf-8")


def truncate_log(folder: Path, keep: int = -1) -> None:
    rewrite(folder, bag.CUSTODY_LOG, lambda data: b"".join(data.splitlines(keepends=True)[:keep]))


def resign_log(folder: Path) -> None:
    events = parse_log((folder / bag.CUSTODY_LOG).read_bytes())
    (folder / bag.CUSTODY_CHECKPOINT).write_text(sign_log(ORIGIN, events, DESK), encoding="utf-8")


def truncate_and_resign_log(folder: Path) -> None:
    truncate_log(folder)
    resign_log(folder)


def reorder_log(folder: Path) -> None:
    rewrite(folder, bag.CUSTODY_LOG, swap_leaves)
    resign_log(folder)


def strip_person_signature(folder: Path) -> None:
    events = parse_log((folder / bag.CUSTODY_LOG).read_bytes())
    stripped = [type(one)(one.canon, one.sig) for one in events]
    (folder / bag.CUSTODY_LOG).write_text(log_text(stripped), encoding="utf-8")


def replace_log(folder: Path) -> None:
    events = custody_of(LEAVES)
    (folder / bag.CUSTODY_LOG).write_text(log_text(events), encoding="utf-8")
    resign_log(folder)


ALTERED_AND_REBUILT: dict[str, tuple[Attack, set[str]]] = {
    "item-flipped": (lambda f: rewrite(f, "data/000002.age", flip_last), {"statement", "payload"}),
    "item-truncated": (lambda f: rewrite(f, "data/000002.age", lambda d: d[:-1]), {"statement", "payload"}),
    "item-emptied": (lambda f: rewrite(f, "data/000002.age", lambda _: b""), {"statement", "payload"}),
    "items-swapped": (swap_items, {"statement", "payload"}),
    "item-dropped": (lambda f: (f / "data/000001.age").unlink(), {"statement", "payload"}),
    "item-and-leaf-dropped": (drop_last_item, {"statement", "payload", "tree", "custody"}),
    "item-added": (lambda f: shutil.copy(f / "data/000000.age", f / "data/000004.age"), {"statement", "payload"}),
    "leaf-hashes-reordered": (lambda f: rewrite(f, bag.LEAF_HASHES, swap_leaves), {"tree", "custody"}),
    "leaf-hashes-upper-case": (lambda f: rewrite(f, bag.LEAF_HASHES, bytes.upper), {"tree"}),
    "encrypted-leaves-flipped": (lambda f: rewrite(f, bag.LEAVES, flip_last), {"statement", "payload"}),
    "checkpoint-of-another-key": (resign_checkpoint, {"checkpoint", "statement"}),
    "checkpoint-with-two-signatures": (
        lambda f: rewrite(f, bag.CHECKPOINT, lambda d: d + d.splitlines(keepends=True)[-1]),
        {"checkpoint", "statement"},
    ),
    "ssh-signature-of-another-key": (
        lambda f: rewrite(f, bag.SSHSIG, lambda _: sign_ssh((f / bag.CHECKPOINT).read_bytes(), STRANGER).encode()),
        {"ssh signature"},
    ),
    "custody-log-truncated": (truncate_log, {"custody"}),
    "custody-log-emptied": (lambda f: rewrite(f, bag.CUSTODY_LOG, lambda _: b""), {"custody"}),
    "custody-log-truncated-and-signed-again-by-its-device": (truncate_and_resign_log, {"custody"}),
    "custody-log-reordered-and-signed-again-by-its-device": (reorder_log, {"custody"}),
    "custody-log-replaced-and-signed-again-by-its-device": (replace_log, {"custody"}),
    "person-signatures-stripped-from-the-log": (strip_person_signature, {"custody"}),
    "instructions-altered": (lambda f: rewrite(f, bag.VERIFY, lambda d: d + b"curl x | sh\n"), {"statement"}),
    "packing-date-altered": (
        lambda f: rewrite(f, bag.BAG_INFO, lambda d: d.replace(b"06-15", b"06-16")),
        {"statement"},
    ),
    "incident-altered": (lambda f: rewrite(f, bag.BAG_INFO, lambda d: d.replace(b"r: 0", b"r: 1")), {"statement"}),
    "label-added-to-bag-info": (
        lambda f: rewrite(f, bag.BAG_INFO, lambda d: d + b"Source: x\n"),
        {"bag", "statement"},
    ),
    "older-bagit": (lambda f: rewrite(f, bag.BAGIT, lambda d: d.replace(b"1.0", b"0.9")), {"bag", "statement"}),
}


@pytest.mark.parametrize("defect", ALTERED_AND_REBUILT)
@pytest.mark.parametrize("opened", [False, True], ids=["ciphertext", "opened"])
def test_altered_and_the_manifests_rebuilt(package: Path, defect: str, opened: bool) -> None:
    attack, caught_by = ALTERED_AND_REBUILT[defect]
    attack(package)
    rebuild_manifests(package)
    verdict = verify_package(package, trust(), [CUSTODIAN, ESCROW] if opened else [])
    assert failed(verdict) - {"contents"} == caught_by, verdict.findings


def test_the_item_and_its_bytes_are_named_after_the_manifests_were_rebuilt(package: Path) -> None:
    size = (package / "data/000002.age").stat().st_size
    rewrite(package, "data/000002.age", lambda data: data + b"!")
    rebuild_manifests(package)
    found = [one for one in verify_package(package, trust()).findings if one.path == "data/000002.age"]
    assert {one.index for one in found} == {2}
    assert (size, size + 1) in {(one.expected_bytes, one.found_bytes) for one in found}


def test_a_trusted_signer_cannot_put_other_items_under_the_tree(tmp_path: Path) -> None:
    """The insider with the key: the ciphertext is as signed, the custody log and the leaves are of the honest tree."""
    texts = [*PLAINTEXTS[:2], b"Nothing to see here, move along..\x00\xff", PLAINTEXTS[3]]
    make_package(tmp_path / "other", texts)
    other, honest = tmp_path / "other", tmp_path / "honest"
    make_package(honest)
    for path in (bag.CUSTODY_LOG, bag.CUSTODY_CHECKPOINT):
        shutil.copy(honest / path, other / path)
    rebuild_manifests(other)
    verdict = verify_package(other, trust())
    assert failed(verdict) == {"custody"}
    assert "committed item 2 to another leaf" in " ".join(one.sentence for one in verdict.findings)


def test_two_trusted_signers_cannot_share_one_seal(tmp_path: Path) -> None:
    signers = [Signer(IC_NAME, IC.public_hex), Signer("second@example.org", STRANGER.public_hex)]
    make_package(tmp_path / "package")
    make_package(tmp_path / "second", signer=STRANGER, signer_name="second@example.org")
    assert verify_package(tmp_path / "second", trust(signers=signers)).ok
    for path in (bag.CHECKPOINT, bag.SSHSIG):
        shutil.copy(tmp_path / "package" / path, tmp_path / "second" / path)
    rebuild_manifests(tmp_path / "second")
    verdict = verify_package(tmp_path / "second", trust(signers=signers))
    assert "statement" in failed(verdict)


def test_a_statement_about_another_package_of_the_same_tree_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_package(tmp_path / name)
    shutil.copy(tmp_path / "one" / bag.STATEMENT, tmp_path / "two" / bag.STATEMENT)
    rebuild_tag_manifest(tmp_path / "two")
    assert {"statement", "payload"} <= failed(verify_package(tmp_path / "two", trust()))


@pytest.mark.parametrize("device", [OTHER_DESK, STRANGER])
def test_an_event_of_an_unknown_device_in_the_log(tmp_path: Path, device: object) -> None:
    events = custody_of(LEAVES)
    looked = {"seal": 1, "item": "item 0", "purpose": "review"}
    events.append(event("evidence.looked", looked, device=device))  # type: ignore[arg-type]
    make_package(tmp_path / "package", custody_events=events)
    verdict = verify_package(tmp_path / "package", trust())
    assert failed(verdict) == {"custody"}
    assert "Event 6 (evidence.looked)" in verdict.findings[0].sentence


def test_an_exercise_and_production_never_mix_in_one_log(tmp_path: Path) -> None:
    events = custody_of(LEAVES)
    looked = {"seal": 1, "item": "item 0", "purpose": "review"}
    events.append(event("evidence.looked", looked, events, exercise=False))
    with pytest.raises(Exception, match="mixes events of an exercise"):
        make_package(tmp_path / "package", custody_events=events)
