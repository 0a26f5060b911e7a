"""The custody log of a package: who captured, sealed and looked, as signed events and a signed root over them.

The log is a part of the record, not a copy: each line is an event to the byte, and the leaf of the log's tree is the
event's own hash. A log may grow after it was sealed into a package, never shrink or change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from console.domain.errors import InputError
from console.domain.events import PERSON_SIGNED
from console.evidence.trust import Trust
from console.proof import merkle
from console.proof.base64_text import encode_base64
from console.proof.canonical import canonical, parse_canonical
from console.proof.chain import ChainHead, link_fault
from console.proof.checkpoint import sign_checkpoint
from console.proof.envelope import SignedEvent
from console.proof.keys import SigningKey, verify_text

MAX_EVENTS = 100_000
_WIRE = ({"canon", "sig"}, {"canon", "sig", "person_sig"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the events of a log must agree with: incident, number of the seal, its root and leaf digests in order."""

    incident: str
    seal: int
    root: bytes
    leaf_digests: Sequence[bytes]


def log_text(events: Iterable[SignedEvent]) -> str:
    """custody/log.jsonl: one event a line as `{canon, sig, person_sig?}`, canonical JSON."""
    return "".join(canonical(event.wire()).decode("utf-8") + "\n" for event in events)


def parse_log(data: bytes) -> list[SignedEvent]:
    """The events of a log; raises InputError naming the line that is none. Signatures are not judged here."""
    if not data.endswith(b"\n"):
        raise InputError("The custody log does not end in a newline; a part of it is missing.")
    lines = data[:-1].split(b"\n")
    if len(lines) > MAX_EVENTS:
        raise InputError(f"The custody log holds {len(lines)} events; at most {MAX_EVENTS} are read.")
    return [_parse_line(number, line) for number, line in enumerate(lines, 1)]


def log_root(events: Iterable[SignedEvent]) -> bytes:
    """The root over the events' hashes in order."""
    return merkle.root([bytes.fromhex(event.hash) for event in events])


def custody_origin(origin: str) -> str:
    """The origin of a custody log's checkpoint: a tree of its own beside that of the seal."""
    return f"{origin}/custody"


def sign_log(origin: str, events: Sequence[SignedEvent], device_key: SigningKey) -> str:
    """custody/checkpoint: size and root of the log, signed by the device under its id."""
    return sign_checkpoint(custody_origin(origin), len(events), log_root(events), device_key, device_key.id)


def contradictions(events: Sequence[SignedEvent], sealed: Sealed) -> Iterator[str]:
    """Why this log cannot be that of the seal, a sentence each: another incident, root or leaf, or no sealing."""
    heads: dict[tuple[str, str, int], ChainHead] = {}
    exercise: set[bool] = set()
    sealings = 0
    for number, signed in enumerate(events, 1):
        event = signed.envelope
        name = f"Event {number} ({event.type})"
        exercise.add(event.exercise)
        if event.incident != sealed.incident:
            yield f"{name} belongs to another incident than the package."
        yield from _break(name, heads.get(event.chain), signed)
        heads[event.chain] = ChainHead(event.seq, signed.hash)
        if event.type == "evidence.sealed" and event.body.get("seal") == sealed.seal:
            sealings += 1
            yield from _other_seal(name, signed, sealed)
        if event.type == "evidence.captured" and event.body.get("seal") == sealed.seal:
            yield from _other_leaf(name, signed, sealed)
    if not sealings:
        yield f"No event of the custody log seals tree {sealed.seal}; the log ends before it, or is another one."
    if len(exercise) > 1:
        yield "The custody log mixes events of an exercise with events of production."


def unproven(events: Sequence[SignedEvent], trust: Trust) -> Iterator[str]:
    """Events whose device or person signature is not one of `trust`, a sentence each."""
    for number, signed in enumerate(events, 1):
        event = signed.envelope
        name = f"Event {number} ({event.type})"
        device_key = trust.device_key(event.device)
        text = signed.canon.encode("utf-8")
        if not device_key:
            yield f"{name} was written by device {event.device[:16]}, which is not trusted here."
        elif not verify_text(device_key, text, signed.sig):
            yield f"{name} is not signed by the device that it names."
        if signed.person_sig:
            person_key = trust.persons.get(event.actor, "")
            if not person_key:
                yield f"{name} is signed by {event.actor[:60]}, whose key is not trusted here."
            elif not verify_text(person_key, text, signed.person_sig):
                yield f"{name} is not signed by the person that it names, {event.actor[:60]}."
        elif event.type in PERSON_SIGNED:
            yield f"{name} lacks the signature of a person."


def _parse_line(number: int, line: bytes) -> SignedEvent:
    try:
        value = parse_canonical(line)
        if set(value) not in _WIRE or not all(isinstance(member, str) for member in value.values()):
            raise InputError("it is not an event with its signatures.")
        event = SignedEvent(value["canon"], value["sig"], value.get("person_sig", ""))
        if event.wire() != value:
            raise InputError("it is not an event with its signatures.")
        _ = event.envelope
    except InputError as error:
        raise InputError(f"Line {number} of the custody log is not usable: {error.sentence}") from error
    return event


def _break(name: str, head: ChainHead | None, signed: SignedEvent) -> Iterator[str]:
    """A log holds only a part of a chain, so gaps are honest; going back, and a wrong link without a gap, are not."""
    event = signed.envelope
    if head is None or event.seq > head.seq + 1:
        return
    fault = link_fault(head, event)
    if fault:
        yield f"{name} does not continue its chain: {fault}."


def _other_seal(name: str, signed: SignedEvent, sealed: Sealed) -> Iterator[str]:
    body = signed.envelope.body
    if body.get("root") not in (sealed.root.hex(), encode_base64(sealed.root)):
        yield f"{name} sealed another root than the one in the checkpoint."
    if body.get("size") != len(sealed.leaf_digests):
        yield f"{name} sealed {body.get('size')!r} items; the package holds {len(sealed.leaf_digests)}."


def _other_leaf(name: str, signed: SignedEvent, sealed: Sealed) -> Iterator[str]:
    index, leaf = signed.envelope.body.get("index"), signed.envelope.body.get("leaf")
    if not isinstance(index, int) or not 0 <= index < len(sealed.leaf_digests):
        yield f"{name} captured an item that the tree of {len(sealed.leaf_digests)} leaves does not have."
    elif leaf != sealed.leaf_digests[index].hex():
        yield f"{name} committed item {index} to another leaf than the one that was sealed."
