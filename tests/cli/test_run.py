"""`workbench run` and the commands around one run, with real processes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from workbench.cli.tail import MOST_PENDING, Tail

KEYS = {
    "run", "uid", "name", "kind", "status", "exit_code", "signal", "trigger", "started", "ended", "duration_s",
    "params", "metrics", "best", "tags", "code", "data",
}  # fmt: skip
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
SLEEPER = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"


def runs_of(run_cli, project, *words):
    return run_cli("runs", "--json", *words, folder=project.folder).json


def test_the_output_is_on_stdout_and_the_rest_on_stderr(run_cli, project):
    answer = run_cli("run", folder=project.folder)
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "epoch 1: loss=1.0000",
        "epoch 2: loss=0.5000",
        "epoch 3: loss=0.3333",
        "auc: 0.75",
        "note=0.5",
    ]
    assert "run 1" in answer.err
    assert "finished" in answer.err


def test_a_run_has_the_keys_of_the_contract(run_cli, project):
    import re

    run_cli("run", "-p", "lr=0.5", "--name", "first", "--tag", "a", "--tag", "b", folder=project.folder)
    (run,) = runs_of(run_cli, project)
    assert set(run) >= KEYS
    assert run["name"] == "first"
    assert run["status"] == "finished"
    assert run["exit_code"] == 0
    assert run["signal"] is None
    assert run["params"]["lr"] == 0.5
    assert run["metrics"]["auc"] == 0.75
    assert run["tags"] == ["a", "b"]
    assert set(run["code"]) >= {"commit", "tree", "dirty"}
    assert re.fullmatch(ISO, run["started"])
    assert re.fullmatch(ISO, run["ended"])
    assert run["duration_s"] > 0


def test_show_adds_history_and_what_surrounded_the_run(run_cli, project):
    run_cli("run", folder=project.folder)
    shown = run_cli("show", "@latest", "--json", folder=project.folder).json
    assert set(shown) >= KEYS | {"history", "artifacts", "environment", "system", "command"}
    assert [[step, value] for step, _, value in shown["history"]["loss"]] == [[1, 1.0], [2, 0.5], [3, 0.3333]]
    assert "train.py" in shown["command"]
    plain = run_cli("show", "1", folder=project.folder)
    assert plain.code == 0
    assert "loss" in plain.out


def test_run_json_is_one_document_and_nothing_else(run_cli, project):
    answer = run_cli("run", "--json", folder=project.folder)
    assert answer.json["status"] == "finished"


@pytest.mark.parametrize(
    ("script", "status", "exit_code"),
    [("raise SystemExit(7)", "failed", 7), ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "failed", None)],
)
def test_a_run_that_failed_makes_the_command_fail(run_cli, make_project, script, status, exit_code):
    project = make_project({"train.py": script})
    answer = run_cli("run", folder=project.folder)
    assert answer.code == 1
    (run,) = runs_of(run_cli, project)
    assert (run["status"], run["exit_code"]) == (status, exit_code)


def test_any_command_runs_and_its_flags_are_parameters(run_cli, project):
    answer = run_cli(
        "run", "--", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--lr", "0.1", folder=project.folder
    )
    assert answer.code == 0
    assert answer.out == "['--lr', '0.1']\n"
    assert runs_of(run_cli, project)[0]["params"] == {"lr": 0.1}


@pytest.mark.parametrize("words", [["run", "-p", "lr"], ["run", "--"], ["run", "-p", "=3"]])
def test_words_that_make_no_sense_start_nothing(run_cli, project, words):
    answer = run_cli(*words, folder=project.folder)
    assert answer.code == 2
    assert runs_of(run_cli, project) == []


def test_detached_prints_the_number_and_returns(run_cli, make_project, wait_until):
    project = make_project({"train.py": SLEEPER})
    answer = run_cli("run", "--detach", folder=project.folder)
    assert answer.out == "1\n"
    wait_until(lambda: "ready" in run_cli("logs", "1", folder=project.folder).out)
    assert runs_of(run_cli, project)[0]["status"] == "running"
    stopped = run_cli("stop", "1", "--json", folder=project.folder)
    assert stopped.json == [{"run": 1, "status": "stopped", "asked": True}]
    assert runs_of(run_cli, project)[0]["status"] == "stopped"


def test_a_run_that_waits_says_for_what_and_then_runs(run_cli, make_project, wait_until):
    project = make_project({"train.py": SLEEPER, "quick.py": "print('x=1')"})
    run_cli("run", "--detach", folder=project.folder)
    waiting = subprocess.Popen(
        [sys.executable, "-m", "workbench", "run", "--", sys.executable, "quick.py"],
        cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "run 1 is going" in waiting.stderr.readline()
    run_cli("stop", "1", folder=project.folder)
    out, _ = waiting.communicate(timeout=60)
    assert out == "x=1\n"
    assert waiting.returncode == 0


def test_stages_run_one_after_the_other_and_all_are_awaited(run_cli, make_project):
    config = '[project]\nname = "two"\n[stages.a]\ncommand = "python a.py"\n[stages.b]\ncommand = "python b.py"\n'
    project = make_project({"a.py": "print('first', flush=True)", "b.py": "print('second')"}, config)
    answer = run_cli("run", folder=project.folder)
    assert answer.code == 0
    assert answer.out.split() == ["first", "second"]
    assert {run["status"] for run in runs_of(run_cli, project)} == {"finished"}


def start_attended(project):
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", "run"],
        cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def test_interrupted_once_the_run_stops(make_project, run_cli):
    project = make_project({"train.py": SLEEPER})
    process = start_attended(project)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopping run 1" in err
    assert runs_of(run_cli, project)[0]["status"] == "stopped"


def test_interrupted_twice_the_command_leaves_and_the_run_stops_by_itself(make_project, run_cli, wait_until):
    project = make_project({"train.py": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER})
    process = start_attended(project)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    while "Stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=8)
    assert process.returncode == 130
    assert runs_of(run_cli, project)[0]["status"] == "running"
    wait_until(lambda: runs_of(run_cli, project)[0]["status"] == "stopped")


def test_killing_the_command_does_not_touch_the_run(make_project, run_cli):
    project = make_project({"train.py": SLEEPER})
    process = start_attended(project)
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate(timeout=60)
    assert runs_of(run_cli, project)[0]["status"] == "running"


def test_a_dead_supervisor_does_not_leave_the_command_waiting(make_project, run_cli, wait_until):
    import psutil

    project = make_project({"train.py": "print('ready', flush=True)\nimport time\ntime.sleep(2)\nprint('x=1')"})
    process = start_attended(project)
    assert process.stdout.readline() == "ready\n"
    uid = runs_of(run_cli, project)[0]["uid"]
    psutil.Process(int((project.run_folder(uid) / "lock").read_text())).kill()
    out, _ = process.communicate(timeout=60)
    assert "x=1" in out
    assert runs_of(run_cli, project)[0]["status"] in ("finished", "lost")


def test_what_a_script_prints_cannot_steer_the_terminal(run_cli, make_project):
    poison = r"b'\x1b]52;c;YQ==\x07safe\x1b[31mred\xff\xc3\n\x9b2Jx\n50%\r100%\nend\xe2\x82'"
    project = make_project({"train.py": f"import sys; sys.stdout.buffer.write({poison})"})
    answer = run_cli("run", folder=project.folder)
    logs = run_cli("logs", "1", folder=project.folder)
    assert answer.out == logs.out
    assert all(line.isprintable() for line in logs.out.splitlines())
    assert logs.out.splitlines()[0].startswith("safered")
    assert logs.out.splitlines()[2] == "100%"


def test_a_hundred_thousand_lines_all_come_through(run_cli, make_project):
    project = make_project({"train.py": "for i in range(100_000): print('line', i)"})
    answer = run_cli("run", folder=project.folder)
    assert answer.out.count("\n") == 100_000
    assert answer.out.endswith("line 99999\n")


def test_following_a_log_ends_with_the_run(run_cli, make_project):
    project = make_project(
        {"train.py": "import time\nfor i in range(5):\n    print(i, flush=True)\n    time.sleep(0.1)\n"}
    )
    run_cli("run", "--detach", folder=project.folder)
    answer = run_cli("logs", "-f", "1", folder=project.folder)
    assert answer.out.split() == list("01234")
    assert answer.code == 0


def test_the_last_lines_of_a_log(run_cli, project):
    run_cli("run", folder=project.folder)
    assert run_cli("logs", "1", "-n", "1", folder=project.folder).out == "note=0.5\n"
    document = run_cli("logs", "1", "--json", "-n", "2", folder=project.folder).json
    assert document == {"run": 1, "status": "finished", "lines": ["auc: 0.75", "note=0.5"]}


def test_an_unfinished_line_waits_and_an_endless_one_is_cut(tmp_path):
    path = tmp_path / "log"
    path.write_bytes("a\nhalf ü".encode()[:-1])
    tail = Tail(path)
    assert tail.lines() == ["a"]
    with path.open("ab") as file:
        file.write("ü".encode()[-1:] + b"\n" + b"x" * (MOST_PENDING + 10))
    lines = tail.lines()
    assert lines[0] == "half ü"
    assert lines[1].startswith("xxx")
    assert tail.rest() == []


def test_tags_notes_and_the_baseline(run_cli, project):
    run_cli("run", folder=project.folder)
    assert run_cli("tag", "1", "good", "old", folder=project.folder).out.split() == ["good", "old"]
    assert run_cli("tag", "1", "--remove", "old", "--json", folder=project.folder).json == {"run": 1, "tags": ["good"]}
    run_cli("note", "1", "looks", "fine", folder=project.folder)
    assert run_cli("note", "1", folder=project.folder).out == "looks fine\n"
    assert run_cli("baseline", "@latest", "--json", folder=project.folder).json == {"baseline": 1}
    assert run_cli("baseline", "--clear", "--json", folder=project.folder).json == {"baseline": None}


def test_deleting_needs_a_yes_and_takes_the_folder_along(run_cli, project):
    run_cli("run", folder=project.folder)
    refused = run_cli("delete", "1", folder=project.folder)
    assert refused.code == 2
    assert "--yes" in refused.err
    (run,) = runs_of(run_cli, project)
    assert project.run_folder(run["uid"]).is_dir()
    assert run_cli("delete", "1", "--yes", "--json", folder=project.folder).json["deleted"] == [1]
    assert runs_of(run_cli, project) == []
    assert not project.run_folder(run["uid"]).exists()


def test_a_run_that_goes_on_is_not_deleted(run_cli, make_project):
    project = make_project({"train.py": SLEEPER})
    run_cli("run", "--detach", folder=project.folder)
    answer = run_cli("delete", "1", "--yes", folder=project.folder)
    assert answer.code == 2
    assert "workbench stop 1" in answer.err


def test_runs_are_found_by_filter_sorted_and_cut(run_cli, make_project):
    project = make_project({"train.py": "import sys\nprint('score=' + sys.argv[1])"})
    for score in ("2", "1", "3"):
        run_cli("run", "--", "python", "train.py", score, folder=project.folder)
    found = runs_of(run_cli, project, "--filter", "score > 1", "--sort", "score", "--ascending")
    assert [run["metrics"]["score"] for run in found] == [2, 3]
    assert [run["run"] for run in runs_of(run_cli, project, "--limit", "2")] == [3, 2]
    table = run_cli("runs", "--csv", "--columns", "run,score", folder=project.folder)
    assert table.out.splitlines() == ["run,score", "3,3.0", "2,1.0", "1,2.0"]


def test_nan_is_null_with_a_reason_in_every_document(run_cli, make_project):
    project = make_project({"train.py": "import workbench\nworkbench.log({'loss': float('nan'), 'x': 1.0}, step=1)"})
    run_cli("run", folder=project.folder)
    (run,) = runs_of(run_cli, project)
    assert run["metrics"]["loss"] is None
    assert run["metrics_reason"] == {"loss": "NaN"}
    history = run_cli("show", "1", "--json", folder=project.folder).json["history"]["loss"]
    assert history[0][2:] == [None, "NaN"]


@pytest.mark.parametrize("name", ["7", "nobody", "@best"])
def test_a_run_that_is_not_there(run_cli, project, name):
    answer = run_cli("show", name, folder=project.folder)
    assert answer.code == 2
    assert answer.err.startswith("error: ")


def test_runs_can_be_named_in_four_ways(run_cli, project):
    run_cli("run", "--name", "mine", folder=project.folder)
    uid = runs_of(run_cli, project)[0]["uid"]
    for name in ("1", "mine", uid[:10], "@latest"):
        assert run_cli("show", name, "--json", folder=project.folder).json["run"] == 1


def test_the_end_of_a_run_is_noticed_at_once(run_cli, make_project):
    project = make_project({"train.py": ""})
    run_cli("run", folder=project.folder)
    began = time.time()
    document = run_cli("run", "--json", folder=project.folder).json
    assert document["status"] == "finished"
    assert time.time() - began < 15  # the figure itself is in `make bench`


def test_a_terminal_shows_a_progress_bar_in_place(make_project):
    import pty

    script = (
        "import time\nfor i in range(3):\n    print(f'\\r{i} of 3', end='', flush=True)\n    time.sleep(0.3)\n"
        "print('\\rdone  ')\n"
    )
    project = make_project({"train.py": script})
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.folder)
        os.execv(sys.executable, [sys.executable, "-m", "workbench", "run"])
    seen = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:
            break
        if not block:
            break
        seen += block
    os.waitpid(pid, 0)
    os.close(terminal)
    assert b"\r\x1b[K0 of 3" in seen or b"\r\x1b[K1 of 3" in seen
    assert b"done" in seen


@pytest.mark.parametrize(("typed", "left"), [(b"n\n", 1), (b"\n", 1), (b"y\n", 0)])
def test_on_a_terminal_deleting_asks_first(project, run_cli, typed, left):
    import pty

    run_cli("run", folder=project.folder)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.folder)
        os.execv(sys.executable, [sys.executable, "-m", "workbench", "delete", "1"])
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(terminal, 4096)
    os.write(terminal, typed)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert len(runs_of(run_cli, project)) == left
