"""The code of a run as a git tree: a repository of 5,000 files, warm, clean and with changes, beside git itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Figure, in_turns, scratch, seconds
from workbench.versions import code

FILES, FOLDERS = 5_000, 100
_WHO = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]


def bench() -> Iterator[Figure]:
    """Yield the time of a capture; the limit is a copy of the index, `git add --all` and `git write-tree` on it."""
    with scratch() as folder:
        _repository(folder)
        index, objects = folder.parent / "index", folder.parent / "objects"

        def raw() -> None:
            shutil.copy2(folder / ".git" / "index", index)
            _git(folder, "add", "--all", index=index)
            _git(folder, "write-tree", index=index)

        def capture() -> None:
            found = code.capture(folder, objects, label="bench")
            assert found.kind == "git"
            assert found.problem is None

        for state in ("clean", "changed"):
            if state == "changed":
                for number in range(10):
                    (folder / "0" / f"{number * FOLDERS}.py").write_text(f"changed = {number}\n", encoding="ascii")
                (folder / "new.py").write_text("new = 1\n", encoding="ascii")
            found = in_turns(9, {"raw": lambda: seconds(raw), "capture": lambda: seconds(capture)}, warm=2)
            name = f"code: tree of {FILES:,} files, {state}"
            yield Figure(name, found["capture"], "git add, write-tree", found["raw"], "ms", 0.150)


def _repository(folder: Path) -> None:
    for number in range(FILES):
        place = folder / str(number % FOLDERS)
        place.mkdir(exist_ok=True)
        (place / f"{number}.py").write_text(f"value = {number}\n" * 20, encoding="ascii")
    _git(folder, "init", "-q")
    _git(folder, "add", "--all")
    _git(folder, "commit", "-q", "-m", "bench")


def _git(folder: Path, *words: str, index: Path | None = None) -> None:
    env = os.environ | ({"GIT_INDEX_FILE": str(index)} if index else {})
    subprocess.run(["git", *_WHO, *words], cwd=folder, env=env, check=True, capture_output=True)
