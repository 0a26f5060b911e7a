"""The export sheet: the sealed package written to a new folder by a worker, and the export recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLineEdit

from console.domain.errors import InputError
from console.proof.actor import Actor
from console.queries.standing import Standing
from console.runtime.desk import Desk
from console.runtime.packaging import Openers, export_package
from console.ui.frame import Frame
from console.ui.incident.sheet import Sheet
from console.ui.session import Session
from console.ui.text import display

MAX_PATH = 1_000


class ExportSheet(Sheet):
    """A package is complete or it is not there: nothing is written over, nothing half is left."""

    def __init__(self, frame: Frame, standing: Standing) -> None:
        super().__init__(
            frame,
            standing,
            "Export the sealed package",
            "Write it   Enter",
            f"Seal {standing.seal}, encrypted anew to custodian and escrow, for somebody who trusts none of us.",
        )
        self.folder = QLineEdit(str(offered_folder(frame, standing)), self)
        self.folder.setMaxLength(MAX_PATH)
        self.add("New folder", self.folder)

    def confirm(self) -> None:  # noqa: D102
        typed = self.folder.text().strip()
        if not typed or not Path(typed).is_absolute():
            self.fail(InputError("Name the folder with its whole path, from the root."))
            return
        session = self.frame.session
        self.set_busy("Writing the package ...")
        job = exporting(self.frame.bridge.desk, self.standing, Path(typed), session, session.actor())
        self.frame.bridge.work(job, owner=self, then=partial(self._on_written, typed), failed=self.fail)

    def _on_written(self, folder: str, report: Any) -> None:
        self.finish(f"{report.size} items, {report.bytes:,} bytes, written to {display(folder, 200)}.")


def exporting(desk: Desk, standing: Standing, dest: Path, session: Session, actor: Actor) -> Callable[[], Any]:
    """The job for a worker; raises what writing a package raises, and InputError for a parent that is not there."""
    incident, seal, origin = standing.page.row.incident, standing.seal, session.origin
    recipients = session.openers
    identity: Any = session.evidence_identity

    def job() -> Any:
        if recipients is None or identity is None:
            raise InputError("There is no custodian and escrow key to encrypt a package to.")
        try:
            dest.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"The folder {dest.parent} cannot be made ({error.strerror}); name another one."
            ) from error
        openers = Openers(custodian=recipients.custodian, escrow=recipients.escrow, identity=identity)
        return export_package(desk, incident, seal, dest, origin, openers, actor)

    return job


def offered_folder(frame: Frame, standing: Standing) -> Path:
    """Where the package goes unless the person names another place; never one that is there already."""
    name = f"{re.sub('[^0-9a-f-]', '', standing.page.row.incident)[:36]}-seal-{standing.seal}"
    wanted = frame.session.export_to or frame.bridge.desk.settings.folder.parent / "packages" / name
    number, folder = 2, wanted
    while folder.exists():
        folder, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1
    return folder
