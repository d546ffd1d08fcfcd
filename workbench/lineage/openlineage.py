"""Runs as OpenLineage events, built of the library's own types, which check them as they are made."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from workbench.lineage.formats import iso

if TYPE_CHECKING:
    from openlineage.client.event_v2 import Job, RunEvent
    from openlineage.client.event_v2 import Run as OpenLineageRun

    from workbench.runs.model import Run

PRODUCER = "urn:workbench-mlops:"
_ENDINGS = {"finished": "COMPLETE", "failed": "FAIL", "lost": "FAIL", "stopped": "ABORT"}


@dataclass(frozen=True)
class Content:
    """A file or folder that a run read or made; `columns` are (name, type) where they are known."""

    path: str
    hash: str = ""
    size: int | None = None
    rows: int | None = None
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Told:
    """What is told of a run: itself, what it read, what it made, and the Python that it ran in."""

    run: Run
    inputs: Sequence[Content] = ()
    outputs: Sequence[Content] = ()
    python: str = ""
    original: Run | None = None


@dataclass(frozen=True)
class Surroundings:
    """The project that events are about: its name, its folder, and our version."""

    project: str
    folder: Path
    version: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def events(told: Iterable[Told], where: Surroundings) -> list[RunEvent]:
    """Return START, and for a run that is over COMPLETE, FAIL or ABORT, of each run, in the order of the times."""
    found = [event for one in told if one.run.started is not None for event in _events_of(one, where)]
    return sorted(found, key=lambda event: event.eventTime)


def lines(made: Iterable[RunEvent]) -> list[str]:
    """Return events as JSON, each on a line of its own."""
    from openlineage.client.serde import Serde

    return [json.dumps(Serde.to_dict(event), sort_keys=True, allow_nan=False) for event in made]


def run_id(uid: str) -> str:
    """Return the UUID by which OpenLineage knows a run, the same at every export."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}runs/{uid}"))


def _events_of(told: Told, where: Surroundings) -> list[RunEvent]:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent, RunState
    from openlineage.client.facet_v2 import input_statistics_input_dataset, output_statistics_output_dataset

    run, job = told.run, _job(told.run, where)
    inputs = [
        InputDataset(
            *_dataset_name(one, where),
            facets=_dataset_facets(one, where),
            inputFacets={
                "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                    one.rows, one.size, producer=PRODUCER
                )
            },
        )
        for one in told.inputs
    ]
    outputs = [
        OutputDataset(
            *_dataset_name(one, where),
            facets=_dataset_facets(one, where),
            outputFacets={
                "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    one.rows, one.size, producer=PRODUCER
                )
            },
        )
        for one in told.outputs
    ]

    def event(at: float | None, state: RunState, made: list[OutputDataset]) -> RunEvent:
        return RunEvent(
            eventTime=iso(at or 0.0), producer=PRODUCER, run=_run(told, where), job=job, eventType=state,
            inputs=inputs, outputs=made,
        )  # fmt: skip

    found = [event(run.started, RunState.START, [])]
    if run.status in _ENDINGS:
        found.append(event(run.ended or run.started, RunState(_ENDINGS[run.status]), outputs))
    return found


def _job(run: Run, where: Surroundings) -> Job:
    from openlineage.client.event_v2 import Job
    from openlineage.client.facet_v2 import JobFacet, job_type_job, source_code_location_job

    facets: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "WORKBENCH", run.kind.upper() or "JOB", producer=PRODUCER)
    }
    code = run.code
    if code.get("kind") == "git":
        facets["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
            type="git",
            url=_uri(where.folder.as_posix()),
            version=str(code.get("commit") or code.get("tree") or "") or None,
            branch=str(code.get("branch") or "") or None,
            producer=PRODUCER,
        )
    return Job(where.project, run.stage or run.kind or "run", facets)


def _run(told: Told, where: Surroundings) -> OpenLineageRun:
    from openlineage.client.event_v2 import Run as OpenLineageRun
    from openlineage.client.facet_v2 import (
        RunFacet,
        error_message_run,
        execution_parameters_run,
        nominal_time_run,
        parent_run,
        processing_engine_run,
    )

    run = told.run
    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            told.python or "unknown", "Python" if told.python else "process", where.version, producer=PRODUCER
        ),
        "nominalTime": nominal_time_run.NominalTimeRunFacet(
            iso(run.created), iso(run.ended) if run.ended is not None else None, producer=PRODUCER
        ),
    }
    if run.params:
        facets["executionParameters"] = execution_parameters_run.ExecutionParametersRunFacet(
            [
                execution_parameters_run.ExecutionParameter(
                    name, name, None, value if isinstance(value, str) else json.dumps(value)
                )
                for name, value in sorted(run.params.items())
            ],
            producer=PRODUCER,
        )
    if run.status in ("failed", "lost"):
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            run.reason or f"exit code {run.exit_code}", "PYTHON", producer=PRODUCER
        )
    if told.original is not None:
        facets["parent"] = parent_run.ParentRunFacet(
            parent_run.Run(run_id(told.original.uid)),
            parent_run.Job(where.project, told.original.stage or told.original.kind or "run"),
            producer=PRODUCER,
        )
    return OpenLineageRun(run_id(run.uid), facets)


def _dataset_name(one: Content, where: Surroundings) -> tuple[str, str]:
    """Return namespace and name as OpenLineage's naming rules have them: the store of a URL, else `file` and a path."""
    parts = urlsplit(one.path) if "://" in one.path else None
    if parts is not None and parts.scheme not in ("", "file"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.lstrip("/") or "/"
    return "file", _absolute(one.path, where)


def _absolute(path: str, where: Surroundings) -> str:
    return (where.folder / path.removeprefix("file://")).as_posix()


def _dataset_facets(one: Content, where: Surroundings) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset, datasource_dataset, schema_dataset

    namespace, name = _dataset_name(one, where)
    uri = _uri(name) if namespace == "file" else f"{namespace}/{quote(name, safe='/')}"
    facets: dict[str, Any] = {
        "dataSource": datasource_dataset.DatasourceDatasetFacet(
            one.path if namespace == "file" else f"{namespace}/{name}", uri, producer=PRODUCER
        )
    }
    if one.hash:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(one.hash, producer=PRODUCER)
    if one.columns:
        fields = [schema_dataset.SchemaDatasetFacetFields(column, kind or None) for column, kind in one.columns]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields, producer=PRODUCER)
    return facets


def _uri(path: str) -> str:
    return "file://" + quote(path, safe="/")
