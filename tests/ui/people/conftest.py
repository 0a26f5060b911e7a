"""The people panel over a real desk, with two people of a shared desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.ui.frame import Frame
from console.ui.people import PeoplePanel
from tests.fakes.desk_frame import Outside
from tests.fakes.seats import BEN, OTHER_KEY, SharedDoor


@pytest.fixture
def door(frame: Frame) -> SharedDoor:
    made = SharedDoor()
    frame.session.door = made
    return made


@pytest.fixture
def certify(outside: Outside) -> Callable[..., None]:
    """Has the root certify one more person: `certify(person, key, name, *roles)`."""

    def write(person: str, key: Any, name: str, *roles: str) -> None:
        body = {"person": person, "public_key": key.public_hex, "display_name": name}
        events = [outside.root.write("person.certified", "system", body)]
        events += [outside.root.write("role.granted", "system", {"person": person, "role": role}) for role in roles]
        outside.send(*events)

    return write


@pytest.fixture
def panel(frame: Frame, door: SharedDoor, certify: Callable[..., None], qtbot: Any) -> PeoplePanel:
    certify(BEN.person, OTHER_KEY, BEN.display_name, *BEN.roles)
    made = PeoplePanel(frame)
    qtbot.addWidget(made)
    made.resize(900, 620)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: made.board is not None)
    return made


@pytest.fixture
def said(frame: Frame) -> list[Any]:
    frame.notices.take()
    notices: list[Any] = []
    frame.notices.said.connect(notices.append)
    return notices
