"""Select tokens end by time and by use; probe streams are one a switch and never outlive their preview."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from console.plane.backends import StreamEnd
from console.plane.previews import Preview, Previews

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = Preview("d", "i", "FF_X", "tenant.x", "stopped", 1, NOW)


class Stream:
    """A probe stream without a network."""

    def __init__(self) -> None:
        self.opened, self.end, self.closed = NOW, None, False
        self._end: StreamEnd | None = None

    async def ended_within(self, seconds: float) -> StreamEnd | None:
        return self._end

    async def close(self) -> None:
        self.closed = True


def test_a_token_is_good_while_what_was_shown_is_fresh() -> None:
    previews = Previews(60, 60)
    token = previews.give(SHOWN, NOW)
    held = previews.find(token, NOW + timedelta(seconds=59))
    assert held is not None
    assert (held.generation, held.used_by) == (1, "")
    assert previews.find(token, NOW + timedelta(seconds=60)) is None
    assert previews.find("another", NOW) is None


def test_a_token_remembers_who_used_it() -> None:
    previews = Previews(60, 60)
    token = previews.give(SHOWN, NOW)
    previews.use(token, "c-1")
    held = previews.find(token, NOW)
    assert held is not None
    assert held.used_by == "c-1"


def test_old_tokens_make_room() -> None:
    previews = Previews(60, 60)
    for _ in range(120):
        previews.give(SHOWN, NOW)
    assert len(previews._tokens) == 100


def test_a_newer_preview_closes_the_older_stream() -> None:
    async def run() -> None:
        previews = Previews(60, 60)
        older, newer, other = Stream(), Stream(), Stream()
        previews.keep_stream("FF_X", "tenant.x", "a", older)
        previews.keep_stream("FF_X", "tenant.y", "a", other)
        previews.keep_stream("FF_X", "tenant.x", "a", newer)
        assert previews.take_stream("FF_X", "tenant.x", "a") is newer
        assert previews.take_stream("FF_X", "tenant.x", "a") is None
        await previews.close()
        assert (older.closed, newer.closed, other.closed) == (True, False, True)

    asyncio.run(run())


def test_a_stream_that_ended_is_not_handed_over() -> None:
    async def run() -> None:
        previews = Previews(60, 60)
        stream = Stream()
        stream.end = StreamEnd(NOW, cut=False)  # type: ignore[assignment]
        previews.keep_stream("FF_X", "tenant.x", "a", stream)
        assert previews.take_stream("FF_X", "tenant.x", "a") is None
        await previews.close()

    asyncio.run(run())


def test_a_stream_is_let_go_after_its_time() -> None:
    async def run() -> None:
        previews = Previews(60, 0)
        stream = Stream()
        previews.keep_stream("FF_X", "tenant.x", "a", stream)
        async with asyncio.timeout(5):
            while not stream.closed:
                await asyncio.sleep(0)
        await previews.close()

    asyncio.run(run())
