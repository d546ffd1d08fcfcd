"""Drawing by matplotlib, in a process of its own: `python -m workbench.pictures.draw png < chart.json > chart.png`.

matplotlib takes over half a second and a lot of memory to import, so nothing that a user waits for imports this.
"""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from workbench.pictures.model import Bars, Cell, Curves, Exportable, Heat, Parallel, Table, from_json
from workbench.safe import clean

_COLOURS = ("#2563c4", "#d1495b", "#2e8b57", "#b9770e", "#7b4fb5", "#00808a", "#8c564b", "#5c6370")
_DASHES = ("-", "--", "-.", ":")
_FAINT = "#c9ced8"
_INK, _GRID = "#1f2430", "#e3e6ec"
# A logarithmic axis from this ratio of greatest to least, as in the terminal.
_LOG_SPREAD = 100.0
_MOST_ROWS = 200
_MOST_WORDS = 24
_NAME = 28
_WIDEST = 20.0
"""Inches that the cells of a heat map take at most."""
_SLANTED: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}


def draw(what: Exportable, kind: str) -> bytes:
    """Return a picture of a chart or table; `kind` is "png" or "svg"."""
    from matplotlib import rc_context

    # Text as text: it can be searched and copied, and the viewer's own fonts know more scripts.
    with rc_context({"svg.fonttype": "none", "font.size": 10, "axes.edgecolor": "#8a93a6", "text.color": _INK}):
        if isinstance(what, Curves):
            figure = _curves(what)
        elif isinstance(what, Parallel):
            figure = _parallel(what)
        elif isinstance(what, Heat):
            figure = _heat(what)
        elif isinstance(what, Bars):
            figure = _bars(what)
        else:
            figure = _table(what)
        return _bytes(figure, kind)


