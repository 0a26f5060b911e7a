"""Server-sent events from pieces of bytes: bounded, and forgiving only where the standard says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.remote.faults import GarbledAnswer, OversizedAnswer


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: `id` and `kind` are "" when not given."""

    id: str
    kind: str
    data: str


def lines(pieces: Iterable[bytes], max_bytes: int) -> Iterator[str]:
    """Lines of UTF-8 without their end, as soon as each is whole; a last line without an end is dropped.

    Raises OversizedAnswer for a line over `max_bytes`, GarbledAnswer for bytes that are not UTF-8.
    """
    rest = bytearray()
    for piece in pieces:
        *whole, last = piece.split(b"\n")
        for part in whole:
            line, rest = rest + part, bytearray()
            yield _text(line, max_bytes)
        rest += last
        if len(rest) > max_bytes:
            raise OversizedAnswer(f"A line of the plane's stream is longer than {max_bytes} bytes.")


def _text(line: bytearray, max_bytes: int) -> str:
    if len(line) > max_bytes:
        raise OversizedAnswer(f"A line of the plane's stream is longer than {max_bytes} bytes.")
    try:
        return line.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise GarbledAnswer("The plane's stream is not UTF-8.") from error


def events(text_lines: Iterable[str], max_chars: int) -> Iterator[StreamEvent]:
    """Events from lines; comments are skipped, an event without data is none. Raises OversizedAnswer past the bound."""
    data: list[str] = []
    event_id, kind, size = "", "", 0
    for line in text_lines:
        if not line:
            if data:
                yield StreamEvent(event_id, kind, "\n".join(data))
            kind, data, size = "", [], 0
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
            size += len(value)
            if size > max_chars:
                raise OversizedAnswer(f"An event of the plane's stream is longer than {max_chars} characters.")
        elif name == "event":
            kind = value
        elif name == "id":
            event_id = value
