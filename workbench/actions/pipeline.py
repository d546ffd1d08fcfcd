"""What a user can do with the stages of a project: see what is out of date and why, and run that."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench import locks
from workbench.actions import data
from workbench.actions.pipeline_reasons import Why, params_in
from workbench.config import Train
from workbench.errors import ConfigError, EnvironmentProblem, UsageError
from workbench.pipeline import stages as graphs
from workbench.pipeline.cache import Hashes
from workbench.pipeline.history import ONLY_STAGE, History
from workbench.pipeline.plan import Made, Verdict, World, plan
from workbench.project import Project
from workbench.runs import stage_keys
from workbench.safe import clean

if TYPE_CHECKING:
    import subprocess

    from workbench.runs.launch import Wish

LOCK_NAME = "pipeline.lock"
LOG_NAME = "pipeline.log"


@dataclass(frozen=True)
class Request:
    """A wish to bring stages up to date; none named means all, `force` runs those named in any case."""

    stages: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    trigger: Mapping[str, Any] = field(default_factory=lambda: {"kind": "hand"})
    check: bool = True


@dataclass(frozen=True)
class _Plan:
    """A project's stages, their graph, and what is to be done with those that are wanted."""

    stages: Mapping[str, Train]
    graph: graphs.Graph
    forced: frozenset[str]
    verdicts: list[Verdict]


def stages_of(project: Project) -> Mapping[str, Train]:
    """Return the stages by name, with all that they write as outputs; [train] alone is one stage named "train".

    Raises UsageError where there are none.
    """
    config = project.config
    if config.stages:
        return {
            name: stage._replace(outputs=stage.made) if stage.metrics else stage
            for name, stage in config.stages.items()
        }
    if config.train.command:
        return {ONLY_STAGE: config.train._replace(inputs=(*config.train.inputs, *_implied(project)))}
    raise UsageError(
        "workbench.toml names no stages",
        'Add  [stages.prepare] command = "python prepare.py"  with inputs and outputs.',
    )


def _implied(project: Project) -> Iterator[str]:
    """Yield the data beside its inputs that a run of [train] is taken to read: what of [data] is there."""
    from workbench.runs.inputs import is_url
    from workbench.versions.matching import Refused, matching

    made = [graphs.normal(name) for name in project.config.train.outputs]
    for where in data.sources(project.config):
        try:
            found = [] if is_url(where) else matching(project.folder, where)
        except Refused:
            continue
        for path in found:
            if os.path.lexists(project.folder / path) and not any(graphs.holds(name, path) for name in made):
                yield path


def check(project: Project, request: Request = Request()) -> list[Verdict]:
    """Return what would be done with each stage, in order, and why; runs nothing. Raises ConfigError, UsageError."""
    return _look(project, request, explain=True).verdicts


def _look(project: Project, request: Request, *, explain: bool) -> _Plan:
    stages = stages_of(project)
    graph = graphs.build(stages)
    wanted = graph.upstream(request.stages or graph.order)
    chosen = {name: stages[name] for name in graph.order if name in wanted}
    forced = frozenset(request.stages or wanted) if request.force else frozenset()
    hashes = Hashes(project, data.sources(project.config, whole=False))
    connection = project.open_reader() if project.store_path.exists() else None
    try:
        history = History(connection)
        world = World(hashes.found, hashes.problem, hashes.sources, history.earlier, _kept(project))
        verdicts = list(plan(graph, stages, _bases(project, chosen, request), world, forced).values())
        if explain:
            why = Why(project, connection, graph, history, hashes, request.overrides)
            verdicts = [why.of(one, stages[one.stage]) for one in verdicts]
    finally:
        if connection is not None:
            connection.close()
    hashes.save()
    return _Plan(stages, graph, forced, verdicts)


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
    for name, stage in stages.items():
        if not stage.command:
            raise ConfigError(f"stages.{clean(name)} has no command", f'[stages.{clean(name)}] command = "…"')
    if request.overrides:
        return {name: _wish(project, name, stage, request).stage_base for name, stage in stages.items()}
    files: dict[str, Mapping[str, Any]] = {"": {}}
    bases = {}
    for name, stage in stages.items():
        if stage.params not in files:
            files[stage.params] = params_in(project, stage.params)
        bases[name] = stage_keys.base(stage.command, files[stage.params], stage.params_used)
    return bases


# --- running


