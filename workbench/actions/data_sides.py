"""The sides of a comparison, and their bytes: a stored version, or the data as they lie in the project."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.project import Project
from workbench.runs.rows import text

_SCRATCH, _DAY = "version-", 86_400.0
NOW = "now"
"""The hash of a side is "" and its label this, where it is the file as it lies in the project."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a version, or the file as it is now."""

    label: str
    hash: str
    kind: str
    size: int


def stored(hash_: str, kind: str, size: int) -> Side:
    """Return the side that is a stored version."""
    return Side(hash_[:10], hash_, kind, size)


@contextlib.contextmanager
def scratch(project: Project) -> Iterator[Path]:
    """Give a folder for the while; those that killed processes left more than a day ago go first."""
    for left in project.inner.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _DAY:
                shutil.rmtree(left)
    inner = project.inner if os.access(project.inner, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=inner) as folder:
        yield Path(folder)


@contextlib.contextmanager
def opened(project: Project, path: str, side: Side) -> Iterator[Path]:
    """Give a file with the bytes of a side: the project's own where they are the same, else one made for the while."""
    place = project.folder / path
    if side.label == NOW and text(path) == path:
        yield place
        return
    from workbench.versions.objects import Objects

    with scratch(project) as folder:
        target = folder / "data"
        if side.label == NOW:  # readers of tables want names that are UTF-8
            target.symlink_to(place.absolute())
            yield target
            return
        Objects(project.objects_folder).write_to(side.hash, target, durable=False)
        yield target


def files_of(project: Project, path: str, side: Side) -> dict[str, tuple[str, int]]:
    """Return hash and size of each file of a folder."""
    if side.label == NOW:
        return dict(_files_now(project.folder / path))
    from workbench.versions.manifest import decode
    from workbench.versions.objects import Objects

    listed = decode(Objects(project.objects_folder).content(side.hash))
    return {name: (entry.hash, entry.size) for name, entry in listed.items()}


def hash_of(file: Path) -> str:
    """Return the BLAKE3 of a file, whatever bytes its name has; raises OSError."""
    from blake3 import blake3

    with file.open("rb") as opened_file:
        return hashlib.file_digest(opened_file, blake3).hexdigest()  # type: ignore[arg-type]


def _files_now(folder: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    from blake3 import blake3

    for place, names, files in os.walk(folder):
        for name in [*files, *(one for one in names if (Path(place) / one).is_symlink())]:
            file = Path(place) / name
            relative = file.relative_to(folder).as_posix()
            if file.is_symlink():
                points_to = os.fsencode(file.readlink())
                yield relative, (blake3(points_to).hexdigest(), len(points_to))
            elif file.is_file():
                yield relative, (hash_of(file), file.stat().st_size)
