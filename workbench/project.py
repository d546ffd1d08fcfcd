"""A project: a folder with a workbench.toml, a .workbench folder, or both."""

from __future__ import annotations

import errno
import functools
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import NotFoundError, StoreError
from workbench.paths import CONFIG_NAME, FOLDER_NAME, STORE_NAME
from workbench.safe import clean
from workbench.store.connection import open_reader, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from workbench.config import Config


@dataclass(frozen=True)
class Project:
    """One project folder and its configuration as it was when the project was opened.

    Without `given` the configuration is the empty one, made when it is first asked for: a supervisor never does.
    """

    folder: Path
    given: Config | None = None

    @functools.cached_property
    def config(self) -> Config:
        """What workbench.toml says."""
        from workbench.config import Config

        return Config() if self.given is None else self.given

    @property
    def name(self) -> str:
        """The configured name, else the folder's."""
        return clean(self.config.project.name or self.folder.name, 80)

    @property
    def inner(self) -> Path:
        """The folder that Workbench keeps for itself in the project."""
        return self.folder / FOLDER_NAME

    @property
    def store_path(self) -> Path:
        """The SQLite store."""
        return self.inner / STORE_NAME

    @property
    def runs_folder(self) -> Path:
        """One folder per run."""
        return self.inner / "runs"

    @property
    def objects_folder(self) -> Path:
        """Content-addressed files."""
        return self.inner / "objects"

    def run_folder(self, uid: str) -> Path:
        """The folder of the run `uid`."""
        return self.runs_folder / uid

    def open_store(self) -> sqlite3.Connection:
        """Return a connection that may write; makes the store, and its folder, when they are missing."""
        self.prepare()
        return open_store(self.store_path, create=True)

    def open_reader(self) -> sqlite3.Connection:
        """Return a connection that only reads; raises StoreError where there is no store yet."""
        return open_reader(self.store_path)

    def prepare(self) -> None:
        """Make the inner folder, which git is told to ignore; raises StoreError where it cannot be made."""
        ignore = self.inner / ".gitignore"
        if ignore.exists():
            return
        try:
            self.inner.mkdir(parents=True, exist_ok=True)
            ignore.write_text("# What Workbench keeps; it moves with the folder.\n*\n", encoding="utf-8")
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            words = f"The store {clean(str(self.store_path))} cannot be made: {str(error.strerror).lower()}"
            raise StoreError(words, "Copy the project to where it can be written.") from error


def find(start: Path) -> Project:
    """Return the project that `start` lies in, looking upwards; raises NotFoundError or ConfigError."""
    start = start.absolute()
    if not start.is_dir():
        raise NotFoundError(f"No folder {clean(str(start))}", "Give an existing folder with -C.")
    for folder in (start, *start.parents):
        if is_project(folder):
            return load(folder)
    raise NotFoundError(f"{clean(str(start))} is in no project", "workbench init   (adopts the folder you are in)")


def load(folder: Path) -> Project:
    """Return the project in `folder` itself; raises ConfigError where its workbench.toml is broken."""
    path = folder / CONFIG_NAME
    if not path.exists():
        return Project(folder)
    from workbench import config

    return Project(folder, config.load(path))


def is_project(folder: Path) -> bool:
    """Return whether `folder` itself is a project."""
    return (folder / CONFIG_NAME).is_file() or (folder / FOLDER_NAME / STORE_NAME).is_file()
