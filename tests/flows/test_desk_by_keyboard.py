"""The demo's incident from alert to close on a real screen, by the keys that the screen names and by nothing else.

What comes next is asked of the record with the very question that the incident bar asks. A key that came before the
window was ready for it is pressed again, as a person would.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import ConsoleError
from console.domain.next_step import NextStep
from console.policy import default_path, load
from console.queries.incidents import incidents
from console.queries.standing import upcoming
from console.queries.triage import triage
from console.store.opening import record_path
from console.store.readers import Reader
from tests.flows.screen_process import DeskProcess, Screen, needs_a_screen, twice
from tests.waiting import wait_until

STARTED_WITHIN_S, STORY_WITHIN_S = 90, 210
PATIENCE_S = 1.0
"""A key that changed nothing for so long is pressed again."""
OVER = "view.board"
# Capitals, because a letter without Shift is a key of the page where no field has the focus yet.
REASON = "THE MEASURED RUN IS CLEAN AND THE OWNER HAS SIGNED IT OFF."
RESOLUTION = "AN INDEX WAS POISONED. IT WAS BLOCKED, MENDED AND GIVEN BACK."


class Onlooker:
    """Reads the record that the desk writes; asks only when somebody has committed something."""

    def __init__(self, path: Path) -> None:
        self.reader = Reader.open(path)
        self._policy, self._version = load(default_path()), -1
        self._step: NextStep | None = None

    def incident(self) -> str:
        """The id of the incident that opened, "" before."""
        rows = incidents(self.reader)
        return rows[0].incident if rows else ""

    def step(self) -> NextStep:
        """The next step, as the screen names it."""
        version = self.reader.value("PRAGMA data_version")
        if version != self._version:
            self._version, self._step = version, upcoming(self.reader, self.incident(), self._policy)
        assert self._step is not None
        return self._step

    def count(self, table: str, where: str = "1") -> int:
        """How many rows a table has."""
        return int(self.reader.value(f"SELECT count(*) FROM {table} WHERE {where}"))

    def answers(self) -> list[str]:
        """The branches answered, in order."""
        view = triage(self.reader, self.incident())
        return [one.branch for one in view.answers] if view is not None else []

    def bodies(self, event_type: str) -> list[dict[str, Any]]:
        """What the events of a type say."""
        return [dict(event.envelope.body) for event in self.reader.events(self.incident(), event_type)]


class Commander:
    """Sits at the keyboard and does what the screen names; `pressed` are the keys in order."""

    def __init__(self, screen: Screen, seen: Onlooker) -> None:
        self._screen, self._seen = screen, seen
        self._sheets: dict[str, Callable[[], None]] = {
            "incident.grade": self._confirm,
            "incident.validate": self._confirm,
            "incident.export": self._confirm,
            "incident.request_review": self._confirm,
            "incident.close": self._close,
            "switches.hold": self._hold,
            "switches.restore": self._restore,
            "view.triage": self._walk,
        }
        self.done: list[str] = []
        self._looks = 0

    def play(self) -> None:
        """From the alert to the closed incident; AssertionError, naming the step, when it does not get there."""
        deadline = time.monotonic() + STORY_WITHIN_S
        while (step := self._seen.step()).action_id != OVER:
            assert time.monotonic() < deadline, f"still at '{step.sentence}' after {self.done}"
            self.done.append(step.action_id)
            if self.done[-3:] == [step.action_id] * 3:  # something else is open, and the notice says to leave it
                self._screen.press("Escape")
            self._looks = self._seen.count("observation")
            self._screen.press("F8")
            self._sheets.get(step.action_id, self._nothing_more)()
            soon(partial(self._is_past, step))

    def _is_past(self, step: NextStep) -> bool:
        return self._seen.step().sentence != step.sentence

    def _nothing_more(self) -> None:
        return

    def _confirm(self) -> None:
        self._screen.press("Return")

    def _walk(self) -> None:
        """Three branches ruled out, the fourth holds; where the tree does not answer, F8 was not taken yet."""
        for wanted in (1, 2, 3):
            if len(self._seen.answers()) < wanted:
                self._screen.press("n")
            if not soon(partial(self._has_answered, wanted)):
                return
        if "model" not in self._seen.answers():
            self._screen.press("m", "y")
        if soon(lambda: "model" in self._seen.answers()):
            self._screen.press("ctrl+Return")

    def _has_answered(self, branches: int) -> bool:
        return len(self._seen.answers()) >= branches

    def _hold(self) -> None:
        if self._sheet_has_looked():
            self._hold_space("want = 'stopped'")

    def _restore(self) -> None:
        if not self._sheet_has_looked():
            return
        self._screen.write(REASON)
        self._screen.press("Tab")
        self._screen.write("borealis")
        self._screen.press("Return")
        self._hold_space("want = 'running'")

    def _sheet_has_looked(self) -> bool:
        """Whether the sheet that F8 opens has asked the plane what is there: then it is open and has the keys."""
        return soon(lambda: self._seen.count("observation") > self._looks, 2 * PATIENCE_S)

    def _hold_space(self, wanted: str) -> None:
        with self._screen.held("space"):
            soon(lambda: self._seen.count("command", wanted) > 0, 3)

    def _close(self) -> None:
        self._screen.write(RESOLUTION)
        self._screen.press("ctrl+Return", "Return")


def soon(predicate: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Whether it came true within a person's patience."""
    try:
        return wait_until(predicate, within_s)
    except AssertionError:
        return False


