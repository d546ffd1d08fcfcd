"""What a watcher reacts to, and when; pure.

**Which files.** Those that a pattern of `[watch] paths` names; where there is none, the parameter files, the inputs of
the steps, `**/*.py` and workbench.toml. Never: what `[watch] ignore` or DEFAULT_IGNORE names, and what runs make (the
declared outputs and metrics files of every step, and the model), even where a pattern names it.

**When.** Nothing starts until every touched file has been left alone for `debounce_ms`: an archive being unpacked, a
branch being checked out, a table that grows line by line end in one run each. Changes that never pause are acted on
after LONGEST_WAIT seconds all the same.

**What counts.** The content. A file whose hash is what it was starts nothing, nor does one that is changed and changed
back before a run starts. While a pattern that named files names none any more (a folder on its way from one state to
the next), nothing starts either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from workbench.config import Config
from workbench.paths import CONFIG_NAME
from workbench.watch.globs import Globs, Names, tidy

DEFAULT_IGNORE = (
    ".git", ".hg", ".svn", ".workbench", ".venv", "venv", "node_modules", "__pycache__", "site-packages", "*.egg-info",
    "mlruns", "wandb", "lightning_logs", ".ipynb_checkpoints", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox",
    ".nox", ".cache", ".idea", ".vscode", ".DS_Store",
    "*.swp", "*.swx", "*.swo", "*~", "4913", ".~*", ".#*", "#*#", "sed??????", "*.tmp", "*.part", "*.crdownload",
)  # fmt: skip
LONGEST_WAIT = 120.0
FILES_KEPT = 50
UNKNOWN = "unknown"  # the old content of a file that changed before it was read for the first time

DATA = "data"
TRAINING = "training code"
APPLICATION = "application code"
CONFIGURATION = "configuration"
KINDS = (DATA, TRAINING, APPLICATION, CONFIGURATION)

_APPLICATION_FOLDERS = frozenset({"app", "service", "serving", "api"})
_APPLICATION_NAMES = ("dockerfile", "containerfile", "docker-compose.", "compose.")
_CODE = frozenset({
    ".py", ".pyx", ".pyi", ".ipynb", ".r", ".rmd", ".jl", ".sh", ".bash", ".sql", ".js", ".ts", ".c", ".cc", ".cpp",
    ".cu", ".h", ".hpp", ".rs", ".go", ".java", ".scala",
})  # fmt: skip
_CONFIGURATION = frozenset({".toml", ".yaml", ".yml", ".json", ".cfg", ".ini", ".conf", ".env", ".lock"})

_CHAIN_ALLOWED = 3
_CHAIN_SECONDS = 5.0
_CHAIN_LONGEST = 300.0


@dataclass(frozen=True)
class Rules:
    """Which files are watched, what they are, and how changes are acted on."""

    paths: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    debounce: float = 0.5
    restart: bool = False

    @cached_property
    def _paths(self) -> Globs:
        return Globs(self.paths)

    @cached_property
    def _ignored(self) -> Names:
        return Names((*DEFAULT_IGNORE, *self.ignore))

    @cached_property
    def _made(self) -> Globs:
        return Globs(self.made, whole_folders=True)

    @cached_property
    def _data(self) -> Globs:
        return Globs(self.data, whole_folders=True)

    @property
    def longest_wait(self) -> float:
        """How long changes that never pause may hold a run back, in seconds."""
        return max(LONGEST_WAIT, 20 * self.debounce)

    def watches(self, path: str) -> bool:
        """Whether a change of the file `path` may start a run."""
        return self._paths.matches(path) and not self._ignored.matches(path) and not self._made.matches(path)

    def follows(self, path: str) -> bool:
        """Whether the file `path` is looked at: a watched one, or workbench.toml, which holds these rules."""
        return path == CONFIG_NAME or self.watches(path)

    def follows_in(self, name: str, path: str) -> bool:
        """Do as `follows`, for a file in a folder that was entered, whose own names need no second look."""
        if not self._paths.matches(path) or self._ignored.has_name(name):
            return path == CONFIG_NAME
        return not self._ignored.names_path(path) and not self._made.matches(path)

    def enters(self, folder: str) -> bool:
        """Whether watched files may lie in `folder`, directly or deeper; "" is the project's own folder."""
        if not folder:
            return True
        return self._paths.may_hold(folder) and not self._ignored.matches(folder) and not self._made.matches(folder)

    def follows_link(self, folder: str) -> bool:
        """Whether a link to a folder is followed: only one that a pattern names before its first wildcard."""
        return self._paths.leads_to(folder)

    def emptied(self, changes: Iterable[Change], left: Iterable[str]) -> tuple[str, ...]:
        """Return the patterns that named a file which is gone, and name none of the files `left`."""
        gone = [change.path for change in changes if change.new is None]
        if not gone:
            return ()
        kept = list(left)
        globs = [(pattern, Globs((pattern,))) for pattern in self.paths]
        return tuple(
            pattern for pattern, glob in globs if any(map(glob.matches, gone)) and not any(map(glob.matches, kept))
        )