class Driving:
    """A pipeline that goes on in its own process; `events` tells what happens there."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what happens until the pipeline has ended: run, restored, refused, waits, ended, end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            yield event
            if event["event"] == "end":
                break
        self._process.stdout.close()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to stop what it runs, and to start nothing more."""
        self._process.terminate()

    def let_go(self) -> None:
        """Listen no more; it goes on."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        _left_alone.append(self._process)


_left_alone: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Begun:
    """How a pipeline began: the first run, or that it waits for room; what was restored and refused before that.

    `verdicts` is the plan. Nothing of it going on, `over` is true.
    """

    verdicts: tuple[Verdict, ...]
    runs: tuple[int, ...] = ()
    restored: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    over: bool = True

    @property
    def words(self) -> str:
        """What became of it, in one sentence."""
        if self.verdicts and all(verdict.state == "current" for verdict in self.verdicts):
            return outcome(self.verdicts)
        parts = [f"restored: {', '.join(self.restored)}"] if self.restored else []
        parts += self.refused
        if not self.over:
            parts.append(f"run {self.runs[0]} has begun" if self.runs else "it waits for other runs to end")
        return clean("; ".join(parts) or "Nothing was run", 400)


def train(project: Project, request: Request = Request()) -> Begun:
    """Start the project's command, or where it has stages those that are out of date; raises as `start` does."""
    if project.config.stages:
        return begin(project, request)
    from workbench.actions import starting

    wanted = starting.Request(overrides=request.overrides, trigger=request.trigger, check=request.check)
    return Begun((), tuple(starting.start(project, wanted)), over=False)


def begin(project: Project, request: Request = Request()) -> Begun:
    """Start what is out of date, and return once it is known how that begins; the pipeline goes on by itself.

    Raises as `start` does.
    """
    _left_alone[:] = [process for process in _left_alone if process.poll() is None]
    verdicts, driving = start(project, request)
    if driving is None:
        return Begun(tuple(verdicts))
    runs: list[int] = []
    restored: list[str] = []
    refused: list[str] = []
    over = True
    for event in driving.events():
        if event["event"] == "restored":
            restored.append(event["stage"])
        elif event["event"] == "refused":
            refused.append(f"{event['stage']}: {event['text']}")
        elif event["event"] in ("run", "waits"):
            runs = [int(event["run"])] if "run" in event else []
            over = False
            break
    driving.let_go()
    return Begun(tuple(verdicts), tuple(runs), tuple(restored), tuple(refused), over)


def start(project: Project, request: Request = Request()) -> tuple[list[Verdict], Driving | None]:
    """Start what is out of date in a process of its own; return the plan, and None where there is nothing to do.

    Raises ConfigError, UsageError, and EnvironmentProblem where a pipeline of the project goes on already.
    """
    if goes_on(project):
        raise _goes_on_already()
    found = _look(project, request, explain=False)
    to_do = [verdict.stage for verdict in found.verdicts if verdict.state != "current"]
    if not to_do:
        return found.verdicts, None
    import pickle

    from workbench.actions import runs
    from workbench.pipeline.driver import Order

    connection = project.open_store()
    try:
        runs.recover(project, connection)
    finally:
        connection.close()
    wishes = {name: _wish(project, name, found.stages[name], request) for name in to_do}
    sources = data.sources(project.config, whole=False)
    order = Order(found.graph, dict(found.stages), wishes, found.forced, project.config.max_parallel, sources)
    return found.verdicts, Driving(_spawn(project, pickle.dumps(order)))


def _wish(project: Project, name: str, stage: Train, request: Request) -> Wish:
    from workbench.actions import starting
    from workbench.actions.wishes import wish

    wanted = starting.Request(overrides=request.overrides, trigger=request.trigger, check=request.check)
    return wish(project, stage, name if name in project.config.stages else "", wanted)


def goes_on(project: Project) -> bool:
    """Return whether a pipeline of the project is going on."""
    return locks.is_held(project.inner / LOCK_NAME)


def stop(project: Project) -> bool:
    """Ask the pipeline that goes on to stop its stages and to begin no more; return whether one went on."""
    if not goes_on(project):
        return False
    try:
        os.kill(int((project.inner / LOCK_NAME).read_text(encoding="ascii")), signal.SIGTERM)
    except (OSError, ValueError):  # it has just ended, or not quite begun
        return False
    return True


def _goes_on_already() -> EnvironmentProblem:
    return EnvironmentProblem(
        "A pipeline of this project goes on already", "workbench runs   shows it, workbench pipeline --stop   ends it."
    )


def _spawn(project: Project, order: bytes) -> subprocess.Popen[bytes]:
    import subprocess

    from workbench.runs.standby import Detached
    from workbench.tracking import RUN_FOLDER_VARIABLE

    lock = locks.take(project.inner / LOCK_NAME)
    if lock is None:
        raise _goes_on_already()
    os.ftruncate(lock, 0)  # the number of a process that is gone may be another's by now
    try:
        with (project.inner / LOG_NAME).open("ab") as log:
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
        os.pwrite(lock, f"{process.pid}\n".encode(), 0)
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
