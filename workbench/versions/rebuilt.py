"""A virtual environment made anew from the versions that a run recorded; made once, then kept in the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from workbench.errors import EnvironmentProblem
from workbench.paths import user_cache_folder
from workbench.safe import clean
from workbench.versions.environment import TOOLS

_INSTALL_SECONDS = 3600
_ASK_SECONDS = 30
_HINT = "workbench reproduce RUN   (with the packages of now)"


def make(version: str, packages: Mapping[str, str], imported: Mapping[str, str], tell: Callable[[str], None]) -> Path:
    """Return the folder of a virtual environment with these packages at these versions, for Python `version`.

    Of the tools that an installer brings only those in `imported` are put back. Raises EnvironmentProblem where there
    is no such Python, and with the installer's own words where it fails, as it does without a network.
    """
    wanted = {name: number for name, number in packages.items() if name not in TOOLS or name in imported}
    wanted.pop("workbench-mlops", None)
    minor = ".".join(version.split(".")[:2])
    key = hashlib.sha256(json.dumps([minor, sorted(wanted.items())]).encode()).hexdigest()[:16]
    folder = user_cache_folder() / "environments" / key
    with _alone(folder):
        if not (folder / ".complete").exists():
            _make(folder, _interpreter(minor, version), wanted, tell)
    return folder


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make a folder."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise EnvironmentProblem(f"The environment cannot be made: {error}", _HINT) from error


def _interpreter(minor: str, version: str) -> str:
    """Return an interpreter of a version of Python, which need not be the one that Workbench runs with."""
    if sys.version_info[:2] == tuple(map(int, re.findall(r"\d+", minor)[:2])):
        return sys.executable
    for name in (f"python{minor}", "python3", "python"):
        found = shutil.which(name)
        if found and _answer([found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]) == minor:
            return found
    raise EnvironmentProblem(f"The run had Python {clean(version, 40)}, which is not here", f"Install python{minor}.")


def _answer(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _make(folder: Path, python: str, packages: Mapping[str, str], tell: Callable[[str], None]) -> None:
    tell(f"Making an environment of {len(packages)} packages, once …")
    own = str(folder / "bin" / "python")
    # An installer that is here can install there; to put one there first takes longer than most packages.
    installer = [sys.executable, "-m", "pip", "--python", own]
    has_installer = importlib.util.find_spec("pip") is not None
    _do([python, "-m", "venv", "--clear", *(["--without-pip"] if has_installer else []), str(folder)])
    if not has_installer:
        installer = [own, "-m", "pip"]
    requirements = folder / "requirements.txt"
    lines = [f"{name}=={number}" if number else name for name, number in sorted(packages.items())]
    requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if lines:
        # Without dependencies: the record names all there were, and no other may come.
        how = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
        _do([*installer, *how, "--requirement", str(requirements)])
    (folder / ".complete").touch()


def _do(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_INSTALL_SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentProblem(f"The environment cannot be made: {error}", _HINT) from error
    if done.returncode:
        raise EnvironmentProblem(
            f"The environment cannot be made: {clean(_reason(done.stderr, done.stdout), 300)}", _HINT
        )


def _reason(errors: str, output: str) -> str:
    """Return the line of an installer's complaint that says most: its last error, else its last line."""
    lines = [line.strip() for line in (errors.strip() or output.strip() or "no reason given").splitlines()]
    complaints = [line for line in lines if line.startswith("ERROR:")]
    return complaints[-1].removeprefix("ERROR:").strip() if complaints else lines[-1]
