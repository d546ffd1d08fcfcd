"""From a run's metrics to charts: which curves belong together, and how a chart with its heading is drawn. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.runs.model import Curve, MetricSummary, finite
from workbench.safe import clean
from workbench.tui.kit.curve import Series, curves
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import short

DIM, TEXT = Style(fg="dim"), Style(fg="text")
BOLD = Style(fg="text", bold=True)
_ROLE = re.compile(
    r"^(train|training|val|valid|validation|test|eval|dev)[_/.\- ]+(.+)$|^(.+?)[_/.\- ]+(train|val|valid|test|eval)$"
)


@dataclass(frozen=True)
class ChartGroup:
    """Metrics that share a chart: its title, and each member's short label and name."""

    title: str
    members: tuple[tuple[str, str], ...]


def chart_groups(names: Sequence[str], first: str = "") -> list[ChartGroup]:
    """Put `train_loss` and `val_loss` into one chart named loss; the group of `first` comes first, the rest by name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(names):
        match = _ROLE.match(name)
        role, stem = ("", name) if match is None else (match[1] or match[4], match[2] or match[3])
        found.setdefault(stem, []).append((role, name))
    groups = []
    for stem, members in found.items():
        alone = len(members) == 1
        title = members[0][1] if alone else stem
        groups.append(ChartGroup(title, tuple((role or stem, name) for role, name in members)))
    return sorted(groups, key=lambda group: (all(name != first for _, name in group.members), group.title))


def draw_chart(
    group: ChartGroup,
    data: Mapping[str, Curve],
    width: int,
    height: int,
    *,
    metrics: Mapping[str, MetricSummary] | None = None,
    main: str = "",
    goal: str = "max",
    baseline: float | None = None,
    against: str = "vs baseline",
    log: bool = False,
    by_time: bool = False,
    cursor: float | None = None,
) -> Grid:
    """Draw the heading of a group, with the newest values, and its curves below."""
    grid = Grid(width, height)
    series = [
        Series(label, data[name].times if by_time else data[name].steps, data[name].values, _colour(index))
        for index, (label, name) in enumerate(group.members)
        if name in data
    ]
    _draw_heading(grid, group, metrics or {}, main, goal, baseline, against)
    if height < 2:
        return grid
    level = finite(baseline) if any(name == main for _, name in group.members) else None
    if not series:
        grid.blit(say(width, height - 1, "Waiting for the first metric…"), 0, 1)
        return grid
    label = "seconds" if by_time else "step"
    grid.blit(
        curves(series, width, height - 1, log_y=log, baseline=level, goal=goal, x_label=label, cursor_x=cursor), 0, 1
    )
    return grid


def _colour(index: int) -> str:
    return f"series{index % 8}"


def _draw_heading(
    grid: Grid,
    group: ChartGroup,
    metrics: Mapping[str, MetricSummary],
    main: str,
    goal: str,
    baseline: float | None,
    against: str,
) -> None:
    x = put(grid, 0, 0, clip(clean(group.title), max(4, grid.width // 3)), DIM)
    if len(group.members) == 1:
        name = group.members[0][1]
        value = metrics[name].last if name in metrics else None
        x = put(grid, x + 1, 0, short(value), BOLD)
        if name == main:
            draw_delta(grid, x + 1, 0, value, baseline, goal, words=against)
        return
    for index, (label, name) in enumerate(group.members):
        text = short(metrics[name].last) if name in metrics else ""
        label = clip(clean(label), 12)
        if x + 5 + cells(label) + cells(text) > grid.width:
            break
        x = put(grid, x + 2, 0, "━", Style(fg=_colour(index)))
        x = put(grid, x + 1, 0, label, DIM)
        x = put(grid, x + 1, 0, text, BOLD if name == main else TEXT)


def put(grid: Grid, x: int, y: int, text: str, style: Style) -> int:
    """Draw text and return the cell after it."""
    grid.put(x, y, text, style)
    return x + cells(text)


def draw_delta(
    grid: Grid, x: int, y: int, value: float | None, baseline: float | None, goal: str, *, words: str = ""
) -> int:
    """Draw the difference to the baseline with its arrow, where both are numbers; return the cell after it."""
    one, other = finite(value), finite(baseline)
    if one is None or other is None:
        return x
    difference = one - other
    tone = tone_of(difference, goal)
    arrow = {"better": "▲", "worse": "▼"}.get(tone, "=")
    x = put(grid, x, y, arrow, Style(fg=tone))
    x = put(grid, x + 1, y, short(abs(difference), 6), Style(fg=tone))
    return put(grid, x + 2, y, words, DIM) if words and x + 2 + len(words) <= grid.width else x


def tone_of(difference: float, goal: str) -> str:
    """Return the colour token of a difference: better, worse, or dim for none."""
    if difference == 0 or difference != difference:
        return "dim"
    return "better" if (difference > 0) == (goal == "max") else "worse"


def draw_rule(grid: Grid, y: int, title: str, x: int = 0, width: int | None = None) -> None:
    """Draw a faint line with a title at its left."""
    width = grid.width - x if width is None else width
    grid.put(x, y, "─" * width, Style(fg="border"))
    if title:
        grid.put(x, y, f"{title} ", DIM)


def draw_pairs(grid: Grid, x: int, y: int, pairs: Sequence[tuple[str, str]], width: int, rows: int) -> int:
    """Draw names and values in one or two columns, values aligned right; return how many rows that took.

    Where not all fit the last place says how many more there are.
    """
    columns = 2 if width >= 34 else 1
    each = (width - 3 * (columns - 1)) // columns
    room = rows * columns
    shown = list(pairs) if len(pairs) <= room else [*pairs[: max(0, room - 1)], ("", f"+{len(pairs) - room + 1} more")]
    for index, (name, value) in enumerate(shown):
        left = x + (index % columns) * (each + 3)
        value = clip(clean(value), max(4, each - min(cells(name), each // 2) - 1))
        grid.put(left, y + index // columns, clip(clean(name), each - cells(value) - 1), DIM)
        grid.put(left + each - cells(value), y + index // columns, value, TEXT if name else DIM)
    return -(-len(shown) // columns)


def value_text(value: object, width: int = 12) -> str:
    """Write a parameter's value."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return short(value, width)
    return clean(str(value), 200)
