"""Runs whose supervisor died: found by their free lock, followed again while the command lives, else ended."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from workbench.project import Project
from workbench.runs import isolation, launch, processes, stage_outputs
from workbench.runs.capture import Results
from workbench.runs.command import END_NAME, PROCESS_NAME, read_json
from workbench.runs.ending import how_it_ended
from workbench.runs.following import finish_row, remove_journals
from workbench.runs.ingest import Ingest
from workbench.runs.model import CHECKS
from workbench.store.connection import transaction


def recover(project: Project, connection: sqlite3.Connection) -> list[int]:
    """Look after every run that is marked running but has no supervisor; return the numbers of those that had none."""
    rows = connection.execute("SELECT id, uid FROM runs WHERE status = 'running' ORDER BY id").fetchall()
    found = [run for run, uid in rows if _recover_one(project, connection, run, uid)]
    if found or connection.execute("SELECT 1 FROM runs WHERE status = 'queued' LIMIT 1").fetchone():
        launch.fill(project, connection)
    return found


def _recover_one(project: Project, connection: sqlite3.Connection, run: int, uid: str) -> bool:
    folder = project.run_folder(uid)
    folder.mkdir(parents=True, exist_ok=True)
    lock = launch.lock_run(project, uid)
    if lock is None:
        return False
    try:
        row = connection.execute("SELECT status FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None or row[0] != "running":
            return False
        record = read_json(folder / PROCESS_NAME)
        pid, born = record.get("pid"), record.get("birth")
        if isinstance(pid, int) and born is not None and processes.birth(pid) == born:
            launch.spawn(project, run, uid, lock, adopt=True)
        elif _never_began(folder):
            _put_back(connection, run)
        else:
            _end(project, connection, run, folder, pid if isinstance(pid, int) else None)
    finally:
        os.close(lock)
    return True


def _end(project: Project, connection: sqlite3.Connection, run: int, folder: Path, pid: int | None) -> None:
    processes.end_all(folder, None, processes.LEFTOVER_GRACE_SECONDS)
    started, asked = connection.execute("SELECT started, stop_requested FROM runs WHERE id = ?", (run,)).fetchone()
    ingest = Ingest(connection, run, folder, started)
    ingest.take_all()
    ingest.finish_output()
    record, launched = read_json(folder / END_NAME), read_json(folder / launch.LAUNCH_NAME)
    problem = "" if pid is not None or record.get("status") is not None else _unstarted(folder)
    ending = how_it_ended(
        status=record.get("status"),
        ended=record.get("ended") or _last_sign(folder, started),
        problem=problem,
        stop_requested=asked is not None,
        shell=bool(launched.get("shell")),
        says_no=CHECKS.get(launched.get("kind", ""), ""),
    )
    problems = []
    if ending.status != "finished" and (changed := stage_outputs.put_back(project.folder, folder, launched)):
        problems.append(stage_outputs.was_put_back(changed))
    finish_row(connection, ingest, run, ending, Results([], {}, problems))
    remove_journals(folder)
    isolation.finish(project.folder, folder, launched, good=False)


def _never_began(folder: Path) -> bool:
    """Return whether the run was claimed by a front end that died before it could start the supervisor."""
    return (folder / launch.LAUNCH_NAME).exists() and not (folder / END_NAME).exists()


def _put_back(connection: sqlite3.Connection, run: int) -> None:
    with transaction(connection):
        connection.execute("UPDATE runs SET status = 'queued', started = NULL WHERE id = ?", (run,))


def _unstarted(folder: Path) -> str:
    if not (folder / launch.LAUNCH_NAME).exists():
        return "its folder is gone"
    return ""


def _last_sign(folder: Path, started: float) -> float:
    """Return when the run last wrote anything, which is the latest moment it is known to have lived."""
    written = [folder / "output.log", *(folder / "journal").glob("*.wbj")]
    times = [path.stat().st_mtime for path in written if path.exists()]
    return min(max([started, *times]), time.time())
