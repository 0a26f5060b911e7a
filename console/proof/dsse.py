"""DSSE envelopes around in-toto Statements v1: signed claims about files named by their hashes.

The signature is over the pre-authentication encoding of type and payload, so a payload cannot be read as another type.
An envelope written here is canonical JSON and a newline, and only that spelling is read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.domain.errors import InputError
from console.proof.base64_text import decode_base64, encode_base64
from console.proof.canonical import canonical, parse_canonical
from console.proof.keys import SigningKey, verify_bytes

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


class StatementError(InputError):
    """A signed statement is malformed or not of the kind that was asked for."""


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """An envelope cut apart; nothing of it is proven before `signed_by` has said so.

    `payload` are the signed bytes, `key_id` and `signature` those of its one signature.
    """

    payload: bytes
    key_id: str
    signature: bytes

    def signed_by(self, public_hex: str) -> bool:
        """Whether the signature is that of this key over exactly this payload as an in-toto statement."""
        return verify_bytes(public_hex, pae(PAYLOAD_TYPE, self.payload), self.signature)


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto Statement v1: `subjects` maps a file's name to its SHA-256 in hex, `predicate` is what is claimed."""

    subjects: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, Any]

    def payload(self) -> bytes:
        """The canonical bytes to sign."""
        subject = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(self.subjects.items())]
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": subject,
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_statement(statement: Statement, key: SigningKey) -> str:
    """The envelope as text; raises InputError when the predicate cannot be written canonically."""
    payload = statement.payload()
    signature = key.sign(pae(PAYLOAD_TYPE, payload))
    envelope = {
        "payload": encode_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key.id, "sig": encode_base64(signature)}],
    }
    return canonical(envelope).decode("utf-8") + "\n"


def parse_signed(text: bytes) -> SignedStatement:
    """The envelope in `text`: canonical JSON, a newline, one signature; raises StatementError otherwise."""
    if not text.endswith(b"\n"):
        raise StatementError("A signed statement must end in a newline; it is refused.")
    try:
        value = parse_canonical(text[:-1])
    except InputError as error:
        raise StatementError(error.sentence) from error
    match value:
        case {
            "payload": str(encoded),
            "payloadType": str(kind),
            "signatures": [{"keyid": str(key_id), "sig": str(signature_text), **beside}],
        } if kind == PAYLOAD_TYPE and len(value) == 3 and not beside:
            payload, signature = decode_base64(encoded), decode_base64(signature_text)
            if payload is not None and signature is not None:
                return SignedStatement(payload, key_id, signature)
    raise StatementError("A signed statement is not an in-toto envelope with one signature; it is refused.")


def parse_statement(payload: bytes) -> Statement:
    """The statement in a payload whose signature has been checked; raises StatementError when it is not one."""
    try:
        value = parse_canonical(payload)
    except InputError as error:
        raise StatementError(error.sentence) from error
    match value:
        case {
            "_type": str(kind),
            "subject": list(subjects),
            "predicateType": str(predicate_type),
            "predicate": dict(predicate),
        } if kind == STATEMENT_TYPE:
            return Statement(_parse_subjects(subjects), predicate_type, predicate)
    raise StatementError("The signed text is not an in-toto statement of version 1; it is refused.")


def _parse_subjects(values: list[Any]) -> dict[str, str]:
    subjects: dict[str, str] = {}
    for value in values:
        match value:
            case {"name": str(name), "digest": {"sha256": str(digest)}} if name not in subjects:
                subjects[name] = digest
            case _:
                raise StatementError("A subject of the statement has no name of its own or no SHA-256; it is refused.")
    return subjects
