"""Arrival traces: when requests come and how large they are, read from CSV or generated from a seed.

A trace is offsets from its first arrival, so its timestamps need no zone. Rows out of order are sorted and counted in
`Trace.reordered`; every other defect refuses the whole file in one sentence that names file, line and field.
"""

from __future__ import annotations

import random
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from console.domain.errors import InputError

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_LINE = 200
MAX_TOKENS = 1_000_000
MAX_SPAN_S = 7 * 24 * 3600.0

_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_OFFSET = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_COUNT = re.compile(r"\d{1,7}", re.ASCII)


class TraceError(InputError):
    """The trace cannot be replayed; the sentence names the file, the line and the field."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Arrivals in order: `offsets` in seconds from the first one (0.0), tokens in and out; the three have one length.

    `period_s` is the time after which a replay starts over; `reordered` counts rows that had to be sorted.
    """

    name: str
    offsets: array[float]
    context_tokens: array[int]
    generated_tokens: array[int]
    period_s: float
    reordered: int = 0

    def __len__(self) -> int:
        """The number of arrivals in one pass."""
        return len(self.offsets)


def read_trace(path: Path) -> Trace:
    """The trace in a CSV file `TIMESTAMP,ContextTokens,GeneratedTokens`.

    A timestamp is a date and time (up to nine digits of fraction, zone ignored unless rows carry different ones) or a
    plain number of seconds. Raises TraceError for anything that cannot be replayed as it stands.
    """
    rows = sorted_rows = [_row(path.name, number, line) for number, line in _lines(path)]
    if not rows:
        raise TraceError(f"The trace {_shown(path.name)} holds no arrivals after its header line; choose another file.")
    reordered = sum(1 for before, after in pairwise(rows) if after[0] < before[0])
    if reordered:
        sorted_rows = sorted(rows, key=lambda row: row[0])
    first = sorted_rows[0][0]
    if sorted_rows[-1][0] - first > MAX_SPAN_S:
        raise TraceError(
            f"The trace {_shown(path.name)}, line {sorted_rows[-1][3]}, field TIMESTAMP: is more than seven days after"
            " the first arrival; cut the trace into shorter files."
        )
    return _trace(path.name, [(row[0] - first, row[1], row[2]) for row in sorted_rows], reordered)


def generate_trace(seed: int, seconds: float = 60.0, rate: float = 40.0) -> Trace:
    """A seeded, bursty trace of about `rate` arrivals a second: calm and busy spells of exponential arrivals."""
    draw = random.Random(f"trace/{seed}")
    rows: list[tuple[float, int, int]] = []
    now, busy, spell_end = 0.0, False, 0.0
    while now < seconds:
        if now >= spell_end:
            # a fifth of the time is busy at 2.2 times the mean, the rest calm at 0.7 times: the mean stays `rate`
            busy = draw.random() < 0.2
            spell_end = now + draw.uniform(0.8, 2.4)
        context = min(8000, int(draw.lognormvariate(6.4, 0.9)) + 20)
        generated = min(1200, int(draw.lognormvariate(5.0, 0.7)) + 5)
        rows.append((now, context, generated))
        now += draw.expovariate(rate * (2.2 if busy else 0.7))
    return _trace(f"generated, seed {seed}", rows, 0, period_s=seconds)


def _trace(name: str, rows: list[tuple[float, int, int]], reordered: int, period_s: float = 0.0) -> Trace:
    offsets = array("d", (row[0] for row in rows))
    span = offsets[-1]
    mean_gap = span / (len(rows) - 1) if len(rows) > 1 and span > 0 else 1.0
    return Trace(
        name,
        offsets,
        array("I", (row[1] for row in rows)),
        array("I", (row[2] for row in rows)),
        max(period_s, span + mean_gap),
        reordered,
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered data lines, after the header was checked; bounded in size whatever the file claims to be."""
    name = _shown(path.name)
    try:
        if not path.is_file():
            raise TraceError(
                f"There is no trace file {name}; give the path of a CSV with the columns {','.join(COLUMNS)}."
            )
        if path.stat().st_size > MAX_BYTES:
            raise TraceError(f"The trace {name} is larger than {MAX_BYTES // 2**20} MiB; cut it into shorter files.")
        with path.open("rb") as file:
            for number in range(1, MAX_ROWS + 3):
                raw = file.readline(MAX_LINE + 2)
                if not raw:
                    if number == 1:
                        raise TraceError(f"The trace {name} is empty; its first line must be {','.join(COLUMNS)}.")
                    return
                text = _decoded(name, number, raw)
                if number == 1:
                    _check_header(name, text)
                elif text:
                    yield number, text
    except OSError as error:
        raise TraceError(
            f"The trace {name} cannot be read ({error.strerror}); check its path and permissions."
        ) from error
    raise TraceError(f"The trace {name} has more than {MAX_ROWS} arrivals; cut it into shorter files.")


def _decoded(name: str, number: int, raw: bytes) -> str:
    if len(raw.rstrip(b"\r\n")) > MAX_LINE:
        raise TraceError(
            f"The trace {name}, line {number}: is longer than {MAX_LINE} characters; it is not an arrival trace."
        )
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise TraceError(f"The trace {name}, line {number}: is not UTF-8 text; export it as plain CSV.") from error


def _check_header(name: str, text: str) -> None:
    found = tuple(part.strip() for part in text.split(","))
    for wanted, given in zip(COLUMNS, (*found, "", "", ""), strict=False):
        if wanted != given:
            raise TraceError(
                f"The trace {name}, line 1, field {wanted}: the header says {_shown(given)};"
                f" it must be {','.join(COLUMNS)}."
            )
    if len(found) != len(COLUMNS):
        raise TraceError(
            f"The trace {name}, line 1: the header has {len(found)} columns; it must be {','.join(COLUMNS)}."
        )


def _row(name: str, number: int, text: str) -> tuple[float, int, int, int]:
    parts = text.split(",")
    where = f"The trace {_shown(name)}, line {number}"
    if len(parts) != len(COLUMNS):
        missing = COLUMNS[len(parts)] if len(parts) < len(COLUMNS) else COLUMNS[-1]
        raise TraceError(
            f"{where}, field {missing}: the line has {len(parts)} of {len(COLUMNS)} fields; correct or remove it."
        )
    stamp = _seconds(where, parts[0].strip())
    counts = []
    for field, part in zip(COLUMNS[1:], parts[1:], strict=True):
        digits = part.strip()
        if not _COUNT.fullmatch(digits) or int(digits) > MAX_TOKENS:
            raise TraceError(
                f"{where}, field {field}: {_shown(digits)} is not a whole number from 0 to {MAX_TOKENS};"
                " correct or remove the line."
            )
        counts.append(int(digits))
    return stamp, counts[0], counts[1], number


def _seconds(where: str, text: str) -> float:
    if _OFFSET.fullmatch(text):
        return float(text)
    match = _STAMP.fullmatch(text)
    if match is None:
        raise TraceError(
            f"{where}, field TIMESTAMP: {_shown(text)} is neither a time like 2023-11-16 18:15:46.6805900 nor"
            " a number of seconds; correct or remove the line."
        )
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise TraceError(
            f"{where}, field TIMESTAMP: {_shown(text)} names a moment that does not exist; correct or remove the line."
        ) from error
    zone = match[8] or "Z"
    shift = 0 if zone == "Z" else (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
    return moment + float(match[7] or 0) - shift


def _shown(text: str) -> str:
    """Foreign text as it may stand in a sentence: short, printable, no terminal escapes."""
    return ascii(text if len(text) <= 40 else text[:40] + "...")
