"""Where each back-end of an organisation is found: one table of the plane's settings file a back-end, none left out.

A table that is absent means that the plane does not drive that back-end. Passwords and tokens never stand here; they
come with the plane's secrets under the same name (`settings.Secrets.of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HaproxySettings:
    """The gateway HAProxy: `socket` is its stats socket at level admin, `maps` the folder of its map files.

    `probe_url` is the address at which callers reach the AI service through it.
    """

    socket: Path
    maps: Path
    probe_url: str


@dataclass(frozen=True)
class OfrepSettings:
    """The plane's own OFREP server, asked by applications; `probe_url` is where they reach it, "" means this plane."""

    probe_url: str = ""


@dataclass(frozen=True)
class PostgresSettings:
    """A PostgreSQL with pgvector that holds an index; `host` a name, an address or the folder of a socket.

    `user` may change the provisioned switch tables and end other sessions; `probe_user` is an ordinary ingest role.
    Another machine is reached over TLS only, its certificate checked against `tls_ca` (None: the system's authorities).
    """

    host: str
    port: int = 5432
    database: str = "postgres"
    user: str = "console_switch"
    probe_user: str = "console_probe"
    tls_ca: Path | None = None


@dataclass(frozen=True)
class OpenBaoSettings:
    """OpenBao (or a Vault), where tools get their credentials; a tool's token role is `role` and the tool's name.

    `database` is the mount of the engine that makes their database logins, under the same names ("": none is driven);
    `tls_ca` the authority of its certificate (None: the system's).
    """

    url: str
    role: str = "tool-"
    database: str = ""
    tls_ca: Path | None = None


@dataclass(frozen=True)
class RedisSettings:
    """The Redis that holds semantic cache and budgets; `socket` a path, else `host` and `port`."""

    socket: Path | None = None
    host: str = "127.0.0.1"
    port: int = 6379
    user: str = "console"


@dataclass(frozen=True)
class WebhookSettings:
    """Any system that takes signed webhooks; `url` takes the call, `state_url` says what it holds ("": nothing does).

    `probe_url` answers to a request that the switch, when stopped, must refuse; "" when there is none.
    `allow` lists private addresses or networks that these names may lead to, as "10.1.2.3" or "10.1.2.0/24".
    """

    url: str
    state_url: str = ""
    probe_url: str = ""
    allow: tuple[str, ...] = ()
