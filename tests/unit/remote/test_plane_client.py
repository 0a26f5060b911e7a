"""The client against a plane that misbehaves: what may be concluded, what is bounded, what is never repeated."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from console.domain.errors import InputError
from console.proof.journal import EMPTY_JOURNAL_HASH
from console.remote.faults import GarbledAnswer, Offline, OversizedAnswer, ProblemAnswer, TimedOut
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire, check_url
from tests.fakes.people import DESK, INCIDENT, OTHER_DESK, fresh_id, some
from tests.fakes.plane import ORIGIN, FakePlane
from tests.waiting import free_port, wait_until


def now_us() -> int:
    return time.time_ns() // 1000


def client_of(url: str, key=DESK) -> PlaneClient:
    count = itertools.count(1)
    return PlaneClient(Wire(url, now_us), TokenKeeper(key, lambda: f"{next(count):064x}"))


@pytest.fixture
def plane() -> Iterator[FakePlane]:
    with FakePlane() as running:
        yield running


@pytest.fixture
def client(plane: FakePlane) -> Iterator[PlaneClient]:
    made = client_of(plane.url)
    yield made
    made.close()


def test_pushes_and_pulls_what_was_signed_byte_for_byte(plane: FakePlane, client: PlaneClient) -> None:
    events = some(3)
    client.renew_token(ORIGIN)
    pushed = client.push(events)
    assert [r.status for r in pushed.answer.results] == ["accepted"] * 3
    pulled = client.journal(plane.epoch, 0, EMPTY_JOURNAL_HASH, 100, 0).answer
    assert [(e.event.canon, e.event.sig) for e in pulled.entries if e.event is not None] == [
        (e.canon, e.sig) for e in events
    ]
    assert pulled.size == 3
    assert pulled.journal_hash == plane.journal_end


def test_an_exchange_knows_both_clocks(client: PlaneClient) -> None:
    before = now_us()
    exchange = client.config()
    assert before <= exchange.sent_us <= exchange.plane_us <= exchange.received_us <= now_us()


def test_long_pushes_are_packed_for_a_plane_that_unpacks_them(plane: FakePlane, client: PlaneClient) -> None:
    client.renew_token()
    first = some(9)
    client.push(first[:1])
    assert plane.packed == 0, "what is short is sent as it is"
    client.push(first)
    assert plane.packed == 1
    assert [row.event for row in plane.rows] == first
    heads = client.heads().answer
    assert [(end.seq, end.hash) for end in heads.heads] == [(9, first[-1].hash)]


def test_the_connection_is_kept_warm(plane: FakePlane, client: PlaneClient) -> None:
    client.config()
    opened = list(client._wire._open)
    for _ in range(5):
        client.config()
    assert list(client._wire._open) == opened


def test_an_uncertified_device_gets_no_token(plane: FakePlane) -> None:
    stranger = client_of(plane.url, OTHER_DESK)
    with pytest.raises(ProblemAnswer) as refused:
        stranger.renew_token()
    assert refused.value.status == 401
    assert refused.value.problem.kind == "unauthenticated"
    stranger.close()


def test_an_errand_renews_a_forgotten_token_once(plane: FakePlane, client: PlaneClient) -> None:
    assert client.select(INCIDENT, "FF_TENANT_BLOCK", "tenant.borealis", "stopped").answer.counts == {"sessions": 3}
    plane.forget_tokens()
    client.select(INCIDENT, "FF_TENANT_BLOCK", "tenant.borealis", "stopped")
    assert plane.count("POST /v1/token") == 2
    plane.misbehave("/v1/commands/select", "401", "401")
    with pytest.raises(ProblemAnswer):
        client.select(INCIDENT, "FF_TENANT_BLOCK", "tenant.borealis", "stopped")


def test_pushes_and_commands_are_never_repeated_by_themselves(plane: FakePlane, client: PlaneClient) -> None:
    client.renew_token(ORIGIN)
    plane.forget_tokens()
    with pytest.raises(ProblemAnswer):
        client.push(some(1))
    with pytest.raises(ProblemAnswer):
        client.send_command("{}", "", "")
    assert plane.count("POST /v1/events") == plane.count("POST /v1/commands") == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", TimedOut), ("drop_after", TimedOut), ("truncate", TimedOut), ("garbage", GarbledAnswer),
        ("redirect", GarbledAnswer), ("gzip", GarbledAnswer), ("huge", OversizedAnswer), ("503", ProblemAnswer),
    ],
)  # fmt: skip
def test_each_misbehaviour_is_told_apart(plane: FakePlane, client: PlaneClient, fault: str, kind: type) -> None:
    client.renew_token(ORIGIN)
    plane.misbehave("/v1/events", fault)
    with pytest.raises(kind):
        client.push(some(1))
    assert client.push(some(1)).answer.results, "the next request is not harmed"


def test_retry_after_is_read(plane: FakePlane, client: PlaneClient) -> None:
    plane.misbehave("/v1/config", "503")
    with pytest.raises(ProblemAnswer) as refused:
        client.config()
    assert (refused.value.status, refused.value.retry_after_s) == (503, 1.0)


def test_nobody_there_means_nothing_was_sent() -> None:
    client = client_of(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Offline):
        client.config()
    client.close()


def test_abort_ends_a_long_poll_from_another_thread(plane: FakePlane, client: PlaneClient) -> None:
    client.renew_token(ORIGIN)
    ended: list[Exception] = []

    def poll() -> None:
        try:
            client.journal(plane.epoch, 0, EMPTY_JOURNAL_HASH, 10, 25)
        except Exception as error:  # noqa: BLE001
            ended.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    wait_until(lambda: plane.count("GET /v1/journal"))
    begun = time.monotonic()
    client.abort()
    thread.join(5)
    assert time.monotonic() - begun < 2
    assert isinstance(ended[0], TimedOut)
    with pytest.raises(Offline):
        client.config()


def test_the_environment_cannot_put_a_proxy_in_between(
    plane: FakePlane, client: PlaneClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert client.config().answer.origin == ORIGIN


def test_captures_come_item_by_item(client: PlaneClient) -> None:
    with client.captures(INCIDENT, "tenant.borealis") as items:
        assert [item["dimension"] for item in items] == ["span_attributes", "payloads"]


def test_a_look_up_of_an_unknown_command_is_a_plain_no(client: PlaneClient) -> None:
    with pytest.raises(ProblemAnswer) as refused:
        client.command(fresh_id())
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "url",
    [
        "",
        "plane",
        "ftp://127.0.0.1",
        "http://plane.example.org",
        "https://u:p@h",
        "http://[::1",
        "https://h:x",
        "https://h/?q",
    ],
)
def test_an_address_that_would_leak_the_token_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://[::1]:1", "http://localhost:1", "https://plane.example.org"]
)
def test_an_address_that_may_be_used(url: str) -> None:
    assert check_url(url) == url.rstrip("/")


def test_a_token_is_never_shown(plane: FakePlane, client: PlaneClient) -> None:
    client.renew_token(ORIGIN)
    (token,) = plane.tokens
    assert token not in repr(client._tokens)
