"""The envelope: signed bytes are kept as signed, every field is checked, a changed bit never verifies."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.canonical import canonical, parse_canonical
from console.proof.envelope import FIRST_PREV_HASH, Envelope, SignedEvent, parse_envelope, sign
from console.proof.keys import SigningKey

DEVICE = SigningKey(bytes(range(32)))
PERSON = SigningKey(bytes(range(1, 33)))
EVENT = Envelope(
    type="note.added",
    event_id="01890a5d-ac96-774b-bcce-b302099a8057",
    incident="system",
    device=DEVICE.id,
    incarnation=1,
    seq=1,
    prev_hash=FIRST_PREV_HASH,
    actor="ic@example.org",
    role="incident_commander",
    policy_hash="",
    hlc="0" * 16,
    seen_gpos=0,
    exercise=True,
    body={"text": "näher", "happened_at": "2026-11-21T00:00:00.000000Z"},
)


def test_a_signed_event_reads_back_as_it_was_written() -> None:
    signed = sign(EVENT, DEVICE, PERSON)
    assert signed.envelope == EVENT
    assert signed.verify(DEVICE.public_hex, PERSON.public_hex)


def test_the_bytes_of_a_known_event_never_change() -> None:
    # The envelope is a format of record: this hash holds for ever, on every machine and in every version.
    assert sign(EVENT, DEVICE).hash == "c25b4588e2269503b1badf7e2180e481d3aba091b6bdc3893833aa0edb50d2dd"


@given(st.data())
def test_any_flipped_bit_breaks_the_signature(data: st.DataObject) -> None:
    signed = sign(EVENT, DEVICE)
    raw = bytearray(signed.canon.encode("utf-8"))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    changed = SignedEvent(raw.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8"), signed.sig)
    assert not changed.verify(DEVICE.public_hex)


def test_a_person_signature_is_judged_when_either_side_names_one() -> None:
    assert not sign(EVENT, DEVICE).verify(DEVICE.public_hex, PERSON.public_hex)
    assert not sign(EVENT, DEVICE, PERSON).verify(DEVICE.public_hex)
    assert not sign(EVENT, DEVICE, PERSON).verify(DEVICE.public_hex, DEVICE.public_hex)


def test_only_the_device_named_in_an_event_can_sign_it() -> None:
    with pytest.raises(InputError, match="another device"):
        sign(EVENT, PERSON)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "note"),
        ("type", "Note.added"),
        ("schema_v", 0),
        ("event_id", "01890a5d-ac96-474b-bcce-b302099a8057"),
        ("incident", "01890a5d"),
        ("device", "A" * 64),
        ("incarnation", 0),
        ("seq", 0),
        ("seq", 2),
        ("prev_hash", "1" * 64),
        ("actor", ""),
        ("actor", "a" * 201),
        ("policy_hash", "x"),
        ("hlc", "0" * 15),
        ("seen_gpos", -1),
        ("v", 2),
        ("body", {"text": "x" * 70_000}),
        ("body", {"value": 0.5}),
    ],
)
def test_a_malformed_field_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(EVENT, **{field: value}).canon()


@pytest.mark.parametrize(
    "change", [{"hlc": None}, {"extra": 1}, {"seq": True}, {"body": []}], ids=lambda c: next(iter(c))
)
def test_an_envelope_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    value = {name: member for name, member in (parse_canonical(EVENT.canon()) | change).items() if member is not None}
    with pytest.raises(InputError):
        parse_envelope(canonical(value))
