"""The gateway process: reads its order from standard input, serves until that pipe ends or SIGTERM, leaves nothing.

On standard output it speaks JSON lines to the supervisor: `ready` once, then `applied` for each change of faults. Only
the supervisor starts it, as `python -m console.simulator`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from typing import Any

from aiohttp import web

from console import logs
from console.simulator.control import ControlApi
from console.simulator.datapath import DataPath
from console.simulator.faults import Fault
from console.simulator.gateway import Gateway
from console.simulator.ingest import Ingestion
from console.simulator.lifeline import Lifeline, tell
from console.simulator.settings import gateway_order_from_object
from console.simulator.telemetry import BATCH_US
from console.simulator.web import HOST, make_app

ORDER_WITHIN_S = 10.0
GRACE_S = 3.0
PORT_TAKEN = 3

_log = logging.getLogger(__name__)


def main() -> int:
    """Serves until told to end; returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the supervisor decides
    logs.to_stderr()
    lifeline = Lifeline(sys.stdin.fileno())
    line = lifeline.first_line(ORDER_WITHIN_S)
    if not line:
        return 0
    gateway = Gateway(gateway_order_from_object(json.loads(line)))
    if gateway.board.problem:
        _log.critical("%s", gateway.board.problem)
    return asyncio.run(_serve(gateway, lifeline))


def gateway_app(gateway: Gateway) -> web.Application:
    """The application that answers for `gateway` on its port; when it is shut down, open streams end at once."""
    app = make_app(gateway.order.port)
    control = ControlApi(gateway)
    DataPath(gateway).add_to(app)
    Ingestion(gateway).add_to(app)
    control.add_to(app)

    async def end_streams(_: web.Application) -> None:
        control.close()
        gateway.hang_up()

    app.on_shutdown.append(end_streams)
    return app


async def _serve(gateway: Gateway, lifeline: Lifeline) -> int:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    app = gateway_app(gateway)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5, keepalive_timeout=300)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, gateway.order.port, backlog=1024).start()
    except OSError as error:
        _say(
            {
                "ready": False,
                "sentence": f"The port {gateway.order.port} is taken ({error.strerror}); choose another with --port.",
            }
        )
        await runner.cleanup()
        return PORT_TAKEN
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    ticking = asyncio.create_task(_close_batches(gateway))
    lifeline.follow(lambda line: tell(loop, _take, gateway, line), lambda: tell(loop, ended.set), GRACE_S)
    _say({"ready": True, "boot_id": gateway.boot_id, "pid": os.getpid(), "port": gateway.order.port})
    await ended.wait()
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    await runner.cleanup()
    return 0


async def _close_batches(gateway: Gateway) -> None:
    while True:
        now = time.time_ns() // 1000
        due = (now // BATCH_US + 1) * BATCH_US
        await asyncio.sleep((due - now) / 1e6)
        gateway.close_batch(due)


def _take(gateway: Gateway, line: bytes) -> None:
    order: dict[str, Any] = json.loads(line)
    gateway.faults = tuple(Fault(**fault) for fault in order["faults"])
    _say({"applied": order["number"]})


def _say(message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone: the end of standard input says so as well
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")
