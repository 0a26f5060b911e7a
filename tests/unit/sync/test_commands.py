"""The command engine, one rule a test: sent at most once, never late, never from offline, and never left a guess."""

from typing import Any

import pytest

from console.domain.commands import (
    ACKNOWLEDGED,
    AUTHORISED,
    DISPATCHED,
    ENDS,
    EXPIRED,
    REFUSED,
    SENT,
    STALE,
    UNKNOWN,
    VERIFIED,
)
from console.sync.command_values import (
    Answered,
    CommandAuthorised,
    CommandFound,
    CommandInput,
    CommandsState,
    CommandStep,
    CommandTimer,
    Connected,
    JournalSeen,
    LookUp,
    OffsetMeasured,
    PlaneWord,
    RecordCommand,
    Recorded,
    RecordFailed,
    SendCommand,
    SignedOrder,
    Tracked,
    Unanswered,
    WaitOver,
)
from console.sync.commands import READ_BACK, step
from console.sync.pace import ClockOffset
from console.sync.values import Failure

NOW_US = 1_750_000_000_000_000
TTL_US = 30_000_000
ORDER = SignedOrder("{}", "sig", "person")
ID = "0190a000-0000-7000-8000-00000000c001"
OFFLINE = Failure("offline", "nobody there")
LOST = Failure("lost", "no answer")


def no(status: int, kind: str = "") -> Failure:
    return Failure("problem", f"the plane says {status}", status, kind)


class Engine:
    """The engine under test with what it asked for and not yet taken."""

    def __init__(self, online: bool = True) -> None:
        self.state, self.now_us = CommandsState(), NOW_US
        self.open: list[Any] = []
        if online:
            self.feed(Connected(True))

    def feed(self, event: CommandInput) -> CommandStep:
        done = step(self.state, event, self.now_us, 0.5)
        self.state = done.state
        self.open += [*done.requests, *done.writes, *done.timers]
        return done

    def take(self, kind: type) -> Any:
        found = [item for item in self.open if isinstance(item, kind)][-1]
        self.open = [item for item in self.open if not isinstance(item, kind)]
        return found

    def wants(self, kind: type) -> bool:
        return any(isinstance(item, kind) for item in self.open)

    def authorise(self, command_id: str = ID) -> None:
        self.feed(CommandAuthorised(command_id, ORDER, NOW_US + TTL_US))

    def answer(self, kind: type, state: str, took_us: int = 1_000, observed_plane_us: int = 0) -> CommandStep:
        asked = self.take(kind)
        said = PlaneWord(asked.command_id, state, observed_plane_us=observed_plane_us)
        return self.feed(Answered(asked.serial, said, self.now_us, self.now_us + took_us))

    def fail(self, kind: type, failure: Failure) -> CommandStep:
        return self.feed(Unanswered(self.take(kind).serial, failure, self.now_us, self.now_us + 5))

    def rest(self) -> None:
        timer = self.take(CommandTimer)
        self.now_us += int(timer.delay_s * 1e6) + 1
        self.feed(WaitOver(timer.serial))

    @property
    def command(self) -> Tracked:
        found = self.state.find(ID)
        assert found is not None
        return found


def test_a_command_is_sent_in_the_step_that_hears_of_it_and_written_beside() -> None:
    engine = Engine()
    engine.authorise()
    assert engine.take(SendCommand).order == ORDER
    written = engine.take(RecordCommand)
    assert (written.state, written.sent_us) == (SENT, NOW_US)


def test_hearing_of_it_again_sends_nothing() -> None:
    engine = Engine()
    engine.authorise()
    engine.open.clear()
    for _ in range(3):
        engine.authorise()
    assert engine.open == []


def test_offline_it_is_refused_and_not_sent_when_the_plane_comes_back() -> None:
    engine = Engine(online=False)
    engine.authorise()
    assert engine.take(RecordCommand).state == REFUSED
    engine.feed(Connected(True))
    engine.authorise()
    assert not engine.wants(SendCommand)


def test_after_its_thirty_seconds_it_is_expired_and_not_sent() -> None:
    engine = Engine()
    engine.now_us += TTL_US
    engine.authorise()
    assert engine.take(RecordCommand).state == EXPIRED
    assert not engine.wants(SendCommand)


def test_a_desk_that_restarts_never_sends() -> None:
    for state in (AUTHORISED, SENT):
        engine = Engine()
        engine.feed(CommandFound(ID, state, NOW_US + TTL_US))
        engine.authorise()
        assert not engine.wants(SendCommand)
        assert engine.take(LookUp).command_id == ID
        assert engine.command.state == UNKNOWN


