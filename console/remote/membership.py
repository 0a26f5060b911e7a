"""Who a desk belongs to once it was enrolled: the plane it met, the person, and the person's key under a passphrase.

The key is written before the plane is asked, under another name, so that an answer that was lost can be asked for again
with the same key; it becomes the person's only when the plane has said so. Nothing secret is in plain text.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from console.domain.errors import EnvironmentFault, InputError
from console.domain.times import format_utc, from_epoch_us
from console.proof.canonical import canonical
from console.proof.journal import enrol_subject
from console.proof.keys import SEED_BYTES, SigningKey
from console.proof.words import root_words
from console.protocol.messages import ConfigAnswer, EnrolAnswer, EnrolRequest
from console.remote.faults import Offline, ProblemAnswer
from console.remote.plane_client import PlaneClient
from console.remote.sealed_file import WrongPassphrase, read_sealed, write_sealed
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire

PERSON_FILE = "person.sealed"
JOINING_FILE = "person.sealed.joining"
MEMBER_FILE = "member.json"
PEOPLE = "people"
"""The folder with one sealed key a person, once the desk knows of several: see `desk_people`."""
_MOST_BYTES = 20_000
_MOST_CODE = 100
_DIGITS = 64
_MAY_HAVE_DONE_IT = 500

Randomness = Callable[[int], bytes]
Now = Callable[[], int]
"""The desk's clock, microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a plane says of itself before anything is kept: its world, its keys, its journal's epoch."""

    url: str
    origin: str
    exercise: bool
    root_public_key: str
    plane_device: str
    plane_public_key: str
    epoch: str

    @property
    def words(self) -> tuple[str, ...]:
        """The eight words of the organisation's root key, to be compared with those told with the invitation."""
        return root_words(self.root_public_key)


@dataclass(frozen=True, slots=True)
class Membership:
    """The person this desk belongs to, the roles the invitation named, and the plane as it was compared."""

    person: str
    roles: tuple[str, ...]
    plane: Meeting


def meet(url: str, verify: bool | str, now_us: Now) -> Meeting:
    """Asks a plane who it is; nothing is kept. Raises InputError for an address, and what `remote.faults` names."""
    client = _client(SigningKey(secrets.token_bytes(SEED_BYTES)), url, verify, now_us)
    try:
        answer: ConfigAnswer = client.config().answer
    finally:
        client.close()
    return Meeting(
        url, answer.origin, answer.exercise, answer.root_public_key, answer.plane_device, answer.plane_public_key,
        answer.epoch,
    )  # fmt: skip


def enrol(
    folder: Path,
    met: Meeting,
    code: str,
    device_key: SigningKey,
    passphrase: str,
    verify: bool | str,
    now_us: Now,
    randomness: Randomness = secrets.token_bytes,
) -> tuple[Membership, SigningKey]:
    """Has the plane that was met let this device in and certify a fresh key of the person; keeps both when it did.

    Raises what the plane said, with the folder as it was. When nobody knows what became of it (TimedOut, a garbled
    answer), the key waits in JOINING_FILE: the same code and passphrase ask for the answer again.
    """
    member, key = ask_for_key(folder / JOINING_FILE, met, code, device_key, passphrase, verify, now_us, randomness)
    _write_member(folder / MEMBER_FILE, member)
    (folder / JOINING_FILE).replace(folder / PERSON_FILE)
    return member, key


def ask_for_key(
    joining: Path,
    met: Meeting,
    code: str,
    device_key: SigningKey,
    passphrase: str,
    verify: bool | str,
    now_us: Now,
    randomness: Randomness = secrets.token_bytes,
) -> tuple[Membership, SigningKey]:
    """Asks as `enrol` does; the fresh key then lies sealed in `joining`, and the caller puts it where it belongs."""
    joining.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = _waiting_key(joining, passphrase)
    key = waiting or SigningKey(randomness(SEED_BYTES))
    if waiting is None:
        _write_key(joining, key, passphrase, randomness)
    try:
        answer = _ask(met, tidy_code(code), device_key, key, verify, now_us)
    except (ProblemAnswer, Offline, NotAsked) as error:
        undone = not isinstance(error, ProblemAnswer) or error.status < _MAY_HAVE_DONE_IT
        if waiting is None and undone:
            joining.unlink(missing_ok=True)
        raise
    return Membership(answer.person, tuple(answer.roles), met), key


class NotAsked(InputError):
    """The code was not sent: it cannot be one, or the plane is not the one that was compared."""


