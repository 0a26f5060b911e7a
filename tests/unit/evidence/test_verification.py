"""A package that is as it was sealed verifies, with and without identities, and says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.evidence import bag
from console.evidence.age import Identity
from console.evidence.custody import log_text, parse_log, sign_log
from console.evidence.reading import PackagePathError
from console.evidence.trust import Signer
from console.evidence.verdict import MAX_FINDINGS, Check
from console.evidence.verification import verify_package
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
    rebuild_tag_manifest,
    trust,
)
from tests.fakes.people import DESK, OTHER_DESK


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "nested"])
@pytest.mark.parametrize("identities", [(), (CUSTODIAN, ESCROW)], ids=["ciphertext", "opened"])
def test_what_was_sealed_verifies(tmp_path: Path, nested: bool, identities: tuple[Identity, ...]) -> None:
    make_package(tmp_path / "package", nested=nested, severity="SEV-1" if nested else "SEV-2")
    verdict = verify_package(tmp_path / "package", trust(), identities)
    assert verdict.ok, verdict.findings
    judged = {check.name: check.judged for check in verdict.checks}
    assert judged.pop("contents") is bool(identities)
    assert all(judged.values())
    assert verdict.facts["items"] == len(PLAINTEXTS)
    assert verdict.facts["nested"] is nested
    assert verdict.facts["sealer"] == IC_NAME
    assert verdict.facts["time"] == "unproven"
    assert verdict.facts["dimensions"]["payloads"] == 2
    assert json.loads(json.dumps(verdict.as_object()))["verified"] is True


@pytest.mark.parametrize("one", [CUSTODIAN, ESCROW])
def test_one_identity_of_two_opens_a_plain_package_only(tmp_path: Path, one: Identity) -> None:
    make_package(tmp_path / "plain")
    make_package(tmp_path / "nested", nested=True)
    assert verify_package(tmp_path / "plain", trust(), [one]).ok
    verdict = verify_package(tmp_path / "nested", trust(), [one])
    assert [check.name for check in verdict.checks if not check.ok] == ["contents"]
    assert "custodian and escrow together" in verdict.findings[0].sentence


@pytest.mark.parametrize("count", [1, 2, 7, 33])
def test_any_number_of_items(tmp_path: Path, count: int) -> None:
    make_package(tmp_path / "package", [b"item %d" % i for i in range(count)])
    assert verify_package(tmp_path / "package", trust(), [CUSTODIAN]).ok


def test_items_large_enough_for_threads(tmp_path: Path) -> None:
    texts = [bytes(5_000_000) for _ in range(8)]
    make_package(tmp_path / "package", texts)
    assert verify_package(tmp_path / "package", trust()).ok
    path = tmp_path / "package" / "data" / "000005.age"
    with path.open("r+b") as file:
        file.seek(4_000_000)
        file.write(b"\x00\x01")
    verdict = verify_package(tmp_path / "package", trust())
    assert [(finding.path, finding.index) for finding in verdict.findings] == [("data/000005.age", 5)]


def test_an_origin_below_the_trusted_one_is_the_same_plane(tmp_path: Path) -> None:
    make_package(tmp_path / "package", origin=f"{ORIGIN}/seal-1")
    assert verify_package(tmp_path / "package", trust()).ok
    assert not verify_package(tmp_path / "package", trust(origin="exercise.example.org/cons")).ok


def test_a_signer_may_have_had_another_key_before(tmp_path: Path) -> None:
    make_package(tmp_path / "package")
    signers = [Signer(IC_NAME, STRANGER.public_hex), Signer(IC_NAME, IC.public_hex)]
    assert verify_package(tmp_path / "package", trust(signers=signers)).ok


def test_a_custody_log_may_grow_after_the_package_was_sealed(tmp_path: Path) -> None:
    make_package(tmp_path / "package")
    log = tmp_path / "package" / bag.CUSTODY_LOG
    events = custody_of(leaves_of(PLAINTEXTS))
    sealed = log.read_text(encoding="utf-8")
    later = event("evidence.looked", {"seal": 1, "item": "item 0", "purpose": "review"}, events, device=OTHER_DESK)
    log.write_text(sealed + log_text([later]), encoding="utf-8")
    checkpoint = sign_log(ORIGIN, parse_log(log.read_bytes()), DESK)
    (tmp_path / "package" / bag.CUSTODY_CHECKPOINT).write_text(checkpoint, encoding="utf-8")
    rebuild_tag_manifest(tmp_path / "package")
    assert not verify_package(tmp_path / "package", trust()).ok, "the later device is not trusted yet"
    assert verify_package(tmp_path / "package", trust(devices=[DESK.public_hex, OTHER_DESK.public_hex])).ok


def test_only_what_is_no_path_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackagePathError):
        verify_package(tmp_path / "none", trust())
    (tmp_path / "file.zip").write_bytes(b"PK")
    assert not verify_package(tmp_path / "file.zip", trust()).ok
    (tmp_path / "empty").mkdir()
    assert not verify_package(tmp_path / "empty", trust()).ok


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"signers": []}, {"checkpoint", "statement"}),
        ({"signers": [Signer(IC_NAME, STRANGER.public_hex)]}, {"checkpoint", "statement"}),
        ({"signers": [Signer("other@example.org", IC.public_hex)]}, {"checkpoint"}),
        ({"devices": []}, {"custody"}),
        ({"persons": {}}, {"custody"}),
        ({"persons": {IC_NAME: STRANGER.public_hex}}, {"custody"}),
        ({"origin": "production.example.org/console"}, {"checkpoint", "custody"}),
    ],
    ids=["no-signer", "other-key", "other-name", "no-device", "no-person", "other-person-key", "other-origin"],
)
def test_trust_that_does_not_fit(tmp_path: Path, changes: dict[str, object], failed: set[str]) -> None:
    make_package(tmp_path / "package")
    verdict = verify_package(tmp_path / "package", trust(**changes))
    assert {check.name for check in verdict.checks if not check.ok} == failed


def test_a_package_cannot_flood_its_reader() -> None:
    check = Check("files")
    for number in range(MAX_FINDINGS + 5):
        check.fail(str(number))
    assert (len(check.findings), check.unnamed, check.ok) == (MAX_FINDINGS, 5, False)
