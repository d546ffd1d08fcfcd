"""Files that are no good table, and good ones in odd dress, with every command that reads tables.

Each is either refused in one sentence that names file and place, or read as what it is; never a traceback, and no
control character reaches the terminal.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.cli.main import main

CONFIG = '[project]\nname = "t"\n[data]\ntrain = "%s"\n'
HEAD = "row,when,x,kind\n"


def lines(count=60, first=0):
    return "".join(
        f"{first + at},2025-01-{1 + at % 28:02d}T{at % 24:02d}:00:00Z,{at * 37 % 100 / 10},{'abc'[at % 3]}\n"
        for at in range(count)
    )


GOOD = HEAD + lines()


def column(place, *values):
    """The good table with other values in one column, in turns."""
    rows = [line.split(",") for line in lines().splitlines()]
    for at, row in enumerate(rows):
        row[place] = values[at % len(values)]
    return HEAD + "".join(",".join(row) + "\n" for row in rows)


def when(*values):
    return column(1, *values)


def x(*values):
    return column(2, *values)


def parquet(table):
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def objects(*values):
    return "".join(f"{one}\n" for one in values)


ROWS = [dict(zip(HEAD.strip().split(","), line.split(","), strict=True)) for line in lines().splitlines()]
TYPED = [{**row, "row": int(row["row"]), "x": float(row["x"])} for row in ROWS]
DEEP = '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}\n"

REFUSED = {
    "empty.csv": (b"", ": the file is empty"),
    "header.csv": (HEAD, ", line 2: has a header of 4 columns and no rows"),
    "header alone.csv": (HEAD.rstrip(), ", line 2: has a header of 4 columns and no rows"),
    "numbers alone.csv": ("1,2", ", line 2: has a header of 2 columns and no rows"),
    "name alone.csv": ("x", ", line 2: has a header of 1 column and no rows"),
    "header broken.csv": ('a,"b\nc"', ", line 2: has a header of 2 columns and no rows"),
    "header open.csv": ('"id', ", line 1: a quote is opened that is never closed"),
    "header open, line end.csv": ('"id\n', ", line 1: a quote is opened that is never closed"),
    "twice.csv": ("row,row\n1,2\n", ", line 1: columns 1 and 2 are both named 'row'"),
    "bare.csv": (lines(), ", line 1: has no header: its first line holds data (0, 2025-01-01T00:00:00Z, 0.0 …)"),
    "spaces.csv": (" , , ,\n" + lines(), ", line 1: has no header: its first line is blank"),
    "blank first.csv": ("\n" + GOOD, ", line 1: has no header: its first line is blank"),
    "comment.csv": ("# made by hand\n" + GOOD, ", line 2: has 4 cells, the header has 1"),
    "utf16.csv": (GOOD.encode("utf-16"), ", line 1: is UTF-16LE, not UTF-8"),
    "bare utf16.csv": (GOOD.encode("utf-16-le"), ", line 1: is UTF-16LE, not UTF-8"),
    "bare utf16 be.csv": (GOOD.encode("utf-16-be"), ", line 1: is UTF-16BE, not UTF-8"),
    "utf32.csv": (GOOD.encode("utf-32"), ", line 1: is UTF-32LE, not UTF-8"),
    "short.csv": (GOOD + "1,2\n", ", line 62: has 2 cells, the header has 4"),
    "long.csv": (GOOD + "1,2,3,4,5\n", ", line 62: has 5 cells, the header has 4"),
    "trailing.csv": (HEAD + lines().replace("\n", ",\n"), ", line 2: has 5 cells, the header has 4"),
    "quote.csv": (GOOD + '1,"2025-01-01,1,a\n' + lines(3), ", line 62: a quote is opened that is never closed"),
    "cut.csv.gz": (gzip.compress((HEAD + lines(9000)).encode())[:5000], ": the gzip stream is cut off or damaged"),
    "half.parquet": (parquet(pa.table({"x": np.arange(9000)}))[:9000], ": is no Parquet file, or was cut off"),
    "text.parquet": (GOOD, ": is no Parquet file, or was cut off"),
    "none.parquet": (parquet(pa.table({"x": pa.array([], pa.int64())})), ": has 1 column and no rows"),
    "twice.parquet": (
        parquet(pa.Table.from_arrays([pa.array([1])] * 2, names=["x", "x"])), ": columns 1 and 2 are both named 'x'"
    ),
    "cut.jsonl": (objects(*map(json.dumps, TYPED)) + '{"row": 1,', ", line 61: column 11: Expecting property name"),
    "list.json": (json.dumps(TYPED), ": is one JSON document, not an object a line"),
    "columns.json": (pd.DataFrame(TYPED).to_json(), ": is one JSON document, not an object a line"),
    "split.json": (pd.DataFrame(TYPED).to_json(orient="split"), ": is one JSON document, not an object a line"),
    "document.json": (json.dumps(TYPED[0], indent=1), ": is one JSON document, not an object a line"),
    "names.jsonl": ('{"x": 1, "x": 2}\n' * 40, ", line 1: the name 'x' comes twice in one object"),
    "deep.jsonl": (DEEP, ", line 1: is nested too deeply"),
    "numbers.jsonl": ("5\n6\n", ", line 1: is no JSON object"),
    "nothing.jsonl": ("{}\n{}\n", ": holds no rows"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0\0", ", line 3: is not a table: it holds zero bytes"),
    "program": (b"\x7fELF\x02\x01\x01\0\0", ", line 1: is not a table: it holds zero bytes"),
    "model.pkl": (b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05hello\x94.", ", line 1: is not a table: it holds zero bytes"),
    "book.xlsx": (b"PK\x03\x04" + b"\0" * 90, ": is a zip archive or a workbook"),
    "letter.txt": ("Dear all,\n\nthis is a letter.\nBye\n", ", line 3: has 1 cell, the header has 2"),
    "page.html": ("<!DOCTYPE html>\n<p>\n<p>Hello, you</p>\n", ", line 3: has 2 cells, the header has 1"),
    "noise.csv": (bytes(np.random.default_rng(0).integers(1, 256, 3000).astype("u1")), ", line "),
    "parts bad": ({"a.csv": GOOD, "b.csv": GOOD + "1,2\n"}, "/b.csv, line 62: has 2 cells, the header has 4"),
    "parts none": ({}, ": the folder holds no files"),
    "parts empty": ({"a.csv": HEAD, "b.csv": HEAD}, "/b.csv, line 2: has a header of 4 columns and no rows"),
    "pipe.csv": (os.mkfifo, ": is a pipe, not a file"),
    "parts pipe": ({"a.csv": GOOD, "b.csv": os.mkfifo}, "/b.csv: is a pipe, not a file"),
    "parts hidden": ({".a.csv": GOOD, "_SUCCESS": ""}, ": the folder holds no files"),
}  # fmt: skip

SAME = ("", "")
GONE = "kind:missing column row:missing column when:missing column"
READ = {  # what validate finds, and what drifts; "" where it is the table that was there
    "mark.csv": (b"\xef\xbb\xbf" + GOOD.encode(), *SAME),
    "packed.csv.gz": (gzip.compress(GOOD.encode()), *SAME),
    "packed.csv.bz2": (bz2.compress(GOOD.encode()), *SAME),
    "packed.csv.xz": (lzma.compress(GOOD.encode()), *SAME),
    "not packed.csv.gz": (GOOD, *SAME),
    "line ends.csv": (GOOD.replace("\n", "\r\n", 30), *SAME),
    "old line ends.csv": (GOOD.replace("\n", "\r"), *SAME),
    "blank lines.csv": (HEAD + lines(30) + "\n\n" + lines(30, 30), *SAME),
    "semicolons.csv": (GOOD.replace(",", ";"), *SAME),
    "bars.csv": (GOOD.replace(",", "|"), *SAME),
    "tabs.csv": (GOOD.replace(",", "\t"), *SAME),
    "quoted.csv": ("\n".join(",".join(f'"{c}"' for c in row.split(",")) for row in GOOD.splitlines()) + "\n", *SAME),
    "objects.jsonl": (objects(*map(json.dumps, TYPED)), *SAME),
    "objects in quotes.jsonl": (objects(*map(json.dumps, ROWS)), "row:written as text x:written as text", ""),
    "one row.csv": (HEAD + lines(1), "", "row:insufficient when:insufficient x:insufficient kind:insufficient"),
    "one column.csv": ("x\n" + "1\n2\n3.5\n" * 20, GONE, "row:missing when:missing x:drift kind:missing"),
    "all missing.csv": (
        HEAD + ",,,\n" * 60, "kind:empty row:empty when:empty x:empty",
        "row:empty when:empty x:empty kind:empty"
    ),
    "names.csv": (GOOD.replace("\n", ",\n"), "column 5:new column", "column 5:new"),
    "decimal commas.csv": (GOOD.replace(",", ";").replace(".", ","), "x:wrong type", "x:drift"),
    "a comma in a name.csv": (
        GOOD.replace(",", ";").replace(".", ",").replace("x", "x, EUR"), "x, EUR:new column x:missing column",
        "x:missing x, EUR:new",
    ),
    "spaces.csv": (
        " row , when , x , kind \n" + lines(), ":missing column",
        "row:missing when:missing x:missing kind:missing  row :new  when :new  x :new  kind :new",
    ),
    "thousands.csv": (x('"1,234"', '"12,000.5"'), "x:wrong type", "x:drift"),
    "some thousands.csv": (x("1", "2", '"1,234"'), "x:wrong type", "x:drift"),
    "absent.csv": (x("NaN", "NA", "null", "None", "1.5", "2"), "x:NaN x:missing values", "x:drift"),
    "dashes.csv": (x("-", "1.5", "2"), "x:wrong type", "x:drift"),
    "formulas.csv": (x('"=1+1"', '"@x"'), "x:wrong type", "x:drift"),
    "words.csv": (x("True", "false", "1"), "x:wrong type", "x:drift"),
    "huge.csv": (x("1e308", "-1e308"), "x:out of range", "x:drift"),
    "too huge.csv": (x("1e400", "1", "2"), "x:infinity", "x:drift"),
    "whole.csv": (x("123456789012345678901234567890", "1", "9223372036854775808"), "x:out of range", "x:drift"),
    "old.csv": (when("1500-01-01", "1677-09-20", "2263-01-01", "9999-12-31"), "when:out of range", "when:drift"),
    "far.csv": (when("1500-01-01T00:00:00Z", "2300-01-01T00:00:00.5Z"), "when:out of range when:unit", "when:drift"),
    "no time.csv": (when("0000-00-00", "10000-01-01", "13.05.2024"), "when:wrong type", "when:drift"),
    "colours.csv": (
        GOOD.replace("kind", "k\x1b[31mi\x07nd"), "k\x1b[31mi\x07nd:new column kind:missing column",
        "kind:missing k\x1b[31mi\x07nd:new",
    ),
    "direction.csv": (
        GOOD.replace("kind", "k\u202eind"), "kind:missing column k\u202eind:new column", "kind:missing k\u202eind:new"
    ),
    "long name.csv": (GOOD.replace("kind", "k" * (1 << 20)), f"kind:missing column {'k' * (1 << 20)}:new column",
                      f"kind:missing {'k' * (1 << 20)}:new"),
    "wide.csv": (
        (",".join(f"c{at}" for at in range(10_000)) + "\n") + ",".join("1" * 10_000) + "\n", ":missing column",
        "row:missing when:missing x:missing kind:missing " + " ".join(f"c{at}:new" for at in range(10_000)),
    ),
    "spoiled.csv": (GOOD.encode().replace(b"b", b"\xff", 2), "kind:invalid UTF-8 kind:out of domain", "kind:drift"),
    "spoiled name.csv": (
        GOOD.encode().replace(b"kind", b"k\xffnd"),
        "kind:missing column k\ufffdnd:new column",
        "kind:missing k\ufffdnd:new",
    ),
    "halves.jsonl": (objects(*(json.dumps({**row, "kind": "\ud800"}) for row in TYPED)),
                     "kind:constant kind:invalid UTF-8 kind:out of domain", "kind:drift"),
    "numbers.jsonl": (
        objects(*(json.dumps({**row, "x": [float("nan"), 10**30, 1e999][at % 3]}) for at, row in enumerate(TYPED))),
        "x:NaN x:infinity x:out of range", "x:drift",
    ),
    "parts differ": (
        {"a.csv": GOOD, "b.csv": "".join(row.rpartition(",")[0] + "\n" for row in (HEAD + lines(60, 60)).splitlines())},
        "kind:missing column", "kind:drift",
    ),
    "parts of types": ({"a.csv": GOOD, "b.csv": x("u", "v")}, "row:duplicate key x:wrong type", "x:drift"),
    "parts and none": (
        {"a.csv": GOOD, "b.csv": HEAD, "c.parquet": parquet(pa.table({"x": pa.array([], "f8")})), "d.csv": ""},
        ":empty part", "",
    ),
    "parts of formats": ({"a.csv": HEAD + lines(30), "b.jsonl": objects(*map(json.dumps, TYPED[30:]))}, *SAME),
    "parts and pictures": ({"a.csv": GOOD, "b.png": b"\x89PNG\0"}, *SAME),
}  # fmt: skip


@pytest.fixture
def workbench(make_project, capsys, monkeypatch):
    """Run a command in this process: workbench(words) -> exit code, stdout, stderr."""
    project = make_project({"train.csv": HEAD + lines(300, 1000)}, CONFIG % "train.csv" + 'id = "row"\n')
    monkeypatch.chdir(project.folder)

    def run(*words):
        code = main(list(words))
        said = capsys.readouterr()
        told = said.out + said.err
        assert "Traceback" not in told and "unforeseen" not in told
        assert not set(told) & {"\x1b", "\x07", "\u202e"}
        return code, said.out, said.err

    run.folder = project.folder
    return run


def put(folder, name, content):
    path = folder / name
    if isinstance(content, dict):
        path.mkdir()
        for part, text in content.items():
            put(path, part, text)
        return
    if callable(content):
        content(path)
        return
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused_in_one_sentence_by_every_command(workbench, name):
    content, sentence = REFUSED[name]
    put(workbench.folder, name, content)
    assert workbench("data", "schema", "--accept")[0] == 0
    commands = [
        ("validate", name), ("drift", "--current", name), ("drift", "--reference", name, "--current", "train.csv")
    ]  # fmt: skip
    commands += [] if isinstance(content, dict) else [("data", "profile", name)]
    said = [workbench(*words) for words in commands]
    (workbench.folder / "workbench.toml").write_text(CONFIG % name)
    said.append(workbench("data", "schema"))
    for code, _, err in said:
        assert (code, err.splitlines()[0][: len(f"error: {name}{sentence}")]) == (2, f"error: {name}{sentence}")
        assert "hint: " in err


def is_same(one, other):
    """Texts of a megabyte are compared here, because pytest would look for long at how they differ."""
    return one == other


@pytest.mark.parametrize("name", READ)
def test_what_is_a_table_is_read_as_what_it_is_by_every_command(workbench, name):
    content, findings, drifts = READ[name]
    put(workbench.folder, name, content)
    assert workbench("data", "schema", "--accept")[0] == 0
    code, out, _ = workbench("validate", name, "--json")
    found = [one for one in json.loads(out)["tables"][0]["findings"] if one["severity"] != "note"]
    told = " ".join(sorted({f"{one['column']}:{one['kind']}" for one in found}))
    assert is_same(told, findings), told[:500]
    assert code == any(one["severity"] == "error" for one in found)
    code, out, _ = workbench("drift", "--current", name, "--json")
    verdicts = json.loads(out)["windows"][0]["columns"]
    order = HEAD.strip().split(",")
    verdicts.sort(key=lambda one: order.index(one["column"]) if one["column"] in order else len(order))
    told = " ".join(f"{one['column']}:{one['verdict']}" for one in verdicts if one["verdict"] != "ok")
    assert is_same(told, drifts), told[:500]
    if name == "wide.csv":
        return  # what follows would take long and tell no more
    assert workbench("drift", "--reference", name, "--current", "train.csv")[0] in (0, 1)
    for words in (("validate", name), ("data", "profile", name)):
        code, out, err = workbench(*words)
        assert code in (0, 1, 2) and (code < 2 or "is a folder" in err or "UTF-8" in err or "half of" in err)
        assert name != "long name.csv" or len(out) < 20_000
    (workbench.folder / "workbench.toml").write_text(CONFIG % name)
    assert workbench("data", "schema")[0] == 0
