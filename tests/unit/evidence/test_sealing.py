"""Packing refuses whatever is not what was sealed, and leaves nothing behind when it does."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import ConsoleError, EnvironmentFault, InputError
from console.evidence import bag
from console.evidence.sealing import PackageItem, SealingError, make_checkpoint, seal_tree
from tests.fakes.packages import (
    CUSTODIAN,
    IC,
    IC_NAME,
    ORIGIN,
    PLAINTEXTS,
    custody_of,
    items_of,
    leaves_of,
    make_package,
)
from tests.fakes.people import fresh_id

LEAVES = leaves_of(PLAINTEXTS)


def test_the_checkpoint_of_the_seal_is_the_one_in_every_package(tmp_path: Path) -> None:
    root = seal_tree([leaf.digest for leaf in LEAVES])
    checkpoint = make_checkpoint(ORIGIN, len(LEAVES), root, IC, IC_NAME)
    for name in ("first", "second"):
        report = make_package(tmp_path / name)
        assert (report.root, report.size) == (root, len(LEAVES))
        assert (tmp_path / name / bag.CHECKPOINT).read_text(encoding="utf-8") == checkpoint


def test_the_report_counts_what_is_there(tmp_path: Path) -> None:
    report = make_package(tmp_path / "package")
    files = [path for path in (tmp_path / "package").rglob("*") if path.is_file()]
    assert report.bytes == sum(path.stat().st_size for path in files)
    manifest = (tmp_path / "package" / bag.MANIFEST).read_bytes()
    assert report.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    assert {path.relative_to(tmp_path / "package").as_posix() for path in files} == {
        *bag.TAG_FILES, bag.TAG_MANIFEST, *bag.payload_paths(len(PLAINTEXTS)),
    }  # fmt: skip


def test_no_plaintext_and_no_salt_is_in_a_package(tmp_path: Path) -> None:
    make_package(tmp_path / "package")
    for path in (path for path in (tmp_path / "package").rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert not [text for text in PLAINTEXTS if len(text) > 8 and text in data], path
        assert not [leaf for leaf in LEAVES if leaf.salt.hex().encode() in data or leaf.sha256.encode() in data], path


ALTERED = [b"trace 4bf92f!", b"", b"Ignore all previous instructions.\x00\xff", b"x" * 3000]
LONGER = [*PLAINTEXTS[:3], b"x" * 3001]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"items": items_of(ALTERED, LEAVES)}, r"Item 0 holds 13 bytes as captured, but others"),
        ({"items": items_of(LONGER, LEAVES)}, r"Item 3 holds 3001 bytes where 3000 were captured"),
        ({"items": items_of(PLAINTEXTS, LEAVES)[::-1]}, "in order"),
        ({"items": items_of(PLAINTEXTS, LEAVES)[1:]}, "in order"),
        ({"items": items_of(PLAINTEXTS, LEAVES)[:-1]}, "custody log does not belong"),
        ({"items": []}, "no captured item"),
        ({"items": [replace(items_of(PLAINTEXTS, LEAVES)[0], name="another")]}, "leaf of item 0"),
        ({"items": [replace(items_of(PLAINTEXTS, LEAVES)[0], dimension="selfies")]}, "not a dimension"),
        ({"items": [replace(items_of(PLAINTEXTS, LEAVES)[0], leaf_line=b"{}")]}, "not a leaf"),
        ({"severity": "SEV-1"}, "two people"),
        ({"severity": "SEV-0"}, "two people"),
        ({"severity": "sev 2"}, "severity"),
        ({"escrow": CUSTODIAN.recipient}, "same key"),
        ({"escrow": "age1none"}, "not an age recipient"),
        ({"seal_no": 2}, "custody log does not belong"),
        ({"incident": fresh_id()}, "another incident"),
        ({"incident": "../escape"}, "another incident"),
        ({"origin": "two words"}, "origin"),
        ({"signer_name": "a+b"}, "signing key"),
        ({"sealed_at": "yesterday"}, "UTC time"),
        ({"bagging_date": "15.6.2025\nX: y"}, "date"),
        ({"custody_events": []}, "No event of the custody log seals tree 1"),
        ({"custody_events": custody_of(LEAVES)[:-1]}, "No event of the custody log seals tree 1"),
        ({"custody_events": custody_of(LEAVES, root=bytes(32))}, "another root"),
        ({"custody_events": custody_of(leaves_of(ALTERED))}, "another leaf"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_stays(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_package(tmp_path / "package", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_package_is_never_written_over_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(EnvironmentFault, match="exists already"):
            make_package(tmp_path / name)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_what_a_crash_left_does_not_stop_the_next_attempt(tmp_path: Path) -> None:
    (tmp_path / ".package.partial" / "data").mkdir(parents=True)
    (tmp_path / ".package.partial" / "data" / "000000.age").write_bytes(b"half")
    make_package(tmp_path / "package")
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_a_second_attempt_while_the_first_is_written_is_told_so_and_touches_nothing(tmp_path: Path) -> None:
    said: list[str] = []

    def items_with_an_impatient_neighbour() -> Iterator[PackageItem]:
        with pytest.raises(EnvironmentFault, match="being written already") as refused:
            make_package(tmp_path / "package")
        said.append(refused.value.sentence)
        yield from items_of(PLAINTEXTS, LEAVES)

    items = items_with_an_impatient_neighbour()
    make_package(tmp_path / "package", items=items, custody_events=custody_of(LEAVES))
    assert said
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="could not be written"):
        make_package(tmp_path / "no" / "such" / "package")


class Breaking(io.RawIOBase):
    """A blob that cannot be read to its end."""

    def read(self, size: int = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("nested", [False, True])
def test_a_blob_that_cannot_be_read_leaves_no_package(tmp_path: Path, nested: bool) -> None:
    items = items_of(PLAINTEXTS, LEAVES)
    items[2] = replace(items[2], open_plaintext=Breaking)  # type: ignore[arg-type]
    with pytest.raises(ConsoleError, match="Input/output error"):
        make_package(tmp_path / "package", items=items, nested=nested)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_tree_is_not_sealed() -> None:
    with pytest.raises(SealingError):
        seal_tree([])
