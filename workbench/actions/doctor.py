"""What is here, what is missing, what to type: every check gives findings and none may abort the others."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench.errors import NotFoundError, WorkbenchError
from workbench.paths import user_config_folder
from workbench.project import Project, find
from workbench.safe import clean

if TYPE_CHECKING:
    from workbench.versions.objects import Objects

State = Literal["good", "note", "bad"]
LEAST_FREE_BYTES = 200_000_000
FEW_INOTIFY_WATCHES = 16_384
_TIMEOUT = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `bad` keeps something from working, `hint` is what to type."""

    topic: str
    state: State
    text: str
    hint: str = ""


def examine(folder: Path, *, environment: Mapping[str, str], encoding: str, terminal: bool) -> list[Finding]:
    """Look at the machine, the terminal and, where `folder` lies in one, the project; nothing here raises."""
    findings = [
        *_guarded("python", _python),
        *_guarded(
            "git", lambda: _program("git", ["git", "--version"], "code is recorded without it", "apt install git")
        ),
        *_guarded("docker", _docker),
        *_guarded("gpu", _gpu),
        *_guarded("terminal", lambda: _terminal(environment, encoding, terminal)),
        *_guarded("settings", _settings),
        *_guarded("plugins", _plugins),
        *_guarded("watching", _inotify),
    ]
    try:
        project = find(folder)
    except NotFoundError as error:
        return [*findings, Finding("project", "note", error.message, error.hint)]
    except WorkbenchError as error:
        return [*findings, Finding("project", "bad", error.message, error.hint)]
    for topic, check in _PROJECT_CHECKS.items():
        findings += _guarded(topic, lambda check=check: check(project))  # type: ignore[misc]
    return findings


def _guarded(topic: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except WorkbenchError as error:
        yield Finding(topic, "bad", error.message, error.hint)
    except (OSError, sqlite3.Error, subprocess.SubprocessError, ValueError) as error:
        yield Finding(topic, "bad", f"it could not be looked at: {clean(str(error), 200)}")


# --- the machine


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "good", f"{version} at {clean(sys.executable)}; SQLite {sqlite3.sqlite_version}")


def _program(topic: str, question: list[str], without: str, install: str) -> Iterator[Finding]:
    if shutil.which(question[0]) is None:
        yield Finding(topic, "note", f"not installed; {without}", install)
        return
    answer = subprocess.run(question, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False)
    state: State = "good" if answer.returncode == 0 else "note"
    yield Finding(topic, state, clean((answer.stdout or answer.stderr).strip().partition("\n")[0], 200))


def _docker() -> Iterator[Finding]:
    if shutil.which("docker") is None:
        yield Finding("docker", "note", "not installed; training and tracking do not need it", "apt install docker.io")
        return
    question = ["docker", "version", "--format", "{{.Server.Version}}"]
    answer = subprocess.run(question, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False)
    if answer.returncode == 0:
        yield Finding("docker", "good", f"engine {clean(answer.stdout.strip(), 60)}")
    else:
        reason = clean((answer.stderr or answer.stdout).strip().partition("\n")[0], 200)
        yield Finding("docker", "note", f"installed, but its engine does not answer: {reason}", "docker info")


def _gpu() -> Iterator[Finding]:
    signs = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
    if not any(Path(sign).exists() for sign in signs):
        yield Finding("gpu", "note", "no NVIDIA driver; runs are recorded without GPU figures")
        return
    import pynvml

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        names = [pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(at)) for at in range(count)]
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        yield Finding("gpu", "note", f"a driver is there, but it does not answer: {clean(str(error))}", "nvidia-smi")
        return
    yield Finding("gpu", "good", clean(", ".join(map(str, names))) or "a driver, but no GPU")


def _terminal(environment: Mapping[str, str], encoding: str, terminal: bool) -> Iterator[Finding]:
    if encoding.lower().replace("-", "") not in ("utf8", "utf_8"):
        yield Finding("terminal", "bad", f"the locale is not UTF-8 ({clean(encoding)})", "export LANG=C.UTF-8")
    if not terminal:
        yield Finding("terminal", "note", "this is not a terminal: the interface cannot open here")
        return
    kind = clean(environment.get("TERM", ""))
    if environment.get("NO_COLOR"):
        yield Finding("terminal", "note", "NO_COLOR is set: no colours; every state has a sign of its own")
    elif environment.get("COLORTERM", "") in ("truecolor", "24bit"):
        yield Finding("terminal", "good", f"{kind}, all colours")
    elif "256" in kind:
        yield Finding("terminal", "good", f"{kind}, 256 colours", "export COLORTERM=truecolor   (if it knows all)")
    else:
        yield Finding("terminal", "note", f"{kind or 'TERM is not set'}: few colours", "export TERM=xterm-256color")
    columns, lines = shutil.get_terminal_size()
    if columns < 80 or lines < 24:
        yield Finding("terminal", "note", f"{columns}×{lines}: one pane fits; from 80×24 there are two")


