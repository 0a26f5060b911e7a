"""Where this person's files lie on this system.

Functions only: nothing is looked up at import and nothing is created here; whoever writes makes the folder.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

_APP = "incident-console"


def store_dir() -> Path:
    """Return the folder of the desk's store when neither `--store` nor the settings name another."""
    return Path(platformdirs.user_data_dir(_APP, appauthor=False)) / "store"


def config_dir() -> Path:
    """Return the folder of this person's settings."""
    return Path(platformdirs.user_config_dir(_APP, appauthor=False))


def settings_file() -> Path:
    """Return the settings file, which need not exist."""
    return config_dir() / "settings.toml"


def log_dir() -> Path:
    """Return the folder of the rotating log files."""
    return Path(platformdirs.user_log_dir(_APP, appauthor=False))
