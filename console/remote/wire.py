"""One warm HTTP connection to a plane: bounded answers, no redirects, proxies or cookies, and it can be cut short.

Not shared between threads, except `abort`, which any thread may call to end a request that is under way. Nothing is
ever sent twice by itself: a request that failed is the caller's to judge.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError
from urllib3.poolmanager import PoolManager

from console.domain.errors import InputError
from console.remote.faults import GarbledAnswer, Offline, OversizedAnswer, TimedOut

CONNECT_S = 3.0
_CHUNK = 256 * 1024
_GZIP = 31
"""zlib's way of saying: a gzip header and nothing else."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: status, headers with lower-case names, body; moments in microseconds of the desk's clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_us: int
    received_us: int


def check_url(url: str) -> str:
    """The plane's address without a trailing slash.

    Raises InputError unless it is https, or http to this machine itself: a token never travels in the clear.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(f"'{url[:120]}' has no usable port; write the plane as https://HOST:PORT.") from error
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise InputError(f"'{url[:120]}' is not the address of a plane; write it as https://HOST:PORT.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InputError(f"The plane at {host} must be reached by https; http is for this machine only.")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Wire:
    """The connection; `now_us` reads the desk's clock in microseconds, `verify` is True or the path of a CA file."""

    def __init__(self, url: str, now_us: Callable[[], int], verify: bool | str = True) -> None:
        self.url = check_url(url)
        self.now_us, self._verify = now_us, verify
        self._open: WeakSet[socket.socket] = WeakSet()
        self._aborted = False
        self.received_bytes = 0
        """Bytes of all bodies as they were sent, for figures."""
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.adapters.clear()
        adapter = _TrackingAdapter(self._opened)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def abort(self) -> None:
        """Ends whatever is under way, from any thread; every request from now on is refused as offline."""
        self._aborted = True
        for opened in list(self._open):
            _shut(opened)

    def close(self) -> None:
        """Closes the connection; call it on the thread that used it, or once that has ended."""
        self._session.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        within_s: float,
        max_bytes: int,
        packed: bool = False,
    ) -> Reply:
        """One request and its whole answer, whatever its status; with `packed` it may come compressed by gzip.

        `max_bytes` bounds what was sent and what it unpacks to. Raises Offline (nothing was sent), TimedOut (unknown),
        GarbledAnswer, OversizedAnswer.
        """
        until = time.monotonic() + within_s
        sent_us = self.now_us()
        with self._answer(method, path, headers, body, within_s, packed) as response:
            data = bytearray()
            for chunk in self._chunks(response):
                data += chunk
                if len(data) > max_bytes:
                    raise OversizedAnswer(f"The plane's answer to {path} is longer than {max_bytes} bytes.")
                if time.monotonic() > until:
                    raise TimedOut(f"The plane's answer to {path} did not end within {within_s:g} s.")
            received_us = self.now_us()
            promised = response.headers.get("content-length", "")
            if (
                method != "HEAD"
                and promised.isascii()
                and promised.isdigit()
                and promised.lstrip("0") != str(len(data)).lstrip("0")
            ):
                raise TimedOut(f"The plane's answer to {path} broke off.")
            lowered = {name.lower(): value for name, value in response.headers.items()}
            whole = bytes(data)
            self.received_bytes += len(whole)
            if lowered.get("content-encoding", "identity") == "gzip":
                whole = _unpacked(whole, path, max_bytes)
            return Reply(response.status_code, lowered, whole, sent_us, received_us)

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], *, silence_s: float, method: str = "GET", body: bytes = b""
    ) -> Iterator[tuple[int, Mapping[str, str], Iterator[bytes]]]:
        """An answer that goes on: status, headers, and pieces as they arrive; `silence_s` without one is TimedOut."""
        with self._answer(method, path, headers, body, silence_s) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            yield response.status_code, lowered, self._chunks(response)

    @contextmanager
    def _answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float, packed: bool = False
    ) -> Iterator[requests.Response]:
        if self._aborted:
            raise Offline("This desk is shutting down, so nothing was sent to the plane.")
        prepared = requests.PreparedRequest()
        # identity: an answer is as long as it looks; where gzip may come, `ask` unpacks it within the same bound
        encoding = "gzip" if packed else "identity"
        prepared.prepare(
            method,
            self.url + path,
            headers={"Accept-Encoding": encoding, "User-Agent": "incident-console", **headers},
            data=body or None,
        )
        try:
            response = self._session.send(
                prepared, stream=True, allow_redirects=False, timeout=(CONNECT_S, read_s), verify=self._verify
            )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _fault(error, self.url) from error
        try:
            if 300 <= response.status_code < 400:
                raise GarbledAnswer(f"{self.url} answers {path} with a redirect; redirects are never followed.")
            if response.headers.get("content-encoding", "identity") not in ("identity", encoding):
                raise GarbledAnswer(f"{self.url} answers {path} in an encoding that was not asked for.")
            yield response
        finally:
            # An answer that was read to its end has already given its connection back; any other is cut.
            response.close()

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        try:
            while chunk := response.raw.read1(_CHUNK):
                yield chunk
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _fault(error, self.url) from error

    def _opened(self, opened: socket.socket) -> None:
        self._open.add(opened)
        if self._aborted:
            _shut(opened)


