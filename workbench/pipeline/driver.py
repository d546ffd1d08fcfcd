"""The one detached process that runs all stages of a pipeline: `python -m workbench.pipeline.driver FOLDER LOCK`.

What is to be done comes on its standard input; what happens goes, a line of JSON each, to its standard output for as
long as somebody reads there. It holds the lock of the pipeline, and that of each run that it follows.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import os
import pickle
import select
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.config import Train
from workbench.errors import EnvironmentProblem, WorkbenchError
from workbench.pipeline.cache import Hashes
from workbench.pipeline.history import History
from workbench.pipeline.plan import Verdict, World, decide
from workbench.pipeline.stages import Graph
from workbench.project import Project
from workbench.runs import launch, scripts, stage_outputs, starting
from workbench.runs.capture import Capture
from workbench.runs.command import Command
from workbench.runs.following import TICK_SECONDS, Following
from workbench.runs.launch import Wish
from workbench.runs.model import CHECKS
from workbench.safe import clean
from workbench.store.connection import transaction
from workbench.versions import data
from workbench.versions.objects import Objects

WAIT_SECONDS = 0.2
RECOVER_SECONDS = 2.0
SHARED_SECONDS = 2.0  # stages that begin within it are taken to run on the same code and environment


@dataclass(frozen=True)
class Order:
    """What a driver is to do: the stages wanted, each with what its run will be, and those that run in any case.

    `sources` is what the configuration says of data outside inputs.
    """

    graph: Graph
    stages: Mapping[str, Train]
    wishes: Mapping[str, Wish]
    forced: frozenset[str]
    max_parallel: int
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class _Shared(Capture):
    """Code and environment of stages that begin close together, gathered once by the `first` of them."""

    def __init__(
        self,
        project: Project,
        run_folder: Path,
        launched: dict[str, Any],
        outputs: tuple[str, ...],
        first: _Shared | None,
    ) -> None:
        super().__init__(project, run_folder, launched)
        self.began = time.monotonic()
        self._first = first
        self._outputs = outputs

    def start(self) -> None:
        if self._first is None:
            super().start()
        else:
            self._thread = self._first._thread

    def save_when_ready(self, connection: sqlite3.Connection, run: int, *, ended: bool = False) -> None:
        if self._first is not None and not self._thread.is_alive():
            self._code, self._environment, self._first = self._first._code, self._first._environment, None
        super().save_when_ready(connection, run, ended=ended)

    def _made_by_runs(self) -> tuple[str, ...]:
        return self._outputs

    def _find_sources(self) -> None:
        """The plan has found them."""


class Queue:
    """The stages that are still to come, and which of them can begin; in the order of the graph."""

    def __init__(self, graph: Graph, wanted: Mapping[str, object]) -> None:
        self._names = [name for name in graph.order if name in wanted]
        self._place = {name: at for at, name in enumerate(self._names)}
        self._needs = {name: {other for other in graph.before[name] if other in wanted} for name in self._names}
        self._after: dict[str, list[str]] = {name: [] for name in self._names}
        for name, needed in self._needs.items():
            for other in needed:
                self._after[other].append(name)
        self._ready = [at for at, name in enumerate(self._names) if not self._needs[name]]
        self._left = dict.fromkeys(self._names)

    def __bool__(self) -> bool:
        return bool(self._ready)

    @property
    def left(self) -> list[str]:
        """The stages that were never taken."""
        return list(self._left)

    def take(self, busy: frozenset[str]) -> str | None:
        """Return the next stage that can begin and is not `busy`, None where there is none."""
        for index, at in enumerate(self._ready):
            if (name := self._names[at]) not in busy:
                del self._ready[index], self._left[name]
                return name
        return None

    def give_back(self, name: str) -> None:
        """Put a stage back that could not begin."""
        bisect.insort(self._ready, self._place[name])
        self._left[name] = None

    def settle(self, name: str) -> None:
        """Let those begin that waited for this stage alone."""
        for other in self._after[name]:
            self._needs[other].discard(name)
            if not self._needs[other]:
                bisect.insort(self._ready, self._place[other])


class Driver:
    """Runs stages as soon as those before them are settled, and there is room."""

    def __init__(self, project: Project, order: Order) -> None:
        self.project = project
        self.order = order
        self.connection = project.open_store()
        self.hashes = Hashes(project, order.sources)
        self.objects = Objects(project.objects_folder)
        self.history = History(self.connection)
        self.world = World(
            self.hashes.found,
            self.hashes.problem,
            self.hashes.sources,
            lambda stage, key: self.history.earlier(stage, key),
            lambda made: self.objects.has(made.hash),
        )
        self.queue = Queue(order.graph, order.wishes)
        self.broken: set[str] = set()
        self.going: dict[str, tuple[Following, int]] = {}
        self.ending = self.terminated = False  # nothing more begins; what goes on is stopped
        self._outputs = tuple(path for stage in order.stages.values() for path in stage.outputs)
        self._firsts: dict[str, _Shared] = {}  # by the interpreter that a command names
        self._import_folder = str(launch.import_folder())
        self._recovered = time.monotonic()
        self._waits = self._stale = False

    def go(self) -> None:
        """Run until nothing can be run any more."""
        signal.signal(signal.SIGTERM, self._on_terminate)
        while not self.ending or self.going:
            self._begin_what_can()
            if self.going:
                self._follow()
            elif self.queue and not self.ending:
                self._wait()
            else:
                break
        self.hashes.save()
        tell("end", failed=sorted(self.broken), left=self.queue.left)
        with contextlib.suppress(WorkbenchError, OSError):
            launch.fill(self.project, self.connection)
        self.connection.close()

    def _on_terminate(self, number: int, frame: object) -> None:
        self.ending = self.terminated = True

    def _begin_what_can(self) -> None:
        """Settle or start each stage that waits for nothing, while there is room."""
        while self.queue and not self.ending:
            others = self._others()
            if len(self.going) + sum(status == "running" for _, status in others) >= self.order.max_parallel:
                return
            name = self.queue.take(frozenset(stage for stage, _ in others))
            if name is None or not self._begin(name):
                return

    def _others(self) -> list[tuple[str, str]]:
        """Return stage and status of the runs that others started and that have not ended."""
        own = {following.run for following, _ in self.going.values()}
        rows = self.connection.execute("SELECT id, stage, status, kind FROM runs WHERE status IN ('running', 'queued')")
        found = [(stage, status) for run, stage, status, kind in rows if run not in own and kind not in CHECKS]
        self._stale = self._stale or bool(found)
        return found

    def _wait(self) -> None:
        """Wait for room, or for the run of a stage that somebody else started; a run that was lost leaves its place."""
        if not self._waits:
            tell("waits")
            self._waits = True
        time.sleep(WAIT_SECONDS)
        if time.monotonic() - self._recovered > RECOVER_SECONDS:
            from workbench.runs.recovery import recover

            self._recovered = time.monotonic()
            with contextlib.suppress(WorkbenchError, OSError, sqlite3.Error):
                recover(self.project, self.connection)

    def _begin(self, name: str) -> bool:
        """Do with a stage what is to be done; return False, the stage given back, where there is no room for it."""
        try:
            verdict = self._decide(name)
            if verdict.state == "restore":
                verdict = self._restore(verdict)
            if verdict.state == "current":
                self.queue.settle(name)
            else:
                self._run(verdict)
        except launch.NoRoom:
            self.queue.give_back(name)
            return False
        except (WorkbenchError, OSError) as error:
            self.broken.add(name)
            tell("refused", stage=name, text=error.message if isinstance(error, WorkbenchError) else str(error))
        return True

    def _decide(self, name: str) -> Verdict:
        order = self.order
        self.hashes.look_again()
        if self._stale:
            self.history, self._stale = History(self.connection), False
        return decide(
            name, order.stages[name], order.wishes[name].stage_base, order.graph, self.world,
            forced=name in order.forced,
        )  # fmt: skip

    def _restore(self, verdict: Verdict) -> Verdict:
        """Put the outputs of the earlier run in their places; where that cannot be, the stage is to run.

        What lies there and no run left so is kept first. Raises EnvironmentProblem or OSError where it cannot be kept.
        """
        earlier = verdict.earlier
        assert earlier is not None
        kept = self._keep(verdict.missing)
        try:
            for path in verdict.missing:
                made = earlier.outputs[path]
                stage_outputs.restore(self.project.folder, path, made.kind, made.hash)
            for path in verdict.missing:
                made = earlier.outputs[path]
                stage_outputs.restore_link(self.project.folder, path, made.hash, made.link)
        except (WorkbenchError, OSError):
            return Verdict(verdict.stage, "run", "", verdict.key, verdict.inputs, verdict.sources)
        tell("restored", stage=verdict.stage, run=earlier.run, paths=list(verdict.missing), kept=kept)
        return Verdict(verdict.stage, "current", "", verdict.key, verdict.inputs, verdict.sources, earlier)

    def _keep(self, paths: tuple[str, ...]) -> list[str]:
        """Keep what is about to be overwritten and no run left so; return how to bring it back, a sentence each."""
        from glob import escape

        with self.objects.held():
            taken = data.take(self.project.folder, self.objects, [escape(path) for path in paths])
            found = stage_outputs.of_taken(taken)
            for item in found:
                if item.problem:
                    raise EnvironmentProblem(
                        f"{clean(item.path)} would be overwritten and cannot be kept: {clean(item.problem)}",
                        "Move it away.",
                    )
            with transaction(self.connection):
                items = stage_outputs.save_overwritten(self.connection, found, time.time())
        return [stage_outputs.bring_back(item) for item in items]

    def _run(self, verdict: Verdict) -> None:
        name, now = verdict.stage, time.time()
        uid = launch.new_uid(now)
        run_folder = self.project.run_folder(uid)
        run_folder.mkdir(parents=True)
        lock = launch.lock_run(self.project, uid)
        assert lock is not None
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        try:
            places = self.order.max_parallel
            run = launch.create(self.project, self.connection, self.order.wishes[name], now, uid=uid, places=places)
        except BaseException:
            shutil.rmtree(run_folder, ignore_errors=True)
            os.close(lock)
            raise
        try:
            self.going[name] = self._started(run, run_folder, verdict), lock
        except BaseException:
            os.close(lock)  # whoever looks next sees a run without a supervisor, and ends it
            raise
        tell("run", stage=name, run=run)

    def _started(self, run: int, run_folder: Path, verdict: Verdict) -> Following:
        command = Command(self.project.folder, run_folder, self._import_folder)
        with contextlib.suppress(OSError):
            scripts.save(run_folder, (verdict.sources or {}).items())
        starting.start(self.project.folder, run, run_folder, command)
        capture = self._capture(run_folder, command.launch)
        following = Following(self.project.folder, run, run_folder, command, capture=capture)
        following.begin()
        return following

    def _capture(self, run_folder: Path, launched: dict[str, Any]) -> Capture:
        """Return what gathers code and environment; what a run in a folder of its own ran on is its own."""
        if launched.get("isolation"):
            return Capture(self.project, run_folder, launched)
        first = self._firsts.get(launched["python"])
        if first is not None and time.monotonic() - first.began > SHARED_SECONDS:
            first = None
        capture = _Shared(self.project, run_folder, launched, self._outputs, first)
        self._firsts[launched["python"]] = first or capture
        return capture

    def _follow(self) -> None:
        """Look after the commands until one has ended, or it is time to see whether another can begin."""
        began = time.monotonic()
        watched: dict[int, str] = {}
        poll = select.poll()
        for name, (following, _) in self.going.items():
            with contextlib.suppress(OSError, AttributeError, TypeError):
                descriptor = os.pidfd_open(following.command.pid or 0)
                watched[descriptor] = name
                poll.register(descriptor, select.POLLIN)
        try:
            while self.going:
                ended = [name for name, (following, _) in self.going.items() if following.command.ended()]
                for name in ended:
                    self._end(name)
                if ended:
                    return
                for name, (following, _) in list(self.going.items()):
                    if not following.run_folder.exists():
                        following.abandon()
                        self._let_go(name, "lost")
                        return
                    following.terminated = following.terminated or self.terminated
                    following.tick()
                poll.poll(TICK_SECONDS * 1000)
                if self.queue and time.monotonic() - began > WAIT_SECONDS:
                    return
        finally:
            for descriptor in watched:
                os.close(descriptor)

    def _end(self, name: str) -> None:
        following, _ = self.going[name]
        status = following.finish()
        following.leave()
        self._let_go(name, status)

    def _let_go(self, name: str, status: str) -> None:
        following, lock = self.going.pop(name)
        os.close(lock)
        if status == "finished":
            self.queue.settle(name)
        else:
            self.broken.add(name)
            self.ending = self.ending or status == "stopped"
        tell("ended", stage=name, run=following.run, status=status)


def tell(event: str, **facts: Any) -> None:
    """Say what happened to whoever started the pipeline, if that is still there."""
    line = json.dumps({"event": event, **facts}).encode() + b"\n"
    with contextlib.suppress(OSError):
        while line:
            line = line[os.write(1, line) :]


def main(arguments: list[str]) -> int:
    """Run the stages that standard input says: FOLDER LOCK."""
    folder, lock = Path(arguments[0]), int(arguments[1])
    os.set_inheritable(lock, False)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one, through a pipe
    Driver(Project(folder), order).go()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
