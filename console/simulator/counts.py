"""Live counts by inventory id over the last minute: what a preview shows as the reach of a switch.

Seconds are a clock's whole seconds handed in by the caller; sessions are bounded, the oldest are forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable

WINDOW_S = 60
MAX_SESSIONS = 20_000


class Counts:
    """Requests and money a second and id, and when each session was last seen, on which ids, and whether degraded."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[int, dict[str, list[int]]] = OrderedDict()
        self._sessions: OrderedDict[str, tuple[int, tuple[str, ...], bool]] = OrderedDict()

    def note(
        self, second: int, ids: Iterable[str], session: str, spend_microusd: int, *, degraded: bool = False
    ) -> None:
        """One request that touched `ids` cost this much; `session` "" is nobody's.

        `degraded`: it was served with something missing, and told so (SWI-10).
        """
        touched = tuple(dict.fromkeys(ids))
        sums = self._seconds.get(second)
        if sums is None:
            sums = self._seconds[second] = defaultdict(lambda: [0, 0])
            while len(self._seconds) > WINDOW_S + 1:
                self._seconds.popitem(last=False)
        for one in touched:
            sums[one][0] += 1
            sums[one][1] += spend_microusd
        if session:
            self._sessions[session] = (second, touched, degraded)
            self._sessions.move_to_end(session)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)

    def totals(self, second: int, ids: Iterable[str], open_streams: dict[str, int]) -> dict[str, dict[str, int]]:
        """The counts of each of `ids` over the minute before `second`; `open_streams` are counted by the caller."""
        found = {
            one: {
                "sessions": 0,
                "degraded_sessions": 0,
                "open_streams": open_streams.get(one, 0),
                "requests_60s": 0,
                "spend_microusd_60s": 0,
            }
            for one in sorted(ids)
        }
        for then, sums in self._seconds.items():
            if second - WINDOW_S < then <= second:
                for one, (requests, spend) in sums.items():
                    if one in found:
                        found[one]["requests_60s"] += requests
                        found[one]["spend_microusd_60s"] += spend
        for last_seen, touched, degraded in self._sessions.values():
            if second - WINDOW_S < last_seen <= second:
                for one in touched:
                    if one in found:
                        found[one]["sessions"] += 1
                        found[one]["degraded_sessions"] += degraded
        return found

    def end_sessions(self, second: int, target: str) -> set[str]:
        """Forgets the sessions that touched `target`; the names of those that were live."""
        hit = {name: seen for name, (seen, touched, _) in self._sessions.items() if target in touched}
        for name in hit:
            del self._sessions[name]
        return {name for name, seen in hit.items() if second - WINDOW_S < seen <= second}
