"""The bag and its payload: manifests, sizes and hashes, against the files and against what the sealer signed.

A bag that agrees with itself proves nothing (whoever alters an item can rebuild the manifests), so the payload is
hashed against the signed rows, and only as far as they say it reaches.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from console.evidence import bag
from console.evidence.reading import Listing, hash_file
from console.evidence.statement import FileRow, Seal
from console.evidence.verdict import Check

_T = TypeVar("_T")
_WORTH_THREADS = 32 * 1024 * 1024
_MAX_THREADS = 4


def judge_bag(listing: Listing) -> tuple[Check, dict[str, str]]:
    """The tag files against the tag manifest, the manifest against the listing; returns the manifest (path -> hash)."""
    check = Check("bag")
    if listing.tags[bag.BAGIT] != bag.BAGIT_TXT:
        check.fail("The declaration is not that of BagIt 1.0 in UTF-8.", path=bag.BAGIT)
    tag_manifest = _parsed(check, listing, bag.TAG_MANIFEST, bag.parse_tag_manifest) or {}
    _same_files(check, bag.TAG_MANIFEST, set(tag_manifest), set(bag.TAG_FILES))
    for path in bag.TAG_FILES:
        content = listing.tags[path]
        if path in tag_manifest and hashlib.sha256(content).hexdigest() != tag_manifest[path]:
            check.fail("The content is not what the tag manifest says.", path=path, found_bytes=len(content))
    manifest = _parsed(check, listing, bag.MANIFEST, bag.parse_manifest) or {}
    _same_files(check, bag.MANIFEST, set(manifest), set(listing.payload))
    info = _parsed(check, listing, bag.BAG_INFO, bag.parse_bag_info)
    total = sum(listing.payload.values())
    if info and (info.payload_bytes, info.payload_files) != (total, len(listing.payload)):
        check.fail(
            f"{info.payload_files} payload files are announced and {len(listing.payload)} are there.",
            path=bag.BAG_INFO,
            expected_bytes=info.payload_bytes,
            found_bytes=total,
        )
    check.sentence = f"{len(tag_manifest)} tag files as listed, {len(manifest)} payload files of {total} bytes listed"
    return check, manifest


def judge_payload(listing: Listing, manifest: Mapping[str, str], seal: Seal | None) -> tuple[Check, frozenset[str]]:
    """Every payload file against the size and hash that the sealer signed; names each item that differs (EVI-2).

    Returns also the paths of the files that are as they were sealed.
    """
    check = Check("payload")
    if seal is None:
        check.leave("no trusted statement says what was sealed")
        return check, frozenset()
    rows = dict(zip(bag.payload_paths(seal.size), (*seal.payload, seal.leaves), strict=True))
    for path in sorted(set(listing.payload) - set(rows)):
        check.fail("This file was not sealed.", path=path, found_bytes=listing.payload[path])
    for path, row in rows.items():
        if path in manifest and manifest[path] != row.sha256:
            check.fail("The manifest gives another hash than the one sealed.", path=path, index=_index(path))
    whole: set[str] = set()
    for path, row in rows.items():
        found = listing.sizes.get(path)
        if found == row.bytes:
            whole.add(path)
        else:
            sentence = "The file is missing." if found is None else f"{row.bytes} bytes were sealed, {found} are there."
            check.fail(sentence, path=path, index=_index(path), expected_bytes=row.bytes, found_bytes=found)
    for path, fault in _hash_faults(listing, {path: row for path, row in rows.items() if path in whole}):
        size = rows[path].bytes
        whole.discard(path)
        check.fail(fault, path=path, index=_index(path), expected_bytes=size, found_bytes=size)
    check.sentence = f"{len(rows)} encrypted files of {sum(row.bytes for row in rows.values())} bytes as sealed"
    return check, frozenset(whole)


def _hash_faults(listing: Listing, rows: Mapping[str, FileRow]) -> Iterator[tuple[str, str]]:
    def fault(path: str) -> str:
        row = rows[path]
        try:
            found = hash_file(listing.folder, path, row.bytes)
        except OSError as error:
            return f"The file cannot be read ({error.strerror})."
        return "" if found == (row.bytes, row.sha256) else f"{row.bytes} bytes as sealed, but other ones."

    if sum(row.bytes for row in rows.values()) < _WORTH_THREADS:
        yield from ((path, sentence) for path in rows if (sentence := fault(path)))
        return
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        yield from ((path, sentence) for path, sentence in zip(rows, pool.map(fault, rows), strict=True) if sentence)


def _parsed(check: Check, listing: Listing, path: str, parse: Callable[[bytes], _T]) -> _T | None:
    try:
        return parse(listing.tags[path])
    except bag.BagError as error:
        check.fail(f"The file is not written as it must be: {error.sentence}", path=path)
        return None


def _same_files(check: Check, manifest: str, listed: set[str], present: set[str]) -> None:
    for path in sorted(present - listed):
        check.fail(f"The file is not listed in {manifest}.", path=path)
    for path in sorted(listed - present):
        check.fail(f"The file is listed in {manifest} and is not there.", path=path)


def _index(path: str) -> int | None:
    return None if path == bag.LEAVES else int(path[5:11])
