"""Faults in the middle of storing data: kills, a full disk, Ctrl-C. Afterwards the store is as before or as after."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import workbench_command
from workbench import project as projects
from workbench.actions import data as actions
from workbench.actions import gc
from workbench.errors import EnvironmentProblem
from workbench.versions import data, sweep
from workbench.versions.objects import Objects

CONFIG = '[project]\nname = "test"\n[train]\ncommand = "python train.py"\ninputs = ["data"]\n'
KILLS = 12


def fill(folder: Path, seed: int, files: int = 400) -> None:
    chance = random.Random(seed)
    (folder / "deep").mkdir(parents=True, exist_ok=True)
    for number in range(files):
        (folder / "deep" / f"{number}.bin").write_bytes(chance.randbytes(3000))
    (folder / "large.bin").write_bytes(b"the same start" * 1000 + chance.randbytes(6_000_000))
    (folder / "table.csv").write_text("a,b\n" + "".join(f"{row},{chance.random()}\n" for row in range(20_000)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        workbench_command(*words), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def killed_at(folder: Path, moment: float, *words: str) -> bool:
    """Start a command and kill it after `moment` seconds; return whether it was still going then."""
    process = started(folder, *words)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stderr:
        process.stderr.close()
    return process.returncode == -signal.SIGKILL


def check_sound(project: projects.Project) -> None:
    """Every content matches its name, and every version that is said to be kept comes back."""
    objects = Objects(project.objects_folder)
    assert list(sweep.damaged(objects)) == []
    for version in actions.listed(project):
        if version.kept:
            for hash in data.contents(objects, version.kind, version.hash):
                assert objects.content(hash) is not None


@pytest.fixture
def project(make_project):
    made = make_project({"train.py": ""}, CONFIG)
    fill(made.folder / "data", 1)
    actions.snapshot(made)
    return made


@pytest.fixture
def duration(project):
    """How long a snapshot of everything takes as a process, start-up included."""
    fill(project.folder / "data", 2)
    began = time.monotonic()
    assert started(project.folder, "data", "snapshot").wait() == 0
    return time.monotonic() - began


def moments(duration: float) -> list[float]:
    chance = random.Random(4)
    return [chance.uniform(0.15, 1.0) * duration for _ in range(KILLS)]


def test_a_snapshot_killed_at_any_moment_leaves_the_store_as_it_was_or_as_it_will_be(project, duration):
    killed = 0
    for seed, moment in enumerate(moments(duration), 10):
        fill(project.folder / "data", seed)
        before = {version.hash for version in actions.listed(project)}
        killed += killed_at(project.folder, moment, "data", "snapshot")
        assert len({version.hash for version in actions.listed(project)} - before) <= 1
    assert killed
    check_sound(project)
    (taken,) = actions.snapshot(project)
    assert not taken.problem
    check_sound(project)
    gc.collect(project)
    assert list(sweep.leftovers(Objects(project.objects_folder))) == []
    check_sound(project)


def test_the_doctor_says_that_a_write_was_interrupted_and_gc_clears_it_away(project, run_cli):
    (project.objects_folder / "packs" / ".0123456789ab.tmp").write_bytes(b"half a pack")
    (project.objects_folder / "whole" / ".0123456789ab.tmp").write_bytes(b"half a file")
    findings = run_cli("doctor", "--json", folder=project.folder).json["findings"]
    (note,) = [each for each in findings if "leftovers" in each["text"]]
    assert "2 leftovers of interrupted writes; the store is as it was before" in note["text"]
    assert note["hint"] == "workbench gc"
    assert len(run_cli("gc", "--yes", "--json", folder=project.folder).json["leftovers"]) == 2
    findings = run_cli("doctor", "--json", folder=project.folder).json["findings"]
    assert not [each for each in findings if "leftovers" in each["text"]]
    check_sound(project)


def test_a_restore_killed_at_any_moment_leaves_the_one_or_the_other(project, duration):
    versions = actions.listed(project, "data")
    states = []
    for version in versions:
        actions.restore(project, version, force=True)
        states.append(contents(project.folder / "data"))
    killed = 0
    for number, moment in enumerate(moments(duration)):
        version = versions[number % 2]
        killed += killed_at(project.folder, moment, "data", "restore", f"data@{version.hash[:16]}")
        assert contents(project.folder / "data") in states
    assert killed
    actions.restore(project, versions[0])
    assert [path.name for path in project.folder.iterdir() if path.name.endswith(".restoring")] == []
    check_sound(project)


def test_gc_killed_at_any_moment_takes_nothing_that_is_needed(project, duration):
    folder = project.folder
    connection = project.open_store()
    killed = 0
    for seed, moment in enumerate(moments(duration)[:8], 30):
        fill(folder / "data", seed, files=50)
        (taken,) = actions.snapshot(project)
        connection.execute("DELETE FROM data_versions WHERE hash != ? AND id % 2", (taken.hash,))
        killed += killed_at(folder, moment, "gc", "--yes")
        check_sound(project)
    connection.close()
    gc.collect(project)
    check_sound(project)
    assert gc.look(project).empty


def test_gc_waits_for_nobody_and_takes_nothing_while_something_is_stored(project):
    with Objects(project.objects_folder).held(), pytest.raises(EnvironmentProblem, match="just being put"):
        gc.collect(project)
    gc.collect(project)


def test_ctrl_c_leaves_nothing_half_done(project, wait_until):
    fill(project.folder / "data", 5, files=3000)
    before = sorted(path.name for path in project.objects_folder.rglob("*") if path.is_file())
    process = started(project.folder, "data", "snapshot")
    temporary = project.objects_folder / "packs"
    wait_until(lambda: process.poll() is not None or list(temporary.glob(".*.tmp")))
    process.send_signal(signal.SIGINT)
    error = process.stderr.read() if process.stderr else b""
    if process.wait() == 0:
        pytest.skip("it was done before it could be interrupted")
    assert process.returncode == 130
    assert b"Traceback" not in error
    assert list(sweep.leftovers(Objects(project.objects_folder))) == []
    after = sorted(path.name for path in project.objects_folder.rglob("*") if path.is_file())
    assert set(after) >= set(before)
    check_sound(project)


@pytest.fixture
def small(tmp_path):
    """A file system of 8 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def test_a_full_disk_is_said_and_changes_nothing(make_project, small, run_cli):
    project = make_project({"train.py": "print('trained')"}, CONFIG, name="small/project")
    folder = project.folder / "data"
    folder.mkdir()
    (folder / "first.bin").write_bytes(os.urandom(100_000))
    actions.snapshot(project)
    known = [version.hash for version in actions.listed(project)]
    for size in (2_400_000, 30_000):
        for number in range(4_800_000 // size):
            (folder / f"{number}.bin").write_bytes(os.urandom(size))
        answer = run_cli("data", "snapshot", folder=project.folder)
        assert answer.code == 3
        assert "No space left" in answer.err
        assert [version.hash for version in actions.listed(project)] == known
        assert list(sweep.leftovers(Objects(project.objects_folder))) == []
        check_sound(project)
        # A run goes on without its bytes, and says so.
        assert run_cli("run", folder=project.folder).code == 0
        shown = run_cli("show", "@latest", folder=project.folder).out
        assert "not kept: No space left" in shown
        connection = project.open_store()
        connection.execute("DELETE FROM data_versions WHERE NOT kept")
        connection.close()
        for path in folder.glob("[0-9]*.bin"):
            path.unlink()


def test_what_lies_where_nobody_can_write_is_read_as_anywhere_else(make_project, small, tmp_path, run_cli):
    project = make_project({"data/a.csv": "a\n1\n"}, CONFIG, name="small/project")
    assert run_cli("run", "--", "true", folder=project.folder).code == 0
    assert run_cli("data", "snapshot", folder=project.folder).code == 0
    remote = (tmp_path / "remote").as_uri()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for words in (
        ["runs"], ["show", "1"], ["lineage", "1"], ["data", "list"], ["data", "diff", "data", "@latest"],
        ["data", "profile", "data/a.csv"], ["data", "push", "--to", remote],
        ["data", "restore", "data", "--to", str(tmp_path / "out")],
    ):  # fmt: skip
        answer = run_cli(*words, folder=project.folder)
        assert answer.code == 0, (words, answer.err)
    assert (tmp_path / "out/data/a.csv").read_text() == "a\n1\n"
    for words in (["run", "--", "true"], ["data", "snapshot"], ["data", "restore", "data"], ["note", "1", "x"]):
        answer = run_cli(*words, folder=project.folder)
        assert answer.code == 3, (words, answer.err)
        assert "ead-only" in answer.err or "readonly" in answer.err
    subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    assert run_cli("data", "snapshot", folder=project.folder).code == 0
    check_sound(project)


def test_a_full_disk_while_restoring_leaves_the_target_as_it_was(project, small, run_cli):
    (version,) = actions.listed(project, "data")
    target = small / "data"
    target.mkdir()
    (target / "before").write_bytes(b"precious" * 500_000)
    answer = run_cli(
        "data", "restore", f"data@{version.hash[:16]}", "--to", str(small), "--force", folder=project.folder
    )
    assert answer.code == 3
    assert "No space left" in answer.err
    assert contents(small) == {"data/before": b"precious" * 500_000}


def test_a_full_disk_on_the_other_side_of_a_push_leaves_it_sound_and_goes_on(project, small, run_cli):
    url = (small / "remote").as_uri()
    (small / "ballast").write_bytes(bytes(5_000_000))
    answer = run_cli("data", "push", "--to", url, folder=project.folder)
    assert answer.code == 3
    assert "disk is full" in answer.err
    assert list(small.glob("remote/versions/*/*")) == []
    (small / "ballast").unlink()
    assert run_cli("data", "push", "--to", url, folder=project.folder).code == 0
    assert len(list(small.glob("remote/versions/*/*.json"))) == 1
    assert list(small.glob("remote/objects/**/.*")) == []


def test_a_full_disk_while_pulling_leaves_the_store_sound_and_goes_on(project, make_project, small, tmp_path, run_cli):
    url = (tmp_path / "remote").as_uri()
    assert run_cli("data", "push", "--to", url, folder=project.folder).code == 0
    clone = make_project({}, CONFIG, name="small/clone")
    clone.open_store().close()
    (small / "ballast").write_bytes(bytes(5_000_000))
    answer = run_cli("data", "pull", "--from", url, folder=clone.folder)
    assert answer.code == 3
    assert "disk is full" in answer.err or "No space left" in answer.err
    assert actions.listed(clone) == []
    check_sound(clone)
    (small / "ballast").unlink()
    assert run_cli("data", "pull", "--from", url, folder=clone.folder).code == 0
    assert len(actions.listed(clone)) == 1
    check_sound(clone)


def test_a_supervisor_killed_while_it_stores_inputs_puts_the_run_back(project, run_cli, wait_until):
    fill(project.folder / "data", 6, files=8000)
    assert run_cli("run", "--detach", "--", sys.executable, "-c", "print('done')", folder=project.folder).code == 0
    (run_folder,) = project.runs_folder.iterdir()
    supervisor = int(wait_until(lambda: (run_folder / "lock").read_text().strip()))
    with contextlib.suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGKILL)
    if (run_folder / "end.json").exists():
        pytest.skip("it had stored them before it could be killed")
    wait_until(lambda: run_cli("show", "1", "--json", folder=project.folder).json["status"] == "finished")
    assert run_cli("show", "1", "--json", folder=project.folder).json["data"][0]["path"] == "data"
    check_sound(project)


def test_what_was_taken_last_is_the_latest_though_the_clock_was_put_back(project):
    from workbench.runs.inputs import save_version
    from workbench.store.connection import transaction

    connection = project.open_store()
    item = {"path": "a", "kind": "file", "size": 1, "files": 1, "rows": None, "kept": True}
    first, second = "1" * 64, "2" * 64
    for hash, now in ((first, 2000.0), (second, 1000.0), (first, 1001.0), (second, 999.0)):
        with transaction(connection):
            save_version(connection, {**item, "hash": hash}, {}, now)
        assert actions.find(project, "a@latest").hash == hash
    connection.close()
    assert [(version.hash, version.created) for version in actions.listed(project, "a")] == [
        (second, 1000.0), (first, 2000.0),
    ]  # fmt: skip
