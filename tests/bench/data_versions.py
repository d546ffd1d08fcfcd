"""Versions of data: a large file, many small ones, a table that grows; each beside the same work done raw."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from blake3 import blake3

from tests.bench.measure import Figure, in_turns, scratch, seconds
from workbench.versions import data
from workbench.versions.objects import Objects

LARGE = 1 << 30
SMALL_FILES, SMALL_SIZE = 20_000, 10_000
VERSIONS, LAST_SIZE = 100, 16_000_000
_BLOCK = 1 << 20


def bench() -> Iterator[Figure]:
    """Yield the figures; about 5 GB of disk are used for a while."""
    with scratch() as folder:
        yield from _large(folder)
    with scratch() as folder:
        yield from _small(folder)
    with scratch() as folder:
        yield _growing(folder)


def _large(folder: Path) -> Iterator[Figure]:
    path, copy, store, cache = folder / "large.bin", folder / "copy", folder / "objects", folder / "cache"
    block = os.urandom(_BLOCK)
    with path.open("wb") as file:
        for number in range(LARGE // _BLOCK):
            file.write(number.to_bytes(8, "big") + block[8:])

    def raw() -> None:
        digest = blake3()
        with path.open("rb", buffering=0) as source, copy.open("wb", buffering=0) as target:
            while content := source.read(_BLOCK):
                digest.update(content)
                target.write(content)
            os.fsync(target.fileno())
        copy.unlink()

    def first() -> None:
        shutil.rmtree(store, ignore_errors=True)
        shutil.rmtree(cache, ignore_errors=True)
        (taken,) = data.take(folder, Objects(store), [path.name], cache=cache)
        assert taken.kept
        assert not taken.problem

    def again() -> None:
        (taken,) = data.take(folder, Objects(store), [path.name], cache=cache)
        assert taken.hash

    found = in_turns(3, {"raw": lambda: seconds(raw), "first": lambda: seconds(first)})
    yield Figure("data: 1 GB, first snapshot", found["first"], "hash, copy, fsync", found["raw"], "s", 1.6, of="ratio")
    checked = in_turns(5, {"stat": lambda: seconds(path.stat), "again": lambda: seconds(again)})
    yield Figure("data: 1 GB, unchanged", checked["again"], "stat", checked["stat"], "ms", 0.030)


def _small(folder: Path) -> Iterator[Figure]:
    inner, store, cache = folder / "many", folder / "objects", folder / "cache"
    for number in range(SMALL_FILES):
        if number % 1000 == 0:
            (inner / f"{number // 1000}").mkdir(parents=True)
        (inner / f"{number // 1000}" / f"{number}.bin").write_bytes(os.urandom(SMALL_SIZE))

    def raw() -> None:
        with (folder / "pack").open("wb", buffering=_BLOCK) as pack:
            for path, _ in _files(inner):
                descriptor = os.open(path, os.O_RDONLY)
                content = os.read(descriptor, 1 << 20)
                os.close(descriptor)
                blake3(content).digest()
                pack.write(content)
            pack.flush()
            os.fsync(pack.fileno())
        (folder / "pack").unlink()

    def first() -> None:
        shutil.rmtree(store, ignore_errors=True)
        shutil.rmtree(cache, ignore_errors=True)
        again()

    def again() -> None:
        (taken,) = data.take(folder, Objects(store), ["many"], cache=cache)
        assert taken.files == SMALL_FILES
        assert not taken.problem

    found = in_turns(3, {"raw": lambda: seconds(raw), "first": lambda: seconds(first)})
    name = "data: 20,000 files of 10 KB, first snapshot"
    yield Figure(name, found["first"], "one pack", found["raw"], "s", 1.6, ratio_target=1.6 / 0.76)
    checked = in_turns(5, {"stat": lambda: seconds(lambda: list(_files(inner))), "again": lambda: seconds(again)})
    name = "data: 20,000 files, unchanged"
    yield Figure(name, checked["again"], "stat", checked["stat"], "s", 0.2, ratio_target=0.2 / 0.07)
    peaks = {"first, memory a file": (first, 1200.0), "unchanged, memory a file": (again, 600.0)}
    for words, (action, most) in peaks.items():
        yield Figure(f"data: 20,000 files, {words}", [_peak(action) / SMALL_FILES], "", [], "B", most)


def _peak(action: Callable[[], None]) -> float:
    """Return the most bytes that Python held at once."""
    tracemalloc.start()
    try:
        action()
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry.path, entry.stat(follow_symlinks=False)


def _growing(folder: Path) -> Figure:
    """Take a hundred versions of a CSV that grows by 1 % each time, and hold the store against the last one packed."""
    import random

    import zstandard

    chance = random.Random(7)
    size = LAST_SIZE / 1.01 ** (VERSIONS - 1)
    path, store = folder / "grows.csv", Objects(folder / "objects")
    path.write_text("time,origin,carrier,delay,distance\n", encoding="ascii")
    for version in range(VERSIONS):
        with path.open("a", encoding="ascii") as file:
            while file.tell() < size * 1.01**version:
                file.write(
                    f"2026-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T{chance.randint(0, 23):02d}:00,"
                    f"{chance.choice(('JFK', 'LGA', 'EWR'))},{chance.choice(('UA', 'AA', 'DL', 'B6'))},"
                    f"{chance.gauss(10, 30):.1f},{chance.randint(90, 5000)}\n"
                )
        (taken,) = data.take(folder, store, [path.name], cache=folder / "cache")
        assert not taken.problem
    used = sum(each.stat().st_size for each in store.folder.rglob("*") if each.is_file())
    packed = len(zstandard.ZstdCompressor(level=3).compress(path.read_bytes()))
    name = "data: 100 versions of a CSV that grows"
    return Figure(name, [float(used)], "the last, zstd", [float(packed)], "MB", 1.5, of="ratio")
