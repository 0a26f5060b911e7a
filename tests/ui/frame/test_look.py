"""The look: contrast that can be read, tokens for everything, digits of one width, and nothing lost without files."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from console.ui import chip_shapes, resources, tokens
from console.ui.chips import LAMP_STATES, STATE_SHAPES, Lamp, SeverityChip, StateChip
from console.ui.theme import LOST, NAMES, Theme

ROOT = Path(__file__).parents[3]
LEVELS = ("SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4")
GROUNDS = ("base", "raised", "sunken")


def luminance(colour: QColor) -> float:
    parts = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(params=NAMES)
def theme(request: pytest.FixtureRequest, qapp: QApplication) -> Theme:
    return Theme(request.param)


def test_text_can_be_read_on_every_ground(theme: Theme) -> None:
    for ground in GROUNDS:
        assert contrast(theme.colour("text"), theme.colour(ground)) >= 7, ground
        assert contrast(theme.colour("text_dim"), theme.colour(ground)) >= 4.5, ground
        for mark in ("abnormal", "warning", "unknown", "outline", "focus", "normal", "threshold", "graph_1"):
            assert contrast(theme.colour(mark), theme.colour(ground)) >= 3, (mark, ground)
    assert contrast(theme.colour("text"), theme.colour("selection")) >= 4.5
    for word in ("exercise", "live"):
        assert contrast(theme.colour(f"{word}_text"), theme.colour(word)) >= 4.5


def test_severities_are_black_on_the_same_colours_everywhere(theme: Theme) -> None:
    wanted = ("#c681ac", "#fd5f6a", "#fcca75", "#9fd4fe", "#e1e5df")
    shapes = ("octagon", "triangle", "diamond", "circle", "square")
    for level, colour, shape in zip(LEVELS, wanted, shapes, strict=True):
        style = theme.severity(level)
        assert (style.colour.name(), style.shape, style.text) == (colour, shape, level)
        assert contrast(QColor("#000000"), style.colour) >= 7
    assert theme.severity("SEV-9").text == "ungraded"
    assert contrast(QColor("#000000"), theme.severity("").colour) >= 7
    assert theme.severity("").shape == "square"


def test_normal_is_grey(theme: Theme) -> None:
    assert theme.colour("normal").hslSaturationF() < 0.12


def test_every_palette_has_every_token() -> None:
    palettes = tokens.read(resources.path("tokens.toml"))["palette"]
    assert set(palettes) == set(NAMES)
    assert len({frozenset(palette) for palette in palettes.values()}) == 1
    assert all(re.fullmatch(r"#[0-9a-f]{6}", value) for palette in palettes.values() for value in palette.values())


def test_the_tokens_are_toml_and_read_as_the_library_reads_them() -> None:
    path = resources.path("tokens.toml")
    assert tokens.read(path) == tomllib.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("text", ['a = "b', "nonsense", "a = ", "a = 1\nb"])
def test_a_broken_token_names_its_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=rf"line {text.count(chr(10)) + 1} "):
        tokens.read(file)


def test_a_token_that_nobody_defined_is_seen_not_a_crash(theme: Theme) -> None:
    assert theme.colour("no_such_token").name() == LOST
    assert theme.px("no_such_size") == 8
    assert theme.font("no_such_font").pointSizeF() > 0


def test_every_token_that_the_code_names_is_defined(qapp: QApplication) -> None:
    theme = Theme("dark")
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "console" / "ui").rglob("*.py"))
    colours = set(re.findall(r"\.colour\(\s*\"(\w+)\"", source))
    sizes = set(re.findall(r"\.px\(\s*\"(\w+)\"", source))
    fonts = set(re.findall(r"theme\.font\(\s*\"(\w+)\"", source))
    named = set(re.findall(r"theme\.icon\(\s*\"([\w-]+)\"", source))
    found = tokens.read(resources.path("tokens.toml"))
    assert [name for name in sorted(colours) if theme.colour(name).name() == LOST] == []
    assert sizes <= set(found["size"])
    assert fonts <= set(found["font"])
    assert [name for name in sorted(named) if not resources.path("icons", f"{name}.svg").is_file()] == []


def test_the_bundled_font_is_there_and_its_digits_are_of_one_width(theme: Theme) -> None:
    for name in ("body", "number", "title", "mono"):
        metrics = QFontMetricsF(theme.font(name))
        widths = [metrics.horizontalAdvance(digit) for digit in "0123456789"]
        assert max(widths) - min(widths) < 0.05, name  # what rounding leaves; proportional digits differ by 2 and more
    assert theme.font("body").family() == "Inter"
    assert theme.faults == []


def test_without_any_file_the_desk_is_plain_and_says_so(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "folder", lambda: tmp_path)
    theme = Theme("light")
    assert theme.colour("text").name() != LOST
    assert theme.font("body").family()
    assert theme.icon("x").isNull()
    assert theme.severity("SEV-1").shape == "triangle"
    assert [fault.split(" (")[0] for fault in theme.faults] == [
        "The style tokens cannot be read",
        "The font of the desk is missing; a font of the system stands in for it.",
    ]
    assert SeverityChip(theme, "SEV-2").grab().width() > 20


def test_tokens_that_are_no_tables_leave_the_plain_look(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tokens.toml").write_text("palette = 3\n[palette.dark]\nbase = 1\n")
    monkeypatch.setattr(resources, "folder", lambda: tmp_path)
    assert Theme("dark").colour("text").name() == chip_shapes.PLAIN["palette"]["dark"]["text"]


def test_a_hostile_svg_is_no_icon(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(resources.path("tokens.toml"), tmp_path)
    (tmp_path / "icons").mkdir()
    (tmp_path / "icons" / "x.svg").write_bytes(b"\xff\xfe not an svg")
    monkeypatch.setattr(resources, "folder", lambda: tmp_path)
    assert Theme("dark").icon("x").isNull()


def test_icons_take_the_colour_that_is_asked_for(theme: Theme) -> None:
    for colour in ("text", "abnormal"):
        image = theme.icon("x", colour).pixmap(32, 32).toImage()
        pixels = [image.pixel(x, y) for x in range(32) for y in range(32)]
        inked = {QColor(pixel).name() for pixel in pixels if pixel >> 24 == 255}
        assert inked == {theme.colour(colour).name()}


def test_every_icon_font_and_sheet_has_its_licence() -> None:
    assert "MIT" in resources.path("icons", "LICENCE.txt").read_text("utf-8")
    fonts = {path.name.split("-")[0] for path in resources.path("fonts").glob("*.[ot]tf")}
    assert {path.stem.removeprefix("LICENCE-") for path in resources.path("fonts").glob("LICENCE-*")} == fonts


def test_changing_the_palette_changes_widgets_and_comes_back_the_same(qapp: QApplication, dressed: Theme) -> None:
    chip = SeverityChip(dressed, "SEV-1")
    lamp = Lamp(dressed, "Service")
    lamp.set_state("abnormal", "because")
    before = lamp.grab().toImage()
    dressed.use("light")
    assert lamp.grab().toImage() != before
    dressed.use("no such palette")
    assert dressed.name == "light"
    dressed.use("dark")
    assert lamp.grab().toImage() == before
    assert chip.accessibleName() == "Severity SEV-1"


@pytest.mark.parametrize("shape", STATE_SHAPES)
def test_every_state_has_a_shape_of_its_own(shape: str, dressed: Theme) -> None:
    chip = StateChip(dressed, "", shape, "warning")
    others = [StateChip(dressed, "", other, "warning").grab().toImage() for other in STATE_SHAPES if other != shape]
    assert chip.grab().toImage() not in others


@pytest.mark.parametrize("state", [*LAMP_STATES, "nonsense", ""])
def test_a_lamp_says_its_state_in_words_too(state: str, dressed: Theme) -> None:
    lamp = Lamp(dressed, "Behaviour")
    lamp.set_state(state, "<b>because</b>")
    assert lamp.accessibleName() == f"Behaviour lamp: {state or 'unknown'}"
    assert "&lt;b&gt;" in lamp.toolTip()
    assert lamp.grab().width() == lamp.sizeHint().width()


@pytest.mark.parametrize("level", LEVELS)
def test_a_severity_is_drawn_with_its_shape(level: str, theme: Theme) -> None:
    def drawn(one: str) -> QImage:
        image = QImage(90, 22, QImage.Format.Format_RGB32)
        image.fill(theme.colour("base"))
        painter = QPainter(image)
        theme.paint_chip(painter, QRectF(0, 0, 90, 22), one)
        painter.end()
        return image.copy(0, 0, 26, 22)

    marks = [drawn(one).convertToFormat(QImage.Format.Format_Mono) for one in LEVELS]
    assert sum(mark == marks[LEVELS.index(level)] for mark in marks) == 1
