"""The watcher as a process: started, asked, stopped, killed, and what it does with runs that take their time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.actions import runs as actions
from workbench.actions import starting, watch
from workbench.errors import EnvironmentProblem
from workbench.project import Project, load
from workbench.runs import processes
from workbench.runs.model import Run
from workbench.watch.observer import FORCE_VARIABLE
from workbench.watch.status import WatchStatus

LIMIT = 60.0
SLOW = "touch begun; until [ -e go ]; do sleep 0.05; done; cat value.py > seen-$$"


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project whose run takes until there is a file `go`."""
    folder = tmp_path / "a project"
    folder.mkdir()
    configure(folder)
    (folder / "slow.sh").write_text(SLOW)
    (folder / "value.py").write_text("0")
    found = load(folder)
    yield found
    if folder.exists():
        watch.stop(found)
    for run in (folder / ".workbench" / "runs").glob("*"):
        processes.end_all(run, None, 0.0)


def configure(folder: Path, mode: str = "queue", paths: str = '"*.py"', command: str = "sh slow.sh") -> None:
    (folder / "workbench.toml").write_text(
        f'[train]\ncommand = "{command}"\n[watch]\npaths = [{paths}]\ndebounce_ms = 100\nwhile_running = "{mode}"\n'
    )


def until(condition: Callable[[], Any], limit: float = LIMIT) -> Any:
    deadline = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return found


def runs(project: Project) -> list[Run]:
    return actions.list_runs(project, descending=False)


def statuses(project: Project) -> list[str]:
    return [run.status for run in runs(project)]


def open_files(pid: int) -> list[str]:
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(link))
    return found


def ready(project: Project) -> WatchStatus:
    """Start a watcher and wait until every file has been read."""
    watch.start(project)
    until(lambda: watch.status(project).unread == 0)
    return watch.status(project)


def command(project: Project, *words: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", "-C", str(project.folder), "watch", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **options,
    )  # fmt: skip


def test_queue_makes_one_next_run_of_all_that_changed_meanwhile(project: Project) -> None:
    ready(project)
    (project.folder / "value.py").write_text("1")
    until(lambda: statuses(project) == ["running"])
    for number in (2, 3, 4):
        (project.folder / "value.py").write_text(str(number))
        (project.folder / f"more{number}.py").write_text("x")
        moment = watch.status(project).last_change
        until(lambda moment=moment: watch.status(project).last_change > moment)
    until(lambda: watch.status(project).waiting == "run 1 is still going")
    assert statuses(project) == ["running"]
    (project.folder / "go").touch()
    until(lambda: statuses(project) == ["finished", "finished"])
    files = {each["path"]: each for each in runs(project)[1].trigger["files"]}
    assert sorted(files) == ["more2.py", "more3.py", "more4.py", "value.py"]
    assert files["value.py"]["old"] == runs(project)[0].trigger["files"][0]["new"]
    (project.folder / "value.py").write_text("5")
    until(lambda: statuses(project) == ["finished"] * 3)
    assert [each["path"] for each in runs(project)[2].trigger["files"]] == ["value.py"]


def test_restart_stops_the_going_run_and_starts_anew(project: Project) -> None:
    configure(project.folder, "restart")
    project = load(project.folder)
    ready(project)
    (project.folder / "value.py").write_text("1")
    until(lambda: statuses(project) == ["running"])
    (project.folder / "value.py").write_text("2")
    until(lambda: statuses(project) == ["stopped", "running"])
    assert runs(project)[1].trigger["restarts"] == [1]
    (project.folder / "go").touch()
    until(lambda: statuses(project) == ["stopped", "finished"])
    assert [path.read_text() for path in project.folder.glob("seen-*")] == ["2"]


def test_restart_leaves_a_run_that_was_started_by_hand_alone(project: Project) -> None:
    configure(project.folder, "restart")
    project = load(project.folder)
    ready(project)
    starting.start(project, starting.Request())
    (project.folder / "value.py").write_text("1")
    until(lambda: watch.status(project).waiting == "other runs are going")
    assert statuses(project) == ["running"]
    (project.folder / "go").touch()
    until(lambda: statuses(project) == ["finished", "finished"])
    assert [run.trigger["kind"] for run in runs(project)] == ["hand", "change"]