def of_config(config: Config) -> Rules:
    """Return the rules that a configuration asks for."""
    steps = (config.train, *config.stages.values())
    params = tuple(dict.fromkeys(tidy(step.params) for step in steps if step.params))
    inputs = tuple(dict.fromkeys(path for step in steps for path in step.inputs))
    made = [*(path for step in steps for path in (*step.outputs, *step.metrics)), config.model.path]
    data = config.data
    return Rules(
        paths=config.watch.paths or (*params, *inputs, "**/*.py", CONFIG_NAME),
        ignore=config.watch.ignore,
        made=tuple(filter(None, made)),
        data=tuple(filter(None, (*inputs, data.train, data.holdout, data.final_test))),
        params=params,
        debounce=config.watch.debounce_ms / 1000,
        restart=config.watch.while_running == "restart",
    )


def classify(path: str, rules: Rules) -> str:
    """Return what a file is: data, training code, application code or configuration.

    In this order: workbench.toml and parameter files are configuration; declared inputs and what [data] names, data;
    files in a folder app, service, serving or api, and Dockerfiles, application code; other code, training code; files
    in a folder data, data; toml, yaml, json and the like, configuration; everything else, data.
    """
    place = PurePosixPath(path)
    folders = [part.lower() for part in place.parts[:-1]]
    if path == CONFIG_NAME or path in rules.params:
        return CONFIGURATION
    if rules._data.matches(path):
        return DATA
    if _APPLICATION_FOLDERS.intersection(folders) or place.name.lower().startswith(_APPLICATION_NAMES):
        return APPLICATION
    if place.suffix.lower() in _CODE or place.name.lower() in ("makefile", "snakefile"):
        return TRAINING
    return CONFIGURATION if place.suffix.lower() in _CONFIGURATION and "data" not in folders else DATA


class Touch(NamedTuple):
    """A file that something happened to: when first and last, and what it looked like then."""

    first: float
    last: float
    facts: bytes | None  # None where there is no file


class Change(NamedTuple):
    """A file whose content is another: hexadecimal SHA-256 before and after, None where there is no file."""

    path: str
    old: str | None
    new: str | None
    what: str


@dataclass(frozen=True)
class State:
    """What happened and has not been acted on: touched files, changed contents, and the runs that this led to."""

    touched: Mapping[str, Touch] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
    not_before: float = 0.0
    held: bool = False  # the changes came while a run of ours was going
    chain: int = 0  # how many runs in a row were started by data that changed during the run before
    last: frozenset[str] = frozenset()  # the files that started the last run


@dataclass(frozen=True)
class Going:
    """What is going on in the project: our own runs by number, how many more may start, and whether stages go on.

    Between two stages of a pipeline no run may be going.
    """

    own: tuple[int, ...] = ()
    free: int = 1
    stages: bool = False


