"""TLS by option: a desk syncs over it with an authority of its own, and sends nothing to what it cannot trust."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console import config
from console.commands import plane as commands
from console.domain.errors import InputError
from console.plane import server
from console.plane.tls import read_certificate
from console.remote.faults import Offline
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.desk import Desk, DeskSettings
from tests.fakes.desks import note
from tests.fakes.planes import DESK, POLICY, RunningPlane, World
from tests.waiting import wait_until

LOCAL = "DNS:localhost,IP:127.0.0.1"


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class Authority:
    """An authority of an organisation's own, made by openssl."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder, self.name = folder, name
        self.file, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", self._key, "-out", self.file,
        )  # fmt: skip

    def issue(self, names: str = LOCAL, *, days: int = 1) -> tuple[Path, Path]:
        """A certificate and its key; with `days` negative it is over."""
        cert, key, request = (self.folder / f"{self.name}-plane.{end}" for end in ("pem", "key", "csr"))
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName={names}\n")
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=plane",
            "-keyout", key, "-out", request,
        )  # fmt: skip
        openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial",
            "-days", str(days), "-extfile", extensions, "-out", cert,
        )  # fmt: skip
        return cert, key


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextlib.contextmanager
def running(folder: Path, pair: tuple[Path, Path]) -> Iterator[str]:
    """A plane in a process of its own, with TLS; its address."""
    settings = folder / "plane.json"
    settings.write_text(json.dumps({"database": str(folder / "plane.db")}))
    command = [sys.executable, "-m", "console.cli", "plane", "run", "--config", str(settings), "--port", "0"]
    command += ["--tls-cert", str(pair[0]), "--tls-key", str(pair[1]), "--secrets-stdin"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"{}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()
            yield json.loads(line)["url"]
        finally:
            process.stdin.close()
            process.wait(20)


def test_a_desk_syncs_over_tls(tmp_path: Path, authority: Authority) -> None:
    world = World(tmp_path)
    with world.running():
        pass  # certifies the desk
    with running(tmp_path, authority.issue()) as url:
        assert url.startswith("https://127.0.0.1:")
        settings = DeskSettings(
            folder=tmp_path / "store", device_key=DESK, exercise=True, plane_url=url, policy_hash=POLICY.hash,
            verify=str(authority.file),
        )  # fmt: skip
        with Desk(settings) as desk:
            desk.act(note, "over TLS").result(5)
            wait_until(lambda: desk.query(lambda db: db.value("SELECT count(*) FROM receipt")) == 1, what="the receipt")
            assert desk.query(lambda db: db.value("SELECT count(*) FROM alarm")) == 0


@contextlib.contextmanager
def client(url: str, verify: bool | str) -> Iterator[PlaneClient]:
    made = PlaneClient(Wire(url, lambda: 0, verify), TokenKeeper(DESK, lambda: secrets.token_hex(32)))
    try:
        yield made
    finally:
        made.close()


def stranger(authority: Authority, tmp_path: Path) -> tuple[tuple[Path, Path], str]:
    return authority.issue(), str(Authority(tmp_path, "another").file)


def other_name(authority: Authority, _: Path) -> tuple[tuple[Path, Path], str]:
    return authority.issue("DNS:plane.example.org"), str(authority.file)


def over(authority: Authority, _: Path) -> tuple[tuple[Path, Path], str]:
    return authority.issue(days=-1), str(authority.file)


@pytest.mark.parametrize(
    ("made", "says"),
    [(stranger, "not one this desk trusts"), (other_name, "made for another name"), (over, "not valid at this time")],
)
def test_nothing_is_sent_to_what_is_not_trusted(
    tmp_path: Path, authority: Authority, made: Callable[[Authority, Path], tuple[tuple[Path, Path], str]], says: str
) -> None:
    World(tmp_path)
    pair, trusted = made(authority, tmp_path)
    with running(tmp_path, pair) as url:
        port = url.rpartition(":")[2]
        with client(f"https://127.0.0.1:{port}", trusted) as desk, pytest.raises(Offline, match=says) as refused:
            desk.config()
    assert refused.value.sentence.endswith("nothing was sent.")


def test_the_system_does_not_know_an_own_authority(tmp_path: Path, authority: Authority) -> None:
    World(tmp_path)
    with running(tmp_path, authority.issue()) as url:
        with client(url, True) as desk, pytest.raises(Offline, match="not one this desk trusts"):
            desk.config()
        with client(url, str(authority.file)) as desk:
            assert desk.config().answer.exercise


def test_a_plane_without_tls_is_named_so(tmp_path: Path) -> None:
    with World(tmp_path).running() as (plane, _):
        url = plane.url.replace("http:", "https:")
        with client(url, True) as desk, pytest.raises(Offline, match="does not speak TLS"):
            desk.config()


def test_nothing_below_tls_1_2_is_spoken(tmp_path: Path, authority: Authority) -> None:
    World(tmp_path)
    with running(tmp_path, authority.issue()) as url:
        found = {version: spoken(url, authority.file, version) for version in ("TLSv1_2", "TLSv1_3")}
    assert found == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}
    certificate = read_certificate(*authority.issue())
    assert certificate is not None
    assert certificate.context.minimum_version == ssl.TLSVersion.TLSv1_2


