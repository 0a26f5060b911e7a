"""No bit of a package can be flipped unseen, neither as it lies there nor after the manifests were rebuilt around it.

The bag is small and most flips are done on what was read. The tag manifest, which nothing hashes, and the short files
of the seal are tried bit by bit; the long ones, which only have to differ from a hash, every seventh bit (EVERY = 1
tries all, in about a minute).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from console.evidence import bag
from console.evidence.judge_bag import judge_bag, judge_payload
from console.evidence.judge_seal import judge_statement
from console.evidence.reading import Listing, list_package
from console.evidence.verdict import Check
from console.evidence.verification import judge, verify_package
from tests.fakes.packages import make_package, trust

TRUST = trust()
EVERY = 7
BIT_BY_BIT = (bag.TAG_MANIFEST, bag.MANIFEST, bag.CHECKPOINT, bag.LEAF_HASHES, bag.BAG_INFO, bag.BAGIT)
FILES = (*bag.TAG_FILES, bag.TAG_MANIFEST)
PAYLOAD = bag.payload_paths(1)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flips") / "package"
    make_package(folder, [b"one item\n"])
    return folder


@pytest.fixture
def listed(package: Path) -> tuple[Listing, Check]:
    return list_package(package)


def flips(content: bytes, every: int = 1) -> Iterator[bytes]:
    """`content` with one bit flipped: each bit, or every so many-th."""
    for number in range(0, 8 * len(content), every):
        flipped = bytearray(content)
        flipped[number // 8] ^= 1 << number % 8
        yield bytes(flipped)


@pytest.mark.parametrize("path", FILES)
def test_bits_of_every_tag_file(listed: tuple[Listing, Check], path: str) -> None:
    listing, _ = listed
    assert judge_bag(listing)[0].ok
    for flipped in flips(listing.tags[path], 1 if path in BIT_BY_BIT else EVERY):
        changed = Listing(listing.folder, listing.sizes, {**listing.tags, path: flipped})
        assert not judge_bag(changed)[0].ok


@pytest.mark.parametrize("path", PAYLOAD)
def test_bits_of_every_payload_file(package: Path, listed: tuple[Listing, Check], path: str) -> None:
    listing, _ = listed
    _, seal = judge_statement(listing, TRUST, None)
    manifest = judge_bag(listing)[1]
    assert seal is not None
    content = (package / path).read_bytes()
    try:
        for flipped in flips(content, EVERY):
            (package / path).write_bytes(flipped)
            check, sound = judge_payload(listing, manifest, seal)
            assert [finding.path for finding in check.findings] == [path]
            assert path not in sound
    finally:
        (package / path).write_bytes(content)


@pytest.mark.parametrize("path", bag.TAG_FILES)
def test_bits_of_a_tag_file_after_the_tag_manifest_was_rebuilt(listed: tuple[Listing, Check], path: str) -> None:
    """Here a signature, a root or the signed statement must notice; a whole verdict costs 5 ms, so not each bit."""
    listing, files = listed
    assert judge(listing, files, TRUST).ok
    for flipped in flips(listing.tags[path], every=len(listing.tags[path]) // 5 | 1):
        tags = {**listing.tags, path: flipped}
        hashes = ((name, hashlib.sha256(tags[name]).hexdigest()) for name in bag.TAG_FILES)
        tags[bag.TAG_MANIFEST] = bag.manifest_text(hashes).encode()
        changed = Listing(listing.folder, listing.sizes, tags)
        assert not judge(changed, files, TRUST).ok, flipped


@hypothesis.given(st.sampled_from(bag.TAG_FILES), st.binary(max_size=400), st.booleans())
def test_any_content_of_any_tag_file_is_judged(package: Path, path: str, content: bytes, appended: bool) -> None:
    listing, files = list_package(package)
    tags = {**listing.tags, path: listing.tags[path] + content if appended else content}
    hypothesis.assume(tags != listing.tags)
    hashes = ((name, hashlib.sha256(tags[name]).hexdigest()) for name in bag.TAG_FILES)
    tags[bag.TAG_MANIFEST] = bag.manifest_text(hashes).encode()
    assert not judge(Listing(listing.folder, listing.sizes, tags), files, TRUST).ok


@pytest.mark.parametrize("path", [*FILES, *PAYLOAD])
def test_a_few_flips_on_the_disk(package: Path, path: str) -> None:
    content = (package / path).read_bytes()
    try:
        for flipped in random.Random(path).sample(list(flips(content)), 10):
            (package / path).write_bytes(flipped)
            assert not verify_package(package, TRUST).ok
    finally:
        (package / path).write_bytes(content)
    assert verify_package(package, TRUST).ok