def test_the_second_watcher_says_who_has_it(project: Project) -> None:
    status = ready(project)
    assert watch.start(project).pid == status.pid
    second = command(project)
    out, err = second.communicate(timeout=LIMIT)
    assert second.returncode == 3 and out == ""
    assert f"already watched (process {status.pid})" in err and "workbench watch --status" in err


def test_many_watchers_started_at_once_leave_one(project: Project) -> None:
    started = [command(project, "--json") for _ in range(5)]
    until(lambda: sum(each.poll() is None for each in started) == 1 and watch.status(project).how != "starting")
    assert sorted(each.poll() or 0 for each in started) == [0, 3, 3, 3, 3]
    assert watch.status(project).pid == next(each.pid for each in started if each.poll() is None)
    assert watch.stop(project)
    for each in started:
        each.communicate(timeout=LIMIT)


def test_after_kill_9_another_watcher_starts_and_knows_the_runs_of_the_first(project: Project) -> None:
    first = ready(project)
    (project.folder / "value.py").write_text("1")
    until(lambda: (project.folder / "begun").exists())
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not watch.status(project).alive)
    (project.folder / "value.py").write_text("while nobody watched")
    second = ready(project)
    assert second.pid != first.pid
    (project.folder / "value.py").write_text("2")
    until(lambda: watch.status(project).waiting == "run 1 is still going")
    (project.folder / "go").touch()
    until(lambda: statuses(project) == ["finished", "finished"])
    assert len(runs(project)) == 2


def test_stopping_the_watcher_leaves_the_run_going(project: Project) -> None:
    ready(project)
    (project.folder / "value.py").write_text("1")
    until(lambda: statuses(project) == ["running"])
    assert watch.stop(project) is True
    assert not watch.status(project).alive and watch.stop(project) is False
    (project.folder / "go").touch()
    until(lambda: statuses(project) == ["finished"])


def test_in_the_foreground_it_tells_what_it_sees_until_ctrl_c(project: Project) -> None:
    (project.folder / "go").touch()
    shown = command(project)
    assert shown.stdout is not None
    assert "watching 1 file in 1 folder (inotify)" in shown.stdout.readline()
    (project.folder / "value.py").write_text("1")
    assert "training code: value.py changed" in shown.stdout.readline()
    assert "training code: value.py changed → run 1" in shown.stdout.readline()
    assert "run 1 finished" in shown.stdout.readline()
    shown.send_signal(signal.SIGINT)
    out, err = shown.communicate(timeout=LIMIT)
    assert "stopped watching (Ctrl-C)" in out and err == "" and shown.returncode == 0


def test_the_json_of_the_command_line(project: Project) -> None:
    def document(*words: str) -> tuple[int, dict[str, Any]]:
        process = command(project, *words, "--json")
        out, err = process.communicate(timeout=LIMIT)
        assert err == ""
        return process.returncode, json.loads(out)

    code, found = document("--status")
    assert code == 1 and found["alive"] is False and found["since"] is None
    code, found = document("--detach")
    assert code == 0 and found["alive"] and found["files"] == 1 and found["paths"] == ["*.py"]
    assert document("--status")[1]["pid"] == found["pid"]
    assert document("--stop") == (0, {"stopped": True}) and document("--stop") == (0, {"stopped": False})


def test_the_folder_vanishing_ends_it_with_a_sentence(project: Project) -> None:
    shown = command(project)
    assert shown.stdout is not None and "watching" in shown.stdout.readline()
    shutil.rmtree(project.folder)
    out, err = shown.communicate(timeout=LIMIT)
    assert shown.returncode == 3 and "is gone" in out and err == ""
    assert not project.folder.exists()


def test_the_folder_moving_away_ends_it_too(project: Project, tmp_path: Path) -> None:
    ready(project)
    project.folder.rename(tmp_path / "moved")
    moved = load(tmp_path / "moved")
    until(lambda: not watch.status(moved).alive)
    assert watch.start(moved).alive and watch.stop(moved)


def test_a_project_with_nothing_to_run_is_refused(project: Project) -> None:
    (project.folder / "workbench.toml").write_text('[project]\nname = "x"\n')
    with pytest.raises(EnvironmentProblem, match="names no command to run"):
        watch.start(load(project.folder))


