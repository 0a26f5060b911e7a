"""Log lines: hostile text is shown, not obeyed; a secret is masked; a file is its owner's alone and turns over."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import logs

log = logging.getLogger("tests.logs")


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A log file that receives everything from INFO on during the test."""
    handler = logs.to_file(tmp_path / "logs" / "desk.log")
    yield tmp_path / "logs" / "desk.log"
    logs.stop(handler)


def test_a_record_is_one_line_in_utc(written: Path) -> None:
    log.info("started %s", "desk")
    assert written.read_text().endswith("Z INFO tests.logs: started desk\n")


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2Jgone",
        "a\nERROR forged: line",
        "a\rb",
        "\x9b31m",
        "right\u202eleft",
        "zero\u200bwidth",
        "a\u2028b",
        "\x00",
        "\ud800",
    ],
)
def test_hostile_text_is_shown_and_not_obeyed(written: Path, hostile: str) -> None:
    log.info("alert: %s", hostile)
    text = written.read_text()
    assert text.count("\n") == 1
    assert text.removesuffix("\n").isprintable()
    assert "\\" in text


@given(st.text())
def test_neutral_text_is_printable_and_keeps_what_was(text: str) -> None:
    shown = logs.neutral(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_plain_words_of_any_language_stay() -> None:
    assert logs.neutral("größer, 事件, ولی — ½ ×") == "größer, 事件, ولی — ½ ×"


def test_a_traceback_is_indented_and_neutral(written: Path, expected_log) -> None:
    expected_log("^failed$")
    try:
        raise ValueError("\x1b]0;title\x07 token=abc123")
    except ValueError:
        log.exception("failed")
    first, *rest = written.read_text().splitlines()
    assert first.endswith("ERROR tests.logs: failed")
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert "abc123" not in written.read_text()


@pytest.mark.parametrize(
    "secret",
    [
        "AGE-SECRET-KEY-1QQPQQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0JQGZAX",
        "Authorization: Bearer abc.def",
        "authorization: basic dXNlcjpwYXNz",
        "https://user:pa55@example.org/",
        "GET /?token=abc&x=1",
        "passphrase=correct-horse",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbg==\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nb3Blbg==",
    ],
)
def test_what_looks_like_a_secret_is_masked(written: Path, secret: str) -> None:
    log.info("got %s", secret)
    text = written.read_text()
    assert "[masked]" in text
    for part in ("QQPQ", "abc", "dXNl", "pa55", "correct", "b3Bl"):
        assert part not in text


def test_the_file_is_its_owner_s_alone(written: Path) -> None:
    assert written.stat().st_mode & 0o777 == 0o600
    assert written.parent.stat().st_mode & 0o777 == 0o700


def test_the_file_turns_over(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (handler,) = [one for one in logging.getLogger().handlers if isinstance(one, RotatingFileHandler)]
    monkeypatch.setattr(handler, "maxBytes", 500)
    for number in range(100):
        log.info("line %d", number)
    kept = sorted(written.parent.iterdir())
    assert len(kept) == 1 + logs.KEPT_FILES
    assert all(file.stat().st_size <= 500 for file in kept)


def test_standard_error_gets_warnings_only(capsys: pytest.CaptureFixture[str], expected_log) -> None:
    expected_log("^loud$")
    handler = logs.to_stderr()
    log.info("quiet")
    log.warning("loud")
    logs.stop(handler)
    assert capsys.readouterr().err.endswith("WARNING tests.logs: loud\n")
