"""The bytes of a policy folder, read once: what is parsed is what is hashed.

Links and everything that is no regular file are refused, and so are files too large for people to review. Names that
begin with a dot belong to tools and are left out, of the hash too.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from console.policy.findings import Findings

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 2000


def read_folder(root: Path, findings: Findings) -> dict[str, bytes]:
    """Relative posix path -> content of every file below `root`; what cannot be read is noted in `findings`."""
    files: dict[str, bytes] = {}
    for path in _walk(root, findings):
        name = PurePosixPath(path.relative_to(root)).as_posix()
        if not name.isprintable():
            findings.add(ascii(name)[1:-1], "the file's name holds characters that cannot be shown; rename it.")
            continue
        if len(files) >= MAX_FILES:
            findings.add(name, f"the folder holds more than {MAX_FILES} files; move out what is not policy.")
            break
        content = _read_file(path, name, findings)
        if content is not None:
            files[name] = content
    return files


def policy_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256, hex, over the sorted lines `sha256  path` of all files: `sha256sum` and `sort` give the same."""
    lines = sorted(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def _walk(root: Path, findings: Findings) -> Iterator[Path]:
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(folder.iterdir(), reverse=True)
        except OSError as error:
            findings.add(_name(folder, root), f"the folder cannot be listed ({error.strerror}); check its permissions.")
            continue
        found = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                findings.add(_name(entry, root), "this is a link; put the file itself here.")
            elif entry.is_dir():
                pending.append(entry)
            else:
                found.append(entry)
        yield from reversed(found)


def _read_file(path: Path, name: str, findings: Findings) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        findings.add(name, f"the file cannot be opened ({error.strerror}); check its permissions.")
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            findings.add(name, "this is not a regular file; put a file here.")
            return None
        try:
            content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            findings.add(name, f"the file cannot be read ({error.strerror}); restore it.")
            return None
    if len(content) > MAX_FILE_BYTES:
        findings.add(name, f"the file is larger than {MAX_FILE_BYTES} bytes; split it.")
        return None
    return content


def _name(path: Path, root: Path) -> str:
    return PurePosixPath(path.relative_to(root)).as_posix()
