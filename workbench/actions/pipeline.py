"""What a user can do with the stages of a project: see what is out of date and why, and run that."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.config import Train
from workbench.errors import ConfigError, EnvironmentProblem, UsageError
from workbench.pipeline import stages as graphs
from workbench.pipeline.cache import Hashes
from workbench.pipeline.history import History
from workbench.pipeline.plan import Made, Verdict, World, plan
from workbench.project import Project
from workbench.runs import params as parameters
from workbench.runs import stage_keys
from workbench.safe import clean

LOCK_NAME = "pipeline.lock"
ONLY_STAGE = "train"


@dataclass(frozen=True)
class Request:
    """A wish to bring stages up to date; none named means all, `force` runs those named in any case."""

    stages: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    trigger: Mapping[str, Any] = field(default_factory=lambda: {"kind": "hand"})


def stages_of(project: Project) -> Mapping[str, Train]:
    """Return the stages by name; [train] alone is one stage named "train". Raises UsageError where there are none."""
    config = project.config
    if config.stages:
        return config.stages
    if config.train.command:
        return {ONLY_STAGE: config.train}
    raise UsageError(
        "workbench.toml names no stages",
        'Add  [stages.prepare] command = "python prepare.py"  with inputs and outputs.',
    )


def check(project: Project, request: Request = Request()) -> list[Verdict]:
    """Return what would be done with each stage, in order; changes nothing. Raises ConfigError, UsageError."""
    return _check(project, request)[1]


def _check(project: Project, request: Request) -> tuple[graphs.Graph, list[Verdict]]:
    stages = stages_of(project)
    graph = graphs.build(stages)
    wanted = graph.upstream(request.stages or graph.order)
    bases = _bases(project, {name: stages[name] for name in graph.order if name in wanted}, request)
    forced = frozenset(request.stages or wanted) if request.force else frozenset()
    hashes = Hashes(project)
    connection = project.open_reader() if project.store_path.exists() else None
    try:
        history = History(connection)
        verdicts = plan(graph, stages, bases, World(hashes.found, history.earlier, _kept(project)), forced)
        found = [
            replace(verdict, reason=_why(project, verdict, stages[verdict.stage], history))
            if verdict.state == "run" and not verdict.reason
            else verdict
            for verdict in verdicts.values()
        ]
    finally:
        if connection is not None:
            connection.close()
    hashes.save()
    return graph, found


def _kept(project: Project) -> Any:
    known: list[Any] = []

    def kept(made: Made) -> bool:
        if not known:
            from workbench.versions.objects import Objects

            known.append(Objects(project.objects_folder))
        return bool(made.hash and known[0].has(made.hash))

    return kept


def _bases(project: Project, stages: Mapping[str, Train], request: Request) -> dict[str, str]:
    """Return the part of each stage's key that its command and parameters make; each file is read once."""
    if request.overrides:
        from workbench.actions.runs import Request as RunRequest
        from workbench.actions.runs import wish_for

        wanted = RunRequest(overrides=request.overrides)
        return {name: wish_for(project, stage, name, wanted).stage_base for name, stage in stages.items()}
    files: dict[str, Mapping[str, Any]] = {"": {}}
    bases = {}
    for name, stage in stages.items():
        if not stage.command:
            raise ConfigError(f"stages.{clean(name)} has no command", f'[stages.{clean(name)}] command = "…"')
        if stage.params not in files:
            files[stage.params] = _params(project, stage.params)
        bases[name] = stage_keys.base(stage.command, files[stage.params], stage.params_used)
    return bases


def _params(project: Project, name: str) -> Mapping[str, Any]:
    path = project.folder / name
    try:
        return parameters.from_file(path.read_bytes(), path.suffix)
    except OSError as error:
        raise ConfigError(f"Cannot read {clean(name)}: {error.strerror}", "Check params in workbench.toml.") from error