def _bytes(figure: Any, kind: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    (FigureCanvasSVG if kind == "svg" else FigureCanvasAgg)(figure)
    target = io.BytesIO()
    figure.savefig(target, format=kind, dpi=150, bbox_inches="tight", facecolor="white")
    return target.getvalue()


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _style(index: int) -> dict[str, Any]:
    dash = _DASHES[index // len(_COLOURS) % len(_DASHES)]
    return {"color": _COLOURS[index % len(_COLOURS)], "linestyle": dash}


def _say(text: str, limit: int = 80) -> str:
    return clean(text, limit)


def _curves(chart: Curves) -> Any:
    figure = _figure(9, 5)
    axes = figure.subplots()
    handles = []
    for index, line in enumerate(chart.lines):
        style = _style(index)
        if line.raw:
            axes.plot(line.xs, _gaps(line.raw), alpha=0.25, linewidth=0.8, **style)
        mark = {"marker": "o", "markersize": 4} if len(line.xs) < 2 else {}
        handles += axes.plot(line.xs, _gaps(line.ys), linewidth=1.6, **style, **mark)
    _scales(axes, chart)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(_say(chart.title), parse_math=False, loc="left", fontweight="bold")
    axes.set_xlabel(_say(chart.x_label), parse_math=False)
    axes.set_ylabel(_say(chart.y_label), parse_math=False)
    _legend(axes, handles, [line.name for line in chart.lines])
    return figure


def _scales(axes: Any, chart: Curves) -> None:
    """Set logarithmic axes, where there is anything above zero to show on them."""
    if chart.log_x and any(x > 0 for line in chart.lines for x in _gaps(line.xs)):
        axes.set_xscale("log")
    if chart.log_y and any(y > 0 for line in chart.lines for y in _gaps(line.ys)):
        axes.set_yscale("log")


def _gaps(values: Sequence[float]) -> list[float]:
    """Make what is not finite, or too large to place, a gap."""
    return [value if math.isfinite(value) and abs(value) < 1e300 else math.nan for value in values]


def _legend(axes: Any, handles: Sequence[Any], names: Sequence[str]) -> None:
    if not handles:
        return
    # The names come afterwards: matplotlib drops a label that begins with an underscore.
    legend = axes.legend(
        handles,
        [str(index) for index in range(len(handles))],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(_say(name, 40))


def _parallel(chart: Parallel) -> Any:
    figure = _figure(max(6.0, 1.6 * len(chart.axes)), 5)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_title(_say(chart.title), parse_math=False, loc="left", fontweight="bold", pad=30)
    columns = [_places([line.values[index] for line in chart.lines]) for index in range(len(chart.axes))]
    for x, (name, (_, ticks)) in enumerate(zip(chart.axes, columns, strict=True)):
        axes.plot([x, x], [0, 1], color="#8a93a6", linewidth=1)
        axes.text(x, 1.06, _say(name, 24), ha="center", fontweight="bold", parse_math=False)
        for place, label in ticks:
            axes.text(x - 0.03, place, _say(label, 16), ha="right", va="center", fontsize=8, parse_math=False)
    handles: list[Any] = []
    names = []
    for line_index, line in sorted(enumerate(chart.lines), key=lambda pair: pair[1].is_marked):
        ys = [places[line_index] for places, _ in columns]
        if not line.is_marked:
            axes.plot(range(len(ys)), ys, color=_FAINT, linewidth=0.7)
            continue
        handles += axes.plot(range(len(ys)), ys, marker="o", markersize=4, linewidth=1.6, **_style(len(handles)))
        names.append(line.name)
    _legend(axes, handles, names)
    return figure


def _heat(chart: Heat) -> Any:
    width = min(_WIDEST, 0.45 * len(chart.columns))
    figure = _figure(max(5.0, 3 + width), max(2.5, 1.5 + 0.3 * len(chart.rows)))
    axes = figure.subplots()
    cells = [_gaps([math.nan if value is None else value for value in row]) for row in chart.values]
    image = axes.imshow(cells or [[math.nan]], vmin=0, vmax=chart.high, cmap="YlOrRd", aspect="auto")
    axes.set_facecolor(_GRID)
    _name_ticks(axes.set_xticks, chart.columns, step=math.ceil(0.2 * len(chart.columns) / max(width, 1)), **_SLANTED)
    _name_ticks(axes.set_yticks, chart.rows)
    if len(chart.columns) <= _MOST_WORDS:
        _name_cells(axes, cells, chart.high)
    bar = figure.colorbar(image, ax=axes, fraction=0.03)
    bar.set_label(_say(chart.label), parse_math=False)
    axes.set_title(_say(chart.title), parse_math=False, loc="left", fontweight="bold")
    return figure


def _name_cells(axes: Any, cells: Sequence[Sequence[float]], high: float) -> None:
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            if math.isfinite(value):
                colour = "white" if value > 0.6 * high else _INK
                axes.text(
                    column,
                    row,
                    f"{value:.2f}" if abs(value) < 100 else f"{value:.2g}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=colour,
                )


def _bars(chart: Bars) -> Any:
    from matplotlib.ticker import PercentFormatter

    figure = _figure(max(6.0, 0.4 * len(chart.bins)), 4.5)
    axes = figure.subplots()
    places = range(len(chart.bins))
    handles = [
        axes.bar(places, shares, width=0.95, alpha=0.55, color=_COLOURS[index])
        for index, shares in enumerate(chart.shares)
    ]
    _name_ticks(axes.set_xticks, chart.bins, **_SLANTED)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(_say(chart.title), parse_math=False, loc="left", fontweight="bold")
    _legend(axes, handles, chart.sides)
    return figure


def _name_ticks(set_ticks: Callable[..., Any], names: Sequence[str], step: int = 1, **style: Any) -> None:
    """Name every place of an axis, or one of `step`."""
    places = range(0, len(names), max(1, step))
    set_ticks(places, [_both_ends(names[place]) for place in places], parse_math=False, fontsize=8, **style)


def _both_ends(name: str) -> str:
    """Shorten a name in its middle: what tells names apart is as often at the end as at the beginning."""
    whole = clean(name)
    return whole if len(whole) <= _NAME else f"{whole[: _NAME - _NAME // 2]}…{whole[-(_NAME // 2 - 1) :]}"


_Ticks = list[tuple[float, str]]


def _places(values: Sequence[Cell]) -> tuple[list[float], _Ticks]:
    """Place the values of one axis between 0 and 1 (NaN: unknown), with the labels beside it."""
    known = [value for value in values if value is not None and value == value]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return _number_places([math.nan if value is None else float(value) for value in values])
    names = sorted({_word(value) for value in known})
    step = 1 / max(1, len(names) - 1)
    where = {name: index * step if len(names) > 1 else 0.5 for index, name in enumerate(names)}
    places = [math.nan if value is None or value != value else where[_word(value)] for value in values]
    return places, [(place, name) for name, place in where.items()][:12]


def _word(value: Cell) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number_places(values: Sequence[float]) -> tuple[list[float], _Ticks]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return [math.nan] * len(values), []
    low, high = min(finite), max(finite)
    if low == high:
        return [0.5 if math.isfinite(value) else math.nan for value in values], [(0.5, f"{low:.4g}")]
    log = low > 0 and high / _LOG_SPREAD >= low
    change = math.log10 if log else float
    # Halves, because the difference of two large floats may overflow.
    start, span = change(low) / 2, change(high) / 2 - change(low) / 2
    places = [(change(value) / 2 - start) / span if math.isfinite(value) else math.nan for value in values]
    return places, [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]


def _table(table: Table) -> Any:
    """Draw the rows as text in columns; beyond `_MOST_ROWS` the last line says how many are left out."""
    shown = [[_cell(cell) for cell in row] for row in table.rows[:_MOST_ROWS]]
    widths = [max(map(len, column)) for column in zip(list(map(_cell, table.columns)), *shown, strict=True)]
    starts = [sum(widths[:index]) + 2 * index for index in range(len(widths))]
    total, height = sum(widths) + 2 * len(widths), len(shown) + 3
    figure = _figure(max(4.0, total * 0.088), height * 0.24)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, max(total, 1))
    axes.set_ylim(-height, 1)
    axes.set_title(_say(table.title), parse_math=False, loc="left", fontweight="bold")
    style: dict[str, Any] = {"family": "monospace", "fontsize": 9, "parse_math": False, "va": "center"}
    for start, name in zip(starts, table.columns, strict=True):
        axes.text(start, 0, _cell(name), fontweight="bold", **style)
    axes.plot([0, total], [-0.6, -0.6], color="#8a93a6", linewidth=0.8)
    for row, cells in enumerate(shown, 1):
        for start, text in zip(starts, cells, strict=True):
            axes.text(start, -row - 0.2, text, **style)
    if len(table.rows) > len(shown):
        axes.text(0, -len(shown) - 1.4, f"{len(table.rows) - len(shown)} more rows", **style)
    return figure


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return f"{cell:.6g}" if isinstance(cell, float) else _say(str(cell), 72)


def main(arguments: Sequence[str]) -> int:
    """Read a chart from the standard input, write its picture to the standard output."""
    warnings.simplefilter("ignore")  # a sign that the font lacks is drawn as a box
    picture = draw(from_json(sys.stdin.buffer.read().decode("utf-8")), arguments[0])
    sys.stdout.buffer.write(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
