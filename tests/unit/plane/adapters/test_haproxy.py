"""What may be said at HAProxy's socket, what its answers mean, and what a silent one is: unknown."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.plane.adapters import haproxy
from console.plane.back_end_settings import HaproxySettings
from console.plane.backends import Assertion, BackEndFault, Held, ReadBack
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.haproxy_path import order_held
from console.plane.wires.haproxy_runtime import Runtime, held_of, read_rows, value_of, write_rows

HOUSE = "environment.stand"
INVENTORY = Inventory(
    {HOUSE: InventoryItem(HOUSE, "environment", "Stand", HOUSE)}, (Enforcement("FF_GLOBAL_AI", HOUSE, "haproxy"),), {}
)
LATER = "2099-01-01T00:00:00.000000Z"
ID = "0198c0de-0000-7000-8000-000000000001"


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name leaves room for a socket's."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("text", ["on", "", "running", "stopped|x|-", "running|1|a b", "running|1|a;b", "RUNNING|1|a"])
def test_a_value_that_is_no_order_is_unknown(text: str) -> None:
    assert held_of(text) == Held("unknown", 0, "")


@pytest.mark.parametrize("held", [Held("stopped", 3, ID), Held("running", 0, "")])
def test_a_state_is_written_and_read(held: Held) -> None:
    assert held_of(value_of(held)) == held


@pytest.mark.parametrize("word", ["a b", "a;b", "a\nb", "", "é", "a\\", "<<", "@1", "a" * 201, "-x", "#0"])
def test_a_word_that_could_be_a_command_is_never_sent(word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a word"):
        asyncio.run(Runtime(tmp_path / "no.sock").ask("show", word))


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    table = tmp_path / "kill.map"
    table.write_text("# by hand\n\nb running|1|-\nb stopped|2|-\nc what is this\n", encoding="utf-8")
    rows = read_rows(table)
    assert rows == {"b": Held("running", 1, ""), "c": Held("unknown", 0, "")}
    write_rows(table, {"b": Held("stopped", 2, ID)})
    assert table.read_text(encoding="utf-8") == f"b stopped|2|{ID}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["kill.map"]


def test_a_gateway_is_driven_only_when_it_is_named(tmp_path: Path) -> None:
    assert haproxy.connect(PlaneSettings(), Secrets(), INVENTORY) is None
    odd = HaproxySettings(tmp_path / "s", Path("maps; shutdown"), "http://127.0.0.1:1")
    with pytest.raises(InputError, match=r"haproxy\.maps"):
        haproxy.connect(PlaneSettings(haproxy=odd), Secrets(), INVENTORY)


def test_who_cut_is_only_said_when_it_is_the_only_one() -> None:
    passed = (("FF_GLOBAL_AI", HOUSE), ("FF_TENANT_BLOCK", "tenant.fjord"))
    one = {passed[0]: Held("stopped", 1, "a"), passed[1]: Held("running", 1, "b")}
    assert order_held(ReadBack("boot", one, None), passed, "boot") == "a"
    assert order_held(ReadBack("another", one, None), passed, "boot") == ""
    both = one | {passed[1]: Held("stopped", 2, "b")}
    assert order_held(ReadBack("boot", both, None), passed, "boot") == ""
    assert order_held(ReadBack("boot", {}, None), passed, "boot") == ""


def answering(folder: Path, answer: bytes | None) -> BackEndFault:
    """What an order ends in when the socket says this and hangs up, or (None) takes the call and says nothing."""
    path = folder / "s"

    async def story() -> BackEndFault:
        held = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            if answer is None:
                await held.wait()
            else:
                writer.write(answer)
            writer.close()

        async with await asyncio.start_unix_server(talk, path):
            settings = HaproxySettings(path, Path("/maps"), "http://127.0.0.1:1")
            gateway = haproxy.connect(PlaneSettings(haproxy=settings), Secrets(), INVENTORY)
            assert gateway is not None
            with pytest.raises(BackEndFault) as fault:
                await gateway.apply(Assertion("FF_GLOBAL_AI", HOUSE, "stopped", 1, ID, LATER), 0.2)
            held.set()
            await gateway.close()
        return fault.value

    return asyncio.run(story())


def test_a_socket_that_takes_the_call_and_says_nothing_is_unknown(short: Path) -> None:
    assert "unknown" in answering(short, None).sentence


@pytest.mark.parametrize("answer", [b"Unknown map identifier.\n", b"\xff\n", b"0xabc environment.stand\n"])
def test_an_answer_that_is_no_map_is_a_fault(short: Path, answer: bytes) -> None:
    assert isinstance(answering(short, answer), BackEndFault)


def test_an_order_that_changes_nothing_is_a_fault(short: Path) -> None:
    row = f"0xabc {HOUSE} running|0|-\n".encode()
    assert "refused" in answering(short, row).sentence
