"""The board's questions: every incident once in every order, slices that fit, search, and where a change belongs."""

from __future__ import annotations

import itertools
import random

import pytest

from console.queries.board import (
    ALL,
    DONE,
    NEWEST,
    OLDEST,
    OPEN,
    ORDERS,
    SEVERE,
    SHOWN,
    BoardRow,
    Changed,
    Wanted,
    board_changes,
    board_opening,
    board_page,
    board_slice,
)
from tests.fakes.record_kit import append, new_incident
from tests.fakes.told import Told

LEVELS = ("SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-9<b>", "")
HOSTILE = "<img src=x> \u202egnp.exe"


def fill(told: Told, count: int = 60) -> list[str]:
    """So many incidents of every level, a third of them closed, in an order that is none."""
    numbers = list(range(count))
    random.Random(7).shuffle(numbers)
    for n in numbers:
        story = told.story.beside(new_incident(n))
        story.opened(severity=LEVELS[n % len(LEVELS)], title=f"Incident {n} {HOSTILE if n % 9 == 0 else 'plain'}")
        if n % 3 == 0:
            story.entered("closed")
    return [new_incident(n) for n in numbers]


def everything(told: Told, wanted: Wanted, limit: int) -> list[int]:
    """All numbers, slice by slice."""
    found, mark = [], None
    for turn in itertools.count():
        part = told.ask(board_slice, wanted, mark, limit)
        found += part.numbers
        mark = part.after
        assert turn < 1000
        if mark is None:
            return found
    return found


def rows(told: Told, wanted: Wanted) -> tuple[BoardRow, ...]:
    page: tuple[BoardRow, ...] = told.ask(board_page, everything(told, wanted, 1000))
    return page


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shown", SHOWN)
def test_every_wanted_incident_comes_once_whatever_the_slices(told: Told, shown: str, order: str, limit: int) -> None:
    ids = {*fill(told), told.story.incident}
    found = rows(told, Wanted(shown=shown, order=order))
    numbers = everything(told, Wanted(shown=shown, order=order), limit)
    assert numbers == [row.number for row in found]
    assert len(set(numbers)) == len(numbers)
    closed = {new_incident(n) for n in range(0, 60, 3)}
    assert {row.incident for row in found} == {OPEN: ids - closed, ALL: ids, DONE: closed}[shown]
    assert {row.state for row in found} == {OPEN: {"open"}, ALL: {"open", "closed"}, DONE: {"closed"}}[shown]


def test_orders_are_what_they_say(told: Told) -> None:
    fill(told)
    by_level = [(row.severity, row.incident) for row in rows(told, Wanted(shown=ALL, order=SEVERE))]
    assert [level for level, _ in by_level] == sorted(level for level, _ in by_level)
    for _, group in itertools.groupby(by_level, key=lambda pair: pair[0]):
        within = [incident for _, incident in group]
        assert within == sorted(within, reverse=True)
    newest = [row.incident for row in rows(told, Wanted(shown=ALL, order=NEWEST))]
    assert newest == sorted(newest, reverse=True)
    assert [row.incident for row in rows(told, Wanted(shown=ALL, order=OLDEST))] == sorted(newest)


def test_the_mildest_level_leaves_the_milder_out(told: Told) -> None:
    fill(told)
    levels = {row.severity for row in rows(told, Wanted(shown=ALL, mildest="SEV-1"))}
    assert levels == {"", "SEV-0", "SEV-1"}


def test_a_page_keeps_the_order_it_was_asked_in_and_leaves_out_what_is_gone(told: Told) -> None:
    fill(told, 9)
    numbers = everything(told, Wanted(shown=ALL, order=OLDEST), 1000)
    backwards = [*reversed(numbers), 10_000_000]
    assert [row.number for row in told.ask(board_page, backwards)] == list(reversed(numbers))
    assert told.ask(board_page, []) == ()


