"""What the keys do to runs, the same on the Runs and on the Run screen. A page says which runs with `targets()`."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.errors import UsageError, WorkbenchError
from workbench.project import Project, load
from workbench.runs.model import GLYPHS, Run
from workbench.safe import clean
from workbench.tui.charts import DIM, value_text
from workbench.tui.kit.grid import Style
from workbench.tui.kit.numbers import size
from workbench.tui.screens.base import Page
from workbench.tui.screens.runs_data import details_of
from workbench.tui.widgets.dialog import Choice, Chooser, Confirm, Prompt

if TYPE_CHECKING:
    from workbench.actions import pipeline
    from workbench.pipeline.plan import Verdict

_PACKAGES = (
    Choice(False, "of now", "what differs from then is said with the verdict", True),
    Choice(True, "of then", "recorded versions in an environment of their own, made once"),
)


def parse_overrides(text: str) -> dict[str, str]:
    """Return the parameters in `lr=0.1 depth=3`; raises UsageError for a word that is no such pair."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{clean(text)!r} does not parse: {error}", "Check its quotes.") from error
    found = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise UsageError(f"{clean(word)!r} is not NAME=VALUE", "lr=0.1 depth=3")
        found[name] = value
    return found


def wrong_overrides(text: str) -> str:
    """Return what is wrong with parameters as they are written, "" for nothing."""
    try:
        parse_overrides(text)
    except UsageError as error:
        return f"{error.message}: {error.hint}"
    return ""


