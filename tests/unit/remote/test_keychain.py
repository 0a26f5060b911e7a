"""The keychain: a pinned back-end, a deadline on every call, read-back, and never the secret in an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.domain.errors import EnvironmentFault
from console.remote import keychain
from tests.waiting import wait_until

SECRET = "hunter2-" * 4


class Memory:
    """A back-end that keeps what it is given."""

    priority = 5.0

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Forgetful(Memory):
    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:10])


class Foreign(Memory):
    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyError("some library's own error")


class Locked(Memory):
    """A back-end that asks its user and waits, until the test opens the door."""

    def __init__(self) -> None:
        super().__init__()
        self.door = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.door.wait()
        return super().get_password(service, username)


@pytest.fixture
def locked() -> Iterator[Locked]:
    backend = Locked()
    yield backend
    backend.door.set()
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "keychain"])


def test_a_secret_is_kept_read_and_forgotten() -> None:
    backend = Memory()
    keychain.store_secret("device", SECRET, open_backend=lambda: backend)
    assert keychain.load_secret("device", open_backend=lambda: backend) == SECRET
    keychain.delete_secret("device", open_backend=lambda: backend)
    keychain.delete_secret("device", open_backend=lambda: backend)
    assert keychain.load_secret("device", open_backend=lambda: backend) is None


def test_what_does_not_come_back_was_not_kept() -> None:
    with pytest.raises(keychain.KeychainUnavailable, match="did not give it back"):
        keychain.store_secret("device", SECRET, open_backend=Forgetful)


def test_no_error_carries_the_secret() -> None:
    for backend in (Forgetful, Foreign):
        with pytest.raises(keychain.KeychainUnavailable) as caught:
            keychain.store_secret("device", SECRET, open_backend=backend)
        assert SECRET[:10] not in "".join(traceback.format_exception(caught.value))


def test_a_library_s_own_error_becomes_a_fault_of_the_machine() -> None:
    with pytest.raises(EnvironmentFault, match="KeyError"):
        keychain.store_secret("device", SECRET, open_backend=Foreign)


def test_a_locked_keyring_is_given_up_at_the_deadline(locked: Locked) -> None:
    started = time.monotonic()
    with pytest.raises(keychain.KeychainSilent, match=r"0\.2 s"):
        keychain.load_secret("device", deadline_s=0.2, open_backend=lambda: locked)
    assert time.monotonic() - started < 2


def test_a_locked_keyring_piles_up_no_threads(locked: Locked) -> None:
    for _ in range(3):
        with pytest.raises(keychain.KeychainSilent):
            keychain.load_secret("device", deadline_s=0.05, open_backend=lambda: locked)
    assert len([one for one in threading.enumerate() if one.name == "keychain"]) == 1
    locked.door.set()
    assert keychain.load_secret("device", open_backend=lambda: locked) is None


@pytest.mark.parametrize("value", ["", "x" * (keychain.MAX_CHARACTERS + 1)])
def test_only_a_short_handle_is_kept(value: str) -> None:
    with pytest.raises(ValueError, match="1 to 1280"):
        keychain.store_secret("device", value, open_backend=Memory)


def test_without_a_keyring_it_says_so_and_what_then() -> None:
    usable, why = keychain.describe_backend()
    assert not usable
    assert "passphrase" in why


def test_neither_environment_nor_configuration_chooses_the_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    configured = Path(os.environ["XDG_CONFIG_HOME"], "python_keyring", "keyringrc.cfg")
    configured.parent.mkdir(parents=True)
    configured.write_text("[backend]\ndefault-keyring=keyring.backends.null.Keyring\n")
    try:
        assert keychain.describe_backend()[0] is False
        with pytest.raises(keychain.KeychainUnavailable):
            keychain.store_secret("device", SECRET)
    finally:
        shutil.rmtree(configured.parent)


def test_a_back_end_that_advises_against_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "priority", 0.5)
    monkeypatch.setattr(keychain, "_pinned_class", lambda: Memory)
    usable, why = keychain.describe_backend()
    assert not usable
    assert "advises against itself" in why


@pytest.mark.skipif(
    not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")),
    reason="needs the programs dbus-run-session and gnome-keyring-daemon (packages dbus, gnome-keyring)",
)
def test_a_real_secret_service_keeps_it(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        from console.remote import keychain
        print(keychain.describe_backend())
        keychain.store_secret("device", "a real secret")
        assert keychain.load_secret("device") == "a real secret"
        keychain.delete_secret("device")
        assert keychain.load_secret("device") is None
        """)
    unlocked = 'printf pw | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null; exec "$@"'
    result = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", unlocked, "sh", sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        env={name: value for name, value in os.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}
        | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "(True, 'keyring.backends.SecretService.Keyring')"