def _settings() -> Iterator[Finding]:
    folder = user_config_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        yield Finding("settings", "bad", f"{clean(str(folder))} cannot be written", f"ls -ld {clean(str(folder))}")
        return
    from workbench.actions.projects import listed

    found = listed()
    missing = [each for each in found if each.missing]
    yield Finding("settings", "good", f"{len(found)} projects listed in {clean(str(folder))}")
    for each in missing:
        place = clean(str(each.folder))
        yield Finding(
            "settings", "note", f"the listed project {place} is missing", f"workbench projects remove {place}"
        )


def _plugins() -> Iterator[Finding]:
    from workbench.plugins import loaded

    plugins = loaded()
    names = [name for name in plugins.names if not name.startswith("workbench.default_plugins.")]
    yield Finding("plugins", "good", clean(", ".join(names)) or "none but the built-in ones")
    for problem in plugins.problems:
        yield Finding(
            "plugins", "bad", clean(problem), "Repair or uninstall it; WORKBENCH_PLUGINS= leaves all of them out."
        )


def _inotify() -> Iterator[Finding]:
    path = Path("/proc/sys/fs/inotify/max_user_watches")
    if not path.exists():
        yield Finding("watching", "note", "no inotify here: events of the system, or polling")
        return
    most = int(path.read_text(encoding="ascii"))
    if most < FEW_INOTIFY_WATCHES:
        hint = "sudo sysctl fs.inotify.max_user_watches=524288"
        yield Finding("watching", "note", f"inotify watches at most {most} folders; then files are polled", hint)
    else:
        yield Finding("watching", "good", f"inotify, up to {most} folders")


# --- the project


def _project(project: Project) -> Iterator[Finding]:
    yield Finding("project", "good", f"{project.name} in {clean(str(project.folder))}")
    for step in project.config.steps:
        if not step.command:
            hint = 'Add  [train] command = "python train.py"  to workbench.toml.'
            yield Finding("project", "note", "workbench.toml names no command", hint)
        for name in (step.params, *step.inputs):
            if name and not any(project.folder.glob(name)):
                yield Finding("project", "note", f"{clean(name)} is named in workbench.toml, but not there")


def _interpreter(project: Project) -> Iterator[Finding]:
    from workbench.actions.wishes import choose_python, typed_python

    step = project.config.steps[0]
    configured, typed = choose_python(project, step), typed_python()
    yield _starts(project, configured, "`python`" if typed in ("", configured) else "`python` in workbench.toml")
    if typed not in ("", configured):
        yield _starts(project, typed, "`workbench run -- python`")


def _starts(project: Project, python: str, words: str) -> Finding:
    """Say which interpreter words mean, and whether it starts."""
    answer = subprocess.run(
        [python, "-c", "import sys; print('.'.join(map(str, sys.version_info[:3])))"],
        capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False, cwd=project.folder,
    )  # fmt: skip
    whose = "Workbench's own" if python == sys.executable else clean(python)
    if answer.returncode:
        reason = clean(answer.stderr.strip()[-200:])
        return Finding(
            "interpreter", "bad", f"{words} means {whose}, which does not start: {reason}", "python3 -m venv .venv"
        )
    return Finding("interpreter", "good", f"{words} means {whose}, {clean(answer.stdout.strip())}")


def _disk(project: Project) -> Iterator[Finding]:
    free = shutil.disk_usage(project.folder).free
    if free < LEAST_FREE_BYTES:
        yield Finding("disk", "bad", f"{free / 1e6:.0f} MB are free", "df -h .")
    else:
        yield Finding("disk", "good", f"{free / 1e9:.1f} GB free")
    if not os.access(project.folder, os.W_OK):
        yield Finding("disk", "bad", "the project folder cannot be written", f"ls -ld {clean(str(project.folder))}")