class RunActions(Page):
    """A page whose keys act on runs."""

    def targets(self) -> list[int]:
        """Return the runs that the keys mean: those marked, else the one selected."""
        return []

    def chosen(self) -> Run | None:
        """Return the one run in view."""
        return None

    def started(self, numbers: list[int]) -> None:
        """Take the numbers of runs that were just started."""
        words = ", ".join(str(number) for number in numbers)
        self.bench.say(f"Run {words} is in the queue or running.")

    def deleted(self, numbers: list[int]) -> None:
        """Take the numbers of runs that were just deleted."""
        self.bench.say(f"Deleted {len(numbers)} run{'s' if len(numbers) != 1 else ''}.")

    def _project(self) -> Project:
        project = self.project
        if project is None:
            raise UsageError("No project is open", "1, then enter")
        return project

    # --- starting

    def can_train(self) -> str:
        """There must be something to run."""
        project = self.project
        if project is None:
            return "Open a project first."
        has_command = any(step.command for step in project.config.steps)
        return "" if has_command else 'Nothing to run: add  [train] command = "python train.py"  to workbench.toml.'

    def do_train(self) -> None:
        """Start the project's command, or of its stages those that are out of date."""
        self._train({})

    def _train(self, overrides: Mapping[str, str]) -> None:
        from workbench.actions import pipeline

        request = pipeline.Request(overrides=overrides)
        folder = self._project().folder
        self.bench.act("Starting", lambda: pipeline.train(load(folder), request), done=self.begun)

    def begun(self, begun: pipeline.Begun) -> None:
        """Take what became of a start."""
        if begun.runs:
            self.started(list(begun.runs))
        if begun.restored or not begun.runs:
            self.bench.say(f"{begun.words}.")

    def can_pipeline(self) -> str:
        """There must be something to run."""
        return self.can_train()

    def do_pipeline(self) -> None:
        """Show which stages are out of date and why, then run what is chosen."""
        from workbench.actions import pipeline

        folder = self._project().folder
        self.bench.act("Looking at the stages", lambda: pipeline.check(load(folder)), done=self._show_plan)

    def _show_plan(self, verdicts: list[Verdict]) -> None:
        from workbench.actions import pipeline
        from workbench.tui.screens.pipeline import PipelineDialog

        folder = self._project().folder
        self.bench.ask_for(
            PipelineDialog(verdicts),
            lambda request: self.bench.act("Starting", lambda: pipeline.begin(load(folder), request), done=self.begun),
        )

    def can_train_with(self) -> str:
        """There must be something to run, or a run to do again."""
        return "" if self.chosen() is not None else self.can_train()

    def do_train_with(self) -> None:
        """Ask for changed parameters, then start."""
        run = self.chosen()
        shown = sorted(run.params.items()) if run is not None else []
        known = "  ".join(f"{name}={value_text(value)}" for name, value in shown)
        lines = [f"As run {run.number} has them:" if run is not None else "Parameters of the project's command:", known]
        overrides = " ".join(f"{name}={shlex.quote(value)}" for name, value in run.overrides.items()) if run else ""
        self.bench.ask_for(
            Prompt("Train with", lines, value=overrides, placeholder="lr=0.1 depth=3", check=wrong_overrides),
            self._train_with,
        )

    def _train_with(self, text: str) -> None:
        overrides, run = parse_overrides(text), self.chosen()
        if not self.can_train():
            self._train(overrides)
        elif run is not None:
            self.bench.act("Starting", starting.rerun, self._project(), run.number, overrides, done=self.started)

    def can_train_revision(self) -> str:
        """There must be a project."""
        return "" if self.project is not None else "Open a project first."

    def do_train_revision(self) -> None:
        """Ask for a branch, tag or commit, then run it in a folder of its own."""
        lines = ["A branch, tag or commit; the files of the project stay as they are."]
        check = lambda rev: "" if rev.strip() else "Name a revision."  # noqa: E731
        prompt = Prompt("Train a revision", lines, check=check)
        self.bench.ask_for(prompt, self._train_revision)
        found = lambda names: prompt.suggest(", ".join(names) or "no branch has a commit yet")  # noqa: E731
        self.bench.act("Reading branches", starting.revisions, self._project(), done=found)

    def _train_revision(self, rev: str) -> None:
        request = starting.Request(rev=rev.strip())
        self.bench.act("Starting", starting.start, self._project(), request, done=self.started)

    def can_reproduce(self) -> str:
        """There must be a run that has ended."""
        run = self.chosen()
        if run is None:
            return "Select a run first."
        return "" if run.is_over else f"Run {run.number} is still going."

    def do_reproduce(self) -> None:
        """Run it again from its stored code, data and parameters; the verdict becomes a notice on both runs."""
        run = self.chosen()
        if run is not None:
            title = f"Make run {run.number} again, with the packages"
            self.bench.ask_for(Chooser(title, _PACKAGES), lambda recorded: self._reproduce(run.number, recorded))

    def _reproduce(self, number: int, recorded: bool) -> None:
        from workbench.actions import reproduce

        words = "Making an environment of the recorded packages" if recorded else "Looking for code and data"
        self.bench.act(
            words, lambda: reproduce.start(self._project(), str(number), environment=recorded),
            done=lambda again: self.started([again]),
        )  # fmt: skip

    # --- stopping and deleting

    def can_stop(self) -> str:
        """Some run must be going or waiting."""
        run = self.chosen()
        if len(self.targets()) == 1 and run is not None and run.is_over:
            return f"Run {run.number} has ended ({run.status})."
        return "" if self.targets() else "Select a run that is running."

    def do_stop(self) -> None:
        """Ask with one key, then stop."""
        numbers = self.targets()
        self.bench.act("Reading", details_of, self._project(), numbers, done=self._confirm_stop)

    def _confirm_stop(self, runs: list[Run]) -> None:
        going = [run for run in runs if not run.is_over]
        if not going:
            self.bench.say("None of these runs is going.")
            return
        lines = [_line(run) for run in going] + ["Each gets 10 seconds to end by itself."]
        key = next(key for key in self.bench.keys if key.id == "stop").keys[0]
        numbers = [run.number for run in going]
        self.bench.ask_for(Confirm("Stop", lines, "stop", key=key), lambda _: self._stop(numbers))

    def _stop(self, numbers: list[int]) -> None:
        self.bench.act("Stopping", actions.stop, self._project(), numbers, done=self._stopped)

    def _stopped(self, numbers: list[int]) -> None:
        words = ", ".join(str(number) for number in numbers)
        self.bench.say(f"Asked run {words} to stop." if numbers else "Nothing was going any more.")

    def can_delete(self) -> str:
        """There must be a run that has ended."""
        run = self.chosen()
        if len(self.targets()) == 1 and run is not None and not run.is_over:
            return f"Run {run.number} is still going; stop it first."
        return "" if self.targets() else "Select a run first."

    def do_delete(self) -> None:
        """Show exactly what goes, then delete."""
        project, numbers = self._project(), self.targets()

        def measure() -> tuple[list[Run], int]:
            return details_of(project, numbers), actions.size_of(project, numbers)

        self.bench.act("Measuring", measure, done=self._confirm_delete)

    def _confirm_delete(self, found: tuple[list[Run], int]) -> None:
        runs, total = found
        if not runs:
            return
        points = sum(one.count for run in runs for one in run.metrics.values())
        lines: list[Any] = [_line(run) for run in runs]
        lines += [("", DIM), (f"{len(runs)} runs, {points:,} points, {size(total)} in their folders go for good.", DIM)]
        numbers = [run.number for run in runs]
        self.bench.ask_for(
            Confirm("Delete", lines, f"Delete {len(runs)}"),
            lambda _: self.bench.act("Deleting", actions.delete, self._project(), numbers, done=self.deleted),
        )

    # --- words about runs

    def _need_run(self) -> str:
        return "" if self.chosen() is not None else "Select a run first."

    can_trace = can_tag = can_note = can_copy = can_edit = can_baseline = _need_run

    def do_trace(self) -> None:
        """Show what the run came from and what came from it."""
        run = self.chosen()
        if run is not None:
            self.bench.go("lineage", (self.screen_id, run.number))

    def do_tag(self) -> None:
        """Ask for tags."""
        run = self.chosen()
        if run is None:
            return
        words = f"Now: {' '.join(run.tags)}" if run.tags else "No tags yet."
        prompt = Prompt(f"Tag run {run.number}", [words, "A minus takes one away: good -old"], placeholder="good")
        self.bench.ask_for(prompt, self._tag)

    def _tag(self, text: str) -> None:
        words = text.split()
        add = [word for word in words if not word.startswith("-")]
        remove = [word[1:] for word in words if word.startswith("-")]
        project, numbers = self._project(), self.targets()

        def change() -> None:
            for number in numbers:
                actions.tag(project, number, add, remove)

        self.bench.act("Tagging", change, done=lambda _: self.changed())

    def do_note(self) -> None:
        """Ask for a note."""
        run = self.chosen()
        if run is not None:
            number = run.number
            self.bench.ask_for(
                Prompt(f"Note on run {number}", value=run.note),
                lambda text: self.bench.act(
                    "Writing", actions.note, self._project(), number, text, done=lambda _: self.changed()
                ),
            )

    def do_baseline(self) -> None:
        """Pin the run, or let go of it where it is pinned."""
        run, pinned = self.chosen(), self.baseline_number()
        if run is not None:
            number = None if pinned == run.number else run.number
            words = "No baseline any more." if number is None else f"Run {number} is the baseline."
            self.bench.act("Pinning", actions.pin_baseline, self._project(), number, done=lambda _: self._pinned(words))

    def _pinned(self, words: str) -> None:
        self.bench.say(words)
        self.changed()

    def baseline_number(self) -> int | None:
        """Return the run that is pinned."""
        return None

    def changed(self) -> None:
        """Read again after something about a run was changed from here."""
        self.ask()

    def do_copy(self) -> None:
        """Choose what to copy."""
        run, project = self.chosen(), self.project
        if run is None or project is None:
            return
        command = run.command if isinstance(run.command, str) else shlex.join(run.command)
        params = " ".join(f"-p {shlex.quote(f'{name}={value_text(value)}')}" for name, value in run.params.items())
        things: Mapping[str, str] = {
            "id": run.uid,
            "folder": str(project.run_folder(run.uid)),
            "command": command,
            "parameters": params,
        }
        choices = [Choice(text, name, text) for name, text in things.items() if text]
        self.bench.ask_for(Chooser("Copy", choices), lambda text: self.bench.copy(text))

    def do_edit(self) -> None:
        """Open the run's output in the user's editor."""
        run, project = self.chosen(), self.project
        if run is not None and project is not None:
            edit(self, project.run_folder(run.uid) / "output.log")


def _line(run: Run) -> tuple[str, Style]:
    return f"{GLYPHS[run.status]} {run.number:>4}  {clean(run.name)}  {run.status}", Style(fg="text")


def edit(page: Page, path: Path) -> None:
    """Open a file in $VISUAL or $EDITOR, the interface waiting meanwhile."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        page.bench.say("Set $EDITOR first, for example: export EDITOR=vim")
        return
    if not path.exists():
        page.bench.say(f"There is no {path.name} yet.")
        return
    failed: Exception | None = None
    with page.app.suspend():
        try:  # inside: Textual takes the terminal back only where the block ends in peace
            subprocess.run([*shlex.split(editor), str(path)], check=False)
        except (OSError, ValueError) as error:
            failed = error
    page.app.refresh(repaint=True)
    if failed is not None:
        page.bench.show_error(WorkbenchError(f"$EDITOR cannot be started: {failed}", "export EDITOR=vim"))
