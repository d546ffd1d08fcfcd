"""Which files a configuration means: files, folders and globs below a folder, never anything outside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

_GLOB_SIGNS = frozenset("*?[")
_NEVER_SEARCHED = frozenset({".workbench", ".git"})


class Refused(Exception):
    """A path that is not read, and why."""


class Outside(Refused):
    """A path that leads out of the project; `url` is its name as a source of data elsewhere."""

    def __init__(self, whole: str) -> None:
        super().__init__("outside the project")
        self.url = f"file://{whole}"


def matching(folder: Path, pattern: str) -> list[str]:
    """Return the paths that `pattern` names in `folder`: itself where it is no glob, none where nothing matches.

    Raises Refused where it leads out of the folder.
    """
    path = inside(folder, pattern)
    if not _GLOB_SIGNS & set(path) or os.path.lexists(folder / path):
        return [path]
    return list(_expand(folder, "", path.split("/")))


def inside(folder: Path, pattern: str) -> str:
    """Return `pattern` relative to the project without `.` and `..`; raises Refused, Outside if it leads out of it."""
    root = os.path.abspath(folder)  # noqa: PTH100 - also takes `..` out
    whole = os.path.normpath(os.path.join(root, pattern))  # noqa: PTH118 - as above
    if "\0" in pattern or not pattern.strip():
        raise Refused("not a path")
    if whole == root:
        raise Refused("the project itself, and nothing in it")
    if not whole.startswith(root.rstrip("/") + "/"):
        raise Outside(whole)
    return whole[len(root.rstrip("/")) + 1 :]


def _expand(folder: Path, base: str, parts: Sequence[str]) -> Iterator[str]:
    """Yield the existing paths that the parts of a glob match below `base`; `**` follows no links."""
    if not parts:
        yield base
        return
    part, rest = parts[0], parts[1:]
    prefix = f"{base}/" if base else ""
    if not _GLOB_SIGNS & set(part):
        if _leads_within(folder, prefix + part) if rest else os.path.lexists(folder / (prefix + part)):
            yield from _expand(folder, prefix + part, rest)
        return
    if part == "**" and rest:
        yield from _expand(folder, base, rest)
    for entry in _children(folder / base):
        if entry.name in _NEVER_SEARCHED or (entry.name.startswith(".") and not part.startswith(".")):
            continue
        path = prefix + entry.name
        if part == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _expand(folder, path, parts)
            elif not rest:
                yield path
        elif fnmatchcase(entry.name, part) and (not rest or _leads_within(folder, path)):
            yield from _expand(folder, path, rest)


def _leads_within(folder: Path, path: str) -> bool:
    try:
        real(folder, path)
    except (Refused, OSError):
        return False
    return (folder / path).is_dir()


def _children(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def real(folder: Path, path: str) -> str:
    """Return the path with its links resolved; raises Refused if that lies outside the project."""
    root = os.path.realpath(folder)
    resolved = os.path.realpath(folder / path, strict=True)
    if not resolved.startswith(root.rstrip("/") + "/"):
        raise Refused("a link that leads out of the project, not followed")
    return resolved


def walk(place: str, prefix: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield relative name and path of everything below a folder that is not itself a folder."""
    waiting = [(place, prefix)]
    while waiting:
        here, before = waiting.pop()
        try:
            with os.scandir(here) as found:
                entries = list(found)
        except OSError as error:
            problems.append(f"{before or '.'}: {reason(error)}")
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{before}{entry.name}/"))
            else:
                yield before + entry.name, entry.path


def reason(error: Exception) -> str:
    """Return why a path was not read, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, OSError):
        return f"unreadable: {error.strerror or error}"
    return str(error)
