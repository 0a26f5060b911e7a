"""A first start on a machine that has nothing: a name, alone, an incident by hand, and all of it there the next time.

By keys only, on a real screen, with settings, store and keys in folders of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import ConsoleError
from console.queries.incidents import incidents
from console.queries.triage import triage
from console.store.opening import record_path
from console.store.readers import Reader
from tests.flows.screen_process import DeskProcess, Screen, needs_a_screen, twice
from tests.waiting import wait_until

STARTED_WITHIN_S, SEEN_WITHIN_S, PATIENCE_S = 40, 20, 1.5
# Capitals, because a letter without Shift is a key of the page where no field has the focus yet.
NAME, PASSPHRASE = "Ada Example", "correct horse battery"
TITLE, NOTE = "ANSWERS CITE A RULE THAT DOES NOT EXIST", "LEGAL WAS TOLD BY PHONE"


def until(screen: Screen, keys: tuple[str, ...], seen: Callable[[], Any], what: str) -> Any:
    """Presses keys, again where they came before the window was ready, until `seen` answers; its answer."""
    for _ in range(10):
        screen.press(*keys)
        try:
            return wait_until(seen, PATIENCE_S)
        except AssertionError:
            continue
    raise AssertionError(f"pressed {keys} in vain for {what}")


@needs_a_screen
@pytest.mark.timeout(400)
def test_what_a_new_user_does_alone_is_kept_and_found_again(tmp_path: Path) -> None:
    twice(two_sittings, tmp_path)


def two_sittings(folder: Path) -> None:
    """The first start, some work, and the second start, with everything in `folder`."""
    folder.mkdir()
    store = folder / "store"
    own = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    with Screen() as screen:
        with DeskProcess(screen, folder / "first.log", "--store", str(store), more=own) as desk:
            screen.focus("First start", STARTED_WITHIN_S)
            answer_the_first_page(screen)
            wait_until(lambda: made(store), SEEN_WITHIN_S, "the record")
            with Reader.open(record_path(store)) as reader:
                work(screen, reader)
            screen.press("ctrl+q")
            assert desk.ended(30) == 0, desk.said()
        with DeskProcess(screen, folder / "second.log", "--store", str(store), more=own) as desk:
            screen.focus("Locked", STARTED_WITHIN_S)
            screen.write(PASSPHRASE)
            screen.press("Return")
            until(screen, ("F8",), lambda: screen.shows(TITLE), "the incident of the first sitting")
            screen.press("ctrl+q")
            assert desk.ended(30) == 0, desk.said()
    with Reader.open(record_path(store)) as reader:
        row = only_incident(reader)
        assert (row.title, len(incidents(reader))) == (TITLE, 1)
        assert answers(reader) == ["no", "unclear"]
        assert [event.envelope.body["text"] for event in reader.events(row.incident, "note.added")] == [NOTE]
        opened = reader.events(row.incident, "incident.opened")[0].envelope
        assert (opened.body["channel"], opened.actor, opened.exercise) == ("manual", f"local:{NAME}", False)
        assert reader.value("SELECT count(DISTINCT device) FROM event") == 1, "the second start is the same desk"


def answer_the_first_page(screen: Screen) -> None:
    """The name has the focus; alone is chosen already; the keys go into a file, because here is no keyring."""
    screen.write(NAME)
    screen.press("Tab", "Tab", "Down", "Tab")
    screen.write(PASSPHRASE)
    screen.press("Tab")
    screen.write(PASSPHRASE)
    screen.press("Return")


def work(screen: Screen, reader: Reader) -> None:
    """An incident by hand, what the screen names next, two answers and an entry."""
    for _ in range(8):
        screen.press("Escape", "ctrl+i")
        screen.write(TITLE)
        screen.press("Return", "Return")
        if soon(lambda: incidents(reader)):
            break
    incident = only_incident(reader).incident
    until(screen, ("F8",), lambda: reader.events(incident, "incident.acknowledged"), "the acknowledgement")
    until(screen, ("F8",), lambda: reader.events(incident, "role.taken"), "command")
    until(screen, ("F8", "Return"), lambda: reader.events(incident, "severity.graded"), "the grade")
    until(screen, ("ctrl+3", "n"), lambda: len(answers(reader)) == 1, "the first answer")
    until(screen, ("ctrl+3", "u"), lambda: len(answers(reader)) == 2, "the second answer")
    screen.press("ctrl+n")
    screen.write(NOTE)
    until(screen, ("Return",), lambda: reader.events(incident, "note.added"), "the entry")


def soon(predicate: Callable[[], Any]) -> bool:
    """Whether it came true within a person's patience."""
    try:
        return bool(wait_until(predicate, PATIENCE_S))
    except AssertionError:
        return False


def made(store: Path) -> Path | None:
    """The record's file once its tables are there."""
    path = record_path(store)
    try:
        with Reader.open(path) as reader:
            return path if reader.value("SELECT count(*) FROM sqlite_master WHERE name = 'incident'") else None
    except ConsoleError:  # not there yet, or being made at this moment
        return None


def only_incident(reader: Reader) -> Any:
    """The row of the incident."""
    return wait_until(lambda: next(iter(incidents(reader)), None), SEEN_WITHIN_S, "the incident")


def answers(reader: Reader) -> list[str]:
    """The answers of its triage, in order."""
    view = triage(reader, only_incident(reader).incident)
    return [one.answer for one in view.answers] if view is not None else []
