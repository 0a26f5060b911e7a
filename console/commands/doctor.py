"""`incident-console doctor`: what is missing on this machine and what to do about it, one line an item.

*missing* means that the demo cannot run (exit code 1), *warning* that something else cannot or is less safe (0).
Nothing is installed, written or sent.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from console import logs, paths
from console.domain.errors import EnvironmentFault
from console.remote import keychain

OLDEST_PYTHON = (3, 11)
DEMO_BYTES = 300_000_000
WORK_BYTES = 5_000_000_000

PROGRAMS = {  # what a stranger needs to verify a package by hand, and the Debian package that brings it
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "xxd": "xxd",
    "sha256sum": "coreutils",
    "age": "age",
}
QT_LIBRARIES = {  # what Qt needs even without a screen
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
}
WINDOW_LIBRARIES = {  # what a real window needs besides
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
WITHOUT_ROOT = "without root: `apt-get download` them, `dpkg -x` each into a folder, and add its usr/{} to {}"

State = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Finding:
    """One item: its name, its state, what was found, and what to do (empty when nothing)."""

    name: str
    state: State
    found: str
    todo: str = ""


def python() -> Finding:
    """Look at the interpreter's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Finding("python", "ok", found)
    return Finding("python", "missing", found, "install Python 3.11 or newer and make the environment again")


def sqlite() -> Finding:
    """Look at the SQLite library that the store would use."""
    from console.store import _sqlite

    try:
        connection = _sqlite.connect_memory()
    except EnvironmentFault as fault:
        return Finding("sqlite", "missing", "too old", fault.sentence)
    with contextlib.closing(connection):
        return Finding("sqlite", "ok", connection.execute("SELECT sqlite_version()").fetchone()[0])


def loopback() -> Finding:
    """Try a connection to a free port of this machine, as the demo's plane and range need it."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), timeout=2):
                return Finding("loopback", "ok", f"127.0.0.1 answers, port {port} was free")
    except OSError as error:
        todo = "bring the loopback interface up (`ip link set lo up`) and allow connections to 127.0.0.1"
        return Finding("loopback", "missing", str(error), todo)


def disk() -> Finding:
    """Look at the room and the right to write where the store lies, and where the demo works."""
    folders = {_existing(paths.store_dir()), _existing(Path(tempfile.gettempdir()))}
    for folder in folders:
        if not os.access(folder, os.W_OK | os.X_OK):
            return Finding("disk", "missing", f"{folder} cannot be written", "make it yours, or set HOME and TMPDIR")
    folder, free = min(((one, shutil.disk_usage(one).free) for one in folders), key=lambda pair: pair[1])
    found = f"{free / 1e9:.1f} GB free at {folder}"
    if free < DEMO_BYTES:
        return Finding("disk", "missing", found, f"free {DEMO_BYTES / 1e9:g} GB for the demo, more for real work")
    if free < WORK_BYTES:
        return Finding("disk", "warning", found, f"enough for the demo; real evidence wants {WORK_BYTES / 1e9:g} GB")
    return Finding("disk", "ok", found)


def encryption() -> Finding:
    """Say whether the disk under the store looks encrypted; captured evidence is encrypted in any case."""
    name, folder = "disk encryption", _existing(paths.store_dir())
    encrypted = disk_encrypted(folder)
    if encrypted:
        return Finding(name, "ok", f"{folder} lies on an encrypted device")
    found = f"no sign of it under {folder}" if encrypted is False else f"cannot tell for {folder}"
    return Finding(name, "warning", found, "encrypt the disk: search index and drafts lie there in plain text")


def disk_encrypted(folder: Path, sys_block: Path = Path("/sys/dev/block")) -> bool | None:
    """Return whether `folder` lies on a dm-crypt device (Linux), None where that cannot be seen."""
    number = folder.stat().st_dev
    device = sys_block / f"{os.major(number)}:{os.minor(number)}"
    return _encrypted(device) if device.exists() else None


def _encrypted(device: Path) -> bool:
    uuid = device / "dm" / "uuid"
    if uuid.exists() and uuid.read_text().startswith("CRYPT-"):
        return True
    below = device / "slaves"
    return below.is_dir() and any(_encrypted(one) for one in below.iterdir())


def keyring() -> Finding:
    """Ask the pinned keyring whether it answers, for at most 3 s."""
    usable, found = keychain.describe_backend()
    if usable:
        return Finding("keyring", "ok", found)
    return Finding("keyring", "warning", found, "install and unlock GNOME Keyring, KWallet or KeePassXC")


def programs() -> Finding:
    """Look for the programs with which a stranger verifies a package."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if not absent:
        return Finding("programs", "ok", ", ".join(PROGRAMS))
    todo = _install((PROGRAMS[name] for name in absent), "bin", "PATH")
    return Finding(
        "programs", "warning", f"no {', '.join(absent)}", f"needed to verify by hand and by the tests: {todo}"
    )


def qt() -> Finding:
    """Look for the system libraries of the desk's window."""
    if sys.platform != "linux":
        return Finding("window libraries", "ok", "they come with the program on this system")
    absent = [name for name in QT_LIBRARIES | WINDOW_LIBRARIES if not _loads(name)]
    if not absent:
        return Finding("window libraries", "ok", "all found")
    packages = [(QT_LIBRARIES | WINDOW_LIBRARIES)[name] for name in absent]
    todo = _install(packages, "lib/*-linux-gnu", "LD_LIBRARY_PATH")
    return Finding("window libraries", "warning", f"no {', '.join(absent)}", f"not needed headless: {todo}")


def display() -> Finding:
    """Say whether there is a screen to open a window on."""
    if sys.platform != "linux" or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"):
        return Finding("display", "ok", "there is one")
    return Finding("display", "ok", "none: everything runs headless")


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    sqlite,
    loopback,
    disk,
    encryption,
    keyring,
    programs,
    qt,
    display,
)


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _install(packages: Iterable[str], folder: str, variable: str) -> str:
    return f"`apt-get install {' '.join(packages)}`; {WITHOUT_ROOT.format(folder, variable)}"


app = typer.Typer()


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of {name, state, found, todo}.")] = False,
) -> None:
    """Say what is missing on this machine and what to do about it; exit code 1 when the demo cannot run."""
    findings = [check() for check in CHECKS]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            line = f"{finding.state:8} {finding.name:17} {finding.found}"
            print(logs.neutral(line + (f" - {finding.todo}" if finding.todo else "")))
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)
