"""Colours by meaning: the one place where the kit's style tokens become colours of the theme in use.

`Palette.of(app)` is remade when the theme changes. Besides the kit's tokens it knows those of the shell:
`ground` (behind everything), `select` (the line under the cursor), `head` (column heads), `group`, `chip`, `border`,
`focus` (the border of what has the focus), `running`, `queued`, `finished`, `failed`, `stopped`, `lost`, `key`.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color as RichColor
from rich.style import Style as RichStyle
from textual.color import Color, ColorParseError
from textual.theme import Theme

from workbench.tui.kit.grid import Style

if TYPE_CHECKING:
    from textual.app import App

STATES = {
    "queued": "queued",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
    "lost": "lost",
}

_DARK_SERIES = ("#7aa2f7", "#e0af68", "#9ece6a", "#bb9af7", "#7dcfff", "#f7768e", "#73daca", "#c0caf5")
_LIGHT_SERIES = ("#2e5bb8", "#a35a00", "#3f7a1f", "#7a43b6", "#0a7391", "#b3284f", "#1b7f6b", "#4a5068")


def _variables(series: tuple[str, ...], muted: str, line: str, select: str) -> dict[str, str]:
    return {f"wb-series{index}": colour for index, colour in enumerate(series)} | {
        "wb-dim": muted,
        "wb-line": line,
        "wb-select": select,
        "border": line,
        "border-blurred": line,
    }


DARK = Theme(
    name="workbench-dark",
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#ff9e64",
    warning="#e0af68",
    error="#f7768e",
    success="#9ece6a",
    foreground="#c0caf5",
    background="#12141f",
    surface="#171927",
    panel="#1f2335",
    variables=_variables(_DARK_SERIES, "#6b76a8", "#343b58", "#283457"),
)
LIGHT = Theme(
    name="workbench-light",
    primary="#2e5bb8",
    secondary="#7a43b6",
    accent="#b15c00",
    warning="#8f5e15",
    error="#b3284f",
    success="#3f7a1f",
    foreground="#2c3047",
    background="#eceef4",
    surface="#f6f7fb",
    panel="#dfe3ee",
    dark=False,
    variables=_variables(_LIGHT_SERIES, "#6a7090", "#c3c8da", "#cfdbf6"),
)
THEMES = (DARK, LIGHT)
NAMES = tuple(theme.name for theme in THEMES)

_ANSI = {
    "text": "default",
    "dim": "bright_black",
    "axis": "bright_black",
    "grid": "bright_black",
    "accent": "blue",
    "mark": "yellow",
    "better": "green",
    "worse": "red",
    "best": "yellow",
    "panel": "default",
    "cursor": "yellow",
    "overlap": "magenta",
    "ground": "default",
    "select": "blue",
    "head": "default",
    "group": "default",
    "chip": "default",
    "border": "bright_black",
    "focus": "blue",
    "key": "yellow",
    "running": "cyan",
    "queued": "bright_black",
    "finished": "green",
    "failed": "red",
    "stopped": "yellow",
    "lost": "magenta",
}
_ANSI_SERIES = ("blue", "yellow", "green", "magenta", "cyan", "red", "bright_cyan", "white")
_ANSI_HEAT = ("black", "blue", "blue", "cyan", "cyan", "green", "yellow", "yellow", "red", "bright_red")


_BY_THEME: dict[str, Palette] = {}


class Palette:
    """The colours of one theme by token, and the Rich styles made of them."""

    def __init__(self, colours: dict[str, RichColor], *, is_ansi: bool) -> None:
        self.colours = colours
        self.is_ansi = is_ansi
        self._made: dict[tuple[Style, str], RichStyle] = {}

    @classmethod
    def of(cls, app: App[Any]) -> Palette:
        """Return the palette of the app's theme."""
        known = _BY_THEME.get(app.theme)
        if known is None:
            theme = app.current_theme
            if theme.ansi:
                known = _ansi_palette()
            else:
                known = _palette(theme.name, tuple(sorted(app.theme_variables.items())), theme.dark)
            _BY_THEME[app.theme] = known
        return known

    def style(self, style: Style, ground: str = "ground") -> RichStyle:
        """Return a style of the kit in these colours; where it names no background it gets `ground`."""
        known = self._made.get((style, ground))
        if known is None:
            known = self._made[style, ground] = self._make(style, ground)
        return known

    def _make(self, style: Style, ground: str) -> RichStyle:
        colour = self.colours.get(style.fg or "text", self.colours["text"])
        behind = self.colours.get(style.bg or ground, self.colours["ground"])
        dim = style.dim
        if dim and not self.is_ansi:
            mixed = Color.from_rich_color(colour).blend(Color.from_rich_color(behind), 0.55)
            colour, dim = mixed.rich_color, False
        reverse = style.reverse or (self.is_ansi and style.bg == "select")
        if reverse and self.is_ansi:
            colour, behind = self.colours["text"], self.colours["ground"]
        return RichStyle(
            color=colour, bgcolor=behind, bold=style.bold, dim=dim, reverse=reverse, underline=style.underline
        )


