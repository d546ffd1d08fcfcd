"""What a run ran in: interpreter, packages, machine, and the variables that change results."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from workbench import paths
from workbench.versions import hardware, variables

_TIMEOUT = 10.0
_INTERPRETER = re.compile(r"(?:python|pypy|graalpy)[\d.]*t?(?:-dbg)?\Z")
_QUESTION = """
import json, platform, site, sys
user = site.getusersitepackages() if sys.prefix == sys.base_prefix else ""
print(json.dumps([platform.python_version(), platform.python_implementation(), sys.path, user, sys.version]))
"""


@dataclass(frozen=True)
class Environment:
    """The surroundings of a run.

    `python` is the version ("" where the command is not Python); `executable` is relative to the project where it lies
    inside it, else its bare name; `packages` are (normalised name, version), sorted; `memory` is in bytes, 0 where it
    is unknown; `variables` are the few that are recorded and set. `build` is what the interpreter says of how it was
    built, `blas` what NumPy was built with, `cpu_usable` how many processors the command may use, `cpu_flags` those
    that numerical libraries choose their code by. `imported` is (name, hash) of what was imported and `libraries` are
    the names of the shared libraries of linear algebra, threads and accelerators that were loaded: both None until the
    run has ended, and where that cannot be known.
    """

    python: str = ""
    implementation: str = ""
    executable: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    platform: str = ""
    machine: str = ""
    cpu: str = ""
    cpu_count: int = 0
    memory: int = 0
    host: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    gpus: tuple[str, ...] = ()
    problem: str | None = None
    build: str = ""
    blas: str = ""
    cpu_usable: int = 0
    cpu_flags: tuple[str, ...] = ()
    imported: tuple[tuple[str, str], ...] | None = None
    libraries: tuple[str, ...] | None = None

    @property
    def chosen(self) -> set[str]:
        """The names of the packages that somebody chose: all but TOOLS."""
        return {name for name, _ in self.packages} - TOOLS


TOOLS = frozenset(("pip", "setuptools", "wheel", "uv", "workbench-mlops"))
"""What installers bring, and Workbench, which a run gets from outside."""


@dataclass(frozen=True)
class EnvironmentDiff:
    """How two environments differ: packages by name and version, and other facts as (name, old, new)."""

    added: tuple[tuple[str, str], ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str, str], ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()


class _Interpreter(NamedTuple):
    version: str
    implementation: str
    path: tuple[str, ...]
    user_site: str = ""
    build: str = ""


def capture(python: str | None, folder: Path, env: Mapping[str, str], *, cache: Path) -> Environment:
    """Return the environment of a command that `python` runs in `folder` under `env`; never raises.

    `python` is a path or a name, None if the command is not Python. What an interpreter says of itself is kept in the
    file `cache` until it, or a folder it loads packages from, changes.
    """
    notes: list[str] = []
    known: dict[str, Any] = {}
    for part in (
        lambda: _python_facts(python, folder, env, cache, notes),
        hardware.facts,
        lambda: {"gpus": hardware.gpus(notes)},
    ):
        try:
            known |= part()
        except Exception as error:
            notes.append(str(error) or type(error).__name__)
    return Environment(**known, variables=tuple(variables.recorded(env)), problem="; ".join(notes) or None)


def digest(environment: Environment) -> str:
    """Return the key under which the facts are kept: a hash of all but memory, which differs from start to start."""
    parts = asdict(environment)
    for name in ("memory", "problem"):
        del parts[name]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def to_json(environment: Environment) -> dict[str, Any]:
    """Return the environment as values that JSON can hold; packages and variables become objects."""
    values = asdict(environment)
    return values | {
        "packages": dict(environment.packages),
        "variables": dict(environment.variables),
        "gpus": list(environment.gpus),
        "cpu_flags": list(environment.cpu_flags),
        "imported": None if environment.imported is None else dict(environment.imported),
        "libraries": None if environment.libraries is None else list(environment.libraries),
    }


def from_json(values: Mapping[str, Any]) -> Environment:
    """Return the environment that `to_json` wrote; unknown keys are passed over, missing ones stay empty."""
    known = {name: values[name] for name in Environment.__dataclass_fields__ if name in values}
    for name in ("packages", "variables"):
        known[name] = tuple(sorted(dict(known.get(name, {})).items()))
    for name in ("gpus", "cpu_flags"):
        known[name] = tuple(known.get(name, ()))
    if known.get("imported") is not None:
        known["imported"] = tuple(sorted(dict(known["imported"]).items()))
    if known.get("libraries") is not None:
        known["libraries"] = tuple(known["libraries"])
    return Environment(**known)


_PLAIN = (
    "python", "implementation", "executable", "platform", "machine", "cpu", "cpu_count", "memory", "host", "build",
    "blas", "cpu_usable",
)  # fmt: skip


def compare(old: Environment, new: Environment) -> EnvironmentDiff:
    """Return how `new` differs from `old`."""
    before, after = dict(old.packages), dict(new.packages)
    facts = [(name, str(getattr(old, name)), str(getattr(new, name))) for name in _PLAIN]
    facts += [(name, ", ".join(getattr(old, name)), ", ".join(getattr(new, name))) for name in ("gpus", "cpu_flags")]
    first, second = dict(old.variables), dict(new.variables)
    facts += [(name, first.get(name, ""), second.get(name, "")) for name in sorted(first.keys() | second.keys())]
    return EnvironmentDiff(
        added=tuple((name, after[name]) for name in sorted(after.keys() - before.keys())),
        removed=tuple((name, before[name]) for name in sorted(before.keys() - after.keys())),
        changed=tuple(
            (name, before[name], after[name])
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        ),
        facts=tuple(fact for fact in facts if fact[1] != fact[2]),
    )


def packages_in(folders: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the distributions installed in `folders` by the names of their metadata folders; the first one counts."""
    found: dict[str, str] = {}
    for folder in folders:
        for entry in _entries(folder):
            known = distribution(entry)
            if known is not None:
                found.setdefault(*known)
    return tuple(sorted(found.items()))


