"""What a run survives: scripts that misbehave, processes that are killed, disks that fill up."""

from __future__ import annotations

import math
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.errors import StoreError
from workbench.project import Project, load
from workbench.runs import launch, processes, queries
from workbench.runs.model import Run
from workbench.runs.recovery import recover
from workbench.store.connection import open_store
from workbench.store.migrations import VERSION

LIMIT = 60.0


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project folder; whatever still runs in it is stopped afterwards."""
    place = tmp_path / "project"
    place.mkdir()
    yield place
    for run in (place / ".workbench" / "runs").glob("*"):
        processes.end_all(run, None, 0.0)


def until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def start(folder: Path, script: str, *arguments: str, name: str = "train.py") -> tuple[Project, int]:
    code = textwrap.dedent(script)
    if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != code:
        (folder / name).write_text(code, encoding="utf-8")
    project = load(folder)
    request = starting.Request((sys.executable, name, *arguments))
    return project, starting.start(project, request)[0]


def finished(project: Project, number: int, limit: float = LIMIT) -> Run:
    found: list[Run] = []

    def over() -> bool:
        found[:] = [actions.get(project, str(number))]
        return found[0].is_over

    until(over, limit)
    said = project.run_folder(found[0].uid) / "supervisor.log"
    assert not said.exists() or said.read_text() == ""
    return found[0]


def run(folder: Path, script: str, *arguments: str) -> tuple[Project, Run]:
    project, number = start(folder, script, *arguments)
    return project, finished(project, number)


def curve(project: Project, number: int, metric: str) -> list[tuple[int, float]]:
    connection = project.open_reader()
    try:
        found = queries.history(connection, number, metric)
        return list(zip(found.steps, found.values, strict=True))
    finally:
        connection.close()


def notices(project: Project, number: int) -> list[str]:
    connection = project.open_reader()
    try:
        return [text for _, text in queries.notices(connection, number)]
    finally:
        connection.close()


def output_of(project: Project, found: Run) -> bytes:
    return (project.run_folder(found.uid) / "output.log").read_bytes()


def test_a_crash_is_a_failed_run_that_names_the_exception(folder: Path) -> None:
    _, found = run(folder, "raise ValueError('no such column: age')")
    assert (found.status, found.exit_code) == ("failed", 1)
    assert found.reason == "exit code 1: ValueError: no such column: age"


def test_a_segmentation_fault_is_named(folder: Path) -> None:
    _, found = run(folder, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (found.status, found.signal, found.reason) == ("failed", signal.SIGSEGV, "killed by SIGSEGV")


def test_a_memory_error_is_named(folder: Path) -> None:
    _, found = run(
        folder,
        """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
        data = bytearray(1 << 31)
        """,
    )
    assert found.status == "failed"
    assert found.reason.startswith("out of memory")


def test_a_command_that_does_not_exist_is_a_failed_run(folder: Path) -> None:
    project = load(folder)
    number = starting.start(project, starting.Request(("no-such-program", "--fast")))[0]
    found = finished(project, number)
    assert (found.status, found.exit_code, found.reason) == ("failed", 127, "no such command: no-such-program")


def test_a_child_that_is_left_behind_is_stopped_and_named(folder: Path) -> None:
    project, found = run(
        folder,
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            open("child", "w").write(str(os.getpid()))
            time.sleep(600)
        while not os.path.exists("child") or not open("child").read():
            pass
        """,
    )
    assert found.status == "finished"
    assert notices(project, found.number) == ["left 1 process behind, which Workbench stopped"]
    assert processes.birth(int((folder / "child").read_text())) is None


def test_stopping_ends_children_that_ignore_the_signal(folder: Path) -> None:
    project, number = start(
        folder,
        """
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            open("child", "w").write(str(os.getpid()))
        time.sleep(600)
        """,
    )
    until(lambda: (folder / "child").exists() and (folder / "child").read_text())
    asked = time.monotonic()
    assert actions.stop(project, [number]) == [number]
    found = finished(project, number)
    assert (found.status, found.signal) == ("stopped", signal.SIGKILL)
    assert time.monotonic() - asked > processes.STOP_GRACE_SECONDS - 1
    assert processes.birth(int((folder / "child").read_text())) is None


