"""What a watcher says about itself; the status file is only words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workbench import locks
from workbench.project import Project
from workbench.watch import status as statuses
from workbench.watch.status import WatchStatus


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    found.prepare()
    return found


def test_a_status_comes_back_as_it_was_written(project: Project) -> None:
    lock = locks.take(project.inner / statuses.LOCK_NAME)
    assert lock is not None
    written = WatchStatus(True, 5, "inotify", ("*.py", "a b"), 3, 2, 1, 10.5, 11.5, 7, "run 1", "bad")
    statuses.write_status(project, written)
    assert statuses.read_status(project) == written
    os.close(lock)
    dead = statuses.read_status(project)
    assert not dead.alive and dead.pid == 0 and dead.last_run == 7


@pytest.mark.parametrize("content", ["", "[]", "{", '{"pid": "x", "paths": 5, "files": null, "unknown": 1}', "\0"])
def test_a_damaged_status_file_is_as_good_as_none(project: Project, content: str) -> None:
    (project.inner / statuses.STATUS_NAME).write_text(content)
    assert statuses.read_status(project) == WatchStatus()


def test_a_newer_status_file_is_read_as_far_as_it_is_known(project: Project) -> None:
    (project.inner / statuses.STATUS_NAME).write_text(json.dumps({"files": 4, "since": 3, "colour": "red"}))
    assert statuses.read_status(project) == WatchStatus(files=4, since=3)


def test_the_log_stays_small(tmp_path: Path) -> None:
    log = tmp_path / "watch.log"
    for number in range(9000):
        statuses.append_log(log, f"{number} {'x' * 100}")
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert total < 2 * statuses.LOG_SIZE + 1000
    assert log.read_text().splitlines()[-1].startswith("8999 ")