def test_it_is_followed_until_it_is_verified_with_four_clocks() -> None:
    engine = Engine()
    engine.feed(OffsetMeasured(ClockOffset(4_000, 300, NOW_US)))
    engine.authorise()
    engine.take(RecordCommand)
    engine.answer(SendCommand, ACKNOWLEDGED)
    written = engine.take(RecordCommand)
    assert (written.state, written.sent_us, written.acknowledged_us) == (ACKNOWLEDGED, NOW_US, NOW_US + 1_000)
    assert engine.open[0].wait_s > 0
    engine.answer(LookUp, DISPATCHED)
    engine.answer(LookUp, VERIFIED, observed_plane_us=NOW_US + 54_000)
    written = engine.take(RecordCommand)
    assert (written.state, written.sent_us, written.acknowledged_us) == (VERIFIED, NOW_US, NOW_US + 1_000)
    assert (written.observed_us, written.offset_us, written.offset_known) == (NOW_US + 50_000, 4_000, True)
    assert written.word.observed_plane_us == NOW_US + 54_000
    assert engine.open == [], "an end is an end"


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (OFFLINE, REFUSED), (no(401), REFUSED), (no(403, "gates_unmet"), REFUSED), (no(409, "stale"), STALE),
        (no(410, "expired"), EXPIRED), (no(422), REFUSED), (no(429), REFUSED),
    ],
)  # fmt: skip
def test_a_clear_no_is_an_end_with_its_sentence(failure: Failure, end: str) -> None:
    engine = Engine()
    engine.authorise()
    engine.fail(SendCommand, failure)
    written = engine.take(RecordCommand)
    assert (written.state, written.sentence) == (end, failure.sentence)
    assert not engine.wants(LookUp)


@pytest.mark.parametrize("failure", [LOST, no(500), no(503, "busy"), Failure("garbage", "not the protocol")])
def test_a_lost_answer_is_unknown_and_looked_up_and_never_sent_again(failure: Failure) -> None:
    engine = Engine()
    engine.authorise()
    engine.fail(SendCommand, failure)
    assert engine.take(RecordCommand).state == UNKNOWN
    engine.answer(LookUp, VERIFIED)
    assert engine.take(RecordCommand).state == VERIFIED
    assert not engine.wants(SendCommand)


def test_not_known_to_the_plane_is_final_only_once_it_could_not_be_taken_any_more() -> None:
    engine = Engine()
    engine.feed(OffsetMeasured(ClockOffset(-2_000_000, 300, NOW_US)))
    engine.authorise()
    engine.fail(SendCommand, LOST)
    engine.fail(LookUp, no(404))
    assert engine.command.state == UNKNOWN
    engine.rest()
    plane_now_us = engine.now_us - 2_000_000
    assert plane_now_us > NOW_US + TTL_US
    engine.feed(JournalSeen(engine.now_us - 1, 0))
    engine.fail(LookUp, no(404))
    assert engine.command.state == UNKNOWN, "the plane may have been rolled back since sync last asked it"
    engine.feed(JournalSeen(engine.now_us + 1, 0))
    engine.rest()
    engine.fail(LookUp, no(404))
    assert engine.take(RecordCommand).state == EXPIRED


@pytest.mark.parametrize("restarted", [False, True])
def test_a_plane_in_doubt_cannot_say_that_an_order_never_came(restarted: bool) -> None:
    engine = Engine()
    if restarted:
        engine.feed(CommandFound(ID, SENT, NOW_US + TTL_US, NOW_US, doubted=True))
    else:
        engine.authorise()
        engine.fail(SendCommand, LOST)
        engine.feed(JournalSeen(NOW_US, 1))
    engine.now_us += 10 * TTL_US
    for n in range(4):
        engine.feed(JournalSeen(engine.now_us + 1, 1))
        engine.fail(LookUp, no(404))
        engine.rest()
        assert engine.command.state == UNKNOWN, n
    assert engine.command.sentence.endswith(READ_BACK)
    engine.answer(LookUp, VERIFIED)
    assert engine.command.state == VERIFIED, "a plane that knows it after all is believed"


def test_an_order_sent_after_the_doubt_is_judged_as_any_other() -> None:
    engine = Engine()
    engine.feed(JournalSeen(NOW_US - 1, 1))
    engine.authorise()
    engine.fail(SendCommand, LOST)
    engine.now_us += 10 * TTL_US
    engine.fail(LookUp, no(404))
    engine.feed(JournalSeen(engine.now_us + 1, 1))
    engine.rest()
    engine.fail(LookUp, no(404))
    assert engine.command.state == EXPIRED


@pytest.mark.parametrize("end", [REFUSED, EXPIRED])
def test_an_end_by_way_of_unknown_is_heard_although_that_was_missed(end: str) -> None:
    engine = Engine()
    engine.authorise()
    engine.answer(SendCommand, ACKNOWLEDGED)
    engine.answer(LookUp, end)
    assert engine.command.state == end


