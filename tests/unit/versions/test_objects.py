"""The object store: every content once, complete or not at all, shared between versions, verified when read."""

import io
import os
import random
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.versions import chunks, packs, sweep
from workbench.versions.objects import SMALL, WHOLE, Damaged, Missing, Objects, Unreadable, Unsteady


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def table(rows: int, seed: int = 1) -> bytes:
    chance = random.Random(seed)
    return b"".join(b"%d,%s,%.3f\n" % (row, chance.choice((b"JFK", b"LGA")), chance.random()) for row in range(rows))


def disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def again(objects: Objects) -> Objects:
    """Return the store as another process sees it."""
    return Objects(objects.folder)


SIZES = [0, 1, 4095, SMALL, SMALL + 1, 300_000, WHOLE, WHOLE + 1, 3_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_byte_for_byte_under_its_blake3(objects, tmp_path, size):
    content = noise(size)
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    stored = objects.put_file(path)
    assert (stored.hash, stored.size) == (blake3(content).hexdigest(), size)
    assert objects.has(stored.hash)
    other = again(objects)
    assert other.has(stored.hash)
    assert other.content(stored.hash) == content
    other.write_to(stored.hash, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert list(sweep.leftovers(other)) == []


@pytest.mark.parametrize("size", [0, 10, 100_000, 2_000_000])
def test_bytes_are_kept_once(objects, size):
    content = noise(size)
    hash = objects.put_bytes(content)
    before = disk(objects.folder)
    assert again(objects).put_bytes(content) == hash
    assert disk(objects.folder) == before
    assert again(objects).content(hash) == content


def test_a_restored_file_is_no_hard_link(objects, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(noise(WHOLE + 1))
    stored = objects.put_file(path)
    objects.write_to(stored.hash, tmp_path / "back")
    with (tmp_path / "back").open("r+b") as file:
        file.write(b"edited in place")
    with path.open("r+b") as file:
        file.write(b"edited in place")
    assert blake3(again(objects).content(stored.hash)).hexdigest() == stored.hash


def test_versions_of_a_large_file_share_their_chunks(objects, tmp_path):
    path, content = tmp_path / "grows.csv", table(120_000)
    path.write_bytes(content)
    first = objects.put_file(path)
    changed = content[:1_000_000] + b"a row in the middle\n" + content[1_000_000:] + table(100, 9)
    path.write_bytes(changed)
    second = objects.put_file(path, previous=first.hash)
    assert not list(objects.whole_folder.glob("??/*"))
    size = disk(objects.folder)
    path.write_bytes(changed + table(100, 5))
    third = again(objects).put_file(path, previous=second.hash)
    assert disk(objects.folder) - size < 150_000
    store = again(objects)
    assert store.content(first.hash) == content
    assert store.content(second.hash) == changed
    assert store.content(third.hash) == changed + table(100, 5)


def test_contents_that_do_not_shrink_are_stored_as_they_are(objects, tmp_path):
    for name, content in (("a.bin", noise(10_000)), ("a.txt", b"the same words " * 700)):
        (tmp_path / name).write_bytes(content)
    with objects.batch():
        objects.put_file(tmp_path / "a.bin")
        objects.put_file(tmp_path / "a.txt")
    (name,) = packs.names(objects.packs_folder)
    forms = sorted((entry.form, entry.stored) for entry in packs.read_index(objects.packs_folder / name))
    assert forms[0] == (packs.RAW, 10_000)
    assert forms[1][0] == packs.ZSTD
    assert forms[1][1] < 1000


def test_a_batch_is_one_file_and_one_that_fails_is_none(objects):
    with objects.batch():
        hashes = [objects.put_bytes(b"content %d" % number) for number in range(100)]
        assert objects.content(hashes[3]) == b"content 3"
    assert len(packs.names(objects.packs_folder)) == 1
    with pytest.raises(KeyboardInterrupt), objects.batch():
        lost = objects.put_bytes(b"lost")
        raise KeyboardInterrupt
    assert not objects.has(lost)
    assert len(list(objects.packs_folder.iterdir())) == 1


def test_what_is_not_there_is_missing(objects):
    for hash in ("0" * 64, "", "zz", "../" * 20 + "etc/passwd", "A" * 64):
        assert not objects.has(hash)
        with pytest.raises(Missing):
            objects.content(hash)
    assert not objects.folder.exists()


@pytest.mark.parametrize("size", [100, 300_000, WHOLE + 1])
def test_a_changed_byte_is_noticed_and_the_target_left_alone(objects, tmp_path, size):
    path = tmp_path / "file.bin"
    path.write_bytes(noise(size))
    hash = objects.put_file(path).hash
    (held,) = (objects.folder / name for name in objects.files_of([hash]))
    held.chmod(0o644)
    with held.open("r+b") as file:
        file.seek(50)
        byte = file.read(1)
        file.seek(50)
        file.write(bytes([byte[0] ^ 1]))
    target = tmp_path / "target"
    target.write_text("as it was")
    with pytest.raises(Damaged) as caught:
        again(objects).write_to(hash, target)
    assert caught.value.hash
    assert target.read_text() == "as it was"
    assert len(dict(sweep.damaged(again(objects)))) == 1
    assert sorted(tmp_path.iterdir()) == sorted([path, target, objects.folder])


def test_a_pack_cut_short_is_no_pack(objects):
    hash = objects.put_bytes(b"content")
    (name,) = packs.names(objects.packs_folder)
    pack = objects.packs_folder / name
    pack.write_bytes(pack.read_bytes()[:-10])
    with pytest.raises(Missing):
        again(objects).content(hash)
    assert [named for named, _ in sweep.damaged(again(objects))] == [name]


def test_files_of_name_all_that_another_store_needs(objects, tmp_path):
    path, content = tmp_path / "file.csv", table(100_000)
    path.write_bytes(content)
    first = objects.put_file(path)
    path.write_bytes(content + b"more\n")
    second = objects.put_file(path, previous=first.hash)
    small = objects.put_bytes(b"small")
    other = Objects(tmp_path / "other")
    for name in objects.files_of([first.hash, second.hash, small]):
        place = other.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((objects.folder / name).read_bytes())
    assert other.content(first.hash) == content
    assert other.content(second.hash) == content + b"more\n"
    assert other.content(small) == b"small"
    with pytest.raises(Missing):
        objects.files_of(["0" * 64])


def test_no_file_is_refused_and_so_is_one_that_cannot_be_read(objects, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link", "absent", "."):
        with pytest.raises(Unreadable):
            objects.put_file(tmp_path / name)


@pytest.mark.parametrize("size", [100, 300_000, WHOLE + 1])
def test_a_file_that_changes_while_it_is_read_is_refused(objects, tmp_path, size, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(noise(size))
    real = os.fstat
    asked = []

    def fstat(descriptor: int) -> os.stat_result:
        if asked:
            path.write_bytes(noise(size, 2))
        asked.append(descriptor)
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", fstat)
    with pytest.raises(Unsteady):
        objects.put_file(path)
    monkeypatch.undo()
    assert list(sweep.leftovers(objects)) == []


def test_holes_stay_holes(objects, tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(64 << 20)
        file.write(b"end")
    hash = objects.put_file(path).hash
    objects.write_to(hash, tmp_path / "back")
    (held,) = objects.whole_folder.glob("??/*")
    for copy in (held, tmp_path / "back"):
        assert copy.stat().st_size == (64 << 20) + 3
        assert copy.stat().st_blocks * 512 < 4 << 20
    assert hash == blake3(path.read_bytes()).hexdigest()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 400_000), st.booleans())
def test_chunks_are_the_content_whatever_it_is(seed, size, plain):
    content = bytes(size) if plain else noise(size, seed)
    found = list(chunks.chunked(io.BytesIO(content)))
    assert b"".join(found) == content
    assert all(chunks.LEAST <= len(chunk) <= chunks.MOST for chunk in found[:-1])


def test_chunks_are_found_again_after_an_insertion():
    content = noise(2_000_000)
    before = set(chunks.chunked(io.BytesIO(content)))
    after = set(chunks.chunked(io.BytesIO(content[:700_000] + b"!" + content[700_000:])))
    assert len(after - before) <= 3


def test_a_sweep_takes_what_is_not_needed_and_nothing_else(objects, tmp_path):
    path, content = tmp_path / "file.csv", table(100_000)
    path.write_bytes(content)
    first = objects.put_file(path)
    path.write_bytes(content[:500_000] + table(60_000, 3))
    second = objects.put_file(path, previous=first.hash)
    (tmp_path / "other").write_bytes(noise(WHOLE + 1))
    whole = objects.put_file(tmp_path / "other").hash
    with objects.batch():
        small = [objects.put_bytes(b"small %d" % number + noise(1000, number)) for number in range(50)]
    needed = {second.hash, *objects.parts_of(second.hash), *small[:20]}
    size = disk(objects.folder)
    planned = sweep.sweep(again(objects), needed, remove=False)
    assert disk(objects.folder) == size
    assert sweep.sweep(again(objects), needed, remove=True) == planned
    assert size - disk(objects.folder) == pytest.approx(planned.size, rel=0.1)
    store = again(objects)
    assert store.content(second.hash) == content[:500_000] + table(60_000, 3)
    assert [store.content(hash)[:8] for hash in small[:20]]
    for hash in (first.hash, whole, *small[20:]):
        assert not store.has(hash)
    assert list(sweep.damaged(store)) == []
    # One that had read the old packs finds the contents in the new ones.
    assert objects.content(second.hash) == store.content(second.hash)


def test_many_small_packs_become_one(objects):
    hashes = [objects.put_bytes(b"content %d" % number) for number in range(40)]
    assert len(packs.names(objects.packs_folder)) == 40
    assert sweep.sweep(again(objects), set(hashes), remove=True) == (0, 0)
    assert len(packs.names(objects.packs_folder)) == 1
    assert again(objects).content(hashes[39]) == b"content 39"
