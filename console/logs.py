"""Where log records go, and what they may look like when they get there.

Whatever a record carries - an alert, a prompt, a file name - may be hostile: control, escape and bidirectional
characters come out as visible escapes, one record is one line (a traceback is indented), and what looks like a secret
is masked. The mask is a net under the rule, not the rule: no caller logs a secret.
"""

from __future__ import annotations

import copy
import logging
import re
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5_000_000
KEPT_FILES = 5
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_SECRETS = re.compile(
    r"AGE-SECRET-KEY-1[0-9A-Z]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?<=bearer )\S+"
    r"|(?<=basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=://)[^\s/@]+:[^\s/@]+(?=@)"
    r"|(?<=token=)[^\s&'\"]+|(?<=password=)[^\s&'\"]+|(?<=passphrase=)[^\s&'\"]+|(?<=secret=)[^\s&'\"]+",
    re.IGNORECASE | re.DOTALL,
)


def neutral(text: str) -> str:
    """Return `text` safe for a terminal: whatever is not plainly printable becomes a visible escape, newlines too."""
    return text if text.isprintable() else "".join(map(_neutral_character, text))


def _neutral_character(character: str) -> str:
    # Not printable are control, format (bidirectional, zero-width), surrogate, private, unassigned, and odd spaces.
    return character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode("ascii")


class SafeFormatter(logging.Formatter):
    """One record, one line, in UTC; hostile characters escaped, secrets masked."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:  # noqa: D102 - the name is logging's
        # logging keeps a formatted traceback on the record; another formatter's would come out here unescaped.
        record = copy.copy(record)
        record.exc_text = None
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: D102, N802 - the name is logging's
        return neutral(_SECRETS.sub("[masked]", super().formatMessage(record)))

    def formatException(self, ei: object) -> str:  # noqa: D102, N802 - the name is logging's
        return self._indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:  # noqa: D102, N802 - the name is logging's
        return self._indented(super().formatStack(stack_info))

    @staticmethod
    def _indented(text: str) -> str:
        # Split at line feeds only: a carriage return or a line separator within a line is hostile, not a new line.
        return "\n".join("    " + neutral(line) for line in _SECRETS.sub("[masked]", text).split("\n"))


def to_stderr(level: int = logging.WARNING) -> logging.Handler:
    """Send records from `level` on to standard error; returns the handler, for `stop`."""
    return _add(logging.StreamHandler(sys.stderr), level)


def to_file(path: Path, level: int = logging.INFO) -> logging.Handler:
    """Send records from `level` on to `path`, readable by its owner alone, turned over at 5 MB, five old files kept.

    Raises `OSError` when the folder or file cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return _add(RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8"), level)


def stop(handler: logging.Handler) -> None:
    """Take a handler away again and close it."""
    logging.getLogger().removeHandler(handler)
    handler.close()


def _add(handler: logging.Handler, level: int) -> logging.Handler:
    handler.setFormatter(SafeFormatter())
    handler.setLevel(level)
    root = logging.getLogger()
    root.addHandler(handler)
    # The root's own level is a floor for all handlers; a handler can only ask for less.
    root.setLevel(min(level, root.level or level))
    return handler
