"""What a range is started with: the settings file, the three secrets, and the order a gateway process receives.

The settings file is one JSON object; every field may be left out. Secrets never stand in it: they come on standard
input or are made here and written to a file that only its owner can read.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from console.domain.errors import EnvironmentFault, InputError
from console.simulator.faults import Fault
from console.simulator.switches import Misbehaviour
from console.simulator.world import World, world_from_object

MAX_SPEED = 60.0
MAX_SETTINGS_BYTES = 64 * 1024
SECRET_NAMES = ("control_token", "probe_token", "range_token")
_LEAST_SECRET, _LONGEST_SECRET = 16, 256


@dataclass(frozen=True, slots=True)
class RangeSettings:
    """The settings file. `trace` None: generated from `seed`; `speed` 0: no load; `state_dir` None: a temporary one.

    `policy` None is the data/ folder that belongs to this program; beyond `max_streams` open streams requests are shed.
    """

    trace: Path | None = None
    speed: float = 1.0
    seed: int = 1
    state_dir: Path | None = None
    policy: Path | None = None
    max_streams: int = 250
    misbehave: Misbehaviour = field(default_factory=Misbehaviour)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Who may command, probe, and inject faults; `repr` shows none of them."""

    control_token: str = field(repr=False)
    probe_token: str = field(repr=False)
    range_token: str = field(repr=False)


def read_settings(path: Path) -> RangeSettings:
    """The settings in a JSON file; relative paths are taken from the file's folder.

    Raises InputError naming file and field.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SETTINGS_BYTES + 1)
        value = json.loads(data) if len(data) <= MAX_SETTINGS_BYTES else None
    except OSError as error:
        raise InputError(
            f"The simulator's settings file {path} cannot be read ({error.strerror}); check the path given to --config."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The simulator's settings file {path} is not JSON ({str(error)[:80]}); correct it."
        ) from error
    if not isinstance(value, dict):
        raise InputError(
            f"The simulator's settings file {path} must hold one JSON object of at most {MAX_SETTINGS_BYTES} bytes."
        )
    return settings_from_object(value, path.parent, str(path))


def settings_from_object(value: Mapping[str, Any], folder: Path, source: str) -> RangeSettings:
    """Settings as plain JSON; `folder` is what relative paths are taken from, `source` what an error names."""
    _known(value, {one.name for one in fields(RangeSettings)}, source)
    lies = value.get("misbehave", {})
    if not isinstance(lies, Mapping):
        raise InputError(f"{source}, field misbehave: it must be an object.")
    _known(lies, {one.name for one in fields(Misbehaviour)}, f"{source}, field misbehave")
    return RangeSettings(
        trace=_path(value, "trace", folder, source),
        speed=_speed(value.get("speed", 1.0), source),
        seed=_whole(value, "seed", 1, 0, 2**53 - 1, source),
        state_dir=_path(value, "state_dir", folder, source),
        policy=_path(value, "policy", folder, source),
        max_streams=_whole(value, "max_streams", 250, 1, 10_000, source),
        misbehave=Misbehaviour(
            **{name: _flag(lies, name, source) for name in ("ack_without_effect", "drop_durable", "no_stream_cut")},
            slow_control_ms=_whole(lies, "slow_control_ms", 0, 0, 600_000, source),
        ),
    )


def _known(value: Mapping[str, Any], names: set[str], source: str) -> None:
    unknown = sorted(set(value) - names)
    if unknown:
        choices = ", ".join(sorted(names))
        raise InputError(f"{source}, field {ascii(unknown[0])[:40]}: there is no such setting; choose from {choices}.")


def _path(value: Mapping[str, Any], name: str, folder: Path, source: str) -> Path | None:
    found = value.get(name, "")
    if not isinstance(found, str) or "\0" in found:
        raise InputError(f'{source}, field {name}: it must be a path as text, or "" for the default.')
    return folder / found if found else None


def _speed(value: object, source: str) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and (value == 0 or 0.1 <= value <= MAX_SPEED)
    if not good:
        raise InputError(f"{source}, field speed: it must be 0 (no load) or a number from 0.1 to {MAX_SPEED:g}.")
    return float(value)  # type: ignore[arg-type]


def _whole(value: Mapping[str, Any], name: str, default: int, least: int, most: int, source: str) -> int:
    found = value.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise InputError(f"{source}, field {name}: it must be a whole number from {least} to {most}.")
    return found


def _flag(value: Mapping[str, Any], name: str, source: str) -> bool:
    found = value.get(name, False)
    if not isinstance(found, bool):
        raise InputError(f"{source}, field misbehave.{name}: it must be true or false.")
    return found


def secrets_from_line(line: bytes) -> Secrets:
    """The secrets in one JSON line; raises InputError without showing any of it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or set(value) != set(SECRET_NAMES):
        raise InputError(
            f"Standard input must begin with one JSON line of exactly {', '.join(SECRET_NAMES)}; nothing was started."
        )
    for name in SECRET_NAMES:
        found = value[name]
        if (
            not isinstance(found, str)
            or not found.isascii()
            or not _LEAST_SECRET <= len(found) <= _LONGEST_SECRET
            or not found.isprintable()
        ):
            raise InputError(
                f"The secret '{name}' must be {_LEAST_SECRET} to {_LONGEST_SECRET} printable ASCII characters;"
                " nothing was started."
            )
    return Secrets(**value)


def make_secrets(path: Path) -> Secrets:
    """New secrets, also written to `path` (0600) for whoever will drive the range; raises EnvironmentFault."""
    made = Secrets(*(secrets.token_urlsafe(32) for _ in SECRET_NAMES))
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(json.dumps(asdict(made)) + "\n", encoding="ascii")
    except OSError as error:
        raise EnvironmentFault(
            f"The range's secrets cannot be written to {path} ({error.strerror}); choose another state_dir."
        ) from error
    return made


@dataclass(frozen=True, slots=True)
class GatewayOrder:
    """Everything a gateway process needs to start; travels as one JSON line over its standard input."""

    port: int
    seed: int
    max_streams: int
    control_token: str = field(repr=False)
    probe_token: str = field(repr=False)
    switch_file: Path
    world: World
    misbehaviour: Misbehaviour
    faults: tuple[Fault, ...] = ()

    def as_object(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "port": self.port,
            "seed": self.seed,
            "max_streams": self.max_streams,
            "control_token": self.control_token,
            "probe_token": self.probe_token,
            "switch_file": str(self.switch_file),
            "world": self.world.as_object(),
            "misbehaviour": asdict(self.misbehaviour),
            "faults": [fault.as_object() for fault in self.faults],
        }


def gateway_order_from_object(value: Mapping[str, Any]) -> GatewayOrder:
    """The inverse of `GatewayOrder.as_object`; only our own supervisor writes it."""
    return GatewayOrder(
        port=value["port"],
        seed=value["seed"],
        max_streams=value["max_streams"],
        control_token=value["control_token"],
        probe_token=value["probe_token"],
        switch_file=Path(value["switch_file"]),
        world=world_from_object(value["world"]),
        misbehaviour=Misbehaviour(**value["misbehaviour"]),
        faults=tuple(Fault(**fault) for fault in value["faults"]),
    )
