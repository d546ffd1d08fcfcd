"""From what a user asks for to what a run will be: its words, interpreter, parameters, data and checks."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.actions.data import sources as data_sources
from workbench.config import Policy, Train, nearest
from workbench.errors import ConfigError
from workbench.paths import SCHEMA_NAME
from workbench.project import Project
from workbench.runs import launch, params, stage_keys
from workbench.runs.command import PARAMS_PLACEHOLDER
from workbench.safe import clean

if TYPE_CHECKING:
    from workbench.actions.starting import Request

_BARE = ("python", "python3")
_SHELL_SIGNS = re.compile(r"[|&;<>()$`*?\[\]~#\n]|^\w+=")


def wish(
    project: Project, step: Train, stage: str, request: Request, read: Callable[[str], bytes | None] | None = None
) -> launch.Wish:
    """Return what a run will be; `read` gives the files of a revision instead of those in the project."""
    read = read or _reader(project)
    argv, shell = split_command(step.command, request.command)
    python = _interpreter(project, step, request, argv)
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
        argv=tuple(_started(argv, python, step.params, shell=shell)),
        shell=shell,
        name=request.name or "",
        python=python,
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
    What a step makes itself is not there yet. Where other inputs come from may be forbidden all the same.
    """
    config = project.config
    if config.data.check == "off" or not ((project.folder / SCHEMA_NAME).exists() or config.policy != Policy()):
        return None
    named = [
        launch.without_credentials(path.removeprefix("./")) for path in (config.data.train, config.data.holdout) if path
    ]
    reads, makes = (
        [launch.without_credentials(pattern.removeprefix("./").rstrip("/")) for pattern in some]
        for some in (step.inputs, step.outputs)
    )
    # A command that says nothing of what it reads has of what lies elsewhere at most a version, and may have none.
    read_all = not reads and not stage
    paths = [path for path in named if (read_all and "://" not in path) or covers(reads, path)]
    beside = [path for path in named if path not in paths and not covers(makes, path)] if paths or not stage else []
    policy = config.policy
    has_sources = bool(reads) and bool(policy.forbidden_sources or policy.licences or policy.consent)
    return {"paths": paths, "beside": beside, "mode": config.data.check} if paths or beside or has_sources else None


def covers(patterns: Iterable[str], path: str) -> bool:
    """Return whether a path, or a folder that it lies in, is among the patterns."""
    return any(path == one or fnmatchcase(path, one) or path.startswith(f"{one}/") for one in patterns)


def _said(configured: str, argv: Sequence[str], handed: Iterable[str]) -> str:
    """Return the command of a stage as its key has it: as the configuration writes it, unless -p changed it."""
    return shlex.join(argv) if any(True for _ in handed) else configured


def found_in_file(file_params: Mapping[str, Any], rest: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that a command reads from its file, or gets by -p, but not in its words."""
    return {**file_params, **{key: params.parse_value(value) for key, value in rest.items()}}


def _unknown(overrides: Iterable[str], known: Mapping[str, Any], script: str, params_file: str) -> Iterator[str]:
    """Say which overrides nothing seems to read: they are most often misspelt."""
    for name in overrides:
        if name not in known and name.rpartition(".")[2] not in script:
            near = nearest(name, known)
            where = f"neither {params_file} nor the script names it" if params_file else "the script does not name it"
            yield f"-p {clean(name)}: {where}" + (f"; did you mean {near}?" if near else "")


def _started(argv: Sequence[str], python: str, params_file: str, *, shell: bool) -> list[str]:
    """Return what is really started: `python` for a bare word, and the run's own copy of the parameter file."""
    words = _with_params_path(argv, params_file)
    return [python, *words[1:]] if not shell and words and words[0] in _BARE else words


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


def typed_python(word: str = "python") -> str:
    """Return the interpreter that a word means in a command that a user types: the one on the PATH, "" for none."""
    return shutil.which(word) or ""


def _interpreter(project: Project, step: Train, request: Request, argv: Sequence[str]) -> str:
    """Return the interpreter that a command starts, "" where it starts something else; raises ConfigError."""
    word = argv[0] if argv else ""
    if not Path(word).name.startswith("python"):
        return ""
    if word in _BARE:
        return (typed_python(word) if request.command else "") or choose_python(project, step)
    if "/" in word:
        return os.path.normpath(project.folder / request.folder / word)
    return typed_python(word) or word


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
