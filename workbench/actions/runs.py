"""What a user can do with runs: start, list, show, stop, tag, note, delete, pin."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from workbench.actions import checks
from workbench.actions.data import sources as data_sources
from workbench.config import Goal, Policy, Train, nearest
from workbench.errors import ConfigError, NotFoundError, UsageError
from workbench.paths import CONFIG_NAME, SCHEMA_NAME
from workbench.project import Project
from workbench.runs import launch, params, queries, stage_keys
from workbench.runs.command import PARAMS_PLACEHOLDER
from workbench.runs.model import CHECKS, Run
from workbench.runs.rows import text
from workbench.safe import clean
from workbench.store.connection import transaction

_SHELL_SIGNS = re.compile(r"[|&;<>()$`*?\[\]~#\n]|^\w+=")


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
    wishes = [_wish(project, step, name, request) for name, step in _steps(project, request)]
    connection = project.open_store()
    try:
        recover(project, connection)
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
    for at, wish in enumerate(wishes):
        shared = {"home": home, "last": at == len(wishes) - 1} if wish.isolation and home else {}
        isolation = {**wish.isolation, **shared} if wish.isolation else None
        before = numbers[-1] if numbers else wish.after
        chosen = dataclasses.replace(wish, after=before, isolation=isolation)
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
            _wish(then, step, name, request, read), rev=request.rev, isolation=isolation, stage="", stage_base=""
        )
        for name, step in _steps(then, request)
    ]
    connection = project.open_store()
    try:
        recover(project, connection)
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


def rerun(project: Project, number: int, overrides: Mapping[str, str], *, now: float | None = None) -> list[int]:
    """Start the command of an earlier run again, its overrides changed by `overrides`; return the new number."""
    run = get(project, str(number))
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


def _wish(
    project: Project, step: Train, stage: str, request: Request, read: Callable[[str], bytes | None] | None = None
) -> launch.Wish:
    """Return what a run will be; `read` gives the files of a revision instead of those in the project."""
    read = read or _reader(project)
    argv, shell = split_command(step.command, request.command)
    python = choose_python(project, step)
    script = _script_text(read, request.folder, argv)
    file_params, file_bytes = _params_file(step, read)
    argv, handed = params.apply_to_arguments(argv, request.overrides, script)
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    _merge(found, sources, file_params, "file")
    _merge(found, sources, params.from_arguments(argv), "flag")
    rest = {key: value for key, value in request.overrides.items() if key not in handed}
    _merge(found, sources, {key: params.parse_value(value) for key, value in rest.items()}, "override")
    if step.params and rest:
        file_bytes = params.with_overrides(file_bytes, Path(step.params).suffix, rest)
    return launch.Wish(
        command=argv[-1] if shell else tuple(argv),
        argv=tuple(_started(argv, python, step.params, shell=shell, given=bool(request.command))),
        shell=shell,
        name=request.name or "",
        python=python if _is_python(argv) else "",
        params=found,
        param_sources=sources,
        overrides=request.overrides,
        params_file=step.params if file_bytes else "",
        params_bytes=file_bytes,
        inputs=step.inputs,
        data=data_sources(project.config, whole=stage not in project.config.stages),
        outputs=step.made if stage else step.outputs,
        metrics=step.metrics,
        tags=(*request.tags, *([f"stage:{stage}"] if stage else [])),
        trigger=request.trigger,
        fresh=request.fresh,
        folder=request.folder,
        notices=tuple(_unknown(rest, file_params, script, step.params)),
        isolation={"kind": "copy"} if step.isolate else None,
        check=None if request.command or not request.check else _data_check(project, step, stage),
        stage=stage,
        stage_base=_base(step, _said(step.command, argv, handed), found_in_file(file_params, rest)),
        stage_command=step.command,
    )


def _base(step: Train, command: str, found: Mapping[str, Any]) -> str:
    """Return the part of a run's key that is known now; a command that the user typed has none."""
    return stage_keys.base(command, found, step.params_used) if step.command else ""