@dataclass(frozen=True)
class Plan:
    """What to do now: read these files, stop these runs, start one because of these changes; `wait` in seconds."""

    read: tuple[str, ...] = ()
    stop: tuple[int, ...] = ()
    start: tuple[Change, ...] = ()
    wait: float | None = None
    why: str = ""


Facts = bytes  # size, mtime_ns and ctime_ns of a file, packed: there may be many of them


def touch(state: State, seen: Iterable[tuple[str, Facts | None]], now: float, *, event: bool) -> State:
    """Return the state after something happened to files: an event always counts, a look only if the file differs."""
    touched = dict(state.touched)
    for path, facts in seen:
        before = touched.get(path)
        if before is None or event or before.facts != facts:
            touched[path] = Touch(before.first if before else now, now, facts)
    return replace(state, touched=touched)


def merge(changes: Mapping[str, Change], new: Iterable[Change]) -> dict[str, Change]:
    """Return the changes with newer ones: the old content stays the first, and what is as it was is no change."""
    merged = dict(changes)
    for change in new:
        before = merged.pop(change.path, None)
        old = before.old if before else change.old
        if old != change.new:
            merged[change.path] = change._replace(old=old)
    return merged


def plan(state: State, rules: Rules, going: Going, now: float, emptied: Sequence[str] = ()) -> Plan:
    """Return what to do now; `emptied` are patterns that hold a run back because they name no file any more."""
    if state.touched:
        quiet = max(each.last for each in state.touched.values()) + rules.debounce
        latest = min(each.first for each in state.touched.values()) + rules.longest_wait
        due = min(quiet, latest)
        return Plan(read=tuple(sorted(state.touched))) if now >= due else Plan(wait=due - now, why="changes go on")
    if not state.changes:
        return Plan()
    if emptied:
        return Plan(why=f"nothing is left of {', '.join(emptied)}")
    if going.own:
        runs = "run " + ", ".join(map(str, going.own))
        if rules.restart and state.chain < _CHAIN_ALLOWED:
            return Plan(stop=going.own, why=f"{runs} is being stopped")
        return Plan(why=f"{runs} is still going")
    if going.free < 1 or going.stages:
        return Plan(why="other runs are going")
    if now < state.not_before:
        return Plan(wait=state.not_before - now, why="a pause")
    return Plan(start=tuple(sorted(state.changes.values())))


def started(state: State, now: float) -> State:
    """Return the state after a run was started for all the changes."""
    paths = frozenset(state.changes)
    again = state.held and paths <= state.last and all(c.what == DATA for c in state.changes.values())
    return State(touched=state.touched, chain=state.chain + 1 if again else 0, last=paths)


def ended(state: State, now: float) -> State:
    """Return the state after our run ended: data that changes during every run is made to wait longer and longer."""
    if state.chain < _CHAIN_ALLOWED:
        return state
    pause = min(_CHAIN_SECONDS * 2 ** (state.chain - _CHAIN_ALLOWED), _CHAIN_LONGEST)
    return replace(state, not_before=now + pause)


def chain_problem(state: State) -> str:
    """Return a sentence about files that change during each run they start, or ""."""
    if state.chain < _CHAIN_ALLOWED:
        return ""
    some = ", ".join(sorted(state.last)[:3])
    return (
        f"{some} changed during each of the last {state.chain} runs that it started. If the runs write it, add it to"
        " the outputs in workbench.toml, or to [watch] ignore; until then the pauses grow."
    )


def trigger(changes: Sequence[Change], restarted: Sequence[int] = ()) -> dict[str, Any]:
    """Return what is kept with a run: what changed, and the files with old and new hash, FILES_KEPT of them at most."""
    kinds = {change.what for change in changes}
    found: dict[str, Any] = {
        "kind": "change",
        "what": ", ".join(kind for kind in KINDS if kind in kinds),
        "files": [change._asdict() for change in changes[:FILES_KEPT]],
    }
    if len(changes) > FILES_KEPT:
        found["more"] = len(changes) - FILES_KEPT
    if restarted:
        found["restarts"] = list(restarted)
    return found
