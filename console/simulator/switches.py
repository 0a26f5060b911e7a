"""The gateway's durable switch state: what is stopped, under which generation, by which command.

A stop takes effect first and becomes durable second; a restore becomes durable first and takes effect second: whatever
fails in between, it fails stopped. A file that is missing or cannot be trusted means that everything is stopped until
each switch is set again (polarity: "running" only when known).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from console.domain.errors import EnvironmentFault
from console.domain.switches import RUNNING, STOPPED, WANTS
from console.simulator.durable import write_durably

FILE_VERSION = 1
LEDGER_ENTRIES = 256
"""Commands remembered with their answers; an older one that comes again is stale by its generation anyway."""

_MAX_FILE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SwitchState:
    """One switch on one target; `generation` 0 and `command_id` "" mean: never commanded."""

    switch: str
    target: str
    state: str
    generation: int
    command_id: str
    set_at: str

    def as_object(self) -> dict[str, Any]:
        """As the control API and the file hold it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SwitchOrder:
    """A wanted state as the control API received it."""

    switch: str
    target: str
    want: str
    generation: int
    command_id: str


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Ways in which this gateway lies on purpose, so that those who drive it can prove that they notice.

    `ack_without_effect` answers "applied" and changes nothing at the data path; `drop_durable` answers "durable" and
    writes nothing; `no_stream_cut` counts streams as cut and leaves them open; `slow_control_ms` holds the answer to a
    switch command back after it took effect.
    """

    ack_without_effect: bool = False
    drop_durable: bool = False
    no_stream_cut: bool = False
    slow_control_ms: int = 0


class StaleOrder(Exception):
    """The generation asked for is not above the one held; `held` is that one."""

    def __init__(self, held: int) -> None:
        super().__init__(held)
        self.held = held


class ReusedCommand(Exception):
    """The command id was used before for something else."""


class SwitchBoard:
    """The states of all pairs, kept on disk; `revision` grows with every change that the data path must see.

    `problem` is "" or the sentence that says why everything is stopped. One process writes the file at a time: the
    supervisor holds the folder's lock.
    """

    def __init__(self, path: Path, pairs: Iterable[tuple[str, str]], misbehaviour: Misbehaviour | None = None) -> None:
        self.path = path
        self.problem = ""
        self.revision = 0
        self._lies = misbehaviour or Misbehaviour()
        self._states = {(s, t): SwitchState(s, t, STOPPED, 0, "", "") for s, t in sorted(pairs)}
        self._ledger: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._doubtful: set[tuple[str, str]] = set(self._states)

    def provision(self, now: str) -> None:
        """Writes the very first file: everything running, generation 0. For the supervisor, once for a folder.

        Raises EnvironmentFault when the file cannot be written.
        """
        states = {pair: replace(state, state=RUNNING, set_at=now) for pair, state in self._states.items()}
        try:
            self._write(states, {})
        except OSError as error:
            raise EnvironmentFault(
                f"The switch file {self.path} cannot be written ({error.strerror});"
                " free space or choose another state_dir."
            ) from error

    def open(self) -> None:
        """Takes over what the file holds; on any doubt everything stays stopped and `problem` says why."""
        try:
            states, self._ledger = _read(self.path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.problem = (
                f"The switch file {self.path.name} is missing or damaged ({_reason(error)}), so everything is stopped;"
                " set each switch again."
            )
        else:
            self._states.update({pair: states[pair] for pair in self._states if pair in states})
            self._doubtful -= set(states)
            if self._doubtful:
                new = ", ".join(sorted(f"{s} on {t}" for s, t in self._doubtful))
                self.problem = f"The switch file does not know {new[:200]}, so that is stopped; set it again."
        self.revision += 1

    def states(self) -> list[SwitchState]:
        """Every pair, sorted: what this process believes."""
        return list(self._states.values())

    def durable_states(self) -> list[SwitchState] | None:
        """Every pair as the file holds it now; None when it cannot be read."""
        try:
            states, _ = _read(self.path)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return [states[pair] for pair in sorted(states)]

    def stopped(self) -> list[SwitchState]:
        """The pairs that the data path must honour as stopped."""
        if self._lies.ack_without_effect:
            return []
        return [state for state in self._states.values() if state.state == STOPPED]

    def knows(self, switch: str, target: str) -> bool:
        """Whether this gateway enforces `switch` on `target`."""
        return (switch, target) in self._states

    def answer_to(self, order: SwitchOrder) -> dict[str, Any] | None:
        """The answer given to this command before; raises ReusedCommand when its id was used for something else."""
        entry = self._ledger.get(order.command_id)
        if entry is None:
            return None
        if entry["order"] != asdict(order):
            raise ReusedCommand
        return dict(entry["answer"])

    async def apply(self, order: SwitchOrder, now: str, cut: Callable[[SwitchState], int]) -> dict[str, Any]:
        """Sets a known pair and returns the answer; `cut` ends the open streams a stop reaches and counts them.

        One call at a time: the caller sees to it. The file is written on another thread, so that a slow disk delays
        the answer but neither the effect of a stop nor the traffic.

        Raises StaleOrder for a generation that is not above the one held, EnvironmentFault when the state cannot be
        made durable (then a stop holds in memory and a restore did not happen).
        """
        pair = (order.switch, order.target)
        held = self._states[pair]
        retried = held.generation == order.generation and held.command_id == order.command_id
        if order.generation <= held.generation and not retried:
            raise StaleOrder(held.generation)
        state = SwitchState(order.switch, order.target, order.want, order.generation, order.command_id, now)
        streams_cut = 0
        if order.want == STOPPED:
            self._take_effect(state)
            streams_cut = cut(state)
        answer = {
            "applied": True,
            "state": order.want,
            "generation": order.generation,
            "streams_cut": streams_cut,
            "durable": True,
        }
        ledger = {**self._ledger, order.command_id: {"order": asdict(order), "answer": answer}}
        if not self._lies.drop_durable:
            try:
                kept = dict(list(ledger.items())[-LEDGER_ENTRIES:])
                await asyncio.to_thread(self._write, {**self._states, pair: state}, kept)
            except OSError as error:
                raise EnvironmentFault(
                    f"The state of {order.switch} on {order.target} could not be written ({error.strerror});"
                    f" {'it is stopped, but not past a restart' if order.want == STOPPED else 'it stays stopped'}."
                ) from error
        self._take_effect(state)
        self._doubtful.discard(pair)
        if not self._doubtful:
            self.problem = ""
        self._ledger[order.command_id] = ledger[order.command_id]
        while len(self._ledger) > LEDGER_ENTRIES:
            self._ledger.popitem(last=False)
        return dict(answer)

    def _take_effect(self, state: SwitchState) -> None:
        if self._states[(state.switch, state.target)] != state:
            self._states[(state.switch, state.target)] = state
            self.revision += 1

    def _write(self, states: Mapping[tuple[str, str], SwitchState], ledger: Mapping[str, Any]) -> None:
        body = {
            "v": FILE_VERSION,
            "switches": [states[pair].as_object() for pair in sorted(states)],
            "ledger": [[command_id, entry] for command_id, entry in ledger.items()],
        }
        text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        write_durably(self.path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def _read(path: Path) -> tuple[dict[tuple[str, str], SwitchState], OrderedDict[str, dict[str, Any]]]:
    with path.open("rb") as file:
        data = file.read(_MAX_FILE + 1)
    digest, _, text = data.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise ValueError("its checksum does not match")
    body = json.loads(text)
    if body["v"] != FILE_VERSION:
        raise ValueError(f"version {body['v']} is not {FILE_VERSION}")
    states = [SwitchState(**entry) for entry in body["switches"]]
    if any(state.state not in WANTS for state in states):
        raise ValueError("a state is neither stopped nor running")
    return {(s.switch, s.target): s for s in states}, OrderedDict(
        (command_id, entry) for command_id, entry in body["ledger"]
    )


def _reason(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)[:80] or type(error).__name__
