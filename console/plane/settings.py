"""What a plane is told when it starts: a settings file, secrets, and where its database and keys lie.

Secrets (the control and probe tokens of the back-end) come as one JSON line on standard input or from a file that only
its owner may read; never from the settings file, the command line or the environment.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console import config
from console.domain.errors import InputError
from console.plane.back_end_settings import (
    HaproxySettings,
    OfrepSettings,
    OpenBaoSettings,
    PostgresSettings,
    RedisSettings,
    WebhookSettings,
)

HOST = "127.0.0.1"
"""The address a plane listens on, and the only one without TLS."""

BACK_ENDS = ("haproxy", "ofrep", "postgres", "openbao", "redis", "webhook")
"""Back-ends that have a table of their own in settings and secrets, by adapter name."""

_MAX_SECRETS = 16 * 1024
_SECRET_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class PlaneSettings:
    """A plane's settings file (TOML or JSON).

    Attributes:
        database: path of a SQLite file, or the URL of a database server; "" means the usual place.
        policy: folder of the organisation's data; None means the one that is shipped.
        gateway_url: address of the gateway that the adapter "simulator" drives; "" means none.
        host: IP address to listen on; another than the loopback only with TLS.
        port: port to listen on; 0 picks a free one.
        tls_cert: the plane's certificate (PEM, with what leads to its authority); None means no TLS.
        tls_key: the certificate's key, readable by its owner alone.
        secrets: file with the secrets, readable by its owner alone; None when they come over standard input.
        device_key: the plane's own key; None means beside the database.
        organisation: the name the organisation is founded under.
        haproxy, ofrep, postgres, openbao, redis, webhook: where each other back-end is; None means that there is none.
    """

    database: str = ""
    policy: Path | None = None
    gateway_url: str = ""
    host: str = HOST
    port: int = 8443
    tls_cert: Path | None = None
    tls_key: Path | None = None
    secrets: Path | None = None
    device_key: Path | None = None
    organisation: str = "Example organisation"
    haproxy: HaproxySettings | None = None
    ofrep: OfrepSettings | None = None
    postgres: PostgresSettings | None = None
    openbao: OpenBaoSettings | None = None
    redis: RedisSettings | None = None
    webhook: WebhookSettings | None = None

    @property
    def drives_something(self) -> bool:
        """Whether any back-end is named."""
        return bool(self.gateway_url) or any(getattr(self, name) is not None for name in BACK_ENDS)


@dataclass(frozen=True)
class Secrets:
    """The tokens of the back-ends; "" when there is none. They never appear in `repr`, a log or an answer.

    The first two are the gateway's of the range; `back_ends` holds those of the others by back-end and name.
    """

    control_token: str = field(default="", repr=False)
    probe_token: str = field(default="", repr=False)
    back_ends: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def of(self, back_end: str, name: str) -> str:
        """The secret of that name of one back-end, "" when it was not given."""
        return self.back_ends.get(back_end, {}).get(name, "")


def read_settings(path: Path | None) -> PlaneSettings:
    """The settings in `path` (defaults without one).

    Raises `config.SettingsError` or InputError naming file and field.
    """
    if path is None:
        return PlaneSettings()
    found = config.read(path, PlaneSettings)
    if not 0 <= found.port <= 65535:
        raise InputError(f"{path}: port must be a number from 0 to 65535.")
    if found.gateway_url:
        _check_gateway(found.gateway_url, path)
    return found


def secrets_from_line(line: bytes) -> Secrets:
    """The secrets on one JSON line: tokens by name, and a table of them for each back-end of `BACK_ENDS`.

    Raises InputError without ever quoting it.
    """
    try:
        value = json.loads(line[:_MAX_SECRETS]) if line.strip() else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError('The secrets must be one JSON object on one line, for example {"control_token": "..."}.')
    tokens = {name: value[name] for name in ("control_token", "probe_token") if name in value}
    if not all(_is_secret(secret) for secret in tokens.values()):
        raise InputError("Every secret must be plain text in one line; correct control_token and probe_token.")
    tables = {name: _back_end_secrets(name, given) for name, given in value.items() if isinstance(given, dict)}
    return Secrets(**tokens, back_ends=tables)


def _back_end_secrets(name: str, given: dict[str, Any]) -> dict[str, str]:
    if name not in BACK_ENDS:
        raise InputError(f"The secrets hold a table for a back-end that is none; choose from {', '.join(BACK_ENDS)}.")
    if not all(_SECRET_NAME.fullmatch(key) and _is_secret(secret) for key, secret in given.items()):
        raise InputError(
            f"The secrets of {name} must be names in small letters, each with plain text in one line; correct them."
        )
    return given


def _is_secret(given: object) -> bool:
    return isinstance(given, str) and given.isascii() and given.isprintable()


def secrets_from_file(path: Path) -> Secrets:
    """The secrets in `path`; raises InputError when it cannot be read or others than its owner may read it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InputError(
                f"{path} can be read by others than its owner; run `chmod 600` on it and change the secrets."
            )
        return secrets_from_line(path.read_bytes())
    except OSError as error:
        raise InputError(f"The secrets in {path} cannot be read: {error.strerror}.") from error


def _check_gateway(url: str, path: Path) -> None:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.username or parts.query:
        raise InputError(f"{path}: gateway_url must be an http address on this machine, like http://127.0.0.1:8080.")
