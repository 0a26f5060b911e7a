"""Whatever comes back in whatever order: one thing a lane, fresh serials, bounded waits, nothing while halted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.sync.pace import CAP_S
from console.sync.step import initial, step
from console.sync.values import (
    ConfigAnswered,
    Cursor,
    Failed,
    Failure,
    FetchConfig,
    FetchJournal,
    FetchToken,
    JournalAnswered,
    NetworkUp,
    OutboxChanged,
    OutboxRead,
    PushAnswered,
    PushBatch,
    ReadOutbox,
    SyncNow,
    TimerFired,
    TokenAnswered,
    WriteFailed,
    Written,
)
from tests.unit.sync.engine import EPOCH, EVENTS, IDENTITY, ITEMS, NOW_US, entries, note, page, receipts

# -- anything at all ------------------------------------------------------------------------------------------------

_failures = st.builds(
    Failure,
    kind=st.sampled_from(["offline", "lost", "problem", "garbage"]),
    sentence=st.just("no"),
    status=st.sampled_from([400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503]),
)
_kinds = st.sampled_from([*["ok"] * 6, "fail", "written", "unwritten", "timer", "changed", "up", "now", "stale"])


@given(st.lists(st.tuples(_kinds, _failures, st.integers(0, 6)), max_size=60), st.floats(0, 1, exclude_max=True))
def test_no_order_of_results_makes_two_of_anything(story: list[tuple[str, Failure, int]], roll: float) -> None:
    """Whatever comes back in whatever order: one thing a lane, fresh serials, nothing while halted, bounded waits."""
    state, pending = initial(Cursor(), None, None), dict[int, Any]()
    for kind, failure, pick in story:
        chosen = list(pending)[pick % len(pending)] if pending else 0
        event = _result(kind, pending.get(chosen), chosen, failure)
        if kind not in ("changed", "up", "now", "stale"):
            pending.pop(chosen, None)
        before = state
        done = step(state, event, NOW_US, roll)
        state = done.state
        fresh = [*done.requests, *done.writes, *done.timers]
        serials = [item.serial for item in fresh]
        assert len(set(serials)) == len(serials)
        assert all(before.serials < serial <= state.serials for serial in serials)
        assert all(0 <= timer.delay_s <= 3600 + CAP_S for timer in done.timers)
        if state.halt is not None:
            assert done.requests == ()
        for lane in (state.session, state.push, state.pull):
            assert lane.phase == "idle" or lane.serial in pending or lane.serial in serials, "a lane waits for nothing"
        pending |= {item.serial: item for item in fresh}
        assert state.cursor.gpos <= before.cursor.gpos + len(EVENTS)


def _result(kind: str, asked: Any, serial: int, failure: Failure) -> Any:
    if kind in _UNASKED:
        return _UNASKED[kind]
    if kind == "timer":
        return TimerFired(serial)
    if kind == "unwritten":
        return WriteFailed(serial, "no")
    if kind == "fail" and isinstance(asked, FetchConfig | FetchToken | PushBatch | FetchJournal):
        return Failed(serial, failure)
    return _good(asked, serial)


_UNASKED = {"changed": OutboxChanged(3), "up": NetworkUp(), "now": SyncNow(), "stale": Written(0)}


def _good(asked: Any, serial: int) -> Any:
    match asked:
        case FetchConfig():
            return ConfigAnswered(serial, IDENTITY, EPOCH)
        case FetchToken():
            return TokenAnswered(serial)
        case ReadOutbox():
            return OutboxRead(serial, ITEMS[: asked.max_events], len(ITEMS))
        case PushBatch():
            return PushAnswered(serial, EPOCH, receipts(asked.items))
        case FetchJournal() if asked.after == 0:
            return page(serial, entries())
        case FetchJournal():
            return JournalAnswered(serial, EPOCH, (), asked.after, asked.hash, note(asked.after))
        case _:
            return Written(serial)
