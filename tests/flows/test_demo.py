"""The whole path as a person runs it: the demo's own process, its children, its outputs, and tools that are not ours.

One run serves all tests of this file; the real trace is a second run and is skipped, saying so, where it is not there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from console.evidence.trust import Trust
from console.proof.envelope import SignedEvent
from tests.fakes.stranger import FILES, SIGNATURES, TREE, shell

ROOT = Path(__file__).resolve().parents[2]
TRACE = ROOT.parent / "shared" / "data" / "azure-llm-2023" / "conv.csv"
DEMO_WITHIN_S = 280


def play(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The demo as a process; nothing of it may outlive the call."""
    command = [sys.executable, "-m", "console.cli", "demo", "--headless", "--out", str(out), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEMO_WITHIN_S, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """(folder of outputs, what was told) of one run with the generated trace."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = play(out)
    assert done.returncode == 0, done.stdout + done.stderr
    yield out, done.stdout
    shutil.rmtree(out)


@pytest.mark.timeout(DEMO_WITHIN_S + 20)
def test_the_receipt_has_four_clocks_in_order_and_three_results_with_evidence(demo: tuple[Path, str]) -> None:
    out, _ = demo
    receipt = json.loads((out / "receipt.json").read_text("utf-8"))
    clocks = [receipt[name] for name in ("authorised_at", "sent_at", "acknowledged_at", "observed_at")]
    assert clocks == sorted(clocks)
    assert all(datetime.fromisoformat(clock).tzinfo for clock in clocks)
    ids = {row["id"] for row in timeline(out)}
    for name in ("refuses_new", "streams_cut", "survives_restart"):
        assert receipt[name]["result"] is True
        assert receipt[name]["evidence"] in ids


def test_the_timeline_is_signed_by_keys_named_beside_it_and_tells_the_story_in_order(demo: tuple[Path, str]) -> None:
    out, _ = demo
    trust = Trust.from_file(out / "trust.json")
    rows = timeline(out)
    for row in rows:
        signed = SignedEvent(row["canon"], row["sig"], row.get("person_sig", ""))
        event = signed.envelope
        assert (event.event_id, event.type, event.exercise) == (row["id"], row["type"], True)
        person = trust.persons[event.actor] if signed.person_sig else ""
        assert signed.verify(trust.device_key(event.device), person)
    first = [row["type"] for row in rows]
    order = [
        "incident.opened", "incident.acknowledged", "severity.graded", "triage.concluded", "switch.confirmed",
        "switch.observed", "evidence.sealed", "criterion.signed", "review.signed", "incident.closed",
    ]  # fmt: skip
    assert [first.index(name) for name in order] == sorted(first.index(name) for name in order)


def test_a_stranger_verifies_the_evidence_with_the_guides_commands(demo: tuple[Path, str]) -> None:
    out, _ = demo
    work = out / "scratch"
    shutil.copytree(out / "evidence", work)
    for name in ("PUB.pem", "allowed_signers"):
        shutil.copy(out / name, work)
    done = shell(work, FILES + TREE + SIGNATURES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("age") is None, reason="the program age is not installed")
def test_two_people_together_open_an_item_and_neither_alone(demo: tuple[Path, str]) -> None:
    out, _ = demo
    item = out / "evidence" / "data" / "000000.age"
    keys = {name: ["age", "-d", "-i", str(out / f"{name}.key")] for name in ("escrow", "custodian")}
    outer = subprocess.run([*keys["escrow"], str(item)], capture_output=True, check=True).stdout
    alone = subprocess.run([*keys["custodian"], str(item)], capture_output=True, check=False)
    inner = subprocess.run(keys["custodian"], input=outer, capture_output=True, check=True).stdout
    assert alone.returncode != 0
    assert outer.startswith(b"age-encryption.org/")
    assert not inner.startswith(b"age-encryption.org/")


def test_our_own_verifier_agrees_and_the_story_names_what_was_measured(demo: tuple[Path, str]) -> None:
    out, told = demo
    command = [sys.executable, "-m", "console.cli", "verify", str(out / "evidence"), "--trust", str(out / "trust.json")]
    command += ["--identity", str(out / "escrow.key"), "--identity", str(out / "custodian.key"), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "EXERCISE" in told
    assert "the behaviour lamp says ABNORMAL" in told
    assert "survives a restart: true" in told
    assert (out / "report.md").read_text("utf-8").startswith("# EXERCISE")


def test_a_folder_that_is_not_empty_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    done = play(tmp_path)
    assert done.returncode == 4
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


BROKEN = ("", "TIMESTAMP,ContextTokens\n", "TIMESTAMP,ContextTokens,GeneratedTokens\nnever,1,2\n")


@pytest.mark.parametrize("defect", BROKEN, ids=["empty", "columns", "time"])
def test_a_broken_trace_is_named_in_one_sentence(tmp_path: Path, defect: str) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(defect)
    done = play(tmp_path / "out", "--trace", str(trace))
    assert done.returncode != 0
    assert "trace.csv" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(DEMO_WITHIN_S + 20)
@pytest.mark.skipif(not TRACE.exists(), reason="the public trace conv.csv is not beside this checkout")
def test_the_real_trace_at_sixty_times_its_speed(tmp_path: Path) -> None:
    done = play(tmp_path / "out", "--trace", str(TRACE), "--speed", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out" / "receipt.json").read_text("utf-8"))["refuses_new"]["result"] is True


def timeline(out: Path) -> list[dict[str, Any]]:
    """The timeline's rows."""
    return [json.loads(line) for line in (out / "timeline.jsonl").read_text("utf-8").splitlines()]
