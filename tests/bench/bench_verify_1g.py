"""Verifying a sealed package of one GiB without a key, against `openssl dgst -sha256` over the same payload."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO

from console.evidence.items import Leaf
from console.evidence.sealing import PackageItem
from console.evidence.verification import verify_package
from tests.bench.pairs import in_turn, row
from tests.fakes.packages import custody_of, make_package, trust

PAIRS, ITEMS, ITEM_BYTES = 5, 16, 64 * 1024 * 1024


def measure(work: Path) -> dict[str, object]:
    """Seconds for the whole package; the files are in the page cache on both sides."""
    plain = work / "plain"
    block = os.urandom(1024 * 1024)
    with plain.open("wb") as file:
        for _ in range(ITEM_BYTES // len(block)):
            file.write(block)
    digest = hashlib.file_digest(plain.open("rb"), "sha256").hexdigest()
    leaves = [Leaf(i, f"item {i}", os.urandom(32), digest, ITEM_BYTES) for i in range(ITEMS)]
    opened: partial[BinaryIO] = partial(plain.open, "rb")
    items = [PackageItem(leaf.name, "payloads", leaf.line, opened) for leaf in leaves]
    package = work / "package"
    make_package(package, [b""], items=items, custody_events=custody_of(leaves))
    payload = sorted(str(path) for path in (package / "data").iterdir())

    def ours() -> float:
        begun = time.perf_counter()
        verdict = verify_package(package, trust())
        assert verdict.ok, verdict.findings
        return time.perf_counter() - begun

    def reference() -> float:
        begun = time.perf_counter()
        subprocess.run(["openssl", "dgst", "-sha256", *payload], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    mine, theirs = in_turn(ours, reference, PAIRS)
    return row(
        mine, theirs, "s", [f"{ITEMS} items, {sum(Path(p).stat().st_size for p in payload)} bytes of ciphertext"]
    )
