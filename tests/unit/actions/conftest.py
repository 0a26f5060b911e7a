"""A record with an incident in it for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.story import Story
from tests.fakes.told import Told
from tests.fakes.told import told as telling


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """A record in which an incident has opened."""
    with telling(tmp_path / "store") as made:
        made.story.opened()
        yield made


@pytest.fixture
def story(told: Told) -> Story:
    return told.story
