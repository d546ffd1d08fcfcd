"""Files read as tables: formats, types that hold for the whole file, and refusals that name the place."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.data import csv_tables, packed, rows, tables
from workbench.data.measure import Measure
from workbench.data.tables import TableError


def read(path):
    table = tables.open_table(path)
    return tables.scan(table, lambda: Measure(table.kinds(), format=table.format)).freeze()


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def seen(found):
    return {one.name: (one.type, one.kind, one.missing) for one in found.columns}


def zipped(files):
    """An archive of files by name."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


TEXT = "a,b,c,d\n1,x,2013-01-02,true\n2,,2013-01-03,false\n,z,,\n"
SEEN = {
    "a": ("int64", "number", 1),
    "b": ("text", "text", 1),
    "c": ("date", "time", 1),
    "d": ("bool", "boolean", 1),
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", TEXT.encode()),
        ("t.tsv", TEXT.replace(",", "\t").encode()),
        ("semicolons.csv", TEXT.replace(",", ";").encode()),
        ("bom.csv", b"\xef\xbb\xbf" + TEXT.encode()),
        ("t.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("t.csv.bz2", bz2.compress(TEXT.encode())),
        ("t.csv.xz", lzma.compress(TEXT.encode())),
        ("t.tsv.xz", lzma.compress(TEXT.replace(",", "\t").encode())),
        ("t.csv.zip", zipped({"inside.csv": TEXT, "__MACOSX/._inside.csv": "x"})),
        ("t.zip", zipped({"data/inside.tsv": TEXT.replace(",", "\t")})),
        ("mac.csv", TEXT.replace("\n", "\r").encode()),
        ("mixed.csv", TEXT.replace("\n", "\r\n", 2).encode()),
        ("crlf.csv", TEXT.replace("\n", "\r\n").encode()),
    ],
)
def test_the_same_table_is_read_in_any_dress(file, name, content):
    found = read(file(name, content))
    assert found.rows == 3
    assert seen(found) == SEEN


def test_parquet_is_read_with_categories_small_types_and_nested_values(tmp_path):
    frame = pd.DataFrame({"k": pd.Categorical(["u", "v", None]), "f": np.float32([1.5, np.nan, 2]), "n": [1, 2, 3]})
    table = pa.Table.from_pandas(frame).append_column("l", pa.array([[1], [2, 3], None]))
    pq.write_table(table, tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet")
    assert seen(found)["k"] == ("category of text", "text", 1)
    assert seen(found)["f"][0] == "float32"
    assert dict(found.column("l").values) == {"[1]": 1, "[2, 3]": 1}


def test_json_lines_keep_a_number_and_a_text_apart_in_the_type(file):
    lines = [{"a": 1, "b": 1}, {"a": 2.5, "b": "1"}, {"a": None, "c": {"d": 1}}]
    found = read(file("t.jsonl", "\n".join(map(json.dumps, lines))))
    assert seen(found) == {
        "a": ("float64", "number", 1), "b": ("int or text", "text", 1), "c": ("text", "text", 2)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "type_"),
    [("1", "1.5", "float64"), ("1", "x", "text"), ("", "2013-01-01", "date"),
     ("2013-01-01", "2013-01-01 10:00", "time"),
     ("true", "maybe", "text"), ("1.5", "nan", "float64")],
)  # fmt: skip
def test_the_type_of_a_column_follows_from_the_whole_file(file, monkeypatch, first, last, type_):
    monkeypatch.setattr(csv_tables, "BLOCK", 4096)
    found = read(file("t.csv", "a,b\n" + f"{first},1\n" * 5000 + f"{last},1\n"))
    assert found.column("a").type == type_
    assert found.rows == 5001


