"""A plane's settings and secrets: what is wrong is said with file and field, and a secret is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.config import SettingsError
from console.domain.errors import InputError
from console.plane.back_end_settings import HaproxySettings, RedisSettings
from console.plane.settings import PlaneSettings, Secrets, read_settings, secrets_from_file, secrets_from_line


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_the_defaults() -> None:
    assert read_settings(None) == PlaneSettings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"gateway_url": "http://127.0.0.1:9", "port": 0, "policy": "data"}'),
        ("p.toml", 'gateway_url = "http://127.0.0.1:9"\nport = 0\npolicy = "data"\n'),
    ],
)
def test_both_forms_read_the_same(tmp_path: Path, name: str, text: str) -> None:
    found = read_settings(written(tmp_path, name, text))
    assert (found.gateway_url, found.port, found.policy) == ("http://127.0.0.1:9", 0, tmp_path / "data")
    assert found.secrets is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not a settings file"),
        ("[]", "one JSON object"),
        ('{"prot": 1}', "line 1: prot is not a setting; did you mean port"),
        ('{"port": "8"}', "port must be a whole number"),
        ('{"port": true}', "port must be a whole number"),
        ('{"port": 70000}', "from 0 to 65535"),
        ('{"database": 1}', "database must be text"),
        ('{"gateway_url": "http://10.0.0.1:80"}', "on this machine"),
        ('{"gateway_url": "file:///etc/passwd"}', "on this machine"),
        ('{"gateway_url": "http://user@127.0.0.1"}', "on this machine"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises((InputError, SettingsError), match=says):
        read_settings(written(tmp_path, "p.json", text))


def test_a_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        read_settings(written(tmp_path, "p.toml", "port = 1\nprot = 2\n"))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"haproxy": {"socket": "s", "maps": "m", "probe_url": "http://127.0.0.1:1"}, "redis": {}}'),
        ("p.toml", '[haproxy]\nsocket = "s"\nmaps = "m"\nprobe_url = "http://127.0.0.1:1"\n[redis]\n'),
    ],
)
def test_each_back_end_has_a_table(tmp_path: Path, name: str, text: str) -> None:
    found = read_settings(written(tmp_path, name, text))
    assert found.haproxy == HaproxySettings(tmp_path / "s", tmp_path / "m", "http://127.0.0.1:1")
    assert (found.redis, found.postgres) == (RedisSettings(), None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"postgres": {}}', r"postgres\.host is missing"),
        ('{"postgres": "here"}', "postgres must be a table"),
        ('{"postgres": {"host": "h",\n "prot": 1}}', r"line 2: postgres\.prot is not a setting; did you mean port"),
        ('{"redis": {"port": "x"}}', r"redis\.port must be a whole number"),
    ],
)
def test_a_table_that_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings(written(tmp_path, "p.json", text))


def test_secrets_are_read_and_never_shown() -> None:
    found = secrets_from_line(b'{"control_token": "very-secret", "probe_token": "too", "range_token": "not ours"}\n')
    assert found == Secrets("very-secret", "too")
    assert "secret" not in repr(found)
    assert secrets_from_line(b"\n") == Secrets()


def test_each_back_end_has_secrets_of_its_own() -> None:
    found = secrets_from_line(b'{"control_token": "c", "postgres": {"password": "very-secret"}, "redis": {}}\n')
    assert (found.of("postgres", "password"), found.of("redis", "password"), found.of("ofrep", "x")) == (
        "very-secret",
        "",
        "",
    )
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "line",
    [
        b"very-secret",
        b'["very-secret"]',
        b'{"control_token": 7}',
        b'{"control_token": "a\\nb"}',
        b'{"very-secret": {}}',
        b'{"postgres": {"Very-secret": "x"}}',
        b'{"postgres": {"password": ["very-secret"]}}',
        b'{"postgres": {"password": "very-secret\\u0007"}}',
    ],
)
def test_bad_secrets_are_not_quoted(line: bytes) -> None:
    with pytest.raises(InputError) as caught:
        secrets_from_line(line)
    assert "very-secret" not in str(caught.value)


def test_a_secrets_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "s.json", '{"control_token": "c"}')
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        secrets_from_file(path)
    path.chmod(0o600)
    assert secrets_from_file(path) == Secrets("c")
    with pytest.raises(InputError, match="cannot be read"):
        secrets_from_file(tmp_path / "none")
