"""Bytes of an item as lines for the viewer: text in its display form, anything else as hex; bounded either way."""

from __future__ import annotations

from dataclasses import dataclass

from console.evidence.display import display_text

TEXT_BYTES = 2 * 1024 * 1024
HEX_BYTES = 256 * 1024
_ROW = 16


@dataclass(frozen=True)
class Content:
    """`lines` to show and one sentence `about` them: what kind, how much is shown, how much was written out."""

    lines: tuple[str, ...]
    about: str


def content_of(head: bytes, size: int) -> Content:
    """What to show of an item whose first bytes are `head` and which is `size` bytes long."""
    if _is_text(head):
        shown = display_text(head, TEXT_BYTES)
        parts = [f"Text, {size:,} bytes"]
        if size > min(len(head), TEXT_BYTES):
            parts.append(f"the first {min(len(head), TEXT_BYTES):,} are shown")
        if shown.escaped:
            parts.append(f"{shown.escaped:,} deceiving or invisible characters are written out")
        return Content(shown.lines, "; ".join(parts) + ".")
    part = head[:HEX_BYTES]
    lines = tuple(_hex_line(part, start) for start in range(0, len(part), _ROW))
    more = "" if size <= len(part) else f"; the first {len(part):,} are shown"
    return Content(lines, f"Binary, {size:,} bytes, as hex{more}.")


def _is_text(head: bytes) -> bool:
    sample = head[:4096]
    return b"\x00" not in sample and sum(byte < 9 or 13 < byte < 32 for byte in sample) * 20 <= len(sample)


def _hex_line(part: bytes, start: int) -> str:
    row = part[start : start + _ROW]
    pairs = " ".join(f"{byte:02x}" for byte in row)
    letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{start:08x}  {pairs:<47}  {letters}"
