"""The files of a code version written into a folder: byte for byte, with no filter, hook or link that leads out."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

from workbench.versions import code, selection
from workbench.versions.code import CodeVersion
from workbench.versions.git import Entry

_BATCH = 200
_POINTER, _POINTER_BYTES = b"version https://git-lfs.github.com/spec/", 1024  # the limit of its specification
_LINK, _MODULE, _PROGRAM = "120000", "160000", "100755"


def write(folder: Path, objects: Path, version: CodeVersion, target: Path) -> list[str]:
    """Write the files of `version` of the project in `folder` below `target`; return what was left out, and why.

    Git's own checkout would run the filters that a repository configures. Raises CodeUnavailable where the version
    is not stored any more, and OSError.
    """
    listing = code.entries(folder, objects, version)
    notes = [f"{path}: not a path for a checkout" for path in listing if not _is_harmless(path)]
    wanted = {path: entry for path, entry in listing.items() if _is_harmless(path)}
    notes += [f"{path}: submodules stay empty" for path, entry in wanted.items() if entry.mode == _MODULE]
    target.mkdir(parents=True, exist_ok=True)
    links: list[tuple[str, bytes]] = []
    for path, entry, content in _contents(folder, objects, version, wanted):
        if content is None:
            why = "is not in this clone of the repository" if version.kind == "git" else "is no longer stored"
            raise code.CodeUnavailable(f"{path} {why}")
        if content.startswith(_POINTER) and len(content) < _POINTER_BYTES:
            notes.append(f"{path}: git holds only a pointer to it (LFS), left out")
        elif entry.mode == _LINK:
            links.append((path, content))
        else:
            _write_file(target / path, content, executable=entry.mode == _PROGRAM)
    # Links come last, so that no file is written through one.
    notes += [note for path, content in links if (note := _write_link(target, path, content))]
    return notes


def _is_harmless(path: str) -> bool:
    parts = path.split("/")
    return not any(part in ("", ".", "..", selection.OWN_FOLDER) or part.lower() == ".git" for part in parts)


def _contents(
    folder: Path, objects: Path, version: CodeVersion, wanted: dict[str, Entry]
) -> Iterator[tuple[str, Entry, bytes | None]]:
    files = [(path, entry) for path, entry in sorted(wanted.items()) if entry.mode != _MODULE]
    for start in range(0, len(files), _BATCH):
        some = files[start : start + _BATCH]
        found = code.contents(folder, objects, version, [entry.oid for _, entry in some])
        for path, entry in some:
            yield path, entry, found.get(entry.oid)


def _write_file(place: Path, content: bytes, *, executable: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    if executable:
        place.chmod(0o755)


def _write_link(target: Path, path: str, content: bytes) -> str:
    leads_to = os.fsdecode(content)
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), leads_to))
    if leads_to.startswith("/") or inside.split("/")[0] == "..":
        return f"{path}: a link that leads out of the project, left out"
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    (target / path).symlink_to(leads_to)
    return ""
