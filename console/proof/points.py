"""Whether 32 bytes are a public key that proves something: a point of Ed25519, written in the one way, of large order.

A signature under a point of small order can be made without any secret, and one point written in two ways is two
names of one key; libraries take both. The arithmetic is that of RFC 8032, section 5.1, on public values only.
"""

from __future__ import annotations

from functools import lru_cache

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_DOUBLINGS = 3
"""The curve's cofactor is eight: three doublings take every point of small order, and no other, to the neutral one."""


@lru_cache(maxsize=4096)
def is_sound_key(public_hex: str) -> bool:
    """Whether this is the canonical form, in lower-case hex, of a curve point whose order does not divide eight."""
    try:
        raw = bytes.fromhex(public_hex)
    except ValueError:
        return False
    if len(raw) != 32 or raw.hex() != public_hex:
        return False
    point = _decoded(int.from_bytes(raw, "little"))
    if point is None:
        return False
    for _ in range(_DOUBLINGS):
        point = _doubled(*point)
    return point != (0, 1)


def _decoded(number: int) -> tuple[int, int] | None:
    """The point that 255 bits of y and one bit of x's sign stand for, None for a form nobody must write."""
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    above, below = (y * y - 1) % _P, (_D * y * y + 1) % _P
    square = above * pow(below, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else _P - x), y


def _doubled(x: int, y: int) -> tuple[int, int]:
    product = _D * x * x % _P * y % _P * y % _P
    across = 2 * x * y * pow(1 + product, -1, _P) % _P
    return across, (y * y + x * x) * pow(1 - product, -1, _P) % _P
