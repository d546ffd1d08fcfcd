"""Why a stage is out of date: what it would run on now, held against what an earlier run ran on; pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.runs.stage_keys import used_params

Command = str | Sequence[str]


@dataclass(frozen=True)
class Basis:
    """What a stage runs on: its command (one text for a shell), its parameters, and hashes by path of what it reads."""

    command: Command
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    sources: Mapping[str, str]


def differences(old: Basis, new: Basis, used: Sequence[str]) -> list[str]:
    """Return in words each file, parameter and part of the command that is another; `used` names the parameters."""
    return [
        *_files(old.inputs, new.inputs),
        *_files(old.sources, new.sources),
        *_values(used_params(old.params, used), used_params(new.params, used)),
        *_commands(old.command, new.command),
    ]


def nearest(candidates: Iterable[tuple[int, Basis]], new: Basis, used: Sequence[str]) -> tuple[int, list[str]] | None:
    """Return the run from which the least differs, the first of several, and what differs; None without candidates."""
    found = [(run, differences(old, new, used)) for run, old in candidates]
    return min(found, key=lambda one: len(one[1])) if found else None


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for path in sorted({*old, *new}):
        before, after = old.get(path, ""), new.get(path, "")
        if before != after:
            yield f"{path} {before[:8] or '—'} → {after[:8] or '—'}"


def _values(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if (name in old, old.get(name)) != (name in new, new.get(name)):
            yield f"{name} {_value(old, name)} → {_value(new, name)}"


def _value(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False, default=str) if name in values else "—"


def _commands(old: Command, new: Command) -> Iterator[str]:
    if old == new or (not isinstance(old, str) and not isinstance(new, str) and list(old) == list(new)):
        return
    before, after = _text(old).split("\n"), _text(new).split("\n")
    if len(before) == len(after) == 1:
        yield f"command {before[0]} → {after[0]}"
        return
    for at in range(max(len(before), len(after))):
        one, other = (lines[at].strip() if at < len(lines) else "—" for lines in (before, after))
        if one != other:
            yield f"command line {at + 1}: {one} → {other}"


def _text(command: Command) -> str:
    return command.strip("\n") if isinstance(command, str) else shlex.join(command)
