"""Where a key stands in a TOML text: the line to name when its value is wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Key = tuple[str | int, ...]
"""The way to a value: names of tables and keys, and the places of tables in a list."""

_HEADER = re.compile(r"\s*(\[\[?[^\[\]].*?\]\]?)\s*(?:#.*)?$")
_LINE = re.compile(r"\s*([^\s#=][^=]*?)\s*=")


def line_of(text: str, key: Key) -> int:
    """Return the number of the line where a key stands, else where its table begins; 0 where neither is found."""
    best, line = 0, 0
    for number, found in _keys(text):
        common = found == key[: len(found)] or (found[: len(key)] == key and not line)
        if common and min(len(found), len(key)) > best:
            best, line = min(len(found), len(key)), number
    return line


def _keys(text: str) -> Iterator[tuple[int, Key]]:
    """Yield each line that begins a table or a value, by number, with its key; tables of a list have their place."""
    table: Key = ()
    listed: dict[Key, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            path = _path(header[1])
            if header[1].startswith("[["):
                listed[path] = listed.get(path, -1) + 1
                path = (*path, listed[path])
            if path:
                table = path
                yield number, table
        elif (found := _LINE.match(line)) and (path := _path(f"{found[1]} = 0")):
            yield number, (*table, *path)


def _path(line: str) -> Key:
    """Return the key that a header or the left of a line names; () where it is none, as within a long text."""
    import tomllib

    try:
        found: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path: Key = ()
    while isinstance(found, (dict, list)) and found:
        if isinstance(found, list):
            found = found[0]
            continue
        ((one, found),) = found.items()
        path = (*path, one)
    return path