def test_a_script_that_saves_its_work_on_sigterm_may_do_so(folder: Path) -> None:
    project, number = start(
        folder,
        """
        import signal, sys, time
        def save(*_):
            open("saved", "w").write("yes")
            sys.exit(0)
        signal.signal(signal.SIGTERM, save)
        open("ready", "w").close()
        time.sleep(600)
        """,
    )
    until(lambda: (folder / "ready").exists())
    actions.stop(project, [number])
    found = finished(project, number)
    assert (folder / "saved").read_text() == "yes"
    assert found.status in ("finished", "stopped")


def test_a_million_lines_are_kept_and_read(folder: Path) -> None:
    project, found = run(
        folder,
        """
        import sys
        for i in range(10):
            sys.stdout.write("".join(f"line {n} of nothing\\n" for n in range(100_000)))
        print("accuracy: 0.75")
        """,
    )
    assert found.status == "finished"
    assert found.value("accuracy") == 0.75
    assert output_of(project, found).count(b"\n") == 1_000_001


def test_binary_and_control_sequences_in_the_output_do_no_harm(folder: Path) -> None:
    project, found = run(
        folder,
        r"""
        import sys
        out = sys.stdout.buffer
        out.write(bytes(range(256)) * 50)
        out.write(b"\x1b]52;c;cHduZWQ=\x07\x1b[2J\x9b31m\n")
        out.write(b"\xe2\x82")
        out.write(b"\nloss: 0.5\n\xf0\x9f")
        """,
    )
    assert found.status == "finished"
    assert found.value("loss") == 0.5
    assert output_of(project, found).endswith(b"\nloss: 0.5\n\xf0\x9f")


def test_odd_values_and_steps_are_kept_as_they_are(folder: Path) -> None:
    project, found = run(
        folder,
        """
        import workbench
        for value in (1.0, float("nan"), float("inf"), -float("inf"), 2.0):
            workbench.log({"odd": value})
        workbench.log({"words": "hello", "none": None, "fine": 3})
        workbench.log({"far": 1.0}, step=10**9)
        workbench.log({"far": 2.0}, step=10**9)
        workbench.log({"far": 3.0}, step=5)
        workbench.log({"far": 4.0}, step=10**30)
        workbench.log({"far": 5.0}, step="seven")
        workbench.log("not a dictionary")
        """,
    )
    assert found.status == "finished", found.reason
    odd = [value for _, value in curve(project, found.number, "odd")]
    assert odd[0] == 1.0 and math.isnan(odd[1]) and odd[2:] == [math.inf, -math.inf, 2.0]
    summary = found.metrics["odd"]
    assert (summary.least, summary.greatest, summary.last, summary.count) == (1.0, 2.0, 2.0, 5)
    far = curve(project, found.number, "far")
    assert far[:3] == [(5, 3.0), (6, 4.0), (7, 5.0)] and far[3:] == [(10**9, 1.0), (10**9, 2.0)]
    assert found.value("fine") == 3.0
    said = notices(project, found.number)
    assert "metric 'words' is not a number: 'hello'" in said
    assert "metric 'none' is not a number: None" in said
    assert any(text.startswith("metric 'far': the step is not a whole number") for text in said)


@pytest.mark.parametrize("name", ["[red]", "[@click=app.quit]", "two\nlines", "\x1b]52;c;x\x07", "ключ", "a" * 400, ""])
def test_a_metric_may_have_any_name(folder: Path, name: str) -> None:
    _, found = run(folder, f"import workbench; workbench.log({{{name!r}: 1.5}})")
    assert list(found.metrics) == [name[:250]]
    assert found.value(name[:250]) == 1.5