def _python_facts(
    python: str | None, folder: Path, env: Mapping[str, str], cache: Path, notes: list[str]
) -> dict[str, Any]:
    if not python or not _INTERPRETER.match(os.path.basename(python)):  # noqa: PTH119 - a name, not a path
        return {}
    executable = _resolve(python, folder, env)
    if executable is None:
        notes.append(f"no interpreter {python}")
        return {}
    shown = paths.relative_to(executable, folder.absolute())
    known = {"executable": executable.name if shown.startswith("/") else shown}
    interpreter = _own() if _is_own(executable) else _ask(executable, folder, env, cache)
    if interpreter is None:
        notes.append(f"{python} does not answer")
        return known
    places = _search_path(interpreter, folder, env)
    return known | {
        "python": interpreter.version,
        "implementation": interpreter.implementation,
        "build": interpreter.build,
        "packages": packages_in(places),
        "blas": _blas(places),
    }


def _blas(places: Iterable[str]) -> str:
    """Return what NumPy was built with, as the file of its build says it; "" without NumPy."""
    for place in places:
        try:
            text = Path(place, "numpy", "__config__.py").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        part = text.partition('"blas"')[2].partition("}")[0]
        facts = dict(re.findall(r'"(name|version|openblas configuration)": r?"([^"\n]*)"', part))
        detailed = " ".join(facts.get("openblas configuration", "").split())
        plain = " ".join(filter(None, (facts.get("name"), facts.get("version"))))
        return f"{plain} ({detailed})" if detailed and plain else plain
    return ""