@lru_cache(maxsize=1)
def _ansi_palette() -> Palette:
    names = dict(_ANSI)
    names |= {f"series{index}": name for index, name in enumerate(_ANSI_SERIES)}
    names |= {f"heat{index}": name for index, name in enumerate(_ANSI_HEAT)}
    return Palette({token: RichColor.parse(name) for token, name in names.items()}, is_ansi=True)


@lru_cache(maxsize=8)
def _palette(name: str, variables: tuple[tuple[str, str], ...], dark: bool) -> Palette:
    known = dict(variables)

    def colour(*wanted: str) -> Color:
        for key in wanted:
            try:
                return Color.parse(known[key])
            except (KeyError, ColorParseError):
                continue
        return Color.parse("#c0caf5" if dark else "#2c3047")

    ground, text = colour("background"), colour("foreground")
    text = ground.blend(text, 1.0)
    dim = colour("wb-dim") if "wb-dim" in known else ground.blend(text, 0.5)
    line = colour("wb-line") if "wb-line" in known else ground.blend(text, 0.2)
    primary, accent = colour("primary"), colour("accent", "warning")
    success, error, warning = colour("success"), colour("error"), colour("warning")
    found = {
        "text": text,
        "dim": dim,
        "axis": line,
        "grid": ground.blend(line, 0.6),
        "accent": primary,
        "mark": accent,
        "key": accent,
        "better": success,
        "worse": error,
        "best": accent,
        "panel": colour("panel"),
        "cursor": accent,
        "overlap": primary.blend(accent, 0.5),
        "ground": ground,
        "select": colour("wb-select") if "wb-select" in known else ground.blend(primary, 0.3),
        "head": ground.blend(line, 0.45),
        "group": ground.blend(line, 0.28),
        "chip": ground.blend(line, 0.75),
        "border": line,
        "focus": primary.blend(ground, 0.3),
        "running": colour("wb-series4", "primary"),
        "queued": dim,
        "finished": success,
        "failed": error,
        "stopped": warning,
        "lost": colour("secondary"),
    }
    own = _DARK_SERIES if dark else _LIGHT_SERIES
    themed = [primary, accent, success, colour("secondary"), warning, error]
    for index in range(8):
        key = f"wb-series{index}"
        fallback = themed[index] if index < len(themed) else Color.parse(own[index])
        found[f"series{index}"] = colour(key) if key in known else fallback
        if index and found[f"series{index}"] == found["series0"]:
            found[f"series{index}"] = Color.parse(own[index])
    low = ground.blend(line, 0.5)
    for index in range(10):
        share = index / 9
        found[f"heat{index}"] = low.blend(primary, share * 2) if share < 0.5 else primary.blend(accent, share * 2 - 1)
    return Palette({token: _opaque(value, ground).rich_color for token, value in found.items()}, is_ansi=False)


def _opaque(colour: Color, ground: Color) -> Color:
    return colour if colour.a >= 1 else ground.blend(colour.with_alpha(1.0), colour.a)


def register(app: App[Any]) -> None:
    """Make the two themes of Workbench known to the app."""
    for theme in THEMES:
        app.register_theme(dataclasses.replace(theme))
