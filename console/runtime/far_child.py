"""The child that reads the journal for a desk that is far behind; started by `far_pages`, ends with its parent.

It holds no secret key and writes nothing: url and token come over its standard input, pages go out over its standard
output. While the parent writes one page it judges the next and has the plane prepare the one after that.
"""

from __future__ import annotations

import gc
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from console.domain.errors import ConsoleError, InputError
from console.proof.envelope import FIELD_NAMES, SignedEvent
from console.proof.journal import ACCEPTED
from console.proof.keys import SigningKey, key_id, verify_text
from console.protocol.messages import JournalAnswer, JournalEntry
from console.remote.faults import ProblemAnswer
from console.remote.plane_client import Exchange, PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.frames import keys_in, read_frame, write_frame

_Asked = tuple[str, str, int, str, int]
AT_ONCE = 2
"""Pages of the plane that make one of the parent's: fewer transactions for as many entries."""
NEAR_END = 3_000
"""Entries still to come below which pages are given out as they come."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What the plane answered: pages that follow each other, or the answer that says what went wrong."""

    asked: _Asked
    pages: tuple[Exchange[JournalAnswer], ...] = ()
    received_bytes: int = 0
    fault: tuple[Any, ...] = ()

    @property
    def following(self) -> _Asked | None:
        """What will be asked next, None when the journal ends here."""
        if self.fault or not self.pages[-1].answer.entries:
            return None
        return _after(self.asked, self.pages[-1].answer)


class _GivenToken(TokenKeeper):
    """The token of the parent, which alone can have a new one."""

    def __init__(self) -> None:
        super().__init__(SigningKey(bytes(32)), lambda: "")

    def give(self, token: str) -> None:
        """Uses `token` from now on."""
        self._token = token


class _Reader:
    """Fetches pages with one connection, on one thread."""

    def __init__(self, url: str, verify: bool | str) -> None:
        self._token = _GivenToken()
        self._wire = Wire(url, lambda: time.time_ns() // 1000, verify)
        self._client = PlaneClient(self._wire, self._token)

    def fetch(self, asked: _Asked) -> _Fetched:
        """What the plane says to `asked`, faults too; several pages at once while there are many to come."""
        pages, at = list[Exchange[JournalAnswer]](), asked
        before = self._wire.received_bytes
        try:
            while len(pages) < AT_ONCE:
                token, epoch, after, at_hash, limit = at
                self._token.give(token)
                pages.append(self._client.journal(epoch, after, at_hash, limit, 0))
                answer = pages[-1].answer
                if not answer.entries or answer.size - answer.entries[-1].gpos < NEAR_END:
                    break
                at = (token, answer.epoch, answer.entries[-1].gpos, answer.entries[-1].journal_hash, limit)
        except ProblemAnswer as error:
            problem = error.problem
            fault = ("problem", error.status, problem.kind, problem.detail, error.retry_after_s, asked[0])
            return _Fetched(asked, fault=fault)
        except ConsoleError as error:
            return _Fetched(asked, fault=(type(error).__name__, error.sentence))
        return _Fetched(asked, tuple(pages), self._wire.received_bytes - before)


class _Judge:
    """Judges what was fetched: form, hash, and the signatures that the parent will ask about."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = {key_id(key): key for key in keys}

    def answer(self, fetched: _Fetched) -> tuple[Any, ...]:
        """What the parent is told."""
        if fetched.fault:
            return fetched.fault
        last = fetched.pages[-1]
        members = {name: value for name, value in last.answer if name != "entries"}
        entries = [entry for page in fetched.pages for entry in page.answer.entries]
        rows = self._rows(entries)
        return ("page", members, rows, last.sent_us, last.received_us, fetched.received_bytes)

    def _rows(self, entries: list[JournalEntry]) -> tuple[Any, ...]:
        judged = [_event(entry) for entry in entries]
        ends: dict[tuple[str, str, int] | int, SignedEvent] = {}
        for number, (entry, signed) in enumerate(zip(entries, judged, strict=True)):
            if signed is not None and "hash" in signed.__dict__:
                self._keys.update((key_id(key), key) for key in keys_in(signed.canon))
                ends[signed.envelope.chain if entry.status == ACCEPTED else number] = signed
        for signed in ends.values():  # the newest of each chain vouches for it, a rejected one for itself alone
            key = self._keys.get(signed.envelope.device, "")
            if key and verify_text(key, signed.canon.encode("utf-8"), signed.sig):
                signed.__dict__["proven_by"] = key
        return tuple(_row(entry, signed) for entry, signed in zip(entries, judged, strict=True))


def main() -> None:
    """Answers requests until standard input ends."""
    requests: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
    gc.disable()  # values without cycles by the hundred thousand; going over them took a fifth of the time
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not come between the frames
    url, verify, keys = read_frame(sys.stdin.buffer)
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    reader, judge, fetching = _Reader(url, verify), _Judge(keys), ThreadPoolExecutor(1, "fetching")

    def look_ahead(fetched: _Fetched) -> Future[_Fetched] | None:
        return fetching.submit(reader.fetch, fetched.following) if fetched.following is not None else None

    ready: tuple[_Asked, tuple[Any, ...]] | None = None
    coming: Future[_Fetched] | None = None
    while True:
        asked = requests.get()
        if ready is not None and ready[0] == asked:
            answer = ready[1]
        else:
            fetched = fetching.submit(reader.fetch, asked).result()
            coming, answer = look_ahead(fetched), judge.answer(fetched)
        try:
            write_frame(out, answer)
        except OSError:
            os._exit(0)  # nobody wants what is being fetched
        ready = None
        if coming is not None:
            fetched = coming.result()
            coming = look_ahead(fetched)
            ready = (fetched.asked, judge.answer(fetched))


def _listen(requests: queue.SimpleQueue[_Asked]) -> None:
    try:
        while True:
            requests.put(read_frame(sys.stdin.buffer))
    except (EOFError, OSError):
        os._exit(0)  # the parent is gone: nobody wants what is under way


def _after(asked: _Asked, answer: JournalAnswer) -> _Asked | None:
    last = answer.entries[-1]
    return (asked[0], answer.epoch, last.gpos, last.journal_hash, asked[4]) if answer.size > last.gpos else None


def _event(entry: JournalEntry) -> SignedEvent | None:
    """The event with its envelope and its hash; without them when it is none, and the parent judges it again."""
    if entry.event is None:
        return None
    signed = SignedEvent(entry.event.canon, entry.event.sig, entry.event.person_sig)
    try:
        signed.envelope  # noqa: B018 - raises when it is none
        signed.hash  # noqa: B018
    except (InputError, UnicodeEncodeError):
        return SignedEvent(signed.canon, signed.sig, signed.person_sig)
    return signed


def _row(entry: JournalEntry, signed: SignedEvent | None) -> tuple[Any, ...]:
    at = (entry.gpos, entry.journal_hash, entry.status, entry.event_hash)
    if signed is None:
        return (*at, None, "", "", "", None, "")
    texts = (signed.canon, signed.sig, signed.person_sig)
    if "hash" not in signed.__dict__:
        return (*at, *texts, "", None, "")
    # names from one place: a frame then says each of them once
    members = {name: getattr(signed.envelope, name) for name in FIELD_NAMES}
    return (*at, *texts, signed.hash, members, signed.__dict__.get("proven_by", ""))


if __name__ == "__main__":
    main()
