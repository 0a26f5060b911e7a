"""What Qt itself has to say goes to the log; what would kill the process without a word becomes one clear sentence."""

from __future__ import annotations

import logging
import os
import sys

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

NO_WINDOW = 3
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_HARMLESS = ("This plugin does not support", "Could not find the Qt platform plugin", "From 6.5.0, xcb-cursor0")

_log = logging.getLogger("qt")


def install() -> None:
    """Takes Qt's messages from now on."""
    qInstallMessageHandler(_handle)


def remove() -> None:
    """Gives them back to Qt."""
    qInstallMessageHandler(None)


def _handle(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    if kind == QtMsgType.QtFatalMsg:
        # Qt aborts after this: the only chance to say it in words.
        sys.stderr.write(
            "incident-console: Qt cannot open a window here "
            f"({message.splitlines()[0][:200]}); run `incident-console doctor` to see what is missing, or "
            "`incident-console demo --headless`.\n"
        )
        sys.stderr.flush()
        os._exit(NO_WINDOW)
    level = logging.INFO if message.startswith(_HARMLESS) else _LEVELS.get(kind, logging.WARNING)
    _log.log(level, "%s", message)