@pytest.mark.parametrize("name", ["with space", "quo'te\"s", "new\nline", "emoji 🚀", "dollar $HOME `x`", "-dash"])
def test_a_project_may_lie_at_any_path(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.mkdir()
    _, found = run(place, "import workbench; workbench.log({'x': 1}); print(workbench.checkpoint())", "--lr", "0.1")
    assert (found.status, found.value("x"), found.params["lr"]) == ("finished", 1.0, 0.1)


def test_forked_workers_each_log_and_nothing_is_lost(folder: Path) -> None:
    _, found = run(
        folder,
        """
        import os, workbench
        workbench.log({"main": 1})
        children = []
        for worker in range(4):
            pid = os.fork()
            if pid == 0:
                for i in range(500):
                    workbench.log({f"worker{worker}": i})
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        """,
    )
    assert found.metrics["main"].count == 1
    assert [found.metrics[f"worker{n}"].count for n in range(4)] == [500] * 4


def test_threads_log_without_losing_a_point(folder: Path) -> None:
    _, found = run(
        folder,
        """
        import threading, workbench
        def work(n):
            for i in range(2000):
                workbench.log({f"t{n}": i, "shared": n})
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        """,
    )
    assert found.metrics["shared"].count == 8000


def test_a_vanished_project_folder_ends_its_run_and_leaves_no_process(folder: Path) -> None:
    project, number = start(folder, "import time\nopen('ready','w').close()\ntime.sleep(600)")
    until(lambda: (folder / "ready").exists())
    connection = project.open_reader()
    (uid,) = connection.execute("SELECT uid FROM runs WHERE id = ?", (number,)).fetchone()
    connection.close()
    run_folder = project.run_folder(uid)
    # It may be writing just then what it found out of the environment.
    until(lambda: shutil.rmtree(folder, ignore_errors=True) or not folder.exists())
    until(lambda: not processes.members(run_folder, None), 30)


# ---- kill -9 -------------------------------------------------------------------------------------------------------

COUNTING = """
import os, struct, sys, workbench
truth = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for step in range(int(sys.argv[2])):
    workbench.log({"x": step * 0.5}, step=step)
    os.pwrite(truth, struct.pack("<q", step), 0)
"""


def _truth(path: Path) -> int:
    return struct.unpack("<q", path.read_bytes())[0] if path.exists() and path.stat().st_size == 8 else -1


def _kill(pid: int | None) -> None:
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _supervisor_pid(folder: Path, uid: str) -> int | None:
    """Return the supervisor that holds the lock of a run, or None where it is gone."""
    said = (folder / ".workbench" / "runs" / uid / "lock").read_text()
    return int(said) if said and processes.birth(int(said)) is not None else None


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["script", "supervisor", "both", "supervisor first, script later"])
def test_killing_at_random_moments_loses_no_recorded_point(folder: Path, victim: str) -> None:
    (folder / "workbench.toml").write_text("[train]\ncommand = 'true'\nmax_parallel = 5\n")
    chance = random.Random(victim)
    steps = "30000" if victim == "supervisor" else "1000000000"  # the others go on until they are killed
    for _ in range(5):
        batch = [start(folder, COUNTING, f"truth{n}", steps) for n in range(5)]
        project = batch[0][0]
        uids = {number: actions.get(project, str(number)).uid for _, number in batch}
        until(lambda: all(_truth(folder / f"truth{n}") >= 0 for n in range(5)))
        for number in uids:
            time.sleep(chance.random() * 0.05)
            _strike(project, uids[number], victim)
        for place, (_, number) in enumerate(batch):
            found = finished(project, number)
            recorded = [step for step, _ in curve(project, number, "x")]
            acknowledged = _truth(folder / f"truth{place}")
            assert recorded == list(range(len(recorded)))
            assert len(recorded) > acknowledged >= 0
            assert found.metrics["x"].count == len(recorded)
            (folder / f"truth{place}").unlink()
            if victim == "script":
                assert (found.status, found.signal) == ("failed", signal.SIGKILL)
    _assert_sound(project)


def _strike(project: Project, uid: str, victim: str) -> None:
    record = processes_of(project, uid)
    if "supervisor" in victim or victim == "both":
        _kill(_supervisor_pid(project.folder, uid))
    if victim in ("script", "both") or "script later" in victim:
        _kill(record)


def processes_of(project: Project, uid: str) -> int | None:
    found = processes.members(project.run_folder(uid), None)
    return found[0] if found else None


def _assert_sound(project: Project) -> None:
    connection = project.open_store()
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM runs WHERE status = 'running'").fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