def tidy_code(code: str) -> str:
    """A code as it was printed, however it was typed; raises NotAsked for what cannot be one."""
    tidied = "-".join(code.replace("-", " ").lower().split())
    plain = all(letter in "abcdefghijklmnopqrstuvwxyz0123456789-" for letter in tidied)
    if not 8 <= len(tidied) <= _MOST_CODE or not plain:
        raise NotAsked("This is no one-time code; write it as it was printed, like abcd-efgh-jkmn-pqrs.")
    return tidied


def membership(folder: Path) -> Membership | None:
    """Whom the desk of this folder belongs to, None before it was enrolled; raises InputError for a broken file."""
    path = folder / MEMBER_FILE
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MOST_BYTES))
        roles = tuple(str(role) for role in value["roles"])
        met = Meeting(**value["plane"])
        if value["v"] != 1 or len(met.root_public_key) != _DIGITS:
            raise ValueError(path.name)
        return Membership(str(value["person"]), roles, met)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path} does not say whom this desk belongs to; restore it from a backup.") from None
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read ({error.strerror}).") from error


def has_person_key(folder: Path) -> bool:
    """Whether the key of the person to whom this desk belongs is kept here, under their passphrase."""
    return _own_file(folder).is_file()


def person_key(folder: Path, passphrase: str) -> SigningKey:
    """The key of the desk's own person; raises WrongPassphrase, and InputError for a file that holds none."""
    return key_in(_own_file(folder), passphrase)


def key_in(path: Path, passphrase: str) -> SigningKey:
    """The person's key that is sealed in `path`; raises as `person_key`."""
    return _key_of(read_sealed(path, passphrase), path)


def person_file(folder: Path, person: str) -> Path:
    """Where the sealed key of one of several people lies; their name, which came from outside, names no file."""
    return folder / PEOPLE / f"{hashlib.sha256(person.encode('utf-8', 'surrogatepass')).hexdigest()}.sealed"


def _own_file(folder: Path) -> Path:
    first = folder / PERSON_FILE
    member = None if first.is_file() else membership(folder)
    return first if member is None else person_file(folder, member.person)


def _ask(
    met: Meeting, code: str, device_key: SigningKey, key: SigningKey, verify: bool | str, now_us: Now
) -> EnrolAnswer:
    client = _client(device_key, met.url, verify, now_us)
    try:
        config = client.config()
        now = config.answer
        if (now.root_public_key, now.plane_public_key, now.exercise) != (
            met.root_public_key, met.plane_public_key, met.exercise,
        ):  # fmt: skip
            raise NotAsked("The plane names other keys than those that were compared; compare them again.")
        # By the plane's clock: a desk whose own is wrong is let in, and flagged afterwards.
        time = format_utc(from_epoch_us(client.now_us() + config.plane_us - config.received_us))
        subject = canonical(enrol_subject(code, device_key.id, key.public_hex, time))
        request = EnrolRequest(
            code=code, device_public_key=device_key.public_hex, person_public_key=key.public_hex, label="", time=time,
            sig=device_key.sign_text(subject), person_sig=key.sign_text(subject),
        )  # fmt: skip
        return client.enrol(request).answer
    finally:
        client.close()


def _client(key: SigningKey, url: str, verify: bool | str, now_us: Now) -> PlaneClient:
    return PlaneClient(Wire(url, now_us, verify), TokenKeeper(key, lambda: secrets.token_hex(32)))


def _waiting_key(path: Path, passphrase: str) -> SigningKey | None:
    """The key of an enrolment whose answer was lost, where this passphrase opens it."""
    try:
        return _key_of(read_sealed(path, passphrase), path) if path.is_file() else None
    except (WrongPassphrase, InputError):
        return None


def _write_key(path: Path, key: SigningKey, passphrase: str, randomness: Randomness) -> None:
    write_sealed(path, json.dumps({"v": 1, "person_seed": key.seed.hex()}), passphrase, randomness)


def _key_of(text: str, path: Path) -> SigningKey:
    try:
        return SigningKey(bytes.fromhex(json.loads(text)["person_seed"]))
    except (ValueError, KeyError, TypeError, InputError):
        # `from None`: the text is the secret itself and must not travel in a traceback
        raise InputError(f"{path} does not hold a person's key; restore it from a backup.") from None


def _write_member(path: Path, member: Membership) -> None:
    value = {"v": 1, "person": member.person, "roles": list(member.roles), "plane": asdict(member.plane)}
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written ({error.strerror}); try again with the same code.") from error