def _data_check(project: Project, step: Train, stage: str) -> dict[str, Any] | None:
    """Return which data of [data] are checked before a step starts, where there is a schema or a policy.

    `paths` are those that it reads; `beside`, where they exist, the others: of a stage only if it reads one of them.
    What a step makes itself is not there yet.
    """
    config = project.config
    if config.data.check == "off" or not ((project.folder / SCHEMA_NAME).exists() or config.policy != Policy()):
        return None
    named = [path.removeprefix("./") for path in (config.data.train, config.data.holdout) if path and "://" not in path]
    reads, makes = (
        [pattern.removeprefix("./").rstrip("/") for pattern in some] for some in (step.inputs, step.outputs)
    )
    paths = [path for path in named if (not reads and not stage) or _covers(reads, path)]
    beside = [path for path in named if path not in paths and not _covers(makes, path)] if paths or not stage else []
    return {"paths": paths, "beside": beside, "mode": config.data.check} if paths or beside else None


def _covers(patterns: Iterable[str], path: str) -> bool:
    """Return whether a path, or a folder that it lies in, is among the patterns."""
    return any(fnmatchcase(path, one) or path.startswith(f"{one}/") for one in patterns)


def _said(configured: str, argv: Sequence[str], handed: Iterable[str]) -> str:
    """Return the command of a stage as its key has it: as the configuration writes it, unless -p changed it."""
    return shlex.join(argv) if any(True for _ in handed) else configured


