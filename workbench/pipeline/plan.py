"""What of a pipeline is out of date: each stage held against its earlier runs; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from workbench.config import Train
from workbench.errors import ConfigError
from workbench.pipeline.stages import Graph, covers, is_glob, normal
from workbench.runs.stage_keys import key
from workbench.safe import clean

State = Literal["current", "restore", "run", "waits"]
Found = Mapping[str, str]  # hash by path; "" where there is nothing


class Made(NamedTuple):
    """What a finished run left at a path: "file" or "folder", the hash of it, and where it points if it is a link."""

    kind: str
    hash: str
    link: str = ""


@dataclass(frozen=True)
class Earlier:
    """A finished run of a stage, and what its outputs were."""

    run: int
    outputs: Mapping[str, Made]


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a stage.

    `state` is "current", "restore" (an earlier run had the same command, parameters and inputs), "run", or "waits"
    (a stage before it will change first, so only then it is known). `inputs` and `sources` (the scripts that its
    command runs) are hashes by path, `missing` the outputs that are not as the `earlier` run left them, and `since` is
    the run that `reason` compares with.
    """

    stage: str
    state: State
    reason: str = ""
    key: str = ""
    inputs: Mapping[str, str] | None = None
    sources: Mapping[str, str] | None = None
    earlier: Earlier | None = None
    missing: tuple[str, ...] = ()
    since: int | None = None


@dataclass(frozen=True)
class World:
    """How a plan looks at files and earlier runs.

    `found` gives the hashes of what a pattern names, `problem` why a path could not be read ("" where it is simply not
    there), `sources` the hashes of the scripts of a command, `earlier` a run by stage and key, and `kept` whether the
    object store has a content.
    """

    found: Callable[[str], Found]
    problem: Callable[[str], str]
    sources: Callable[[str], Found]
    earlier: Callable[[str, str], Earlier | None]
    kept: Callable[[Made], bool]


def plan(
    graph: Graph, stages: Mapping[str, Train], bases: Mapping[str, str], world: World, forced: frozenset[str]
) -> dict[str, Verdict]:
    """Return what is to be done with each stage of `bases`, in order; raises ConfigError for a missing input."""
    verdicts: dict[str, Verdict] = {}
    for name in graph.order:
        if name not in bases:
            continue
        unsure = {
            other: verdicts[other]
            for other in graph.before[name]
            if other in verdicts and verdicts[other].state != "current"
        }
        waits = _waits(name, stages[name], graph, unsure)
        if waits:
            _refuse_missing(name, stages[name], graph, world)
            verdicts[name] = Verdict(name, "run", _FORCED) if name in forced else Verdict(name, "waits", waits)
            continue
        coming = _outputs(unsure)
        verdicts[name] = decide(name, stages[name], bases[name], graph, world, coming, forced=name in forced)
    return verdicts


_FORCED = "asked for with --force"


def _waits(name: str, stage: Train, graph: Graph, unsure: Mapping[str, Verdict]) -> str:
    """Return which stage must come first before anything is known of this one; "" where all is known."""
    for other, verdict in unsure.items():
        if verdict.state != "restore":
            return f"{other}, which makes {graph.before[name][other]}, will run before it"
    coming = _outputs(unsure)
    for pattern, makers in graph.makers[name].items() if unsure else ():
        restored = next((other for other in makers if other in unsure), None)
        if restored is not None and not is_glob(pattern) and normal(pattern) not in coming:
            return f"{restored}, which makes {pattern}, will be restored before it"
    return ""


def _outputs(restored: Mapping[str, Verdict]) -> dict[str, str]:
    return {
        path: made.hash
        for verdict in restored.values()
        if verdict.earlier is not None
        for path, made in verdict.earlier.outputs.items()
    }


def _refuse_missing(name: str, stage: Train, graph: Graph, world: World) -> None:
    """Raise ConfigError for an input that no stage makes and that is not there, before anything is run for nothing."""
    for pattern in stage.inputs:
        if pattern not in graph.makers[name]:
            for path, hash in world.found(pattern).items():
                if not hash:
                    raise missing_input(name, path, (), world.problem(path))


def decide(
    name: str,
    stage: Train,
    base: str,
    graph: Graph,
    world: World,
    coming: Mapping[str, str] | None = None,
    *,
    forced: bool = False,
) -> Verdict:
    """Return what is to be done with one stage whose inputs are there, or `coming`; raises ConfigError."""
    inputs: dict[str, str] = {}
    for pattern in stage.inputs:
        found = world.found(pattern)
        if coming:
            found = {**found, **{path: hash for path, hash in coming.items() if covers(pattern, path)}}
        for path, hash in found.items():
            if not hash:
                raise missing_input(name, path, graph.makers[name].get(pattern, ()), world.problem(path))
            inputs[path] = hash
    sources = world.sources(stage.command)
    whole = key(base, {**sources, **inputs}.items())
    earlier = world.earlier(name, whole)
    if forced:
        return Verdict(name, "run", _FORCED, whole, inputs, sources, earlier)
    if earlier is None:
        return Verdict(name, "run", "", whole, inputs, sources)
    unknown, changed = _held_against(stage, earlier, world)
    if unknown:
        why = f"{unknown[0]} was not among the outputs of run {earlier.run}"
        return Verdict(name, "run", why, whole, inputs, sources)
    if not changed:
        return Verdict(name, "current", "", whole, inputs, sources, earlier)
    lost = [path for path in changed if not world.kept(earlier.outputs[path])]
    if lost:
        why = f"{lost[0]} is not as run {earlier.run} left it, and its content is not in the object store"
        return Verdict(name, "run", why, whole, inputs, sources)
    what = f"{changed[0]}" + (f" and {len(changed) - 1} more" if len(changed) > 1 else "")
    why = f"{what} as run {earlier.run} left it"
    return Verdict(name, "restore", why, whole, inputs, sources, earlier, tuple(changed))


def missing_input(stage: str, path: str, makers: tuple[str, ...], problem: str) -> ConfigError:
    """Return the error for a file that a stage reads and that is not there, or cannot be read."""
    reads = f"stages.{clean(stage)} reads {clean(path)}"
    if problem:
        return ConfigError(
            f"{reads}: {clean(problem)}", f"Look at {clean(path)}, or at inputs of stages.{clean(stage)}"
        )
    if makers:
        maker = clean(makers[0])
        return ConfigError(
            f"{reads}, which stages.{maker} should make but did not",
            f"Check outputs and command of stages.{maker}, or inputs of stages.{clean(stage)}.",
        )
    return ConfigError(
        f"{reads}, which is not there and which no stage makes",
        f"Put the file there, or name it in the outputs of the stage that makes it. inputs of stages.{clean(stage)}",
    )


def _held_against(stage: Train, earlier: Earlier, world: World) -> tuple[list[str], list[str]]:
    """Return the declared outputs that the earlier run knows nothing of, and those that are not as it left them."""
    now: dict[str, str] = {}
    unknown = []
    for pattern in stage.outputs:
        if "://" in pattern:
            continue
        found = world.found(pattern)
        now.update(found)
        if not is_glob(pattern):
            unknown += [path for path in found if path not in earlier.outputs]
    for path in earlier.outputs:
        if path not in now and any(covers(pattern, path) for pattern in stage.outputs):
            now[path] = ""
    changed = [path for path, hash in now.items() if path in earlier.outputs and hash != earlier.outputs[path].hash]
    return unknown, changed
