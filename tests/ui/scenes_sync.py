"""Scenes of the sync page for the pictures: quiet, everything at once, offline, hostile text, alone, joining."""

from __future__ import annotations

from typing import Any

from console.proof.checkpoint import sign_checkpoint
from console.proof.keys import SigningKey
from console.runtime.joining import Meeting
from console.store import rows
from console.store.receipts import set_aside
from console.ui.first_run import FirstRun
from console.ui.main_window import MainWindow
from console.ui.notices import Notices
from console.ui.sync import SyncPanel
from console.ui.sync.sheets import JoinSheet
from tests.fakes.record_kit import ROOT, append
from tests.fakes.studio import PLANE_URL, Studio
from tests.ui.scenes_panels import HOSTILE, Scene, Take, in_themes
from tests.ui.scenes_window import _read, _window

SIZE_DOCK = (620, 640)


def _panel(studio: Studio) -> SyncPanel:
    panel = SyncPanel(studio.frame)
    studio.show(panel)
    studio.until(lambda: panel.found is not None)
    return panel


def _checkpoint(studio: Studio, size: int) -> None:
    """A checkpoint of the plane, as if the journal had been followed so far."""
    key: SigningKey = ROOT

    def keep(record: Any) -> None:
        with record.transaction() as tx:
            state = tx.row("SELECT pull, epoch FROM sync_state") or {}
            note = sign_checkpoint("exercise.test", size, bytes(range(32)), key, "exercise.test")
            rows.insert(tx.conn, "checkpoint", (state["pull"], state["epoch"], size, note, studio.now_text(-4)))

    studio.desk.act(keep).result(10)


def _trouble(studio: Studio, text: str = "Legal was told by phone at 14:01.") -> None:
    """Two alarms, one of them settled; a rejected note and a conflict."""
    studio.opened(detected_at=studio.now_text(-35))
    studio.tell("acknowledged", "commanded", every_s=8)
    story = studio.story

    def write(record: Any) -> None:
        signed = append(record, "note.added", story.incident, text=text)
        with record.transaction() as tx:
            problem = "The commander limited the access to this incident; ask them to be let in."
            set_aside(tx, signed.envelope.event_id, "forbidden", problem if text[0] != "<" else HOSTILE)
            shrunk = "The plane's journal holds 118 entries and held 231 before; it was rolled back."
            old = tx.raise_alarm("epoch", "The plane's journal was begun anew from a backup.")
            tx.settle_alarm(old)
            tx.raise_alarm("shrunk", shrunk if text[0] != "<" else HOSTILE)
            tx.raise_alarm("fork", "The plane accepted an event that does not fit this record; it is kept apart.")

    studio.desk.act(write).result(10)
    story.from_plane("severity.graded", level="SEV-0", saw=story.ids["incident.opened"])
    grade = {"level": "SEV-3", "saw": "elsewhere"}
    studio.desk.act(lambda record: append(record, "severity.graded", story.incident, **grade)).result(10)


def sync_quiet(studio: Studio, take: Take) -> None:
    _checkpoint(studio, 231)
    panel = _panel(studio)
    in_themes(studio, take, panel, "sync-quiet", "dark")


def sync_trouble(studio: Studio, take: Take) -> None:
    _trouble(studio)
    _checkpoint(studio, 231)
    in_themes(studio, take, _panel(studio), "sync")


def sync_offline(studio: Studio, take: Take) -> None:
    studio.opened(detected_at=studio.now_text(-35))
    _checkpoint(studio, 231)
    studio.tell("acknowledged", every_s=8)
    studio.go_offline()
    append_note = {"text": "The bridge is open, code 4711."}
    studio.desk.act(lambda record: append(record, "note.added", studio.story.incident, **append_note)).result(10)
    take("sync-offline", _panel(studio))


def sync_hostile(studio: Studio, take: Take) -> None:
    _trouble(studio, HOSTILE[:3_000])
    panel = _panel(studio)
    panel.resize(*SIZE_DOCK)
    studio.settle()
    take("sync-hostile", panel)


def sync_window(studio: Studio, take: Take) -> None:
    studio.pass_time(400)
    studio.flow()
    _trouble(studio)
    _checkpoint(studio, 231)
    window = _window(studio)
    _read(studio, window)
    window.go_to("sync")
    studio.settle()
    take("window-sync", window)


def sync_join(studio: Studio, take: Take) -> None:
    panel = _panel(studio)
    sheet = JoinSheet(studio.frame, _NoDoor())
    panel._show_sheet(sheet)
    studio.settle()
    take("sync-join", panel)
    window = MainWindow(studio.theme, Notices(), None, None)
    studio.show(window)
    page = FirstRun(studio.theme, "", "", "", window)
    window.show_page(page)
    page.name.setText("Ada Example")
    page.join.setChecked(True)
    page.plane.setText(PLANE_URL)
    page.code.setText("k7wm-p2xd-9frt-hc4b")
    studio.settle()
    take("window-first-run-join", window)
    page.compare(_met())
    studio.settle()
    in_themes(studio, take, window, "window-first-run-words")


class _NoDoor:
    """A door that nobody goes through in a picture."""

    can_unlock = False

    def meet(self, url: str) -> Any:
        raise NotImplementedError

    def join(self, met: Any, code: str, passphrase: str) -> Any:
        raise NotImplementedError

    def unlock(self, passphrase: str) -> Any:
        raise NotImplementedError


def _met() -> Meeting:
    return Meeting(PLANE_URL, "plane.example.org/main", False, ROOT.public_hex, "cd" * 32, "ef" * 32, "epoch")


SCENES: dict[str, Scene] = {
    "sync-quiet": sync_quiet, "sync": sync_trouble, "sync-offline": sync_offline, "sync-hostile": sync_hostile,
    "sync-window": sync_window, "sync-join": sync_join,
}  # fmt: skip
