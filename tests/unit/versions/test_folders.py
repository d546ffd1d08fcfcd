"""Folders of many files: one list however it is made; what is known of a folder is small and not always believed."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import tracemalloc
from pathlib import Path

import pytest

from workbench.versions import data, folders, index, manifest
from workbench.versions.index import Index
from workbench.versions.objects import Objects
from workbench.versions.packs import PackWriter, entries_of

ODD = [
    b"a",
    b"a-",
    b"a0",
    b"b/a",
    b"b/a-",
    b"b-/a",
    b"b0/a",
    b"b/a0/x",
    b"\xff\xfe",
    b"new\nline",
    b"-rf",
    b"..x",
    b" ",
    b"b.c/d",
]
MOMENTS = itertools.count(1_700_000_000_000_000_001, 1_000)


def place(folder: Path, name: bytes, content: bytes) -> None:
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.utime(path, ns=(next(MOMENTS), next(MOMENTS)))  # the clock of files may stand still for milliseconds


def encoded(folder: Path) -> bytes:
    """Return the list of a folder as the slow way has it."""
    from blake3 import blake3

    rows = []
    for here, _, names in os.walk(os.fsencode(folder)):
        for name in names:
            path = os.path.join(here, name)
            with open(path, "rb") as file:
                content = file.read()
            relative = os.path.relpath(path, os.fsencode(folder))
            rows.append((relative, blake3(content).hexdigest(), len(content), False))
    return manifest.encode(rows)


def test_the_list_is_sorted_as_the_paths_are(tmp_path):
    for name in ODD:
        place(tmp_path / "f", name, name)
    objects = Objects(tmp_path / "objects")
    (taken,) = data.take(tmp_path, objects, ["f"])
    assert objects.content(taken.hash) == encoded(tmp_path / "f")
    assert [name for name, _ in folders.walk(str(tmp_path / "f"), [])] == sorted(ODD)
    data.restore(objects, "folder", taken.hash, tmp_path / "back")
    assert encoded(tmp_path / "back") == encoded(tmp_path / "f")


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_known_of_a_folder_changes_nothing_but_the_time(tmp_path, keep, monkeypatch):
    monkeypatch.setattr(data, "_SETTLED_NS", -1)  # what was just written is believed to be as it is known
    chance, folder = random.Random(7), tmp_path / "f"
    for name in ODD:
        place(folder, name, name)
    for step in range(40):
        names = [os.path.relpath(os.path.join(here, one), os.fsencode(folder))
                 for here, _, found in os.walk(os.fsencode(folder)) for one in found]  # fmt: skip
        what = chance.randrange(4)
        if what == 0 and len(names) > 3:
            os.unlink(os.path.join(os.fsencode(folder), chance.choice(names)))
        elif what == 1 and names:
            place(folder, chance.choice(names), b"step %d" % step * chance.randrange(1, 5))
        elif what == 2:
            place(
                folder,
                b"%c/%c" % (chance.randrange(97, 100), chance.randrange(45, 60)) if step % 2 else b"new%d" % step,
                b"",
            )
        (taken,) = data.take(tmp_path, Objects(tmp_path / "objects"), ["f"], keep=keep, cache=tmp_path / "cache")
        (afresh,) = data.take(tmp_path, Objects(tmp_path / "objects"), ["f"], keep=keep)
        assert taken == afresh
        assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_damaged_or_a_foreign_cache_is_not_believed(tmp_path):
    place(tmp_path / "f", b"a", b"1")
    objects, cache = Objects(tmp_path / "objects"), tmp_path / "cache"
    (taken,) = data.take(tmp_path, objects, ["f"], cache=cache)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for nonsense in (
        b"",
        b"\n",
        b"{}\n",
        b"[]\nrows",
        whole[:-1],
        whole.replace(b'"f"', b'"g"'),
        whole[:-3] + b"\xff" + whole[-2:],
    ):
        file.write_bytes(nonsense)
        assert folders.read(file, "f") is None
        assert data.take(tmp_path, objects, ["f"], cache=cache) == [taken]
    file.write_bytes(whole)
    assert folders.read(file, "f") is not None


def test_an_unchanged_folder_takes_little_memory_for_each_file(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_SETTLED_NS", -1)
    monkeypatch.setattr(index, "LARGE", 1000)
    count = 4000
    for number in range(count):
        place(tmp_path / "f", b"%02d/%05d.txt" % (number % 40, number), b"%d" % number)
    data.take(tmp_path, Objects(tmp_path / "objects"), ["f"], cache=tmp_path / "cache")
    objects = Objects(tmp_path / "objects")
    tracemalloc.start()
    try:
        (taken,) = data.take(tmp_path, objects, ["f"], cache=tmp_path / "cache")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken.files == count
    assert peak < 500 * count, f"{peak / count:.0f} bytes a file"


def test_a_pack_of_very_many_contents_is_searched(tmp_path, monkeypatch):
    chance = random.Random(3)
    keys = [chance.randbytes(32) for _ in range(3000)]
    keys += [b"\0" * 31 + bytes([last]) for last in range(200)] + [b"\xff" * 31 + bytes([last]) for last in range(50)]
    writer = PackWriter(tmp_path)
    for number, key in enumerate(keys):
        writer.add(key, b"x", number, 0)
    name = writer.commit()
    assert [entry.key for entry in entries_of(writer.index)] == sorted(keys)
    monkeypatch.setattr(index, "LARGE", 100)
    searched = Index()
    searched.add(name, writer.index)
    for number, key in enumerate(keys):
        found = searched.get(key)
        assert found is not None and (found.pack, found.entry.size) == (name, number) and key in searched
    for absent in (b"\0" * 30 + b"\1\0", b"\xff" * 32, b"\x80" * 32, *(chance.randbytes(32) for _ in range(300))):
        assert searched.get(absent) is None and absent not in searched
    searched.drop({name})
    assert searched.get(keys[0]) is None


def test_a_folder_whose_files_come_and_go_while_it_is_read_is_no_error(tmp_path):
    place(tmp_path / "f", b"a/b", b"1")
    problems: list[str] = []
    found = folders.walk(str(tmp_path / "f"), problems)
    shutil.rmtree(tmp_path / "f" / "a")
    assert list(found) == [] and all("missing" in problem for problem in problems)
