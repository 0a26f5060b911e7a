"""What is inside the encrypted items, for who holds the keys: plaintext against leaf, leaf against tree.

Only files that are as they were sealed are opened: the others are named already, and whoever altered them gets nothing
to say to a decryptor. Nothing decrypted is kept or shown; it is hashed as it streams by.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from console.domain.errors import EnvironmentFault, InputError
from console.evidence import bag
from console.evidence.age import DecryptionError, Identity, NotARecipientError, decrypt
from console.evidence.items import Leaf, parse_leaf
from console.evidence.reading import Listing, open_inside
from console.evidence.statement import Seal
from console.evidence.verdict import Check

MAX_LEAVES_BYTES = 256 * 1024 * 1024


def judge_contents(
    listing: Listing,
    seal: Seal | None,
    digests: Sequence[bytes] | None,
    sound: frozenset[str],
    identities: Sequence[Identity],
) -> Check:
    """Every item in `sound` (paths) opened and compared with its leaf; names item and byte counts (EVI-2)."""
    check = Check("contents")
    if not identities or seal is None or digests is None or bag.LEAVES not in sound:
        check.leave("no identity was given, only the ciphertext was" if not identities else "the seal does not hold")
        return check
    layers = 2 if seal.nested else 1
    leaves = [
        leaf
        for leaf in _opened_leaves(check, listing, digests, identities, layers)
        if bag.item_path(leaf.index) in sound
    ]
    for leaf in leaves:
        _judge_item(check, listing, leaf, identities, layers)
    total = sum(leaf.size for leaf in leaves)
    check.sentence = f"{len(leaves)} items of {total} bytes opened, each the one that its leaf commits to"
    return check


def _opened_leaves(
    check: Check, listing: Listing, digests: Sequence[bytes], identities: Sequence[Identity], layers: int
) -> list[Leaf]:
    plain = io.BytesIO()
    if listing.sizes.get(bag.LEAVES, 0) > MAX_LEAVES_BYTES:
        check.fail(f"The leaves are larger than {MAX_LEAVES_BYTES} bytes; this is refused.", path=bag.LEAVES)
        return []
    if not _open(check, listing, bag.LEAVES, plain, identities, layers, None):
        return []
    lines = plain.getvalue().split(b"\n")
    if lines.pop() or len(lines) != len(digests):
        check.fail(f"{len(lines)} leaves are inside, {len(digests)} were sealed.", path=bag.LEAVES)
        return []
    leaves: list[Leaf] = []
    for index, line in enumerate(lines):
        try:
            leaf = parse_leaf(line)
        except InputError as error:
            check.fail(f"Leaf {index} cannot be read: {error.sentence}", path=bag.LEAVES, index=index)
            continue
        if leaf.index != index or leaf.digest != digests[index]:
            check.fail(f"Leaf {index} is not the one that was sealed.", path=bag.LEAVES, index=index)
        else:
            leaves.append(leaf)
    return leaves


def _judge_item(check: Check, listing: Listing, leaf: Leaf, identities: Sequence[Identity], layers: int) -> None:
    path = bag.item_path(leaf.index)
    sink = _Nowhere()
    found = _open(check, listing, path, sink, identities, layers, leaf.index)
    if found is None:
        return
    count, sha256 = found
    if count != leaf.size:
        sentence = f"Item {leaf.index}, '{leaf.name}': {leaf.size} bytes were captured, {count} are inside."
    elif sha256 != leaf.sha256:
        sentence = f"Item {leaf.index}, '{leaf.name}': {count} bytes as captured, but other ones."
    else:
        return
    check.fail(sentence, path=path, index=leaf.index, expected_bytes=leaf.size, found_bytes=count)


class _Nowhere:
    """A sink that keeps nothing."""

    def write(self, data: bytes, /) -> int:
        return len(data)


def _open(
    check: Check,
    listing: Listing,
    path: str,
    sink: io.BytesIO | _Nowhere,
    identities: Sequence[Identity],
    layers: int,
    index: int | None,
) -> tuple[int, str] | None:
    """Bytes and SHA-256 of the plaintext of `path`, which goes to `sink`; None after a finding."""
    try:
        with open_inside(listing.folder, path) as file:
            opened = decrypt(file, sink, identities, layers)
    except NotARecipientError:
        both = "; it takes those of custodian and escrow together" if layers > 1 else ""
        check.fail(f"None of the identities given opens it{both}.", path=path, index=index)
    except DecryptionError as error:
        check.fail(error.sentence, path=path, index=index)
    except EnvironmentFault as error:
        check.fail(error.sentence, path=path, index=index)
    except OSError as error:
        check.fail(f"The file cannot be read ({error.strerror}).", path=path, index=index)
    else:
        return opened.plain_bytes, opened.plain_sha256
    return None
