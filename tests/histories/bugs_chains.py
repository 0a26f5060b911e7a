"""Seeded bugs of chains: forks dropped or unsaid, events behind the end of a chain lost, broken chains written on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from console.store import ledger, receipts, rows, syncing
from console.sync import keeping
from tests.histories.bugs import Bug, swap


def _forks_overwritten(stack: ExitStack) -> None:
    swap(stack, ledger, "put_fork", lambda *args, **known: None)


def _forks_unsaid(stack: ExitStack) -> None:
    swap(stack, syncing, "_alarm", lambda *args: None)


def _unplaced_settled(stack: ExitStack) -> None:
    def not_placed(tx: Any, receipt: Any, problem: Any) -> bool:
        epoch = (rows.one(tx.conn, "sync_state", "id = 1") or {})["epoch"]
        receipts._settle(tx, epoch, receipt, receipt.status, 0, problem)
        return False

    swap(stack, receipts, "_not_placed", not_placed)
    swap(stack, receipts, "_FOLLOWING", receipts._FOLLOWING.replace("WHERE", "WHERE 0 AND"))


def _chain_goes_on(stack: ExitStack) -> None:
    swap(stack, keeping, "_restart", lambda tx, number, reason: None)


BUGS = (
    Bug("fork overwritten", "What does not fit the record is dropped.", _forks_overwritten),
    Bug("fork unsaid", "What does not fit the record is kept and not told.", _forks_unsaid),
    Bug("no place is an answer", "An event that came too early leaves the outbox as rejected.", _unplaced_settled),
    Bug("broken chain written on", "A chain that cannot go on at the plane gets more events.", _chain_goes_on),
)