BAD = {
    "empty.csv": (b"", "empty.csv: the file is empty"),
    "header.csv": (b"a,b\n", "header.csv, line 2: has a header of 2 columns and no rows"),
    "ragged.csv": (b"a,b\n1,2\n\n3\n", "ragged.csv, line 4: has 1 cell, the header has 2"),
    "long.csv": (b"a,b\n1,2,3\n", "long.csv, line 2: has 3 cells, the header has 2"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "twice.csv, line 1: columns 1 and 3 are both named 'a'"),
    "blank.csv": (b"\n\n", "blank.csv, line 1: has no header"),
    "utf16.csv": ("a,b\n1,2\n".encode("utf-16"), "utf16.csv, line 1: is UTF-16LE, not UTF-8"),
    "latin.csv": ("a,b\n1,x\n2,ä\n".encode("latin-1"), "latin.csv, line 3: column 'b' is not UTF-8"),
    "cut.csv.gz": (gzip.compress(b"a,b\n" + b"1,2\n" * 9999, mtime=0)[:60], "the gzip stream is cut off or damaged"),
    "cut.csv.xz": (lzma.compress(b"a,b\n" + b"1,2\n" * 9999)[:60], "cut.csv.xz: the xz stream is cut off or damaged"),
    "cut.zip": (zipped({"a.csv": TEXT})[:60], "cut.zip: is a zip archive or a workbook, cut off or damaged"),
    "two.zip": (zipped({"a.csv": TEXT, "b.csv": TEXT}), "two.zip: is a zip archive or a workbook"),
    "twice.csv.gz": (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "twice.csv.gz: holds a packed file"),
    "last.csv": (b'a,b\n1,x\n2,"y\n3,z\n4,w\n', "last.csv, line 3: a quote is opened that is never closed"),
    "first.csv": (b'a,b\n1,x\n"2,y\n3,z\n4,w\n', "first.csv, line 3: a quote is opened that is never closed"),
    "later.csv": (b'a,b\n1,"x\ny"\n3,"y\n3,z\n4,w', "later.csv, line 4: a quote is opened that is never closed"),
    "closed.csv": (b'a,b\n1,x\n"2,y\n3,z\n4,"w"\n5,t\n', "closed.csv, line 3: has 1 cell up to line 5"),
    "cut.parquet": (b"PAR1 and then nothing", "cut.parquet: is no Parquet file, or was cut off"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\x00\x00", "picture.png, line 3: is not a table"),
    "bad.jsonl": (b'{"a": 1}\n{"a": 2,}\n', "bad.jsonl, line 2: column 9"),
    "list.jsonl": (b'{"a": 1}\n[2]\n', "list.jsonl, line 2: is no JSON object"),
    "none.jsonl": (b"\n\n", "none.jsonl: holds no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_table_is_refused_by_file_and_place(file, name):
    content, words = BAD[name]
    with pytest.raises(TableError) as caught:
        read(file(name, content))
    assert words in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_parquet_file_cut_in_half_is_refused(tmp_path):
    path = tmp_path / "half.parquet"
    pq.write_table(pa.table({"a": np.arange(10_000)}), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TableError, match="cut off"):
        read(path)


def test_names_with_control_characters_are_cleaned_in_messages(file):
    with pytest.raises(TableError) as caught:
        read(file("a\x1b[2J.csv", b"x\x1b]0;t\x07,x\x1b]0;t\x07\n1,2\n"))
    assert "\x1b" not in caught.value.message


def test_many_columns_are_read(file):
    names = [f"c{at}" for at in range(3000)]
    found = read(file("wide.csv", ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n"))
    assert len(found.columns) == 3000


def test_quotes_and_line_breaks_within_cells_are_no_open_quotes(file):
    found = read(file("t.csv", 'a,b\n1,5" pipe\n2,"two\nlines"\n'))
    assert found.rows == 2
    assert dict(found.column("b").values) == {'5" pipe': 1, "two\nlines": 1}


@pytest.mark.parametrize(
    ("name", "before", "line"), [("t.csv", b"a,b\n1,x\n", 3), ("t.csv", b"", 1), ("t.jsonl", b'{"a": 1}\n', 2)]
)
def test_a_line_without_end_is_refused_by_its_number_without_being_read(file, monkeypatch, name, before, line):
    for module in (packed, csv_tables):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(csv_tables, "BLOCK", 1 << 16)
    path = file(name, before + b"x" * (3 << 20) + b"\n2,z\n")
    with pytest.raises(TableError, match=f"{name}, line {line}: the line is longer than 1 MB"):
        read(path)


def test_a_quote_that_swallows_too_much_is_named_where_it_opens(file, monkeypatch):
    for module in (packed, csv_tables):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)
    with pytest.raises(TableError, match=r"t.csv, line 3: a quote is opened that is not closed within 1 MB"):
        read(file("t.csv", b'a,b\n1,x\n2,"y\n' + b"3,zzzzzz\n" * 400_000))


def test_a_row_longer_than_a_block_is_read(file, monkeypatch):
    monkeypatch.setattr(csv_tables, "BLOCK", 4096)
    assert read(file("t.csv", "a,b\n" + "1,x\n" * 9000 + "2," + "y" * 50_000 + "\n3,z\n")).rows == 9002


# --- rows


def prints(path, names, key=()):
    table = tables.open_table(path)
    return tables.scan(table, lambda: rows.Fingerprints(names, key), names).freeze()


def changes(file, old, new, names=("k", "v"), key=("k",)):
    sides = [prints(file(name, text), names, key) for name, text in (("old.csv", old), ("new.csv", new))]
    found = rows.count_changes(*sides, key)
    return found.added, found.removed, found.changed, found.unchanged


def test_rows_are_matched_by_key_whatever_their_order(file):
    assert changes(file, "k,v\n1,a\n2,b\n3,c\n", "k,v\n4,d\n3,x\n1,a\n") == (1, 1, 1, 1)


def test_without_a_key_rows_are_a_bag(file):
    assert changes(file, "k,v\n1,a\n1,a\n2,b\n", "k,v\n1,a\n2,b\n2,b\n3,c\n", key=()) == (2, 1, 0, 2)


def test_a_key_that_repeats_counts_each_row(file):
    assert changes(file, "k,v\n1,a\n1,b\n", "k,v\n1,b\n1,c\n1,d\n") == (1, 0, 1, 1)


def test_column_order_and_the_type_of_a_number_change_no_row(file):
    assert changes(file, "k,v\n1,2\n2,3\n", "v,k\n2.0,1\n3.0,2\n") == (0, 0, 0, 2)


def test_a_text_is_not_the_number_that_it_spells(file):
    assert changes(file, "k,v\n1,2\n2,3\n", "k,v\n1,2\n2,x\n") == (0, 0, 2, 0)


def test_missing_is_equal_to_missing_and_to_nothing_else(file):
    assert changes(file, "k,v\n1,\n2,\n", "k,v\n1,\n2,0\n") == (0, 0, 1, 1)


def test_counts_are_those_of_pandas_on_many_rows(file):
    rng = np.random.default_rng(7)
    old = pd.DataFrame({"k": np.arange(20_000), "v": rng.normal(size=20_000).round(3)})
    new = old.sample(frac=0.9, random_state=1).copy()
    changed = new.index[rng.random(len(new)) < 0.1]
    new.loc[changed, "v"] += 1
    new = pd.concat([new, pd.DataFrame({"k": np.arange(90_000, 90_050), "v": 0.0})])
    found = changes(file, old.to_csv(index=False), new.to_csv(index=False))
    assert found == (50, 2000, len(changed), 18_000 - len(changed))


@pytest.mark.parametrize("pack", [None, gzip])
def test_a_reading_tells_how_far_it_is(tmp_path, pack, monkeypatch):
    monkeypatch.setattr(csv_tables, "BLOCK", 1 << 16)
    content = b"a,b\n" + b"12345678,abcdefgh\n" * 20_000
    path = tmp_path / ("big.csv.gz" if pack else "big.csv")
    path.write_bytes(pack.compress(content, 0) if pack else content)
    told = []
    table = tables.open_table(path, "big.csv")
    tables.scan(table, lambda: Measure(table.kinds(), format=table.format), progress=lambda *now: told.append(now))
    size = path.stat().st_size
    assert len(told) > 4 and told[-1] == (size, size) and told == sorted(told)
    if pack is None:
        assert told[0][0] <= 1 << 16, "not what was read ahead"
