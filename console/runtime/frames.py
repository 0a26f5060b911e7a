"""Values over a pipe between this program and a child of its own: a length, then plain tuples, texts and numbers.

Only for a child that this program started itself; what comes from anywhere else is read by `protocol`.
"""

from __future__ import annotations

import marshal
import re
import struct
from typing import IO, Any

_LENGTH = struct.Struct(">Q")
_KEY = re.compile(r'public_key":"([0-9a-f]{64})"')


def write_frame(pipe: IO[bytes], value: Any) -> None:
    """Sends `value`, made of None, numbers, texts, bytes, tuples and dicts; raises OSError when nobody reads."""
    data = marshal.dumps(value)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> Any:
    """The next value; raises EOFError at the end, also in the middle of one."""
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return marshal.loads(_exactly(pipe, length))  # noqa: S302 - from our own child or parent


def keys_in(canon: str) -> list[str]:
    """The public keys that an event names; whose they are is told by their hash, so a wrong one does no harm."""
    return _KEY.findall(canon) if 'public_key":"' in canon else []


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