def test_a_line_holds_what_the_record_holds(told: Told) -> None:
    story = told.story
    story.commanded()
    story.acknowledged()
    line = next(row for row in rows(told, Wanted()) if row.incident == story.incident)
    assert (line.severity, line.state, line.target) == ("SEV-1", "open", "tenant.borealis")
    assert (line.commander, line.acknowledged) == ("ic@example.org", True)
    assert line.detected_at == "2026-01-31T14:02:11.000000Z"


def test_the_opening_brings_the_first_page_along(told: Told) -> None:
    fill(told)
    opening = told.ask(board_opening, Wanted(shown=ALL, order=NEWEST))
    assert [row.number for row in opening.page] == list(opening.slice.numbers[:128])
    assert opening.slice.after is None


def found(told: Told, text: str) -> set[str]:
    return {row.incident for row in rows(told, Wanted(text=text))}


def test_a_search_finds_titles_notes_and_reasons_also_of_closed_ones(told: Told) -> None:
    fill(told)
    assert found(told, "incident 33") == {new_incident(33)}
    append(told.record, "note.added", new_incident(4), text="the zebrafish index was poisoned")
    assert found(told, "zebra") == {new_incident(4)}
    assert found(told, "ZEBRAFISH poisoned") == {new_incident(4)}
    assert found(told, "zebrafish unicorn") == set()


def test_a_search_finds_the_start_of_an_id_and_a_whole_target(told: Told) -> None:
    fill(told)
    assert found(told, new_incident(33)[:13]) >= {new_incident(33)}
    assert found(told, new_incident(33).upper()) == {new_incident(33)}
    assert len(found(told, "tenant.borealis")) == 61
    assert found(told, "tenant.nobody") == set()


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE incident; --", '"', "*", "NEAR(a b)", "\u202e", "%", "a" * 5000, "\x00"]
)
def test_a_hostile_search_finds_nothing_and_breaks_nothing(told: Told, text: str) -> None:
    fill(told, 9)
    assert isinstance(found(told, text), set)
    assert len(rows(told, Wanted(shown=ALL))) == 10


def test_a_blank_search_is_none(told: Told) -> None:
    assert not Wanted(text=" \t").searches
    assert len(rows(told, Wanted(text="  "))) == 1


def test_a_search_is_newest_hit_first(told: Told) -> None:
    fill(told, 20)
    append(told.record, "note.added", new_incident(2), text="plain words once more")
    assert next(iter(rows(told, Wanted(text="plain")))).incident == new_incident(2)


def apply(numbers: list[int], changed: Changed) -> list[int]:
    """What a board does with changes: out with what is not wanted, the others to their places in order."""
    moved = [n for n in numbers if n not in {place.number for place in changed.places}]
    for place in sorted((one for one in changed.places if one.place >= 0), key=lambda one: one.place):
        moved.insert(place.place, place.number)
    return moved


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shown", SHOWN)
def test_changes_put_in_their_places_give_the_board_read_anew(told: Told, shown: str, order: str) -> None:
    fill(told, 40)
    wanted = Wanted(shown=shown, order=order)
    before = everything(told, wanted, 1000)
    told.story.beside(new_incident(11)).graded("SEV-0")
    told.story.beside(new_incident(12)).graded("SEV-4")
    told.story.beside(new_incident(13)).entered("closed")
    told.story.beside(new_incident(900)).opened(severity="SEV-0")
    changed = [new_incident(n) for n in (11, 12, 13, 900, 4711)]
    answer = told.ask(board_changes, wanted, changed)
    after = everything(told, wanted, 1000)
    assert apply(before, answer) == after
    assert answer.total == len(after)
    assert {row.incident for row in answer.rows} == set(changed[:-1])


def test_changes_to_a_search_bring_lines_but_no_places(told: Told) -> None:
    answer = told.ask(board_changes, Wanted(text="grounding"), [told.story.incident])
    assert (len(answer.rows), answer.places, answer.total) == (1, (), -1)
