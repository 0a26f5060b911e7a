"""A store of every schema version that was ever released opens, is intact, and can be written on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from console.proof.keys import leaf_digest
from console.store.checking import check_in_pages
from console.store.exporting import export
from console.store.migrations import SCHEMA_VERSION
from console.store.verify import verify_store
from tests.fakes.record_kit import desk, new_incident, note

STORES = Path(__file__).parents[2] / "data" / "stores"


def test_there_is_one_of_this_version() -> None:
    assert (STORES / str(SCHEMA_VERSION) / "record.sqlite").is_file()


@pytest.mark.parametrize("name", sorted(path.name for path in STORES.iterdir()))
def test_a_kept_store_opens_and_lost_nothing(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "s"
    shutil.copytree(STORES / name, folder)
    expected = json.loads((folder / "expected.json").read_text("ascii"))
    with desk(folder) as (store, record):
        report = verify_store(store.path, store.blobs)
        assert report.faults == ()
        assert {table: report.counts[table] for table in expected["counts"]} == expected["counts"]
        with store.reader() as db:
            assert [row[0] for row in db.tuples("SELECT hash FROM event ORDER BY n")] == expected["hashes"]
        note(record, new_incident(1))
        assert verify_store(store.path).faults == ()


@pytest.mark.parametrize("name", sorted(path.name for path in STORES.iterdir()))
def test_a_kept_store_is_exported_as_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "s"
    shutil.copytree(STORES / name, folder)
    expected = json.loads((folder / "expected.json").read_text("ascii"))
    made = export(folder, tmp_path / "out", "2026-01-31T15:00:00.000000Z")
    assert made.left_out == []
    assert sum(made.events.values()) == len(expected["hashes"])
    lines = [line for path in (tmp_path / "out" / "events").iterdir() for line in path.read_text("utf-8").splitlines()]
    found = {leaf_digest(json.loads(line)["canon"].encode("utf-8")).hex() for line in lines}
    assert found == set(expected["hashes"])


@pytest.mark.parametrize("name", sorted(path.name for path in STORES.iterdir()))
def test_a_kept_store_passes_the_check_that_runs_in_the_background(tmp_path: Path, name: str) -> None:
    shutil.copytree(STORES / name, tmp_path / "s")
    with desk(tmp_path / "s") as (store, _), store.reader() as db:
        assert [fault for found in check_in_pages(db) for fault in found] == []
