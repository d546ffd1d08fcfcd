"""What a run was made of that the last run of the same command was not: code, data, packages, Python, machine; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from workbench.versions.environment import Environment

What = Literal["code", "data", "package", "python", "variable", "library", "hardware"]
_NAMED = 4  # so many things are named in a sentence, the rest is counted
_HARDWARE = ("machine", "cpu", "cpu_count", "cpu_usable", "cpu_flags", "gpus")


@dataclass(frozen=True)
class Made:
    """What a run was made of: a content id per code file that may differ and per path of data, and its environment."""

    number: int
    code: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    environment: Environment | None = None


class Change(NamedTuple):
    """One thing that differs; `old` or `new` is "" where it was not there."""

    what: What
    name: str
    old: str
    new: str


def between(old: Made, new: Made) -> tuple[Change, ...]:
    """Return what changed from one run to a later one, in the order of What."""
    found = [*_different("code", old.code, new.code), *_different("data", old.data, new.data)]
    if old.environment is not None and new.environment is not None:
        found += _surroundings(old.environment, new.environment)
    return tuple(found)


def sentences(changes: Iterable[Change], since: int) -> list[str]:
    """Return a sentence for each kind of thing that changed since run `since`; what is read tells of data itself."""
    by_kind: dict[str, list[Change]] = {}
    for change in (change for change in changes if change.what != "data"):
        by_kind.setdefault(change.what, []).append(change)
    return [f"{_HEADS[kind]} changed since run {since}: {_listed(some)}" for kind, some in by_kind.items()]


_HEADS: Mapping[str, str] = {
    "code": "code", "package": "packages", "python": "Python", "variable": "variables",
    "library": "libraries", "hardware": "hardware",
}  # fmt: skip


def program(command: str | Sequence[str]) -> str:
    """Return what a command starts without its flags, which are parameters: `python train.py`, `python -m train`."""
    if isinstance(command, str):
        return command
    begun = 3 if command[1:2] in (["-m"], ["-c"], ("-m",), ("-c",)) else 1
    first = next((at for at, word in enumerate(command) if at >= begun and word.startswith("-")), len(command))
    return shlex.join([PurePath(command[0]).name, *command[1:first]]) if command else ""


def _different(what: What, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            yield Change(what, name, before, after)


def _surroundings(old: Environment, new: Environment) -> Iterator[Change]:
    # Of a shell command the interpreter is known at its end only, and never where it ended too early to tell.
    known = bool(old.python and new.python)
    if known:
        yield from _packages(old, new)
        yield from _different("python", _python(old), _python(new))
    yield from _different("variable", dict(old.variables), dict(new.variables))
    if known:
        yield from _different("library", _libraries(old, new.libraries), _libraries(new, old.libraries))
    yield from _different("hardware", _hardware(old), _hardware(new))


def _packages(old: Environment, new: Environment) -> Iterator[Change]:
    """Yield the packages that either run imported and that are another version, or the same with other content."""
    before, after = dict(old.packages), dict(new.packages)
    first, second = dict(old.imported or ()), dict(new.imported or ())
    known = old.imported is not None or new.imported is not None
    names = first.keys() | second.keys() if known else old.chosen | new.chosen
    for name in sorted(names):
        version, other = before.get(name, ""), after.get(name, "")
        if version != other:
            yield Change("package", name, version, other)
        elif first.get(name) and second.get(name) and first[name] != second[name]:
            yield Change("package", name, *(f"{version} {found[name][:8]}".strip() for found in (first, second)))


def _python(environment: Environment) -> dict[str, str]:
    facts = {"version": environment.python, "implementation": environment.implementation}
    # The build begins with the version.
    build = environment.build.partition(" ")[2]
    return facts | ({"build": build} if build else {})


def _libraries(environment: Environment, other: tuple[str, ...] | None) -> dict[str, str]:
    facts = {"blas": environment.blas} if environment.blas else {}
    if environment.libraries is None or other is None:
        return facts
    return facts | dict.fromkeys(environment.libraries, "loaded")


def _hardware(environment: Environment) -> dict[str, str]:
    facts = {name: getattr(environment, name) for name in _HARDWARE}
    return {name: " ".join(value) if isinstance(value, tuple) else str(value) for name, value in facts.items() if value}


def _listed(changes: Sequence[Change]) -> str:
    words = [_words(change) for change in changes[:_NAMED]]
    more = len(changes) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


def _words(change: Change) -> str:
    if change.what == "code":
        return change.name + ("" if change.old and change.new else " is new" if change.new else " is gone")
    if change.what == "python" and change.name == "version":
        return f"{change.old} → {change.new}"
    if not change.old:
        return f"{change.name} is new" if change.new in ("", "loaded") else f"{change.name} {_short(change.new)} is new"
    if not change.new:
        return f"{change.name} is gone"
    return f"{change.name} {_short(change.old)} → {_short(change.new)}"


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:39]}…"
