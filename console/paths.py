"""Where this person's files lie on this system.

Functions only: nothing is looked up at import and nothing is created here; whoever writes makes the folder. On Linux
the answer is read off the environment as `platformdirs` would, not imported there because the first paint waits.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_APP = "incident-console"
_LINUX = {
    "data": ("XDG_DATA_HOME", ".local/share"),
    "config": ("XDG_CONFIG_HOME", ".config"),
    "state": ("XDG_STATE_HOME", ".local/state"),
}


def store_dir() -> Path:
    """Return the folder of the desk's store when neither `--store` nor the settings name another."""
    return _folder("data") / "store"


def config_dir() -> Path:
    """Return the folder of this person's settings."""
    return _folder("config")


def settings_file() -> Path:
    """Return the settings file, which need not exist."""
    return config_dir() / "settings.toml"


def log_dir() -> Path:
    """Return the folder of the rotating log files."""
    if sys.platform == "linux":
        return _folder("state") / "log"
    import platformdirs

    return Path(platformdirs.user_log_dir(_APP, appauthor=False))


def _folder(kind: str) -> Path:
    if sys.platform == "linux":
        variable, below = _LINUX[kind]
        named = os.environ.get(variable, "").strip()
        return (Path(named) if named else Path.home() / below) / _APP
    import platformdirs

    ours = {"data": platformdirs.user_data_dir, "config": platformdirs.user_config_dir}
    return Path(ours[kind](_APP, appauthor=False))
