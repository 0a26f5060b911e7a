"""What the demo's story stands on: an organisation of its own with a range, a cast and a desk."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from console.commands.children import Child
from console.commands.demo.cast import Cast, papers
from console.commands.house import House
from console.domain.errors import RefusedError
from console.evidence.age import Identity, new_identity
from console.policy import default_path, load
from console.proof.keys import SEED_BYTES, SigningKey
from console.runtime.desk import Desk
from console.runtime.probing import ProbeSettings
from console.simulator.range_client import RangeClient

RANGE = "environment.range"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the demo was asked for: trace file (None: a generated one), its speed, and the folder for the outputs."""

    trace: Path | None
    speed: float
    out: Path


class Stage(House):
    """Everything the story needs; the attributes below exist once it was entered.

    `prepare` is called with the desk before it starts. `quick`: nobody reads along, so a measurement waits for no eye
    and no finger, only for the gates themselves.
    """

    cast: Cast
    range: RangeClient
    gateway_url: str
    control_token: str
    evidence: Identity
    custodian: Identity
    escrow: Identity
    helpers: ThreadPoolExecutor

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None],
        prepare: Callable[[Desk], None] | None = None,
        quick: bool = False,
    ) -> None:
        super().__init__(load(default_path()), settings.out / "work", settings.out / "logs")
        self.settings, self.say, self.prepare, self.quick = settings, say, prepare, quick

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    @property
    def desk_folder(self) -> Path:
        """Where the desk's store is."""
        return self.work / "desk"

    def _open(self) -> None:
        self._make_folders()
        tokens = {name: secrets.token_hex(32) for name in ("control_token", "probe_token", "range_token")}
        simulator = self._start_range(tokens)
        self.range = RangeClient(simulator.ready["range_url"], tokens["range_token"])
        self.gateway_url, self.control_token = simulator.ready["url"], tokens["control_token"]
        self.found({"gateway_url": self.gateway_url})
        self.start_plane({name: tokens[name] for name in ("control_token", "probe_token")})
        self.cast, desk_key = Cast.assemble(), SigningKey(secrets.token_bytes(SEED_BYTES))
        self.evidence, self.custodian, self.escrow = new_identity(), new_identity(), new_identity()
        self.certify(papers(self.cast, desk_key))
        looks = ProbeSettings(
            inventory=self.policy.inventory,
            urls={RANGE: self.gateway_url},
            token=lambda _: tokens["probe_token"],  # in memory, for this exercise only
        )
        self.open_desk(desk_key, len(self.cast.keys), self.prepare, looks)
        self.helpers = self.closing.enter_context(ThreadPoolExecutor(2, "demo"))

    def _make_folders(self) -> None:
        out = self.settings.out
        if out.exists() and any(out.iterdir()):
            raise RefusedError(f"The folder {out} is not empty; name another one with --out, nothing is overwritten.")
        for folder in (self.work, self.logs):
            folder.mkdir(parents=True, mode=0o700)

    def _start_range(self, tokens: dict[str, str]) -> Child:
        trace = str(self.settings.trace.resolve()) if self.settings.trace else ""
        config = self.work / "range.json"
        wanted = {"trace": trace, "speed": self.settings.speed, "state_dir": str(self.work / "range")}
        config.write_text(json.dumps(wanted), "utf-8")
        arguments = ["simulator", "run", "--config", str(config), "--port", "0", "--secrets-stdin"]
        return self.start_child("simulator", arguments, tokens)
