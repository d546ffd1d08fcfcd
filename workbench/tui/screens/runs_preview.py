"""The preview of a run beside the table, drawn from a snapshot. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.runs.model import GLYPHS, Run, finite, why
from workbench.safe import clean
from workbench.tui.charts import (
    BOLD,
    DIM,
    TEXT,
    chart_groups,
    draw_chart,
    draw_delta,
    draw_pairs,
    draw_rule,
    put,
    value_text,
)
from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import duration, short
from workbench.tui.screens.runs_data import Detail, View

CHART = 9
"""The least height of a chart with its heading."""


def draw_preview(detail: Detail | None, view: View, width: int, height: int, now: float) -> Grid:
    """Draw a run: what it is, its curves, figures, parameters, tags and what was noticed, as far as there is room."""
    if detail is None or width < 8:
        return say(width, height, "Nothing selected.")
    grid, run = Grid(width, height), detail.run
    y = _draw_head(grid, run, now)
    tail = _tail(detail)
    params = [(name, value_text(value)) for name, value in sorted(run.params.items())]
    figures = [name for name, one in run.metrics.items() if one.count == 1 and name != view.metric]
    columns = 2 if width >= 34 else 1
    small = 1 + -(-min(len(params), 12) // columns) if params else 0
    small += 1 + -(-min(len(figures), 12) // columns) if figures else 0
    y = _draw_curves(grid, y, detail, view, max(0, height - y - small - min(len(tail) + bool(run.tags), 4)))
    y = _draw_section(grid, y, "metrics", [(name, short(run.metrics[name].last)) for name in sorted(figures)], height)
    y = _draw_section(grid, y, "params", params, height - min(len(tail) + bool(run.tags), 4))
    if run.tags and y < height:
        draw_chips(grid, 0, y, run.tags)
        y += 1
    for text, style in tail:
        if y >= height:
            break
        grid.put(0, y, clip(text, width), style)
        y += 1
    return grid


def _draw_head(grid: Grid, run: Run, now: float) -> int:
    x = put(grid, 0, 0, GLYPHS[run.status], Style(fg=run.status))
    room = grid.width - x - 2 - len(run.status)
    put(grid, x + 1, 0, clip(clean(run.name), max(1, room)), BOLD)
    grid.put(grid.width - len(run.status), 0, run.status, Style(fg=run.status))
    code = run.code.get("commit")
    parts = [f"run {run.number}"]
    if isinstance(code, str) and code:
        parts.append(f"git {clean(code[:7])}{'±' if run.code.get('dirty') else ''}")
    parts += [duration(run.duration(now)), clean(why(run.trigger))]
    grid.put(0, 1, clip("  ".join(parts), grid.width), DIM)
    draw_rule(grid, 2, "")
    return 3


def _draw_curves(grid: Grid, y: int, detail: Detail, view: View, room: int) -> int:
    run = detail.run
    baseline = detail.baseline.value(view.metric) if detail.baseline and detail.baseline.number != run.number else None
    against = f"vs run {detail.baseline.number}" if detail.baseline else ""
    groups = chart_groups(list(detail.curves), view.metric)
    value = run.value(view.metric)
    if view.metric and view.metric not in detail.curves and value is not None and room > 0:
        x = put(grid, 0, y, clip(clean(view.metric), grid.width // 2), DIM)
        x = put(grid, x + 1, y, short(value), BOLD)
        draw_delta(grid, x + 1, y, value, baseline, view.goal, words=against)
        y, room = y + 1, room - 1
    if not groups:
        if not run.metrics and room > 0:
            grid.put(0, y, _no_metrics(run), DIM)
            y += 1
        return y
    shown = groups[: max(1, min(3, room // CHART))]
    if room < 4:
        return y
    each = min(room // len(shown), 14 if len(shown) > 1 else 18)
    for group in shown:
        chart = draw_chart(
            group,
            detail.curves,
            grid.width,
            each,
            metrics=run.metrics,
            main=view.metric,
            goal=view.goal,
            baseline=finite(baseline),
            against=against,
        )
        grid.blit(chart, 0, y)
        y += each
    return y


def _no_metrics(run: Run) -> str:
    if run.status == "queued":
        return "Waits its turn."
    return "No metric was logged." if run.is_over else "Waiting for the first metric…"


def _draw_section(grid: Grid, y: int, title: str, pairs: Sequence[tuple[str, str]], limit: int) -> int:
    if not pairs or y + 1 >= limit:
        return y
    draw_rule(grid, y, title)
    return y + 1 + draw_pairs(grid, 0, y + 1, pairs, grid.width, limit - y - 1)


def _tail(detail: Detail) -> list[tuple[str, Style]]:
    run, lines = detail.run, []
    if run.reason:
        lines.append((clean(run.reason), Style(fg="worse" if run.status in ("failed", "lost") else "dim")))
    lines += [(f"! {clean(text)}", Style(fg="mark")) for _, text in detail.notices[:3]]
    if run.note:
        lines.append((f"“{clean(run.note)}”", TEXT))
    if detail.outputs:
        lines.append((f"{detail.outputs} output{'s' if detail.outputs > 1 else ''}: enter, then tab", DIM))
    return lines


def draw_chips(grid: Grid, x: int, y: int, words: Sequence[str]) -> int:
    """Draw words on small plates beside each other, as many as fit."""
    for word in words:
        text = f" {clip(clean(word), 18)} "
        if x + cells(text) > grid.width:
            break
        x = put(grid, x, y, text, Style("text", "chip")) + 1
    return x
