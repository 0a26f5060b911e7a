"""kill -9 at random moments, again and again: every event that was acknowledged is there, and the record is intact."""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.store.opening import record_path
from console.store.readers import Reader
from console.store.verify import verify_store

ACKNOWLEDGED, LEAST_KILLS = 10_000, 10
DEADLINE_S = 170.0
LONGEST_LIFE_S = 0.9
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def _child(folder: Path, seed: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.chaos.appending", str(folder), str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _lines_until_killed(process: subprocess.Popen[bytes], life_s: float) -> list[str]:
    """What the child had promised when it died, `life_s` seconds after it was ready; a broken last line is none."""
    stdout, read, deadline = process.stdout, b"", float("inf")
    assert stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(min(left, 30.0)):
                part = os.read(stdout.fileno(), 65536)
                assert part, "the child ended by itself"
                if not read:
                    deadline = time.monotonic() + life_s
                read += part
    process.send_signal(signal.SIGKILL)
    while part := os.read(stdout.fileno(), 65536):
        read += part
    return read.decode("ascii").split("\n")[1:-1]


def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, chance, started = tmp_path / "store", random.Random(9), time.monotonic()
    acknowledged: list[str] = []
    kills = 0
    while len(acknowledged) < ACKNOWLEDGED or kills < LEAST_KILLS:
        assert time.monotonic() - started < DEADLINE_S, f"{len(acknowledged)} events after {kills} kills"
        with _child(folder, kills) as process:
            acknowledged += _lines_until_killed(process, chance.uniform(0.0, LONGEST_LIFE_S))
            process.wait()
            assert process.returncode == -signal.SIGKILL
        kills += 1
        with Reader.open(record_path(folder)) as db:
            stored = {row[0] for row in db.tuples("SELECT event_id FROM event")}
            chains = db.tuples("SELECT count(*), max(seq), min(seq) FROM event GROUP BY device, incident, incarnation")
        assert set(acknowledged) <= stored
        assert all(count == last and first == 1 for count, last, first in chains)
        if kills % 8 == 0:
            assert verify_store(record_path(folder)).faults == ()
    report = verify_store(record_path(folder))
    assert report.faults == ()
    assert len(acknowledged) == len(set(acknowledged))
    assert kills >= LEAST_KILLS
    with capsys.disabled():
        print(f"\nkill -9: {kills} kills, {len(acknowledged)} acknowledged, {report.counts['event']} stored, 0 lost")
