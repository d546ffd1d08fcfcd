"""`workbench validate` and `workbench data schema`, with every kind of bad input."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench import locks
from workbench.actions import data_schema
from workbench.cli.main import main
from workbench.data import parts as data_parts
from workbench.errors import UsageError

CONFIG = (
    '[project]\nname = "test"\n[train]\ncommand = "python train.py"\ninputs = ["data/train.csv"]\n'
    '[data]\ntrain = "data/train.csv"\ntarget = "late"\nid = "row"\n'
)


def rows(n, begin=0):
    rng = np.random.default_rng(n + begin)
    table = pd.DataFrame(
        {
            "row": np.arange(begin, begin + n),
            "city": rng.choice(["EWR", "JFK", "LGA"], n),
            "wait": np.round(rng.normal(50, 9, n), 2),
            "late": rng.integers(0, 2, n),
        }
    )
    return table.to_csv(index=False)


@pytest.fixture
def airport(make_project):
    return make_project({"data/train.csv": rows(300)}, CONFIG)


@pytest.fixture
def workbench(capsys, monkeypatch):
    """Run a command in this process: workbench(folder, words) -> exit code, stdout, stderr."""

    def run(folder, *words):
        monkeypatch.chdir(folder)
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def accepted(airport, workbench):
    assert workbench(airport.folder, "data", "schema", "--accept", "--by", "ana")[0] == 0
    return airport


def test_a_schema_is_proposed_then_accepted_and_changed_only_where_data_contradict(airport, workbench):
    code, out, err = workbench(airport.folder, "data", "schema")
    assert code == 0
    assert "+ city: type text  values [EWR, JFK, LGA]" in out
    assert "--accept" in err
    path = airport.folder / "schema.toml"
    assert not path.exists()
    workbench(airport.folder, "data", "schema", "--accept", "--by", "ana")
    text = path.read_text()
    assert 'accepted_by = "ana"' in text
    path.write_text(text.replace("[columns.city]", "# three airports\n[columns.city]"))
    assert json.loads(workbench(airport.folder, "data", "schema", "--json")[1])["changes"] == []
    train = airport.folder / "data/train.csv"
    train.write_text(train.read_text() + "".join(f"{at},SWF,50.0,1\n" for at in range(900, 960)))
    code, out, _ = workbench(airport.folder, "data", "schema")
    assert [line for line in out.splitlines() if line[:1] in "+-~" and line[1:2] == " "] == [
        "~ city: values [EWR, JFK, LGA] → [EWR, JFK, LGA, SWF]"
    ]
    workbench(airport.folder, "data", "schema", "--accept", "--by", "bo")
    text = path.read_text()
    assert "# three airports" in text
    assert '"SWF"' in text
    assert 'accepted_by = "bo"' in text
    past = json.loads(workbench(airport.folder, "data", "schema", "--history", "--json")[1])
    assert [one["by"] for one in past] == ["bo", "ana"]
    assert past[0]["changes"][0]["after"] == ["EWR", "JFK", "LGA", "SWF"]


def test_of_two_who_accept_at_once_one_is_told_to_look_again(accepted):
    train = accepted.folder / "data/train.csv"
    train.write_text(train.read_text() + "".join(f"{at},SWF,50.0,1\n" for at in range(900, 960)))
    first, second = data_schema.propose(accepted), data_schema.propose(accepted)
    lock = locks.take(accepted.inner / data_schema.LOCK_NAME)
    with pytest.raises(UsageError, match="being written"):
        data_schema.accept(accepted, "bo", proposal=first)
    os.close(lock)
    path = accepted.folder / "schema.toml"
    path.write_text(f"# reviewed\n{path.read_text()}")
    data_schema.accept(accepted, "bo", proposal=first)
    with pytest.raises(UsageError, match="has changed meanwhile"):
        data_schema.accept(accepted, "cy", proposal=second)
    assert path.read_text().startswith("# reviewed")
    assert 'accepted_by = "bo"' in path.read_text()
    assert [one.by for one in data_schema.history(accepted)] == ["bo", "ana"]
    assert not list(accepted.folder.glob(".schema*"))


def test_a_schema_that_cannot_be_written_is_a_sentence(accepted, workbench):
    (accepted.inner / data_schema.LOCK_NAME).unlink()
    (accepted.inner / data_schema.LOCK_NAME).mkdir()
    path = accepted.folder / "schema.toml"
    before = path.read_text()
    path.write_text(before.replace("[columns.wait]", "[columns.wait]\nrequired = true"))
    code, _, err = workbench(accepted.folder, "data", "schema", "--accept")
    assert (code, "schema.toml cannot be written: Is a directory" in err) == (3, True)


def test_a_schema_that_was_edited_by_hand_is_said_to_be_and_can_be_accepted(accepted, workbench):
    path = accepted.folder / "schema.toml"
    path.write_text(path.read_text().replace("[columns.wait]", "[columns.wait]\nrequired = true"))
    answer = json.loads(workbench(accepted.folder, "data", "schema", "--json")[1])
    assert answer["edited"]
    workbench(accepted.folder, "data", "schema", "--accept")
    assert not json.loads(workbench(accepted.folder, "data", "schema", "--json")[1])["edited"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[columns.wait]", "[columns.wait]\nreqired = true", "Did you mean 'required'"),
        ('type = "number"', 'type = "float"', "columns.wait.type is 'float'"),
        ("version = 1", "version = 9", "of version 9"),
        ("[schema]", "[schema", "not valid TOML"),
        ("min = ", "min = true #", "columns.wait.min must be a number"),
    ],
)
def test_a_broken_schema_is_refused_by_its_key(accepted, workbench, before, after, words):
    path = accepted.folder / "schema.toml"
    path.write_text(path.read_text().replace(before, after))
    code, _, err = workbench(accepted.folder, "validate")
    assert code == 2
    assert words in err


def test_a_schema_that_is_not_utf8_is_a_sentence(accepted, workbench):
    (accepted.folder / "schema.toml").write_bytes(b"a\xff")
    code, _, err = workbench(accepted.folder, "validate")
    assert (code, "schema.toml is not UTF-8: byte 2" in err) == (2, True)


def test_good_data_pass_and_bad_data_do_not(accepted, run_cli):
    fresh = accepted.folder / "fresh.csv"
    fresh.write_text(rows(200, 1000))
    assert run_cli("validate", "fresh.csv", folder=accepted.folder).code == 0
    fresh.write_text(rows(200, 1000).replace("JFK", "JFX").replace("1007,", "1006,"))
    answer = run_cli("validate", "fresh.csv", "--json", folder=accepted.folder)
    assert answer.code == 1
    (table,) = answer.json["tables"]
    found = {(one["column"], one["kind"]): one for one in table["findings"]}
    assert found["city", "out of domain"]["examples"] == ["JFX"]
    assert found["city", "out of domain"]["count"] == rows(200, 1000).count("JFK")
    assert found["row", "duplicate key"]["first"] == [8]
    assert answer.json["schema"]["accepted_by"] == "ana"


BAD = {
    "empty.csv": (b"", 2, "empty.csv: the file is empty"),
    "header.csv": (b"row,city,wait,late\n", 2, "header.csv, line 2: has a header of 4 columns and no rows"),
    "twice.csv": (b"row,row\n1,2\n", 2, "twice.csv, line 1: columns 1 and 2 are both named 'row'"),
    "bare.csv": (
        b"5,JFK,1.5,0\n6,LGA,2,1\n",
        1,
        "none of the 4 columns of the schema is there; has the file a header?",
    ),
    "same.csv": (b"5,JFK,5,0\n6,LGA,2,1\n", 2, "same.csv, line 1: has no header"),
    "whole.json": (b'[{"row": 1},\n {"row": 2}]', 2, "whole.json: is one JSON document"),
    "numbers.csv": (b"5.5,1,1.5,0\n6,1,2,1\n", 2, "numbers.csv, line 1: has no header"),
    "utf16.csv": (rows(3).encode("utf-16"), 2, "utf16.csv, line 1: is UTF-16LE"),
    "utf16be.csv": (rows(3).encode("utf-16-be"), 2, "is UTF-16BE, not UTF-8"),
    "ragged.csv": (b"row,city,wait,late\n1,JFK,1.5,0\n2,JFK\n", 2, "ragged.csv, line 3: has 2 cells"),
    "cut.csv.gz": (gzip.compress(rows(9000).encode())[:9000], 2, "cut off or damaged"),
    "cut.parquet": (b"PAR1" + b"x" * 400, 2, "cut off"),
    "book.xlsx": (b"PK\x03\x04" + b"\0" * 90, 2, "zip archive or a workbook"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\0\0", 2, "is not a table"),
    "list.jsonl": (b'{"row": 1}\n[3]\n', 2, "list.jsonl, line 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_table_gets_a_sentence_and_never_a_traceback(accepted, workbench, name):
    content, wanted, words = BAD[name]
    (accepted.folder / name).write_bytes(content)
    code, out, err = workbench(accepted.folder, "validate", name)
    assert code == wanted
    assert words in out + err
    assert "Traceback" not in out + err
    assert "unforeseen" not in err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.csv", b"\xef\xbb\xbf" + rows(50, 400).encode()),
        ("packed.csv.gz", gzip.compress(rows(50, 400).encode())),
        ("packed.csv.bz2", bz2.compress(rows(50, 400).encode())),
        ("crlf.csv", rows(50, 400).replace("\n", "\r\n").encode()),
        ("semicolons.csv", rows(50, 400).replace(",", ";").encode()),
        ("one row.csv", rows(1, 400).encode()),
    ],
)
def test_the_same_data_in_another_dress_pass(accepted, workbench, name, content):
    (accepted.folder / name).write_bytes(content)
    code, out, _ = workbench(accepted.folder, "validate", name)
    assert code == 0, out


def test_json_lines_and_a_folder_of_parts_pass_and_parts_are_named(accepted, workbench):
    frame = pd.read_csv(accepted.folder / "data/train.csv")
    frame[200:].to_json(accepted.folder / "fresh.jsonl", orient="records", lines=True)
    assert workbench(accepted.folder, "validate", "fresh.jsonl")[0] == 0
    parts = accepted.folder / "parts"
    parts.mkdir()
    frame[:100].to_csv(parts / "a.csv", index=False)
    frame[100:200].to_parquet(parts / "b.parquet", index=False)
    (parts / "_SUCCESS").touch()
    assert workbench(accepted.folder, "validate", "parts")[0] == 0
    frame[:3].to_csv(parts / "c.csv", index=False)
    code, out, _ = workbench(accepted.folder, "validate", "parts", "--json")
    assert code == 1
    (one,) = json.loads(out)["tables"][0]["findings"]
    assert (one["kind"], one["count"], one["file"], one["first"]) == ("duplicate key", 3, "parts/c.csv", [1, 2, 3])
    assert one["words"].endswith(", first in parts/c.csv")
    (parts / "c.csv").write_text("")
    code, out, _ = workbench(accepted.folder, "validate", "parts", "--json")
    (one,) = json.loads(out)["tables"][0]["findings"]
    assert (code, one["kind"], one["severity"], one["file"]) == (0, "empty part", "warning", "parts/c.csv")
    frame[100:103].assign(city="XXX").to_csv(parts / "c.csv", index=False)
    code, out, _ = workbench(accepted.folder, "validate", "parts", "--json")
    found = {one["kind"]: (one["file"], one["first"]) for one in json.loads(out)["tables"][0]["findings"]}
    assert found["out of domain"] == ("parts/c.csv", [1, 2, 3])
    (parts / ".d.csv").write_bytes(b"hidden")
    assert workbench(accepted.folder, "validate", "parts")[0] == 1
    (parts / "d.csv").write_bytes(b"row,city\n1\n")
    code, _, err = workbench(accepted.folder, "validate", "parts")
    assert code == 2
    assert "parts/d.csv, line 2" in err


def test_bytes_that_are_no_utf8_are_one_finding_and_the_rest_is_checked(accepted, workbench):
    text = rows(60, 400).replace("JFK", "JFÄ", 1).replace("LGA", "XXX")
    (accepted.folder / "latin.csv").write_bytes(text.encode("latin-1"))
    code, out, _ = workbench(accepted.folder, "validate", "latin.csv", "--json")
    assert code == 1
    kinds = {one["kind"]: one for one in json.loads(out)["tables"][0]["findings"]}
    assert kinds["invalid UTF-8"]["count"] == 1
    assert kinds["out of domain"]["count"] == text.count("XXX") + 1


def test_one_bad_column_is_one_finding(accepted, workbench):
    frame = pd.read_csv(accepted.folder / "data/train.csv")
    frame["wait"] = None
    frame["city"] = "JFK"
    frame["late"] = frame["late"].astype(str) + "?"
    frame.to_csv(accepted.folder / "odd.csv", index=False)
    code, out, _ = workbench(accepted.folder, "validate", "odd.csv", "--json")
    assert code == 1
    found = {one["column"]: one["kind"] for one in json.loads(out)["tables"][0]["findings"]}
    assert found == {"wait": "empty", "city": "constant", "late": "wrong type"}


FRAMES = {
    "object": lambda frame: frame.astype({"city": object}),
    "category": lambda frame: frame.astype({"city": "category"}),
    "nullable": lambda frame: frame.astype({"row": "Int64", "wait": "Float64", "city": "string", "late": "Int8"}),
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "float32": lambda frame: frame.astype({"wait": "float32"}),
    "small": lambda frame: frame.astype({"row": "int32", "late": "int8"}),
    "floats": lambda frame: frame.astype({"row": float, "late": float}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_type_that_pandas_has_for_the_same_values_passes(accepted, workbench, kind):
    frame = FRAMES[kind](pd.read_csv(accepted.folder / "data/train.csv"))
    frame.to_parquet(accepted.folder / "typed.parquet", index=False)
    code, out, _ = workbench(accepted.folder, "validate", "typed.parquet")
    assert code == 0, out


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("late", "text", "whole numbers are written as text"),
        ("late", "half", "values are no whole numbers"),
        ("city", "number", "values are not among those known"),
        ("late", "boolean", "is bool"),
    ],
)
def test_one_and_the_text_of_one_are_told_apart(accepted, workbench, column, values, words):
    frame = pd.read_csv(accepted.folder / "data/train.csv")
    changed = {"text": frame.late.astype(str), "half": frame.late + 0.5, "number": 1, "boolean": frame.late == 1}
    frame[column] = changed[values]
    frame.to_parquet(accepted.folder / "typed.parquet", index=False)
    code, out, _ = workbench(accepted.folder, "validate", "typed.parquet", "--json")
    assert code == (0 if values == "text" else 1)
    assert words in {one["words"] for one in json.loads(out)["tables"][0]["findings"]}


def test_a_time_without_its_zone_is_a_finding(make_project, workbench):
    moments = pd.Series(pd.date_range("2024-01-01", periods=200, freq="h", tz="Europe/Berlin"))
    project = make_project(config='[project]\nname = "t"\n[data]\ntrain = "t.parquet"\n')
    moments.to_frame("at").to_parquet(project.folder / "t.parquet")
    workbench(project.folder, "data", "schema", "--accept")
    moments.dt.tz_convert("UTC").to_frame("at").to_parquet(project.folder / "utc.parquet")
    moments.dt.tz_localize(None).to_frame("at").to_parquet(project.folder / "naive.parquet")
    assert workbench(project.folder, "validate", "utc.parquet")[0] == 0
    code, out, _ = workbench(project.folder, "validate", "naive.parquet")
    assert code == 1
    assert "times have no zone" in out


def test_json_lines_of_several_types_are_called_mixed(accepted, workbench):
    lines = [{"row": at, "city": "JFK" if at % 2 else "LGA", "wait": 50 + at % 9, "late": 1} for at in range(40)]
    lines[7]["wait"] = "52"
    (accepted.folder / "mixed.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, out, _ = workbench(accepted.folder, "validate", "mixed.jsonl", "--json")
    assert code == 1
    kinds = [one["kind"] for one in json.loads(out)["tables"][0]["findings"] if one["column"] == "wait"]
    assert kinds[0] == "mixed types"


def test_huge_numbers_and_thousands_of_columns_are_no_trouble(make_project, workbench):
    project = make_project(config='[project]\nname = "t"\n[data]\ntrain = "t.parquet"\n')
    names = [f"c{at}" for at in range(800)]
    values = np.full(60, 1e308)
    values[::2] = -1e308
    pq.write_table(pa.table(dict.fromkeys(names, values)), project.folder / "t.parquet")
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    assert workbench(project.folder, "validate")[0] == 0


def test_a_table_of_nothing_gives_a_schema_that_asks_for_nothing(make_project, workbench):
    project = make_project({"t.csv": "a,b\n" + ",\n" * 40}, '[project]\nname = "t"\n[data]\ntrain = "t.csv"\n')
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    assert workbench(project.folder, "validate")[0] == 0


def test_names_and_values_cannot_write_to_the_terminal(make_project, workbench):
    name = "a\x1b[31mb"
    project = make_project(
        {"t.csv": f"{name},c\n" + "1,x\n2,y\n" * 40}, '[project]\nname = "t"\n[data]\ntrain = "t.csv"\n'
    )
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    (project.folder / "bad.csv").write_text(f"{name},c\n" + "1,\x1b]0;owned\x07\n" * 40)
    code, out, err = workbench(project.folder, "validate", "bad.csv")
    assert code == 1
    assert "\x1b" not in out + err


def test_values_of_persons_reach_neither_the_schema_nor_any_finding(make_project, workbench):
    lines = "".join(f"{at},{'ana' if at % 2 else 'bo'}@example.org\n" for at in range(80))
    project = make_project({"t.csv": "row,who\n" + lines}, '[project]\nname = "t"\n[data]\ntrain = "t.csv"\n')
    code, out, err = workbench(project.folder, "data", "schema", "--accept")
    assert code == 0
    assert "example.org" not in out + err + (project.folder / "schema.toml").read_text()
    (project.folder / "fresh.csv").write_text("row,who\n" + lines + "81,not a mail\n81,x@example.com\n")
    code, out, err = workbench(project.folder, "validate", "fresh.csv", "--json")
    found = {one["kind"] for one in json.loads(out)["tables"][0]["findings"]}
    assert found == {"personal data", "duplicate"}
    assert "example." not in out + err


SECRETS = ("4111", "171 1234567", "ana@", "DE89", "purple")


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        ("kind", ["pay 4111 1111 1111 1111 now"]),
        ("kind", ["4111111111111111", "ana@example.org", "DE89370400440532013000"]),
        ("kind", ["+49 171 1234567"]),
        ("size", ["4111111111111111"]),
        ("size", ["ana@example.org", "pay 4111-1111-1111-1111"]),
        ("secret", ["purple", "purples"]),
        ("last_name", ["purple"]),
    ],
)
def test_no_finding_shows_a_value_of_a_person_or_of_a_guarded_column(make_project, workbench, column, bad):
    config = '[project]\nname = "t"\n[data]\ntrain = "t.csv"\n[policy]\npersonal = "error"\n'
    config += 'forbidden_columns = ["secret"]\n'
    good = [
        {"kind": "ab"[at % 2], "size": at % 50, "secret": "cd"[at % 2], "last_name": "ef"[at % 2]} for at in range(300)
    ]
    table = pd.DataFrame(good).astype(str)
    project = make_project({"t.csv": table.to_csv(index=False)}, config)
    workbench(project.folder, "data", "schema", "--accept")
    table.loc[7 : 6 + len(bad), column] = bad
    (project.folder / "fresh.csv").write_text(table.to_csv(index=False))
    for form in ([], ["--json"]):
        code, out, err = workbench(project.folder, "validate", "fresh.csv", *form)
        assert code == 1
        assert column in out
        assert not [secret for secret in SECRETS if secret in (out + err).replace(",", "")]


def test_no_command_shows_or_writes_values_of_guarded_columns(make_project, workbench):
    config = '[project]\nname = "t"\n[data]\ntrain = "t.csv"\n[policy]\nforbidden_columns = ["secret"]\n'
    config += 'allowed_personal = ["contact"]\nquasi_identifiers = ["age", "sex"]\nk = 5\n'
    table = pd.DataFrame(
        {
            "secret": ["purple", "purples"] * 60,
            "contact": ["ana@example.org", "bo@example.org"] * 60,
            "age": [*range(760, 880)],
            "sex": ["f", "m"] * 60,
            "paid": [4111111111111111, 5500000000000004] * 60,
            "size": ["S", "L"] * 60,
        }
    )
    project = make_project({"t.csv": table.to_csv(index=False)}, config)
    proposal = workbench(project.folder, "data", "schema")[1]
    assert "values [f, m]" in proposal, "what accepting it would write"
    said = "".join(workbench(project.folder, "data", "schema", "--accept", *form)[1] for form in ([], ["--json"]))
    text = (project.folder / "schema.toml").read_text()
    assert '["L", "S"]' in text
    assert '["f", "m"]' in text, "of each there are at least k rows"
    workbench(project.folder, "data", "snapshot")
    table.loc[7:9, ["secret", "contact"]] = ["purpler", "ana@example.com"]
    table.loc[7:9, "age"] = 7600
    (project.folder / "t.csv").write_text(table.to_csv(index=False))
    commands = (
        ["validate"],
        ["data", "schema"],
        ["data", "schema", "--history"],
        ["data", "profile"],
        ["data", "diff"],
    )
    for command in commands:
        for form in ([], ["--json"]):
            said += "".join(map(str, workbench(project.folder, *command, *form)[1:]))
    listed = json.loads(workbench(project.folder, "data", "list", "--json")[1])
    profiles = [one["facts"]["profile"]["columns"] for one in listed]
    assert profiles
    said += str(profiles)  # not of hashes and times, which may hold any digits
    said = re.sub(r"\b[0-9a-f]{32,}\b", "", said).replace(",", "")  # a digest may hold any digits
    assert not [one for one in ("purple", "ana@", "bo@", "760", "879", "4111", "5500") if one in said]
    assert not [one for one in ("purple", "@", "760", "879", "4111") if one in text]


def test_values_in_place_of_a_header_are_not_shown(accepted, workbench):
    (accepted.folder / "bare.csv").write_text("4111 1111 1111 1111,ana@example.org\n1,2\n")
    _, out, err = workbench(accepted.folder, "validate", "bare.csv", "--json")
    assert not [secret for secret in SECRETS if secret in out + err]


def test_what_the_configuration_names_and_no_table_has_is_told_with_the_nearest_column(make_project, workbench):
    config = CONFIG.replace('target = "late"\nid = "row"', 'target = "lat"\nid = "id"\nslices = ["cty", "city"]')
    config += '[policy]\nretention_days = 9\nquasi_identifiers = ["ctiy"]\nallowed_personal = ["nobody", "w*"]\n'
    config += 'forbidden_columns = ["ssn", "cit"]\n'
    project = make_project({"data/train.csv": rows(300)}, config)
    code, out, _ = workbench(project.folder, "validate", "--json")
    assert code == 0
    document = json.loads(out)
    found = [*document["tables"][0]["findings"], *document["findings"]]
    told = {
        (one["severity"], one["words"].split("'")[1] if "'" in one["words"] else "", one["expected"]) for one in found
    }
    assert {one["kind"] for one in found} == {"configuration"}
    assert told == {
        ("warning", "lat", "did you mean 'late'?"),
        ("warning", "id", ""),
        ("warning", "cty", "did you mean 'city'?"),
        ("warning", "ctiy", "did you mean 'city'?"),
        ("warning", "", '[data] time = "…"'),
        ("note", "nobody", ""),
        ("note", "cit", "did you mean 'city'?"),
    }
    (project.folder / "workbench.toml").write_text(CONFIG)
    assert json.loads(workbench(project.folder, "validate", "--json")[1])["tables"][0]["findings"] == []


def test_of_data_that_lie_elsewhere_the_newest_version_in_the_store_is_read(make_project, workbench, tmp_path):
    elsewhere = tmp_path / "train.csv"
    elsewhere.write_text(rows(300))
    project = make_project({}, CONFIG.replace("data/train.csv", f"file://{elsewhere}"))
    for command in (["data", "schema"], ["validate"]):
        _, out, err = workbench(project.folder, *command)
        assert "workbench data snapshot" in out + err
    assert workbench(project.folder, "data", "snapshot")[0] == 0
    code, out, _ = workbench(project.folder, "data", "schema", "--accept")
    assert (code, "+ city: type text  values [EWR, JFK, LGA]" in out) == (0, True)
    assert workbench(project.folder, "validate")[0] == 0
    elsewhere.write_text(rows(300).replace("JFK", "JFX"))
    assert workbench(project.folder, "validate")[0] == 0
    assert workbench(project.folder, "data", "snapshot")[0] == 0
    code, out, _ = workbench(project.folder, "validate", "--json")
    (table,) = json.loads(out)["tables"]
    assert (code, table["path"], table["findings"][0]["examples"]) == (1, f"file://{elsewhere}", ["JFX"])


def test_a_file_or_folder_from_a_forbidden_source_is_an_error(make_project, workbench):
    config = CONFIG + '[policy]\nforbidden_sources = ["data/hr/*"]\n'
    project = make_project({"data/train.csv": rows(300), "data/hr/t.csv": rows(300)}, config)
    for path in ("data/hr/t.csv", "./data/../data/hr/t.csv", "data/hr", str(project.folder / "data/hr/t.csv")):
        code, out, _ = workbench(project.folder, "validate", path, "--json")
        assert code == 1
        assert "forbidden source" in {one["kind"] for one in json.loads(out)["findings"]}
    assert workbench(project.folder, "validate", "data/train.csv")[0] == 0


def odd_types(n=60):
    """A table of all that Parquet can hold."""
    return pa.table(
        {
            "decimal": pa.array([Decimal("1.50"), Decimal("2.25")] * (n // 2), pa.decimal128(6, 2)),
            "unsigned": pa.array([2**63 + at for at in range(n)], pa.uint64()),
            "bytes": pa.array([bytes([255, at]) for at in range(n)]),
            "list": pa.array([[at, at + 1] for at in range(n)]),
            "struct": pa.array([{"a": at} for at in range(n)]),
            "clock": pa.array(range(n), pa.time32("s")),
            "duration": pa.array(range(n), pa.duration("s")),
            "nano": pa.array([10**18 + at for at in range(n)], pa.timestamp("ns")),
            "date64": pa.array([86_400_000 * at for at in range(n)], pa.date64()),
            "codes": pa.array([1, 2] * (n // 2)).dictionary_encode(),
            "nothing": pa.nulls(n),
            "half": pa.array(np.arange(n).astype("float16")),
            "truth": pa.array([True, False, None] * (n // 3)),
            "": pa.array(range(n)),
            'a.b c\n"': pa.array(range(n)),
            "far": pa.array([datetime(9999, 1, 1), datetime(1, 1, 1)] * (n // 2), pa.timestamp("us")),
        }
    )


def test_all_that_parquet_can_hold_is_checked(make_project, workbench):
    project = make_project(config='[project]\nname = "t"\n[data]\ntrain = "t.parquet"\n')
    table = odd_types()
    pq.write_table(table, project.folder / "t.parquet")
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    code, out, _ = workbench(project.folder, "validate")
    assert code == 0, out
    others = {
        "text": pa.array([str(at) for at in range(60)]),
        "number": pa.array([at * 1.5 for at in range(60)]),
        "date": pa.array([date(2020, 1, 1)] * 60),
        "nothing": pa.nulls(60),
    }
    for kind, array in others.items():
        pq.write_table(pa.table(dict.fromkeys(table.column_names, array)), project.folder / "other.parquet")
        code, out, err = workbench(project.folder, "validate", "other.parquet", "--json")
        assert code == 1, kind
        assert "unforeseen" not in err
        found = [one["kind"] for one in json.loads(out)["tables"][0]["findings"]]
        assert "unreadable" not in found, kind
        assert ("empty" if kind == "nothing" else "wrong type") in found


def test_on_a_narrow_terminal_a_finding_loses_nothing(accepted, workbench, monkeypatch):
    (accepted.folder / "bad.csv").write_text(rows(200, 1000).replace("JFK", "a place of a very long name"))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    code, out, _ = workbench(accepted.folder, "validate", "bad.csv")
    assert code == 1
    assert max(map(len, out.splitlines())) <= 60
    words = " ".join(out.split())
    assert "city: out of domain" in words
    assert "such as a place of a very long name" in words
    assert "first rows" in words


def test_all_that_is_named_is_looked_at_but_the_final_test(make_project, workbench, tmp_path):
    (tmp_path / "outside.csv").write_text("row,who\n1,a@example.org\n")
    named = ("../outside.csv", "/nowhere/*.csv", "./data/*.csv")
    sources = "".join(f'[[charter.data]]\nname = "x"\nwhere = "{where}"\n' for where in named)
    config = CONFIG.replace("[data]", f'{sources}[data]\nfinal_test = "data/final.csv"')
    files = {"data/train.csv": rows(60), "data/final.csv": "no table", "data/extra.csv": "row\n1\n"}
    project = make_project(files, config + '[policy]\npersonal = "error"\n')
    code, out, _ = workbench(project.folder, "validate", "--json")
    tables = {one["path"]: one for one in json.loads(out)["tables"]}
    assert code == 1
    assert set(tables) == {"data/train.csv", str(tmp_path / "outside.csv"), "data/extra.csv"}
    assert [one["kind"] for one in tables[str(tmp_path / "outside.csv")]["findings"]] == ["personal data"]


def test_a_file_elsewhere_is_told_by_the_name_that_it_was_given(accepted, workbench):
    code, _, err = workbench(accepted.folder, "validate", "https://x.org/y.csv")
    assert (code, "https://x.org/y.csv lies elsewhere" in err) == (2, True), err


def test_no_value_that_looks_personal_enters_a_schema_whatever_the_policy_says(make_project, workbench):
    lines = [f"{at},{'ana@example.com' if at % 2 else 'bob@example.com'},{'x' if at % 3 else 'y'}" for at in range(300)]
    lines += ["300,ana@example.com,+49 30 1234567"]
    config = CONFIG + '[policy]\npersonal = "off"\n'
    project = make_project({"data/train.csv": "row,handler,kind\n" + "\n".join(lines) + "\n"}, config)
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    text = (project.folder / "schema.toml").read_text()
    assert "[columns.handler]" in text
    assert "@example" not in text
    assert "1234567" not in text
    assert workbench(project.folder, "validate")[0] == 0


def test_a_folder_without_tables_says_so_and_how_many_files_it_has(accepted, workbench):
    folder = accepted.folder / "many"
    for at in range(40):
        (folder / f"{at % 4}").mkdir(parents=True, exist_ok=True)
        (folder / f"{at % 4}/{at}.png").write_bytes(b"\x89PNG")
    (folder / "README.txt").write_text("nothing to read\n")
    for command in (["validate", "many"], ["drift", "--current", "many"]):
        code, _, err = workbench(accepted.folder, *command)
        assert (code, "many: its 41 files are no tables: none is named .csv, .parquet, .jsonl" in err) == (2, True), err
    # Parts may have no end, or a number for one, where nothing else lies beside them.
    (accepted.folder / "bare").mkdir()
    (accepted.folder / "bare/part-00000").write_text(rows(300))
    assert workbench(accepted.folder, "validate", "bare")[0] == 0
    (folder / "1/part.csv").write_text(rows(300))
    assert workbench(accepted.folder, "validate", "many")[0] == 0, "what is no table lies beside it"


def test_a_folder_of_more_than_a_table_has_is_not_walked_to_its_end_nor_left_by_links(accepted, workbench, monkeypatch):
    parts = accepted.folder / "parts"
    parts.mkdir()
    (parts / "0.csv").write_text(rows(300))
    (parts / "out").symlink_to("/")
    (parts / "again").symlink_to(parts)
    (parts / "gone.csv").symlink_to("nowhere.csv")
    assert workbench(accepted.folder, "validate", "parts")[0] == 0
    monkeypatch.setattr(data_parts, "MOST_ENTRIES", 3)
    code, _, err = workbench(accepted.folder, "validate", "parts")
    assert (code, "parts: more than 3 files and folders lie in it, too many for one table" in err) == (2, True), err


def test_a_key_and_unique_columns_are_proposed_across_the_parts_of_a_folder(make_project, workbench):
    def part(begin, n=1200):
        lines = [f"{at},{at * 7},{'EWR' if at % 3 else 'JFK'},{at % 40}" for at in range(begin, begin + n)]
        return "row,ticket_id,city,seat\n" + "\n".join(lines) + "\n"

    config = CONFIG.replace("data/train.csv", "data")
    project = make_project({"data/a.csv": part(0), "data/b.csv": part(1200), "data/c.csv": part(2400)}, config)
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    schema = data_schema.load(project)
    assert schema.key == ("row",)
    assert [one.name for one in schema.columns if one.unique] == ["row", "ticket_id"]
    assert workbench(project.folder, "validate")[0] == 0
    # A row that another part has is found, and no schema is proposed that says otherwise.
    (project.folder / "data/c.csv").write_text(part(2399))
    code, out, _ = workbench(project.folder, "validate", "--json")
    found = [one["kind"] for one in json.loads(out)["tables"][0]["findings"]]
    assert (code, sorted(found)) == (1, ["configuration", "duplicate", "duplicate key"])
    (project.folder / "schema.toml").unlink()
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    schema = data_schema.load(project)
    assert (schema.key, [one.name for one in schema.columns if one.unique]) == ((), [])


@pytest.mark.parametrize("case", ["no store", "a store", "a store that can be written"])
def test_in_a_folder_that_cannot_be_written_one_sentence_says_so_and_nothing_is_left(make_project, workbench, case):
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere")
    project = make_project({"data/train.csv": rows(300), "data/new.csv": rows(300, 300)}, CONFIG)
    if case != "no store":
        project.open_store().close()
    locked = [project.folder, *(one for one in project.folder.rglob("*") if one.is_dir())]
    locked = [one for one in locked if case != "a store that can be written" or one != project.inner]
    files = [one for one in project.inner.iterdir() if case == "a store"] if project.inner.exists() else []
    for one in (*locked, *files):
        one.chmod(one.stat().st_mode & ~0o222)
    before = sorted(project.folder.iterdir())
    # Root without its powers is a user like others, who may run the interpreter of root.
    plain = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    try:
        for command in (["data", "schema", "--accept"], ["validate"], ["drift", "--current", "data/new.csv"]):
            words = [*plain, sys.executable, "-m", "workbench", "-C", str(project.folder), *command]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if case == "a store that can be written" and command[0] != "data":
                assert done.returncode == 0, done.stderr
                continue
            last = done.stderr.splitlines()[-2:]
            assert (done.returncode, [one.partition(":")[0] for one in last]) == (3, ["error", "hint"]), done.stderr
            assert "cannot be made" in last[0] or "cannot be written" in last[0]
        assert sorted(project.folder.iterdir()) == before
    finally:
        for one in (*locked, *files):
            one.chmod(one.stat().st_mode | 0o200)
    assert data_schema.history(project) == []


@pytest.mark.parametrize("begin", ["+4179", "004179", "079"])
def test_phone_numbers_that_read_as_numbers_are_found_and_stay_out_of_the_schema(make_project, workbench, begin):
    numbers = [f"{begin}{5000000 + 7919 * at % 4000000}" for at in range(60)]
    lines = "".join(f"{at},{at % 7 * 10**8},{one}\n" for at, one in enumerate(numbers))
    project = make_project({"data/train.csv": "row,count,reached\n" + lines}, CONFIG)
    assert workbench(project.folder, "data", "schema", "--accept")[0] == 0
    text = (project.folder / "schema.toml").read_text()
    assert begin.strip("+0") not in text
    assert "600000000" in text
    _, out, _ = workbench(project.folder, "validate", "data/train.csv")
    assert "values look like phone numbers" in out


def test_of_data_that_must_not_be_copied_no_guarded_value_is_stored_with_their_profile(make_project, workbench):
    config = CONFIG + '[[charter.data]]\nname = "t"\nwhere = "data/*.csv"\ncopy = "never"\n'
    config += '[policy]\nforbidden_columns = ["secret"]\n'
    lines = "".join(f"{at},{'purple' if at % 2 else 'violet'},ana@example.org,{at % 3}\n" for at in range(60))
    project = make_project({"data/train.csv": "row,secret,to,x\n" + lines}, config)
    for command in (["snapshot"], ["profile"], ["diff"]):
        workbench(project.folder, "data", *command)
    with sqlite3.connect(project.store_path) as connection:
        (facts,) = connection.execute("SELECT facts FROM data_versions").fetchone()
    assert '"secret"' in facts
    assert not [one for one in ("purple", "violet", "ana@") if one in facts]


def test_an_example_with_a_blank_at_its_edge_is_shown_in_quotes(accepted, workbench):
    (accepted.folder / "fresh.csv").write_text(rows(300).replace("EWR", " EWR"))
    assert '" EWR"' in workbench(accepted.folder, "validate", "fresh.csv")[1]
