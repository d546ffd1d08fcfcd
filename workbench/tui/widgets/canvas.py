"""The one way things get on the screen: a widget draws a kit `Grid`, and only the lines that changed are painted.

Subclass `Canvas` and write `draw(width, height) -> Grid`; call `redraw()` whenever what it shows has changed. Subclass
`Panel` to get the rounded border with a title at the left and facts at the right, and write `draw_inside(width,
height) -> Grid`. No text drawn this way is ever parsed as markup.
"""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.palette import Palette

Spans = list[tuple[str, Style]]
WHEEL_LINES = 3


class Canvas(Widget):
    """A widget that draws one grid; `ground` is the token behind whatever names no background."""

    DEFAULT_CSS = "Canvas { background: $background; }"

    ground = "ground"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._spans: list[Spans] = []
        self._strips: list[Strip | None] = []
        self._drawn_for: tuple[int, int] = (0, 0)
        self._palette: Palette | None = None
        self._filters: tuple[LineFilter, ...] = ()
        self._background = Color(0, 0, 0)

    def draw(self, width: int, height: int) -> Grid:
        """Return what the widget shows, `width` by `height` cells."""
        raise NotImplementedError

    def paint(self, width: int, height: int) -> list[Spans]:
        """Return the lines of what the widget shows; a line that did not change may be the list from before."""
        grid = self.draw(width, height)
        return [grid.spans(y) for y in range(height)]

    def redraw(self) -> None:
        """Draw again and repaint the lines that differ; nothing happens while the widget is hidden."""
        if not self.is_mounted or not self.size.width or not self.size.height:
            return
        if self._is_new():
            self._begin()
            self.refresh()
            return
        old, fresh = self._spans, self.paint(*self._drawn_for)
        changed = [y for y, line in enumerate(fresh) if line is not old[y] and line != old[y]]
        self._spans = fresh
        for y in changed:
            self._strips[y] = None
        if changed:
            self.refresh(*_regions(changed, self._drawn_for[0]))

    def _is_new(self) -> bool:
        return tuple(self.size) != self._drawn_for or Palette.of(self.app) is not self._palette

    def _begin(self) -> None:
        """Draw everything for the size and the theme of now."""
        width, height = self.size
        self._spans = self.paint(width, height)
        self._strips = [None] * height
        self._drawn_for, self._palette = (width, height), Palette.of(self.app)
        self._background = self.background_colors[1]

    def patch(self, x: int, y: int, text: str, style: Style) -> None:
        """Change some cells of what was drawn last, for what moves often, such as a spinner."""
        if not 0 <= y < len(self._strips):
            return
        line, at = Grid(self._drawn_for[0], 1), 0
        for part, look in self._spans[y]:
            line.put(at, 0, part, look)
            at += cells(part)
        line.put(x, 0, text, style)
        self._spans[y], self._strips[y] = line.spans(0), None
        self.refresh(Region(x, y, cells(text), 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines as they go to the terminal.

        The borders, paddings and opacities of style sheets, which a canvas has none of, would cost as much again.
        """
        filters = tuple(self.get_line_filters())
        if filters != self._filters:
            self._filters, self._strips = filters, [None] * len(self._strips)
        first, after = crop.column_span
        return [self.render_line(y).crop(first, after) for y in crop.line_range]

    def render_line(self, y: int) -> Strip:
        """Return one line, drawing first where the size or the theme is new."""
        if self._is_new():
            self._begin()
        if not 0 <= y < len(self._strips):
            return self._strip_of([(" " * self._drawn_for[0], Style())])
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._strip_of(self._spans[y])
        return strip

    def _strip_of(self, spans: Spans) -> Strip:
        """Return a line as a strip, through the filters of the app."""
        palette = self._palette or Palette.of(self.app)
        segments = [Segment(text, palette.style(style, self.ground)) for text, style in spans]
        for one in self._filters:
            segments = one.apply(segments, self._background)
        return Strip(segments, self._drawn_for[0])

    def lines(self) -> list[str]:
        """Return what is shown as text."""
        return ["".join(text for text, _ in spans) for spans in self._spans]

    def wheeled(self, lines: int) -> None:
        """Take a turn of the mouse wheel over the widget, worth so many lines down, below 0 up."""

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Hand the turn on in lines."""
        event.stop()
        self.wheeled(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Hand the turn on in lines."""
        event.stop()
        self.wheeled(-WHEEL_LINES)

    def on_resize(self, event: events.Resize) -> None:
        """Draw for the new size."""
        self.redraw()

    def on_focus(self, event: events.Focus) -> None:
        """Show that the focus is here."""
        self.redraw()

    def on_blur(self, event: events.Blur) -> None:
        """Show that the focus has gone."""
        self.redraw()


def _regions(rows: list[int], width: int) -> list[Region]:
    """Join neighbouring lines to few regions."""
    found: list[Region] = []
    start = before = rows[0]
    for row in [*rows[1:], -2]:
        if row != before + 1:
            found.append(Region(0, start, width, before - start + 1))
            start = row
        before = row
    return found


def draw_border(grid: Grid, title: str, facts: Spans, *, focused: bool = False) -> None:
    """Draw a rounded border around the whole grid, its title left and facts right; both are cut to fit."""
    width, height = grid.width, grid.height
    if width < 2 or height < 2:
        return
    look = Style(fg="focus" if focused else "border")
    grid.put(0, 0, "╭" + "─" * (width - 2) + "╮", look)
    grid.put(0, height - 1, "╰" + "─" * (width - 2) + "╯", look)
    for y in range(1, height - 1):
        grid.dot(0, y, "│", look)
        grid.dot(width - 1, y, "│", look)
    room = width - 6
    if title and room > 0:
        title = clip(title, room)
        grid.put(2, 0, f" {title} ", Style(fg="text", bold=True))
        room -= cells(title) + 3
    length = sum(cells(text) for text, _ in facts)
    if facts and length <= room:
        x = width - 4 - length
        grid.put(x, 0, " ", look)
        for text, style in facts:
            grid.put(x + 1, 0, text, style)
            x += cells(text)
        grid.put(x + 1, 0, " ", look)


class Panel(Canvas):
    """A canvas in a border; set `heading` and `facts` in `draw_inside`, which runs before the border is drawn."""

    def __init__(self, heading: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.heading = heading
        self.facts: Spans = []

    def draw_inside(self, width: int, height: int) -> Grid:
        """Return what is inside the border."""
        raise NotImplementedError

    def paint_inside(self, width: int, height: int) -> list[Spans]:
        """Return the lines inside the border."""
        grid = self.draw_inside(width, height)
        return [grid.spans(y) for y in range(height)]

    def paint(self, width: int, height: int) -> list[Spans]:
        """Draw the border and what is inside; a panel too small for a border is all inside."""
        if width < 6 or height < 3:
            return self.paint_inside(width, height)
        inside = self.paint_inside(width - 2, height - 2)
        edges = Grid(width, 2)
        draw_border(edges, self.heading, self.facts, focused=self.has_focus)
        side = ("│", edges.style(0, 0))
        return [edges.spans(0), *([side, *line, side] for line in inside), edges.spans(1)]