def test_a_run_whose_supervisor_was_killed_is_followed_to_its_end(folder: Path) -> None:
    project, number = start(
        folder,
        """
        import os, time, workbench
        workbench.log({"x": 1})
        open("ready", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        workbench.log({"x": 2})
        """,
    )
    until(lambda: (folder / "ready").exists())
    uid = actions.get(project, str(number)).uid
    _kill(_supervisor_pid(folder, uid))
    until(lambda: _supervisor_pid(folder, uid) is None)
    assert actions.get(project, str(number)).status == "running"
    (folder / "go").touch()
    found = finished(project, number)
    assert found.status == "lost"
    assert "nobody saw how it ended" in found.reason
    assert [value for _, value in curve(project, number, "x")] == [1.0, 2.0]


def test_a_run_without_supervisor_can_still_be_stopped(folder: Path) -> None:
    project, number = start(folder, "import time\nopen('ready','w').close()\ntime.sleep(600)")
    until(lambda: (folder / "ready").exists())
    uid = actions.get(project, str(number)).uid
    _kill(_supervisor_pid(folder, uid))
    until(lambda: _supervisor_pid(folder, uid) is None)
    actions.stop(project, [number])
    assert finished(project, number).status == "stopped"
    assert processes.members(project.run_folder(uid), None) == []


def test_a_run_that_was_claimed_but_never_begun_goes_back_to_the_queue_and_runs(folder: Path) -> None:
    (folder / "train.py").write_text("print('auc: 0.5')")
    project = load(folder)
    connection = project.open_store()
    wish = launch.Wish(command=("python", "train.py"), argv=(sys.executable, "train.py"))
    number = launch.create(project, connection, wish, time.time())
    connection.execute("UPDATE runs SET status = 'running', started = ? WHERE id = ?", (time.time(), number))
    connection.close()
    found = finished(project, number)
    assert (found.status, found.value("auc")) == ("finished", 0.5)


def test_recovering_twice_changes_nothing(folder: Path) -> None:
    project, number = start(folder, COUNTING, "truth", "30000")
    until(lambda: _truth(folder / "truth") > 100)
    uid = actions.get(project, str(number)).uid
    _kill(_supervisor_pid(folder, uid))
    found = finished(project, number)
    connection = project.open_store()
    connection.execute("UPDATE runs SET status = 'running' WHERE id = ?", (number,))
    recover(project, connection)
    connection.close()
    assert actions.get(project, str(number)).metrics["x"].count == found.metrics["x"].count


# ---- the queue -----------------------------------------------------------------------------------------------------


def test_runs_beyond_the_limit_wait_and_start_in_order(folder: Path) -> None:
    (folder / "workbench.toml").write_text("[train]\ncommand = 'true'\nmax_parallel = 2\n")
    script = """
    import os, sys, time
    with open("order", "a") as f: f.write(sys.argv[1] + "\\n")
    while not os.path.exists("go" + sys.argv[1]):
        time.sleep(0.01)
    """
    numbers = [start(folder, script, str(n))[1] for n in range(5)]
    project = load(folder)
    until(lambda: (folder / "order").exists() and len((folder / "order").read_text().split()) == 2)
    assert [actions.get(project, str(n)).status for n in numbers] == ["running"] * 2 + ["queued"] * 3
    for place, number in enumerate(numbers):
        (folder / f"go{place}").touch()
        assert finished(project, number).status == "finished"
    assert (folder / "order").read_text().split()[2:] == ["2", "3", "4"]


def test_stopping_a_queued_run_takes_it_out_of_the_queue(folder: Path) -> None:
    project, first = start(folder, "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)")
    _, second = start(folder, "print('never')")
    actions.stop(project, [second])
    assert actions.get(project, str(second)).status == "stopped"
    (folder / "go").touch()
    assert finished(project, first).status == "finished"
    assert actions.get(project, str(second)).reason == "stopped before it began"


STAGES = """
[stages.prepare]
command = "python prepare.py"
max_parallel = 3
[stages.train]
command = "python train.py"
[stages.report]
command = "python report.py"
"""


