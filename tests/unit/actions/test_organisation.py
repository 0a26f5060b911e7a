"""Pinning the root: once, and never another one over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions.organisation import pin_root
from console.domain.errors import RefusedError
from console.store.facts import certified_people
from console.store.readers import Reader
from tests.fakes.record_kit import ROOT, START, Author, Cursor, desk, entries_after, key_of, organisation


def test_only_a_pinned_root_makes_people_known(tmp_path: Path) -> None:
    from console.store import syncing

    with desk(tmp_path / "store") as (store, record):
        events = organisation(Author(ROOT), key_of(10))
        entries, after = entries_after(Cursor("e1"), events)
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=key_of(2).id,
                plane_public_key=key_of(2).public_hex, epoch="e1",
            )  # fmt: skip
            syncing.store_entries(tx, Cursor("e1"), entries, after)
        pin_root(record, ROOT.public_hex, START)
        with Reader.open(store.path) as reader:
            assert set(certified_people(reader)) == {"ic@example.org"}


def test_the_same_root_again_changes_nothing_and_another_is_refused(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as (_, record):
        pin_root(record, ROOT.public_hex, START)
        pin_root(record, ROOT.public_hex, START)
        with pytest.raises(RefusedError, match="store of its own"):
            pin_root(record, key_of(7).public_hex, START)