@needs_a_screen
@pytest.mark.timeout(2 * (STARTED_WITHIN_S * 2 + STORY_WITHIN_S + 60))
def test_the_incident_goes_from_alert_to_close_by_the_keys_that_the_screen_names(tmp_path: Path) -> None:
    twice(story, tmp_path)


def story(folder: Path) -> None:
    """The whole incident in a world of its own, which is in `folder`."""
    folder.mkdir()
    out = folder / "out"
    with Screen() as screen, DeskProcess(screen, folder / "desk.log", "demo", "--out", str(out)) as desk:
        screen.focus("EXERCISE", STARTED_WITHIN_S)
        seen = wait_until(lambda: onlooker(record_path(out / "work" / "desk")), STARTED_WITHIN_S, "the record")
        assert seen is not None
        with seen.reader:
            wait_until(seen.incident, STARTED_WITHIN_S, "the incident")
            screen.press("F8")  # takes it
            commander = Commander(screen, seen)
            commander.play()
            reason, resolution = seen.bodies("switch.confirmed")[-1]["reason"], seen.bodies("incident.closed")
        screen.press("ctrl+q")
        assert desk.ended(60) == 0, desk.said()
    assert reason
    assert reason.endswith(REASON[-20:])  # a second try finds the first one kept and adds to it
    assert resolution[0]["resolution"].strip().endswith(RESOLUTION[-20:])
    told = [json.loads(line)["type"] for line in (out / "timeline.jsonl").read_text("utf-8").splitlines()]
    order = [
        "incident.opened", "incident.acknowledged", "role.taken", "severity.graded", "switch.confirmed",
        "triage.answered", "triage.concluded", "evidence.sealed", "validation.measured", "criterion.requested",
        "criterion.signed", "evidence.exported", "review.requested", "review.signed", "incident.closed",
    ]  # fmt: skip
    assert [told.index(name) for name in order] == sorted(told.index(name) for name in order)
    assert told.count("switch.confirmed") == 2, "one stop and one restore, nothing pressed twice"
    assert json.loads((out / "receipt.json").read_text("utf-8"))["refuses_new"]["result"] is True


def onlooker(path: Path) -> Onlooker | None:
    """An onlooker as soon as there is a record with its tables."""
    try:
        made = Onlooker(path) if path.is_file() else None
    except ConsoleError:  # being made at this moment
        return None
    if made is None or made.count("sqlite_master", "name = 'incident'"):
        return made
    made.reader.close()
    return None