def _store(project: Project) -> Iterator[Finding]:
    if not project.store_path.exists():
        yield Finding("store", "note", "there is none yet; the first run makes it", "workbench run")
        return
    connection = project.open_store()
    try:
        from workbench.runs.recovery import recover
        from workbench.store.connection import NETWORK_FILE_SYSTEMS, file_system

        recovered = recover(project, connection)
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        problems += [f"a row of {row[0]} without its parent" for row in connection.execute("PRAGMA foreign_key_check")]
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (count,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    finally:
        connection.close()
    for problem in problems[:5]:
        hint = "sqlite3 .workbench/workbench.db .recover > rescued.sql"
        yield Finding("store", "bad", f"damaged: {clean(str(problem), 200)}", hint)
    kind = file_system(project.inner)
    if kind.startswith(NETWORK_FILE_SYSTEMS):
        yield Finding("store", "bad", f"it lies on a network file system ({kind})", "Move the project to a local disk.")
    if recovered:
        yield Finding("store", "note", f"the supervisor of {len(recovered)} runs had died; they were looked after")
    if not problems:
        size = project.store_path.stat().st_size / 1e6
        yield Finding("store", "good", f"sound, version {version}, {count} runs, {size:.1f} MB")


def _folders(project: Project) -> Iterator[Finding]:
    if not project.store_path.exists():
        return
    connection = project.open_reader()
    try:
        known = {row[0] for row in connection.execute("SELECT uid FROM runs")}
    finally:
        connection.close()
    there = {path.name for path in project.runs_folder.iterdir()} if project.runs_folder.is_dir() else set()
    if orphans := sorted(there - known):
        hint = f"rm -r {clean(str(project.runs_folder / orphans[0]))}   (if nothing is starting just now)"
        yield Finding("folders", "note", f"{len(orphans)} run folders belong to no run", hint)
    if gone := known - there:
        yield Finding("folders", "note", f"the folders of {len(gone)} runs are gone; their metrics are in the store")
    if not orphans and not gone:
        yield Finding("folders", "good", f"{len(known)} runs, each with its folder")


def _objects(project: Project) -> Iterator[Finding]:
    """Hash every stored content again; a name that is not the hash of its content is a damaged disk or foreign hand."""
    if not project.objects_folder.is_dir():
        return
    from workbench.versions import files, sweep
    from workbench.versions.objects import Objects

    objects = Objects(project.objects_folder)
    count, bad = sweep.count(objects), dict(sweep.damaged(objects))
    for path in project.objects_folder.glob("??/*"):
        digest = path.parent.name + path.name
        if len(digest) == 64:
            count += 1
            if files.load(project.objects_folder, digest) is None:
                bad[digest] = "its bytes do not match its name"
    yield from _broken(project, objects, bad)
    if bad:
        first, why = next(iter(sorted(bad.items())))
        hint = "workbench data pull   brings contents back from a remote"
        yield Finding("objects", "bad", f"{len(bad)} of {count} stored contents are damaged, {first[:12]}: {why}", hint)
    else:
        yield Finding("objects", "good", f"{count} stored contents, every hash right")
    yield from _interrupted(objects)
    yield from _interrupted_transfers(project)


def _broken(project: Project, objects: Objects, bad: Mapping[str, str]) -> Iterator[Finding]:
    """Name the versions that the store should have and cannot give any more: damaged, or missing."""
    from workbench.actions import data

    if not project.store_path.exists():
        return
    for version in data.listed(project):
        why = data.broken(objects, version, bad) if version.kept else ""
        if why:
            name = f"{clean(version.path)}@{version.hash[:12]}"
            yield Finding("versions", "bad", f"{name} cannot be restored: {clean(why)}", "workbench data pull")


def _interrupted(objects: Objects) -> Iterator[Finding]:
    from workbench.versions import sweep

    try:
        with objects.held(alone=True, wait=False):
            left = list(sweep.leftovers(objects))
    except BlockingIOError:
        yield Finding("objects", "note", "something is being stored just now")
        return
    if left:
        words = "leftover of an interrupted write" if len(left) == 1 else "leftovers of interrupted writes"
        text = f"{len(left)} {words}; the store is as it was before"
        yield Finding("objects", "note", text, "workbench gc")


def _interrupted_transfers(project: Project) -> Iterator[Finding]:
    """Name what restores and pulls that were killed left: neither has changed what it was to bring."""
    from workbench.actions import data
    from workbench.versions.data import leftovers

    paths = {version.path for version in data.listed(project)}
    for path in sorted(path for path in paths if "://" not in path):
        for left in leftovers(project.folder / path):
            text = f"a restore of {clean(path)} was interrupted; it is whole, as it was before or as it was to be"
            yield Finding("versions", "note", text, f"rm -r {shlex.quote(clean(str(left)))}")
    parts = sorted((project.inner / "incoming").glob("*.part"))
    if parts:
        text = f"{len(parts)} parts of files from an interrupted pull; the store is as it was before it"
        yield Finding("objects", "note", text, "workbench data pull   (goes on with them)")


_PROJECT_CHECKS: dict[str, Callable[[Project], Iterator[Finding]]] = {
    "project": _project,
    "interpreter": _interpreter,
    "disk": _disk,
    "store": _store,
    "folders": _folders,
    "objects": _objects,
}
