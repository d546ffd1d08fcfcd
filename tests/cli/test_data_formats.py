"""The same values in CSV, JSON lines and Parquet are the same to `drift` and to `validate`, whatever wrote them."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.cli.main import main
from workbench.data import tables
from workbench.drift.measure import Windows

ROWS = 400
FORMATS = ("csv", "jsonl", "text.parquet", "native.parquet")
KINDS = {
    "whole": "number", "real": "number", "flag": "boolean", "day": "time", "moment": "time", "zoned": "time",
    "far": "time", "city": "text", "code": "number", "few": "number", "clock": "text", "note": "text", "none": "empty",
}  # fmt: skip


def values(seed=0):
    """Columns as Arrow has them natively, each with some missing values."""
    rng = np.random.default_rng(seed)
    seconds = 1_700_000_000 + rng.integers(0, 10**7, ROWS)
    days = pa.array((seconds // 86_400).astype("int32"), pa.int32()).cast(pa.date32())
    moments = pa.array(seconds * 1_000_000, pa.timestamp("us"))
    far = pa.array(seconds * 1_000_000 + 250_000 + 10**16, pa.timestamp("us"))
    found = {
        "whole": pa.array(rng.integers(-500, 500, ROWS)),
        "real": pa.array(rng.normal(50, 9, ROWS).round(4)),
        "flag": pa.array(rng.random(ROWS) < 0.3),
        "day": days,
        "moment": moments,
        "zoned": moments.cast(pa.timestamp("us", "Europe/Berlin")),
        "far": far,
        "city": pa.array(rng.choice(["EWR", "JFK", 'New\nYork, "NY"'], ROWS)).dictionary_encode(),
        "code": pa.array(rng.integers(1, 99, ROWS)),
        "few": pa.array(rng.choice([0.1, 0.2, 0.7], ROWS)),
        "clock": pa.array(rng.integers(0, 86_400, ROWS), pa.int32()).cast(pa.time32("s")),
        "note": pa.array([f"note {at} ü" for at in rng.integers(0, 900, ROWS)]),
        "none": pa.array([None] * ROWS, pa.string()),
    }
    holes = {name: pa.array(rng.random(ROWS) < 0.05) for name in found}
    return {name: one.take(pa.array([None if hole else at for at, hole in enumerate(holes[name].to_pylist())]))
            for name, one in found.items()}  # fmt: skip


def spelled(table):
    """The same columns as texts, as other programs write them."""
    texts = {name: [None if one is None else str(one) for one in column.to_pylist()] for name, column in table.items()}
    texts["zoned"] = [None if one is None else one.isoformat() for one in table["zoned"].to_pylist()]
    texts["code"] = [None if one is None else f"{one:05d}" for one in table["code"].to_pylist()]
    return texts


def write(folder, format, seed=0):
    """Write the columns in a format and return the path."""
    table = values(seed)
    texts = spelled(table)
    path = folder / f"{seed}.{format}"
    if format == "csv":
        pd.DataFrame(texts).to_csv(path, index=False)
    elif format == "jsonl":
        plain = {name: table[name].to_pylist() for name in ("whole", "real", "flag", "few")}
        columns = {**texts, **plain}
        lines = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        path.write_text("\n".join(map(json.dumps, lines)))
    else:
        pq.write_table(pa.table({**texts, "none": pa.array([None] * ROWS, pa.string())} if "text" in format else table),
                       path)  # fmt: skip
    return path


def window(path):
    table = tables.open_table(path, spelled=tables.ALL_KINDS)
    (found,) = tables.scan(table, lambda: Windows(table.kinds())).freeze()
    return {one.name: replace(one, base=replace(one.base, type="")) for one in found.columns}


def test_the_same_values_have_one_profile_in_every_format(tmp_path):
    found = {format: window(write(tmp_path, format)) for format in FORMATS}
    assert {name: one.base.kind for name, one in found["csv"].items()} == KINDS
    for format in FORMATS[1:]:
        for name, column in found["csv"].items():
            assert found[format][name] == column, (format, name)


@pytest.mark.parametrize("batch", [7, 65_536])
def test_what_texts_spell_follows_from_the_whole_column(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(tables, "ROWS", batch)
    columns = {
        "late_text": ["1"] * 40 + ["x"],
        "late_real": ["1"] * 40 + ["1.5"],
        "late_time": ["2024-01-01"] * 40 + ["2024-01-01T10:00"],
        "mixed_zones": ["2024-01-01T10:00:00Z"] * 40 + ["2024-01-01T10:00:00"],
        "late_value": [None] * 30 + ["NA"] * 10 + ["7"],
        "text_of_absent": ["", "NA", "a"] * 13 + ["b", "c"],
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    found = {name: window(tmp_path / name) for name in ("t.csv", "t.parquet")}
    for name, one in found["t.csv"].items():
        assert found["t.parquet"][name].base.values == one.base.values, name
    kinds = {name: (one.base.kind, one.base.missing) for name, one in found["t.csv"].items()}
    assert kinds == {
        "late_text": ("text", 0), "late_real": ("number", 0), "late_time": ("time", 0), "mixed_zones": ("text", 0),
        "late_value": ("number", 40), "text_of_absent": ("text", 26),
    }  # fmt: skip


DRESSES = {
    "object": lambda frame: frame.astype(object),
    "category": lambda frame: frame.astype({"city": "category", "whole": "category"}),
    "nullable": lambda frame: frame.convert_dtypes(),
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "float32": lambda frame: frame.astype({"real": "float32", "whole": "float32", "few": "float32"}),
    "texts": lambda frame: frame.astype(str),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_any_type_of_pandas_is_the_same_column_to_drift(tmp_path, dress):
    names = ["whole", "real", "flag", "city", "few"]
    frame = pd.DataFrame({name: values()[name].drop_null().to_pandas()[:300] for name in names})
    frame.to_csv(tmp_path / "t.csv", index=False)
    DRESSES[dress](frame).to_parquet(tmp_path / "t.parquet", index=False)
    before, after = window(tmp_path / "t.csv"), window(tmp_path / "t.parquet")
    for name in names if dress != "float32" else ["whole", "flag", "city", "few"]:
        assert before[name] == after[name], name
    assert after["real"].base.mean == pytest.approx(before["real"].base.mean, rel=1e-6)


@pytest.fixture
def workbench(make_project, capsys, monkeypatch):
    """Files of the same kind in every format: workbench(words) -> exit code and document."""
    found = make_project(config='[project]\nname = "t"\n[data]\ntrain = "train"\n')
    for format in FORMATS:
        write(found.folder, format)
        write(found.folder, format, seed=1)
    monkeypatch.chdir(found.folder)

    def run(*words):
        code = main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_no_format_is_drift_of_another(workbench):
    for before, after in itertools.permutations(FORMATS, 2):
        code, found = workbench("drift", "--reference", f"0.{before}", "--current", f"1.{after}")
        assert {one["verdict"] for one in found["windows"][0]["columns"]} == {"ok"}, (before, after)
        assert code == 0


@pytest.mark.parametrize("source", ["csv", "jsonl", "native.parquet"])
def test_a_schema_of_one_format_holds_for_all(workbench, source):
    Path("train").symlink_to(f"0.{source}")
    assert workbench("data", "schema", "--accept")[0] == 0
    for format in FORMATS:
        code, found = workbench("validate", f"1.{format}")
        told = {(one["column"], one["kind"], one["severity"]) for one in found["tables"][0]["findings"]}
        written = {"code"} if format == "jsonl" else set()
        if format == "text.parquet":
            written = {name for name, kind in KINDS.items() if kind in ("number", "boolean", "time")}
        if source == "jsonl":  # there, codes with zeros before them are texts: without these they are other ones
            written -= {"code"}
            told = {one for one in told if one[0] != "code"}
        assert told == {(name, "written as text", "warning") for name in written}, format
        assert code == (1 if source == "jsonl" and format == "native.parquet" else 0), found


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "t.csv"])
def test_values_that_are_written_as_text_are_judged_all_the_same(make_project, capsys, monkeypatch, name):
    project = make_project(config='[project]\nname = "t"\n[data]\ntrain = "train.csv"\n')
    monkeypatch.chdir(project.folder)
    hours = pd.date_range("2024-01-01", periods=300, freq="h")
    frame = pd.DataFrame({"size": np.arange(300) % 90 / 2, "begin": hours, "end": hours + pd.Timedelta("30min")})
    frame.to_csv("train.csv", index=False)
    assert main(["data", "schema", "--accept"]) == 0
    bad = frame.astype(str)
    bad.loc[4, "size"], bad.loc[5, "size"] = "9000", "about 7"
    bad.loc[6, "begin"], bad.loc[7, "begin"], bad.loc[8, "end"] = "2224-01-01", "2024-02-30 10:00", "2024-01-01"
    if name == "t.csv":
        bad.to_csv(name, index=False)
    elif name == "t.jsonl":
        bad.to_json(name, orient="records", lines=True)
    else:
        bad.to_parquet(name, index=False)
    capsys.readouterr()
    assert main(["validate", name, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["tables"][0]["findings"]
    told = {(one["column"], one["kind"]): (one["severity"], one["first"]) for one in found}
    written = {key for key in told if key[1] == "written as text"}
    columns = {"t.parquet": {"size", "begin", "end"}, "t.jsonl": {"size"}, "t.csv": set()}[name]
    assert written == {(column, "written as text") for column in columns}
    assert {key: one for key, one in told.items() if key not in written} == {
        ("size", "wrong type"): ("error", [6]),
        ("size", "out of range"): ("error", [5]),
        ("begin", "wrong type"): ("error", [8]),
        ("begin", "out of range"): ("error", [7]),
        ("begin", "relation"): ("warning", [7, 9]),
    }
