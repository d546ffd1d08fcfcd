"""The one detached process that runs all stages of a pipeline: `python -m workbench.pipeline.driver FOLDER LOCK`.

What is to be done comes on its standard input; what happens goes, a line of JSON each, to its standard output for as
long as somebody reads there. It holds the lock of the pipeline, and that of each run that it follows.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.config import Train
from workbench.errors import WorkbenchError
from workbench.pipeline.cache import Hashes
from workbench.pipeline.history import History
from workbench.pipeline.plan import Verdict, World, decide
from workbench.pipeline.stages import Graph
from workbench.project import Project
from workbench.runs import inputs, launch, stage_outputs
from workbench.runs.capture import Capture
from workbench.runs.command import Command
from workbench.runs.following import TICK_SECONDS, Following
from workbench.runs.launch import Wish
from workbench.versions.objects import Objects

WAIT_SECONDS = 0.2
REFUSED = "refused"


@dataclass(frozen=True)
class Order:
    """What a driver is to do: the stages wanted, each with what its run will be, and those that run in any case."""

    graph: Graph
    stages: Mapping[str, Train]
    wishes: Mapping[str, Wish]
    forced: frozenset[str]
    max_parallel: int


class _Shared(Capture):
    """Code and environment of a pipeline, gathered once by its first run for all of them."""

    first: _Shared | None = None

    def __init__(self, project: Project, run_folder: Path, launched: dict[str, Any], first: _Shared | None) -> None:
        super().__init__(project, run_folder, launched)
        self.first = first

    def start(self) -> None:
        if self.first is None:
            super().start()
        else:
            self._thread = self.first._thread

    def save_when_ready(self, connection: sqlite3.Connection, run: int) -> None:
        if self.first is not None and not self._thread.is_alive():
            self._code, self._environment = self.first._code, self.first._environment
        super().save_when_ready(connection, run)


class Driver:
    """Runs stages as soon as those before them are settled, and there is room."""

    def __init__(self, project: Project, order: Order) -> None:
        self.project = project
        self.order = order
        self.connection = project.open_store()
        self.hashes = Hashes(project)
        self.history = History(self.connection)
        objects = Objects(project.objects_folder)
        self.world = World(self.hashes.found, self.history.earlier, lambda made: objects.has(made.hash))
        self.waiting = [name for name in order.graph.order if name in order.wishes]
        self.settled: set[str] = set()
        self.broken: set[str] = set()
        self.going: dict[str, tuple[Following, int]] = {}
        self.first: _Shared | None = None
        self.ending = False

    def go(self) -> None:
        """Run until nothing can be run any more."""
        signal.signal(signal.SIGTERM, self._on_terminate)
        while self.waiting or self.going:
            began = self._begin_what_can()
            if not self.going and not began:
                break
            self._follow()
        self.hashes.save()
        tell("end", failed=sorted(self.broken), left=self.waiting)
        with contextlib.suppress(WorkbenchError, OSError):
            launch.fill(self.project, self.connection)
        self.connection.close()

    def _on_terminate(self, number: int, frame: object) -> None:
        self.ending = True
        for following, _ in self.going.values():
            following.terminated = True

    def _begin_what_can(self) -> bool:
        """Settle or start each stage that waits for nothing; return whether anything was done."""
        done = False
        for name in list(self.waiting):
            if self.ending:
                break
            needed = [other for other in self.order.graph.before[name] if other in self.order.wishes]
            if any(other not in self.settled for other in needed):
                continue
            if len(self.going) >= self.order.max_parallel:
                break
            done = self._begin(name) or done
        return done

    def _begin(self, name: str) -> bool:
        stage, wish = self.order.stages[name], self.order.wishes[name]
        try:
            verdict = decide(
                name, stage, wish.stage_base, self.order.graph, self.world, forced=name in self.order.forced
            )
        except WorkbenchError as error:
            self.waiting.remove(name)
            self.broken.add(name)
            tell(REFUSED, stage=name, text=error.message)
            return True
        if verdict.state == "restore" and self._restore(verdict):
            verdict = Verdict(name, "current", key=verdict.key, earlier=verdict.earlier)
        self.waiting.remove(name)
        if verdict.state == "current":
            self.settled.add(name)
            return True
        self._run(name, wish)
        return True

    def _restore(self, verdict: Verdict) -> bool:
        """Put the outputs of the earlier run in their places; where that cannot be, the stage runs."""
        earlier = verdict.earlier
        assert earlier is not None
        try:
            for path in verdict.missing:
                made = earlier.outputs[path]
                stage_outputs.restore(self.project.folder, path, made.kind, made.hash)
        except (WorkbenchError, OSError):
            return False
        tell("restored", stage=verdict.stage, run=earlier.run, paths=list(verdict.missing))
        return True

    def _run(self, name: str, wish: Wish) -> None:
        now = time.time()
        uid = launch.new_uid(now)
        run_folder = self.project.run_folder(uid)
        run_folder.mkdir(parents=True)
        lock = launch.lock_run(self.project, uid)
        assert lock is not None
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        run = launch.create(self.project, self.connection, wish, now, uid=uid)
        command = Command(self.project.folder, run_folder, str(launch.import_folder()))
        command.make_room()
        inputs.prepare(self.project.folder, run_folder, command.launch)
        stage_outputs.keep(self.project.folder, run_folder, command.launch)
        command.start()
        capture = _Shared(self.project, run_folder, command.launch, self.first)
        self.first = self.first or capture
        following = Following(self.project.folder, run, run_folder, command, capture=capture)
        following.begin()
        self.going[name] = following, lock
        tell("run", stage=name, run=run)

    def _follow(self) -> None:
        """Look after the commands until one has ended."""
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
                    following.tick()
                poll.poll(TICK_SECONDS * 1000)
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
            self.settled.add(name)
        else:
            self.broken.add(name)
            self.ending = self.ending or status == "stopped"
        tell("ended", stage=name, run=following.run, status=status)


def tell(event: str, **facts: Any) -> None:
    """Say what happened to whoever started the pipeline, if that is still there."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()


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
