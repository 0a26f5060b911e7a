"""What follows when a request brings no answer, or a refusal: wait, renew, halve, set aside, stop or alarm.

One table of statuses for all lanes; a network error never counts as an attempt and never gives an event up.
"""

from __future__ import annotations

from dataclasses import replace

from console.sync.pace import after_retry, full_jitter
from console.sync.turn import Turn
from console.sync.values import IDLE, WRITING, Failure, SetAside

REFUSED_TOKENS = 3
"""So many fresh tokens refused in a row, and a person has to look; a plane that restarts refuses one or two."""


def on_failed(turn: Turn, lane: str, failure: Failure) -> None:
    """Decides what the lane does next; the statuses are those of guides/sync.md under *Protocol*."""
    failures = turn.lane(lane).failures + 1
    turn.set(trouble=failure.sentence)
    if failure.kind in ("offline", "lost"):
        if not turn.state.offline_since_us:
            turn.set(offline_since_us=turn.now_us)
        turn.set(online_since_us=0)
        if lane == "push" and failure.kind == "lost" and failures > 1:
            # A thin line may never carry a whole batch within the time limit; half of it may pass.
            turn.set(batch_limit=max(len(turn.state.in_flight) // 2, 1))
        retreat(turn, lane, full_jitter(failures, turn.roll))
        return
    turn.reached()
    turn.set_lane(lane, answered=turn.lane(lane).answered + 1)
    if lane == "session" and turn.state.token_held and failure.status in (404, 405):
        # A plane that cannot say where our chains end: what it rejects still tells.
        turn.done(lane)
        turn.set(heads_checked=True)
        return
    _on_status(turn, lane, failure, failures)


def _on_status(turn: Turn, lane: str, failure: Failure, failures: int) -> None:
    match failure.status:
        case 401 if lane != "session" or turn.state.token_held:
            _on_unauthenticated(turn, lane)
        case 401 | 403:
            turn.release(lane)
            turn.stop(failure.problem_kind or "forbidden", failure.sentence)
        case 409 | 410 if lane in ("pull", "seek"):
            turn.alarm(("epoch" if failure.status == 410 else "position", failure.sentence))
        case 409 | 413 | 422 if lane == "push":
            _divide(turn, failure)
        case 413 if lane in ("pull", "seek") and turn.state.limits.journal_page > 1:
            turn.set(limits=replace(turn.state.limits, journal_page=turn.state.limits.journal_page // 2))
            turn.release(lane)
        case 429 | 503:
            retreat(turn, lane, after_retry(failure.retry_after_s, failures, turn.roll))
        case _:
            retreat(turn, lane, full_jitter(failures, turn.roll))


def _on_unauthenticated(turn: Turn, lane: str) -> None:
    """An old token is renewed at once; a fresh one that is refused unused is renewed after a wait, and not for ever."""
    state = turn.state
    turn.release(lane)
    if not state.token_held or turn.lane(lane).token_no != state.token_no:
        return
    turn.set(token_held=False, token_refusals=0 if state.token_proven else state.token_refusals + 1)
    if turn.state.token_refusals >= REFUSED_TOKENS:
        turn.stop("unauthenticated", f"The plane refuses every token that it gives this device: {state.trouble}")
    elif turn.state.token_refusals and turn.lane("session").phase == IDLE:
        turn.rest("session", full_jitter(turn.state.token_refusals, turn.roll))


def _divide(turn: Turn, failure: Failure) -> None:
    """Half the batch, until the one event that is refused is alone; it leaves the queue with its reason."""
    batch = turn.state.in_flight
    if len(batch) > 1:
        turn.set(batch_limit=max(len(batch) // 2, 1))
        turn.release("push")
    elif batch:
        turn.set(settled=1)
        turn.writes.append(
            SetAside(turn.begin("push", WRITING), batch[0].event_id, failure.problem_kind, failure.sentence)
        )


def retreat(turn: Turn, lane: str, delay_s: float) -> None:
    """The lane gives back what it held and rests; the wait grows with every failure in a row."""
    turn.release(lane)
    turn.set_lane(lane, failures=turn.lane(lane).failures + 1)
    turn.rest(lane, delay_s)
