"""The panes of the Run screen that are lines of text: parameters, outputs, code, environment, about. Pure."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.runs.model import Run, why
from workbench.safe import clean
from workbench.tui.charts import BOLD, DIM, TEXT, tone_of, value_text
from workbench.tui.kit.grid import Style, cells, clip
from workbench.tui.kit.numbers import duration, short, size
from workbench.tui.screens.run_data import RunSnapshot
from workbench.tui.widgets.canvas import Spans

Lines = list[Spans]
_NOTICE_LINES = 3


def pair(name: str, value: str, width: int = 18, style: Style = TEXT) -> Spans:
    """Return a name and a value beside it."""
    return [(clip(clean(name), width).ljust(width) + " ", DIM), (clean(value, 2000), style)]


def heading(words: str) -> Spans:
    """Return the heading of a part."""
    return [(words, BOLD)]


def params_lines(snapshot: RunSnapshot) -> Lines:
    """Return parameters, then metrics with their last, best and the difference to the baseline."""
    run = snapshot.run
    if run is None:
        return []
    width = max([12, *(min(28, cells(clean(name))) for name in [*run.params, *run.metrics])])
    lines: Lines = []
    if run.params:
        lines.append(heading("params"))
        for name, value in sorted(run.params.items()):
            mark = "mark" if name in run.overrides else "text"
            lines.append(pair(name, value_text(value, 14), width, Style(fg=mark)))
        lines.append([])
    if run.metrics:
        lines.append(heading("metrics"))
        for name, one in sorted(run.metrics.items()):
            spans: Spans = [(clip(clean(name), width).ljust(width) + " ", DIM), (short(one.last).rjust(9), TEXT)]
            other = snapshot.baseline.value(name) if snapshot.baseline is not None else None
            if other is not None:
                difference = one.last - other
                tone = tone_of(difference, snapshot.goal) if name == snapshot.metric else "dim"
                spans.append((short(difference, 8, signed=True).rjust(10), Style(fg=tone)))
            if one.count > 1:
                spans.append((f"  {short(one.least)}…{short(one.greatest)}  {one.count:,} points", DIM))
            lines.append(spans)
    return lines


def side_lines(snapshot: RunSnapshot, width: int) -> Lines:
    """Return what stands beside the curves: figures, parameters, tags, notices, each within the width."""
    run = snapshot.run
    if run is None:
        return []
    lines: Lines = []
    single = [name for name, one in run.metrics.items() if one.count == 1]
    for title, pairs in (
        ("metrics", [(name, short(run.metrics[name].last)) for name in sorted(single)]),
        ("params", [(name, value_text(value)) for name, value in sorted(run.params.items())]),
    ):
        if pairs:
            lines.append([(f"{title} ", DIM), ("─" * max(0, width - len(title) - 1), Style(fg="border"))])
        for name, value in pairs:
            value = clip(clean(value), width // 2)
            shown = clip(clean(name), width - cells(value) - 1)
            lines.append([(shown, DIM), (" " * (width - cells(shown) - cells(value)), DIM), (value, TEXT)])
    if run.tags:
        lines += [[("tags ", DIM), ("─" * max(0, width - 5), Style(fg="border"))], [(clean(" ".join(run.tags)), TEXT)]]
    for _, text in snapshot.notices:
        for line in textwrap.wrap(f"! {clean(text)}", max(8, width), subsequent_indent="  ")[:_NOTICE_LINES]:
            lines.append([(clip(line, width), Style(fg="mark"))])
    for output in snapshot.outputs:
        lines.append([(clip(f"{clean(output['path'])}  {size(output['size'])}", width), DIM)])
    return lines


def outputs_lines(snapshot: RunSnapshot) -> Lines:
    """Return what the run wrote (outputs, artifacts, models) and what it read, with size and hash."""
    lines = [
        _file_line(output["path"], str(output["kind"]), output["size"], output["hash"], output["problem"])
        for output in snapshot.outputs
    ]
    if snapshot.run is not None and snapshot.run.data:
        lines += [[], [("inputs", BOLD)]] if lines else [[("inputs", BOLD)]]
        for item in snapshot.run.data:
            rows = f"{item['rows']} rows" if item.get("rows") is not None else "input"
            lines.append(_file_line(item["path"], rows, item.get("size"), item.get("hash"), item.get("problem", "")))
    return lines


def _file_line(path: str, kind: str, length: int | None, digest: str | None, problem: str) -> Spans:
    spans: Spans = [
        (clip(clean(path), 44).ljust(44) + " ", TEXT),
        (clip(clean(kind), 12).ljust(13), DIM),
        (size(length).rjust(9) + "  ", TEXT),
        (clean(digest or "")[:19], DIM),
    ]
    if problem:
        spans.append((f"  {clean(problem)}", Style(fg="worse")))
    return spans


def code_lines(run: Run, diff: Any | None) -> Lines:
    """Return what code ran: the commit, and the difference to it where it was read."""
    code = run.code
    lines: Lines = []
    for name in ("kind", "commit", "branch", "tree", "problem"):
        if code.get(name):
            lines.append(pair(name, str(code[name]), 10))
    if not code:
        lines.append([("The code is recorded when the run starts.", DIM)])
    lines.append([])
    if diff is None:
        return lines
    if diff.problem:
        lines.append([(clean(diff.problem), Style(fg="worse"))])
    elif not diff.files:
        lines.append([("No change since the commit.", DIM)])
    for file in diff.files:
        counts = f"  +{file.added} -{file.removed}"
        lines.append([(clean(file.path), BOLD), (f"  {file.status}", DIM), (counts, DIM)])
        if file.note:
            lines.append([(clean(file.note), DIM)])
        lines += [[(clean(line.expandtabs(4)), _diff_style(line))] for line in file.lines]
        lines.append([])
    return lines


def _diff_style(line: str) -> Style:
    if line.startswith("@@"):
        return Style(fg="accent")
    return Style(fg="better") if line.startswith("+") else Style(fg="worse") if line.startswith("-") else DIM


def environment_lines(facts: Mapping[str, Any]) -> Lines:
    """Return the facts of the environment, then the packages."""
    lines: Lines = []
    for name, value in facts.items():
        if name in ("packages", "imported") or value in (None, "", [], {}):
            continue
        if isinstance(value, Mapping):
            lines += [pair(f"{name}.{key}", str(item)) for key, item in value.items()]
        elif isinstance(value, list):
            lines.append(pair(name, ", ".join(str(item) for item in value)))
        else:
            lines.append(
                pair(name, size(value) if name.startswith("memory") and isinstance(value, int) else str(value))
            )
    return [*lines, *_packages(_mapping(facts.get("packages")) or {}, _mapping(facts.get("imported")))]


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def _packages(packages: Mapping[str, Any], imported: Mapping[str, Any] | None) -> Lines:
    """Return the packages that were imported, with a hash of what was, and then those that only lay there."""
    lines: Lines = []
    if imported is not None:
        lines += [[], heading(f"{len(imported)} imported")]
        for name, content in imported.items():
            version = clip(clean(str(packages.get(name, ""))), 20).ljust(20)
            lines.append([*pair(str(name), "", 28), (version, TEXT), (f"  {clean(str(content))[:8]}", DIM)])
    others = [(name, version) for name, version in packages.items() if name not in (imported or {})]
    if others:
        lines += [[], heading(f"{len(others)} {'packages' if imported is None else 'other packages'}")]
        lines += [pair(str(name), str(version), 28) for name, version in others]
    return lines


def about_lines(snapshot: RunSnapshot, folder: str) -> Lines:
    """Return the command, why it ran with its files, how it ended, and what was noticed."""
    run = snapshot.run
    if run is None:
        return []
    command = run.command if isinstance(run.command, str) else shlex.join(run.command)
    lines = [
        pair("command", command),
        pair("why", why(run.trigger)),
        pair("host", run.host),
        pair("python", run.python or "—"),
        pair("id", run.uid),
        pair("folder", folder),
        pair("created", _when(run.created)),
        pair("started", _when(run.started)),
        pair("ended", _when(run.ended)),
    ]
    if run.exit_code is not None:
        lines.append(pair("exit code", str(run.exit_code)))
    if run.signal is not None:
        lines.append(pair("signal", str(run.signal)))
    if run.reason:
        lines.append(pair("because", run.reason))
    if run.note:
        lines.append(pair("note", run.note))
    files = run.trigger.get("files") or []
    if files:
        lines += [[], heading("changed files")]
    for file in files:
        values = file if isinstance(file, Mapping) else {"path": str(file)}
        before, after = (str(values.get(key) or "—")[:12] for key in ("old", "new"))
        lines.append([(clean(str(values.get("path", ""))), TEXT), (f"  {clean(before)} → {clean(after)}", DIM)])
    if snapshot.notices:
        lines += [[], heading("noticed")]
        lines += [[(f"{duration(at):>7}  ", DIM), (clean(text), Style(fg="mark"))] for at, text in snapshot.notices]
    return lines


def _when(moment: float | None) -> str:
    if moment is None:
        return "—"
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
