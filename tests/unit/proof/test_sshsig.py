"""SSH signatures that ssh-keygen would accept, and none in two spellings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.keys import SigningKey
from console.proof.sshsig import allowed_signers_line, sign_ssh, verify_ssh

KEY = SigningKey(b"k" * 32)
OTHER = SigningKey(b"o" * 32)
MESSAGE = b"example.org/console\n1\n"


@given(st.binary(max_size=300))
def test_what_was_signed_verifies_and_nothing_else(message: bytes) -> None:
    armoured = sign_ssh(message, KEY)
    assert verify_ssh(armoured, message, KEY.public_hex)
    assert not verify_ssh(armoured, message + b"x", KEY.public_hex)
    assert not verify_ssh(armoured, message, OTHER.public_hex)
    assert not verify_ssh(armoured, message, KEY.public_hex, "git")
    assert not verify_ssh(sign_ssh(message, KEY, "git"), message, KEY.public_hex)


def test_every_flipped_bit_is_refused() -> None:
    armoured = sign_ssh(MESSAGE, KEY).encode("ascii")
    for place in range(len(armoured)):
        for bit in range(8):
            flipped = bytearray(armoured)
            flipped[place] ^= 1 << bit
            assert not verify_ssh(flipped.decode("latin-1"), MESSAGE, KEY.public_hex), (place, bit)


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    assert not verify_ssh(text, MESSAGE, KEY.public_hex)
    assert not verify_ssh(sign_ssh(MESSAGE, KEY) + text + "x", MESSAGE, KEY.public_hex)


def test_the_program_itself_agrees(tmp_path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed here (apt-get install openssh-client)")
    (tmp_path / "allowed").write_text(allowed_signers_line("ic@example.org", KEY.public_hex), encoding="ascii")
    (tmp_path / "sig").write_text(sign_ssh(MESSAGE, KEY), encoding="ascii")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "ic@example.org", "-n", "file", "-s", "sig"]
    for message, good in ((MESSAGE, True), (MESSAGE + b"x", False)):
        done = subprocess.run(command, cwd=tmp_path, input=message, capture_output=True, timeout=60, check=False)
        assert (done.returncode == 0) is good, done.stderr


@pytest.mark.parametrize("name", ["*", "a b", "!a", "a,b", 'a"b'])
def test_a_name_that_is_a_pattern_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        allowed_signers_line(name, KEY.public_hex)
