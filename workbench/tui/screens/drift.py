"""Drift: the newest check of the data, its columns by severity, one of them closely, its windows, and the alerts."""

from __future__ import annotations

import shlex
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from workbench.actions import drift as actions
from workbench.actions import drift_export
from workbench.drift.alerts import Alert
from workbench.drift.report import Report, Request
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.grid import Style
from workbench.tui.screens.data_checks import CheckingView
from workbench.tui.screens.drift_alerts import AlertTable
from workbench.tui.screens.drift_cards import Cards
from workbench.tui.screens.drift_column import ColumnPanel
from workbench.tui.screens.drift_features import FeatureTable
from workbench.tui.screens.drift_heat import HeatPanel
from workbench.tui.screens.drift_sight import Sight, SightReader, Wish, headline
from workbench.tui.screens.export import ask_and_export
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Choice, Chooser
from workbench.tui.widgets.table import Item, Table
from workbench.words import counted

GRID_SIZE = (110, 22)
PAIR_SIZE = (76, 12)
RARE = 0.01
"""Fewer false alerts a month are as good as none."""
CARDS_FROM = 32
"""Lines from which the cards stand above."""
_DIM = Style(fg="dim")
_REFERENCES = (
    ("training", "the training data"),
    ("previous", "the window before"),
    ("season", "the window of a year before"),
    ("first", "the first window"),
)
_UNITS = ("all", "hour", "day", "week", "month", "quarter", "year")
_NOTHING = "There is no check yet: r makes one."


