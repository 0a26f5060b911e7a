"""The seal: checkpoint, SSH signature, statement, tree and custody log, each against the trust anchors.

One trusted signer must have made checkpoint, SSH signature and statement: a second trusted person cannot lend the first
one's checkpoint to other files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from console.domain.errors import InputError
from console.evidence import bag, custody
from console.evidence.reading import Listing
from console.evidence.statement import Seal, parse_seal
from console.evidence.trust import Signer, Trust
from console.evidence.verdict import Check
from console.proof import merkle
from console.proof.checkpoint import Checkpoint, CheckpointError, NoteKey, parse_note, verify_checkpoint
from console.proof.dsse import SignedStatement, Statement, StatementError, parse_signed, parse_statement
from console.proof.envelope import SignedEvent
from console.proof.keys import key_id
from console.proof.sshsig import verify_ssh


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint whose signature holds, and who made it."""

    checkpoint: Checkpoint
    signer: Signer


def judge_checkpoint(listing: Listing, trust: Trust) -> tuple[Check, Head | None]:
    """seal/checkpoint against the signers and the origin of `trust`."""
    check = Check("checkpoint")
    try:
        note = listing.tags[bag.CHECKPOINT].decode("utf-8")
        checkpoint, key = verify_checkpoint(note, [signer.note_key for signer in trust.signers])
        if len(parse_note(note).signatures) != 1:
            raise CheckpointError("The checkpoint of a seal carries one signature; this one has more.")
    except (UnicodeDecodeError, CheckpointError) as error:
        sentence = error.sentence if isinstance(error, CheckpointError) else "The checkpoint is not UTF-8."
        check.fail(sentence, path=bag.CHECKPOINT)
        return check, None
    if not _of_origin(checkpoint.origin, trust.origin):
        check.fail(f"The seal is of {checkpoint.origin}, not of {trust.origin}.", path=bag.CHECKPOINT)
    signer = next(signer for signer in trust.signers if signer.note_key == key)
    check.sentence = f"{checkpoint.size} items sealed by {signer.name}"
    return check, Head(checkpoint, signer)


def judge_ssh(listing: Listing, head: Head | None) -> Check:
    """seal/checkpoint.sshsig against the key that signed the checkpoint."""
    check = Check("ssh signature")
    if head is None:
        check.leave("no trusted key signed the checkpoint")
        return check
    armoured = listing.tags[bag.SSHSIG].decode("ascii", "replace")
    if not verify_ssh(armoured, listing.tags[bag.CHECKPOINT], head.signer.public_key):
        check.fail(f"This is not the signature of {head.signer.name} over the checkpoint.", path=bag.SSHSIG)
    check.sentence = f"the same key, {head.signer.name}, signed for OpenSSH"
    return check


def judge_statement(listing: Listing, trust: Trust, head: Head | None) -> tuple[Check, Seal | None]:
    """seal/seal.dsse.json: signed by a trusted signer, about this checkpoint and manifest, not contradicting them.

    The seal is returned once its signature holds, so that the payload is judged by it whatever else is wrong.
    """
    check = Check("statement")
    try:
        signed = parse_signed(listing.tags[bag.STATEMENT])
        signer = next((one for one in trust.signers if _signed(signed, one)), None)
        if signer is None:
            raise StatementError("None of the signers in the trust file signed the statement.")
        statement = parse_statement(signed.payload)
        seal = parse_seal(statement)
    except StatementError as error:
        check.fail(error.sentence, path=bag.STATEMENT)
        return check, None
    _judge_files(check, listing, statement, seal)
    if head is not None:
        if signer.public_key != head.signer.public_key or seal.sealer != head.signer.name:
            check.fail(f"{signer.name} signed it, but {head.signer.name} sealed.", path=bag.STATEMENT)
        if (seal.size, seal.root) != (head.checkpoint.size, head.checkpoint.root.hex()):
            check.fail("It describes another tree than the checkpoint's.", path=bag.STATEMENT)
    if f"External-Identifier: {seal.incident}".encode() not in listing.tags[bag.BAG_INFO].splitlines():
        check.fail("The bag names another incident than the seal.", path=bag.BAG_INFO)
    check.sentence = f"seal {seal.seal} of incident {seal.incident}, {seal.severity}"
    return check, seal


