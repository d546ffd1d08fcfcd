"""The user's command as a process: started, found again, and how it ended kept before anything can go wrong."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.runs import isolation
from workbench.tracking import RUN_FOLDER_VARIABLE

END_NAME = "end.json"
PROCESS_NAME = "process.json"
END_ROOM = 512
PARAMS_VARIABLE = "WORKBENCH_PARAMS"
PARAMS_PLACEHOLDER = "{params}"


class Command:
    """The user's command as a process: started here, or found again after its supervisor was killed."""

    def __init__(self, project_folder: Path, run_folder: Path, import_folder: str) -> None:
        self.project_folder = project_folder
        self.import_folder = import_folder
        self.run_folder = run_folder
        self.launch: dict[str, Any] = json.loads((run_folder / "launch.json").read_text(encoding="utf-8"))
        self.pid: int | None = None
        self.identity: float | None = None
        self.problem = ""
        self.problem_code = 127
        self.others: list[str] = []  # the numbers of the processes that were there before it
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the command in a session of its own, its output going to a file; a failure is kept in `problem`."""
        self._reserve_end()
        if self.problem:
            return
        with contextlib.suppress(OSError):
            self.others = os.listdir("/proc")
        try:
            with (self.run_folder / "output.log").open("ab") as output:
                self._process = subprocess.Popen(
                    self._arguments(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=isolation.folder_of(self.project_folder, self.run_folder, self.launch) / self.launch["folder"],
                    env=self._environment(),
                    start_new_session=True,
                )
        except OSError as error:
            self.problem = _start_problem(self._arguments(), error)
            return
        self.pid = self._process.pid
        from workbench.runs.processes import birth

        self.identity = birth(self.pid)
        record = json.dumps({"pid": self.pid, "birth": self.identity})
        (self.run_folder / PROCESS_NAME).write_text(record, encoding="utf-8")

    def refuse(self, why: str) -> None:
        """Keep the command from starting, where there is a reason: a check said no."""
        if why:
            self.problem, self.problem_code = why, 1

    def make_room(self) -> None:
        """Make the folder of its own that the run may have asked for; a failure is kept in `problem`."""
        if not self.launch.get("isolation"):
            return
        try:
            isolation.prepare(self.project_folder, self.run_folder, self.launch)
        except WorkbenchError as error:
            self.problem = error.message
        except OSError as error:
            self.problem = f"its folder cannot be made: {error.strerror or error}"

    def adopt(self) -> None:
        """Find the process that an earlier supervisor started."""
        record = read_json(self.run_folder / PROCESS_NAME)
        self.pid, self.identity = record.get("pid"), record.get("birth")

    def ended(self) -> bool:
        """Return whether the process is gone; `exit_status` is known afterwards if it was a child of this one."""
        if self.pid is None:
            return True
        if self._process is not None:
            if self._process.poll() is None:
                return False
            self._save_end(self._process.returncode)
            return True
        from workbench.runs.processes import birth

        return birth(self.pid) != self.identity

    def _arguments(self) -> list[str]:
        arguments: list[str] = self.launch["argv"]
        if not self.launch["params_file"]:
            return arguments
        return [word.replace(PARAMS_PLACEHOLDER, self._params_path()) for word in arguments]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self.launch["params_file"]:
            environment[PARAMS_VARIABLE] = self._params_path()
        if any("://" in name for name in self.launch["inputs"]):
            from workbench.runs import inputs

            environment[inputs.INPUTS_VARIABLE] = json.dumps(inputs.local_paths(self.run_folder))
        if venv := self.launch.get("venv"):
            environment["VIRTUAL_ENV"] = venv
            environment["PATH"] = os.pathsep.join([f"{venv}/bin", environment.get("PATH", os.defpath)])
        environment[RUN_FOLDER_VARIABLE] = str(self.run_folder)
        environment["PYTHONUNBUFFERED"] = "1"
        extra = [self.import_folder, environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, extra))
        return environment

    def _params_path(self) -> str:
        return str(self.run_folder / self.launch["params_file"])

    def _reserve_end(self) -> None:
        """Take the room for the exit status now, so that it can be kept when the disk is full."""
        (self.run_folder / END_NAME).write_bytes(b" " * END_ROOM)

    def _save_end(self, status: int) -> None:
        """Keep how the command ended before anything else can go wrong."""
        if not (self.run_folder / END_NAME).exists():
            return
        record = json.dumps({"status": status, "ended": time.time()}).encode()
        with (self.run_folder / END_NAME).open("r+b") as file:
            if not file.read(END_ROOM).strip():
                file.seek(0)
                file.write(record)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, or an empty one where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _start_problem(arguments: list[str], error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no such command: {arguments[0]}"
    return f"the command cannot be started: {error.strerror}"
