"""What the Data screen has others do: profiles computed by a process of their own; what a restore would overwrite."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from workbench.actions.data_tables import Version
from workbench.errors import EnvironmentProblem
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.numbers import ago, size

LIMIT_SECONDS = 3600
LOOK_SECONDS = 0.2
"""So often a computation looks whether it is still wanted."""


def compute(
    project: Project, version: Version, before: Version | None, is_given_up: Callable[[], bool] = lambda: False
) -> str:
    """Profile a version, and compare it with the one before, in another process; return what kept it from doing so."""
    words = ["data", "profile", f"{version.path}@{version.hash}"]
    if before is not None and before.kept and before.kind == version.kind:
        words = ["data", "diff", version.path, before.hash, version.hash]
    answer = ask(project, words, is_given_up)
    if answer.code == 0:
        return ""
    if words[1] == "diff" and answer.code == 2:
        # One of the two is no table; the chosen one may still be.
        return compute(project, version, None, is_given_up)
    return "\n".join(answer.said)


def check(project: Project, words: Sequence[str], is_given_up: Callable[[], bool]) -> bool:
    """Run a check of the command line, which keeps what it finds; return whether it said yes.

    Raises EnvironmentProblem with what the command said where it could not tell.
    """
    return told(project, words, is_given_up).code == 0


def told(project: Project, words: Sequence[str], is_given_up: Callable[[], bool]) -> Answer:
    """Run a command as `ask` does; raises EnvironmentProblem with what it said where it could not do its work."""
    answer = ask(project, words, is_given_up)
    if answer.code not in (0, 1):
        raise EnvironmentProblem(answer.said[0], " ".join(answer.said[1:]).removeprefix("hint: "))
    return answer


@dataclass(frozen=True)
class Answer:
    """What came of a command: exit code, the last lines that it said, none only where it ended well, its document.

    A command that was given up counts as done, without a document.
    """

    code: int
    said: tuple[str, ...] = ()
    document: Any = None


def ask(project: Project, words: Sequence[str], is_given_up: Callable[[], bool]) -> Answer:
    """Run a command of Workbench in a process of its own, which ends as soon as `is_given_up`."""
    command = [sys.executable, "-m", "workbench", "-C", str(project.folder), *words, "--json"]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _wait(project, command, output, errors, is_given_up)
        if is_given_up():
            return Answer(0)
        if code is None:
            return Answer(3, (f"It took more than {LIMIT_SECONDS // 60} minutes.",))
        output.seek(0)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
        document = output.read()
    lines = [clean(line, 200).removeprefix("error: ") for line in said.splitlines() if line.strip()]
    if code not in (0, 1):
        return Answer(code, tuple(lines[-2:]) or (f"It ended with code {code}.",))
    return Answer(code, tuple(lines[-2:]), json.loads(document) if document.strip() else None)


def _wait(
    project: Project, command: list[str], output: IO[bytes], errors: IO[bytes], is_given_up: Callable[[], bool]
) -> int | None:
    """Run a command to its end; return its exit code, None where it took too long."""
    end = time.monotonic() + LIMIT_SECONDS
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=project.folder
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
