"""An open store and its record for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.store.opening import Store
from console.store.record import Record
from tests.fakes.record_kit import desk


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Store, Record]]:
    with desk(tmp_path / "store") as both:
        yield both


@pytest.fixture
def store(opened: tuple[Store, Record]) -> Store:
    return opened[0]


@pytest.fixture
def record(opened: tuple[Store, Record]) -> Record:
    return opened[1]