def test_stages_run_one_after_the_other(folder: Path) -> None:
    (folder / "workbench.toml").write_text(STAGES)
    for name in ("prepare", "train", "report"):
        (folder / f"{name}.py").write_text(f"open('order', 'a').write('{name} ')")
    project = load(folder)
    numbers = starting.start(project, starting.Request())
    assert [finished(project, number).status for number in numbers] == ["finished"] * 3
    assert (folder / "order").read_text() == "prepare train report "


def test_a_failed_stage_keeps_the_later_ones_from_starting(folder: Path) -> None:
    (folder / "workbench.toml").write_text(STAGES)
    (folder / "prepare.py").write_text("raise SystemExit(3)")
    project = load(folder)
    numbers = starting.start(project, starting.Request())
    found = [finished(project, number) for number in numbers]
    assert [run.status for run in found] == ["failed", "stopped", "stopped"]
    assert found[1].reason == f"run {numbers[0]}, which comes before it, failed"


# ---- the store -----------------------------------------------------------------------------------------------------


def test_ten_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".workbench" / "workbench.db"
    code = (
        "import sys; from pathlib import Path; from workbench.store.connection import open_store, transaction\n"
        f"c = open_store(Path({str(path)!r}), create=True)\n"
        "with transaction(c): c.execute(\"INSERT INTO settings VALUES (?, '1')\", (sys.argv[1],))"
    )
    going = [subprocess.Popen([sys.executable, "-c", code, str(n)], stderr=subprocess.PIPE) for n in range(10)]
    assert [process.communicate()[1] for process in going] == [b""] * 10
    connection = open_store(path)
    assert connection.execute("SELECT count(*) FROM settings").fetchone() == (10,)
    connection.close()


def test_a_store_from_a_newer_version_is_refused_and_left_alone(folder: Path) -> None:
    project = load(folder)
    project.open_store().close()
    raw = sqlite3.connect(project.store_path)
    raw.execute(f"PRAGMA user_version = {VERSION + 1}")
    raw.close()
    before = project.store_path.read_bytes()
    with pytest.raises(StoreError, match="newer Workbench") as caught:
        project.open_store()
    assert caught.value.hint.endswith("nothing was changed.")
    assert project.store_path.read_bytes() == before


def test_a_damaged_store_is_a_sentence(folder: Path) -> None:
    project = load(folder)
    project.prepare()
    project.store_path.write_bytes(b"this is no database, it is a text of some length" * 200)
    with pytest.raises(StoreError, match="damaged"):
        project.open_store()


# ---- a full disk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield place
    for run_folder in (place / ".workbench" / "runs").glob("*"):
        processes.end_all(run_folder, None, 0.0)
    until(lambda: subprocess.run(["umount", str(place)], capture_output=True).returncode == 0)


def fill_up(place: Path) -> Path:
    """Write until the disk is full; return the file that fills it."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk did not fill up")


def test_a_full_disk_loses_nothing_that_was_logged_once_there_is_room_again(small_disk: Path, tmp_path: Path) -> None:
    project, number = start(
        small_disk,
        """
        import os, sys, time, workbench
        workbench.log({"x": 0.0})
        open("ready", "w").close()
        while not os.path.exists(sys.argv[1] + "/go"):
            time.sleep(0.01)
        for i in range(1, 60_000):
            workbench.log({"x": float(i)})
        open(sys.argv[1] + "/logged", "w").close()
        while os.path.exists("filler"):
            time.sleep(0.01)
        """,
        str(tmp_path),
    )
    until(lambda: (small_disk / "ready").exists())
    filler = fill_up(small_disk)
    (tmp_path / "go").touch()
    until((tmp_path / "logged").exists)
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    found = finished(project, number)
    assert found.status == "finished", found.reason
    assert [value for _, value in curve(project, number, "x")] == [float(i) for i in range(60_000)]
    _assert_sound(project)


def test_starting_a_run_on_a_full_disk_is_a_sentence(small_disk: Path) -> None:
    project = load(small_disk)
    project.open_store().close()
    filler = fill_up(small_disk)
    with pytest.raises((StoreError, OSError)) as caught:
        starting.start(project, starting.Request(("true",)))
    assert "full" in str(caught.value) or "No space" in str(caught.value)
    filler.unlink()
    number = starting.start(project, starting.Request(("true",)))[0]
    assert finished(project, number).status == "finished"
