"""Hashes of the files of a pipeline as they are now; what did not change since is not read again."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

from workbench.pipeline.plan import Made
from workbench.pipeline.stages import is_glob, normal
from workbench.project import Project

CACHE_NAME = "pipeline.json"
# A file changed this shortly before it was hashed may change again without its time showing it.
_SETTLED_NS, _SETTLED_COARSE_NS = 50_000_000, 2_000_000_000


class Hashes:
    """What lies at the paths of a pipeline; one file of facts for all of them, as a thousand are asked for at once."""

    def __init__(self, project: Project) -> None:
        self.folder = project.folder
        self._root = str(project.folder) + "/"
        self._objects = project.objects_folder
        self._data_cache = project.inner / "cache" / "data"
        self._file = project.inner / "cache" / CACHE_NAME
        self._facts = _read(self._file)
        self._changed = False

    def found(self, pattern: str) -> dict[str, str]:
        """Return the hash of each path that `pattern` names, "" where there is nothing."""
        return {path: made.hash for path, made in self.made(pattern).items()}

    def made(self, pattern: str) -> dict[str, Made]:
        """Return kind and hash of each path that `pattern` names."""
        path = normal(pattern)
        if "://" in path or is_glob(path) or path.startswith(("/", "..")):
            return self._taken(pattern)
        try:
            facts = os.stat(self._root + path)  # noqa: PTH116 - a plain string
        except OSError:
            return {path: Made("", "")}
        known = self._facts.get(path)
        if known is not None and _same(known, facts):
            return {path: Made("file", known[4])}
        began = time.time_ns()
        taken = self._taken(pattern)
        if stat.S_ISREG(facts.st_mode) and taken.get(path, Made("", "")).hash:
            now = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, taken[path].hash, began]
            self._facts[path], self._changed = now, True
        return taken

    def save(self) -> None:
        """Write down what was found out; only a matter of speed, so a full disk is no problem."""
        if not self._changed:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._file.with_name(f".{os.urandom(6).hex()}.tmp")
            temporary.write_text(json.dumps(self._facts, separators=(",", ":")), encoding="ascii")
            temporary.replace(self._file)
        self._changed = False

    def _taken(self, pattern: str) -> dict[str, Made]:
        from workbench.runs.inputs import is_url, take_all
        from workbench.versions import data
        from workbench.versions.objects import Objects

        objects = Objects(self._objects)
        if is_url(pattern):
            found = take_all(self.folder, objects, [pattern], {}, cache=self._data_cache)
        else:
            found = data.take(self.folder, objects, [pattern], keep=False, cache=self._data_cache)
        return {item.path: Made(item.kind, item.hash) for item in found}


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


def _read(file: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(file.read_bytes())
        sound = isinstance(found, dict) and all(isinstance(row, list) and len(row) == 6 for row in found.values())
    except (OSError, ValueError):
        return {}
    return found if sound else {}
