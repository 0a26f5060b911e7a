"""The guards bite: each way of leaving something behind, done on purpose in a session of its own, fails there.

The bad tests run in a child pytest with this project's conftest; the good ones beside them must pass.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORSE = ("PASSED", "SKIPPED", "FAILED", "ERROR")

BAD = """
import gc, logging, socket, sqlite3, subprocess, sys, threading, warnings
import pytest

stop = threading.Event()
kept = []

def test_logs_unasked():
    logging.getLogger("x").warning("something odd")

def test_expects_what_never_comes(expected_log):
    expected_log("never said")

def test_leaves_thread():
    threading.Thread(target=stop.wait, name="loiterer", daemon=True).start()

def test_leaves_child():
    program = [sys.executable, "-c", "print('up', flush=True); input()"]
    kept.append(subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    assert kept[-1].stdout.readline()

def test_leaves_zombie():
    kept.append(subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE))
    kept[-1].stdout.read()

def test_leaves_connection():
    kept.append(sqlite3.connect(":memory:"))

def test_drops_connection():
    sqlite3.connect(":memory:")

def test_leaves_pysqlite3_connection():
    dbapi2 = pytest.importorskip("pysqlite3.dbapi2")
    kept.append(dbapi2.connect(":memory:"))

def test_drops_socket():
    socket.socket()

def test_drops_socket_in_a_cycle():
    cycle = [socket.socket()]
    cycle.append(cycle)

def test_warns():
    warnings.warn("old")

def test_raises_in_thread():
    def fail():
        raise ValueError("nobody reads this")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
"""

GOOD = """
import logging, os, socket, sqlite3, subprocess, sys, threading
import pytest

@pytest.fixture(scope="module")
def wide():
    with socket.socket() as held:
        yield held

def test_logs_as_declared(expected_log):
    expected_log("^something")
    logging.getLogger("x").warning("something odd")

def test_cleans_up(wide):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    subprocess.run([sys.executable, "-c", ""], check=True)
    connection = sqlite3.connect(":memory:")
    connection.close()
    with socket.socket():
        pass

def test_slow_thread_gets_grace():
    threading.Timer(0.2, lambda: None).start()

def test_home_is_elsewhere():
    assert "console-tests-" in os.path.expanduser("~")
"""

AT_THE_END = """
import socket
import pytest

@pytest.fixture(scope="module")
def careless():
    return socket.socket().detach()

def test_uses_it(careless):
    pass
"""


@pytest.fixture
def house(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A child test session under this project's own configuration and conftest."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    pytester.makepyprojecttoml(
        """
        [tool.pytest]
        strict = true
        filterwarnings = ["error"]
        addopts = ["-p", "no:pytest-qt", "--import-mode=importlib"]
        """
    )
    return pytester


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """Return the worst outcome a test had in any of its phases."""
    found: dict[str, str] = {}
    for line in result.outlines:
        if match := re.match(r"\S+::(\w+) (PASSED|FAILED|ERROR|SKIPPED)", line):
            found[match[1]] = max(found.get(match[1], "PASSED"), match[2], key=WORSE.index)
    return found


def test_whatever_is_left_behind_fails_the_test_that_left_it(house: pytest.Pytester) -> None:
    house.makepyfile(test_bad=BAD)
    result = house.runpytest_subprocess("-v")
    found = outcomes(result)
    allowed = {"FAILED", "ERROR"} | ({"SKIPPED"} if sys.platform != "linux" else set())
    assert len(found) == BAD.count("\ndef test_")
    assert {name: outcome for name, outcome in found.items() if outcome not in allowed} == {}
    result.stdout.fnmatch_lines(
        [
            "*logged unasked: WARNING x: something odd",
            "*expected log never came: never said",
            "*thread left running: loiterer",
            "*child process left: *input()*",
            "*child process left: *ended, not waited for*",
            "*database connection left open*",
        ],
    )


def test_tidy_tests_pass(house: pytest.Pytester) -> None:
    house.makepyfile(test_good=GOOD)
    house.runpytest_subprocess().assert_outcomes(passed=4)


def test_what_a_wider_fixture_leaves_fails_the_session(house: pytest.Pytester) -> None:
    house.makepyfile(test_end=AT_THE_END)
    result = house.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*socket left open*"])


def test_fast_folders_run_first(house: pytest.Pytester) -> None:
    for folder in ("chaos", "flows", "unit"):
        house.mkdir(folder).joinpath(f"test_{folder}.py").write_text("def test_it():\n    pass\n")
    lines = [line for line in house.runpytest_subprocess("-v").outlines if "::test_it" in line]
    assert [line.split("/")[0] for line in lines] == ["unit", "flows", "chaos"]
