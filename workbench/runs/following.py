"""What a supervisor does while its command goes on, and when it has ended: everything ends up in the store."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.errors import StoreError, WorkbenchError
from workbench.project import Project
from workbench.runs import isolation, launch, processes, stage_outputs
from workbench.runs.capture import Capture, Results
from workbench.runs.command import END_NAME, Command, read_json
from workbench.runs.ending import Ending, how_it_ended, oom_kills
from workbench.runs.ingest import Ingest
from workbench.runs.machine import Sampler
from workbench.runs.model import CHECKS
from workbench.runs.rows import add_notice, raw_name, text
from workbench.sitecustomize import IMPORTED_NAME
from workbench.store.connection import transaction
from workbench.tracking import JOURNAL_FOLDER

TICK_SECONDS = 0.05
IDLE_TICK_SECONDS = 0.2
SAMPLE_SECONDS = 1.0
FIRST_SAMPLE_SECONDS = 0.3  # a run that is over by then never loads psutil
FULL_DISK_PATIENCE_SECONDS = 300.0
SHORT_SECONDS = 10.0


class Following:
    """Follows one run to its end; nothing here may raise because of what the command does."""

    def __init__(
        self, folder: Path, run: int, run_folder: Path, command: Command, *, capture: Capture | None = None
    ) -> None:
        self.project = Project(folder)
        self.run = run
        self.run_folder = run_folder
        self.command = command
        self.oom_before = oom_kills()
        self.connection = _patiently(self.project.open_store)
        (self.started,) = self.connection.execute("SELECT started FROM runs WHERE id = ?", (run,)).fetchone()
        self.ingest = Ingest(self.connection, run, run_folder, self.started)
        self.stop_asked: float | None = None
        self.stop_sent = False
        self.terminated = False
        self.capture = capture or Capture(self.project, run_folder, command.launch)
        self._sampler = Sampler(command.pid)
        self._sampled_at = time.time() + FIRST_SAMPLE_SECONDS - SAMPLE_SECONDS
        self._samples = 0

    def go(self) -> None:
        """Follow until the command has ended, then finish the run and start what waits in the queue."""
        signal.signal(signal.SIGTERM, self._on_terminate)
        self.begin()
        waiter = processes.Waiter(self.command.pid, self.command.identity) if self.command.pid else None
        while waiter is not None and not self.command.ended():
            if not self.run_folder.exists():
                self.abandon()
                return
            busy = self.tick()
            waiter.wait(TICK_SECONDS if busy else IDLE_TICK_SECONDS if self._samples > 30 else TICK_SECONDS)
        self.finish()
        with contextlib.suppress(WorkbenchError, OSError):
            launch.fill(self.project, self.connection)
        self.leave()

    def begin(self) -> None:
        """Write down the process, and begin to gather what the run is made of."""
        self.capture.start()
        self._save_start()

    def _on_terminate(self, number: int, frame: object) -> None:
        self.terminated = True

    def _save_start(self) -> None:
        with contextlib.suppress(WorkbenchError), transaction(self.connection):
            self.connection.execute(
                "UPDATE runs SET pid = ?, pid_started = ? WHERE id = ?",
                (self.command.pid, self.command.identity, self.run),
            )

    def tick(self) -> bool:
        """Store what is new, sample the machine, look for a stop request; return whether there was news."""
        before = self.connection.total_changes
        with contextlib.suppress(WorkbenchError):  # a full or busy disk: everything waits in the journal
            self.ingest.take()
            self._sample()
            self.capture.save_when_ready(self.connection, self.run)
            self._obey_stop()
        return bool(self.connection.total_changes > before)

    def _sample(self) -> None:
        now = time.time()
        if now - self._sampled_at < SAMPLE_SECONDS:
            return
        self._sampled_at = now
        values = self._sampler.sample()
        if values:
            with transaction(self.connection):
                self.ingest.add_points("system", values, self._samples, now)
        self._samples += 1

    def _obey_stop(self) -> None:
        (asked,) = self.connection.execute("SELECT stop_requested FROM runs WHERE id = ?", (self.run,)).fetchone()
        if (asked is None and not self.terminated) or self.command.pid is None:
            return
        if not self.stop_sent:
            self.stop_sent, self.stop_asked = True, time.monotonic()
            processes.send(processes.members(self.run_folder, self.command.pid), signal.SIGTERM)
        elif self.stop_asked is not None and time.monotonic() - self.stop_asked > processes.STOP_GRACE_SECONDS:
            processes.send(processes.members(self.run_folder, self.command.pid), signal.SIGKILL)

    def abandon(self) -> None:
        """End the command of a project whose folder is gone: nobody could ever see what it does."""
        processes.end_all(self.run_folder, self.command.pid, processes.STOP_GRACE_SECONDS)
        self.connection.close()

    def finish(self) -> str:
        """Store the end of the run and what it left; return its status."""
        grace = 0.0 if self.stop_sent else processes.LEFTOVER_GRACE_SECONDS
        left = processes.end_all(self.run_folder, self.command.pid, self._grace_left(grace), self._others())
        _patiently(self.ingest.take_all)
        _patiently(self.ingest.finish_output)
        if left and not self.stop_sent:
            self._notice(f"left {left} process{'es' if left > 1 else ''} behind, which Workbench stopped")
        self.capture.join()
        _patiently(lambda: self.capture.save_when_ready(self.connection, self.run, ended=True))
        ending = self._without_output(self._ending())
        logged = self.connection.execute("SELECT path, kind FROM outputs WHERE run = ?", (self.run,)).fetchall()
        results = self.capture.results(
            self.started, logged, has_metrics=self.ingest.metric_count > 0, keep=ending.status == "finished"
        )
        if ending.status != "finished":
            self._put_back()
        key = stage_outputs.key_of(self.run_folder, self.command.launch)
        # Whoever sees that the run has ended finds its outputs in place.
        good = ending.status == "finished"
        results.problems += isolation.finish(self.project.folder, self.run_folder, self.command.launch, good=good)
        _patiently(lambda: finish_row(self.connection, self.ingest, self.run, ending, results, key=key))
        remove_journals(self.run_folder)
        if wanted := self.command.launch.get("repeats"):
            from workbench.runs import repetition

            _patiently(lambda: repetition.record(self.connection, self.run, wanted, time.time()))
        if any("://" in name for name in self.command.launch["inputs"]):
            from workbench.runs import inputs

            inputs.remove_copies(self.run_folder)
        return ending.status

    def _others(self) -> list[str]:
        """Return processes that need no look: after a short run no number can have been given anew."""
        return self.command.others if time.time() - self.started < SHORT_SECONDS else []

    def _put_back(self) -> None:
        changed = stage_outputs.put_back(self.project.folder, self.run_folder, self.command.launch)
        if changed:
            self._notice(stage_outputs.was_put_back(changed))

    def leave(self) -> None:
        """Tell the plugins that the run has ended, and let go of the store."""
        self._tell_plugins()
        self.capture.close()
        self.connection.close()

    def _tell_plugins(self) -> None:
        from workbench.plugins import loaded
        from workbench.runs import queries

        plugins = loaded()
        known = len(plugins.problems)
        for run in queries.load(self.connection, [self.run]):
            plugins.run_ended(str(self.project.folder), run)
        for problem in plugins.problems[known:]:
            self._notice(problem)

    def _grace_left(self, grace: float) -> float:
        if self.stop_asked is None:
            return grace
        return max(0.0, processes.STOP_GRACE_SECONDS - (time.monotonic() - self.stop_asked))

    def _notice(self, notice: str) -> None:
        with contextlib.suppress(WorkbenchError), transaction(self.connection):
            add_notice(self.connection, self.run, int((time.time() - self.started) * 1000), notice)

    def _without_output(self, ending: Ending) -> Ending:
        """Return the end of a stage as a failure where it lacks an output that others may wait for."""
        if ending.status != "finished":
            return ending
        launched = self.command.launch
        lacking = stage_outputs.lacking(isolation.folder_of(self.project.folder, self.run_folder, launched), launched)
        reason = f"it did not make {', '.join(lacking[:3])}, which it declares as output"
        return replace(ending, status="failed", reason=reason) if lacking else ending

    def _ending(self) -> Ending:
        record = read_json(self.run_folder / END_NAME)
        (asked,) = self.connection.execute("SELECT stop_requested FROM runs WHERE id = ?", (self.run,)).fetchone()
        return how_it_ended(
            status=record.get("status"),
            ended=record.get("ended", time.time()),
            problem=self.command.problem,
            problem_code=self.command.problem_code,
            stop_requested=asked is not None or (self.terminated and self.stop_sent),
            shell=bool(self.command.launch["shell"]),
            killed_for_memory=oom_kills() > self.oom_before,
            last_lines=_last_lines(self.run_folder),
            says_no=CHECKS.get(self.command.launch.get("kind", ""), ""),
        )


def finish_row(
    connection: sqlite3.Connection, ingest: Ingest, run: int, ending: Ending, results: Results, *, key: str = ""
) -> None:
    """Write the end of a run and what it left, in one transaction that waits for the disk."""
    with transaction(connection, durable=True):
        connection.executemany(
            "INSERT INTO outputs (run, path, kind, size, hash, problem, facts) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET size = excluded.size, hash = excluded.hash, problem = excluded.problem,"
            " facts = json_patch(facts, excluded.facts)",
            [
                (
                    run,
                    text(path),
                    kind,
                    size,
                    digest,
                    text(problem),
                    json.dumps(raw_name(path) | ({"link": link} if link else {})),
                )
                for path, kind, size, digest, problem, link in results.outputs
            ],
        )
        if results.metrics:
            ingest.add_points("metric", results.metrics, 0, ending.ended)
        for problem in results.problems:
            add_notice(connection, run, 0, problem)
        if key:
            stage_outputs.save_key(connection, run, key, finished=ending.status == "finished")
        connection.execute(
            "UPDATE runs SET status = ?, ended = ?, exit_code = ?, signal = ?, reason = ?,"
            " pid = NULL, pid_started = NULL WHERE id = ? AND status = 'running'",
            (ending.status, ending.ended, ending.exit_code, ending.signal, text(ending.reason), run),
        )


def remove_journals(run_folder: Path) -> None:
    """Remove the journals of a run that is in the store to the last point, and its list of imports."""
    for journal in (*(run_folder / JOURNAL_FOLDER).glob("*.wbj"), run_folder / IMPORTED_NAME):
        journal.unlink(missing_ok=True)


def _patiently(action: Any) -> Any:
    """Do it, again and again while the disk is full or the store is busy, up to a limit."""
    deadline = time.monotonic() + FULL_DISK_PATIENCE_SECONDS
    while True:
        try:
            return action()
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _last_lines(run_folder: Path, size: int = 4096) -> str:
    try:
        with (run_folder / "output.log").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - size))
            return file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""
