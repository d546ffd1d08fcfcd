"""Putting a version of data back at its place: all of it at once, nothing outside, links only where they may lead."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

from workbench.errors import EnvironmentProblem, WorkbenchError
from workbench.versions.manifest import Entry, decode
from workbench.versions.objects import Objects

_RESTORING = ".restoring"
_NEVER = frozenset({".git", ".workbench"})


def restore(objects: Objects, kind: str, hash: str, target: Path, *, root: Path | None = None) -> list[str]:
    """Put a version at `target`, all of it at once in place of what is there; nothing outside `target` is written.

    Links of a folder are restored where they lead to something below `root` (default: `target`), or lie there already;
    the names of others, which are left out, are returned. Raises Missing, Damaged, BadManifest, and EnvironmentProblem
    where `target` cannot be written; then `target` is as it was.
    """
    left_out: list[str] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in leftovers(target):
            _remove(left)
        temporary = _beside(target)
        try:
            if kind == "folder":
                entries = decode(objects.content(hash))
                links = _build(objects, entries, temporary)
                left_out = _make_links(links, temporary, target, root or target)
            else:
                objects.write_to(hash, temporary)
            _swap(temporary, target)
        finally:
            _remove(temporary)
    except WorkbenchError:
        raise
    except OSError as error:
        from workbench.safe import clean

        where = clean(str(target))
        raise EnvironmentProblem(
            f"{where} cannot be restored: {error.strerror or error}", "df -h .   and  ls -ld  on its folder"
        ) from error
    return left_out


def make_link(target: Path, points_to: str) -> None:
    """Put a link at `target`, at once in place of what is there; raises OSError."""
    temporary = _beside(target)
    temporary.symlink_to(points_to)
    try:
        _swap(temporary, target)
    finally:
        _remove(temporary)


def _build(objects: Objects, entries: dict[str, Entry], folder: Path) -> dict[str, str]:
    """Make the files of a folder; return its links, which come last, so that no file is written through one."""
    folder.mkdir()
    made = {folder}
    links = {}
    for name, entry in entries.items():
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        if entry.kind == "link":
            links[name] = os.fsdecode(objects.content(entry.hash))
            continue
        with path.open("xb") as file:
            for block in objects.read(entry.hash):
                file.write(block)
    return links


def _make_links(links: dict[str, str], folder: Path, target: Path, root: Path) -> list[str]:
    """Make the links that may be made, and return the others."""
    if not links:
        return []
    here = os.path.join(os.path.realpath(target.parent), target.name)  # noqa: PTH118
    whole_root = here if root == target else os.path.realpath(root)
    place = "" if root == target else f"{os.path.relpath(here, whole_root)}/"
    left_out = []
    for name, points_to in links.items():
        if stays_inside(place + name, points_to, whole_root) or _lies_there(target, name, points_to):
            (folder / name).symlink_to(points_to)
        else:
            left_out.append(name)
    return left_out


def stays_inside(path: str, points_to: str, root: str) -> bool:
    """Return whether a link at `path`, relative to the folder `root`, leads to something below that folder.

    One that goes up after it went down is not followed in thought, as it may pass through another link; what belongs
    to git or to Workbench is no place for data.
    """
    where = path.split("/")[:-1]
    if points_to.startswith(f"{root.rstrip('/')}/"):
        where, points_to = [], points_to[len(root.rstrip("/")) + 1 :]
    parts = [part for part in points_to.split("/") if part not in ("", ".")]
    if not points_to or points_to.startswith("/") or "\0" in points_to or _NEVER & set(parts):
        return False
    up = next((count for count, part in enumerate(parts) if part != ".."), len(parts))
    if up > len(where) or ".." in where or ".." in parts[up:]:
        return False
    return up < len(where) or bool(parts[up:])


def _lies_there(target: Path, name: str, points_to: str) -> bool:
    """Return whether the folder that is replaced has the same link, which then is no other's invention."""
    place = target / name
    try:
        plain = not target.is_symlink() and os.path.realpath(place.parent) == os.path.join(  # noqa: PTH118
            os.path.realpath(target),
            os.path.dirname(name),  # noqa: PTH120
        ).rstrip("/")
        return plain and os.readlink(place) == points_to  # noqa: PTH115 - as it was written
    except OSError:
        return False


def _beside(target: Path) -> Path:
    """Return a new name next to `target` that says which process it belongs to."""
    return target.with_name(f".{target.name[:100]}.{os.getpid()}.{os.urandom(4).hex()}{_RESTORING}")


def leftovers(target: Path) -> list[Path]:
    """Return what restores to the same target left beside it when they were killed; the next one removes it."""
    try:
        names = os.listdir(target.parent)
    except OSError:
        return []
    found = []
    for name in names:
        if name.startswith(f".{target.name[:100]}.") and name.endswith(_RESTORING):
            owner = name.split(".")[-3]
            if owner.isdecimal() and not _lives(int(owner)):
                found.append(target.with_name(name))
    return found


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _swap(new: Path, target: Path) -> None:
    """Put `new` where `target` is; what was there is then at `new`, or gone."""
    if not target.is_symlink() and not target.is_dir() and not new.is_dir():
        new.replace(target)
    elif not os.path.lexists(target):
        new.rename(target)
    elif not _exchange(new, target):
        old = _beside(target)
        target.rename(old)
        new.rename(target)
        _remove(old)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step where the system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(rename(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
