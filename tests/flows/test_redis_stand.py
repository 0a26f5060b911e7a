"""The Redis of the range: it starts wherever its folder is, and nothing of it outlives whoever started it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from console.domain.errors import EnvironmentFault
from console.simulator.stand import redis
from console.simulator.stand.redis import RedisStand
from tests.fakes.redis_range import FJORD, GLACIER, STAND, real_redis
from tests.waiting import wait_until

_ALONE = """
import sys
from pathlib import Path
from console.simulator.stand.redis import RedisStand
RedisStand(Path(sys.argv[1])).start()
print("started", flush=True)
sys.stdin.read()
"""


def is_gone(socket: Path) -> bool:
    with Redis(unix_socket_path=str(socket), protocol=2, driver_info=None) as redis:
        try:
            redis.ping()
        except (RedisError, OSError) as error:
            return "Authentication" not in str(error)
    return False


def test_without_tenants_it_is_provisioned_for_those_of_the_range() -> None:
    with real_redis() as stand, stand.admin() as admin:
        assert (stand.tenants, stand.environment) == ((FJORD, GLACIER), STAND)
        assert admin.hget("caps", "micro_usd") == "5000000"
        assert stand.settings == {"socket": str(stand.socket), "user": "console"}
        assert set(stand.secrets) == {"password", "probe_password", "session_password"}


def test_a_folder_with_a_long_path() -> None:
    if why := redis.missing():
        pytest.skip(why)
    with tempfile.TemporaryDirectory() as folder:
        stand = RedisStand(Path(folder, "x" * 120))
        stand.start()
        socket = stand.socket
        stand.restart()
        assert stand.socket == socket
        stand.close()
        assert not socket.parent.exists()


def test_a_server_that_cannot_start_is_told_where_to_look() -> None:
    with real_redis() as stand:
        stand.kill()
        with (stand.folder / "redis.conf").open("a", encoding="utf-8") as file:
            file.write("no-such-setting yes\n")
        with pytest.raises(EnvironmentFault, match=r"redis\.log says why"):
            stand.restart()


def test_it_ends_with_whoever_started_it_however_that_ended() -> None:
    if why := redis.missing():
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        command = [sys.executable, "-c", _ALONE, folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
            assert starter.stdout is not None
            assert starter.stdout.readline() == b"started\n"
            socket = Path(folder, "redis.sock")
            assert not is_gone(socket)
            starter.kill()
        wait_until(lambda: is_gone(socket), what="the server to end")
