"""The pull connection of a desk that is far behind: pages are fetched, inflated, parsed and judged in a child process.

The window keeps its interpreter to itself meanwhile. A child that is killed or cannot be started is replaced by asking
in this process; near the end of the journal there is no child at all. `journal` belongs to one thread, `abort` to any.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import console
from console.proof.envelope import SignedEvent, judged_event
from console.protocol.messages import JournalAnswer
from console.protocol.problems import Problem
from console.remote.faults import GarbledAnswer, Offline, OversizedAnswer, ProblemAnswer, TimedOut
from console.remote.plane_client import Exchange, PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.frames import keys_in, read_frame, write_frame

FAR_BEHIND = 3_000
"""Entries still to come from which on a child is worth its start (a third of a second)."""
_CHILD = "console.runtime.far_child"
_FAULTS = {kind.__name__: kind for kind in (Offline, TimedOut, GarbledAnswer, OversizedAnswer)}
_log = logging.getLogger(__name__)


class _Entry(NamedTuple):
    """A journal entry as the messages have it, its event judged already."""

    gpos: int
    journal_hash: str
    status: str
    event_hash: str
    event: SignedEvent | None


class FarPages(PlaneClient):
    """A client whose `journal` may use a child process; everything else as in PlaneClient."""

    def __init__(self, wire: Wire, tokens: TokenKeeper, verify: bool | str = True) -> None:
        super().__init__(wire, tokens)
        self._url, self._verify, self._keeper = wire.url, verify, tokens
        self._child: subprocess.Popen[bytes] | None = None
        self._still_to_come, self._closing, self._closed = 0, threading.Lock(), False
        self._keys: set[str] = set()
        """Public keys seen in pages that no child read, for the child to judge signatures with."""

    @property
    def child_pid(self) -> int:
        """The process id of the child, 0 when there is none."""
        child = self._child
        return child.pid if child is not None else 0

    def journal(self, epoch: str, after: int, at_hash: str, limit: int, wait_s: int) -> Exchange[JournalAnswer]:
        """As in PlaneClient."""
        exchange = None
        if self._still_to_come > FAR_BEHIND and not wait_s:
            exchange = self._by_child(epoch, after, at_hash, limit)
        if exchange is None:
            exchange = super().journal(epoch, after, at_hash, limit, wait_s)
            texts = [entry.event.canon for entry in exchange.answer.entries if entry.event is not None]
            self._keys.update(key for text in texts for key in keys_in(text))
        entries = exchange.answer.entries
        self._still_to_come = exchange.answer.size - (entries[-1].gpos if entries else after)
        if self._still_to_come <= FAR_BEHIND:
            self._end_child()
        return exchange

    def abort(self) -> None:
        """As in PlaneClient; a child is killed."""
        with self._closing:
            self._closed, child = True, self._child
        super().abort()
        if child is not None:
            child.kill()

    def close(self) -> None:
        """As in PlaneClient."""
        self._end_child()
        super().close()

    def _by_child(self, epoch: str, after: int, at_hash: str, limit: int) -> Exchange[JournalAnswer] | None:
        """The answer of a child, None when there is no good one to be had."""
        try:
            child = self._child or self._begin_child()
            assert child.stdin is not None  # both are pipes
            assert child.stdout is not None
            write_frame(child.stdin, (self._keeper.token, epoch, after, at_hash, limit))
            answered = read_frame(child.stdout)
        except (OSError, EOFError, ValueError) as error:
            self._end_child()
            if self._closed:
                raise Offline("This desk is shutting down, so nothing was sent to the plane.") from error
            _log.info("the child that reads the journal has ended (%s); going on without it", type(error).__name__)
            self._still_to_come = 0
            return None
        return self._page(answered)

    def _page(self, answered: Any) -> Exchange[JournalAnswer]:
        kind, *rest = answered
        if kind == "problem":
            status, problem_kind, detail, retry_after_s, token = rest
            if status == 401:
                self._keeper.drop(token)
            raise ProblemAnswer(status, Problem(problem_kind, detail), retry_after_s)
        if kind != "page":
            raise _FAULTS.get(kind, GarbledAnswer)(rest[0])
        members, rows, sent_us, received_us, received_bytes = rest
        self._wire.received_bytes += received_bytes
        entries = [_entry(*row) for row in rows]
        return Exchange(JournalAnswer.model_construct(**members, entries=entries), sent_us, received_us)

    def _begin_child(self) -> subprocess.Popen[bytes]:
        with self._closing:
            if self._closed:
                raise EOFError
            # -P: nothing is imported from where the desk happens to be started, but from where this program lies
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and module; secrets go over the pipe
                [sys.executable, "-P", "-m", _CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(Path(console.__file__).parents[1])},
            )
            self._child = child
        _collect_little()
        assert child.stdin is not None  # a pipe
        write_frame(child.stdin, (self._url, self._verify, tuple(self._keys)))
        return child

    def _end_child(self) -> None:
        with self._closing:
            child, self._child = self._child, None
        if child is None:
            return
        _collect_as_before()
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.wait()


_USUAL = gc.get_threshold()
_WHILE_PAGES_COME = (20_000, 50, 100)


def _collect_little() -> None:
    """While pages stream in, leaves what is there now out of the search for cycles, and searches more rarely.

    It would go over everything that the window ever made, again and again, and nothing else runs meanwhile: the longest
    gaps of a first sync came from that.
    """
    gc.freeze()
    gc.set_threshold(*_WHILE_PAGES_COME)


def _collect_as_before() -> None:
    gc.set_threshold(*_USUAL)
    gc.unfreeze()


def _entry(
    gpos: int, at_hash: str, status: str, event_hash: str, canon: str | None, sig: str, person: str, judged: str,
    members: dict[str, Any] | None, proven_by: str,
) -> _Entry:  # fmt: skip
    """An entry; `judged` and `members` are the hash and the envelope of a text that was judged."""
    if canon is None:
        return _Entry(gpos, at_hash, status, event_hash, None)
    if members is None:
        return _Entry(gpos, at_hash, status, event_hash, SignedEvent(canon, sig, person))
    return _Entry(gpos, at_hash, status, event_hash, judged_event(canon, sig, person, judged, members, proven_by))
