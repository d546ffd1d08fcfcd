"""What the Data screen has others do: profiles computed by a process of their own; what a restore would overwrite."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO

from workbench.actions.data_tables import Version
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.numbers import ago, size

LIMIT_SECONDS = 3600
LOOK_SECONDS = 0.2
"""So often a computation looks whether it is still wanted."""


def compute(
    project: Project, version: Version, before: Version | None, is_given_up: Callable[[], bool] = lambda: False
) -> str:
    """Profile a version, and compare it with the one before, in another process; return what kept it from doing so.

    The process ends as soon as `is_given_up`.
    """
    words = ["profile", f"{version.path}@{version.hash}"]
    if before is not None and before.kept and before.kind == version.kind:
        words = ["diff", version.path, before.hash, version.hash]
    command = [sys.executable, "-m", "workbench", "-C", str(project.folder), "data", *words, "--json"]
    with tempfile.TemporaryFile() as errors:
        code = _wait(project, command, errors, is_given_up)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    if code is None:
        return f"Reading took more than {LIMIT_SECONDS // 60} minutes."
    if code == 0 or is_given_up():
        return ""
    if words[0] == "diff" and code == 2:
        # One of the two is no table; the chosen one may still be.
        return compute(project, version, None, is_given_up)
    lines = [clean(line, 200) for line in said.splitlines() if line.strip()]
    return "\n".join(line.removeprefix("error: ") for line in lines[-2:]) or f"It ended with code {code}."


def _wait(project: Project, command: list[str], errors: IO[bytes], is_given_up: Callable[[], bool]) -> int | None:
    """Run a command to its end; return its exit code, None where it took too long."""
    end = time.monotonic() + LIMIT_SECONDS
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd=project.folder
    ) as process:
        while process.poll() is None:
            if is_given_up() or time.monotonic() > end:
                process.kill()
                process.wait()
                return None if time.monotonic() > end else process.returncode
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
        return process.returncode


def overwritten(project: Project, version: Version) -> list[str]:
    """Return the lines that say what restoring a version takes the place of."""
    now = time.time()
    place = project.folder / version.path
    new = f"{version.hash[:12]}, {size(version.size)}, seen {ago(max(0.0, now - version.seen))}"
    try:
        facts = place.lstat()
    except OSError:
        return [f"Nothing lies at {version.path}; it is made from version", new]
    changed = ago(max(0.0, now - facts.st_mtime))
    kept = "What is there now is only lost if it is in no version; that is refused."
    if place.is_dir():
        return [f"The folder {version.path} (changed {changed})", "is replaced, with all files in it, by version", new,
                "", kept]  # fmt: skip
    what = f"{version.path}, {size(facts.st_size)}, changed {changed}"
    return [what, "is overwritten by version", new, "", kept]
