"""The supervisor process: owns the folder, the port and the gateway process, replays the load, serves range control.

It ends when it is told to (SIGTERM, SIGINT, end of its parent's pipe) and takes the gateway with it. A gateway that dies
by itself is started again, at most five times in half a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from console import policy
from console.domain.errors import EnvironmentFault
from console.domain.times import format_utc, from_epoch_us
from console.simulator.faults import Fault, fault_from_object
from console.simulator.gateway_child import GatewayChild
from console.simulator.lifeline import Lifeline, tell
from console.simulator.load import Replay
from console.simulator.settings import GatewayOrder, RangeSettings, Secrets, make_secrets, secrets_from_line
from console.simulator.switches import SwitchBoard
from console.simulator.trace import Trace, generate_trace, read_trace
from console.simulator.web import HOST
from console.simulator.world import World, world_of

SWITCH_FILE, PROVISIONED, LOCK, SECRETS_FILE = "switches.json", "provisioned", "lock", "secrets.json"
SECRETS_WITHIN_S, GRACE_S = 15.0, 12.0
MAX_FAULTS = 32
_DEATHS, _DEATHS_WITHIN_S = 5, 30.0

_log = logging.getLogger(__name__)
