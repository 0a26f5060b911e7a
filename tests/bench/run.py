"""Runs the benchmarks and prints ratios: `run.py [NAME] [--json FILE]`; ours against a reference, in one run.

A ratio is time of ours over time of the reference (smaller is better), from medians of at least five pairs. Nothing
here asserts a time: these machines are noisy, and a number is only ever compared with its neighbour.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCHMARKS = {
    "first_paint": "The desk's window painted for the first time, against an empty QMainWindow, fresh processes",
    "commit": "One confirmed action (chain, signature, projection, search, outbox) against append + fdatasync",
    "click_to_observed": "Authorised to observed at the data path, against a bare control call and probe",
    "list_1m_open": "The board on 1,000,000 incidents, first rows painted, against a QStandardItemModel of 100,000",
    "list_1m_filter": "A rare word among 1,000,000 incidents, against a QSortFilterProxyModel over 100,000",
    "graph_10k": "A frame of twelve live plots x 3 series x 10,000 points, against a bare QPainter with axes",
    "graph_100k": "The same at 100,000 points",
    "graph_1m": "The same at 1,000,000 points",
    "graph_vs_pyqtgraph_100k": "The same at 100,000 points against pyqtgraph's setData with everything",
    "ui_gap_replay": "The longest gap of the window with twelve live plots during replay, against the same at rest",
    "first_sync_100k": "A new desk's first sync of 100,000 events, against a bare transfer and insert of them",
    "ui_gap_sync": "The longest gap of the window with live plots while that sync runs, against the same at rest",
    "search_1m": "A rare word among 1,000,000 lines of a record, newest first, against a LIKE scan",
    "click_to_receipt": "Second press to the plane's receipt on the screen, against a raw socket to the same plane",
    "notice_50": "A stop taken or seen until fifty desks that long-poll have it, against a byte to fifty sockets",
    "chain_check_100k": "Every row, link and chain of 100,000 stored events, against SHA-256 over their signed texts",
    "verify_1g": "Verifying a sealed package of 1 GiB, against openssl dgst -sha256 over the same bytes",
}


def main() -> int:
    """Runs what was asked for; returns 2 when the name is unknown."""
    parser = argparse.ArgumentParser(description="Benchmarks of the incident console")
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--json", type=Path, default=None, dest="json_file")
    asked = parser.parse_args()
    if asked.name and asked.name not in BENCHMARKS:
        print(f"There is no benchmark '{asked.name}'; choose one of: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    rows = []
    for name in [asked.name] if asked.name else BENCHMARKS:
        print(f"{name}: {BENCHMARKS[name]} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as work:
            row = importlib.import_module(f"bench_{name}").measure(Path(work))
        rows.append({"name": name, **row})
        print(
            f"  ours {row['ours']:.3f}, reference {row['reference']:.3f} {row['unit']}, "
            f"ratio {row['ratio']:.2f}, n={row['n']}"
        )
        for line in row.pop("notes", []):
            print(f"  {line}")
    if asked.json_file:
        asked.json_file.write_text(
            json.dumps([{k: v for k, v in row.items() if k != "notes"} for row in rows], indent=2) + "\n", "utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
