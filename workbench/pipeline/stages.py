"""Stages as a graph: a stage comes after those whose outputs it reads; pure."""

from __future__ import annotations

import heapq
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from workbench.config import Train
from workbench.errors import ConfigError, UsageError
from workbench.safe import clean

_GLOB_SIGNS = frozenset("*?[")
_SHOWN = 6


@dataclass(frozen=True)
class Graph:
    """Stages in an order in which they can run.

    `before` names for each stage those it needs, with the file that says so; `makers` for each input that stages make
    (as the configuration has it) who they are.
    """

    order: tuple[str, ...]
    before: Mapping[str, Mapping[str, str]]
    makers: Mapping[str, Mapping[str, tuple[str, ...]]]

    def upstream(self, wanted: Iterable[str]) -> frozenset[str]:
        """Return the stages named and all that they need; raises UsageError for a stage that is not there."""
        waiting, found = list(wanted), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in self.before:
                raise UsageError(f"There is no stage {clean(name)}", f"Stages: {_some(self.order)}")
            if name not in found:
                found.add(name)
                waiting.extend(self.before[name])
        return frozenset(found)


def build(stages: Mapping[str, Train]) -> Graph:
    """Return the graph of `stages`; raises ConfigError for a cycle, or for two stages with one output."""
    known = _Makers(stages)
    before: dict[str, dict[str, str]] = {}
    makers: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, stage in stages.items():
        before[name], makers[name] = {}, {}
        for path in stage.inputs:
            found = known.of(path)
            if name in found:
                raise ConfigError(
                    f"stages.{clean(name)} reads {clean(path)}, which it writes itself",
                    "Give the output another path, or take it out of inputs.",
                )
            if found:
                makers[name][path] = tuple(found)
            for maker in found:
                before[name].setdefault(maker, path)
    return Graph(_sorted(before), before, makers)


def is_glob(path: str) -> bool:
    """Return whether `path` has signs of a pattern."""
    return not _GLOB_SIGNS.isdisjoint(path)


def normal(path: str) -> str:
    """Return a path of the configuration without `.`, `..` and a slash at its end; a URL stays as it is."""
    return path if "://" in path else posixpath.normpath(path)


def covers(pattern: str, path: str) -> bool:
    """Return whether an output named `pattern` is `path` itself, or matches it."""
    pattern = normal(pattern)
    return pattern == path or (is_glob(pattern) and fnmatchcase(path, pattern))


def holds(pattern: str, path: str) -> bool:
    """Return whether `path` is the output `pattern`, matches it, or lies in it."""
    return covers(pattern, path) or path.startswith(f"{normal(pattern)}/")


class _Makers:
    """Who makes a file: looked up by its path and the folders around it, so that a thousand stages take no time."""

    def __init__(self, stages: Mapping[str, Train]) -> None:
        self.exact: dict[str, str] = {}
        self.globs: list[tuple[str, str]] = []
        self.below: dict[str, dict[str, None]] = {}  # folder -> the stages that make something in it
        for name, stage in stages.items():
            for written in stage.outputs:
                self._add(name, normal(written))
        for name, stage in stages.items():
            for written in stage.outputs:
                self._check(name, normal(written))

    def _add(self, name: str, path: str) -> None:
        other = self.exact.get(path)
        if other is not None and other != name:
            raise _two(other, name, path)
        self.exact[path] = name
        if is_glob(path):
            self.globs.append((path, name))
        for folder in _folders(path):
            self.below.setdefault(folder, {})[name] = None

    def _check(self, name: str, path: str) -> None:
        for folder in _folders(path):
            if self.exact.get(folder, name) != name:
                raise _two(self.exact[folder], name, path)
        for pattern, other in self.globs:
            if other != name and fnmatchcase(path, pattern):
                raise _two(other, name, path)

    def of(self, path: str) -> list[str]:
        """Return the stages whose outputs are `path`, lie in it, contain it, or match it."""
        path = normal(path)
        found: dict[str, None] = {}
        for place in (path, *_folders(path)):
            if place in self.exact:
                found[self.exact[place]] = None
        found.update(self.below.get(path, {}))
        for pattern, name in self.globs:
            if fnmatchcase(path, pattern):
                found[name] = None
        if is_glob(path):
            found.update((name, None) for made, name in self.exact.items() if fnmatchcase(made, path))
        return list(found)


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _two(first: str, second: str, path: str) -> ConfigError:
    return ConfigError(
        f"stages.{clean(first)} and stages.{clean(second)} both write {clean(path)}", "Give each its own outputs."
    )


def _sorted(before: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Return the stages so that each comes after those it needs, else as in the file; raises ConfigError."""
    places = {name: place for place, name in enumerate(before)}
    names = list(before)
    after: dict[str, list[str]] = {name: [] for name in before}
    left = {name: len(needed) for name, needed in before.items()}
    for name, needed in before.items():
        for other in needed:
            after[other].append(name)
    ready = [places[name] for name, count in left.items() if not count]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for other in after[name]:
            left[other] -= 1
            if not left[other]:
                heapq.heappush(ready, places[other])
    if len(order) < len(before):
        raise _cycle(before, {name for name, count in left.items() if count})
    return tuple(order)


def _cycle(before: Mapping[str, Mapping[str, str]], left: set[str]) -> ConfigError:
    """Return the error that names a circle of stages and the files by which they wait for one another."""
    name = min(left)
    trail: list[str] = []
    while name not in trail:
        trail.append(name)
        name = next(other for other in before[name] if other in left)
    circle = trail[trail.index(name) :]
    steps = [
        f"{clean(one)} reads {clean(before[one][following])} of {clean(following)}"
        for one, following in zip(circle, [*circle[1:], circle[0]], strict=True)
    ]
    shown = "; ".join(steps[:_SHOWN]) + (f"; and {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else "")
    return ConfigError(f"The stages wait for each other: {shown}", "Take one of these files out of inputs.")


def _some(names: Iterable[str]) -> str:
    listed = [clean(name) for name in names]
    return ", ".join(listed[:_SHOWN]) + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")
