"""A lock tells whether its holder lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from workbench import locks


def test_a_lock_is_free_the_moment_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = "import sys, workbench.locks as s, pathlib\ns.take(pathlib.Path(sys.argv[1]))\nprint(1, flush=True)\ninput()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == "1\n"
        assert locks.is_held(path) and locks.take(path) is None
        holder.kill()
        holder.wait()
        assert not locks.is_held(path)


def test_asking_whether_it_is_held_does_not_keep_another_from_taking_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    code = (
        "import sys, time, workbench.locks as s, pathlib\n"
        "print(1, flush=True)\n"
        "while True: s.is_held(pathlib.Path(sys.argv[1]))"
    )
    asker = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    with asker:
        assert asker.stdout is not None and asker.stdout.readline() == "1\n"
        try:
            for _ in range(20):
                lock = locks.take(path)
                assert lock is not None
                os.close(lock)
        finally:
            asker.kill()


def test_a_lock_that_was_removed_or_made_again_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = locks.take(path)
    assert lock is not None and locks.is_ours(path, lock)
    path.unlink()
    assert not locks.is_ours(path, lock)
    path.touch()
    assert not locks.is_ours(path, lock)
    os.close(lock)
