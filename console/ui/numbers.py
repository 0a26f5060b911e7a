"""How a measured value is written: three significant digits or so, with its unit. Pure."""

from __future__ import annotations


def number(value: float, unit: str) -> str:
    """A value with its unit as data/thresholds.yml names it; shares as percent."""
    if unit == "share":
        return f"{plain(value * 100)} %"
    if unit == "1/min":
        return f"{plain(value)}/min"
    if unit in ("score", "count", ""):
        return f"{value:.2f}"
    return f"{plain(value)} {unit}"


def plain(value: float) -> str:
    """A value alone."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
