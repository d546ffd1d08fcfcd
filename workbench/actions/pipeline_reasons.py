"""Why stages are out of date: files, parameters and commands held against the run that left what lies there now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.config import Train
from workbench.errors import ConfigError
from workbench.pipeline.cache import Hashes
from workbench.pipeline.history import History
from workbench.pipeline.plan import Verdict
from workbench.pipeline.stages import Graph
from workbench.project import Project
from workbench.runs import params as parameters
from workbench.safe import clean

if TYPE_CHECKING:
    import sqlite3

    from workbench.pipeline.reasons import Basis


def params_in(project: Project, name: str) -> Mapping[str, Any]:
    """Return the parameters in a file of the project; raises ConfigError."""
    path = project.folder / name
    try:
        return parameters.from_file(path.read_bytes(), path.suffix)
    except OSError as error:
        raise ConfigError(f"Cannot read {clean(name)}: {error.strerror}", "Check params in workbench.toml.") from error


@dataclass(frozen=True)
class Why:
    """Finds what is another than in the run that left what lies there now, else than in the newest one.

    `overrides` are the parameters that are set for this time.
    """

    project: Project
    connection: sqlite3.Connection | None
    graph: Graph
    history: History
    hashes: Hashes
    overrides: Mapping[str, str]

    def of(self, verdict: Verdict, stage: Train) -> Verdict:
        """Return a verdict with its reason."""
        from workbench.pipeline import reasons

        runs = self.history.runs(verdict.stage)
        if verdict.state == "waits" and runs and self.connection is not None:
            return self._of_waiting(verdict, stage, runs[0], self.connection)
        if verdict.state != "run" or verdict.reason:
            return verdict
        if not runs or self.connection is None:
            return replace(verdict, reason="it never ran")
        now = self._found(runs)
        candidates = [run for run in runs if now and self._left(run, now)] or runs[:1]
        new = _basis_now(self.project, stage, verdict, self.overrides)
        past = [(run, _basis_of(self.project, self.connection, run, verdict)) for run in candidates]
        nearest = reasons.nearest(past, new, stage.params_used)
        assert nearest is not None
        run, found = nearest
        words = "; ".join(found) or f"its command, parameters or inputs are not those of run {run}"
        return replace(verdict, reason=words, since=run)

    def _of_waiting(self, verdict: Verdict, stage: Train, run: int, connection: sqlite3.Connection) -> Verdict:
        """Return the verdict on a stage that waits with what is another already, whatever comes before it."""
        from workbench.pipeline import reasons

        sources = self.hashes.sources(stage.command)
        old = _basis_of(self.project, connection, run, replace(verdict, sources=sources))
        given = [name for name in stage.inputs if name not in self.graph.makers[verdict.stage]]
        now = {path: hash for name in given for path, hash in self.hashes.found(name).items()}
        known = replace(verdict, inputs={**old.inputs, **now}, sources=sources)
        found = reasons.differences(old, _basis_now(self.project, stage, known, self.overrides), stage.params_used)
        return replace(verdict, reason="; ".join([verdict.reason, *found]), since=run if found else None)

    def _found(self, runs: Sequence[int]) -> dict[str, str]:
        """Return the hashes of what lies now where the runs left their outputs."""
        from glob import escape

        paths = {path for run in runs for path, made in self.history.outputs(run).items() if made.hash}
        return {path: hash for name in paths for path, hash in self.hashes.found(escape(name)).items()}

    def _left(self, run: int, now: Mapping[str, str]) -> bool:
        outputs = self.history.outputs(run)
        return bool(outputs) and all(now.get(path, "") == made.hash for path, made in outputs.items())


def _basis_now(project: Project, stage: Train, verdict: Verdict, overrides: Mapping[str, str]) -> Basis:
    from workbench.actions.wishes import split_command
    from workbench.pipeline.reasons import Basis

    argv, shell = split_command(stage.command, ())
    given = {name: parameters.parse_value(value) for name, value in overrides.items()}
    params = {**(params_in(project, stage.params) if stage.params else {}), **given}
    return Basis(argv[-1] if shell else argv, params, verdict.inputs or {}, verdict.sources or {})


def _basis_of(project: Project, connection: sqlite3.Connection, run: int, verdict: Verdict) -> Basis:
    """Return what a run ran on; of its sources only those are looked up that count now."""
    from workbench.pipeline import history
    from workbench.pipeline.reasons import Basis
    from workbench.runs.inputs import MOST_INPUTS, pairs

    inputs = history.inputs_of(connection, run)
    if len(inputs) >= MOST_INPUTS:  # the others have no rows; where its folder is gone they count as unchanged
        (uid,) = connection.execute("SELECT uid FROM runs WHERE id = ?", (run,)).fetchone()
        inputs = {**(verdict.inputs or {}), **dict(pairs(project.run_folder(uid))), **inputs}
    return Basis(
        history.command_of(connection, run),
        history.params_of(connection, run),
        inputs,
        _sources_of(project, connection, run, verdict.sources or {}),
    )


def _sources_of(
    project: Project, connection: sqlite3.Connection, run: int, paths: Mapping[str, str]
) -> Mapping[str, str]:
    from blake3 import blake3

    from workbench.versions import code

    (stored,) = connection.execute("SELECT code FROM runs WHERE id = ?", (run,)).fetchone()
    version = code.CodeVersion.from_json({"kind": "none", **json.loads(stored)})
    if version.kind == "none":
        return paths
    found = {path: code.read(project.folder, project.objects_folder, version, path) for path in paths}
    return {path: blake3(content).hexdigest() for path, content in found.items() if content is not None}
