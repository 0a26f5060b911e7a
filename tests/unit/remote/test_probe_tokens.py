"""The token of a desk's own probes: from a file that only its owner reads, or from the keyring; else one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.remote import probe_tokens
from console.remote.keychain import KeychainUnavailable
from console.remote.probe_tokens import keyring_name, probe_token

RANGE = "environment.range"
SECRET = "t0ken-of-the-probe"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "range.token"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def test_a_file_of_one_word_is_read(tmp_path: Path) -> None:
    assert probe_token(RANGE, written(tmp_path, f"{SECRET}\n")) == SECRET


@pytest.mark.parametrize("text", ["", "\n", "two words", "ein-schlüssel", "with\x00nul", "line\nline"])
def test_what_is_not_one_plain_word_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="not one word") as caught:
        probe_token(RANGE, written(tmp_path, text))
    assert not text.strip() or text not in caught.value.sentence


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chmod 600") as caught:
        probe_token(RANGE, written(tmp_path, SECRET, 0o640))
    assert SECRET not in caught.value.sentence


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are those of POSIX")
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(InputError, match="not a plain file"):
        probe_token(RANGE, pipe)
    with pytest.raises(InputError, match="cannot be read"):
        probe_token(RANGE, tmp_path / "nothing")
    with pytest.raises(InputError):
        probe_token(RANGE, tmp_path)


def test_the_keyring_is_asked_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {keyring_name(RANGE): SECRET}
    monkeypatch.setattr(probe_tokens, "load_secret", kept.get)
    assert probe_token(RANGE, None) == SECRET
    with pytest.raises(InputError, match=r"probe-token:environment\.other"):
        probe_token("environment.other", None)


def test_no_keyring_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> str:
        raise KeychainUnavailable("No keyring answers here.")

    monkeypatch.setattr(probe_tokens, "load_secret", refuse)
    with pytest.raises(InputError, match="No keyring answers here"):
        probe_token(RANGE, None)