def found_in_file(file_params: Mapping[str, Any], rest: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that a command reads from its file, or gets by -p, but not in its words."""
    return {**file_params, **{key: params.parse_value(value) for key, value in rest.items()}}


def wish_for(project: Project, step: Train, stage: str, request: Request) -> launch.Wish:
    """Return what the run of a stage will be; raises ConfigError."""
    return _wish(project, step, stage, request)


def _unknown(overrides: Iterable[str], known: Mapping[str, Any], script: str, params_file: str) -> Iterator[str]:
    """Say which overrides nothing seems to read: they are most often misspelt."""
    for name in overrides:
        if name not in known and name.rpartition(".")[2] not in script:
            near = nearest(name, known)
            where = f"neither {params_file} nor the script names it" if params_file else "the script does not name it"
            yield f"-p {clean(name)}: {where}" + (f"; did you mean {near}?" if near else "")


def _started(argv: Sequence[str], python: str, params_file: str, *, shell: bool, given: bool) -> list[str]:
    """Return what is really started: the chosen interpreter, and the run's own copy of the parameter file."""
    words = _with_params_path(argv, params_file)
    return words if shell or not words else [_interpreter(words[0], python, given=given), *words[1:]]


def _merge(found: dict[str, Any], sources: dict[str, str], more: Mapping[str, Any], source: str) -> None:
    found.update(more)
    sources.update(dict.fromkeys(more, source))


def split_command(configured: str, given: Sequence[str]) -> tuple[list[str], bool]:
    """Return the arguments to start, and whether a shell is needed for them."""
    if given:
        return list(given), False
    if _SHELL_SIGNS.search(configured):
        return ["/bin/sh", "-c", configured], True
    try:
        return shlex.split(configured), False
    except ValueError as error:
        raise ConfigError(f"The command {clean(configured)!r} does not parse: {error}", "Check its quotes.") from error


def choose_python(project: Project, step: Train) -> str:
    """Return the interpreter for `python`: the configured, the project's virtual environment's, else Workbench's."""
    if step.python:
        path = project.folder / step.python
        if not path.exists():
            raise ConfigError(f"No interpreter at {clean(step.python)}", "Make it, or change train.python.")
        return str(path)
    for candidate in (".venv/bin/python", "venv/bin/python"):
        if (project.folder / candidate).exists():
            return str(project.folder / candidate)
    return sys.executable


def _interpreter(word: str, python: str, *, given: bool) -> str:
    """Replace a bare `python`; a command that the user typed keeps the one on the PATH where there is one."""
    if word not in ("python", "python3") or (given and shutil.which(word)):
        return word
    return python


def _is_python(argv: Sequence[str]) -> bool:
    return bool(argv) and Path(argv[0]).name.startswith("python")


def _reader(project: Project) -> Callable[[str], bytes | None]:
    def read(path: str) -> bytes | None:
        try:
            return (project.folder / path).read_bytes()
        except OSError:
            return None

    return read


def _script_text(read: Callable[[str], bytes | None], folder: str, argv: Sequence[str]) -> str:
    script = next((word for word in argv if word.endswith(".py")), "")
    content = read(os.path.normpath(os.path.join(folder, script))) if script else None  # noqa: PTH118 - a plain string
    return (content or b"").decode("utf-8", "replace")


def _params_file(step: Train, read: Callable[[str], bytes | None]) -> tuple[dict[str, Any], bytes]:
    if not step.params:
        return {}, b""
    content = read(step.params)
    if content is None:
        raise ConfigError(f"Cannot read {clean(step.params)}: No such file or directory", "Check train.params.")
    return params.from_file(content, Path(step.params).suffix), content


def _with_params_path(argv: Sequence[str], params_file: str) -> list[str]:
    """Hand the run its own copy wherever the command names the parameter file."""
    if not params_file:
        return list(argv)
    same = {params_file, f"./{params_file}"}
    flags = {f"{word.split('=', 1)[0]}={name}" for word in argv if "=" in word for name in same}
    replaced = []
    for word in argv:
        if word in same:
            replaced.append(PARAMS_PLACEHOLDER)
        elif word in flags:
            replaced.append(f"{word.split('=', 1)[0]}={PARAMS_PLACEHOLDER}")
        else:
            replaced.append(word)
    return replaced


def select(
    project: Project,
    connection: sqlite3.Connection,
    *,
    filter_text: str = "",
    sort: str = "run",
    descending: bool = True,
    limit: int | None = None,
    now: float | None = None,
) -> list[int]:
    """Return the numbers of the runs that pass the filter, in order; raises FilterError.

    Checks of data are among them only where the filter names a `kind`.
    """
    where: str = ""
    arguments: tuple[Any, ...] = ()
    if filter_text.strip():
        from workbench.runs.filter import compile_filter

        metric = project.config.metric
        compiled = compile_filter(
            filter_text, goal_metric=metric.name, goals=goals(project), now=time.time() if now is None else now
        )
        where, arguments = compiled.sql, compiled.arguments
    found = queries.numbers(
        connection, where=where, arguments=arguments, sort=sort, descending=descending, limit=limit,
        checks="r.kind" in where,
    )  # fmt: skip
    return list(found)


def goals(project: Project) -> dict[str, Goal]:
    """Return the direction of each metric that the configuration names."""
    metric = project.config.metric
    return {metric.name: metric.goal} if metric.name else {}


def list_runs(project: Project, **options: Any) -> list[Run]:
    """Return the runs that `select` finds; a project without a store has none."""
    connection = _looked_after(project)
    if connection is None:
        return []
    try:
        return queries.load(connection, select(project, connection, **options))
    finally:
        connection.close()


def get(project: Project, name: str) -> Run:
    """Return one run by number, name, prefix of its id, `@latest` or `@best`; raises NotFoundError."""
    connection = _looked_after(project) or project.open_store()
    try:
        return queries.load(connection, [number_of(project, connection, name)])[0]
    finally:
        connection.close()


def number_of(project: Project, connection: sqlite3.Connection, name: str) -> int:
    """Return the number of the run that `name` means; raises NotFoundError."""
    metric = project.config.metric
    return queries.find(connection, name, metric=metric.name, goal=metric.goal)


def recover(project: Project, connection: sqlite3.Connection) -> None:
    """Look after runs that lost their supervisor; what that takes is loaded only where a run goes on or waits."""
    if connection.execute("SELECT 1 FROM runs WHERE status IN ('running', 'queued') LIMIT 1").fetchone():
        from workbench.runs import recovery

        recovery.recover(project, connection)


def _looked_after(project: Project) -> sqlite3.Connection | None:
    """Return a connection after runs that lost their supervisor were seen to."""
    if not project.store_path.exists():
        return None
    connection = project.open_store()
    recover(project, connection)
    return connection


def stop(project: Project, numbers: Iterable[int], *, now: float | None = None) -> list[int]:
    """Ask running runs to stop and take queued ones out of the queue; return those that were going or waiting."""
    now = time.time() if now is None else now
    connection = project.open_store()
    touched = []
    try:
        recover(project, connection)
        with transaction(connection):
            for number in numbers:
                changed = connection.execute(
                    "UPDATE runs SET stop_requested = coalesce(stop_requested, ?1),"
                    " status = CASE status WHEN 'queued' THEN 'stopped' ELSE status END,"
                    " ended = CASE status WHEN 'queued' THEN ?1 ELSE ended END,"
                    " reason = CASE status WHEN 'queued' THEN 'stopped before it began' ELSE reason END"
                    " WHERE id = ?2 AND status IN ('queued', 'running')",
                    (now, number),
                ).rowcount
                if changed:
                    touched.append(number)
    finally:
        connection.close()
    return touched


def tag(project: Project, number: int, add: Sequence[str] = (), remove: Sequence[str] = ()) -> tuple[str, ...]:
    """Add and remove tags of a run; return those it has afterwards."""
    connection = project.open_store()
    try:
        with transaction(connection):
            for word in add:
                if not word.strip():
                    raise UsageError("A tag cannot be empty", "workbench tag RUN baseline")
                connection.execute("INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)", (number, text(word, 100)))
            for word in remove:
                connection.execute("DELETE FROM tags WHERE run = ? AND tag = ?", (number, word))
        rows = connection.execute("SELECT tag FROM tags WHERE run = ? ORDER BY tag", (number,)).fetchall()
        return tuple(row[0] for row in rows)
    finally:
        connection.close()


def note(project: Project, number: int, words: str) -> None:
    """Replace the note of a run."""
    _update(project, "UPDATE runs SET note = ? WHERE id = ?", (text(words), number))


def rename(project: Project, number: int, name: str) -> None:
    """Give a run another name."""
    if not name.strip():
        raise UsageError("A name cannot be empty", "")
    _update(project, "UPDATE runs SET name = ? WHERE id = ?", (text(name, 200), number))


def _update(project: Project, sql: str, arguments: tuple[Any, ...]) -> None:
    connection = project.open_store()
    try:
        with transaction(connection):
            connection.execute(sql, arguments)
    finally:
        connection.close()


def delete(project: Project, numbers: Iterable[int]) -> list[int]:
    """Remove ended runs with their points and folders; raises UsageError, and removes none, where one still goes on."""
    wanted = sorted(set(numbers))
    connection = project.open_store()
    try:
        recover(project, connection)
        marks = ",".join("?" * len(wanted))
        with transaction(connection, durable=True):
            rows = connection.execute(
                f"SELECT id, uid, status, code FROM runs WHERE id IN ({marks})", wanted
            ).fetchall()
            going = [row[0] for row in rows if row[2] in ("queued", "running")]
            if going:
                raise UsageError(f"Run {going[0]} is still going", f"workbench stop {going[0]}")
            connection.execute(f"DELETE FROM points WHERE run IN ({marks})", wanted)
            connection.execute(f"DELETE FROM runs WHERE id IN ({marks})", wanted)
            _forget_baseline(connection, wanted)
        for _, uid, _, version in rows:
            if version != "{}":
                _release_code(project, connection, uid, version)
            shutil.rmtree(project.run_folder(uid), ignore_errors=True)
        return [row[0] for row in rows]
    finally:
        connection.close()


def _release_code(project: Project, connection: sqlite3.Connection, uid: str, version: str) -> None:
    """Let git forget the code of a run that is gone; where others ran on the same, it is kept for one of them."""
    from workbench.versions import code
    from workbench.versions.code import CodeVersion

    captured = CodeVersion.from_json(json.loads(version))
    heir = connection.execute("SELECT uid FROM runs WHERE code = ? LIMIT 1", (version,)).fetchone()
    if heir is not None:
        code.keep(project.folder, captured, heir[0])
    code.release(project.folder, captured, uid)


def _forget_baseline(connection: sqlite3.Connection, removed: Sequence[int]) -> None:
    if queries.setting(connection, "baseline") in removed:
        queries.save_setting(connection, "baseline", None)


def size_of(project: Project, numbers: Iterable[int]) -> int:
    """Return how many bytes the folders of these runs take."""
    connection = project.open_store()
    try:
        uids = [run.uid for run in queries.load(connection, numbers)]
    finally:
        connection.close()
    folders = [project.run_folder(uid) for uid in uids]
    return sum(path.lstat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def pin_baseline(project: Project, number: int | None) -> None:
    """Make a run the one that others are held against, or None."""
    save_view(project, "baseline", number)


def save_view(project: Project, key: str, value: Any) -> None:
    """Keep a setting of the project: baseline, columns, sort, group."""
    connection = project.open_store()
    try:
        with transaction(connection):
            queries.save_setting(connection, key, value)
    finally:
        connection.close()
