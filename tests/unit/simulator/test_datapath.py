"""The data path over real HTTP: answers, refusals, shedding, and streams that are cut."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from console.simulator.datapath import MAX_CHUNKS
from console.simulator.service import Ask, Conditions, Outcome
from console.simulator.world import World
from tests.unit.simulator.serving import BODY, PROBE, Client, events, eventually, served

AGENT = {"surface": "surface.agent"}
TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


async def held(client: Client, **more: Any) -> aiohttp.ClientResponse:
    """A probe's open stream, after its first chunk."""
    response = await client.open_chat({"x-probe": PROBE}, hold=True, **more)
    assert response.status == 200
    assert await response.content.readline()
    return response  # type: ignore[no-any-return]


def slow_down(client: Client, *, first_token_s: float = 0.02, duration_s: float = 0.02) -> None:
    """Answers take as long as said from now on, so that a test does not race against them."""
    usual = client.gateway.outcome

    def slowly(ask: Ask, conditions: Conditions) -> Outcome:
        return replace(usual(ask, conditions), first_token_s=first_token_s, duration_s=duration_s)

    client.gateway.outcome = slowly  # type: ignore[method-assign]


def reading(response: aiohttp.ClientResponse) -> asyncio.Task[tuple[str, bool]]:
    """Reads on from now: aiohttp drops what nobody waited for when a stream breaks off."""
    return asyncio.create_task(rest_of(response))


async def rest_of(response: aiohttp.ClientResponse) -> tuple[str, bool]:
    """What still comes, and whether the stream was broken off."""
    text = b""
    try:
        async for part in response.content.iter_any():
            text += part
    except aiohttp.ClientPayloadError:
        return text.decode(), True
    finally:
        response.close()
    return text.decode(), False


def test_an_answer_is_a_stream_of_events_that_ends_with_measures(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            headers = {"x-request-id": "r-1", "traceparent": TRACEPARENT}
            async with client.open_chat(headers, max_tokens=5000, session="s1") as response:
                found = events(await response.text())
                assert response.status == 200
                assert response.content_type == "text/event-stream"
                assert response.headers["x-request-id"] == "r-1"
                assert response.headers["traceparent"] == TRACEPARENT
            *chunks, done = found
            assert [chunk["i"] for chunk in chunks] == list(range(len(chunks)))
            assert 1 < len(chunks) <= MAX_CHUNKS
            assert done["done"] is True
            assert done["model"] == "model.orion-2"
            assert done["grounding_score"] > 0.6
            assert done["latency_ms"] >= done["first_token_ms"] >= 20
            assert client.gateway.live_counts()["tenant.borealis"] == {
                "sessions": 1, "degraded_sessions": 0, "open_streams": 0, "requests_60s": 1,
                "spend_microusd_60s": done["cost_microusd"],
            }  # fmt: skip

    asyncio.run(scene())


def test_forged_ids_are_replaced_not_echoed(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            headers = {"x-request-id": "<script>", "traceparent": "00-zz", "x-probe": PROBE}
            async with client.open_chat(headers) as response:
                assert response.status == 200
                assert response.headers["x-request-id"].isalnum()
                assert len(response.headers["traceparent"]) == 55

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"tenant": "tenant.nobody"}, 404, "unmapped"),
        ({"tenant": 5}, 422, "malformed"),
        ({"input": ""}, 422, "malformed"),
        ({"max_tokens": -1}, 422, "malformed"),
        ({"max_tokens": True}, 422, "malformed"),
        ({"needs": "agent"}, 422, "malformed"),
        ({"needs": ["everything"]}, 422, "malformed"),
        ({"surprise": 1}, 422, "malformed"),
        ({"hold": True}, 403, "forbidden"),
        ({"input": "x" * 70_000}, 413, "too_large"),
    ],
)
def test_a_bad_request_is_refused(world: World, tmp_path: Path, change: dict[str, Any], status: int, kind: str) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client, client.open_chat(None, **change) as response:
            assert (response.status, (await response.json(content_type=None))["kind"]) == (status, kind)
            assert response.content_type == "application/problem+json"

    asyncio.run(scene())


def test_only_json_to_this_very_host_is_read(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            url = client.url + "/v1/chat"
            for more, status in (
                ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
                ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 422),
                ({"data": b"[" * 60_000, "headers": {"Content-Type": "application/json"}}, 422),
                ({"json": [1]}, 422),
                ({"json": BODY, "headers": {"Host": "rebound.example"}}, 421),
                ({"json": BODY, "headers": {"x-probe": "guess"}}, 401),
                ({"json": BODY, "headers": {"x-probe": "gu\u00e9ss"}}, 401),
            ):
                async with client.session.post(url, **more) as response:
                    assert response.status == status, more
            async with client.session.get(url) as response:
                assert (response.status, response.headers["Allow"]) == (405, "POST")
            async with client.session.get(client.url + "/etc") as response:
                assert response.status == 404

    asyncio.run(scene())


