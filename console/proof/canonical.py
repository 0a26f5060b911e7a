"""RFC 8785 canonical JSON, narrowed to what an event may hold; equal values have equal bytes on every machine.

Only objects, arrays, strings, booleans and integers below 2^53 in size are allowed. Null and floats are refused because
two programs may print them differently; strings must be NFC so that two spellings of one word cannot carry two hashes.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

import rfc8785

from console.domain.errors import InputError

MAX_SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 32
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def canonical(value: Mapping[str, Any]) -> bytes:
    """The canonical bytes of `value`.

    Raises InputError naming the path of the first member that is not allowed (null, float, big integer, text that is
    not NFC or holds a lone surrogate, too deep).
    """
    _check(value, "", 0)
    text = _ENCODE(value)
    # The two agree where every character is ASCII (names sort alike, escapes are the same), at a sixth of the time.
    return text.encode("ascii") if text.isascii() else rfc8785.dumps(dict(value))


def parse_canonical(data: bytes) -> dict[str, Any]:
    """The object written in `data`, which must already be canonical to the byte.

    Raises InputError when it is not JSON, not an object, repeats a name, or differs from its canonical form.
    """
    plain = _parse_plain(data)
    return _parse_thorough(data) if plain is None else plain


def _parse_thorough(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_repeats,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError) as error:
        raise InputError(
            f"The text is not canonical JSON ({_short(error)}); ask its sender for the signed original."
        ) from error
    if not isinstance(value, dict):
        raise InputError("The text is JSON but not an object; ask its sender for the signed original.")
    if canonical(value) != data:
        raise InputError(
            "The text is JSON but not in canonical form, so its signature cannot be judged; it is refused."
        )
    return value


def _parse_plain(data: bytes) -> dict[str, Any] | None:
    """What `parse_canonical` gives for nearly every event at a fifth of the time, or None: it is to be looked at fully.

    In ASCII text that encodes back to itself no name repeats and no string can be wrong; what could be besides (null,
    numbers that are long or no integers, depth) is looked for in the text, where finding too much does no harm.
    """
    if not data.isascii() or b"null" in data or data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        return None
    text = data.decode("ascii")
    try:
        value = _DECODE(text)
        return value if isinstance(value, dict) and _ENCODE(value) == text else None
    except (ValueError, RecursionError):
        return None


def nfc(text: str) -> str:
    """Text as events carry it; call this on what people type before it goes into a body."""
    return unicodedata.normalize("NFC", text)


def _check(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InputError(f"The value at '{path[:80]}' is nested deeper than {MAX_DEPTH}; flatten it.")
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise InputError(f"The integer at '{path}' is beyond 2^53; write it as a decimal string.")
    elif isinstance(value, Mapping):
        _check_members(value, path, depth)
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            _check(member, f"{path}[{index}]", depth + 1)
    else:
        raise InputError(
            f"'{path}' is a {type(value).__name__}; only text, integers, booleans, lists and objects can be signed."
        )


def _check_members(value: Mapping[Any, Any], path: str, depth: int) -> None:
    for name, member in value.items():
        if not isinstance(name, str):
            raise InputError(f"A name at '{path}' is not text; use text names only.")
        _check_text(name, path)
        if type(member) is str and member.isascii() and depth < MAX_DEPTH:
            continue  # nearly every member, and nothing about it could be wrong
        _check(member, f"{path}.{name}" if path else name, depth + 1)


def _check_text(text: str, path: str) -> None:
    if not text.isascii():
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise InputError(f"The text at '{path}' holds half a character (a lone surrogate); remove it.")
        if not unicodedata.is_normalized("NFC", text):
            raise InputError(f"The text at '{path}' is not in Unicode normal form C; normalise it before signing.")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated in an object")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"the number {text[:24]} is not an integer")


def _short(error: Exception) -> str:
    return str(error)[:120]


def _short_number(text: str) -> int:
    if len(text) > _SURELY_SAFE:
        raise ValueError(text[:24])
    return int(text)


_SURELY_SAFE = 15
_DECODE = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number, parse_int=_short_number).decode