def _signed(statement: SignedStatement, signer: Signer) -> bool:
    return statement.key_id == key_id(signer.public_key) and statement.signed_by(signer.public_key)


def _judge_files(check: Check, listing: Listing, statement: Statement, seal: Seal) -> None:
    """The small files that the statement names by hash, and by size where it knows it."""
    sizes = {path: row.bytes for path, row in seal.tags.items()}
    digests = {**statement.subjects, **{path: row.sha256 for path, row in seal.tags.items()}}
    for path, digest in digests.items():
        content = listing.tags[path]
        if hashlib.sha256(content).hexdigest() != digest:
            sentence = "This is not the file that was sealed."
            check.fail(sentence, path=path, expected_bytes=sizes.get(path), found_bytes=len(content))


def judge_tree(listing: Listing, head: Head | None) -> tuple[Check, list[bytes] | None]:
    """seal/leafhashes.txt against the root in the checkpoint; the digests are returned when they can be read."""
    check = Check("tree")
    try:
        digests = bag.parse_leaf_hashes(listing.tags[bag.LEAF_HASHES])
    except bag.BagError as error:
        check.fail(f"The file is not written as it must be: {error.sentence}", path=bag.LEAF_HASHES)
        return check, None
    if head is None:
        check.leave("no trusted checkpoint holds a root")
        return check, digests
    if len(digests) != head.checkpoint.size:
        sentence = f"{head.checkpoint.size} items were sealed, {len(digests)} leaves are listed."
        check.fail(sentence, path=bag.LEAF_HASHES)
    elif merkle.root(digests) != head.checkpoint.root:
        check.fail("The leaves do not give the sealed root; one was changed or moved.", path=bag.LEAF_HASHES)
    check.sentence = f"{len(digests)} leaf hashes give the sealed root"
    return check, digests


def judge_custody(listing: Listing, trust: Trust, seal: Seal | None, digests: list[bytes] | None) -> Check:
    """custody/log.jsonl and custody/checkpoint against the devices and persons of `trust`, and against the seal."""
    check = Check("custody")
    try:
        events = custody.parse_log(listing.tags[bag.CUSTODY_LOG])
        for sentence in custody.unproven(events, trust):
            check.fail(sentence, path=bag.CUSTODY_LOG)
    except InputError as error:
        check.fail(error.sentence, path=bag.CUSTODY_LOG)
        return check
    try:
        note = listing.tags[bag.CUSTODY_CHECKPOINT].decode("utf-8")
        devices = [NoteKey(device, key) for device, key in trust.devices.items()]
        head, _ = verify_checkpoint(note, devices)
        if not _of_origin(head.origin, trust.origin):
            check.fail(f"The log is of {head.origin}, not of {trust.origin}.", path=bag.CUSTODY_CHECKPOINT)
        if (head.size, head.root) != (len(events), custody.log_root(events)):
            sentence = f"The log holds {len(events)} events that do not give the root signed over {head.size}."
            check.fail(sentence, path=bag.CUSTODY_LOG)
    except (UnicodeDecodeError, CheckpointError) as error:
        sentence = error.sentence if isinstance(error, CheckpointError) else "The checkpoint is not UTF-8."
        check.fail(sentence, path=bag.CUSTODY_CHECKPOINT)
    if seal is not None and digests is not None:
        _judge_sealed_log(check, listing.tags[bag.CUSTODY_LOG], events, seal, digests)
    check.sentence = f"{len(events)} events, each signed by a trusted device"
    return check


def _judge_sealed_log(check: Check, log: bytes, events: list[SignedEvent], seal: Seal, digests: list[bytes]) -> None:
    """The log as it was sealed must open the log as it is, signatures included, and tell of this very tree."""
    row = seal.custody
    if len(log) < row.bytes or hashlib.sha256(log[: row.bytes]).hexdigest() != row.sha256:
        sentence = f"The {seal.custody_events} events that were sealed do not open the log."
        check.fail(sentence, path=bag.CUSTODY_LOG, expected_bytes=row.bytes, found_bytes=len(log))
    sealed = custody.Sealed(seal.incident, seal.seal, bytes.fromhex(seal.root), digests)
    for sentence in custody.contradictions(events, sealed):
        check.fail(sentence, path=bag.CUSTODY_LOG)


def _of_origin(origin: str, trusted: str) -> bool:
    return origin == trusted or origin.startswith(f"{trusted}/")
