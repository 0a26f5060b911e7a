"""A desk that looks for itself, after its own orders and when a person asks, by the request that the plane sends too.

On a thread of its own, never the writer's or the window's. What it meets is an event of this desk and changes nothing
of a command: a path that cannot be reached from here is said, and is no failure (design.md, *Commands*).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.actions.sightings import record_own_look
from console.config import ProbeTable
from console.domain.changes import Changes
from console.domain.commands import DISPATCHED, VERIFIED
from console.domain.commands import UNKNOWN as NOBODY_KNOWS
from console.domain.errors import ConsoleError, InputError, RefusedError
from console.domain.inventory import Inventory, InventoryItem
from console.domain.sighting import OVERLOADED, SWITCHED_OFF, Aim, OwnLook, judge_reply, state_seen
from console.domain.switches import RUNNING, UNKNOWN
from console.domain.times import format_utc
from console.proof.actor import Actor
from console.protocol.data_path import SHOWS, requests_for
from console.queries.switches import switch_rows
from console.remote.data_path import OwnDataPath
from console.remote.probe_tokens import probe_token
from console.runtime.inbox import Inbox
from console.runtime.writer import RecordWriter
from console.store.readers import Reader

LOOK_S = 2.0
"""How long after an order is looked for its effect, as the plane does."""
FIRST_PAUSE_S, LONGEST_PAUSE_S, CONFIRM_S = 0.02, 0.32, 0.05
DESK = Actor("desk")
"""Who looked when no person asked: this program."""
_MOVED = (DISPATCHED, VERIFIED, NOBODY_KNOWS)
_WHY = {
    ("unknown", SWITCHED_OFF): "refused, but not by this order",
    ("unknown", OVERLOADED): "the data path is overloaded",
}
_CLOSING = "The desk is closing, so nothing more is looked at; open it again."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """Where this desk may look for itself: addresses by environment, and how the token for one is had.

    `token(environment)` may block and raises InputError when there is none; `verify` is True or the path of a CA file.
    """

    inventory: Inventory
    urls: Mapping[str, str]
    token: Callable[[str], str] = field(repr=False)
    verify: bool | str = True


def probe_settings(inventory: Inventory, table: ProbeTable | None, verify: bool | str = True) -> ProbeSettings:
    """The reviewed data with a person's settings on top; there `range` stands for `environment.range`."""
    table = table or ProbeTable()
    files = {_environment(name): file for name, file in table.token_file.items()}
    chosen = {name: url for name, url in inventory.data_paths.items() if url}
    chosen |= {_environment(name): url for name, url in table.environment.items()}

    def token(environment: str) -> str:
        return probe_token(environment, files.get(environment))

    return ProbeSettings(inventory=inventory, urls=chosen, token=token, verify=verify)


def _environment(name: str) -> str:
    return name if name.startswith("environment.") else f"environment.{name}"


@dataclass(frozen=True, slots=True)
class _CommandMoved:
    """A command row was committed; the thread looks which."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A person wants to see for themselves."""

    incident: str
    switch: str
    target: str
    actor: Actor
    answer: Future[OwnLook]


