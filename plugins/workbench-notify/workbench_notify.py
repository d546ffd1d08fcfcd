"""Starts a command of the user's when a run has ended; notify.toml in Workbench's configuration folder names it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import workbench
from workbench.paths import user_config_folder
from workbench.runs.model import Run

SECONDS = 10


@workbench.hookimpl
def run_ended(project_folder: str, run: Run) -> None:
    """Start the configured command; raises ValueError where notify.toml is not as it should be."""
    path = user_config_folder() / "notify.toml"
    if not path.exists():
        return
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    if run.status in settings.get("when", [run.status]):
        subprocess.run(
            arguments(settings.get("command"), Path(project_folder).name, run),
            timeout=SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )


def arguments(command: Any, project: str, run: Run) -> list[str]:
    """Return the words of `command` with the facts of `run` filled in."""
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise ValueError('notify.toml needs command = ["program", "argument", ...]')
    facts = {
        "number": str(run.number),
        "name": run.name,
        "status": run.status,
        "reason": run.reason,
        "duration": f"{run.duration(run.ended or run.created) or 0:.0f}",
        "project": project,
    }
    return [_filled(word, facts) for word in command]


def _filled(word: str, facts: dict[str, str]) -> str:
    for key, value in facts.items():
        word = word.replace(f"{{{key}}}", value.replace("\0", ""))
    return word