def _resolve(python: str, folder: Path, env: Mapping[str, str]) -> Path | None:
    """Return the absolute path of an interpreter, with its symbolic links kept: they say which environment it is."""
    if "/" not in python:
        found = shutil.which(python, path=env.get("PATH", os.defpath))
        return Path(os.path.normpath(folder.absolute() / found)) if found else None
    place = Path(os.path.normpath(folder.absolute() / Path(python).expanduser()))
    return place if os.access(place, os.X_OK) and place.is_file() else None


def _is_own(executable: Path) -> bool:
    own = Path(sys.executable or "/")
    return executable == own or (executable.parent == own.parent and executable.samefile(own))


def _own() -> _Interpreter:
    info = sys.version_info
    suffix = "" if info.releaselevel == "final" else {"alpha": "a", "beta": "b"}.get(info.releaselevel, "rc")
    version = f"{info.major}.{info.minor}.{info.micro}" + (f"{suffix}{info.serial}" if suffix else "")
    names = {"cpython": "CPython", "pypy": "PyPy"}
    name = names.get(sys.implementation.name, sys.implementation.name)
    return _Interpreter(version, name, tuple(sys.path), build=_one_line(sys.version))


def _search_path(interpreter: _Interpreter, folder: Path, env: Mapping[str, str]) -> list[str]:
    extra = [str(folder / place) for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    user = [interpreter.user_site] if interpreter.user_site and not env.get("PYTHONNOUSERSITE") else []
    return [place for place in dict.fromkeys([*extra, *user, *interpreter.path]) if place]


def _ask(executable: Path, folder: Path, env: Mapping[str, str], cache: Path) -> _Interpreter | None:
    settings = executable.parent.parent / "pyvenv.cfg"
    key = json.dumps([str(executable), os.path.realpath(executable), _stamp(executable), _stamp(settings)])
    answers = _read_answers(cache)
    known = answers.get(key)
    if known and all(_stamp(Path(place)) == stamp for place, stamp in known["stamps"].items()):
        return _interpreter(known["answer"])
    answer = _asked(executable, folder, env)
    if answer is not None:
        stamps = {place: _stamp(Path(place)) for place in answer[2] if place}
        answers[key] = {"answer": answer, "stamps": stamps}
        _write_answers(cache, answers)
    return None if answer is None else _interpreter(answer)


def _asked(executable: Path, folder: Path, env: Mapping[str, str]) -> list[Any] | None:
    try:
        done = subprocess.run(
            [str(executable), "-I", "-c", _QUESTION],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        answer = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return answer if isinstance(answer, list) and len(answer) == 5 else None


def _interpreter(answer: list[Any]) -> _Interpreter:
    version, implementation, path, user_site, build = answer
    return _Interpreter(str(version), str(implementation), tuple(map(str, path)), str(user_site), _one_line(str(build)))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read_answers(cache: Path) -> dict[str, Any]:
    try:
        found = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        return {}
    sound = isinstance(found, dict) and all(
        isinstance(row, dict)
        and isinstance(row.get("stamps"), dict)
        and isinstance(row.get("answer"), list)
        and len(row["answer"]) == 5
        for row in found.values()
    )
    return found if sound else {}


def _write_answers(cache: Path, answers: dict[str, Any], most: int = 20) -> None:
    newest = dict(list(answers.items())[-most:])
    try:
        paths.write_atomically(cache, json.dumps(newest))
    except OSError:
        return  # only a matter of speed


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []  # a zip file, or not there


def distribution(entry: str) -> tuple[str, str] | None:
    """Return normalised name and version from `name-1.0.dist-info` or `name-1.0-py3.11.egg-info`, None for another."""
    if entry.endswith(".dist-info"):
        stem = entry[:-10]
    elif entry.endswith(".egg-info"):
        stem = re.sub(r"-py\d[\d.]*\Z", "", entry[:-9])
    else:
        return None
    name, _, version = stem.rpartition("-") if "-" in stem else (stem, "", "")
    # What an interrupted installation leaves behind begins with a tilde.
    return None if not name or name.startswith("~") else (re.sub(r"[-_.]+", "-", name).lower(), version)
