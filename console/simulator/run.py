"""Runs a range from start to end: folder, secrets, port, gateway, load, range control - and takes all of it down again.

It ends on SIGTERM, on SIGINT, and, when the secrets came over standard input, at the end of that pipe: a range never
outlives whoever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web

from console import policy
from console.domain.errors import EnvironmentFault
from console.domain.times import format_utc, from_epoch_us
from console.simulator.folder import SECRETS_FILE, SWITCH_FILE, hold_folder
from console.simulator.lifeline import Lifeline, tell
from console.simulator.load import Replay
from console.simulator.range_api import RangeApi
from console.simulator.settings import GatewayOrder, RangeSettings, Secrets, make_secrets, secrets_from_line
from console.simulator.supervisor import Supervisor
from console.simulator.trace import Trace, generate_trace, read_trace
from console.simulator.web import HOST, make_app
from console.simulator.world import world_of

SECRETS_WITHIN_S = 15.0
GRACE_S = 15.0
"""After the parent's pipe has ended, a range that is still there ends the hard way."""

Announce = Callable[[dict[str, Any]], None]

_log = logging.getLogger(__name__)


def run_range(settings: RangeSettings, port: int, *, secrets_from_stdin: bool, announce: Announce) -> None:
    """Runs until told to end; `announce` receives the ready line once the gateway serves.

    `port` 0 picks a free one. Raises InputError for a broken trace, policy or secrets, EnvironmentFault for a port that
    is taken, a folder in use or a gateway that does not start.
    """
    lifeline = Lifeline(sys.stdin.fileno()) if secrets_from_stdin and not sys.stdin.isatty() else None
    given = secrets_from_line(lifeline.first_line(SECRETS_WITHIN_S)) if lifeline else None
    data = policy.load(settings.policy or policy.default_path())
    world = world_of(data.inventory, caps=data.switches.budgets)
    trace = _trace(settings)
    now = format_utc(from_epoch_us(time.time_ns() // 1000))
    with hold_folder(settings.state_dir, world, now) as folder, _reserved_port(port) as held_port:
        secrets = given or make_secrets(folder / SECRETS_FILE)
        more = {} if given else {"secrets_file": str(folder / SECRETS_FILE)}
        order = GatewayOrder(
            held_port,
            settings.seed,
            settings.max_streams,
            secrets.control_token,
            secrets.probe_token,
            folder / SWITCH_FILE,
            world,
            settings.misbehave,
        )
        failure = asyncio.run(
            _serve(settings, order, trace, secrets, lifeline, announce, {"state_dir": str(folder), **more})
        )
    if failure is not None:
        raise failure


def _trace(settings: RangeSettings) -> Trace | None:
    if settings.speed == 0:
        return None
    trace = read_trace(settings.trace) if settings.trace else generate_trace(settings.seed)
    if trace.reordered:
        _log.warning("%d arrivals of the trace %s were out of order and have been sorted", trace.reordered, trace.name)
    return trace


async def _serve(
    settings: RangeSettings,
    order: GatewayOrder,
    trace: Trace | None,
    secrets: Secrets,
    lifeline: Lifeline | None,
    announce: Announce,
    more: dict[str, str],
) -> EnvironmentFault | None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopping.set)
    if lifeline is not None:
        lifeline.follow(lambda line: None, lambda: tell(loop, stopping.set), GRACE_S)
    url = f"http://{HOST}:{order.port}"
    supervisor = Supervisor(order, Replay(order.world, trace, settings.speed, settings.seed, url) if trace else None)
    runner, range_url = await _start_range_api(supervisor, secrets.range_token)
    try:
        await supervisor.start()
        gateway = supervisor.state()["gateway"]
        announce(
            {
                "ready": True,
                "url": url,
                "port": order.port,
                "range_url": range_url,
                "boot_id": gateway["boot_id"],
                **more,
            }
        )
        await supervisor.stay(stopping)
    finally:
        await supervisor.stop()
        await runner.cleanup()
    return supervisor.failure


async def _start_range_api(supervisor: Supervisor, token: str) -> tuple[web.AppRunner, str]:
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    app = make_app(port)
    RangeApi(supervisor, token).add_to(app)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner, f"http://{HOST}:{port}"


@contextlib.contextmanager
def _reserved_port(wanted: int) -> Iterator[int]:
    """Holds a port, bound but not listening, so that it is ours through every restart of the gateway.

    Without it the kernel could hand the port to one of our own outgoing connections while no gateway listens. The
    gateway binds it again beside this socket: both ask for SO_REUSEADDR and only one of them listens.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, wanted))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise EnvironmentFault(
                f"The port {wanted} cannot be used ({reason}); choose another with --port, or 0 for a free one."
            ) from error
        yield int(holder.getsockname()[1])