def _why(project: Project, verdict: Verdict, stage: Train, history: History) -> str:
    """Return why a stage is out of date: what differs from its last finished run."""
    last = history.last(verdict.stage)
    if last is None:
        return "it never ran"
    connection = project.open_reader()
    try:
        (command,) = connection.execute("SELECT command FROM runs WHERE id = ?", (last,)).fetchone()
        before = dict(connection.execute("SELECT path, coalesce(hash, '') FROM inputs WHERE run = ?", (last,)))
        old = {
            name: json.loads(value) if is_json else value
            for name, value, is_json in connection.execute(
                "SELECT names.name, value, json FROM params JOIN names ON names.id = params.name"
                " WHERE run = ? AND source IN ('file', 'override')",
                (last,),
            )
        }
    finally:
        connection.close()
    found = [*_files(before, verdict.inputs or {}), *_values(project, stage, old), *_words(stage, json.loads(command))]
    return "; ".join(found) or f"its command, parameters or inputs are not those of run {last}"


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for path in sorted({*old, *new}):
        before, after = old.get(path, ""), new.get(path, "")
        if before != after:
            yield f"{path} {before[:8] or '—'} → {after[:8] or '—'}"


def _values(project: Project, stage: Train, old: Mapping[str, Any]) -> Iterator[str]:
    new = stage_keys.used_params(_params(project, stage.params) if stage.params else {}, stage.params_used)
    old = stage_keys.used_params(old, stage.params_used)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name} {_value(old, name)} → {_value(new, name)}"


def _value(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False, default=str) if name in values else "—"


def _words(stage: Train, old: list[str] | str) -> Iterator[str]:
    import shlex

    from workbench.actions.runs import split_command

    argv, shell = split_command(stage.command, ())
    new = argv[-1] if shell else argv
    if new != old:
        yield f"command {old if isinstance(old, str) else shlex.join(old)} → {stage.command}"


class Driving:
    """A pipeline that goes on in its own process; `events` tells what happens there."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what happens until the pipeline has ended: run, restored, refused, ended, end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            yield event
            if event["event"] == "end":
                break
        self._process.wait()

    def first_runs(self) -> list[int]:
        """Wait for the first run to begin, and return its number; nothing where none was needed."""
        for event in self.events():
            if event["event"] == "run":
                return [int(event["run"])]
        return []


def start(project: Project, request: Request = Request()) -> tuple[list[Verdict], Driving | None]:
    """Start what is out of date in a process of its own; return the plan, and None where there is nothing to do.

    Raises ConfigError, UsageError, and EnvironmentProblem where a pipeline of the project goes on already.
    """
    from workbench.actions import runs

    graph, verdicts = _check(project, request)
    if all(verdict.state == "current" for verdict in verdicts):
        return verdicts, None
    stages = stages_of(project)
    wanted = runs.Request(overrides=request.overrides, trigger=request.trigger)
    wishes = {one.stage: runs.wish_for(project, stages[one.stage], one.stage, wanted) for one in verdicts}
    forced = frozenset(request.stages or wishes) if request.force else frozenset[str]()
    from workbench.pipeline.driver import Order

    connection = project.open_store()
    try:
        runs.recover(project, connection)
    finally:
        connection.close()
    order = Order(graph, dict(stages), wishes, forced, project.config.max_parallel)
    return verdicts, Driving(_spawn(project, pickle.dumps(order)))


def _spawn(project: Project, order: bytes) -> subprocess.Popen[bytes]:
    from workbench.runs.standby import Detached
    from workbench.tracking import RUN_FOLDER_VARIABLE

    lock = os.open(project.inner / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise EnvironmentProblem(
            "A pipeline of this project goes on already", "workbench runs   shows it, workbench stop RUN   ends it."
        ) from None
    try:
        with (project.inner / "pipeline.log").open("ab") as log:
            process = Detached(
                [sys.executable, "-P", "-m", "workbench.pipeline.driver", str(project.folder), str(lock)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log.fileno(),
                cwd="/",
                env={name: value for name, value in os.environ.items() if name != RUN_FOLDER_VARIABLE},
                start_new_session=True,
                pass_fds=(lock,),
            )
    finally:
        os.close(lock)
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(order)
    return process


def outcome(verdicts: Sequence[Verdict]) -> str:
    """Return in one line what a plan comes to."""
    counts = {state: sum(one.state == state for one in verdicts) for state in ("current", "restore", "run", "waits")}
    if counts["current"] == len(verdicts):
        return f"Nothing to do: {len(verdicts)} stage{'s are' if len(verdicts) != 1 else ' is'} up to date"
    words = {"run": "would run", "waits": "may run", "restore": "would be restored", "current": "up to date"}
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state])
