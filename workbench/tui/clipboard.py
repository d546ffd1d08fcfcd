"""The clipboard through the system's own program; a terminal may not pass it on, and over SSH there is none."""

from __future__ import annotations

import os
import shutil
import subprocess

_PROGRAMS = (
    (("pbcopy",), ""),
    (("wl-copy",), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "clipboard"), "DISPLAY"),
    (("clip.exe",), ""),
)


def copy(words: str) -> bool:
    """Put words on the clipboard; return whether a program took them."""
    if "SSH_CONNECTION" in os.environ:
        return False
    for command, variable in _PROGRAMS:
        if (not variable or variable in os.environ) and shutil.which(command[0]):
            try:
                done = subprocess.run(command, input=words.encode(), timeout=2, capture_output=True, check=False)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if done.returncode == 0:
                return True
    return False
