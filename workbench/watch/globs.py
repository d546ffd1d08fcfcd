"""Glob patterns over paths relative to the project; pure.

A pattern is read as a shell reads it: `*.py` names files in the project's own folder, `**/*.py` those in every folder,
and a name without wildcards (`data`) names a file, or everything in a folder. A wildcard does not match a leading dot.
In a list of what to ignore a pattern without `/` names files and folders at any depth, as in a .gitignore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_WILD = re.compile(r"[*?\[]")
_NOTHING = re.compile(r"(?!)")


def tidy(pattern: str) -> str:
    """Return a pattern without `./` before and `/` behind it, and without empty parts."""
    return "/".join(part for part in pattern.strip().split("/") if part not in ("", "."))


def is_wild(pattern: str) -> bool:
    """Whether a pattern has wildcards."""
    return bool(_WILD.search(pattern))


@dataclass(frozen=True)
class Globs:
    """Several patterns as one; `whole_folders` lets a pattern with wildcards name folders with all that is in them."""

    patterns: tuple[str, ...]
    whole_folders: bool = False
    _tidy: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tidy", tuple(filter(None, map(tidy, self.patterns))))

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return _either(_path_expression(p, folders=self.whole_folders or not is_wild(p)) for p in self._tidy)

    @cached_property
    def _leading(self) -> tuple[tuple[str | re.Pattern[str], ...], ...]:
        return tuple(tuple(_part(part) for part in pattern.split("/")) for pattern in self._tidy)

    def matches(self, path: str) -> bool:
        """Whether a pattern names the file `path`."""
        return self._expression.match(path) is not None

    def may_hold(self, folder: str) -> bool:
        """Whether something in `folder`, at any depth, could be named by a pattern; "" is the project's folder."""
        parts = folder.split("/") if folder else []
        return any(self._reaches(pattern, parts) for pattern in self._leading)

    def _reaches(self, pattern: Sequence[str | re.Pattern[str]], parts: Sequence[str]) -> bool:
        for at, part in enumerate(parts):
            if at >= len(pattern):
                return self.whole_folders or not isinstance(pattern[-1], re.Pattern)
            wanted = pattern[at]
            if wanted == "**":
                return not any(name.startswith(".") for name in parts[at:])
            if not (wanted == part if isinstance(wanted, str) else wanted.match(part)):
                return False
        return len(parts) < len(pattern) or self.whole_folders or not isinstance(pattern[-1], re.Pattern)

    def leads_to(self, folder: str) -> bool:
        """Whether `folder` lies on the part of a pattern that comes before its first wildcard."""
        return any(f"{_literal(pattern)}/".startswith(f"{folder}/") for pattern in self._tidy)


def _literal(pattern: str) -> str:
    parts = pattern.split("/")
    wild = next((at for at, part in enumerate(parts) if is_wild(part)), len(parts))
    return "/".join(parts[:wild])


@dataclass(frozen=True)
class Names:
    """Patterns of what to leave alone: with `/` they name paths, without it names at any depth; folders are whole."""

    patterns: tuple[str, ...]

    @cached_property
    def _paths(self) -> Globs:
        return Globs(tuple(p for p in self.patterns if "/" in tidy(p)), whole_folders=True)

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return _either(_name(tidy(p), dots=True) + r"\Z" for p in self.patterns if "/" not in tidy(p) and tidy(p))

    def has_name(self, name: str) -> bool:
        """Whether a name, without its folders, is one to leave alone."""
        return self._names.match(name) is not None

    def matches(self, path: str) -> bool:
        """Whether `path`, or a folder it lies in, is to be left alone."""
        return any(map(self.has_name, path.split("/"))) or self.names_path(path)

    def names_path(self, path: str) -> bool:
        """Whether a pattern with `/` names `path` or a folder it lies in."""
        return self._paths.matches(path)


def _either(expressions: Iterable[str]) -> re.Pattern[str]:
    found = list(expressions)
    return re.compile("|".join(f"(?:{each})" for each in found), re.DOTALL) if found else _NOTHING


def _part(part: str) -> str | re.Pattern[str]:
    if part == "**" or not is_wild(part):
        return part
    return re.compile(_name(part) + r"\Z", re.DOTALL)


def _path_expression(pattern: str, *, folders: bool) -> str:
    parts = pattern.split("/")
    built = []
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            built.append(r"[^./][^/]*(?:/[^./][^/]*)*" if last else r"(?:[^./][^/]*/)*")
        else:
            built.append(_name(part) + ("" if last else "/"))
    return "".join(built) + (r"(?:/.*)?\Z" if folders else r"\Z")


def _name(part: str, *, dots: bool = False) -> str:
    """Return the expression of one name; a leading wildcard refuses a leading dot unless `dots`."""
    built = "" if dots or not _WILD.match(part) else r"(?!\.)"
    at = 0
    while at < len(part):
        sign = part[at]
        closing = part.find("]", at + 2) if sign == "[" else -1
        if closing > 0:
            inside = part[at + 1 : closing].replace("\\", r"\\").replace("[", r"\[")
            built += f"(?!/)[{'^' + inside[1:] if inside[0] in '!^' else inside}]"
            at = closing
        else:
            built += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
        at += 1
    return built
