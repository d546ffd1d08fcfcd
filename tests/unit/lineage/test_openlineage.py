"""OpenLineage events: the library's own types, one START and one end for each run, the same ids at every export."""

from __future__ import annotations

import json
import uuid

import pytest
from openlineage.client.event_v2 import RunEvent

from tests.unit.lineage.rows import Store, digest
from workbench.actions import lineage as actions
from workbench.errors import UsageError
from workbench.lineage import openlineage
from workbench.lineage.queries import Limits

RAW, MODEL = digest("raw"), digest("model")


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    reads = {"data/raw.csv": RAW, "s3://key:secret@bucket/a b/[red].csv": digest("s3")}
    made.run(reads, {"model.joblib": MODEL}, tree="a" * 40, env="e" * 64, params={"lr": 0.1, "[x]": "two\nlines"})
    made.run({"model.joblib": MODEL}, status="failed")
    made.run(status="running")
    made.execute("UPDATE runs SET ended = NULL WHERE status = 'running'")
    profile = {"profile": {"columns": [{"name": "age", "type": "integer"}, {"name": "sex", "type": "text"}]}}
    made.execute(
        "INSERT INTO data_versions (path, hash, kind, size, rows, created, seen, facts)"
        " VALUES (?, ?, 'file', 9, 12, 0, 0, ?)",
        ("data/raw.csv", RAW, json.dumps(profile)),
    )
    yield made
    made.connection.close()


def events(store, thing):
    graph = actions.lineage(store.project, thing, limits=Limits())
    return [json.loads(line) for line in actions.openlineage_events(store.project, graph)]


def test_each_run_has_a_start_and_its_end_in_the_order_of_time(store):
    found = events(store, "data/raw.csv")
    assert [event["eventType"] for event in found] == ["START", "COMPLETE", "START", "FAIL"]
    assert [event["eventTime"] for event in found] == sorted(event["eventTime"] for event in found)
    assert found[0]["run"]["runId"] == found[1]["run"]["runId"] != found[2]["run"]["runId"]
    assert uuid.UUID(found[0]["run"]["runId"]).version == 5
    assert found == events(store, "data/raw.csv"), "the same at every export"
    assert [event["eventType"] for event in events(store, "3")] == ["START"], "it still runs"
    assert found[3]["run"]["facets"]["errorMessage"]["message"] == "exit code 3"


def test_datasets_are_named_as_the_rules_have_it_and_carry_what_is_known(store):
    complete = events(store, "1")[1]
    raw, remote = complete["inputs"]
    assert (raw["namespace"], raw["name"]) == ("file", f"{store.project.folder}/data/raw.csv")
    assert raw["facets"]["version"]["datasetVersion"] == RAW
    assert [(field["name"], field["type"]) for field in raw["facets"]["schema"]["fields"]] == [
        ("age", "integer"), ("sex", "text"),
    ]  # fmt: skip
    assert raw["inputFacets"]["inputStatistics"]["rowCount"] == 12
    assert (remote["namespace"], remote["name"]) == ("s3://bucket", "a b/[red].csv")
    assert "secret" not in json.dumps(complete)
    (made,) = complete["outputs"]
    assert made["name"].endswith("model.joblib") and made["outputFacets"]["outputStatistics"]["size"] == 4096


def test_code_parameters_and_python_are_facets(store):
    complete = events(store, "1")[1]
    place = complete["job"]["facets"]["sourceCodeLocation"]
    assert (place["type"], place["branch"], place["version"]) == ("git", "main", digest("a" * 40)[:40])
    assert complete["run"]["facets"]["processing_engine"]["version"] == "3.11.7"
    parameters = complete["run"]["facets"]["executionParameters"]["parameters"]
    assert {one["key"]: one["value"] for one in parameters} == {"lr": "0.1", "[x]": "two\nlines"}
    facets = [*complete["run"]["facets"].values(), *complete["job"]["facets"].values()]
    assert all(facet["_schemaURL"].startswith("https://openlineage.io/spec/") for facet in facets)


def test_events_are_of_the_types_of_the_library(store, tmp_path):
    from workbench.runs import queries

    run = queries.load(store.connection, [1])[0]
    made = openlineage.events([openlineage.Told(run)], openlineage.Surroundings("little", tmp_path, "0.1"))
    assert all(isinstance(event, RunEvent) for event in made)
    assert len(openlineage.lines(made)) == 2


def test_without_a_run_there_is_nothing_to_tell(store):
    graph = actions.lineage(store.project, "data/raw.csv", limits=Limits(depth=0))
    with pytest.raises(UsageError, match="no run"):
        actions.openlineage_events(store.project, graph)
