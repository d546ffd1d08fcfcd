"""`workbench drift`: whether data is still what it was, and the alerts that follow from it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench import project as projects
from workbench.actions import drift as actions
from workbench.actions import drift_guard
from workbench.cli import drift_shown, output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.cli.reading import ReadingProgress, unwind_when_stopped
from workbench.config import nearest
from workbench.drift.report import GLYPHS, Report, Request, WindowDrift
from workbench.errors import NotFoundError, UsageError
from workbench.project import Project
from workbench.safe import clean

_COMPARED = ("reference", "current", "by", "time", "classifier")
_SHOWN = ("window", "column", "export")
_TAKES: Mapping[str, tuple[str, ...]] = {
    "check": (*_COMPARED, *_SHOWN),
    "list": (),
    "show": ("number", *_SHOWN),
    "alerts": (),
    "alert": ("number", "export"),
    "acknowledge": ("number", "by_whom"),
}
"""What there is to do, and the arguments that say something to it."""
_LISTED = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, what to compare with what, and the form."""
    parser.add_argument(
        "what", metavar="WHAT", nargs="?", default="check",
        help="check (default), list, show [REPORT], alerts, alert N, acknowledge N",
    )  # fmt: skip
    parser.add_argument("number", metavar="N", nargs="?", type=int, help="a report (default: the newest), or an alert")
    parser.add_argument(
        "--reference", metavar="R", default="",
        help="training (default), previous, season (a year before), first, a window such as 2013-01, FILE, PATH@HASH",
    )  # fmt: skip
    parser.add_argument(
        "--current", metavar="C", default="", help="FILE or PATH@HASH (default: as workbench.toml has it)"
    )
    parser.add_argument(
        "--by", metavar="UNIT", default="", help="hour, day, week, month, quarter, year, '1000 rows', all"
    )
    parser.add_argument("--time", metavar="COLUMN", default="", help="cut by it (default: [data] time)")
    parser.add_argument("--classifier", action="store_true", help="also all columns together, by a classifier (slower)")
    parser.add_argument("--window", metavar="LABEL", default="", help="all columns of this window alone")
    parser.add_argument(
        "--column", metavar="NAME", default="", help="all statistics of this column, with both distributions"
    )
    parser.add_argument(
        "--by-whom", metavar="NAME", default="", help="who acknowledges (default: you, by the name that git knows)"
    )
    parser.add_argument(
        "--export", metavar="FILE", default="", help="also write a picture (.png, .svg) or table (.csv, .md)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check, or show what was found; 1 where there is drift."""
    unwind_when_stopped()
    _refuse_what_says_nothing(args)
    project = projects.find(args.folder)
    if args.export:
        from workbench.actions import export

        export.check_place(Path(args.export))
    if args.what == "check":
        return _show(project, _checked(project, args), args)
    if args.what == "list":
        return _list(project, args)
    if args.what == "show":
        found = actions.latest(project) if args.number is None else actions.report(project, args.number)
        if found is None:
            raise NotFoundError("There is no report yet", "workbench drift")
        return _show(project, found, args)
    if args.what == "alerts":
        return _alerts(project, args)
    if args.number is None:
        raise UsageError(f"Which alert? {args.what} needs its number", "workbench drift alerts")
    return _alert(project, args) if args.what == "alert" else _acknowledge(project, args)


def _refuse_what_says_nothing(args: argparse.Namespace) -> None:
    """Refuse words that `drift` does not know, and arguments that mean nothing to the one that was given."""
    if args.what not in _TAKES:
        raise UsageError(f"drift does not know {clean(args.what, 60)!r}", _meant(args.what, args.by))
    for name in ("number", *_COMPARED, *_SHOWN, "by_whom"):
        value = getattr(args, name)
        if value in (None, "", False) or name in _TAKES[args.what]:
            continue
        if name == "number":
            raise UsageError(f"drift {args.what} takes no number", f"workbench drift show {value}")
        takers = " or ".join(what for what, taken in _TAKES.items() if name in taken)
        raise UsageError(f"drift {args.what} takes no --{name.replace('_', '-')}", f"It is for: {takers}")


def _meant(word: str, by: str) -> str:
    """Return what may have been meant by a word that is none of those that `drift` knows."""
    if word.isdigit():
        return f"workbench drift show {word}"
    if word in ("row", "rows"):
        return f"Quote it: --by '{by or 1000} rows'"
    near = nearest(word, _TAKES)
    return f"Did you mean: workbench drift {near}" if near else f"It knows {', '.join(_TAKES)}"


def _checked(project: Project, args: argparse.Namespace) -> Report:
    request = Request(args.reference, args.current, args.by, args.time, args.classifier)
    shown = ReadingProgress(sys.stderr.isatty() and not args.json)
    try:
        return actions.compare(project, request, folder=args.folder, progress=shown)
    finally:
        shown.end()


# --- a report


def _show(project: Project, found: Report, args: argparse.Namespace) -> int:
    window = _window(project, found, args)
    if args.column:
        window = _with_column(project, found, window, args.column)
    if args.json:
        document = drift_shown.document(found)
        if window is not None:
            document["windows"] = [drift_shown.window_document(window)]
        output.print_json(document)
    elif window is not None and args.column:
        drift_shown.print_column(window, args.column)
        drift_shown.print_start(found)
    elif window is not None:
        drift_shown.print_window(found, window)
    else:
        drift_shown.print_report(found, _open_alerts(project, found))
    if args.export:
        _export(project, found, window, args)
    return 1 if (window or found).verdict == "drift" else 0


def _listed(names: Sequence[str]) -> str:
    """Return the first of the names, with a sign where there are more."""
    return f"{', '.join(clean(one, 40) for one in names[:_LISTED])}{' …' if len(names) > _LISTED else ''}"


def _unknown(what: str, name: str, known: Sequence[str]) -> NotFoundError:
    """Return the error that names what is most like a column or window that is not there, else the first of them."""
    near = nearest(name, known)
    shown = f"There are: {_listed(known)}" if known else "workbench drift list"
    hint = f"Did you mean {clean(near, 60)}?" if near else shown
    return NotFoundError(f"There is no {what} {clean(name, 60)!r}", hint)


def _window(project: Project, found: Report, args: argparse.Namespace) -> WindowDrift | None:
    """Return the window that is asked for, or the only one that there is, with its profiles; None for all."""
    judged = [(place, one) for place, one in enumerate(found.windows) if one.verdict != "reference"]
    if args.window:
        judged = [(place, one) for place, one in enumerate(found.windows) if one.label == args.window]
        if not judged:
            raise _unknown("window", args.window, [one.label for one in found.windows])
    if len(judged) != 1:
        return None
    return _whole(project, found, judged[0][0])


def _whole(project: Project, found: Report, place: int) -> WindowDrift:
    known = found.windows[place]
    whole = known if known.profile is not None else actions.window(project, found.id, place)
    return drift_guard.hidden(project.config.policy, whole)


def _with_column(project: Project, found: Report, window: WindowDrift | None, name: str) -> WindowDrift:
    """Return the window that is asked for, else that in which a column drifted most; raises NotFoundError."""
    if window is not None and window.verdict == "reference":
        judged = [one.label for one in found.judged_windows]
        hint = f"Windows that were: {_listed(judged)}" if judged else "workbench drift list"
        raise NotFoundError(f"{clean(window.label, 60)} was held against nothing", hint)
    window = window or _worst(project, found, name)
    if window.column(name) is None:
        raise _unknown("column", name, found.column_names())
    return window


def _worst(project: Project, found: Report, column: str) -> WindowDrift:
    """Return the window in which a column drifted most."""

    def effect(place: int) -> float:
        one = found.windows[place].column(column)
        return -1.0 if one is None else one.effect

    if not found.windows:
        raise NotFoundError("The report has no windows", "workbench drift list")
    return _whole(project, found, max(range(len(found.windows)), key=effect))


def _open_alerts(project: Project, found: Report) -> int:
    return sum(1 for one in actions.alerts(project) if one.series == found.series and one.state == "open")


def _export(project: Project, found: Report, window: WindowDrift | None, args: argparse.Namespace) -> None:
    from workbench.actions import drift_export, export
    from workbench.pictures.model import Exportable

    path = Path(args.export)
    what: Exportable
    if export.format_of(path) in ("csv", "md"):
        what = drift_export.table(found, window)
    elif window is not None:
        what = drift_export.distributions(window, args.column)
    else:
        what = drift_export.over_windows(found)
    output.say(f"Wrote {export.export(project, what, path)}")


def _list(project: Project, args: argparse.Namespace) -> int:
    found = actions.listed(project)
    if args.json:
        output.print_json([{**vars(one), "created": output.iso(one.created)} for one in found])
        return 0
    if not found:
        output.say("No report yet: workbench drift")
        return 0
    now = time.time()
    columns = [Column("report", right=True), Column(""), *(Column(head, least=12) for head in ("current", "reference"))]
    columns += [Column("by"), Column("windows", right=True), Column("age", right=True)]
    rows: list[list[str | Cell]] = [
        [
            str(one.id), drift_shown.mark(one.verdict), one.current, one.reference, one.by, str(one.windows),
            output.span(max(0.0, now - one.created)),
        ]
        for one in found
    ]  # fmt: skip
    output.table(columns, rows)
    return 0


# --- alerts


def _alerts(project: Project, args: argparse.Namespace) -> int:
    found = actions.alerts(project)
    if args.json:
        output.print_json([drift_shown.alert_document(one) for one in found])
        return 0
    if not found:
        output.say("No alert.")
        return 0
    columns = [Column("alert", right=True), Column("state"), Column("column", least=8), Column("since", least=8)]
    columns += [Column("effect", right=True), Column("series", least=16), Column("")]
    output.table(columns, [drift_shown.alert_line(one) for one in found])
    return 0


def _alert(project: Project, args: argparse.Namespace) -> int:
    """Show an alert again: its figures, and both distributions of that time."""
    found = actions.alert(project, args.number)
    window = drift_guard.hidden(project.config.policy, actions.window(project, found.report, found.place))
    if args.json:
        output.print_json({**drift_shown.alert_document(found), **drift_shown.pair_document(window, found.column)})
        return 0
    words = f"alert {found.id} ({found.state}): {found.column} in {found.label}, report {found.report}"
    print(clean(words))
    if found.acknowledged_by:
        print(clean(f"acknowledged by {found.acknowledged_by}"))
    if found.cleared is not None:
        print(clean(f"cleared after {found.cleared}"))
    if found.run is not None:
        print(f"started run {found.run}")
    drift_shown.print_column(window, found.column)
    if args.export:
        from workbench.actions import drift_export, export

        what = drift_export.distributions(window, found.column)
        output.say(f"Wrote {export.export(project, what, Path(args.export))}")
    return 0


def _acknowledge(project: Project, args: argparse.Namespace) -> int:
    found = actions.acknowledge(project, args.number, args.by_whom)
    if args.json:
        output.print_json(drift_shown.alert_document(found))
    else:
        output.say(f"{GLYPHS['ok']} alert {found.id} ({clean(found.column)}) acknowledged")
    return 0
