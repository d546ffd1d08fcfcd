"""Hints arrive for what happens in a folder, from real inotify and from the system-wide way."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.watch import observer as observers
from workbench.watch.observer import Generic, Hint, Hints, Inotify, Polling, choose, why_poll

linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def hints() -> Hints:
    return queue.SimpleQueue()


@pytest.fixture
def inotify(tmp_path: Path, hints: Hints) -> Iterator[Inotify]:
    found = Inotify(os.fspath(tmp_path), hints)
    yield found
    found.close()


def wait_for(hints: Hints, wanted: Callable[[Hint], bool], limit: float = 10.0) -> list[Hint]:
    seen = []
    deadline = time.monotonic() + limit
    while not seen or not wanted(seen[-1]):
        seen.append(hints.get(timeout=max(0.01, deadline - time.monotonic())))
    return seen


def settle(hints: Hints, folder: Path) -> list[Hint]:
    """Return the hints up to now: those before the hint for a last file."""
    last = f"last{time.monotonic_ns()}"
    (folder / last).touch()
    return wait_for(hints, lambda hint: hint.path == last)


@linux
def test_saving_removing_and_renaming_give_hints_and_reading_gives_none(
    tmp_path: Path, hints: Hints, inotify: Inotify
) -> None:
    (tmp_path / "a").write_text("1")
    inotify.add("")
    (tmp_path / "a").read_text()
    os.listdir(tmp_path)
    assert len({hint.path for hint in settle(hints, tmp_path)}) == 1
    (tmp_path / "a").write_text("2")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b").unlink()
    assert {"a", "b"} <= {hint.path for hint in settle(hints, tmp_path)}


@linux
def test_folders_that_nobody_asked_for_are_not_watched(tmp_path: Path, hints: Hints, inotify: Inotify) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / "data").mkdir()
    inotify.add("")
    inotify.add("data")
    inotify.add("no/such/folder")
    (tmp_path / ".venv" / "x.py").touch()
    (tmp_path / "data" / "x.csv").touch()
    assert "data/x.csv" in {hint.path for hint in wait_for(hints, lambda hint: hint.path == "data/x.csv")}
    assert sorted(inotify.folders()) == ["", "data"]
    assert not any(hint.path.startswith(".venv/") for hint in settle(hints, tmp_path))


@linux
def test_a_folder_removed_and_made_again_can_be_watched_again(tmp_path: Path, hints: Hints, inotify: Inotify) -> None:
    (tmp_path / "data").mkdir()
    inotify.add("")
    inotify.add("data")
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "data").mkdir()
    settle(hints, tmp_path)
    assert inotify.folders() == [""]
    inotify.add("data")
    (tmp_path / "data" / "a").touch()
    wait_for(hints, lambda hint: hint == Hint("file", "data/a"))


@linux
def test_a_folder_that_moves_is_not_mistaken_for_its_old_place(tmp_path: Path, hints: Hints, inotify: Inotify) -> None:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    for folder in ("", "data", "data/sub"):
        inotify.add(folder)
    (tmp_path / "data").rename(tmp_path / "old")
    (tmp_path / "data" / "sub").mkdir(parents=True)
    settle(hints, tmp_path)
    assert inotify.folders() == [""]
    for folder in ("data", "data/sub", "old", "old/sub"):
        inotify.add(folder)
    (tmp_path / "old" / "sub" / "x").touch()
    wait_for(hints, lambda hint: hint == Hint("file", "old/sub/x"))
    (tmp_path / "data" / "sub" / "y").touch()
    seen = wait_for(hints, lambda hint: hint == Hint("file", "data/sub/y"))
    assert not any(hint.path.endswith("/x") and hint.path.startswith("data") for hint in seen)


@linux
def test_names_that_are_no_text_are_hints_too(tmp_path: Path, hints: Hints, inotify: Inotify) -> None:
    inotify.add("")
    (tmp_path / os.fsdecode(b"bad\xff\nname")).touch()
    wait_for(hints, lambda hint: hint.path == os.fsdecode(b"bad\xff\nname"))


_LIMITED = """
import os, queue, sys
from pathlib import Path
from workbench.watch.observer import choose, Hint
root = Path(sys.argv[1])
hints = queue.SimpleQueue()
found = choose(root, hints)
for folder in ["", *[f"d{n}" for n in range(8)]]:
    found.add(folder)
told = [hints.get() for _ in range(hints.qsize())]
print(found.how, "|", found.problem.hint, "|", found.pause, "|", Hint("tree") in told)
found.close()
"""


@linux
@pytest.mark.parametrize(
    ("limit", "hint"),
    [
        ("max_inotify_watches", "sudo sysctl fs.inotify.max_user_watches=524288"),
        ("max_inotify_instances", "sudo sysctl fs.inotify.max_user_instances=512"),
    ],
)
def test_at_the_limit_of_the_system_it_polls_and_says_what_to_type(tmp_path: Path, limit: str, hint: str) -> None:
    for number in range(8):
        (tmp_path / f"d{number}").mkdir()
    count = 3 if "watches" in limit else 0
    shell = f'echo {count} > /proc/sys/user/{limit} || exit 77; exec "$0" -c "$1" "$2"'
    if shutil.which("unshare") is None:
        pytest.skip("no unshare to set a limit with")
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", shell, sys.executable, _LIMITED, str(tmp_path)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this system does not let a test set a limit")
    assert done.returncode == 0, done.stderr
    how, told, pause, again = done.stdout.strip().split(" | ")
    assert how.startswith("polling (the limit") and told == hint and float(pause) == observers.POLL_SECONDS
    assert again == str("watches" in limit)


def test_the_way_of_other_systems_hints_too_and_reading_is_no_hint(tmp_path: Path, hints: Hints) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("1")
    found = Generic(os.fspath(tmp_path), hints)
    try:
        (tmp_path / "sub" / "a").read_text()
        (tmp_path / "sub" / "b").write_text("2")
        seen = wait_for(hints, lambda hint: hint == Hint("file", "sub/b"))
        assert Hint("file", "sub/a") not in seen
        (tmp_path / "sub" / "b").rename(tmp_path / "c")
        wait_for(hints, lambda hint: hint == Hint("file", "c"))
        (tmp_path / "new").mkdir()
        wait_for(hints, lambda hint: hint == Hint("tree", "new"))
    finally:
        found.close()


@pytest.mark.parametrize(
    ("kind", "polled"),
    [
        ("nfs", True), ("nfs4", True), ("cifs", True), ("smb3", True), ("9p", True), ("fuse.sshfs", True),
        ("drvfs", True), ("virtiofs", True), ("ext4", False), ("xfs", False), ("btrfs", False), ("overlay", False),
        ("tmpfs", False), ("zfs", False), ("", False),
    ],
)  # fmt: skip
def test_what_other_machines_can_change_is_polled(kind: str, polled: bool) -> None:
    assert bool(why_poll(kind, "")) == polled
    assert why_poll(kind, "polling") == "asked for"


def test_polling_can_be_asked_for(tmp_path: Path, hints: Hints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(observers.FORCE_VARIABLE, "polling")
    found = choose(tmp_path, hints)
    assert isinstance(found, Polling) and found.how == "polling (asked for)"
    found.add("a/b")
    found.add("ab")
    found.forget("a")
    assert found.folders() == ["ab"]
