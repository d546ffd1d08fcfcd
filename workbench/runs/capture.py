"""What a run was made of and what it made, gathered beside its supervisor's main loop."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import threading
import time
from dataclasses import asdict, replace
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.project import Project
from workbench.runs import isolation
from workbench.runs.command import PROCESS_NAME
from workbench.runs.model import CHECKS
from workbench.runs.rows import add_notice, text
from workbench.sitecustomize import IMPORTED_NAME
from workbench.store.connection import transaction
from workbench.tracking import ARTIFACT_FOLDER

if TYPE_CHECKING:
    from workbench.runs.changes import Change
    from workbench.versions.environment import Environment


class Capture:
    """Code, environment and outputs of the run, gathered beside the main loop."""

    def __init__(self, project: Project, run_folder: Path, launched: dict[str, Any]) -> None:
        self.project = project
        self.run_folder = run_folder
        self.launched = launched
        self._root = isolation.folder_of(project.folder, run_folder, launched)
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._code: str | None = None
        self._hold = contextlib.ExitStack()
        self._environment: Environment | None = None
        self._saved = False
        self._noticed: set[Change] = set()

    def start(self) -> None:
        """Begin to gather."""
        self._thread.start()

    def close(self) -> None:
        """Let others collect what nothing needs: all that was kept has its rows."""
        self._hold.close()

    def join(self) -> None:
        """Wait until everything is gathered, up to a limit."""
        self._thread.join(timeout=60)

    def _gather(self) -> None:
        if self.launched.get("kind") in CHECKS:  # what it finds follows from the data, not from the code
            return
        from workbench.versions import code

        self._find_sources()
        self._code = isolation.code_of(self.run_folder)
        if not self._code:
            version = code.capture(
                self.project.folder,
                self.project.objects_folder,
                label=self.run_folder.name,
                ignore=self._made_by_runs(),
            )
            self._code = json.dumps(asdict(version))
        self._environment = self._surroundings(self.launched["python"] or None)

    def _surroundings(self, python: str | None) -> Environment:
        from workbench.versions import environment

        cache = self.project.inner / "cache" / "interpreters.json"
        return environment.capture(python, self.project.folder, os.environ, cache=cache)

    def _made_by_runs(self) -> tuple[str, ...]:
        """Return what is no code."""
        return tuple(self.launched["outputs"])

    def _find_sources(self) -> None:
        if not self.launched.get("stage_base"):
            return
        from workbench.runs import scripts
        from workbench.versions.objects import Objects

        objects = Objects(self.project.objects_folder)
        scripts.write(self._root, self.run_folder, objects, self.launched["stage_command"])

    def save_when_ready(self, connection: sqlite3.Connection, run: int, *, ended: bool = False) -> None:
        """Store code and environment, once, when both are known; of a run that `ended` also what it imported."""
        if self._thread.is_alive() or (self._saved and not ended):
            return
        found = self._with_imports() if ended else self._environment
        if self._saved and found is self._environment:
            return
        with transaction(connection):
            if not self._saved:
                self._save_code(connection, run)
                self._save_inputs(connection, run)
                self._save_overwritten(connection, run)
            if found is not None and (self.run_folder / PROCESS_NAME).exists():  # what never began ran in none
                _save_environment(connection, run, found)
        self._saved = True
        self._notice_changes(connection, run)

    def _save_code(self, connection: sqlite3.Connection, run: int) -> None:
        if self._code is not None:
            connection.execute("UPDATE runs SET code = ? WHERE id = ?", (text(self._code, 1 << 30), run))
        for note in isolation.left_out(self.run_folder):
            add_notice(connection, run, 0, f"code: {note}")

    def _with_imports(self) -> Environment | None:
        """Return the environment with what the processes of the run imported, where they left word of it."""
        path = self.run_folder / IMPORTED_NAME
        if self._environment is None or not path.exists():
            return self._environment
        from workbench.versions import imported

        noted = imported.read(path)
        if noted is None:
            return self._environment
        # A shell command, or a program like make, says itself nothing of the interpreter that it starts.
        asked = self._environment.python or not noted.interpreters
        found = self._environment if asked else self._surroundings(noted.interpreters[0])
        known = imported.hashes(noted.modules, self.project.folder, self.project.inner / "cache" / "imported.json")
        return replace(found, imported=tuple(sorted(known.items())), libraries=noted.libraries)

    def _notice_changes(self, connection: sqlite3.Connection, run: int) -> None:
        from workbench.runs import noticing
        from workbench.runs.changes import sentences

        found = noticing.since_last(connection, self.project.folder, run)
        if found is None:
            return
        fresh = [change for change in found.changes if change not in self._noticed]
        if fresh:
            with transaction(connection):
                for sentence in sentences(fresh, found.run):
                    add_notice(connection, run, 0, sentence)
        self._noticed |= set(fresh)

    def _save_inputs(self, connection: sqlite3.Connection, run: int) -> None:
        if not self.launched["inputs"] and not self.launched.get("data"):
            return
        from workbench.runs import inputs

        items, problem = inputs.read(self.run_folder)
        for notice in [*inputs.save(connection, run, items, time.time()), problem]:
            if notice:
                add_notice(connection, run, 0, notice)

    def _save_overwritten(self, connection: sqlite3.Connection, run: int) -> None:
        if not self.launched.get("stage"):
            return
        from workbench.runs import stage_outputs

        items = stage_outputs.before(self.run_folder)
        for item in stage_outputs.save_overwritten(connection, items, time.time()):
            add_notice(connection, run, 0, stage_outputs.bring_back(item))

    def results(
        self, started: float, logged: list[tuple[str, str]], *, has_metrics: bool, keep: bool = False
    ) -> Results:
        """Return what the command left: declared outputs, what it logged, and its metrics files if it logged none.

        `keep` puts declared outputs and models into the object store, which nobody then collects until this process
        has ended.
        """
        from workbench.runs import metrics_files

        problems: list[str] = []
        names = [escape(path) for path, kind in logged if kind == "artifact"]
        rows = _output_rows(self.run_folder / ARTIFACT_FOLDER, names, started, kind="artifact")
        names = [escape(path) for path, kind in logged if kind == "model"]
        declared = [pattern for pattern in self.launched["outputs"] if "://" not in pattern]
        rows += self._made(names, "model", problems, keep=keep)
        rows += self._made(declared, "", problems, keep=keep)
        values: dict[str, float] = {}
        if not has_metrics:
            values, problems = metrics_files.read_all(self._root, self.launched["metrics"], started)
        return Results(rows, values, problems)

    def _made(self, patterns: list[str], kind: str, problems: list[str], *, keep: bool) -> list[tuple[Any, ...]]:
        if not patterns:
            return []
        from workbench.versions import data
        from workbench.versions.objects import Objects

        objects = Objects(self.project.objects_folder)
        cache = self.project.inner / "cache" / "data" if self._root == self.project.folder else None
        try:
            if keep:
                self._hold.enter_context(objects.held())
            found = data.take(self._root, objects, patterns, keep=keep, cache=cache)
        except OSError as error:
            problems.append(f"its outputs are not kept in the object store: {error.strerror or error}")
            found = data.take(self._root, objects, patterns, keep=False)
        return [(item.path, kind or item.kind, item.size, item.hash, item.problem, item.link) for item in found]


def _output_rows(folder: Path, patterns: list[str], started: float, *, kind: str = "") -> list[tuple[Any, ...]]:
    if not patterns:
        return []
    from workbench.versions import outputs

    found = outputs.capture(folder, patterns, since_ns=int(started * 1e9))
    return [(item.path, kind or item.kind, item.size, item.hash, item.problem or "", "") for item in found]


def _save_environment(connection: sqlite3.Connection, run: int, found: Environment) -> None:
    """Store the environment of a run, once for all runs that have the same."""
    digest, facts = _environment_row(found)
    connection.execute("INSERT OR IGNORE INTO environments (digest, facts) VALUES (?, ?)", (digest, facts))
    connection.execute("UPDATE runs SET environment = ? WHERE id = ?", (digest, run))


@functools.lru_cache(maxsize=8)  # stages of a pipeline have the same
def _environment_row(found: Environment) -> tuple[str, str]:
    from workbench.versions import environment

    return environment.digest(found), json.dumps(environment.to_json(found))


class Results:
    """What a finished command left behind."""

    def __init__(self, outputs: list[tuple[Any, ...]], metrics: dict[str, float], problems: list[str]) -> None:
        self.outputs = outputs
        self.metrics = metrics
        self.problems = problems
