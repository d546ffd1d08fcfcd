"""Who is at work, as it is written down beside what a person decides."""

from __future__ import annotations

import getpass
import subprocess

from workbench.project import Project


def user_name(project: Project) -> str:
    """Return who is at work: the name that git knows, else the user of the machine."""
    try:
        answer = subprocess.run(
            ["git", "config", "user.name"], cwd=project.folder, capture_output=True, text=True, timeout=5, check=False
        )
        if answer.stdout.strip():
            return answer.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return "unknown"
