"""From a comparison to the rows of the table: what differs first, then what is the same; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.actions.compare import DATA
from workbench.actions.compare_export import cell as plain_cell
from workbench.runs import compare as pure
from workbench.runs.compare import Comparison, Group, MetricCell, MetricRow
from workbench.runs.model import GLYPHS, Run
from workbench.safe import clean
from workbench.tui.kit.numbers import column, duration, short
from workbench.tui.screens.compare_code import summary
from workbench.tui.screens.compare_data import Sight
from workbench.tui.screens.compare_table import Cell, Row
from workbench.versions.code import CodeDiff

_CODE_FACTS = ("code", "branch", "program")
_TONES = {"real": "better", "too few": "mark", "constant": "mark", "not shown": "dim"}


def rows_of(sight: Sight, codes: Mapping[int, CodeDiff], *, hide_same: bool) -> list[Row]:
    """Return the rows of all sections; `codes` are the differences to the baseline's code by run, as far as known."""
    found, runs = sight.compared.comparison, sight.compared.runs
    code_facts = [row for row in found.environment if row.name in _CODE_FACTS]
    data = [row for row in found.environment if row.name.startswith(DATA)]
    facts = [row for row in found.environment if row.name not in _CODE_FACTS and row not in data]
    sections = [
        ("", [_status_row(runs)]),
        ("params", _plain_rows("params", found.params)),
        ("metrics", [_metric_row(row, sight.metric) for row in found.metrics] + [_duration_row(found.durations)]),
        (_significance_title(sight), significance_rows(sight)),
        ("code", _plain_rows("environment", code_facts) + _code_rows(runs, found.baseline, codes)),
        ("data", _plain_rows("environment", [replace(row, name=row.name.removeprefix(DATA)) for row in data])),
        ("environment", _plain_rows("environment", facts) + _plain_rows("packages", found.packages)),
    ]
    rows: list[Row] = []
    for title, members in sections:
        shown = [row for row in members if not (hide_same and row.is_same)]
        if not members:
            continue
        if title:
            rows.append(Row(title, level=0, key=f"title:{title}", note=_hidden(len(members) - len(shown))))
        rows += shown
    return rows


def _hidden(count: int) -> str:
    return f"{count} the same" if count else ""


def _status_row(runs: Sequence[Run]) -> Row:
    states = [Cell(f"{GLYPHS[run.status]} {run.status}", "state", tone=run.status) for run in runs]
    return Row("state", tuple(states), key="status", is_same={run.status for run in runs} == {"finished"})


def _plain_rows(section: str, rows: Sequence[pure.Row]) -> list[Row]:
    return [
        Row(
            clean(row.name, 80),
            tuple(_plain_cell(one, row.differs) for one in row.cells),
            is_same=not row.differs,
            key=f"{section}:{row.name}",
        )
        for row in rows
    ]


def _plain_cell(one: pure.Cell, differs: bool) -> Cell:
    if not one.present:
        return Cell("—", "differs" if one.differs else "none")
    return Cell(text_of(one.value), "differs" if one.differs else "same" if not differs else "")


def text_of(value: Any) -> str:
    """Return a parameter or fact as clean text: a text as it is, a number with its digits, all else as in JSON."""
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else short(value)
    return clean(str(plain_cell(value)), 200)


# --- metrics


def _metric_row(row: MetricRow, drawn: str) -> Row:
    mark = "◂" if row.name == drawn else ""
    texts = [text.strip() for text in column([one.value for one in row.cells], 8)]
    return Row(
        clean(row.name, 80),
        tuple(
            _metric_cell(one, text, _delta(one.delta, text), part)
            for one, text, part in zip(row.cells, texts, _parts(row), strict=True)
        ),
        goal=row.goal or "",
        is_same=not row.differs,
        opens="metric",
        key=f"metrics:{row.name}",
        note=mark,
    )


def _duration_row(row: MetricRow) -> Row:
    cells = tuple(
        _metric_cell(one, duration(one.value), _longer(one.delta), part)
        for one, part in zip(row.cells, _parts(row), strict=True)
    )
    return Row("duration", cells, goal="min", is_same=False, key="duration")


def _parts(row: MetricRow) -> list[float | None]:
    """Return the length of each bar: the greatest value fills it, the least keeps a tenth."""
    values = [one.value if one.value is not None and math.isfinite(one.value) else None for one in row.cells]
    known = [value for value in values if value is not None]
    if not known:
        return [None] * len(values)
    low, high = min(known), max(known)
    # Halves, because the difference of two large floats may overflow.
    span = high / 2 - low / 2
    return [None if value is None else 0.1 + 0.9 * (value / 2 - low / 2) / span if span else 1.0 for value in values]


