"""Where a desk's keys are kept, that they come back, and that nothing shows them."""

import json
import stat
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.remote import sealed_file
from console.remote.identity_store import IN_FILE, IN_KEYRING, IN_MEMORY, SEALED_FILE, desk_identity, seal_identity
from console.remote.keychain import KeychainUnavailable
from console.remote.sealed_file import WrongPassphrase, read_sealed

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of guessing is what the file says; tests need not pay the real one."""
    monkeypatch.setattr(sealed_file, "COST", {"memory_kib": 64, "iterations": 1, "lanes": 1})


class Kept:
    """A keyring that works."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def load(self, name: str) -> str | None:
        return self.secrets.get(name)

    def store(self, name: str, value: str) -> None:
        self.secrets[name] = value


class Locked(Kept):
    """A keyring that does not."""

    def load(self, name: str) -> str | None:
        raise KeychainUnavailable("No keyring answers here.")


def test_the_keyring_gives_the_same_desk_again(tmp_path: Path) -> None:
    keychain = Kept()
    first = desk_identity(tmp_path / "a", keychain=keychain)
    again = desk_identity(tmp_path / "a", keychain=keychain)
    other = desk_identity(tmp_path / "b", keychain=keychain)
    assert first.kept == IN_KEYRING
    assert first.lasting
    assert again.device_key.id == first.device_key.id
    assert again.evidence == first.evidence
    assert other.device_key.id != first.device_key.id
    assert all(len(value) < 1280 for value in keychain.secrets.values())


def test_without_a_keyring_it_lasts_for_the_session_and_says_so(tmp_path: Path) -> None:
    found = desk_identity(tmp_path, keychain=Locked())
    assert (found.kept, found.why, found.lasting) == (IN_MEMORY, "No keyring answers here.", False)
    assert desk_identity(tmp_path, keychain=Locked()).device_key.id != found.device_key.id


def test_a_file_under_a_passphrase_is_opt_in_and_private(tmp_path: Path) -> None:
    first = desk_identity(tmp_path, passphrase=PASSPHRASE, keychain=Locked())
    path = tmp_path / SEALED_FILE
    assert first.kept == IN_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.device_key.seed.hex() not in path.read_text()
    assert desk_identity(tmp_path, passphrase=PASSPHRASE).device_key.id == first.device_key.id
    with pytest.raises(WrongPassphrase):
        desk_identity(tmp_path, passphrase="wrong horse battery")
    with pytest.raises(InputError, match="give the passphrase"):
        desk_identity(tmp_path)


def test_a_short_passphrase_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 12"):
        desk_identity(tmp_path, passphrase="short")
    assert not (tmp_path / SEALED_FILE).exists()


@pytest.mark.parametrize(
    "change", [{"iterations": 10**9}, {"memory_kib": 2**40}, {"v": 2}, {"salt": "00"}, {"box": "!"}, {"x": 1}]
)
def test_a_changed_or_costly_file_is_refused_before_any_work(tmp_path: Path, change: dict[str, object]) -> None:
    desk_identity(tmp_path, passphrase=PASSPHRASE)
    path = tmp_path / SEALED_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match="not an identity file"):
        read_sealed(path, PASSPHRASE)


def test_the_cost_is_bound_to_the_secret(tmp_path: Path) -> None:
    desk_identity(tmp_path, passphrase=PASSPHRASE)
    path = tmp_path / SEALED_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"iterations": 2}))
    with pytest.raises(WrongPassphrase):
        read_sealed(path, PASSPHRASE)


@pytest.mark.parametrize("held", ["", "{}", "nonsense", '{"device_seed": "00", "evidence": "x"}'])
def test_a_damaged_secret_is_refused_without_being_shown(tmp_path: Path, held: str) -> None:
    keychain = Kept()
    desk_identity(tmp_path, keychain=keychain)
    keychain.secrets = dict.fromkeys(keychain.secrets, held)
    with pytest.raises(InputError) as refused:
        desk_identity(tmp_path, keychain=keychain)
    assert refused.value.__cause__ is None
    assert "nonsense" not in str(refused.value)


def test_a_desk_is_shown_without_its_secrets(tmp_path: Path) -> None:
    found = desk_identity(tmp_path, keychain=Kept())
    assert found.device_key.seed.hex() not in repr(found)
    assert found.evidence.secret not in repr(found)


def test_an_identity_of_the_session_can_be_kept_under_a_passphrase_and_is_the_same_desk(tmp_path: Path) -> None:
    made = desk_identity(tmp_path, keychain=Locked())
    kept = seal_identity(tmp_path, made, PASSPHRASE)
    assert (kept.kept, kept.lasting) == (IN_FILE, True)
    again = desk_identity(tmp_path, passphrase=PASSPHRASE)
    assert again.device_key.id == made.device_key.id
    assert again.evidence == made.evidence