class OwnLooks:
    """Start it after the writer, stop it before; `tell` gets a sentence that a person must read."""

    def __init__(
        self,
        settings: ProbeSettings,
        *,
        writer: RecordWriter,
        open_reader: Callable[[], Reader],
        clock: Callable[[], datetime],
        tell: Callable[[str], None],
    ) -> None:
        self._settings, self._writer, self._open_reader = settings, writer, open_reader
        self._clock, self._tell = clock, tell
        self._inbox: Inbox[_CommandMoved | _Asked] = Inbox()
        self._waiting: set[Future[OwnLook]] = set()
        self._paths: dict[str, OwnDataPath] = {}
        self._told: set[str] = set()
        self._looked: set[tuple[str, str]] = set()
        self._in_effect: set[str] = set()
        self._since = format_utc(clock())
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="own-looks")

    def start(self) -> None:
        """Begins to look after orders that are given from now on."""
        self._thread.start()
        self._writer.listen(self._on_changes)

    def stop(self) -> None:
        """Cuts short what is under way and returns when the thread has ended."""
        with self._lock:
            self._stopping.set()
            for path in self._paths.values():
                path.abort()
        self._inbox.close()
        if self._thread.ident is not None:
            self._thread.join()
        for future in self._waiting:
            future.set_exception(RefusedError(_CLOSING))
        for path in self._paths.values():
            path.close()

    def look(self, incident: str, switch: str, target: str, actor: Actor) -> Future[OwnLook]:
        """Looks now at one switch, for whatever is wanted of it, and writes down what it met in `incident`.

        Raises RefusedError where no look from here can tell anything.
        """
        item = self._settings.inventory.item(target)
        if item.environment not in self._settings.urls:
            raise RefusedError(
                f"This desk knows no way to the data path of {item.environment}; name it in data/systems, or in the "
                "settings under [probe]."
            )
        if not self._can_tell(switch, item):
            raise RefusedError(f"No request from here can tell how {switch} on {target} stands.")
        answer: Future[OwnLook] = Future()
        with self._lock:
            if self._stopping.is_set():
                raise RefusedError(_CLOSING)
            self._waiting.add(answer)
        self._inbox.put(_Asked(incident, switch, target, actor, answer))
        return answer

    def _on_changes(self, changes: Changes) -> None:
        if changes.touches("command"):
            self._inbox.put(_CommandMoved())

    def _run(self) -> None:
        try:
            with self._open_reader() as db:
                for item in self._inbox:
                    self._attend(db, item)
        except ConsoleError as error:
            _log.error("this desk cannot look for itself: %s", error.sentence)
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended this desk's own looks")

    def _attend(self, db: Reader, item: _CommandMoved | _Asked) -> None:
        if isinstance(item, _CommandMoved):
            try:
                self._look_after_orders(db)
            except ConsoleError as error:
                _log.info("a look from here was not written down: %s", error.sentence)
            return
        try:
            answer = self._answer(db, item)
        except Exception as error:  # noqa: BLE001 - it is the asker's, who waits for it
            self._hand_over(item.answer, error)
        else:
            self._hand_over(item.answer, answer)

    def _hand_over(self, future: Future[OwnLook], result: OwnLook | Exception) -> None:
        with self._lock:
            self._waiting.discard(future)
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

    def _answer(self, db: Reader, asked: _Asked) -> OwnLook:
        wanted = switch_rows(db, [(asked.switch, asked.target)])[0].desired
        aim = Aim(asked.switch, asked.target, wanted.state or RUNNING, wanted.generation, wanted.command_id)
        look = self._look_once(aim, LOOK_S)
        self._keep(asked.incident, look, asked.actor)
        return look

    # -- after an order of this desk

    def _look_after_orders(self, db: Reader) -> None:
        """Once when an order was dispatched; again at its end, unless it was seen in effect before."""
        for row in _orders(db, self._since):
            step = row["command_id"], row["state"]
            known = step in self._looked or row["command_id"] in self._in_effect
            if known or row["target"] not in self._settings.inventory.items:
                continue
            self._looked.add(step)
            item = self._settings.inventory.item(row["target"])
            if item.environment not in self._settings.urls or not self._can_tell(row["switch"], item):
                continue
            aim = Aim(row["switch"], row["target"], row["want"], row["raised"], row["command_id"])
            look = self._watch(aim)
            if look.state == aim.want:
                self._in_effect.add(row["command_id"])
            self._keep(row["incident"], look, DESK)

    def _watch(self, aim: Aim) -> OwnLook:
        """Looks ever more slowly until the effect was seen twice, or LOOK_S ended: one lucky look proves nothing."""
        until, pause = time.monotonic() + LOOK_S, FIRST_PAUSE_S
        first: OwnLook | None = None
        while True:
            look = self._look_once(aim, max(until - time.monotonic(), FIRST_PAUSE_S))
            if look.state == aim.want and first is not None:
                return first
            first = look if look.state == aim.want else None
            wait = CONFIRM_S if first is not None else pause
            if (first is None and time.monotonic() + wait >= until) or self._stopping.wait(wait):
                return look
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _look_once(self, aim: Aim, within_s: float) -> OwnLook:
        item = self._settings.inventory.item(aim.target)
        try:
            path = self._path(item.environment)
        except InputError as error:
            self._tell_once(error.sentence)
            return OwnLook(aim, UNKNOWN, self._clock(), "this desk has no way to the data path that it may use")
        met = path.probe(self._settings.inventory, aim.switch, item, within_s)
        if self._stopping.is_set():
            raise RefusedError(_CLOSING)  # the path was cut by ourselves, which tells nothing of it
        seen = judge_reply(met.reply, aim)
        if seen == "hidden":
            hidden_by = met.reply.refused_by[0].switch if met.reply.refused_by else "something else"
            return OwnLook(aim, UNKNOWN, met.reply.at, f"hidden behind {hidden_by}")
        return OwnLook(
            aim, state_seen(seen, aim.want), met.reply.at, met.why or _WHY.get((seen, met.reply.outcome), "")
        )

    def _path(self, environment: str) -> OwnDataPath:
        """The way there; made when it is first needed, because the keyring may take its time."""
        if (known := self._paths.get(environment)) is not None:
            return known
        chosen = self._settings
        token = chosen.token(environment)
        try:
            made = OwnDataPath(chosen.urls[environment], token, self._clock, chosen.verify)
        except InputError as error:
            raise InputError(
                f"The data path of {environment} cannot be looked at from here: its address must be https://HOST:PORT, "
                "or http to this machine itself; mend it in the settings under [probe] or in data/systems."
            ) from error
        with self._lock:
            self._paths[environment] = made
            if self._stopping.is_set():
                made.abort()
        return made

    def _can_tell(self, switch: str, item: InventoryItem) -> bool:
        inventory = self._settings.inventory
        return SHOWS in inventory.adapters_for(switch, item.id) and bool(requests_for(inventory, switch, item))

    def _keep(self, incident: str, look: OwnLook, actor: Actor) -> None:
        now = self._clock()
        self._writer.submit(lambda record: record_own_look(record, incident, look, actor=actor, now=now)).result()

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)


def _orders(db: Reader, since: str) -> list[dict[str, Any]]:
    """Orders of this desk since `since` that reached a back-end or whose outcome nobody knows, oldest first.

    `raised` is the generation under which the plane set the switch: one more than the order saw, where it said nothing.
    """
    return db.rows(
        "SELECT c.command_id, c.state, c.switch, c.target, c.want, c.incident, "
        "ifnull((SELECT max(s.generation) FROM switch_state s WHERE s.command_id = c.command_id "
        "AND s.kind = 'acknowledged'), c.generation + 1) AS raised FROM command c "
        "WHERE c.authorised_at >= ? AND c.state IN (?, ?, ?) ORDER BY c.authorised_at",
        (since, *_MOVED),
    )
