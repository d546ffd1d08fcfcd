"""The panels of Compare: the line of runs, the curves, the parallel coordinates, the code."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from workbench.runs.model import Run
from workbench.safe import clean
from workbench.tui.kit.curve import Series
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import short
from workbench.tui.kit.parallel import Axis, Line, Value, parallel
from workbench.tui.screens.compare_code import CodeLine, draw_code, next_file
from workbench.tui.screens.compare_curves import (
    CurvesLook,
    at_column,
    draw_curves,
    moved,
    plot_columns,
    series_of,
    token,
    words_at,
)
from workbench.tui.screens.compare_data import Sight
from workbench.tui.screens.compare_table import Head
from workbench.tui.widgets.canvas import Canvas, Panel, Spans

_DIM = Style(fg="dim")


class Legend(Canvas):
    """One line with the compared runs: number, colour, name, whether it is the baseline, newest value."""

    DEFAULT_CSS = "Legend { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.heads: Sequence[Head] = ()
        self.values: Sequence[float | None] = ()

    def draw(self, width: int, height: int) -> Grid:
        """Draw as many runs as fit, and how many do not; words and values go before names do."""
        grid = Grid(width, height)
        pairs = list(zip(self.heads, self.values, strict=True))
        for name_room, words, values in ((24, True, True), (24, False, True), (24, False, False), (14, False, False)):
            parts = [_part(head, value if values else None, name_room, words) for head, value in pairs]
            if sum(map(_length, parts)) + 2 * len(parts) <= width:
                break
        x = 1
        for index, part in enumerate(parts if pairs else []):
            rest = len(parts) - index
            if x + _length(part) > width - (5 if rest > 1 else 0):
                grid.put(x, 0, clip(f"+{rest}", max(0, width - x)), Style(fg="mark"))
                break
            for text, style in part:
                grid.put(x, 0, text, style)
                x += cells(text)
            x += 2
        return grid


def _part(head: Head, value: float | None, room: int, words: bool) -> Spans:
    spans: Spans = [(f"{head.index + 1} ", _DIM), ("━━ " if words else "━ ", Style(fg=token(head.index)))]
    spans.append((clip(head.name, room), Style(fg="text", bold=True)))
    if head.is_baseline:
        spans += [(" ", _DIM), (" baseline ", Style("ground", "stopped")) if words else ("★", Style(fg="mark"))]
    return [*spans, (" " + short(value, 6), _DIM)] if value is not None else spans


def _length(spans: Spans) -> int:
    return sum(cells(text) for text, _ in spans)


class CurvesPanel(Panel, can_focus=True):
    """The curves of the drawn metric; arrows and the mouse move the cursor."""

    class Turned(Message):
        """Another metric is wanted: the next one, or the one before for -1."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Curves", id=id)
        self.sight: Sight | None = None
        self.look = CurvesLook()
        self.series: list[Series] = []
        self._plot = (0, 1)

    def take(self, sight: Sight | None) -> None:
        """Take what was read."""
        self.sight = sight
        self._prepare()

    def set_look(self, look: CurvesLook) -> None:
        """Look at the curves in another way."""
        self.look = look
        self._prepare()

    def _prepare(self) -> None:
        sight = self.sight
        names = [] if sight is None else [clean(run.name, 60) for run in sight.compared.runs]
        self.series = [] if sight is None else series_of(names, sight.curves, sight.counts, self.look)
        self.redraw()

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the curves, or what a metric of single values has to say."""
        if self.sight is None or not self.sight.metric:
            return say(width, height, "No metric yet.")
        self.heading = clean(self.sight.metric, 60)
        place = self.sight.metrics.index(self.sight.metric) + 1
        words = [words_at(self.look), self.look.facts, f"{place} of {len(self.sight.metrics)} []"]
        self.facts = [(" · ".join(word for word in words if word), _DIM)]
        grid = draw_curves(
            self.series, self.look, width, height, goal=self.sight.goal, numbered=bool(self.app.no_color)
        )
        self._plot = plot_columns(grid)
        return grid

    def do_left(self) -> None:
        """Move the cursor left."""
        self._move(-1)

    def do_right(self) -> None:
        """Move the cursor right."""
        self._move(1)

    def do_page_up(self) -> None:
        """Move the cursor left by a tenth."""
        self._move(-max(1, self._plot[1] // 10))

    def do_page_down(self) -> None:
        """Move the cursor right by a tenth."""
        self._move(max(1, self._plot[1] // 10))

    def do_first(self) -> None:
        """Move the cursor to the beginning."""
        self._move(-self._plot[1])

    def do_last(self) -> None:
        """Move the cursor to the end."""
        self._move(self._plot[1])

    def do_up(self) -> None:
        """Draw the metric before."""
        self.post_message(self.Turned(-1))

    def do_down(self) -> None:
        """Draw the next metric."""
        self.post_message(self.Turned(1))

    def _move(self, by: int) -> None:
        self.set_look(moved(self.look, self.series, self._plot[1], by))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Put the cursor where the mouse is."""
        self._point(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Draw the cursor along while a button is held."""
        if event.button:
            self._point(event.x)

    def _point(self, x: int) -> None:
        border = int(self.size.width >= 6 and self.size.height >= 3)
        left, columns = self._plot
        self.set_look(at_column(self.look, self.series, x - border - left, columns))


class ParallelPanel(Panel, can_focus=True):
    """The compared runs across the parameters in which they differ and the drawn metric; other runs behind them."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Parallel coordinates", id=id)
        self.sight: Sight | None = None
        self.first = 0
        self._worded: set[str] = set()

    def take(self, sight: Sight | None) -> None:
        """Take what was read."""
        self.sight = sight
        self.redraw()

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the lines, or why there is nothing to draw."""
        if self.sight is None:
            return say(width, height, "No runs.")
        sight = self.sight
        names = [row.name for row in sight.compared.comparison.params if row.differs]
        self.facts = [(f"{len(sight.compared.runs) + len(sight.others)} runs", _DIM)]
        axes = [
            *(Axis(clean(name, 40)) for name in names),
            *([Axis(clean(sight.metric, 40), True)] * bool(sight.metric)),
        ]
        if len(axes) < 2:
            return say(width, height, "No parameter differs.")
        everyone = [*sight.compared.runs, *sight.others]
        # Among words "not set" is a place of its own; among numbers it has none.
        self._worded = {name for name in names if any(isinstance(run.params.get(name), str) for run in everyone)}
        kept = self._kept(len(names), bool(sight.metric), max(2, width // 9))
        behind = [Line(self._values(run, names, kept)) for run in sight.others]
        marked = [
            Line(self._values(run, names, kept), True, token(index)) for index, run in enumerate(sight.compared.runs)
        ]
        plain = bool(self.app.no_color)
        # What comes later lies above: the baseline and the first runs stay in sight. Numbers go by the order.
        lines = [*behind, *(marked if plain else reversed(marked))]
        return parallel([axes[index] for index in kept], lines, width, height, plain=plain)

    def _kept(self, count: int, has_metric: bool, room: int) -> list[int]:
        """Choose the axes in view: as many parameters as fit from the first one chosen, and always the metric."""
        fit = max(1, room - has_metric)
        self.first = max(0, min(self.first, count - fit))
        if count > fit:
            self.facts = [(f"{count - fit} axes more ←→ · ", Style(fg="mark")), *self.facts]
        return [*range(self.first, min(count, self.first + fit)), *([count] if has_metric else [])]

    def do_left(self) -> None:
        """Show the axes at the left."""
        self.first -= 1
        self.redraw()

    def do_right(self) -> None:
        """Show the axes at the right."""
        self.first += 1
        self.redraw()

    def _values(self, run: Run, names: Sequence[str], kept: Sequence[int]) -> list[Value]:
        values = [_axis_value(run.params.get(name, "—" if name in self._worded else None)) for name in names]
        values += [run.value(self.sight.metric)] if self.sight is not None else []
        return [values[index] for index in kept]


def _axis_value(value: object) -> Value:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return float(value) if abs(value) < 1 << 1000 else str(value)
    return clean(str(value), 40)


class CodePanel(Panel, can_focus=True):
    """The code of two runs, scrolled by keys and wheel; left and right move long lines, `[` and `]` go by files."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Code", id=id)
        self.code: Sequence[CodeLine] = ()
        self.top = 0
        self.left = 0

    def take(self, heading: str, code: Sequence[CodeLine], path: str = "") -> None:
        """Show other code, from the file `path` on where it is given."""
        self.heading, self.code, self.left = heading, code, 0
        wanted = f" {clean(path)}  +" if path else ""
        self.top = next((at for at, line in enumerate(code) if line.is_file and wanted and wanted in line.text), 0)
        self.redraw()

    @property
    def room(self) -> int:
        """How many lines fit."""
        return max(1, self.size.height - 2)

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the lines in view."""
        self.top = max(0, min(self.top, len(self.code) - height))
        last = min(len(self.code), self.top + height)
        self.facts = [(f"{self.top + 1}–{last} of {len(self.code)} · esc closes", _DIM)]
        return draw_code(self.code, self.top, self.left, width, height)

    def _scroll(self, by: int) -> None:
        self.top = max(0, min(self.top + by, len(self.code) - self.room))
        self.redraw()

    def do_up(self) -> None:
        """Scroll up."""
        self._scroll(-1)

    def do_down(self) -> None:
        """Scroll down."""
        self._scroll(1)

    def do_page_up(self) -> None:
        """Scroll up by a page."""
        self._scroll(-self.room)

    def do_page_down(self) -> None:
        """Scroll down by a page."""
        self._scroll(self.room)

    def do_first(self) -> None:
        """Go to the beginning."""
        self._scroll(-len(self.code))

    def do_last(self) -> None:
        """Go to the end."""
        self._scroll(len(self.code))

    def do_left(self) -> None:
        """Show what is left of the view."""
        self.left = max(0, self.left - 8)
        self.redraw()

    def do_right(self) -> None:
        """Show what is right of the view."""
        self.left = min(2000, self.left + 8)
        self.redraw()

    def do_next_metric(self) -> None:
        """Go to the next file."""
        self._scroll(next_file(self.code, self.top, 1) - self.top)

    def do_previous_metric(self) -> None:
        """Go to the file before."""
        self._scroll(next_file(self.code, self.top, -1) - self.top)

    def wheeled(self, lines: int) -> None:
        """Scroll."""
        self._scroll(lines)