def _delta(difference: float | None, text: str) -> str:
    """Return a difference with the digits of the value beside it, or with its own where those would hide it."""
    if not difference:
        return ""
    found = f"{difference:+.{len(text.partition('.')[2])}f}" if "e" not in text else ""
    return found if 0 < len(found) <= 8 and found.strip("+-0.") else short(difference, 8, signed=True)


def _longer(seconds: float | None) -> str:
    return f"{'+' if seconds > 0 else '-'}{duration(abs(seconds))}" if seconds else ""


def _metric_cell(one: MetricCell, text: str, delta: str, part: float | None) -> Cell:
    if one.value is None:
        return Cell("—", "none")
    tone = "" if one.better is None else "better" if one.better else "worse"
    return Cell(text, "best" if one.best else "", part, delta, tone)


# --- groups


def _significance_title(sight: Sight) -> str:
    return f"is it real? {clean(sight.metric, 60)}" if sight.metric else "is it real?"


def significance_rows(sight: Sight) -> list[Row]:
    """Return for each group of repeated runs mean, interval and n of the drawn metric, and below the verdict."""
    found = sight.compared.comparison
    if not found.repeated:
        return [Row("repeats", words=significance_line(sight), tone="mark", key="group:none")]
    return [row for group in found.groups for row in _group_rows(group, sight.metric)]


def _group_rows(group: Group, metric: str) -> list[Row]:
    stats, against = group.metrics.get(metric), group.against.get(metric)
    apart = " ".join(f"{clean(name, 30)}={text_of(value)}" for name, value in group.apart.items())
    parts = [apart] if apart else []
    if stats is not None and stats.mean is not None:
        interval = "" if stats.low is None else f" [{short(stats.low, 8)}, {short(stats.high, 8)}]"
        parts.append(f"mean {short(stats.mean, 8)}{interval} n={stats.n}")
    if stats is not None and stats.left_out:
        parts.append(f"{stats.left_out} not a number, left out")
    if group.unfinished:
        parts.append(f"{len(group.unfinished)} not finished, left out")
    if group.baseline:
        parts.append("the baseline's group")
    numbers = ",".join(map(str, group.runs))
    rows = [Row(f"run {numbers}", words=" · ".join(parts), tone="text", key=f"group:{numbers}")]
    if not group.baseline:
        tone = "dim" if against is None else _TONES[against.outcome]
        words = f"no {clean(metric, 40)} to compare" if against is None else against.verdict
        rows.append(Row("", words=words, tone=tone, key=f"verdict:{numbers}"))
    return rows


def significance_line(sight: Sight) -> str:
    """Return in one sentence whether the drawn metric really differs: the first verdict there is."""
    return verdict(sight.compared.comparison, sight.metric)


def verdict(found: Comparison, metric: str) -> str:
    """Return the verdict on a metric, the plainest one first where there are several groups."""
    results = [group.against[metric] for group in found.groups if metric in group.against]
    if not results:
        return "one group only: nothing to test" if len(found.groups) == 1 else "nothing to test"
    results.sort(key=lambda result: ("real", "not shown", "constant", "too few").index(result.outcome))
    return results[0].verdict


# --- code


def _code_rows(runs: Sequence[Run], baseline: int, codes: Mapping[int, CodeDiff]) -> list[Row]:
    """Return how the code changed from the baseline's: in all, and file by file."""
    cells = tuple(_code_cell(codes.get(run.number), index == baseline) for index, run in enumerate(runs))
    same = all(index == baseline or cell.text == "same" for index, cell in enumerate(cells))
    rows = [Row("changes", cells, is_same=same, opens="code", key="code:")]
    paths = sorted({file.path for diff in codes.values() for file in diff.files})
    for path in paths[:200]:
        texts = [_file_text(codes.get(run.number), path) for run in runs]
        parts = tuple(Cell(text, "differs" if text else "") for text in texts)
        rows.append(Row(clean(path, 200), parts, opens="code", key=f"code:{path}"))
    return rows


def _code_cell(diff: CodeDiff | None, is_baseline: bool) -> Cell:
    if is_baseline:
        return Cell("—", "none")
    if diff is None:
        return Cell("…", "none")
    text = summary(diff)
    return Cell(text, "same" if text == "same" else "differs")


def _file_text(diff: CodeDiff | None, path: str) -> str:
    file = next((file for file in diff.files if file.path == path), None) if diff else None
    return f"+{file.added} -{file.removed}" if file else ""
