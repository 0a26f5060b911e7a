"""The board: every incident of this record, a million if need be, the gravest open one first, searched as you type."""

from console.ui.board.panel import BoardPanel

__all__ = ["BoardPanel"]
