"""A desk's own request through the data path of an environment: the one that the plane sends, on another connection.

Answers are bounded in size and time, redirects are not followed, no proxy is used, and whatever cannot be read is "no
answer" with a reason in words. Where the path is comes from reviewed data or a person's settings, never from a plane.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from console.domain.inventory import Inventory, InventoryItem
from console.domain.sighting import NO_ANSWER, SERVED, ProbeReply
from console.proof.canonical import canonical
from console.protocol.data_path import (
    MAX_REFUSAL_BYTES,
    MOST_TENANTS,
    PATH,
    TOKEN_HEADER,
    is_answer,
    only_this_tenant,
    refusal,
    requests_for,
)
from console.remote.faults import GarbledAnswer, Offline, OversizedAnswer, TimedOut
from console.remote.wire import Wire

SILENT, STRANGE = "the data path does not answer from here", "what answers at the data path is not the gateway"


@dataclass(frozen=True, slots=True)
class Met:
    """What a request met, and in words why that tells nothing ("" when it does)."""

    reply: ProbeReply
    why: str = ""


class OwnDataPath:
    """The data path at `url`, for one thread; `abort` may be called by any. Raises InputError for a forbidden address.

    `token` lets a request be marked as a probe; it is sent to this address alone and never shown.
    """

    def __init__(self, url: str, token: str, clock: Callable[[], datetime], verify: bool | str = True) -> None:
        self._wire = Wire(url, lambda: 0, verify)
        self._clock = clock
        self._headers = {TOKEN_HEADER: token, "Content-Type": "application/json"}

    def probe(self, inventory: Inventory, switch: str, item: InventoryItem, within_s: float) -> Met:
        """One request that `switch` on `item` would refuse, through at most MOST_TENANTS tenants; never raises."""
        until = time.monotonic() + within_s
        met = Met(ProbeReply(NO_ANSWER, self._clock()), "no request from here can tell")
        for body in requests_for(inventory, switch, item)[:MOST_TENANTS]:
            met = self._ask(canonical(body), until)
            if not only_this_tenant(met.reply, body["tenant"], item):
                break
        return met

    def abort(self) -> None:
        """Ends whatever is under way, from any thread; nothing is sent any more."""
        self._wire.abort()

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()

    def _ask(self, body: bytes, until: float) -> Met:
        left = until - time.monotonic()
        if left <= 0:
            return Met(ProbeReply(NO_ANSWER, self._clock()), SILENT)
        try:
            with self._wire.stream(PATH, self._headers, silence_s=left, method="POST", body=body) as answer:
                return self._read(*answer, until)
        except (Offline, TimedOut):
            return Met(ProbeReply(NO_ANSWER, self._clock()), SILENT)
        except (GarbledAnswer, OversizedAnswer):
            return Met(ProbeReply(NO_ANSWER, self._clock()), STRANGE)

    def _read(self, status: int, headers: Mapping[str, str], pieces: Iterator[bytes], until: float) -> Met:
        if status == 200:
            served = is_answer(headers.get("content-type", ""), next(pieces, b""))
            return Met(ProbeReply(SERVED if served else NO_ANSWER, self._clock()), "" if served else STRANGE)
        if status == 401:
            return Met(ProbeReply(NO_ANSWER, self._clock()), "the data path refuses this desk's probe token")
        data = b""
        for piece in pieces:
            data += piece
            if len(data) > MAX_REFUSAL_BYTES:
                return Met(ProbeReply(NO_ANSWER, self._clock()), STRANGE)
            if time.monotonic() > until:
                return Met(ProbeReply(NO_ANSWER, self._clock()), SILENT)
        reply = refusal(status, data, self._clock())
        return Met(reply, STRANGE if reply.outcome == NO_ANSWER else "")