def spoken(url: str, trusted: Path, version: str) -> str | None:
    context = ssl.create_default_context(cafile=str(trusted))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    port = int(url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"GET /v1/config HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % port)
        answer = b"".join(iter(lambda: secure.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"strict-transport-security" in answer
        return secure.version()


def test_whoever_holds_the_root_key_is_heard_over_tls(tmp_path: Path, authority: Authority) -> None:
    world, pair = World(tmp_path), authority.issue()
    settings = tmp_path / "operator.json"
    named = {"database": str(tmp_path / "plane.db"), "tls_cert": str(pair[0]), "tls_key": str(pair[1])}
    settings.write_text(json.dumps(named))
    command = [sys.executable, "-m", "console.cli", "plane", "invite", "ada@example.org", "--config", str(settings)]
    command += ["--root-key", str(world.root_file)]
    with running(tmp_path, pair):
        done = subprocess.run(command, capture_output=True, timeout=60, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) >= 19


def test_the_settings_of_a_desk_name_an_authority(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text('plane = "https://plane.example.org:8443"\nplane_ca = "authority.pem"\n')
    assert config.load(tmp_path / "desk.toml").plane_ca == tmp_path / "authority.pem"


def unreadable_by_others(cert: Path, key: Path) -> tuple[Path | None, Path | None]:
    key.chmod(0o644)
    return cert, key


def of_another(cert: Path, key: Path) -> tuple[Path | None, Path | None]:
    return cert, Authority(cert.parent, "third").issue()[1]


def nameless(cert: Path, key: Path) -> tuple[Path | None, Path | None]:
    openssl("req", "-x509", "-key", key, "-subj", "/CN=x", "-days", "1", "-out", cert)
    return cert, key


BAD: dict[str, tuple[Callable[[Path, Path], tuple[Path | None, Path | None]], str]] = {
    "a key others can read": (unreadable_by_others, "chmod 600"),
    "another's key": (of_another, "not the one of the certificate"),
    "no key": (lambda cert, _: (cert, None), "--tls-key"),
    "no certificate": (lambda _, key: (None, key), "--tls-cert"),
    "a missing key": (lambda cert, key: (cert, key.with_name("none")), "cannot be read"),
    "a missing certificate": (lambda cert, key: (cert.with_name("none"), key), "cannot be read"),
    "a key as certificate": (lambda _, key: (key, key), "not a certificate"),
    "a certificate as key": (lambda cert, _: (cert, private(cert)), "as a pair"),
    "a certificate without names": (nameless, "names no host"),
}


def private(file: Path) -> Path:
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(("spoil", "says"), BAD.values(), ids=BAD)
def test_a_bad_pair_is_one_sentence(
    tmp_path: Path,
    authority: Authority,
    spoil: Callable[[Path, Path], tuple[Path | None, Path | None]],
    says: str,
) -> None:
    World(tmp_path)
    cert, key = spoil(*authority.issue())
    with pytest.raises(InputError, match=says) as refused:
        commands.run(database=str(tmp_path / "plane.db"), port=0, tls_cert=cert, tls_key=key)
    assert "\n" not in refused.value.sentence


def test_another_address_needs_tls() -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::"):  # noqa: S104 - that is what is refused
        with pytest.raises(InputError, match="Without TLS"):
            server.listen(0, host)
    with pytest.raises(InputError, match="IP address"):
        server.listen(0, "plane.example.org", tls=True)
    with server.listen(0, "0.0.0.0", tls=True) as sock:  # noqa: S104
        assert sock.getsockname()[0] == "0.0.0.0"  # noqa: S104


def test_with_tls_only_the_names_of_the_certificate_are_answered(tmp_path: Path, authority: Authority) -> None:
    world = World(tmp_path)
    certificate = read_certificate(*authority.issue("DNS:plane.example.org,DNS:*.planes.example.org"))
    assert certificate is not None
    with server.listen(0) as sock:
        port = sock.getsockname()[1]
        hosts = server._hosts(sock, certificate)
    assert hosts == {f"plane.example.org:{port}", f"*.planes.example.org:{port}"}
    with RunningPlane(world.folder) as plane:
        assert plane.url.startswith("http://127.0.0.1:")
