"""What of a pipeline is out of date: each stage held against its earlier runs; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from workbench.config import Train
from workbench.errors import ConfigError
from workbench.pipeline.stages import Graph, covers
from workbench.runs.stage_keys import key
from workbench.safe import clean

State = Literal["current", "restore", "run", "waits"]
Found = Mapping[str, str]  # hash by path; "" where there is nothing


class Made(NamedTuple):
    """What a finished run left at a path: "file" or "folder", and the hash of it."""

    kind: str
    hash: str


@dataclass(frozen=True)
class Earlier:
    """A finished run of a stage, and what its outputs were."""

    run: int
    outputs: Mapping[str, Made]


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a stage.

    `state` is "current", "restore" (an earlier run had the same command, parameters and inputs), "run", or "waits"
    (a stage before it will run, so only then it is known). `missing` are outputs that are not as that run left them.
    """

    stage: str
    state: State
    reason: str = ""
    key: str = ""
    inputs: Mapping[str, str] | None = None
    earlier: Earlier | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """How a plan looks at files and earlier runs: the hashes of what a pattern names, runs by stage and key."""

    found: Callable[[str], Found]
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
        unsure = [other for other in graph.before[name] if other in verdicts and verdicts[other].state != "current"]
        running = [other for other in unsure if verdicts[other].state in ("run", "waits")]
        if running and name not in forced:
            path = graph.before[name][running[0]]
            verdicts[name] = Verdict(name, "waits", f"{running[0]}, which makes {path}, will run before it")
            continue
        coming = {
            path: made.hash
            for other in unsure
            if (earlier := verdicts[other].earlier) is not None
            for path, made in earlier.outputs.items()
        }
        verdicts[name] = decide(name, stages[name], bases[name], graph, world, coming, forced=name in forced)
    return verdicts


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
        found = {
            **world.found(pattern),
            **{path: hash for path, hash in (coming or {}).items() if covers(pattern, path)},
        }
        for path, hash in found.items():
            if not hash and not graph.before[name]:
                raise missing_input(name, path)
            inputs[path] = hash
    whole = key(base, inputs.items())
    earlier = world.earlier(name, whole)
    if forced:
        return Verdict(name, "run", "asked for with --force", whole, inputs, earlier)
    if earlier is None:
        return Verdict(name, "run", "", whole, inputs)
    changed = _changed(stage, earlier, world)
    if not changed:
        return Verdict(name, "current", "", whole, inputs, earlier)
    lost = [path for path in changed if path in earlier.outputs and not world.kept(earlier.outputs[path])]
    if lost:
        why = f"{lost[0]} is not as run {earlier.run} left it, and its content is not in the object store"
        return Verdict(name, "run", why, whole, inputs, earlier)
    what = f"{changed[0]}" + (f" and {len(changed) - 1} more" if len(changed) > 1 else "")
    return Verdict(name, "restore", f"{what} as run {earlier.run} left it", whole, inputs, earlier, tuple(changed))


def missing_input(stage: str, path: str) -> ConfigError:
    """Return the error for a file that a stage reads and no stage makes."""
    return ConfigError(
        f"stages.{clean(stage)} reads {clean(path)}, which is not there and which no stage makes",
        f"Put the file there, or name it in the outputs of the stage that makes it. inputs of stages.{clean(stage)}",
    )


def _changed(stage: Train, earlier: Earlier, world: World) -> list[str]:
    """Return the declared outputs that are not as the earlier run left them."""
    now: dict[str, str] = {}
    for pattern in stage.outputs:
        now.update(world.found(pattern))
    for path in earlier.outputs:
        if path not in now and any(covers(pattern, path) for pattern in stage.outputs):
            now[path] = ""
    return [path for path, hash in now.items() if path in earlier.outputs and hash != earlier.outputs[path].hash]
