"""Charts and tables as values: what an export is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Cell = str | float | int | bool | None


@dataclass(frozen=True)
class Line:
    """One curve of a chart; `raw` are the values before smoothing, point by point, empty where nothing was smoothed."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    raw: tuple[float, ...] = ()


@dataclass(frozen=True)
class Curves:
    """Curves over one axis; `x_label` is also the name of the axis in a table of the points."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Across:
    """One run across parallel axes: a value for each, None where it is unknown."""

    name: str
    values: tuple[Cell, ...]
    is_marked: bool = True


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates; the last axis may be the metric that the others are looked at for."""

    title: str
    axes: tuple[str, ...]
    lines: tuple[Across, ...]


@dataclass(frozen=True)
class Heat:
    """A value between 0 and `high` for each row and column, None where there is none; `label` is what is shown."""

    title: str
    label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    high: float = 1.0


@dataclass(frozen=True)
class Bars:
    """Shares of the same bins on two sides, drawn over each other."""

    title: str
    bins: tuple[str, ...]
    sides: tuple[str, str]
    shares: tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Table:
    """Rows of cells under column names; every row has as many cells as there are columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Exportable = Curves | Parallel | Heat | Bars | Table

_KINDS: Mapping[str, type[Curves] | type[Parallel] | type[Heat] | type[Bars] | type[Table]] = {
    "curves": Curves,
    "parallel": Parallel,
    "heat": Heat,
    "bars": Bars,
    "table": Table,
}


def to_json(what: Exportable) -> str:
    """Return a chart or table as JSON text for the program that draws it; NaN and infinities as Python writes them."""
    kind = next(name for name, made in _KINDS.items() if isinstance(what, made))
    return json.dumps({"kind": kind, **asdict(what)})


def from_json(text: str) -> Exportable:
    """Return what `to_json` wrote; raises KeyError, TypeError or ValueError for anything else."""
    values = json.loads(text)
    kind = values.pop("kind")
    if kind == "table":
        return Table(values["title"], tuple(values["columns"]), tuple(map(tuple, values["rows"])))
    if kind == "heat":
        rows, columns = tuple(values["rows"]), tuple(values["columns"])
        cells = tuple(map(tuple, values["values"]))
        return Heat(values["title"], values["label"], rows, columns, cells, values["high"])
    if kind == "bars":
        shares = tuple(map(tuple, values["shares"]))
        return Bars(values["title"], tuple(values["bins"]), tuple(values["sides"]), shares)  # type: ignore[arg-type]
    lines: Sequence[Mapping[str, Any]] = values.pop("lines")
    if kind == "parallel":
        across = tuple(Across(one["name"], tuple(one["values"]), one["is_marked"]) for one in lines)
        return Parallel(values["title"], tuple(values["axes"]), across)
    made = tuple(Line(one["name"], *(tuple(one[key]) for key in ("xs", "ys", "raw"))) for one in lines)
    return Curves(**values, lines=made)
