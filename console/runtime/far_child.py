"""The child that reads the journal for a desk that is far behind; started by `far_pages`, ends with its parent.

It holds no key and writes nothing: url and token come over its standard input, pages go out over its standard output.
While the parent writes one page it fetches and judges the next.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from typing import Any

from console.domain.errors import ConsoleError, InputError
from console.proof.envelope import SignedEvent
from console.proof.keys import SigningKey
from console.protocol.messages import JournalAnswer, JournalEntry
from console.remote.faults import ProblemAnswer
from console.remote.plane_client import Exchange, PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.frames import read_frame, write_frame

_Asked = tuple[str, str, int, str, int]


class _GivenToken(TokenKeeper):
    """The token of the parent, which alone can have a new one."""

    def __init__(self) -> None:
        super().__init__(SigningKey(bytes(32)), lambda: "")

    def give(self, token: str) -> None:
        """Uses `token` from now on."""
        self._token = token


class _Reader:
    """Fetches and judges pages with one connection."""

    def __init__(self, url: str, verify: bool | str) -> None:
        self._token = _GivenToken()
        self._wire = Wire(url, lambda: time.time_ns() // 1000, verify)
        self._client = PlaneClient(self._wire, self._token)

    def page(self, asked: _Asked) -> tuple[Any, ...]:
        """What is answered to `asked`, faults too."""
        token, epoch, after, at_hash, limit = asked
        self._token.give(token)
        before = self._wire.received_bytes
        try:
            exchange = self._client.journal(epoch, after, at_hash, limit, 0)
            return (*_judged(exchange), self._wire.received_bytes - before)
        except ProblemAnswer as error:
            return ("problem", error.status, error.problem.kind, error.problem.detail, error.retry_after_s, token)
        except ConsoleError as error:
            return (type(error).__name__, error.sentence)


def main() -> None:
    """Answers requests until standard input ends."""
    requests: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not come between the frames
    url, verify = read_frame(sys.stdin.buffer)
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    reader = _Reader(url, verify)
    ahead: tuple[_Asked, tuple[Any, ...]] | None = None
    while True:
        asked = requests.get()
        answer = ahead[1] if ahead is not None and ahead[0] == asked else reader.page(asked)
        try:
            write_frame(out, answer)
        except OSError:
            return
        following = _following(asked, answer)
        ahead = (following, reader.page(following)) if following is not None else None


def _listen(requests: queue.SimpleQueue[_Asked]) -> None:
    try:
        while True:
            requests.put(read_frame(sys.stdin.buffer))
    except (EOFError, OSError):
        os._exit(0)  # the parent is gone: nobody wants what is under way


def _following(asked: _Asked, answer: tuple[Any, ...]) -> _Asked | None:
    """What will be asked next, None when the journal ends here."""
    if answer[0] != "page" or not answer[2]:
        return None
    last_gpos, last_hash = answer[2][-1][:2]
    token, _, _, _, limit = asked
    return (token, answer[1]["epoch"], last_gpos, last_hash, limit) if answer[1]["size"] > last_gpos else None


def _judged(exchange: Exchange[JournalAnswer]) -> tuple[Any, ...]:
    members = {name: value for name, value in exchange.answer if name != "entries"}
    rows = tuple(_row(entry) for entry in exchange.answer.entries)
    return ("page", members, rows, exchange.sent_us, exchange.received_us)


def _row(entry: JournalEntry) -> tuple[Any, ...]:
    if entry.event is None:
        return (entry.gpos, entry.journal_hash, entry.status, entry.event_hash, None, "", "", False)
    signed = SignedEvent(entry.event.canon, entry.event.sig, entry.event.person_sig)
    return (
        entry.gpos, entry.journal_hash, entry.status, entry.event_hash,
        signed.canon, signed.sig, signed.person_sig, _fits(signed, entry.event_hash),
    )  # fmt: skip


def _fits(signed: SignedEvent, event_hash: str) -> bool:
    """Whether the text is an event's, canonical, and gives that hash; anything else is judged again by the parent."""
    try:
        signed.envelope  # noqa: B018 - raises when it is none
        return signed.hash == event_hash
    except (InputError, UnicodeEncodeError):
        return False


if __name__ == "__main__":
    main()
