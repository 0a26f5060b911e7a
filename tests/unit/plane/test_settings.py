"""A plane's settings and secrets: what is wrong is said with file and field, and a secret is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.config import SettingsError
from console.domain.errors import InputError
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
        ("p.json", '{"gateway_url": "http://127.0.0.1:9", "port": 0, "policy": "data", "secrets": ""}'),
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
        ('{"prot": 1}', "'prot' is not a setting"),
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
    with pytest.raises(InputError, match=says):
        read_settings(written(tmp_path, "p.json", text))


def test_a_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        read_settings(written(tmp_path, "p.toml", "port = 1\nprot = 2\n"))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(tmp_path / "none.json")


def test_secrets_are_read_and_never_shown() -> None:
    found = secrets_from_line(b'{"control_token": "very-secret", "probe_token": "too", "range_token": "not ours"}\n')
    assert found == Secrets("very-secret", "too")
    assert "secret" not in repr(found)
    assert secrets_from_line(b"\n") == Secrets()


@pytest.mark.parametrize(
    "line", [b"very-secret", b'["very-secret"]', b'{"control_token": 7}', b'{"control_token": "a\\nb"}']
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
