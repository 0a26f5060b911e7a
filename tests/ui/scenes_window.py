"""Scenes of the whole window at 1366x768 for the pictures: themes, offline, hostile text, first page, notices."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QApplication

from console.ui import panels
from console.ui.first_run import FirstRun
from console.ui.main_window import MainWindow
from console.ui.notices import Notices
from console.ui.shortcut_sheet import ShortcutSheet
from tests.fakes.studio import Studio
from tests.ui.scenes_panels import HOSTILE, Scene, Take, in_themes, many, read_stream

SILENT_S = 252


def _window(studio: Studio) -> MainWindow:
    window = MainWindow(studio.theme, studio.frame.notices, True, None)
    studio.show(window)
    window.attach(studio.frame)
    studio.until(lambda: all(window.panel(spec.id) is not None for spec in panels.PANELS))
    studio.settle()
    return window


def under_way(studio: Studio) -> MainWindow:
    """An hour with three incidents, the gravest chosen, its fault on the screen."""
    many(studio, 2)
    studio.pass_time(400)
    studio.flow()
    studio.opened(detected_at=studio.now_text(-35))
    studio.tell("acknowledged", "commanded", "graded", every_s=8)
    studio.sync()
    window = _window(studio)
    _read(studio, window)
    return window


def _read(studio: Studio, window: MainWindow) -> None:
    """Until triage has read what the stream holds, and the clocks and lamps were moved on."""
    triage = window.panel("triage")
    studio.until(lambda: triage._following is None or triage._following.ready)
    assert window._bars is not None
    window._bars._on_tick()
    window._bars._on_lamps()
    studio.settle()


def window_at_work(studio: Studio, take: Take) -> None:
    window = under_way(studio)
    window.go_to("incident")
    in_themes(studio, take, window, "window", "dark", "light", "high_contrast")
    for panel_id in ("telemetry", "switches", "evidence", "timeline"):
        window.go_to(panel_id)
        studio.settle()
        take(f"window-{panel_id}", window)


def window_first(studio: Studio, take: Take) -> None:
    studio.pass_time(400)
    studio.flow()
    studio.opened(detected_at=studio.now_text(-35))
    studio.frame.selection.choose_incident("")
    studio.sync()
    window = _window(studio)
    _read(studio, window)
    take("window-nothing-chosen", window)


def window_offline(studio: Studio, take: Take) -> None:
    window = under_way(studio)
    studio.go_offline()
    _read(studio, window)
    for panel_id in ("triage", "telemetry", "evidence", "timeline", "switches"):
        window.go_to(panel_id)
        if panel_id in ("telemetry", "triage"):
            _silence(studio, window.panel(panel_id))
        studio.settle()
        take("window-offline" if panel_id == "switches" else f"window-offline-{panel_id}", window)
    window.dispatcher.run("switches.hold")
    studio.settle()
    take("window-offline-hold", window)


def _silence(studio: Studio, panel: Any) -> None:
    """As if the time since the plane went had passed for what follows the stream as well."""
    if panel.panel_id == "telemetry":
        read_stream(studio, panel)
    panel._following.arrived -= SILENT_S
    if panel.panel_id == "telemetry":
        panel._renew_words()
    else:
        panel._on_tick()


def window_hostile(studio: Studio, take: Take) -> None:
    many(studio, 2)
    studio.pass_time(400)
    studio.flow(bad_blocks=0)
    studio.opened(title=HOSTILE, target="tenant.borealis", detected_at="", **{"class": HOSTILE[:900]})
    studio.story.acknowledged()
    studio.story.from_desk("role.taken", role="incident_commander", person="\u202egro.live@<i>x</i>" + "W" * 200)
    studio.sync()
    window = _window(studio)
    studio.frame.notices.say(HOSTILE[:3_000], "error")
    _read(studio, window)
    take("window-hostile", window)


def window_palette(studio: Studio, take: Take) -> None:
    window = under_way(studio)
    window.dispatcher.run("desk.palette")
    studio.settle()
    take("window-palette", window)
    assert window._palette is not None
    window._palette.close_again()
    sheet = ShortcutSheet(studio.theme, True, window)
    studio.show(sheet, sheet.size())
    take("shortcuts-dark", sheet)
    studio.theme.use("light")
    studio.settle()
    take("shortcuts-light", sheet)


def window_notices(studio: Studio, take: Take) -> None:
    window = under_way(studio)
    say = studio.frame.notices.say
    say("Synced: 3 entries were sent.")
    another = "Another incident is open, SEV-1: Refusals out of bounds at cascade"
    say(another, "warning", ("Show the board", "view.board"))
    say("The disk is full, so nothing can be written; free some space and try again.", "error")
    studio.settle()
    take("window-notices", window)


def first_run(studio: Studio, take: Take) -> None:
    window = MainWindow(studio.theme, Notices(), None, None)
    studio.show(window)
    page = FirstRun(studio.theme, "", "", "", window)
    window.show_page(page)
    window.bar.title.setText("No incident yet: who are you?")
    page.first_focus()
    QApplication.processEvents()
    in_themes(studio, take, window, "window-first-run")


SCENES: dict[str, Scene] = {
    "window": window_at_work, "window-first": window_first, "window-offline": window_offline,
    "window-hostile": window_hostile, "window-palette": window_palette, "window-notices": window_notices,
    "first-run": first_run,
}  # fmt: skip