def test_a_broken_configuration_is_in_the_status_and_the_old_rules_stay(project: Project) -> None:
    (project.folder / "go").touch()
    ready(project)
    good = (project.folder / "workbench.toml").read_text()
    (project.folder / "workbench.toml").write_text(good.replace("paths", "pahts"))
    until(lambda: "pahts" in watch.status(project).problem)
    (project.folder / "value.py").write_text("1")
    until(lambda: statuses(project) == ["finished"])
    configure(project.folder, paths='"*.py", "*.txt"')
    until(lambda: watch.status(project).problem == "" and "*.txt" in watch.status(project).paths)
    (project.folder / "notes.txt").write_text("1")
    until(lambda: statuses(project) == ["finished", "finished"])


def test_polling_sees_changes_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.folder / "go").touch()
    monkeypatch.setenv(FORCE_VARIABLE, "polling")
    assert ready(project).how == "polling (asked for)"
    (project.folder / "value.py").write_text("1")
    until(lambda: statuses(project) == ["finished"])


def test_a_run_that_writes_what_is_watched_does_not_loop_at_full_speed(project: Project) -> None:
    configure(project.folder, paths='"*.csv"', command="sh count.sh")
    (project.folder / "count.sh").write_text("echo x >> made.csv")
    (project.folder / "made.csv").write_text("x\n")
    project = load(project.folder)
    ready(project)
    (project.folder / "made.csv").write_text("by hand\n")
    problem = until(lambda: watch.status(project).problem)
    assert "made.csv changed during each of the last" in problem and "[watch] ignore" in problem
    until(lambda: watch.status(project).waiting == "a pause")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_stops_in_the_middle_of_reading_a_changed_large_file(project: Project) -> None:
    configure(project.folder, paths='"*.csv"')
    project = load(project.folder)
    ready(project)
    with (project.folder / "huge.csv").open("wb") as file:
        file.truncate(50_000_000_000)
    pid = watch.status(project).pid
    until(lambda: str(project.folder / "huge.csv") in open_files(pid))
    begun = time.monotonic()
    assert watch.stop(project)
    assert time.monotonic() - begun < 5


def test_a_change_runs_only_the_stages_that_it_touches(tmp_path: Path) -> None:
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "workbench.toml").write_text(
        '[stages.one]\ncommand = "sh one.sh"\ninputs = ["a.txt"]\noutputs = ["b.txt"]\n'
        '[stages.two]\ncommand = "sh two.sh"\ninputs = ["b.txt"]\noutputs = ["c.txt"]\n'
        '[watch]\npaths = ["a.txt", "*.sh", "notes.py"]\ndebounce_ms = 100\n'
    )
    for name, content in {"a.txt": "1", "one.sh": "cp a.txt b.txt", "two.sh": "cp b.txt c.txt"}.items():
        (folder / name).write_text(content)
    project = load(folder)
    try:
        ready(project)
        (folder / "a.txt").write_text("2")
        until(lambda: statuses(project) == ["finished", "finished"])
        (folder / "two.sh").write_text("cp b.txt c.txt # again")
        until(lambda: statuses(project) == ["finished"] * 3)
        assert [run.stage for run in runs(project)] == ["one", "two", "two"]
        assert [each["path"] for each in runs(project)[2].trigger["files"]] == ["two.sh"]
        (folder / "notes.py").write_text("nothing reads this")
        log = folder / ".workbench" / "watch.log"
        until(lambda: "notes.py changed; Nothing to do: 2 stages are up to date" in log.read_text())
        assert len(runs(project)) == 3
    finally:
        watch.stop(project)


def test_restart_ends_the_pipeline_and_starts_it_anew(project: Project) -> None:
    (project.folder / "workbench.toml").write_text(
        '[stages.one]\ncommand = "sh slow.sh"\ninputs = ["value.py"]\n'
        '[stages.two]\ncommand = "true"\ninputs = ["value.py"]\n'
        '[watch]\npaths = ["*.py"]\ndebounce_ms = 100\nwhile_running = "restart"\n'
    )
    ready(load(project.folder))
    (project.folder / "value.py").write_text("1")
    until(lambda: statuses(project) == ["running"])
    (project.folder / "value.py").write_text("2")
    until(lambda: statuses(project) == ["stopped", "running"])
    assert runs(project)[1].trigger["restarts"] == [1]
    (project.folder / "go").touch()
    until(lambda: statuses(project) == ["stopped", "finished", "finished"])
    assert [path.read_text() for path in project.folder.glob("seen-*")] == ["2"]
