"""The pictures of resources/screenshots: small, made by one command, and the same each time that they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.ui.theme import Theme
from tests.ui import pictures

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True)


def test_a_scene_gives_the_same_picture_each_time(dressed: Theme, tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        assert pictures.main(["timeline", "--to", str(folder)]) == 0
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    dressed.dress()
    assert set(found[0]) == {"timeline-dark.png", "timeline-light.png", "timeline-hostile.png"}
    assert found[0] == found[1]


def test_a_scene_that_is_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pictures.main(["nonsense"])
    assert "there is no scene nonsense" in capsys.readouterr().err


def test_every_picture_that_is_kept_is_small() -> None:
    kept = list(pictures.FOLDER.glob("*.png"))
    assert {"window-dark.png", "evidence-hostile.png", "window-offline.png"} <= {path.name for path in kept}
    assert [path.name for path in kept if path.stat().st_size > pictures.MOST_BYTES] == []
