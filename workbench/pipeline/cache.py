"""Hashes of the files of a pipeline as they are now; what did not change since is not read again."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

from workbench.pipeline.plan import Made
from workbench.pipeline.stages import is_glob, normal
from workbench.project import Project
from workbench.runs import scripts

CACHE_NAME = "pipeline.json"
# A file changed this shortly before it was hashed may change again without its time showing it.
_SETTLED_NS, _SETTLED_COARSE_NS = 50_000_000, 2_000_000_000
_NOTHING = Made("", "")


class Hashes:
    """What lies at the paths of a pipeline; one file of facts for all of them, as a thousand are asked for at once.

    `sources` says of data in `charter.data` what may be copied: looking at a URL brings its bytes where they may.
    """

    def __init__(self, project: Project, sources: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder = project.folder
        self._root = str(project.folder) + "/"
        self._sources = sources
        self._objects = project.objects_folder
        self._data_cache = project.inner / "cache" / "data"
        self._file = project.inner / "cache" / CACHE_NAME
        self._facts, self._imports = _read(self._file)
        self._problems: dict[str, str] = {}
        self._seen: dict[str, Sequence[str] | None] = {}
        self._changed = False

    def found(self, pattern: str) -> dict[str, str]:
        """Return the hash of each path that `pattern` names, "" where there is nothing."""
        path = normal(pattern)
        if not _is_plain(path):
            return {path: made.hash for path, made in self._taken(pattern).items()}
        return {path: self._at(path, pattern).hash}

    def problem(self, path: str) -> str:
        """Return why a path could not be read when it was last looked at, "" where it was simply not there."""
        return self._problems.get(path, "")

    def sources(self, command: str) -> dict[str, str]:
        """Return the hashes of the scripts that a command runs, and of the modules that they import."""
        hashes = {path: self._at(path, escape(path)).hash for path in scripts.closure(command, self._imported)}
        return {path: hash for path, hash in hashes.items() if hash}

    def look_again(self) -> None:
        """Forget which modules are there: files may have come or gone."""
        self._seen.clear()

    def save(self) -> None:
        """Write down what was found out; only a matter of speed, so a full disk is no problem."""
        if not self._changed:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._file.with_name(f".{os.urandom(6).hex()}.tmp")
            known = {"files": self._facts, "imports": self._imports}
            temporary.write_text(json.dumps(known, separators=(",", ":")), encoding="ascii")
            temporary.replace(self._file)
        self._changed = False

    def _at(self, path: str, pattern: str) -> Made:
        """Return what lies at a plain path."""
        try:
            facts = os.stat(self._root + path)  # noqa: PTH116 - a plain string
        except OSError:
            return _NOTHING
        known = self._facts.get(path)
        if known is not None and _same(known, facts):
            return Made("file", known[4])
        began = time.time_ns()
        made = self._taken(pattern).get(path, _NOTHING)
        if stat.S_ISREG(facts.st_mode) and made.hash:
            now = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, made.hash, began]
            self._facts[path], self._changed = now, True
        return made

    def _imported(self, path: str) -> Sequence[str] | None:
        """Return what a source file imports, None where there is no such file."""
        if path not in self._seen:
            self._seen[path] = self._read_imports(path)
        return self._seen[path]

    def _read_imports(self, path: str) -> Sequence[str] | None:
        hash = self._at(path, escape(path)).hash if os.path.isfile(self._root + path) else ""  # noqa: PTH113
        if not hash or not path.endswith(".py"):
            return () if hash else None
        known = self._imports.get(path)
        if known is not None and known[0] == hash:
            return known[1:]
        try:
            found = scripts.imported(Path(self._root + path).read_bytes())
        except OSError:
            return None
        self._imports[path], self._changed = [hash, *found], True
        return found

    def _taken(self, pattern: str) -> dict[str, Made]:
        from workbench.runs.inputs import take_all
        from workbench.versions import data
        from workbench.versions.objects import Objects

        objects = Objects(self._objects)
        if "://" in pattern:
            found = take_all(self.folder, objects, [pattern], self._sources, cache=self._data_cache)
        else:
            found = data.take(self.folder, objects, [pattern], keep=False, cache=self._data_cache)
        self._problems.update((item.path, item.problem if item.problem != "missing" else "") for item in found)
        return {item.path: Made(item.kind, item.hash) for item in found}


def _is_plain(path: str) -> bool:
    return not ("://" in path or is_glob(path) or path.startswith(("/", "..")))


def _same(fact: list[Any], facts: os.stat_result) -> bool:
    mtime = facts.st_mtime_ns
    settled = _SETTLED_NS if mtime % 1_000_000_000 else _SETTLED_COARSE_NS
    return bool(
        fact[1] == mtime
        and fact[0] == facts.st_size
        and fact[2] == facts.st_ctime_ns
        and fact[3] == facts.st_ino
        and fact[5] - mtime >= settled
    )


def _read(file: Path) -> tuple[dict[str, list[Any]], dict[str, list[str]]]:
    try:
        known = json.loads(file.read_bytes())
        files, imports = known["files"], known["imports"]
        sound = all(len(row) == 6 for row in files.values()) and all(map(len, imports.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, {}
    return (files, imports) if sound else ({}, {})
