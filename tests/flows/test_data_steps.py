"""Storing, restoring, sending, fetching and collecting data, killed before every single step in turn.

A step is a call that changes a file system: open to write, rename, remove, flush to the disk, and so on. After each
kill the store is as it was or as it will be, the doctor has nothing bad to say, and doing it again completes it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from tests.flows.test_data_faults import contents
from tests.flows.test_data_remote import assert_remote_sound, documents
from workbench.actions import data as actions
from workbench.actions import data_remote, doctor, gc
from workbench.project import Project
from workbench.versions import data, sweep
from workbench.versions.objects import Objects

# Python 3.12 warns of forks beside threads; these children start none and end without a word.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

CONFIG = '[project]\nname = "steps"\n[train]\ncommand = "python train.py"\ninputs = ["data"]\n'
STEPS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "symlink", "link", "truncate", "ftruncate")
MOST, LIMIT = 400, 120  # steps, and seconds that one may take


def killed_before(step: int, action: Callable[[], Any]) -> bool:
    """Do something in a process of its own that is killed before its step of this number; return whether it was."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(LIMIT)
            _count(step)
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def _count(step: int) -> None:
    left = [step]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    plain_open, counted_open = os.open, counted(os.open)

    def opened(path: Any, flags: int, *more: Any, **options: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return int((counted_open if writes else plain_open)(path, flags, *more, **options))

    os.open = opened  # type: ignore[assignment]
    plain_connect = sqlite3.connect

    class Counted(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:  # type: ignore[override]
            run = super().execute
            return (
                counted(run)(sql, *more)
                if sql.startswith(("COMMIT", "INSERT", "UPDATE", "DELETE"))
                else run(sql, *more)
            )

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return plain_connect(*arguments, **{"factory": Counted, **options})

    sqlite3.connect = connect  # type: ignore[assignment]


def each_step(action: Callable[[], Any], prepare: Callable[[], Any], check: Callable[[], Any]) -> int:
    """Kill an action before each of its steps, each time from what `prepare` makes; return how many there are."""
    for step in range(MOST):
        prepare()
        if not killed_before(step, action):
            return step
        check()
    pytest.fail(f"more than {MOST} steps")


def check_sound(project: Project) -> None:
    objects = Objects(project.objects_folder)
    assert list(sweep.damaged(objects)) == []
    for version in actions.listed(project):
        for hash in data.contents(objects, version.kind, version.hash) if version.kept else ():
            assert blake3(objects.content(hash)).hexdigest() == hash
    connection = project.open_store()
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()


def findings(project: Project) -> list[doctor.Finding]:
    return [one for check in ("store", "objects") for one in doctor._PROJECT_CHECKS[check](project)]


def noted(project: Project, words: str) -> bool:
    return any(words in one.text for one in findings(project))


def bad_findings(project: Project) -> list[str]:
    found = findings(project)
    return [one.text for one in found if one.topic in ("objects", "versions", "store") and one.state == "bad"]


def fill(folder: Path, seed: int) -> None:
    (folder / "deep").mkdir(parents=True, exist_ok=True)
    for name, size in (("deep/a", 2000), ("deep/b", 3000), ("large.bin", 300_000), ("empty", 0)):
        (folder / name).write_bytes(blake3(f"{seed} {name}".encode()).digest(size))


class Copy:
    """A folder that is put back as it was before each step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = folder.with_name(f"{folder.name}.kept")
        if folder.exists():
            shutil.copytree(folder, self.kept, symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.kept.exists():
            shutil.copytree(self.kept, self.folder, symlinks=True)


@pytest.fixture
def project(make_project) -> Project:
    """A project with one version of its data in the store."""
    made = make_project({"train.py": ""}, CONFIG)
    fill(made.folder / "data", 1)
    actions.snapshot(made)
    return made


def test_a_snapshot(project):
    fill(project.folder / "data", 2)
    copy = Copy(project.folder)
    (first,) = actions.listed(project)

    def check() -> None:
        check_sound(project)
        assert bad_findings(project) == []
        assert len(actions.listed(project)) in (1, 2)
        assert first.hash in {version.hash for version in actions.listed(project)}
        (taken,) = actions.snapshot(project)
        assert not taken.problem
        gc.collect(project)
        assert list(sweep.leftovers(Objects(project.objects_folder))) == []
        assert len(actions.listed(project)) == 2
        check_sound(project)

    assert each_step(lambda: actions.snapshot(project), copy.put_back, check) > 8


def test_a_restore(project):
    place = project.folder / "data"
    first = contents(place)
    fill(place, 2)
    (place / "deep" / "link").symlink_to("a")
    actions.snapshot(project)
    second = contents(place)
    version = next(one for one in actions.listed(project) if one.hash != actions.snapshot(project)[0].hash)
    copy = Copy(project.folder)

    def check() -> None:
        assert contents(place) in (first, second), "the one or the other, never a mixture"
        check_sound(project)
        assert bad_findings(project) == []
        left = [one.name for one in project.folder.iterdir() if one.name.endswith(".restoring")]
        assert noted(project, "a restore of data was interrupted; it is whole") == bool(left)
        actions.restore(project, version, force=True)
        assert contents(place) == first
        assert [one.name for one in project.folder.iterdir() if one.name.endswith(".restoring")] == []

    assert each_step(lambda: actions.restore(project, version, force=True), copy.put_back, check) > 5


def test_a_collection(project):
    place = project.folder / "data"
    for seed in (2, 3):
        fill(place, seed)
        actions.snapshot(project)
    connection = project.open_store()
    connection.execute("DELETE FROM data_versions WHERE id = 2")
    connection.close()
    (project.objects_folder / "packs" / ".0123456789ab.tmp").write_bytes(b"half")
    copy = Copy(project.folder)

    def check() -> None:
        check_sound(project)
        assert bad_findings(project) == []
        gc.collect(project)
        assert gc.look(project).empty
        assert len(actions.listed(project)) == 2
        check_sound(project)

    assert each_step(lambda: gc.collect(project), copy.put_back, check) > 2


def test_a_push(project, tmp_path):
    remote = tmp_path / "remote"
    data_remote.push(project, to=remote.as_uri())
    fill(project.folder / "data", 2)
    actions.snapshot(project)
    copy = Copy(remote)

    def check() -> None:
        assert_remote_sound(remote)
        assert len(documents(remote)) in (1, 2)
        data_remote.push(project, to=remote.as_uri())
        assert_remote_sound(remote)
        assert len(documents(remote)) == 2
        check_sound(project)

    assert each_step(lambda: data_remote.push(project, to=remote.as_uri()), copy.put_back, check) > 5


def test_a_pull(project, make_project, tmp_path):
    url = (tmp_path / "remote").as_uri()
    fill(project.folder / "data", 2)
    actions.snapshot(project)
    data_remote.push(project, to=url)
    clone = make_project({}, CONFIG, "clone")
    clone.open_store().close()
    copy = Copy(clone.folder)

    def check() -> None:
        check_sound(clone)
        assert bad_findings(clone) == []
        assert len(actions.listed(clone)) in (0, 1, 2)
        parts = list((clone.inner / "incoming").glob("*.part"))
        assert noted(clone, f"{len(parts)} parts of files from an interrupted pull") == bool(parts)
        data_remote.pull(clone, source=url)
        assert len(actions.listed(clone)) == 2
        check_sound(clone)

    assert each_step(lambda: data_remote.pull(clone, source=url), copy.put_back, check) > 5
