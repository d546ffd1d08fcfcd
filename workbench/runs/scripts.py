"""The source files that a command runs: the scripts it names, and the modules of the project that they import.

They count as inputs of a stage, so that an edited script makes it run again. Only what can be read off is found: a
module that is imported by a name made up at run time is not. Pure, but for `write`, which hashes them for one run.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.versions.objects import Objects

NAME = "scripts.json"
MOST = 400
_SUFFIXES = (".py", ".sh", ".bash", ".r", ".jl", ".sql", ".ipynb", ".pl", ".rb", ".js", ".ts", ".lua")
_HINT = re.compile(r"\.(?:py|sh|bash|r|jl|sql|ipynb|pl|rb|js|ts|lua)\b|-m\s|^\S*/", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s;&|()<>=`]+")

Imports = Callable[[str], Sequence[str] | None]  # names that a file imports, dots in front; None: no such file


def closure(command: str, imports: Imports) -> tuple[str, ...]:
    """Return the source files of a command, relative to the project, in the order in which they are found."""
    if not _HINT.search(command):
        return ()
    waiting = list(_named(command, imports))
    found: dict[str, None] = {}
    while waiting and len(found) < MOST:
        path = waiting.pop(0)
        names = imports(path) if path not in found else None
        if names is None:
            continue
        found[path] = None
        for name in names:
            waiting += [one for one in _resolved(name, path, imports) if one not in found]
    return tuple(found)


def imported(source: bytes) -> tuple[str, ...]:
    """Return what Python source imports, `a.b` for `from a import b` too; nothing where it does not parse."""
    import ast

    found: dict[str, None] = {}
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update((name.name, None) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            dot = "." if node.module else ""
            found.update((f"{base}{dot}{name.name}" if name.name != "*" else base, None) for name in node.names)
    return tuple(found)


def imports_in(folder: Path) -> Imports:
    """Return what reads the files of a folder for `closure`."""

    @functools.cache
    def imports(path: str) -> Sequence[str] | None:
        try:
            return imported((folder / path).read_bytes()) if path.endswith(".py") else _none_if_missing(folder / path)
        except OSError:
            return None

    return imports


def write(folder: Path, run_folder: Path, objects: Objects, command: str) -> None:
    """Write down the sources of a run and their hashes in its folder; a run without them has no key."""
    from glob import escape

    from workbench.versions import data

    paths = [escape(path) for path in closure(command, imports_in(folder))]
    with contextlib.suppress(OSError):
        found = data.take(folder, objects, paths, keep=False) if paths else []
        save(run_folder, [(item.path, item.hash) for item in found if item.hash])


def save(run_folder: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Write down the sources of a run, pairs of path and BLAKE3; raises OSError."""
    temporary = run_folder / f".{NAME}.tmp"
    temporary.write_text(json.dumps(list(pairs)), encoding="ascii")
    temporary.replace(run_folder / NAME)


def read(run_folder: Path) -> list[tuple[str, str]] | None:
    """Return what `save` wrote down, None where there is nothing."""
    try:
        return [(path, hash) for path, hash in json.loads((run_folder / NAME).read_text(encoding="ascii"))]
    except (OSError, ValueError, TypeError):
        return None


def _named(command: str, imports: Imports) -> Iterator[str]:
    words = _words(command)
    for at, word in enumerate(words):
        path = word.removeprefix("./")
        if word == "-m" and at + 1 < len(words):
            yield from _module(words[at + 1], imports)
        elif path.startswith(("/", "../", "-")) or not path:
            continue
        elif path.lower().endswith(_SUFFIXES) or (at == 0 and "/" in word and not _is_interpreter(path)):
            yield path


def _words(command: str) -> list[str]:
    if "'" in command or '"' in command:
        try:
            return [part for word in shlex.split(command) for part in ([word] if " " in word else _split(word))]
        except ValueError:
            return _split(command)
    return _split(command)


def _split(text: str) -> list[str]:
    return [word for word in _BETWEEN.split(text) if word]


def _is_interpreter(path: str) -> bool:
    return path.rpartition("/")[0].endswith("/bin")


def _module(name: str, imports: Imports) -> Iterator[str]:
    yield from _resolved(name, "", imports)
    yield from _resolved(f"{name}.__main__", "", imports)


def _resolved(name: str, importer: str, imports: Imports) -> list[str]:
    """Return the files that are run for an import: each package on the way, and the module."""
    inner = importer.rpartition("/")[0]
    level = len(name) - len(name.lstrip("."))
    if level:
        for _ in range(level - 1):
            inner = inner.rpartition("/")[0]
        roots = [inner]
    else:
        roots = list(dict.fromkeys((inner, "", "src")))
    parts = [part for part in name[level:].split(".") if part]
    for root in roots:
        if found := _below(root, parts, imports):
            return found
    return []


def _below(root: str, parts: Sequence[str], imports: Imports) -> list[str]:
    found: list[str] = []
    base = f"{root}/" if root else ""
    for part in parts:
        for path in (f"{base}{part}/__init__.py", f"{base}{part}.py"):
            if imports(path) is not None:
                found.append(path)
                break
        if found and found[-1] == f"{base}{part}.py":
            break
        base = f"{base}{part}/"
    return found


def _none_if_missing(path: Path) -> Sequence[str] | None:
    return () if path.is_file() else None