def _unpacked(data: bytes, path: str, max_bytes: int) -> bytes:
    """What `data` unpacks to, which is never more than the bound: a small answer may hold a large one."""
    unpacking = zlib.decompressobj(wbits=_GZIP)
    try:
        whole = unpacking.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise GarbledAnswer(f"The plane's answer to {path} cannot be unpacked.") from error
    if len(whole) > max_bytes:
        raise OversizedAnswer(f"The plane's answer to {path} unpacks to more than {max_bytes} bytes.")
    if not unpacking.eof or unpacking.unused_data:
        raise GarbledAnswer(f"The plane's answer to {path} cannot be unpacked.")
    return whole


def _fault(error: Exception, url: str) -> Offline | TimedOut:
    """What may be concluded: only a connection that never stood proves that nothing was sent."""
    inner: object = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(reason, NewConnectionError | ConnectTimeoutError) or isinstance(error, requests.ConnectTimeout):
        return Offline(f"The plane at {url} does not answer; nothing was sent.")
    untrusted = _untrusted(str(error))
    if untrusted:
        return Offline(f"The certificate of {url} {untrusted}; nothing was sent.")
    if "WRONG_VERSION_NUMBER" in str(error):
        return Offline(f"What listens at {url} does not speak TLS; nothing was sent.")
    return TimedOut(f"The connection to {url} was lost before the answer was whole.")


def _untrusted(reason: str) -> str:
    """What is wrong with a certificate, "" when it is something else that failed."""
    if "CERTIFICATE_VERIFY_FAILED" not in reason and "CertificateError" not in reason:
        return ""
    if "has expired" in reason or "not yet valid" in reason:
        return "is not valid at this time (check the clocks, else have it renewed)"
    if "mismatch" in reason or "doesn't match" in reason:
        return "was made for another name (use the name it was made for)"
    return "is not one this desk trusts (name its authority's file if it has one of its own)"


def _shut(opened: socket.socket) -> None:
    try:
        # The plain socket's, even under TLS: the reader on the other thread sees the end, no state is touched.
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
    except OSError:
        return


class _TrackingAdapter(HTTPAdapter):
    """Reports every socket it opens, so that a request under way can be cut short."""

    def __init__(self, opened: Callable[[socket.socket], None]) -> None:
        self._pools = {
            "http": _tracking_pool(HTTPConnectionPool, opened),
            "https": _tracking_pool(HTTPSConnectionPool, opened),
        }
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools


class _PromptResponse(http.client.HTTPResponse):
    """An answer whose head is whole within one read time-out, however slowly it drips; its body is the reader's."""

    def begin(self) -> None:
        if self.headers is not None or not isinstance(self.fp, io.BufferedReader):
            return  # called again once the head is there
        raw: Any = self.fp.detach()
        patience: float | None = raw._sock.gettimeout()
        head = _Hurried(raw, patience)
        self.fp = io.BufferedReader(head)
        try:
            super().begin()
        finally:
            head.take_time(patience)


class _Hurried(io.RawIOBase):
    """What a socket gives until a moment; after `take_time`, as the socket gives it."""

    def __init__(self, raw: Any, within_s: float | None) -> None:
        self._raw = raw
        self._until = None if within_s is None else time.monotonic() + within_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the head of the answer did not end")
            self._raw._sock.settimeout(left)
        found: int | None = self._raw.readinto(buffer)
        return found

    def take_time(self, patience: float | None) -> None:
        """From now on every piece may take as long as the socket lets it."""
        self._until = None
        if not self._raw.closed:
            self._raw._sock.settimeout(patience)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _tracking_pool(pool: Any, opened: Callable[[socket.socket], None]) -> Any:
    base: Any = pool.ConnectionCls

    def connect(self: Any) -> None:
        base.connect(self)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened(self.sock)

    connection = type("TrackedConnection", (base,), {"connect": connect, "response_class": _PromptResponse})
    return type("TrackedPool", (pool,), {"ConnectionCls": connection})
