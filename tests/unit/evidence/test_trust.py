"""Trust files read back what was written, and say what is wrong with one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import InputError
from console.evidence.trust import Signer, Trust, TrustError
from tests.fakes.packages import IC, IC_NAME, ORIGIN, trust, trust_value
from tests.fakes.people import DESK, ROOT


def test_it_reads_back(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text(json.dumps(trust_value()), encoding="utf-8")
    read = Trust.from_file(tmp_path / "trust.json")
    assert read == trust()
    assert read.origin == ORIGIN
    assert read.signers == (Signer(IC_NAME, IC.public_hex, ("incident_commander",)),)
    assert read.device_key(DESK.id) == DESK.public_hex
    assert read.device_key(ROOT.id) == ROOT.public_hex
    assert read.device_key(IC.id) == ""


def test_an_organisation_without_a_root_has_none() -> None:
    assert trust(root_public_key="").device_key(ROOT.id) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": 2}, "version 1"),
        ({"origin": "two words"}, "origin"),
        ({"root_public_key": "zz"}, "root_public_key"),
        ({"root_public_key": ROOT.public_hex.upper()}, "lower-case"),
        ({"signers": {}}, "signers"),
        ({"signers": [{"name": "*", "public_key": IC.public_hex}]}, "name a signing key"),
        ({"signers": [{"name": IC_NAME, "public_key": IC.public_hex, "roles": "all"}]}, "roles"),
        ({"devices": [{"device": "0" * 64, "public_key": DESK.public_hex}]}, "hash of its public key"),
        ({"persons": [{"person": "a", "public_key": k.public_hex} for k in (IC, DESK)]}, "two keys"),
        ({"persons": [{"person": "a"}]}, "public_key"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = tmp_path / "trust.json"
    file.write_text(json.dumps(trust_value() | change), encoding="utf-8")
    with pytest.raises(TrustError, match=said) as caught:
        Trust.from_file(file)
    assert str(file) in caught.value.sentence
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"nul", b"\xff", b"[" * 100_000], ids=str)
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trust.json").write_bytes(content)
    with pytest.raises(TrustError):
        Trust.from_file(tmp_path / "trust.json")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="cannot be read"):
        Trust.from_file(tmp_path / "none.json")
    with pytest.raises(TrustError, match="cannot be read"):
        Trust.from_file(tmp_path)


def test_what_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(InputError):
        trust_value(devices=["zz" * 32])
