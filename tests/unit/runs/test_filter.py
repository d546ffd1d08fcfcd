"""The filter language against a real store."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import FilterError
from workbench.runs.filter import Where, compile_filter, suggest
from workbench.store.connection import open_store

NOW = 1_800_000_000.0
DAY = datetime(2026, 11, 1).timestamp()
RUNS = {
    1: {"name": "first glint", "status": "finished", "created": NOW - 60, "started": NOW - 50, "ended": NOW - 20},
    2: {"name": "second", "status": "failed", "exit_code": 1, "note": "out of GLINT",
        "created": DAY + 10, "started": DAY + 10},
    3: {"name": "it's", "status": "running", "created": NOW - 10, "started": NOW - 10,
        "code": '{"commit": "abcdef012", "branch": "main", "dirty": true}', "trigger": '{"kind": "change"}'},
    4: {"name": "wait", "status": "queued", "kind": "image", "created": NOW - 7200, "host": "box"},
}  # fmt: skip
METRICS = {  # run, name -> last, least, greatest
    (1, "auc"): (0.91, 0.5, 0.95), (2, "auc"): (0.6, 0.6, 0.6), (3, "auc"): (None, 0.1, 0.2),
    (1, "val/acc"): (0.8, 0.7, 0.9), (1, "loss"): (0.3, 0.2, 0.9), (2, "my metric"): (1.0, 1.0, 1.0),
    (3, "loss.min"): (7.0, 7.0, 7.0), (2, "mystery"): (1.0, 1.0, 1.0),
}  # fmt: skip
PARAMS = {
    (1, "lr"): (0.1, 0), (2, "lr"): (0.2, 0), (3, "lr"): ("0.1", 0), (4, "lr"): ("auto", 0),
    (1, "model.depth"): (3, 0), (1, "on"): ("true", 1), (2, "on"): ("false", 1), (1, "my key"): ("x y", 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path_factory.mktemp("store") / "workbench.db", create=True)
    for number, values in RUNS.items():
        row = {"id": number, "uid": f"uid{number}", "command": "[]", **values}
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    for (run, name), (last, least, greatest) in METRICS.items():
        connection.execute(
            "INSERT INTO metrics VALUES (?, ?, ?, 1, ?, 1, ?, 1, 1, 0, 0)",
            (run, name_id(connection, "metric", name), last, least, greatest),
        )
    for (run, name), (value, is_json) in PARAMS.items():
        row_values = (run, name_id(connection, "param", name), value, is_json)
        connection.execute("INSERT INTO params VALUES (?, ?, ?, ?, '')", row_values)
    connection.executemany("INSERT INTO tags VALUES (?, ?)", [(1, "sweep"), (1, "a b"), (2, "sweep"), (4, "Glinting")])
    yield connection
    connection.close()


def name_id(connection: sqlite3.Connection, space: str, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO names (space, name) VALUES (?, ?)", (space, name))
    (number,) = connection.execute("SELECT id FROM names WHERE space = ? AND name = ?", (space, name)).fetchone()
    return int(number)


def numbers(store: sqlite3.Connection, where: Where) -> list[int]:
    sql = f"SELECT r.id FROM runs r WHERE {where.sql} ORDER BY r.id"
    return [number for (number,) in store.execute(sql, where.arguments)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4]),
        ("auc > 0.7", [1]), ("auc>0.7", [1]), ("auc <= 0.6", [2]), ("auc != 0.91", [2]), ("auc == 0.91", [1]),
        ("not auc > 0.7", [2, 3, 4]), ("auc = nan", [3]), ("auc != nan", [1, 2]), ("auc > nan", []),
        ("auc < inf", [1, 2]),
        ("metrics.auc.max > 0.94", [1]), ("auc.min < 0.2", [3]), ("metrics.auc.best >= 0.6", [1, 2]),
        ("loss.best < 0.25", [1]), ('"loss.min" = 7', [3]), ('"val/acc" > 0.7', [1]), ("val/acc > 0.7", [1]),
        ('metrics."my metric" = 1', [2]), ('metrics."my metric".min = 1', [2]),
        ("auc in (0.91, 0.6)", [1, 2]),
        ("params.lr = 0.1", [1, 3]), ("params.lr > 0", [1, 2]), ("params.lr != 0.1", [2, 4]),
        ('params.lr = "0.1"', [3]),
        ("params.lr ~ UT", [4]), ("params.lr in (0.2, auto)", [2, 4]), ("params.model.depth = 3", [1]),
        ("params.on = true", [1]), ("params.on = False", [2]), ('params."my key" = "x y"', [1]),
        ("params.lr > a", [4]),
        ("has:auc", [1, 2, 3]), ("has:params.lr and not has:auc", [4]), ('has:"my metric"', [2]), ("has:nothing", []),
        ("failed", [2]), ("not failed", [1, 3, 4]), ("status = RUNNING", [3]), ("status != failed", [1, 3, 4]),
        ("status in (failed, lost, queued)", [2, 4]), ("best", [1]), ("best = false", [2, 3, 4]), ("dirty", [3]),
        ("not dirty", [1, 2, 4]),
        ("glint", [1, 2, 4]), ('"first glint"', [1]), ("2", [2]), ('"2"', []),
        ("tag = sweep", [1, 2]), ('tags = "a b"', [1]), ("tag != sweep", [3, 4]), ("tag ~ glint", [4]),
        ("name = second", [2]), ("name ~ SEC", [2]), ('name = "it\'s"', [3]), (r"name = 'it\'s'", [3]),
        ("note ~ gpu or note ~ glint", [2]), ("kind = image", [4]), ("host = box", [4]),
        ("commit = abcd", [3]), ("branch = main", [3]), ("branch != main", []), ("trigger = change", [3]),
        ("run >= 3", [3, 4]), ("number = 2", [2]), ("exit_code = 1", [2]), ("exit_code != 1", []),
        ("not exit_code = 1", [1, 3, 4]),
        ("duration = 30", [1]), ("duration < 1m", [1, 3]), ("duration > 1h", [2]), ("age < 2m", [1, 3]),
        ("age >= 1h60m", [2, 4]),
        ("started = 2026-11-01", [2]), ("started > 2026-11-01", [1, 3]), ("started <= 2026-11-01", [2]),
        ("started < 2026-11-01", []), ("started != 2026-11-01", [1, 3]), ('started >= "2026-11-01 00:00:11"', [1, 3]),
        ("auc > 0.7 or failed and tag = sweep", [1, 2]), ("(auc > 0.7 or running) and not tag = sweep", [3]),
        ("NOT (failed OR running)", [1, 4]), ("not not failed", [2]), ("android", []), ("notes", []),
    ],
)  # fmt: skip
def test_filters_find_their_runs(store: sqlite3.Connection, text: str, expected: list[int]) -> None:
    assert numbers(store, compile_filter(text, now=NOW, goal_metric="auc")) == expected


def test_the_goal_says_what_best_means(store: sqlite3.Connection) -> None:
    assert numbers(store, compile_filter("mystery.best = 1", goals={"mystery": "min"})) == [2]
    with pytest.raises(FilterError, match="better"):
        compile_filter("mystery.best = 1")


def test_without_a_metric_no_run_is_best(store: sqlite3.Connection) -> None:
    with pytest.raises(FilterError, match="no metric"):
        compile_filter("best")
    assert numbers(store, compile_filter("best", goal_metric="nothing")) == []


def test_the_word_metric_is_the_metric_of_the_project(store: sqlite3.Connection) -> None:
    assert numbers(store, compile_filter("metric > 0.7", goal_metric="auc")) == [1]


def test_without_now_the_clock_of_the_store_is_used(store: sqlite3.Connection) -> None:
    assert numbers(store, compile_filter("age < 0")) == [number for number in (1, 3, 4) if time.time() < NOW - 7200]


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("auc >", 6, ""), ("auc 0.7", 5, ""), ("auc > > 3", 7, ""), ("(auc > 1", 9, ""), ("auc > 1)", 8, ""),
        ("failed and", 11, ""), ("statsu = failed", 10, "status"), ("status = faild", 10, "failed"), ('"abc', 1, '"'),
        ("params.lr", 1, "params.lr"), ("tag > 3", 7, "="), ("duration = soon", 12, "5m"),
        ("started = soon", 11, "2026"),
        ("auc = high", 7, "params.auc"), ("auc ~ 3", 7, ""), ("name", 1, "name"), ("nam x", 5, "name"),
        ("has:params.", 1, "has:"),
        ("best = 3", 8, "best"), ("run ~ 3", 7, ">"), (",", 1, ""), ("auc in ()", 9, ""), ("a b", 3, ""),
        ("x" * 3000, 0, ""),
    ],
)  # fmt: skip
def test_a_refusal_says_where_and_what(text: str, position: int, hint: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text)
    assert not position or f"position {position}:" in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


def test_deep_and_long_filters_are_answered(store: sqlite3.Connection) -> None:
    assert numbers(store, compile_filter("(" * 900 + "failed" + ")" * 900)) == [2]
    assert numbers(store, compile_filter("not " * 400 + "failed")) == [2]
    assert numbers(store, compile_filter(" or ".join(["lost"] * 200 + ["failed"]))) == [2]
    assert numbers(store, compile_filter("not (" * 300 + "failed" + ")" * 300)) == [2]


ATTACKS = ["'; DROP TABLE runs; --", '" OR 1=1 --', "x') OR ('1'='1", "\x00", "%", "_", "\\"]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "shape", ["name = {}", "params.{} = 1", "metrics.{} > 1", "has:{}", "tag ~ {}", "{}", "{} = 1"]
)
def test_no_text_reaches_the_sql(store: sqlite3.Connection, attack: str, shape: str) -> None:
    quoted = '"' + attack.replace("\\", "\\\\").replace('"', '\\"') + '"'
    where = compile_filter(shape.format(quoted))
    assert attack in where.arguments
    assert where.sql == compile_filter(shape.format('"word"')).sql
    assert numbers(store, where) == []


@given(st.text(alphabet="ab.=<>~!()\"'\\, 019-and or not in has:params.metrics.status.best", max_size=60))
def test_any_text_is_answered_or_refused(store: sqlite3.Connection, text: str) -> None:
    try:
        where = compile_filter(text, now=NOW)
    except FilterError:
        return
    assert set(numbers(store, where)) <= set(RUNS)


@given(
    st.sampled_from(["failed", "auc > 0.7", "params.lr = 0.1", "exit_code > 0", "duration < 9", "branch = x", "glint"])
)
def test_a_filter_and_its_opposite_part_the_runs(store: sqlite3.Connection, text: str) -> None:
    some, others = (numbers(store, compile_filter(t, now=NOW)) for t in (text, f"not {text}"))
    assert sorted(some + others) == sorted(RUNS)


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ("au", "auc"), ("", "auc"), ("auc ", "="), ("auc > 0.7 ", "and"), ("auc > 0.7 and fai", "failed"),
        ("status = ", "queued"),
        ("status = fi", "finished"), ("not (st", "status"), ("has:a", "has:auc"), ("failed ", "and"),
        ("params.l", "params.lr"),
        ("dep", "params.depth"), ('"val', None),
    ],
)  # fmt: skip
def test_completions_fit_the_place(before: str, first: str | None) -> None:
    found = suggest(before, ["auc", "params.lr", "params.depth", "my metric"])
    assert (found[0] if found else None) == first
    assert '"my metric"' in suggest("", ["my metric"])


def fill(path: Path, runs: int, width: int) -> sqlite3.Connection:
    connection = open_store(path, create=True)
    rng = random.Random(1)
    metrics = [name_id(connection, "metric", name) for name in ["auc", *(f"m{i}" for i in range(width - 1))]]
    params = [name_id(connection, "param", name) for name in ["lr", *(f"p{i}" for i in range(width - 1))]]
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO runs (id, uid, name, status, command, created) VALUES (?, ?, 'n', 'finished', '[]', 0)",
        [(i, str(i)) for i in range(1, runs + 1)],
    )
    connection.executemany(
        "INSERT INTO metrics VALUES (?, ?, ?, 1, 0, 1, 1, 1, 1, 0, 0)",
        ((run, name, rng.random()) for run in range(1, runs + 1) for name in metrics),
    )
    connection.executemany(
        "INSERT INTO params VALUES (?, ?, ?, 0, '')",
        ((run, name, rng.choice([0.1, 0.2, 0.3, 0.4])) for run in range(1, runs + 1) for name in params),
    )
    connection.execute("COMMIT")
    return connection


def test_a_filter_reads_only_the_indexes(tmp_path: Path) -> None:
    connection = fill(tmp_path / "workbench.db", 2000, 5)
    where = compile_filter("auc > 0.9 and params.lr = 0.1")
    plan = " ".join(
        row[3]
        for row in connection.execute(f"EXPLAIN QUERY PLAN SELECT r.id FROM runs r WHERE {where.sql}", where.arguments)
    )
    assert "metrics_by_last" in plan
    assert "params_by_value" in plan
    assert "CORRELATED" not in plan
    expected = connection.execute(
        "SELECT count(*) FROM metrics m JOIN params p ON p.run = m.run WHERE m.last > 0.9 AND p.value = 0.1"
        " AND m.name = 1 AND p.name = (SELECT id FROM names WHERE space = 'param' AND name = 'lr')"
    ).fetchone()[0]
    assert len(numbers(connection, where)) == expected > 0
    connection.close()
