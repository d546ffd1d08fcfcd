"""What the Data screen has others do: profiles computed by a process of their own; what a restore would overwrite."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from workbench.actions import data as actions
from workbench.actions.data_tables import Version
from workbench.errors import EnvironmentProblem, WorkbenchError
from workbench.project import Project
from workbench.safe import clean
from workbench.tui.kit.numbers import ago, size
from workbench.words import counted

if TYPE_CHECKING:
    from workbench.versions.data import Taken

LIMIT_SECONDS = 3600
PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.2
"""So often a computation looks whether it is still wanted, and tells how far it is."""
_TAIL = 4096
"""So many of the last bytes that a command said are looked at."""


class Job:
    """A computation that a page waits for: it can be given up, and tells how far it is."""

    def __init__(self, tell: Callable[[str], None] = lambda words: None) -> None:
        self.tell = tell
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """End it as soon as can be."""
        self._given_up.set()

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._given_up.is_set()


class GivenUp(WorkbenchError):
    """A computation was ended before it was done."""

    def __init__(self) -> None:
        super().__init__("Given up", "Nothing was changed.")


def compute(job: Job, project: Project, version: Version, before: Version | None) -> str:
    """Profile a version, and compare it with the one before, in another process; return what kept it from doing so."""
    words = ["data", "profile", f"{version.path}@{version.hash}"]
    if before is not None and before.kept and before.kind == version.kind:
        words = ["data", "diff", version.path, before.hash, version.hash]
    try:
        answer = ask(job, project, words)
    except GivenUp:
        return "Given up: enter reads it again."
    if answer.code == 0:
        return ""
    if words[1] == "diff" and answer.code == 2:
        # One of the two is no table; the chosen one may still be.
        return compute(job, project, version, None)
    return "\n".join(answer.said)


def told(job: Job, project: Project, words: Sequence[str]) -> Answer:
    """Run a command as `ask` does; raises EnvironmentProblem with what it said where it could not do its work."""
    answer = ask(job, project, words)
    if answer.code not in (0, 1):
        raise EnvironmentProblem(answer.said[0], " ".join(answer.said[1:]))
    return answer


@dataclass(frozen=True)
class Answer:
    """What came of a command: exit code, what it said of an error, its document."""

    code: int
    said: tuple[str, ...] = ()
    document: Any = None


def ask(job: Job, project: Project, words: Sequence[str]) -> Answer:
    """Run a command of Workbench in a process of its own; raises GivenUp where the job was given up meanwhile."""
    command = [sys.executable, "-P", "-m", "workbench", "-C", str(project.folder), *words, "--json"]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _wait(job, project, command, output, errors)
        if job.is_given_up:
            raise GivenUp
        if code is None:
            return Answer(3, (f"It took more than {LIMIT_SECONDS // 60} minutes.",))
        output.seek(0)
        document, lines = output.read(), _lines(errors)
    if code not in (0, 1):
        at = max((at for at, line in enumerate(lines) if line.startswith("error: ")), default=len(lines) - 1)
        said = [line.removeprefix("error: ").removeprefix("hint: ") for line in lines[max(0, at) :][:2]]
        return Answer(code, tuple(said) or (f"It ended with code {code}.",))
    return Answer(code, (), json.loads(document) if document.strip() else None)


def _lines(errors: IO[bytes]) -> list[str]:
    """Return the last lines of what a command has said so far."""
    said = os.pread(errors.fileno(), _TAIL, max(0, os.fstat(errors.fileno()).st_size - _TAIL))
    return [clean(line, 200) for line in said.decode("utf-8", "replace").splitlines() if line.strip()]


def _wait(job: Job, project: Project, command: list[str], output: IO[bytes], errors: IO[bytes]) -> int | None:
    """Run a command to its end; return its exit code, None where it took too long."""
    end = time.monotonic() + LIMIT_SECONDS
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=project.folder
    ) as process:
        while process.poll() is None:
            if job.is_given_up or time.monotonic() > end:
                _end(process)
                return None if time.monotonic() > end else process.returncode
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
            if lines := _lines(errors):
                job.tell(lines[-1])
        return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process, so that it clears away the copies that it reads; kill one that does not listen."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def snapshot(job: Job, project: Project) -> list[Taken]:
    """Take versions of all that the configuration names; raises GivenUp, and then keeps none of them."""

    def progress(files: int, read: int) -> None:
        job.tell(f"{counted(files, 'file')}, {size(read)}")
        if job.is_given_up:
            raise GivenUp

    return actions.snapshot(project, progress=progress)


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
