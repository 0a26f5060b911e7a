"""The stage of a conformance run: every real back-end that can run here, a range, a plane that drives them, a desk."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from console.commands.conformance.ground import Crew, stand_policy
from console.commands.house import House
from console.domain.errors import RefusedError
from console.plane.settings import PlaneSettings, Secrets, read_settings, secrets_from_line
from console.policy import load
from console.proof.keys import SEED_BYTES, SigningKey
from console.simulator.range_client import RangeClient
from console.simulator.stand import haproxy, openbao, postgres, receiver, redis
from console.simulator.stand.standing import Standing

SIMULATOR, OFREP = "simulator", "ofrep"
STANDS: Mapping[str, tuple[Callable[[], str], Callable[[Path], Standing]]] = {
    "haproxy": (haproxy.missing, haproxy.HaproxyStand),
    "postgres": (postgres.missing, postgres.PostgresStand),
    "openbao": (openbao.missing, openbao.OpenBaoStand),
    "redis": (redis.missing, redis.RedisStand),
    "webhook": (receiver.missing, receiver.ReceiverStand),
}
"""Adapter -> why its back-end cannot run here ("" when it can), and what starts it in a folder."""


class Stage(House):
    """The stage in `out`, which must be empty; the attributes below exist once it was entered.

    `stands` are the real back-ends by adapter, `skipped` those that cannot run here and why, `ready_s` the seconds
    until all of them answered.
    """

    crew: Crew
    range: RangeClient
    stands: dict[str, Standing]
    skipped: Mapping[str, str]
    ready_s: float

    def __init__(self, out: Path) -> None:
        if out.exists() and any(out.iterdir()):
            raise RefusedError(f"The folder {out} is not empty; name another one with --out, nothing is overwritten.")
        work, logs = out / "work", out / "logs"
        for folder in (work, logs):
            folder.mkdir(parents=True, mode=0o700)
        super().__init__(load(stand_policy(work / "policy")), work, logs)

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    @property
    def plane_settings(self) -> PlaneSettings:
        """What the plane was started with."""
        return read_settings(self.work / "plane.json")

    @property
    def plane_secrets(self) -> Secrets:
        """The secrets it was given."""
        return secrets_from_line(json.dumps(self._given).encode())

    def restart(self, adapter: str) -> None:
        """Kills that back-end as a crash does and starts it again; of the range, its gateway."""
        if adapter == SIMULATOR:
            self.range.restart_gateway("KILL")
        elif adapter == OFREP:
            self.restart_plane(self._given)
        else:
            self.stands[adapter].kill()
            self.stands[adapter].restart()

    def _open(self) -> None:
        began = time.monotonic()
        self._start_stands()
        tokens = {name: secrets.token_hex(32) for name in ("control_token", "probe_token", "range_token")}
        url = self._start_range(tokens)
        self.ready_s = time.monotonic() - began
        client_token = {OFREP: {"client_token": secrets.token_hex(32)}}
        self._given: dict[str, Any] = {name: tokens[name] for name in ("control_token", "probe_token")} | client_token
        self._given |= {name: dict(stand.secrets) for name, stand in self.stands.items()}
        tables = {name: _plain(stand.settings) for name, stand in self.stands.items()}
        self.found({"gateway_url": url, "policy": str(self.work / "policy"), OFREP: {}} | tables)
        self.start_plane(self._given)
        self.crew, desk_key = Crew.assemble(), SigningKey(secrets.token_bytes(SEED_BYTES))
        owners = [switch.owner_role for switch in self.policy.switches.switches.values()]
        self.certify(self.crew.papers(desk_key, [*owners, "incident_commander"]))
        self.open_desk(desk_key, len(self.crew.keys))

    def _start_stands(self) -> None:
        self.skipped = {name: why for name, (missing, _) in STANDS.items() if (why := missing())}
        self.stands = {name: start(self.work / name) for name, (_, start) in STANDS.items() if name not in self.skipped}
        database = self.stands.get("postgres")
        if openbao.NAME in self.stands and isinstance(database, postgres.PostgresStand):
            # it mints logins of that very database, so that sessions are seen to end with them
            self.stands[openbao.NAME] = openbao.OpenBaoStand(self.work / openbao.NAME, database=database)
        for stand in self.stands.values():
            self.closing.callback(stand.close)
        later = self.stands.get(openbao.NAME)
        with ThreadPoolExecutor(len(STANDS), "stands") as pool:
            for done in [pool.submit(stand.start) for stand in self.stands.values() if stand is not later]:
                done.result()
        if later is not None:
            later.start()

    def _start_range(self, tokens: Mapping[str, str]) -> str:
        config = self.work / "range.json"
        config.write_text(
            json.dumps({"state_dir": str(self.work / "range"), "policy": str(self.work / "policy")}), "utf-8"
        )
        arguments = ["simulator", "run", "--config", str(config), "--port", "0", "--secrets-stdin"]
        ready = self.start_child("simulator", arguments, tokens).ready
        self.range = RangeClient(ready["range_url"], tokens["range_token"])
        return str(ready["url"])


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in table.items()}
