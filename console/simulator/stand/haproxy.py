"""A real HAProxy before two small AI servers, provisioned by the file that the onboarding page gives to organisations.

Killing it leaves the map files as they were: what they say is what it starts with again.
"""

from __future__ import annotations

import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from console.domain.errors import EnvironmentFault
from console.simulator.stand.child import Child
from console.simulator.stand.ports import free_port, takes_calls
from console.simulator.web import HOST

TEMPLATE = Path(__file__).parents[2] / "plane" / "adapters" / "onboarding" / "haproxy.cfg"
MODELS = ("model.stable", "model.canary")
READY_WITHIN_S = 15.0
_LONGEST_SOCKET = 85
"""A socket's path ends at 107 bytes, and HAProxy adds its process id and a word to it while it binds."""
_PLAIN = re.compile(r"[A-Za-z0-9_./:-]+")


def program() -> str:
    """Where HAProxy is, "" when it is not installed."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin") or ""


def missing() -> str:
    """Why it cannot run here, "" when it can."""
    return "" if program() else "HAProxy is not installed; install the package haproxy (2.6 or later)."


class HaproxyStand:
    """HAProxy with `model.stable` and `model.canary` behind it, for these tenants of one environment."""

    name = "haproxy"

    def __init__(
        self,
        folder: Path,
        environment: str = "environment.stand",
        tenants: Sequence[str] = ("tenant.fjord", "tenant.glacier"),
    ) -> None:
        self.folder = folder
        self._environment, self._tenants = environment, tuple(tenants)
        self._ports: dict[str, int] = {}
        self._children: list[Child] = []
        self._short: Path | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plane's settings table for it."""
        return {
            "socket": str(self._socket),
            "maps": str(self.folder / "maps"),
            "probe_url": f"http://{HOST}:{self._ports['gateway']}/v1/chat",
        }

    @property
    def secrets(self) -> Mapping[str, str]:
        """None: its socket is kept by the rights of its file."""
        return {}

    def start(self) -> None:
        """Write maps (unless there are some) and configuration, start the servers and HAProxy."""
        if reason := missing():
            raise EnvironmentFault(reason)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._provision_maps()
        if not self._ports:
            self._ports = {name: free_port() for name in ("gateway", *MODELS)}
        config = self.folder / "haproxy.cfg"
        config.write_text(self._configuration(), encoding="utf-8")
        try:
            for model in MODELS:
                words = ["-m", "console.simulator.stand.origin", "--model", model, "--port", str(self._ports[model])]
                self._children.append(Child([sys.executable, *words], self.folder, self.folder / f"{model}.log"))
            for model, child in zip(MODELS, self._children, strict=True):
                child.wait_until(partial(takes_calls, self._ports[model]), READY_WITHIN_S, model)
            gateway = Child([program(), "-f", str(config), "-db"], self.folder, self.folder / "haproxy.log")
            self._children.append(gateway)
            gateway.wait_until(partial(_answers, self._socket), READY_WITHIN_S, "HAProxy")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL to HAProxy and to the servers behind it."""
        while self._children:
            self._children.pop().kill()

    def restart(self) -> None:
        """Start again on the maps as they lie there."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End everything."""
        self.kill()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None

    @property
    def _socket(self) -> Path:
        wanted = self.folder / "admin.sock"
        if len(str(wanted)) <= _LONGEST_SOCKET:
            return wanted
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="stand-"))
        return self._short / "admin.sock"

    def _provision_maps(self) -> None:
        maps = self.folder / "maps"
        maps.mkdir(mode=0o700, exist_ok=True)
        rows = {"kill.map": (self._environment,), "tenants.map": self._tenants, "routes.map": ("model.canary",)}
        for name, ids in rows.items():
            if not (maps / name).exists():
                (maps / name).write_text("".join(f"{one} running|0|-\n" for one in ids), encoding="utf-8")

    def _configuration(self) -> str:
        words = {
            "SOCKET": str(self._socket),
            "MAPS": str(self.folder / "maps"),
            "BIND": f"{HOST}:{self._ports['gateway']}",
            "ENVIRONMENT": self._environment,
            "STABLE": f"{HOST}:{self._ports['model.stable']}",
            "CANARY": f"{HOST}:{self._ports['model.canary']}",
        }
        text = TEMPLATE.read_text(encoding="utf-8")
        for word, value in words.items():
            if not _PLAIN.fullmatch(value):
                raise EnvironmentFault(f"HAProxy cannot be given {ascii(value)[:60]}; use a plainer folder.")
            text = text.replace(f"@{word}@", value)
        return text


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            probe.connect(str(path))
            probe.sendall(b"show info\n")
            return probe.recv(64).startswith(b"Name:")
    except OSError:
        return False
