"""The stream parser: any cut of the bytes gives the same events; lines and events are bounded."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.remote.event_stream import StreamEvent, events, lines
from console.remote.faults import GarbledAnswer, OversizedAnswer

TEXT = (
    b'id: 7\ndata: {"t":1}\n\n: a comment\r\nevent: cut\r\ndata: a\r\ndata: \xc3\xa4\r\n\r\n'
    b"event: nothing\n\ndata: last\n"
)
EVENTS = [StreamEvent("7", "", '{"t":1}'), StreamEvent("7", "cut", "a\nä")]


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[a:b] for a, b in itertools.pairwise(at)]
    assert list(events(lines(pieces, 100), 100)) == EVENTS


def test_a_line_without_an_end_is_cut_off_at_the_bound() -> None:
    with pytest.raises(OversizedAnswer):
        list(lines(iter([b"x" * 60, b"x" * 60]), 100))
    with pytest.raises(OversizedAnswer):
        list(lines([b"x" * 120 + b"\n"], 100))


def test_many_short_lines_make_no_endless_event() -> None:
    with pytest.raises(OversizedAnswer):
        list(events(lines([b"data: 0123456789\n"] * 20, 100), 100))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(GarbledAnswer):
        list(lines([b"\xff\n"], 100))
