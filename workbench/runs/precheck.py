"""Data checked before a command starts, by a process of its own, so that a supervisor never loads what reads tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.runs.inputs import until_stopped

ANSWER_NAME = "check.json"
LOG_NAME = "check.log"
REFUSED = 1
_LOOK_SECONDS = 0.2


def refusal(folder: Path, run: int, run_folder: Path) -> str:
    """Return why the run may not start, "" where it may; a check that crashes is no reason, a stop request is.

    launch.json says under `check` which `paths` are looked at, which `beside` them where they exist, and whether errors
    `stop` the run or only `warn`.
    """
    command = [sys.executable, "-P", "-m", "workbench", "-C", str(folder), "validate", "--for-run", str(run)]
    try:
        with (run_folder / LOG_NAME).open("ab") as log:
            # It ends when this process does, however that ends: nobody would wait for its answer.
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
            try:
                _wait(process, folder, run_folder)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        answer = json.loads((run_folder / ANSWER_NAME).read_text(encoding="utf-8"))
    except WorkbenchError as stopped:
        return stopped.message
    except (OSError, ValueError):
        return ""
    return str(answer.get("refused", ""))


def _wait(process: subprocess.Popen[bytes], folder: Path, run_folder: Path) -> None:
    """Wait for the check; raises EnvironmentProblem when somebody wants the run to stop."""
    progress = until_stopped(folder / ".workbench", run_folder.name)
    while True:
        try:
            process.wait(_LOOK_SECONDS)
            return
        except subprocess.TimeoutExpired:
            progress(0, 0)
