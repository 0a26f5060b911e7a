"""The sync page: what waits, what was refused, what is in doubt, and how this desk comes to its plane."""

from console.ui.sync.panel import SyncPanel

__all__ = ["SyncPanel"]
