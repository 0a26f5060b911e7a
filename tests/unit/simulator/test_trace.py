"""Traces: what is read, what is refused and with which words, and what is generated."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.simulator import trace as traces
from console.simulator.trace import TraceError, generate_trace, read_trace

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "arrivals.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_reads_seven_digit_fractions_as_offsets(tmp_path: Path) -> None:
    found = read_trace(
        write(tmp_path, HEADER + "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n")
    )
    assert list(found.offsets) == pytest.approx([0.0, 4.314579], abs=1e-6)
    assert list(found.context_tokens) == [374, 396]
    assert list(found.generated_tokens) == [44, 109]
    assert found.period_s > found.offsets[-1]
    assert found.reordered == 0


@pytest.mark.parametrize(
    "rows",
    [
        "2023-11-16T18:15:46Z,1,1\n2023-11-16T18:15:47.5Z,1,1\n",
        "2023-11-16 18:15:46,1,1\r\n2023-11-16 18:15:47.500000000,1,1\r\n",
        "2023-11-16T18:15:46+00:00,1,1\n\n2023-11-16T19:15:47.5+01:00,1,1",
        "10,1,1\n11.5,1,1\n",
    ],
    ids=["rfc3339", "crlf-nine-digits", "zones-and-blank-line", "plain-seconds"],
)
def test_spellings_of_time(tmp_path: Path, rows: str) -> None:
    assert list(read_trace(write(tmp_path, HEADER + rows)).offsets) == pytest.approx([0.0, 1.5])


def test_a_byte_order_mark_is_no_defect(tmp_path: Path) -> None:
    assert len(read_trace(write(tmp_path, b"\xef\xbb\xbf" + HEADER.encode() + b"1,2,3\n"))) == 1


def test_rows_out_of_order_are_sorted_and_counted(tmp_path: Path) -> None:
    found = read_trace(write(tmp_path, HEADER + "3,30,3\n1,10,1\n2,20,2\n"))
    assert list(found.offsets) == [0.0, 1.0, 2.0]
    assert list(found.context_tokens) == [10, 20, 30]
    assert found.reordered == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty", "TIMESTAMP,ContextTokens,GeneratedTokens"]),
        (HEADER, ["no arrivals"]),
        ("time,in,out\n1,2,3\n", ["line 1", "field TIMESTAMP"]),
        ("TIMESTAMP,ContextTokens\n1,2\n", ["line 1", "field GeneratedTokens"]),
        (HEADER + "1,2,3\n4,5\n", ["line 3", "field GeneratedTokens", "2 of 3"]),
        (HEADER + "1,2,3,4\n", ["line 2", "4 of 3"]),
        (HEADER + "1,2,3\nyesterday,2,3\n", ["line 3", "field TIMESTAMP", "'yesterday'"]),
        (HEADER + "2023-13-16 18:15:46,1,1\n", ["line 2", "field TIMESTAMP", "does not exist"]),
        (HEADER + "1,many,3\n", ["line 2", "field ContextTokens", "'many'"]),
        (HEADER + "1,2,-3\n", ["line 2", "field GeneratedTokens", "'-3'"]),
        (HEADER + "1,2,1000001\n", ["line 2", "field GeneratedTokens"]),
        (HEADER + "1,٣,3\n", ["line 2", "field ContextTokens"]),
        (HEADER + "nan,2,3\n", ["line 2", "field TIMESTAMP"]),
        (HEADER + "1e300,2,3\n", ["line 2", "field TIMESTAMP"]),
        (HEADER + "1,2,3\n900000,2,3\n", ["line 3", "field TIMESTAMP", "seven days"]),
        (HEADER + "\x1b[2J\u202e,2,3\n", ["line 2", "field TIMESTAMP", "\\x1b", "\\u202e"]),
        (HEADER + "1," + "9" * 300 + ",3\n", ["line 2", "longer than"]),
        (HEADER.encode() + b"1,\xff\xfe,3\n", ["line 2", "UTF-8"]),
        (b"\x00" * 1000, ["line 1"]),
    ],
    ids=[
        "empty",
        "header-only",
        "other-header",
        "short-header",
        "too-few",
        "too-many",
        "not-a-time",
        "month-13",
        "words",
        "negative",
        "too-large",
        "arabic-digits",
        "nan",
        "exponent",
        "span",
        "escapes",
        "long-line",
        "latin-1",
        "binary",
    ],
)
def test_a_broken_trace_is_refused_in_one_sentence(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    with pytest.raises(TraceError) as caught:
        read_trace(write(tmp_path, text))
    sentence = caught.value.sentence
    assert "arrivals.csv" in sentence
    assert all(word in sentence for word in words), sentence
    assert sentence.isprintable()
    assert sentence.isascii()
    assert caught.value.exit_code == 2


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(TraceError, match="no trace file"):
            read_trace(path)


def test_size_and_row_bounds_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, HEADER + "1,2,3\n" * 10)
    monkeypatch.setattr(traces, "MAX_ROWS", 9)
    with pytest.raises(TraceError, match="more than 9 arrivals"):
        read_trace(path)
    monkeypatch.setattr(traces, "MAX_ROWS", 10)
    assert len(read_trace(path)) == 10
    monkeypatch.setattr(traces, "MAX_BYTES", 20)
    with pytest.raises(TraceError, match="larger than"):
        read_trace(path)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_read_or_refuse(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = write(tmp_path_factory.mktemp("trace"), HEADER.encode() + data)
    sentence, offsets = "", [0.0]
    try:
        offsets = list(read_trace(path).offsets)
    except TraceError as error:
        sentence = error.sentence
    assert sentence.isprintable()
    assert offsets == sorted(offsets)


def test_the_generated_trace_is_seeded_bursty_and_of_the_asked_rate() -> None:
    found = generate_trace(3)
    assert found == generate_trace(3)
    assert found.offsets != generate_trace(4).offsets
    assert found.period_s == pytest.approx(60, abs=1)
    assert 30 < len(found) / 60 < 50
    per_second = [sum(1 for t in found.offsets if second <= t < second + 1) for second in range(60)]
    mean = sum(per_second) / 60
    variance = sum((n - mean) ** 2 for n in per_second) / 60
    assert variance > 3 * mean, "arrivals are no burstier than a plain Poisson process"