def test_a_plane_that_took_it_and_forgot_it_leaves_it_unknown() -> None:
    engine = Engine()
    engine.authorise()
    engine.answer(SendCommand, ACKNOWLEDGED)
    engine.now_us += 10 * TTL_US
    engine.fail(LookUp, no(404))
    assert engine.take(RecordCommand).state == UNKNOWN
    engine.rest()
    engine.fail(LookUp, no(404))
    assert engine.command.state == UNKNOWN
    assert not engine.wants(RecordCommand), "nothing new, nothing written"


def test_progress_never_goes_back_and_an_end_never_moves() -> None:
    engine = Engine()
    engine.authorise()
    engine.answer(SendCommand, DISPATCHED)
    engine.answer(LookUp, ACKNOWLEDGED)
    assert engine.command.state == DISPATCHED
    engine.rest()
    engine.answer(LookUp, VERIFIED)
    for state in ENDS:
        engine.feed(Answered(engine.state.serials, PlaneWord(ID, state), NOW_US, NOW_US))
    assert engine.command.state == VERIFIED


def test_an_answer_about_another_command_is_not_believed() -> None:
    engine = Engine()
    engine.authorise()
    sent = engine.take(SendCommand)
    engine.feed(Answered(sent.serial, PlaneWord(ID.replace("c001", "c002"), VERIFIED), NOW_US, NOW_US))
    assert engine.command.state == SENT


def test_look_ups_wait_longer_each_time_and_start_again_when_the_plane_is_back() -> None:
    engine = Engine()
    engine.authorise()
    engine.fail(SendCommand, LOST)
    waits = []
    for _ in range(8):
        engine.fail(LookUp, OFFLINE)
        waits.append(engine.open[-1].delay_s)
        if len(waits) < 8:
            engine.rest()
    assert waits == sorted(waits)
    assert waits[-1] == 15.0
    stale = engine.take(CommandTimer)
    engine.feed(Connected(False))
    engine.feed(Connected(True))
    assert engine.take(LookUp).wait_s == 0
    engine.feed(WaitOver(stale.serial))
    assert not engine.wants(LookUp)


def test_a_plane_that_does_not_hold_its_answer_is_not_asked_in_a_circle() -> None:
    engine = Engine()
    engine.authorise()
    engine.answer(SendCommand, ACKNOWLEDGED)
    engine.answer(LookUp, ACKNOWLEDGED, took_us=100)  # the first look-up brings the plane's own word: news
    engine.open.clear()
    for _ in range(3):
        engine.feed(Answered(engine.command.busy, PlaneWord(ID, ACKNOWLEDGED), engine.now_us, engine.now_us + 100))
        assert not engine.wants(LookUp)
        engine.rest()
        engine.open.clear()


def test_what_the_disk_did_not_take_is_written_again_as_a_whole() -> None:
    engine = Engine()
    engine.authorise()
    engine.take(RecordCommand)
    engine.answer(SendCommand, VERIFIED)
    lost = engine.take(RecordCommand)
    engine.feed(RecordFailed(lost.serial))
    engine.rest()
    again = engine.take(RecordCommand)
    assert (again.state, again.sent_us, again.word) == (lost.state, lost.sent_us, lost.word)
    engine.feed(Recorded(again.serial))
    assert engine.command.unwritten == 0


@pytest.mark.parametrize("ahead_us", [7_200_000_000, -7_200_000_000])
def test_an_order_is_over_by_the_clock_of_the_plane_and_unsent_by_that_of_the_desk(ahead_us: int) -> None:
    """The order says the plane's time; the row, which decides about sending, says the desk's."""
    engine = Engine()
    engine.feed(OffsetMeasured(ClockOffset(ahead_us, 1_000, NOW_US)))
    engine.feed(CommandAuthorised(ID, ORDER, NOW_US + TTL_US, NOW_US + TTL_US + ahead_us))
    assert engine.take(SendCommand).order == ORDER
    engine.open.clear()
    engine.feed(Unanswered(engine.command.busy, LOST, NOW_US, NOW_US + 5))
    engine.fail(LookUp, no(404))
    assert engine.command.state == UNKNOWN, "it may still be on its way"
    timer = engine.take(CommandTimer)
    assert 30 <= timer.delay_s <= 60, "two hours of difference change nothing of its end"


def test_without_an_offset_the_desk_waits_by_its_own_clock() -> None:
    engine = Engine()
    engine.feed(CommandFound(ID, SENT, NOW_US + TTL_US, NOW_US, ends_plane_us=NOW_US - 7_200_000_000))
    engine.fail(LookUp, no(404))
    assert engine.command.state == UNKNOWN
    assert engine.take(CommandTimer).delay_s == pytest.approx((TTL_US + 120_000_000) / 1e6, abs=1)
