"""The BagIt form of a package (RFC 8493): which files there are, and the exact text of the tag files.

The list of files is closed: whatever is not named here, listed in a manifest or not, does not belong in a package. What
is parsed is parsed to the byte, because BagIt tools forgive spellings that would let a change pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from console.domain.errors import InputError
from console.evidence.items import MAX_ITEMS

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PROFILE = "urn:incident-console:bagit-profile:sealed:1"

VERIFY, BAGIT, BAG_INFO = "VERIFY.txt", "bagit.txt", "bag-info.txt"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
LEAVES = "data/leaves.jsonl.age"
LEAF_HASHES, CHECKPOINT = "seal/leafhashes.txt", "seal/checkpoint"
SSHSIG, STATEMENT = "seal/checkpoint.sshsig", "seal/seal.dsse.json"
CUSTODY_LOG, CUSTODY_CHECKPOINT = "custody/log.jsonl", "custody/checkpoint"

FOLDERS = ("data", "seal", "custody")
TAG_FILES = (
    BAG_INFO, BAGIT, CUSTODY_CHECKPOINT, CUSTODY_LOG, MANIFEST, CHECKPOINT, SSHSIG, LEAF_HASHES, STATEMENT, VERIFY,
)  # fmt: skip
"""Every file outside data/ but the tag manifest, which lists them all."""

PLAIN_TAGS = (VERIFY, BAG_INFO, BAGIT)
"""Tag files that prove nothing themselves; the signed statement holds their hashes."""

_ITEM = re.compile(r"data/[0-9]{6}\.age")
_LINE = re.compile(r"([0-9a-f]{64})  ([\x21-\x7e]{1,100})")
_OXUM = re.compile(r"([0-9]{1,16})\.([0-9]{1,7})")
_LABELS = ("External-Identifier", "Bagging-Date", "Payload-Oxum", "BagIt-Profile-Identifier")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class BagError(InputError):
    """A tag file is not written as it must be."""


@dataclass(frozen=True, slots=True)
class BagInfo:
    """bag-info.txt: the incident's id, the day of packing (YYYY-MM-DD), payload size in bytes and number of files."""

    incident: str
    bagging_date: str
    payload_bytes: int
    payload_files: int

    def text(self) -> str:
        """The file; raises BagError for an incident or a date that cannot stand in it."""
        if not _IDENTIFIER.fullmatch(self.incident) or not _DATE.fullmatch(self.bagging_date):
            raise BagError("The incident's id or the date of packing cannot be written into a bag; correct it.")
        values = (self.incident, self.bagging_date, f"{self.payload_bytes}.{self.payload_files}", PROFILE)
        return "".join(f"{label}: {value}\n" for label, value in zip(_LABELS, values, strict=True))


def item_path(index: int) -> str:
    """The payload file of item `index`."""
    return f"data/{index:06d}.age"


def is_payload_path(path: str) -> bool:
    """Whether `path` can be a payload file of a package."""
    return path == LEAVES or _ITEM.fullmatch(path) is not None


def payload_paths(size: int) -> tuple[str, ...]:
    """The payload files of a package of `size` items, in the order in which a manifest lists them."""
    return (*(item_path(index) for index in range(size)), LEAVES)


def manifest_text(digests: Iterable[tuple[str, str]]) -> str:
    """A manifest of (path, SHA-256 hex) in the order given."""
    return "".join(f"{digest}  {path}\n" for path, digest in digests)


def is_tag_path(path: str) -> bool:
    """Whether `path` is one of the files outside data/ that a tag manifest lists."""
    return path in TAG_FILES


def parse_manifest(data: bytes) -> dict[str, str]:
    """Path -> SHA-256 of the payload; raises BagError naming the line that is not written as it must be.

    Upper-case digits, other spacing, a path twice or in two cases are refused though BagIt tools let them pass.
    """
    return _parse_manifest(data, is_payload_path)


def parse_tag_manifest(data: bytes) -> dict[str, str]:
    """Path -> SHA-256 of the tag files; as strict as `parse_manifest`."""
    return _parse_manifest(data, is_tag_path)


def _parse_manifest(data: bytes, belongs: Callable[[str], bool]) -> dict[str, str]:
    found: dict[str, str] = {}
    folded: set[str] = set()
    lines = _lines(data)
    if len(lines) > MAX_ITEMS + 1:
        raise BagError(f"it lists {len(lines)} files; a package has at most {MAX_ITEMS + 1}.")
    for number, line in enumerate(lines, 1):
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise BagError(f"line {number} is not a lower-case SHA-256, two spaces and a path.")
        path = parts[2]
        if path.casefold() in folded:
            raise BagError(f"line {number} names {path} a second time.")
        if not belongs(path):
            raise BagError(f"line {number} names {path}, which does not belong there.")
        folded.add(path.casefold())
        found[path] = parts[1]
    return found


def parse_bag_info(data: bytes) -> BagInfo:
    """bag-info.txt; raises BagError when it is not exactly what `BagInfo.text` writes."""
    pairs = [line.partition(": ")[::2] for line in _lines(data)]
    values: Mapping[str, str] = dict(pairs)
    oxum = _OXUM.fullmatch(values.get("Payload-Oxum", ""))
    if [label for label, _ in pairs] != list(_LABELS) or oxum is None:
        raise BagError(f"it does not hold {', '.join(_LABELS)}.")
    info = BagInfo(values["External-Identifier"], values["Bagging-Date"], int(oxum[1]), int(oxum[2]))
    if info.text().encode("ascii") != data:
        raise BagError("its values are not written as a package writes them.")
    return info


def leaf_hashes_text(digests: Iterable[bytes]) -> str:
    """seal/leafhashes.txt: one leaf digest a line, lower-case hex."""
    return "".join(f"{digest.hex()}\n" for digest in digests)


def parse_leaf_hashes(data: bytes) -> list[bytes]:
    """The leaf digests; raises BagError naming the line that is none."""
    lines = _lines(data)
    if len(lines) > MAX_ITEMS:
        raise BagError(f"it holds {len(lines)} leaves; a package has at most {MAX_ITEMS}.")
    for number, line in enumerate(lines, 1):
        if not re.fullmatch(r"[0-9a-f]{64}", line):
            raise BagError(f"line {number} is not 64 lower-case hex digits.")
    return [bytes.fromhex(line) for line in lines]


def _lines(data: bytes) -> list[str]:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise BagError(f"byte {error.start} is not ASCII.") from error
    if not text.endswith("\n"):
        raise BagError("it does not end in a newline.")
    return text[:-1].split("\n")
