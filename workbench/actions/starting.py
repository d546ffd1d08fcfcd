"""What starts runs: the project's command or stages, any other command, a revision, or an earlier run again."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.actions import checks, runs
from workbench.actions.wishes import wish
from workbench.config import Train
from workbench.errors import NotFoundError, UsageError
from workbench.paths import CONFIG_NAME
from workbench.project import Project
from workbench.runs import launch
from workbench.runs.model import CHECKS, Run
from workbench.safe import clean


@dataclass(frozen=True)
class Request:
    """A wish to run something; an empty command means the one in workbench.toml, all its stages or only `stage`."""

    command: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    tags: tuple[str, ...] = ()
    trigger: Mapping[str, Any] = field(default_factory=lambda: {"kind": "hand"})
    fresh: bool = False
    stage: str = ""
    folder: str = ""  # where in the project a given command runs
    check: bool = True  # whether its data are checked before it starts, as the configuration has it
    rev: str = ""  # a branch, tag or commit, which runs in a folder of its own


def start(project: Project, request: Request, *, now: float | None = None) -> list[int]:
    """Queue what is asked for and start what has room; return the numbers, one per stage where there are stages.

    Raises UsageError where there is nothing to run, ConfigError where the parameter file is broken.
    """
    now = time.time() if now is None else now
    if request.rev:
        return _start_at_revision(project, request, now)
    wishes = [wish(project, step, name, request) for name, step in _steps(project, request)]
    connection = project.open_store()
    try:
        runs.recover(project, connection)
        numbers = _queue(project, connection, wishes, now)
        launch.fill(project, connection, now)
        return numbers
    finally:
        connection.close()


def _queue(
    project: Project, connection: sqlite3.Connection, wishes: Sequence[launch.Wish], now: float, home: str = ""
) -> list[int]:
    """Make the runs, each waiting for the one before it; `home` names the run in whose folder they all work."""
    numbers: list[int] = []
    for at, one in enumerate(wishes):
        shared = {"home": home, "last": at == len(wishes) - 1} if one.isolation and home else {}
        isolation = {**one.isolation, **shared} if one.isolation else None
        before = numbers[-1] if numbers else one.after
        chosen = dataclasses.replace(one, after=before, isolation=isolation)
        numbers.append(launch.create(project, connection, chosen, now))
    return numbers


def _start_at_revision(project: Project, request: Request, now: float) -> list[int]:
    """Queue the command, or the stages, of a revision; all of one start share a folder that is not the project's."""
    from workbench import config
    from workbench.versions import code

    try:
        version = code.at_revision(project.folder, request.rev)
    except code.CodeUnavailable as problem:
        why = clean(str(problem).removeprefix("fatal: "), 200)
        raise NotFoundError(f"No such revision: {why}", "git branch -a; git tag") from problem

    def read(path: str) -> bytes | None:
        return code.read(project.folder, project.objects_folder, version, path)

    text_of_config = read(CONFIG_NAME)
    then = project if text_of_config is None else Project(project.folder, config.parse(text_of_config, CONFIG_NAME))
    isolation = {"kind": "rev", "code": version.to_json()}
    wishes = [
        dataclasses.replace(
            wish(then, step, name, request, read), rev=request.rev, isolation=isolation, stage="", stage_base=""
        )
        for name, step in _steps(then, request)
    ]
    connection = project.open_store()
    try:
        runs.recover(project, connection)
        first = _queue(project, connection, wishes[:1], now)
        if len(wishes) > 1:
            (home,) = connection.execute("SELECT uid FROM runs WHERE id = ?", (first[0],)).fetchone()
            launch.amend(project, home, {"isolation": {**isolation, "last": False}})
            rest = [dataclasses.replace(wishes[1], after=first[0]), *wishes[2:]]
            first += _queue(project, connection, rest, now, home)
        launch.fill(project, connection, now)
        return first
    finally:
        connection.close()


def revisions(project: Project, most: int = 8) -> list[str]:
    """Return some of the branches and tags that can be started, the newest first."""
    from workbench.versions import code

    return code.revisions(project.folder, most)


def rerun(project: Project, number: int, overrides: Mapping[str, str], *, now: float | None = None) -> list[int]:
    """Start the command of an earlier run again, its overrides changed by `overrides`; return the new number."""
    run = runs.get(project, str(number))
    if run.kind in CHECKS:
        return [checks.start(project, run.kind, run.command[2:], now=now)]
    command = tuple(run.command) if isinstance(run.command, list) else ("/bin/sh", "-c", run.command)
    trigger = {"kind": "hand", "again": run.number}
    request = Request(overrides={**run.overrides, **overrides}, trigger=trigger, rev=run.rev)
    stages = [tag.removeprefix("stage:") for tag in run.tags if tag.startswith("stage:")]
    if stages and stages[0] in project.config.stages:
        return start(project, dataclasses.replace(request, stage=stages[0]), now=now)
    if _same_as_configured(project.config.train, run):
        return start(project, request, now=now)
    return start(project, dataclasses.replace(request, command=command), now=now)


def _same_as_configured(step: Train, run: Run) -> bool:
    return bool(step.command) and launch.words(run.command).startswith(step.command)


def _steps(project: Project, request: Request) -> list[tuple[str, Train]]:
    config = project.config
    if request.command:
        step = config.train._replace(command="")
        return [("", step)]
    if request.stage:
        return [(request.stage, config.stages[request.stage])]
    if config.train.command:
        return [("", config.train)]
    if config.stages:
        from workbench.pipeline.stages import build

        return [(name, config.stages[name]) for name in build(config.stages).order]
    raise UsageError(
        "workbench.toml names no command to run",
        'Add  [train] command = "python train.py"  to it, or: workbench run -- python train.py',
    )
