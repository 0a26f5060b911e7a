"""What the demo leaves behind: receipt, timeline, trust anchors and keys beside the package, and a report in words.

Everything written here was measured or signed in this run; nothing is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from console.commands.demo.cast import COMMANDER
from console.commands.demo.opening import Case
from console.commands.demo.reviewing import trust
from console.commands.demo.stage import Stage
from console.domain.errors import EnvironmentFault
from console.evidence.age import Identity, identity_file_text
from console.proof.keys import public_pem
from console.proof.sshsig import allowed_signers_line
from console.queries.commands import CommandView, command
from console.queries.timeline import TimelineEntry, timeline
from console.store.readers import Rows

_CLOCKS = ("authorised_at", "sent_at", "acknowledged_at", "observed_at", "observed_at_plane")
_WORDS: dict[str, bool | str] = {"true": True, "false": False}


def write_outputs(stage: Stage, case: Case, story: Sequence[str]) -> None:
    """Writes every output of the headless demo into its folder.

    Raises EnvironmentFault when a result of the receipt names evidence that is not in the timeline.
    """
    receipt, entries = stage.desk.query(write_record, stage.settings.out, case.incident, case.stop)
    write_papers(stage)
    _write(stage.settings.out / "report.md", _report(case, receipt, entries, story))


def write_record(
    reader: Rows, out: Path, incident: str, command_id: str
) -> tuple[dict[str, Any], Sequence[TimelineEntry]]:
    """Writes receipt.json of that command and timeline.jsonl of the incident into `out`; returns both.

    Raises EnvironmentFault when a result of the receipt names evidence that is not in the timeline.
    """
    entries, view = timeline(reader, incident), command(reader, command_id)
    assert view is not None  # the caller has seen it verified
    receipt = _receipt(view)
    known = {entry.event_id for entry in entries}
    for name in ("refuses_new", "streams_cut", "survives_restart"):
        if receipt[name]["result"] != "unknown" and receipt[name]["evidence"] not in known:
            raise EnvironmentFault(f"The evidence for '{name}' is not in the timeline; the receipt cannot be believed.")
    _write(out / "receipt.json", json.dumps(receipt, indent=2) + "\n")
    _write(out / "timeline.jsonl", "".join(_line(entry) for entry in entries))
    return receipt, entries


def _receipt(view: CommandView) -> dict[str, Any]:
    results = {
        name: {"result": _WORDS.get(seen.result, "unknown"), "evidence": seen.evidence}
        for name, seen in view.results.items()
    }
    clocks = {name: getattr(view, name) for name in _CLOCKS}
    return {"command_id": view.command_id, **clocks, "offset_us": view.offset_us, **results}


def _line(entry: TimelineEntry) -> str:
    row = {
        "id": entry.event_id,
        "type": entry.type,
        "at": entry.at,
        "canon": entry.signed.canon,
        "sig": entry.signed.sig,
    }
    if entry.signed.person_sig:
        row["person_sig"] = entry.signed.person_sig
    return json.dumps(row, ensure_ascii=False) + "\n"


def write_papers(stage: Stage) -> None:
    """Writes what a stranger needs beside the package: trust anchors, the signer's key, and the two identities."""
    out, public = stage.settings.out, stage.cast.keys[COMMANDER].public_hex
    _write(out / "trust.json", json.dumps(trust(stage), indent=2) + "\n")
    _write(out / "PUB.pem", public_pem(public))
    _write(out / "allowed_signers", allowed_signers_line(stage.cast.actor(COMMANDER).person, public))
    for name, identity in (("custodian.key", stage.custodian), ("escrow.key", stage.escrow)):
        _write_identity(out / name, identity)


def _write_identity(path: Path, identity: Identity) -> None:
    path.touch(mode=0o600)
    _write(path, identity_file_text(identity))


def _report(case: Case, receipt: dict[str, Any], entries: Sequence[TimelineEntry], story: Sequence[str]) -> str:
    told = case.told
    rows = [f"| {name.removesuffix('_at')} | {receipt[name]} |" for name in _CLOCKS]
    results = [
        f"| {name.replace('_', ' ')} | {receipt[name]['result']} | {receipt[name]['evidence']} |"
        for name in ("refuses_new", "streams_cut", "survives_restart")
    ]
    parts = [
        "# EXERCISE: one incident, from a real signal to a proven stop",
        f"Incident {case.incident}, {told['severity']}. {len(entries)} signed events in `timeline.jsonl`.",
        "## The stop",
        "| clock | time |\n|---|---|\n" + "\n".join(rows),
        f"The plane's clock is {receipt['offset_us']} microseconds ahead of the desk's, as measured; "
        "`observed` is corrected by it.",
        "| result | seen | shown by event |\n|---|---|---|\n" + "\n".join(results),
        "## The evidence",
        f"{told['seal']['items']} items, {told['package']['bytes']} bytes packed, root `{told['seal']['root']}`. "
        "How to verify it without any program of ours: `evidence/VERIFY.txt`, with `trust.json`, `PUB.pem` and "
        "`allowed_signers` from beside it.",
        "## The story as it was told",
        "```\n" + "\n".join(story) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
