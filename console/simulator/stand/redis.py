"""A real Redis for the range: on a socket in its own folder, without a port, provisioned by the onboarding files.

Passwords are made anew for each folder; the server sees their hashes only, the admin's is kept beside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from redis import Redis
from redis.exceptions import RedisError

from console.domain.budgets import MEASURES, Caps
from console.domain.errors import EnvironmentFault

READY_S = 10.0
"""Seconds that it may take to answer."""
SWITCHES = ("FF_CACHE_BYPASS", "FF_TOKEN_BUDGET")

_CAPS = Caps(turns=10, input_tokens=100_000, writes=5, micro_usd=5_000_000)
_ONBOARDING = Path(__file__).parents[2] / "plane" / "adapters" / "onboarding"
_PASSWORDS = ("admin", "console", "probe", "gateway", "session")
_LONGEST_SOCKET = 100
_STEP_S = 0.005
_WITH_US = '("$0" "$1" </dev/null; kill -9 0) & cat >/dev/null; kill -9 0'
"""The whole group ends with the server, and with us: our end of its standard input closes however we end."""


def missing() -> str:
    """Why it cannot run here, "" when it can."""
    return "" if _server() else "redis-server is not installed (apt: redis-server)"


class RedisStand:
    """One redis-server with its append-only file in `folder`.

    It is provisioned for `tenants` (inventory ids), each with a user and budgets of its own, and their `environment`;
    without any, for those of `systems.yml`.
    """

    name = "redis"

    def __init__(self, folder: Path, tenants: Sequence[str] = (), environment: str = "", caps: Caps = _CAPS) -> None:
        self.folder = folder.absolute()
        self._caps = caps
        self.tenants, self.environment = tuple(tenants), environment
        if not tenants:
            self.tenants, self.environment = _of_the_stand()
        self._passwords: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._short_folder: Path | None = None

    @property
    def socket(self) -> Path:
        """Where it listens: in its folder, or in a temporary one where that path is too long for a socket."""
        return (self._short_folder or self.folder) / "redis.sock"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plane's settings table for it."""
        return {"socket": str(self.socket), "user": "console"}

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plane's secrets for it."""
        found = self._passwords
        return {
            "password": found["console"],
            "probe_password": found["probe"],
            "session_password": found["session"],
        }

    @property
    def gateway_password(self) -> str:
        """With which the gateway of a tenant is its user (the user's name is the tenant's id)."""
        return self._passwords["gateway"]

    def start(self) -> None:
        """Provision a new folder, start the server, load library and switches; raises EnvironmentFault."""
        if len(str(self.socket)) > _LONGEST_SOCKET:
            self._short_folder = Path(tempfile.mkdtemp(prefix="redis-"))
        is_new = not (self.folder / "users.acl").exists()
        if is_new:
            self._write_files()
        self._launch()
        if is_new:
            with self.admin() as redis:
                self._provision(redis)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def restart(self) -> None:
        """Start it again on its append-only file."""
        self.kill()
        self._launch()

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self.socket.unlink(missing_ok=True)
        if self._short_folder is not None:
            self._short_folder.rmdir()
            self._short_folder = None

    def admin(self) -> Redis:
        """A connection that may do anything, for provisioning; close it after use."""
        return self.client("admin", self._passwords["admin"])

    def client(self, user: str, password: str) -> Redis:
        """A connection as `user`; close it after use."""
        return Redis(
            unix_socket_path=str(self.socket),
            username=user,
            password=password,
            protocol=2,
            decode_responses=True,
            socket_timeout=READY_S,
            driver_info=None,
        )

    def _write_files(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._passwords = {name: secrets.token_urlsafe(24) for name in _PASSWORDS}
        users = self._users((_ONBOARDING / "redis.acl").read_text(encoding="utf-8"))
        log = self.folder / "redis.log"
        own = f"port 0\nunixsocket {self.socket}\nunixsocketperm 700\ndir {self.folder}\nlogfile {log}\n"
        for name, text in (
            ("users.acl", users),
            ("redis.conf", (_ONBOARDING / "redis.conf").read_text(encoding="utf-8") + own),
        ):
            file = self.folder / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")

    def _users(self, pattern: str) -> str:
        for name, password in self._passwords.items():
            pattern = pattern.replace(f"@{name}@", hashlib.sha256(password.encode()).hexdigest())
        lines = []
        for line in pattern.splitlines():
            lines += [line.replace("@tenant@", tenant) for tenant in self.tenants] if "@tenant@" in line else [line]
        return "\n".join(lines) + "\n"

    def _provision(self, redis: Redis) -> None:
        redis.function_load((_ONBOARDING / "budget.lua").read_text(encoding="utf-8"))
        caps = self._caps
        for measure in MEASURES:
            redis.hset("caps", measure, str(getattr(caps, measure)))
        for target in (self.environment, *self.tenants):
            for switch in SWITCHES:
                redis.hsetnx(f"switch:{target}", switch, "running 0 -")
            redis.hset(f"switch:{target}", "environment", self.environment)

    def _launch(self) -> None:
        server = _server()
        if not server:
            raise EnvironmentFault(f"Redis cannot be started: {missing()}.")
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: S603 - our own file, found on the path
            ["/bin/sh", "-c", _WITH_US, server, str(self.folder / "redis.conf")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        with self.admin() as redis:
            while True:
                try:
                    redis.ping()
                except (RedisError, OSError) as error:
                    ended = self._process is not None and self._process.poll() is not None
                    if ended or time.monotonic() > deadline:
                        self.kill()
                        raise EnvironmentFault(
                            f"Redis did not start in {self.folder}; {self.folder}/redis.log says why."
                        ) from error
                    time.sleep(_STEP_S)
                else:
                    return


def _of_the_stand() -> tuple[tuple[str, ...], str]:
    """Tenants and environment of the systems that the range acts on."""
    systems = yaml.safe_load((Path(__file__).parent / "systems.yml").read_text(encoding="utf-8"))
    return tuple(name for name in systems["items"] if name.startswith("tenant.")), systems["environment"]


def _server() -> str:
    return shutil.which("redis-server", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/bin") or ""