class DriftPage(CheckingView):
    """The newest report."""

    screen_id: ClassVar[str] = "drift"
    kind, yes, no = "drift", "No drift.", "There is drift."
    every = 30.0
    panes: ClassVar[Mapping[str, str]] = {
        "features": "Features",
        "column": "Column",
        "heat": "Windows",
        "alerts": "Alerts",
    }
    DEFAULT_CSS = """
    DriftPage #both { height: 1fr; width: 1fr; }
    DriftPage Vertical { height: 1fr; }
    DriftPage Vertical > * { width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.sight: Sight | None = None
        self.cards = Cards(id="cards")
        self.features = FeatureTable(id="features")
        self.column = ColumnPanel(id="column")
        self.heat = HeatPanel(id="heat")
        self.alerts = AlertTable(id="alerts")
        self._place: int | None = None
        self._reader = SightReader()

    def compose(self) -> ComposeResult:
        """Put up the panes; which are in view depends on the room."""
        yield self.bar
        yield self.cards
        with Horizontal(id="both"):
            with Vertical(id="at_left"):
                yield self.features
                yield self.alerts
            with Vertical(id="at_right"):
                yield self.column
                yield self.heat

    # --- what is read and shown

    def enter(self, target: Any) -> None:
        """Come into view."""
        self.settle()

    def request(self) -> Wish | None:
        """Ask for the newest report and the window in view."""
        if self.project is None:
            return None
        return Wish(self.project, self._report.id if self._report is not None else 0, self._place)

    @property
    def _report(self) -> Report | None:
        return self.sight.report if self.sight is not None else None

    def load(self, connection: sqlite3.Connection | None, request: Any) -> Sight | None:
        """Read them, on the reader's thread."""
        return None if request is None else self._reader.read(connection, request)

    def show(self, snapshot: Sight | None) -> None:
        """Take what was read."""
        sight = snapshot or Sight()
        if self._report is None or sight.report is None or sight.report.id != self._report.id:
            self._place = None
        self.sight = sight
        self.follow(sight.check)
        self.features.take(sight)
        self.alerts.take(sight.alerts, time.time())
        self.cards.take(sight)
        self.bar.facts, self.bar.brief = headline(sight.report), headline(sight.report, brief=True)
        self.bar.redraw()
        self.settle()
        self._show_column()
        self.bench.refresh_bars()

    def _show_column(self) -> None:
        sight, plain = self.sight or Sight(), bool(self.app.no_color)
        self.column.take(sight.window, self.features.column, plain=plain)
        self.heat.take(sight, self.features.column, plain=plain)

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the column under the cursor, also where it is that of an alert."""
        event.stop()
        if event.table is self.alerts:
            self._select_alerted()
        self._show_column()
        self.bench.refresh_bars()

    def _select_alerted(self) -> None:
        """Put the cursor of the features on the column of the alert."""
        alert, items = self.alerts.chosen, list(self.features.items)
        if alert is not None and alert.column in items:
            self.features.cursor = items.index(alert.column)
            self.features.redraw()

    def open_item(self, table: Table, item: Item) -> None:
        """Go to the column, or from an alert to the window in which it was raised."""
        alert, report = self.alerts.chosen, self._report
        if table is self.alerts and alert is not None and report is not None:
            self._select_alerted()
            labels = [one.label for one in report.windows]
            if alert.label in labels:
                self._go_window(labels.index(alert.label))
        self.go_pane("column")

    # --- the room

    @property
    def names(self) -> list[str]:
        """The panes in which there is something to show: a map of one window would say nothing new."""
        if self.sight is None or self.sight.report is None:
            return ["features"]
        return [name for name in self.panes if name != "heat" or len(self.sight.places) > 1]

    @property
    def shown(self) -> tuple[str, ...]:
        """The panes in view."""
        width, height = self.room
        if len(self.names) == 1:
            return ("features",)
        if width >= GRID_SIZE[0] and height >= GRID_SIZE[1]:
            return tuple(self.names)
        if width >= PAIR_SIZE[0] and height >= PAIR_SIZE[1]:
            return ("features", self._pane if self._pane != "features" else "column")
        return (self._pane,)

    def lay_out(self, shown: tuple[str, ...]) -> None:
        """Put the lists at the left, the charts at the right, the cards above where there is room."""
        whole = len(shown) > 2
        self.cards.display = whole and self.size.height >= CARDS_FROM
        left, right = self.query_one("#at_left"), self.query_one("#at_right")
        both = "features" in shown and len(shown) == 2
        left.display = "features" in shown or "alerts" in shown
        right.display = "column" in shown or "heat" in shown
        left.styles.width, right.styles.width = ("2fr", "3fr") if whole else ("1fr", "1fr")
        self.features.styles.height = "2fr" if whole or (both and "alerts" in shown) else "1fr"
        self.alerts.styles.height = "1fr"
        self.column.styles.height = "3fr" if whole else "1fr"
        self.heat.styles.height = "2fr" if whole else "1fr"

    def status(self) -> Spans:
        """Say what is being checked, else which panes there are, and what alarms there would be without drift."""
        spans, report = [*self.check_spans(), *self.pane_spans()], self._report
        if report is None:
            return spans
        if not self.can_left():
            spans += [("←→ ", Style(fg="key")), ("window  ", _DIM)]
        if report.started:
            tone, glyph = ("mark", "◆") if report.not_started else ("running", "▶")
            spans.append((f"{glyph} {clean(report.started, 160)}  ", Style(fg=tone)))
        spans += [(f"◆ {clean(note, 160)}  ", Style(fg="mark")) for note in report.notes[:1]]
        more = [f"{counted(report.undated, 'row')} without a time"] if report.undated else []
        if report.false_alerts is not None and not report.why_nothing:
            rate = f"{report.false_alerts:.1g}" if report.false_alerts >= RARE else f"under {RARE}"
            more.append(f"{rate} false alerts a month")
        return self.fitting(spans, more)

    # --- windows

    def do_left(self) -> None:
        """Go to the window before."""
        self._turn_window(-1)

    def do_right(self) -> None:
        """Go to the next window."""
        self._turn_window(1)

    def can_left(self) -> str:
        """There must be windows."""
        count = len(self.sight.places) if self.sight is not None else 0
        return _NOTHING if not count else "" if count > 1 else "The data is not cut into windows: o does that."

    can_right = can_left

    def _turn_window(self, by: int) -> None:
        if self.sight is not None and self.sight.places:
            places = self.sight.places
            at = self._place if self._place is not None else self.sight.place
            found = places.index(at) + by if at in places else len(places) - 1
            self._go_window(places[max(0, min(found, len(places) - 1))])

    def _go_window(self, place: int) -> None:
        self._place = place
        self.ask()

    # --- checking

    def can_check(self) -> str:
        """There must be data, and no check under way."""
        project = self.project
        if project is None or self.why_not_check:
            return self.why_not_check
        data, drift = project.config.data, project.config.drift
        if self._report is not None or drift.current or data.holdout or (data.train and drift.by):
            return ""
        return 'Name the data in workbench.toml: [drift] current = "data/serving.csv"'

    def do_check(self) -> None:
        """Compare again, the same with the same."""
        self.start_check(self._request().options)

    def can_check_together(self) -> str:
        """There must be data."""
        return self.can_check()

    def do_check_together(self) -> None:
        """Compare again, also all columns together; takes longer."""
        self.start_check(replace(self._request(), classifier=True).options)

    def words_of(self, options: Sequence[str]) -> str:
        """Say what a check with these options does."""
        return f"looking for drift{', all columns together' if '--classifier' in options else ''}"

    def _request(self) -> Request:
        """Return what was asked for when the report in view was made; nothing in particular where there is none."""
        report = self._report
        if report is None:
            return Request()
        if report.request is not None:
            return report.request
        together = any(one.domain is not None for one in report.windows)
        current = report.current.rpartition("@")[0] or report.current
        return Request(report.series.rpartition(" against ")[2], current, report.by or "all", classifier=together)

    def _compare_with(self, reference: str) -> None:
        """Check against another reference."""
        self.start_check(replace(self._request(), reference=reference, classifier=False).options)

    def _cut_by(self, by: str) -> None:
        """Check other windows: they have other labels; where one of them was the reference, the first one is."""
        asked, report = self._request(), self._report
        reference = asked.reference
        if report is not None and by != asked.by and reference in {one.label for one in report.windows}:
            reference = "training" if by == "all" else "first"
        self.start_check(replace(asked, reference=reference, by=by, classifier=False).options)

    def can_reference(self) -> str:
        """There must be data."""
        return self.can_check()

    def do_reference(self) -> None:
        """Choose what the data is compared with."""
        report = self._report
        wanted = self._request().reference
        choices = [Choice(name, name, words, name == wanted) for name, words in _REFERENCES]
        if report is not None and report.by:
            choices += [
                Choice(one.label, one.label, counted(one.rows, "row"), one.label == wanted) for one in report.windows
            ]
        dialog = Chooser(
            "Compare with", choices, placeholder="one of these, a file, or PATH@VERSION", free=_path_or_nothing
        )
        self.bench.ask_for(dialog, lambda reference: self._compare_with(str(reference)))

    def can_cut(self) -> str:
        """There must be data."""
        return self.can_check()

    def do_cut(self) -> None:
        """Choose how the data is cut into windows."""
        by = self._report.by if self._report is not None else ""
        choices = [Choice(unit, unit, "one window" if unit == "all" else "", unit == (by or "all")) for unit in _UNITS]
        choices.append(Choice("1000 rows", "1000 rows", "or any other number", by == "1000 rows"))
        dialog = Chooser(
            "Cut into windows by", choices, placeholder="a unit of time, or 500 rows",
            free=lambda text: text.strip() if text.strip().endswith("rows") else None,
        )  # fmt: skip
        self.bench.ask_for(dialog, lambda by: self._cut_by(str(by)))

    # --- alerts

    def _alert(self) -> Alert | None:
        """Return the alert that the key means: that under the cursor, else the open one of the column in view."""
        if self._pane == "alerts":
            return self.alerts.chosen
        found = [one for one in self.alerts.alerts.values() if one.column == self.features.column]
        return next((one for one in found if one.state == "open"), found[0] if found else None)

    def can_acknowledge(self) -> str:
        """There must be an open alert."""
        alert = self._alert()
        if alert is None:
            return "No alert of this column." if self.features.column else "There is no alert."
        by = clean(alert.acknowledged_by, 40)
        words = {"acknowledged": f"Alert {alert.id} was seen by {by}.", "cleared": f"Alert {alert.id} is over."}
        return words.get(alert.state, "")

    def do_acknowledge(self) -> None:
        """Write down that the alert has been seen."""
        project, alert = self.project, self._alert()
        if project is None or alert is None:
            return

        def acknowledge() -> Alert:
            return actions.acknowledge(project, alert.id)

        self.bench.act(
            "acknowledging", acknowledge,
            done=lambda one: self.bench.say(f"Alert {one.id} ({clean(one.column, 60)}) acknowledged."),
        )  # fmt: skip

    # --- taking it elsewhere

    def can_copy(self) -> str:
        """There must be a report."""
        return "" if self._report is not None else _NOTHING

    def do_copy(self) -> None:
        """Copy the command that prints what is in view."""
        sight = self.sight
        if sight is None or sight.report is None or sight.window is None:
            return
        words = ["workbench", "drift", "show", str(sight.report.id), "--window", sight.window.label]
        words += ["--column", self.features.column] if self.features.column else []
        self.bench.copy(shlex.join(words), "the command")

    can_export = can_copy

    def do_export(self) -> None:
        """Export what has the focus: the course over the windows, or one column's distributions."""
        sight, project = self.sight, self.project
        if sight is None or sight.report is None or sight.window is None or project is None:
            return
        export_what(self, project, sight, self._pane, self.features.column)


def export_what(page: DriftPage, project: Project, sight: Sight, pane: str, column: str) -> None:
    """Ask for a format, and write the pane that has the focus."""
    report, window = sight.report, sight.window
    assert report is not None and window is not None
    name = f"drift-{report.id}"
    if pane == "column":
        page.bench.act(
            "reading", drift_export.distributions, window, column,
            done=lambda what: ask_and_export(page, project, what, f"{name}-column", "Export the column"),
        )  # fmt: skip
    elif pane == "heat":
        ask_and_export(page, project, drift_export.over_windows(report), f"{name}-windows", "Export the windows")
    else:
        ask_and_export(page, project, drift_export.table(report, window), name, "Export the features")


def _path_or_nothing(text: str) -> str | None:
    """Return what was typed where it can only be a file or a version."""
    words = text.strip()
    return words if "." in words or "@" in words or "/" in words else None
