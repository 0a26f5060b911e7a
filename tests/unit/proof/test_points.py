"""Points of small order are no keys, whichever way they are written; real keys are."""

from __future__ import annotations

import hashlib

import pytest

from console.proof import points
from console.proof.keys import SigningKey, verify_bytes
from console.proof.points import is_sound_key

P = 2**255 - 19
ROOT = pow(2, (P - 1) // 4, P)


def written(number: int) -> str:
    return number.to_bytes(32, "little").hex()


def order_eight() -> int:
    """The y of a point of order eight: half of a point whose y is 0, found by trying multiples of small points."""
    for y in range(2, 200):
        point = points._decoded(y)
        if point is None:
            continue
        torsion = _times(point, 2**252 + 27742317777372353535851937790883648493)
        if _times(torsion, 4) != (0, 1):
            return torsion[1]
    raise AssertionError("no point of order eight was found")


def _added(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = one, two
    product = points._D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def _times(point: tuple[int, int], number: int) -> tuple[int, int]:
    total = (0, 1)
    for bit in bin(number)[2:]:
        total = _added(total, total)
        if bit == "1":
            total = _added(total, point)
    return total


EIGHT = order_eight()
SMALL = {
    "the neutral point": 1,
    "order two": P - 1,
    "order four": 0,
    "order four, the other": 1 << 255,
    "order eight": EIGHT,
    "order eight, negative x": EIGHT | 1 << 255,
    "order eight, negative y": P - EIGHT,
    "order eight, both negative": P - EIGHT | 1 << 255,
}
NOT_CANONICAL = {
    "y not reduced, 0": P,
    "y not reduced, 1": P + 1,
    "y not reduced, largest": 2**255 - 1,
    "no x, and its sign set": 1 | 1 << 255,
    "no x, negative, and its sign set": P - 1 | 1 << 255,
}


@pytest.mark.parametrize("number", [*SMALL.values(), *NOT_CANONICAL.values()], ids=[*SMALL, *NOT_CANONICAL])
def test_these_are_no_keys(number: int) -> None:
    assert not is_sound_key(written(number))


def test_the_eight_small_points_are_eight() -> None:
    found = [points._decoded(number) for number in SMALL.values()]
    assert None not in found
    assert len(set(found)) == 8


def test_a_point_off_the_curve_and_what_is_no_point() -> None:
    off = next(y for y in range(2, 50) if points._decoded(y) is None)
    for text in (written(off), "", "no key", "00" * 31, "00" * 33, SigningKey(bytes(32)).public_hex.upper()):
        assert not is_sound_key(text)


def test_every_real_key_is_sound() -> None:
    for n in range(50):
        assert is_sound_key(SigningKey(hashlib.sha256(str(n).encode()).digest()).public_hex)


def test_why_it_matters_anybody_signs_under_the_neutral_point() -> None:
    """R = S*B with S = 0 is the neutral point too: the equation holds for every message, unless the library refuses."""
    forged = (1).to_bytes(32, "little") + bytes(32)
    accepted = verify_bytes(written(1), b"anything at all", forged)
    assert not is_sound_key(written(1)), accepted
