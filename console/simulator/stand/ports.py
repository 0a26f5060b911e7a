"""Ports of this machine: one that is free, and whether somebody listens at one."""

from __future__ import annotations

import socket

from console.simulator.web import HOST


def free_port() -> int:
    """A port that was free a moment ago; a program that must keep its address over a restart is given one."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def takes_calls(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False
