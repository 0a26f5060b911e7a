"""How everything looks: colours, sizes, fonts, icons and severity chips, all from `resources/tokens.toml`.

A widget asks for a token by name at each paint, or listens to `changed` and asks again; it never keeps a colour of its
own. A broken or missing file leaves a plain built-in look, said in `faults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette
from PySide6.QtWidgets import QApplication

from console.ui import chip_shapes, icons, resources, tokens
from console.ui.style_sheet import style_sheet

NAMES = ("dark", "light", "high_contrast")
DEFAULT = "dark"
FUSION = "style_is_fusion"
"""A property of the application that was started in the style; see `console.ui.program`."""
LOST = "#ff00ff"
"""What a token that nobody defined looks like: impossible to miss, never a crash."""


@dataclass(frozen=True)
class SeverityStyle:
    """How one severity is shown: always all three together. `level` is also the text."""

    colour: QColor
    shape: str
    text: str


class Theme(QObject):
    """Attributes: `name`, `faults` (sentences about resources that could not be read). Signals: `changed()`."""

    changed = Signal()

    def __init__(self, name: str = DEFAULT, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name if name in NAMES else DEFAULT
        self.faults: list[str] = []
        self._tokens = self._read()
        self._colours: dict[str, QColor] = {}
        self._fonts: dict[str, QFont] = {}
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._families: dict[str, str] = {}

    # -- what a widget asks for

    def colour(self, name: str) -> QColor:
        """The colour token `name` in the present palette; `sev_0` to `sev_4` are the same in all."""
        found = self._colours.get(name)
        if found is None:
            found = self._colours[name] = QColor(self._colour_text(name))
        return QColor(found)

    def px(self, name: str) -> int:
        """The size token `name` in device-independent pixels; 8 for one that nobody defined."""
        return int(self._tokens.get("size", {}).get(name, 8))

    def font(self, name: str = "body") -> QFont:
        """The font token `name`, with digits of equal width."""
        if name not in self._fonts:
            self._fonts[name] = self._make_font(self._tokens.get("font", {}).get(name, {}))
        return QFont(self._fonts[name])

    def icon(self, name: str, colour: str = "text") -> QIcon:
        """The icon `name` in the colour token; an empty icon when there is no such file."""
        key = (name, self._colour_text(colour))
        if key not in self._icons:
            dim = self._colour_text("text_dim")
            self._icons[key] = icons.icon(resources.path("icons", f"{name}.svg"), key[1], dim)
        return self._icons[key]

    def severity(self, level: str) -> SeverityStyle:
        """The style of SEV-0 to SEV-4; whatever else is shown as an ungraded square."""
        style = self._tokens.get("severity", {}).get(level)
        if not isinstance(style, Mapping):
            grey = self._tokens.get("severity", {}).get("ungraded", "#b9bec6")
            return SeverityStyle(QColor(grey), "square", "ungraded")
        return SeverityStyle(QColor(style["colour"]), str(style["shape"]), level)

    def paint_chip(self, painter: QPainter, rect: QRectF, level: str) -> None:
        """Paints the severity chip into `rect`: coloured plate, shape, text; bordered on light ground."""
        style, border = self.severity(level), self._tokens.get("severity", {}).get("border", "#000000")
        chip_shapes.paint_severity(
            painter, QRectF(rect), style.colour, style.shape, style.text, self.font("label"),
            QColor(border) if self.name == "light" else None,
        )  # fmt: skip

    # -- how it is put on

    def use(self, name: str) -> None:
        """Changes to another palette and tells everybody; an unknown name is ignored."""
        if name not in NAMES or name == self.name:
            return
        self.name = name
        self._colours.clear()
        self._icons.clear()
        self.dress()
        self.changed.emit()

    def dress(self) -> None:
        """Puts style, palette, font and the few rules that Fusion lacks on the application."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        if not app.property(FUSION):  # asking the style for its name would cost a tenth of the first paint
            app.setStyle("Fusion")
            app.setProperty(FUSION, True)
        app.setFont(self.font("body"))
        app.setPalette(self.palette())
        app.setStyleSheet(style_sheet(self))

    def palette(self) -> QPalette:
        """The present palette for Qt's own widgets."""
        role, palette = QPalette.ColorRole, QPalette()
        for one, token in (
            (role.Window, "base"), (role.WindowText, "text"), (role.Base, "sunken"), (role.AlternateBase, "base"),
            (role.Text, "text"), (role.Button, "raised"), (role.ButtonText, "text"), (role.BrightText, "text"),
            (role.ToolTipBase, "raised"), (role.ToolTipText, "text"), (role.PlaceholderText, "text_dim"),
            (role.Highlight, "selection"), (role.HighlightedText, "text"), (role.Link, "accent"),
            (role.LinkVisited, "accent"), (role.Light, "line"), (role.Midlight, "raised"), (role.Mid, "line"),
            (role.Dark, "sunken"), (role.Shadow, "sunken"), (role.Accent, "accent"),
        ):  # fmt: skip
            palette.setColor(one, self.colour(token))
        for one in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
            palette.setColor(QPalette.ColorGroup.Disabled, one, self.colour("normal"))
        return palette

    # -- inside

    def _read(self) -> dict[str, Any]:
        try:
            return tokens.read(resources.path("tokens.toml"))
        except (OSError, ValueError, AttributeError, TypeError) as error:
            self.faults.append(f"The style tokens cannot be read ({error}); the desk is shown in a plain look.")
            return dict(chip_shapes.PLAIN)

    def _colour_text(self, name: str) -> str:
        if name.startswith("sev_"):
            return str(self._tokens.get("severity", {}).get(f"SEV-{name[4:]}", {}).get("colour", LOST))
        palettes = self._tokens.get("palette", {})
        return str(palettes.get(self.name, {}).get(name) or palettes.get(DEFAULT, {}).get(name) or LOST)

    def _make_font(self, token: Mapping[str, Any]) -> QFont:
        mono = bool(token.get("mono"))
        font = QFont(self._family("mono" if mono else "body"))
        font.setPointSizeF(float(token.get("size", 10.0)))
        font.setWeight(QFont.Weight(int(token.get("weight", 400))))
        if mono:
            font.setStyleHint(QFont.StyleHint.Monospace)
        else:
            font.setFeature(QFont.Tag("tnum"), 1)
            font.setFeature(QFont.Tag("zero"), 0)
        return font

    def _family(self, kind: str) -> str:
        """The family of that kind; its files are loaded at the first question and a system font stands in for it."""
        if kind not in self._families:
            tokens = self._tokens.get("font", {})
            wanted = str(tokens.get("mono_family" if kind == "mono" else "family", ""))
            self._families[kind] = wanted if self._load(wanted) else _system_family(kind)
        return self._families[kind]

    def _load(self, family: str) -> bool:
        stem, loaded = family.replace(" ", ""), False
        for file in sorted(resources.path("fonts").glob(f"{stem}-*.[ot]tf")) if stem else ():
            number = QFontDatabase.addApplicationFont(str(file))
            loaded = loaded or (number >= 0 and family in QFontDatabase.applicationFontFamilies(number))
        if not loaded:
            self.faults.append(f"The font {family or 'of the desk'} is missing; a font of the system stands in for it.")
        return loaded


def _system_family(kind: str) -> str:
    wanted = QFontDatabase.SystemFont.FixedFont if kind == "mono" else QFontDatabase.SystemFont.GeneralFont
    return QFontDatabase.systemFont(wanted).family()