def test_a_stop_refuses_its_tenant_and_says_by_which_command(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            assert (await client.throw(generation=4, command_id="command-4"))[0] == 200
            async with client.open_chat() as response:
                problem = await response.json(content_type=None)
            assert response.status == 403
            assert response.content_type == "application/problem+json"
            assert problem["kind"] == "switched_off"
            facts = {
                "switch": "FF_TENANT_BLOCK", "target": "tenant.borealis", "generation": 4, "command_id": "command-4",
            }  # fmt: skip
            assert problem | facts == problem
            assert problem["refused_by"] == [facts]
            assert (await client.chat(tenant="tenant.cascade"))[0] == 200
            assert (await client.throw("running", 5))[0] == 200
            assert (await client.chat())[0] == 200

    asyncio.run(scene())


def test_a_stop_cuts_the_streams_in_its_scope_and_no_others(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            mine, other = reading(await held(client)), await held(client, tenant="tenant.cascade")
            slow_down(client, duration_s=60)
            replayed = asyncio.create_task(client.chat(max_tokens=900))
            await eventually(lambda: len([stream for stream in client.gateway.streams if stream.begun]) == 3)
            status, answer = await client.throw(command_id="command-7")
            assert (status, answer["streams_cut"]) == (200, 2)
            text, broken = await mine
            assert broken
            assert "event: cut" in text
            assert events(text)[-1] == {
                "switch": "FF_TENANT_BLOCK", "target": "tenant.borealis", "command_id": "command-7", "generation": 1,
            }  # fmt: skip
            with pytest.raises(aiohttp.ClientPayloadError):
                await replayed
            assert await other.content.readline()
            other.close()

    asyncio.run(scene())


def test_a_request_that_waits_for_its_first_token_is_refused_properly(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            slow_down(client, first_token_s=60)
            waiting = asyncio.create_task(client.chat())
            await eventually(lambda: client.gateway.streams)
            assert (await client.throw(command_id="command-8"))[1]["streams_cut"] == 1
            status, text = await waiting
            assert (status, json.loads(text)["command_id"]) == (403, "command-8")
            assert client.gateway.live_counts()["tenant.borealis"]["spend_microusd_60s"] == 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("switch", "target", "needs", "route"),
    [
        ("FF_TOOL_REVOKE", "tool.payments", ["tool.payments"], AGENT),
        ("FF_MODEL_ROUTE", "model.orion-2", ["model.orion-2"], {}),
        ("FF_AGENT_DRAFT", "surface.agent", ["agent"], AGENT),
        ("FF_GLOBAL_AI", "environment.range", [], {}),
    ],
)
def test_every_switch_can_be_probed_through_the_data_path(
    world: World, tmp_path: Path, switch: str, target: str, needs: list[str], route: dict[str, Any]
) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            probe = {"x-probe": PROBE}
            assert (await client.chat(probe, needs=needs, **route))[0] == 200
            stream = await held(client, needs=needs, **route)
            assert (await client.throw(switch=switch, target=target))[0] == 200
            async with client.open_chat(probe, needs=needs, **route) as response:
                problem = await response.json(content_type=None)
            assert (response.status, problem["switch"], problem["target"]) == (403, switch, target)
            if switch == "FF_AGENT_DRAFT":
                assert await stream.content.readline()
                stream.close()
            else:
                assert (await rest_of(stream))[1]
            if needs:
                status, text = await client.chat(**route)
                done = events(text)[-1]
                assert status == 200, "without the need it is served in a reduced form"
                if switch == "FF_MODEL_ROUTE":
                    assert done["model"] == "model.orion-1"
                    assert "notice" in done

    asyncio.run(scene())


def test_a_gateway_that_ends_hangs_up_at_once(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            begun = reading(await held(client))
            slow_down(client, first_token_s=60)
            waiting = asyncio.create_task(client.chat())
            await eventually(lambda: len(client.gateway.streams) == 2)
            client.gateway.hang_up()
            text, broken = await begun
            assert broken
            assert "cut" not in text
            with pytest.raises(aiohttp.ClientError):
                await waiting
            await eventually(lambda: not client.gateway.streams)

    asyncio.run(scene())


def test_overload_is_shed_counted_and_never_hits_a_probe(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path, max_streams=3) as client:
            slow_down(client, first_token_s=2)
            answers = await asyncio.gather(*(client.chat(max_tokens=300) for _ in range(8)))
            assert sorted(status for status, _ in answers) == [200] * 3 + [503] * 5
            batch = {sample["metric"]: sample for sample in client.gateway.meter.close_batch()}
            assert (batch["shed_rate"]["n"], batch["shed_rate"]["sum"]) == (8, 5.0)
            assert batch["requests"]["sum"] == 8.0
            assert batch["http_error_rate"]["sum"] == 0.0
            busy = [asyncio.create_task(client.chat(max_tokens=300)) for _ in range(3)]
            await eventually(lambda: client.gateway.is_full)
            async with client.open_chat() as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert (await client.chat({"x-probe": PROBE}))[0] == 200
            await asyncio.gather(*busy)

    asyncio.run(scene())


def test_probes_leave_no_trace_in_counts_and_telemetry(world: World, tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(world, tmp_path) as client:
            stream = await held(client)
            assert (await client.chat({"x-probe": PROBE}))[0] == 200
            assert client.gateway.meter.close_batch() == []
            assert client.gateway.live_counts()["tenant.borealis"]["open_streams"] == 0
            stream.close()
            await eventually(lambda: not client.gateway.streams)
            assert client.gateway.probes == 0
            assert client.gateway.live_counts()["tenant.borealis"]["requests_60s"] == 0

    asyncio.run(scene())


def test_a_gateway_that_lies_is_caught_at_the_data_path(world: World, tmp_path: Path) -> None:
    async def without_effect() -> None:
        async with served(world, tmp_path, ack_without_effect=True) as client:
            stream = await held(client)
            assert (await client.throw())[1]["applied"] is True
            assert (await client.chat({"x-probe": PROBE}))[0] == 200
            assert await stream.content.readline()
            stream.close()

    async def without_cut() -> None:
        async with served(world, tmp_path / "b", no_stream_cut=True) as client:
            stream = await held(client)
            assert (await client.throw())[1]["streams_cut"] == 1
            assert (await client.chat({"x-probe": PROBE}))[0] == 403
            assert await stream.content.readline()
            stream.close()

    (tmp_path / "b").mkdir()
    asyncio.run(without_effect())
    asyncio.run(without_cut())
