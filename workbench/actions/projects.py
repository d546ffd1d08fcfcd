"""What a user can do with projects: make one, adopt a folder, and keep the list that the interface shows."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.actions.adoption import Guess, configuration_text, guess
from workbench.errors import NotFoundError, UsageError, WorkbenchError
from workbench.paths import CONFIG_NAME, user_config_folder, write_atomically
from workbench.project import Project, is_project, load
from workbench.safe import clean

LIST_NAME = "projects.json"
TEMPLATES = ("standard",)
_SIZE = 1 << 20  # bytes of a file that a guess may read


@dataclass(frozen=True)
class Made:
    """What `init` did: the files it wrote, those it left as they were, and what it guessed; paths relative."""

    project: Project
    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    guess: Guess | None = None


@dataclass(frozen=True)
class Listed:
    """A folder on the user's list; `problem` says why it cannot be opened, "" where it can."""

    folder: Path
    name: str
    problem: str = ""

    @property
    def missing(self) -> bool:
        """Whether the folder is not there now."""
        return not self.folder.is_dir()


# --- making


def init(folder: Path, template: str = "") -> Made:
    """Make a project in `folder`: from a template, or by adopting what is there; nothing is ever overwritten.

    A folder that does not exist yet is made from the template "standard". Adopting writes workbench.toml and
    .workbench, no more. Raises UsageError for an unknown template, ConfigError for a broken workbench.toml.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - without following links, as the user sees it
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{clean(str(folder))} is a file", "Give a folder.")
    if template and template not in TEMPLATES:
        raise UsageError(f"No template {template!r}", f"There is: {', '.join(TEMPLATES)}.")
    made = _from_template(folder, template or TEMPLATES[0]) if template or not folder.exists() else _adopt(folder)
    made.project.open_store().close()
    add(folder)
    return made


def _from_template(folder: Path, template: str) -> Made:
    source = Path(__file__).resolve().parents[1] / "templates" / template
    written: list[str] = []
    kept: list[str] = []
    for path in sorted(source.rglob("*")):
        if path.is_dir() or "__pycache__" in path.parts:
            continue
        relative = path.relative_to(source)
        relative = relative.with_name(".gitignore") if relative.name == "gitignore" else relative
        text = path.read_text(encoding="utf-8")
        if relative.name in (CONFIG_NAME, "README.md"):
            text = text.replace("{name}", _toml_safe(folder.name))
        new = _write_new(folder / relative, text)
        (written if new else kept).append(relative.as_posix())
    return Made(load(folder), tuple(written), tuple(kept))


def _toml_safe(name: str) -> str:
    return clean(name).replace("\\", "").replace('"', "") or "project"


def _write_new(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _adopt(folder: Path) -> Made:
    if (folder / CONFIG_NAME).exists():
        return Made(load(folder), kept=(CONFIG_NAME,))
    found = guess(_names(folder), _reader(folder), lambda name: (folder / name).exists())
    new = _write_new(folder / CONFIG_NAME, configuration_text(clean(folder.name) or "project", found))
    return Made(load(folder), (CONFIG_NAME,) if new else (), guess=found)


def _names(folder: Path) -> frozenset[str]:
    """Return the files at the top, and those in the folders where scripts are kept."""
    places = [folder, folder / "scripts", folder / "src"]
    return frozenset(
        path.relative_to(folder).as_posix()
        for place in places
        if place.is_dir()
        for path in place.iterdir()
        if path.is_file()
    )


def _reader(folder: Path) -> Callable[[str], bytes | None]:
    def read(name: str) -> bytes | None:
        path = folder / name
        with contextlib.suppress(OSError, ValueError):
            if path.is_file() and path.stat().st_size <= _SIZE:
                return path.read_bytes()
        return None

    return read


# --- the list


def listed() -> list[Listed]:
    """Return the user's projects in the order they were added; a folder that vanished stays, with a problem."""
    return [_listed(folder) for folder in _read()]


def _listed(folder: Path) -> Listed:
    name = clean(folder.name, 80)
    if not folder.is_dir():
        return Listed(folder, name, "the folder is missing")
    try:
        return Listed(folder, load(folder).name, "" if is_project(folder) else "no workbench.toml in it")
    except WorkbenchError as error:
        return Listed(folder, name, error.message)


def add(folder: Path) -> bool:
    """Put a project on the list; return whether it was not there before. Raises NotFoundError for what is none."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100
    if not folder.is_dir():
        raise NotFoundError(f"No folder {clean(str(folder))}", "Check the path.")
    if not is_project(folder):
        raise NotFoundError(f"{clean(str(folder))} is no project yet", f"workbench init {clean(str(folder))}")
    with _locked():
        folders = _read()
        if folder in folders:
            return False
        _write([*folders, folder])
        return True


def remove(name: str, here: Path) -> Path:
    """Take a project off the list, named by path (from `here`) or name; its files stay. Raises NotFoundError."""
    path = Path(os.path.abspath(here / Path(name).expanduser()))  # noqa: PTH100
    with _locked():
        folders = _read()
        gone = path if path in folders else _by_name(folders, name)
        _write([folder for folder in folders if folder != gone])
        return gone


def _by_name(folders: list[Path], name: str) -> Path:
    found = [folder for folder in folders if name in (folder.name, _listed(folder).name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"Several projects are named {clean(name)!r}", "Give the path: workbench projects")
    raise NotFoundError(f"No project {clean(name)!r} on the list", "workbench projects")


def _read() -> list[Path]:
    path = user_config_folder() / LIST_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [Path(str(folder)) for folder in document["projects"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"The list of projects is broken: {clean(str(path))}", "Remove the file and add them again."
        ) from error


def _write(folders: list[Path]) -> None:
    document = {"projects": [str(folder) for folder in folders]}
    write_atomically(user_config_folder() / LIST_NAME, json.dumps(document, indent=1) + "\n")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Hold the list, so that two programs that change it at once both succeed."""
    folder = user_config_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{LIST_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
