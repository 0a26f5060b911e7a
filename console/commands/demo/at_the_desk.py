"""The demo with a window: the same plane, range and cast, a commander at the keyboard, and the others who answer.

The window is painted before any of it starts. When it is closed, what the record holds by then is written out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.app import Opening, Prepare, run
from console.commands.demo.cast import COMMANDER, PEOPLE
from console.commands.demo.outputs import write_papers, write_record
from console.commands.demo.players import Players
from console.commands.demo.reviewing import trust
from console.commands.demo.stage import Settings, Stage
from console.domain.switches import STOPPED
from console.evidence.trust import Trust
from console.queries.incidents import incidents
from console.runtime.desk import Desk
from console.store.opening import record_path
from console.store.readers import Reader, Rows
from console.ui.session import Openers, Session

if TYPE_CHECKING:
    from console.policy import Policy
    from console.ui.frame import Frame

GUIDE = (
    "EXERCISE. Traffic is healthy now; something will go wrong by itself in a few seconds. Press F8 at any time to do "
    "the next step, F1 for all keys, Ctrl+K to find anything."
)


def play_at_the_desk(settings: Settings) -> int:
    """Opens the window on the demo and returns its exit code."""
    theatre = _Theatre(settings)
    return run(
        Opening(
            desk=theatre.open_desk,
            session=theatre.session,
            policy=theatre.policy,
            guide=theatre.guide,
            close=theatre.close,
            exercise=True,
            waiting="Starting the plane and the range of this exercise ...",
        )
    )


class _Theatre:
    """Holds the stage and the players between the window's callbacks."""

    def __init__(self, settings: Settings) -> None:
        self._stage = Stage(settings, lambda _: None)
        self._players: Players | None = None

    def open_desk(self, prepare: Prepare) -> Desk:
        """Starts everything; blocks, so the window calls it on a worker."""
        stage = self._stage
        stage.prepare = prepare
        stage.__enter__()
        write_papers(stage)
        self._players = Players(
            stage.desk,
            stage.policy,
            stage.cast,
            stage.range,
            stage.settings.out / "evidence",
            Trust.from_object(trust(stage)),
            (stage.escrow, stage.custodian),
        )
        self._players.start()
        return stage.desk

    def session(self, _: Desk) -> Session:
        """The commander of the exercise, signed in."""
        stage, (person, title, roles) = self._stage, PEOPLE[COMMANDER]
        return Session(
            person=person,
            display_name=title,
            exercise=True,
            roles=roles,
            key=stage.cast.keys[COMMANDER],
            evidence_identity=stage.evidence,
            openers=Openers(stage.custodian.recipient, stage.escrow.recipient),
            origin=stage.plane_ready["origin"],
            kept="in memory, for this exercise only",
            export_to=stage.settings.out / "evidence",
        )

    def policy(self) -> Policy:
        """The organisation's data."""
        return self._stage.policy

    def guide(self, frame: Frame) -> None:
        """Says what to press first."""
        frame.notices.say(GUIDE, "info")

    def close(self) -> None:
        """Writes what there is and stops everybody; the desk has stopped already."""
        if self._players is not None:
            self._players.stop()
        try:
            self._write_what_there_is()
        finally:
            self._stage.close()

    def _write_what_there_is(self) -> None:
        path = record_path(self._stage.desk_folder)
        if not path.is_file():
            return
        with Reader.open(path) as reader:
            incident, stop = _first_stop(reader)
            if stop:
                write_record(reader, self._stage.settings.out, incident, stop)


def _first_stop(reader: Rows) -> tuple[str, str]:
    """(incident, command) of the newest incident's first verified stop, or two empty texts."""
    for row in incidents(reader):
        found = reader.value(
            "SELECT command_id FROM command WHERE incident = ? AND want = ? AND state = 'verified' ORDER BY sent_at",
            (row.incident, STOPPED),
            "",
        )
        if found:
            return row.incident, str(found)
    return "", ""
