"""Scenes of what two people did at once: texts of a note to be joined, answers of triage that differ."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize

from console.actions.incidents import add_note
from console.actions.notes import revise_note
from console.ui.board import BoardPanel
from console.ui.incident import IncidentPanel
from console.ui.timeline import TimelinePanel
from console.ui.triage import TriagePanel
from tests.fakes.record_kit import body_of
from tests.fakes.studio import Studio
from tests.ui.scenes_panels import DOCK, HOSTILE, NARROW, WHOLE, Scene, Take, in_themes, many
from tests.ui.scenes_window import _window

BASE = (
    "14:02 Grounding of Borealis fell below its floor.\nThe index was switched to v41 at 13:55.\n"
    "Provider called, ticket 4711.\nNo customer has complained yet.\nNext look at 14:30."
)
MINE = BASE.replace("v41", "v39").replace("Next look at 14:30.", "Next look at 14:45.\nLegal is told.")
THEIRS = BASE.replace("v41", "v40").replace("No customer has complained yet.", "Two customers have complained.")
OTHER = "ben@example.org"


def siblings(studio: Studio, base: str = BASE, mine: str = MINE, theirs: str = THEIRS) -> str:
    """A note with two texts that did not know of each other; returns its id."""
    incident, actor, now = studio.story.incident, studio.frame.session.actor(), studio.clock()
    note: str = studio.desk.act(add_note, incident, base, now, actor, now).result(10).events[-1]
    studio.sync()
    studio.pass_time(90)
    body = body_of("note.revised", note=note, text=theirs, saw=[note])
    written = studio.outside.plane.write("note.revised", incident, body, actor=OTHER)
    studio.pass_time(40)
    studio.desk.act(revise_note, incident, note, mine, [note], actor, studio.clock()).result(10)
    studio.outside.send(written)
    return note


def answered_twice(studio: Studio, branch: str = "retrieval") -> None:
    """Two answers to one branch, each without the other."""
    story, opened = studio.story, studio.story.ids["incident.opened"]
    body = body_of("triage.answered", branch=branch, answer="no", saw=opened)
    theirs = studio.outside.plane.write("triage.answered", story.incident, body, actor=OTHER)
    studio.pass_time(25)
    story.from_desk("triage.answered", branch=branch, answer="yes", saw=opened)
    studio.outside.send(theirs)


def note_merge(studio: Studio, take: Take) -> None:
    studio.tell("opened", "acknowledged", "commanded")
    siblings(studio)
    panel = TimelinePanel(studio.frame)
    studio.show(panel, DOCK)
    take("timeline-conflict", panel)
    panel.on_action("timeline.join")
    _compared(studio, panel)
    in_themes(studio, take, panel, "note-merge", "dark", "light", "high_contrast")
    panel.resize(NARROW)
    studio.settle()
    take("note-merge-narrow", panel)


def note_merge_hostile(studio: Studio, take: Take) -> None:
    studio.tell("opened", "acknowledged", "commanded")
    siblings(studio, "one\ntwo\n" + HOSTILE, "one\n<b>2</b>\n" + HOSTILE, "one\n\u202eowt\n" + HOSTILE)
    panel = TimelinePanel(studio.frame)
    studio.show(panel, DOCK)
    panel.on_action("timeline.join")
    _compared(studio, panel)
    take("note-merge-hostile", panel)


def _compared(studio: Studio, panel: Any) -> None:
    studio.until(lambda: panel.sheet is not None and not panel.sheet._busy)
    studio.settle()


def triage_conflict(studio: Studio, take: Take) -> None:
    studio.pass_time(400)
    studio.flow()
    studio.opened()
    answered_twice(studio)
    studio.sync()
    panel = TriagePanel(studio.frame)
    studio.show(panel, DOCK)
    studio.until(lambda: panel._view is not None and panel._following is not None and panel._following.ready)
    panel._focus("retrieval")
    studio.settle()
    in_themes(studio, take, panel, "triage-conflict")


def conflicts_shown(studio: Studio, take: Take) -> None:
    many(studio, 6)
    studio.tell("opened", "acknowledged", "commanded")
    answered_twice(studio)
    siblings(studio)
    studio.sync()
    page = IncidentPanel(studio.frame)
    studio.show(page, WHOLE)
    take("incident-conflict", page)
    page.resize(NARROW)
    studio.settle()
    take("incident-conflict-dock", page)
    board = BoardPanel(studio.frame)
    studio.show(board, QSize(1000, 300))
    take("board-conflict", board)
    window = _window(studio)
    window.go_to("incident")
    studio.settle()
    take("window-conflict", window)


SCENES: dict[str, Scene] = {
    "note-merge": note_merge, "note-merge-hostile": note_merge_hostile, "triage-conflict": triage_conflict,
    "conflicts": conflicts_shown,
}  # fmt: skip
