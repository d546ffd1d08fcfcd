"""The program in a real terminal: several at once, killed, resized, without colours, without UTF-8."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyte
import pytest

from workbench.actions import runs as actions
from workbench.actions import starting, watch
from workbench.project import Project, load
from workbench.runs import processes

WORKBENCH = [sys.executable, "-m", "workbench"]
CONFIG = (
    "[project]\nname = 'little'\n[train]\ncommand = 'python train.py'\nmax_parallel = 4\n[watch]\ndebounce_ms = 100\n"
)
SCRIPT = """
import os, time, workbench
workbench.log({"auc": 0.5}, step=0)
while os.path.exists("hold"):
    time.sleep(0.01)
workbench.log({"auc": 0.75}, step=1)
"""

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


def own_environment() -> dict[str, str]:
    """Return the environment as it is seen here: readline adds the size of a terminal where only children see it."""
    return dict(os.environ)


class Terminals:
    """Windows of a private tmux server."""

    def __init__(self, name: str) -> None:
        self._name = name

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *words]
        return subprocess.run(command, env=own_environment(), capture_output=True, text=True, timeout=30).stdout

    def open(self, window: str, folder: Path, size: tuple[int, int] = (120, 40), **environment: str) -> int:
        """Start the program in a window of its own; return its process id."""
        settings = " ".join(f"{key}={shlex.quote(value)}" for key, value in environment.items())
        command = f"exec env {settings} {shlex.join(WORKBENCH)}"
        if "ENDED" in environment:  # tmux itself does not always learn how a program ended
            command = (
                f"env {settings} {shlex.join(WORKBENCH)}; echo $? > {shlex.quote(environment['ENDED'])}; sleep 600"
            )
        width, height = map(str, size)
        self.tmux("new-session", "-d", "-s", window, "-x", width, "-y", height, "-c", str(folder), command)
        self.tmux("set-option", "-t", window, "remain-on-exit", "on")
        return int(self.tmux("display-message", "-p", "-t", window, "#{pane_pid}"))

    def text(self, window: str) -> str:
        return self.tmux("capture-pane", "-p", "-t", window)

    def press(self, window: str, *keys: str) -> None:
        self.tmux("send-keys", "-t", window, *keys)

    def shows(self, window: str, *words: str) -> None:
        until(lambda: all(word in self.text(window) for word in words), lambda: f"{words} in\n{self.text(window)}")


def until(condition: Callable[[], object], told: Callable[[], str] = lambda: "", limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {told()}"
        time.sleep(0.05)


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    made = Terminals(f"workbench-test-{os.getpid()}-{tmp_path.name[-12:]}")
    yield made
    made.tmux("kill-server")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    folder = tmp_path / "little"
    folder.mkdir()
    (folder / "workbench.toml").write_text(CONFIG)
    (folder / "train.py").write_text(SCRIPT)
    found = load(folder)
    yield found
    watch.stop(found)
    for run in found.runs_folder.glob("*"):
        processes.end_all(run, None, 0.0)


class Screen:
    """The program at the other end of a terminal of its own, whose keys come in the pieces they are written in."""

    def __init__(self, folder: Path) -> None:
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self._process = subprocess.Popen(
            WORKBENCH,
            cwd=folder,
            env=own_environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def write(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def shows(self, *words: str) -> None:
        until(lambda: self._has(words), lambda: f"{words} in\n" + "\n".join(self._screen.display))

    def _has(self, words: Sequence[str]) -> bool:
        while select.select([self._master], [], [], 0)[0]:
            self._stream.feed(os.read(self._master, 65536))
        return all(word in "\n".join(self._screen.display) for word in words)

    def hang_up(self) -> int:
        """Take the terminal away without a signal; return how the program ends."""
        os.close(self._master)
        self._master = -1
        return self._process.wait(60)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._master >= 0:
            os.close(self._master)


def test_keys_of_one_write_go_where_the_ones_before_lead(project: Project) -> None:
    starting.start(project, starting.Request())
    until(lambda: actions.get(project, "1").is_over)
    screen = Screen(project.folder)
    try:
        screen.shows("1 of 1", " 0.75 ")
        screen.write(b"\r\t")
        screen.shows("╭─ Log")
        screen.write(b"1\r2\r\t")
        screen.shows("╭─ Params")
    finally:
        screen.close()


def test_it_ends_when_its_terminal_is_gone(project: Project) -> None:
    screen = Screen(project.folder)
    try:
        screen.shows("No runs yet")
        assert screen.hang_up() == os.EX_IOERR
    finally:
        screen.close()


def test_two_interfaces_and_a_watcher_see_the_same_and_a_killed_one_stops_nothing(
    terminals: Terminals, project: Project
) -> None:
    hold = project.folder / "hold"
    hold.touch()
    first = terminals.open("one", project.folder)
    terminals.open("two", project.folder)
    for window in ("one", "two"):
        terminals.shows(window, "No runs yet")
    watch.start(project)
    (project.folder / "train.py").write_text(SCRIPT + "\n# changed\n")
    for window in ("one", "two"):
        terminals.shows(window, "1 of 1", "0.5")
    os.kill(first, signal.SIGKILL)
    until(lambda: processes.birth(first) is None)
    terminals.press("two", "r")
    terminals.shows("two", "2 of 2")
    hold.unlink()
    until(lambda: [run.status for run in actions.list_runs(project)] == ["finished"] * 2)
    terminals.shows("two", " 0.75 ")
    terminals.press("two", "q")
    terminals.shows("two", "watch")
    connection = project.open_store()
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    (by_watch,) = [run for run in actions.list_runs(project) if run.trigger["kind"] == "change"]
    assert by_watch.trigger["files"][0]["path"] == "train.py"


@pytest.mark.parametrize(
    "environment",
    [{"NO_COLOR": "1"}, {"LANG": "C", "LC_ALL": "C"}, {"TERM": "screen"}, {"COLORTERM": "", "TERM": "xterm"}],
    ids=["NO_COLOR", "no UTF-8 locale", "screen", "few colours"],
)
def test_it_starts_draws_and_leaves_in_plain_surroundings(
    terminals: Terminals, project: Project, environment: dict[str, str], tmp_path: Path
) -> None:
    starting.start(project, starting.Request())
    until(lambda: actions.get(project, "1").is_over)
    ended = tmp_path / "ended"
    terminals.open("plain", project.folder, (80, 24), ENDED=str(ended), **environment)
    terminals.shows("plain", "1 of 1", " 0.75 ")
    terminals.press("plain", "q")
    until(lambda: ended.exists() and ended.read_text() == "0\n")


def test_resizing_a_real_terminal_keeps_the_runs_in_view(terminals: Terminals, project: Project) -> None:
    starting.start(project, starting.Request(name="steady"))
    until(lambda: actions.get(project, "1").is_over)
    terminals.open("size", project.folder)
    terminals.shows("size", "steady")
    for width, height in [(40, 12), (200, 60), (20, 6), (80, 24), (10, 3), (120, 40)] * 3:
        terminals.tmux("resize-window", "-t", "size", "-x", str(width), "-y", str(height))
    terminals.shows("size", "steady", "Preview")
    for width, height in [(40, 12), (80, 24)]:
        terminals.tmux("resize-window", "-t", "size", "-x", str(width), "-y", str(height))
        terminals.shows("size", "steady")


def test_without_a_terminal_it_prints_the_table(project: Project) -> None:
    starting.start(project, starting.Request(name="steady"))
    until(lambda: actions.get(project, "1").is_over)
    answer = subprocess.run(WORKBENCH, cwd=project.folder, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0
    assert "steady" in answer.stdout


def test_e_opens_the_output_in_the_users_editor_and_comes_back(
    project: Project, terminals: Terminals, tmp_path: Path
) -> None:
    starting.start(project, starting.Request(name="heron"))
    until(lambda: all(run.is_over for run in actions.list_runs(project)))
    editor, opened = tmp_path / "my editor", tmp_path / "opened"
    editor.write_text(f'#!/bin/sh\necho "EDITING $#"\nread line\nprintf "%s" "$1" > {shlex.quote(str(opened))}\n')
    editor.chmod(0o755)
    terminals.open("w", project.folder, EDITOR=shlex.quote(str(editor)), VISUAL="")
    terminals.shows("w", "heron", "1–1 of 1")
    terminals.press("w", "e")
    terminals.shows("w", "EDITING 1")
    terminals.press("w", "Enter")
    terminals.shows("w", "heron", "1–1 of 1")
    assert opened.read_text() == str(project.run_folder(actions.list_runs(project)[0].uid) / "output.log")


def test_an_editor_that_is_missing_is_a_sentence_on_a_whole_screen(project: Project, terminals: Terminals) -> None:
    starting.start(project, starting.Request(name="heron"))
    until(lambda: all(run.is_over for run in actions.list_runs(project)))
    terminals.open("w", project.folder, EDITOR="/nowhere/editor", VISUAL="")
    terminals.shows("w", "heron", "1–1 of 1")
    terminals.press("w", "e")
    terminals.shows("w", "$EDITOR cannot be started", "heron")


def test_y_puts_the_id_on_the_clipboard_through_the_terminal(project: Project, terminals: Terminals) -> None:
    starting.start(project, starting.Request(name="heron"))
    until(lambda: all(run.is_over for run in actions.list_runs(project)))
    (run,) = actions.list_runs(project)
    terminals.open("w", project.folder, SSH_CONNECTION="here", DISPLAY="")
    terminals.tmux("set-option", "-s", "set-clipboard", "on")
    terminals.shows("w", "heron", "1–1 of 1")
    terminals.press("w", "y")
    terminals.shows("w", "Copy", run.uid)
    terminals.press("w", *"id", "Enter")
    terminals.shows("w", f"Copied {run.uid}")
    until(lambda: terminals.tmux("show-buffer") == run.uid, lambda: terminals.tmux("list-buffers"))
