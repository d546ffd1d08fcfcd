"""The object store looked through as a whole: what is damaged, what was left by interrupted writes, what may go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from workbench.versions import packs
from workbench.versions.objects import Damaged, Missing, Objects
from workbench.versions.packs import RECIPE, Entry, PackDamaged

_REWRITE_SHARE = 0.1
_SMALL_PACK = 1 << 20
_MANY_PACKS = 32
_BLOCK = 1 << 20


class Swept(NamedTuple):
    """How many contents go, and how many bytes of the disk that frees."""

    contents: int
    size: int


def leftovers(objects: Objects) -> Iterator[str]:
    """Yield the names of temporary files that interrupted writes left; call it where nobody writes."""
    for folder in (objects.packs_folder, objects.whole_folder):
        for path in packs.leftovers(folder):
            yield str(path.relative_to(objects.folder))


def count(objects: Objects) -> int:
    """Return how many contents there are, parts of long ones included."""
    keys = sum(len(entries) for _, entries in _packs(objects))
    return keys + sum(1 for _ in _wholes(objects))


def damaged(objects: Objects) -> Iterator[tuple[str, str]]:
    """Read everything again and yield hash and reason of each content that is not what its name says.

    A pack whose index is gone is named instead of its contents.
    """
    for hash, path in _wholes(objects):
        digest = blake3()
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != hash:
            yield hash, "its bytes do not match its name"
    for name in packs.names(objects.packs_folder):
        try:
            entries = packs.read_index(objects.packs_folder / name)
        except PackDamaged as error:
            yield name, error.message
            continue
        with (objects.packs_folder / name).open("rb") as file:
            for entry in sorted(entries, key=lambda entry: entry.offset):
                file.seek(entry.offset)
                payload = file.read(entry.stored)
                if why := _wrong(objects, entry, payload):
                    yield entry.key.hex(), why


def _wrong(objects: Objects, entry: Entry, payload: bytes) -> str:
    if entry.form == RECIPE:
        try:
            missing = [part for part in objects.parts_of(entry.key.hex()) if not objects.has(part)]
        except (Damaged, Missing) as error:
            return error.message
        return f"its part {missing[0][:12]} is missing" if missing else ""
    if entry.form == packs.ZSTD:
        import zstandard

        try:
            payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=entry.size)
        except zstandard.ZstdError:
            return "its bytes cannot be unpacked"
    return "" if blake3(payload).digest() == entry.key else "its bytes do not match its name"


def sweep(objects: Objects, needed: set[str], *, remove: bool) -> Swept:
    """Remove the contents that are not `needed`, parts of long ones included, or only say what that would free.

    Packs are written anew without what goes, and many small ones become one; the old files go last, so that at any
    moment everything needed is there. The caller holds the store alone; raises OSError.
    """
    contents = size = 0
    for hash, path in list(_wholes(objects)):
        if hash not in needed:
            contents, size = contents + 1, size + path.stat().st_size
            if remove:
                path.unlink()
    kept: dict[bytes, str] = {}
    rewritten: list[tuple[str, list[Entry]]] = []
    small: list[tuple[str, list[Entry]]] = []
    for name, entries in _packs(objects):
        live = [entry for entry in entries if entry.key.hex() in needed and entry.key not in kept]
        kept.update(dict.fromkeys((entry.key for entry in live), name))
        dead = sum(entry.stored for entry in entries) - sum(entry.stored for entry in live)
        total = (objects.packs_folder / name).stat().st_size
        if len(live) < len(entries) and (not live or dead > _REWRITE_SHARE * total):
            contents, size = contents + len(entries) - len(live), size + (dead if live else total)
            rewritten.append((name, live))
        elif total < _SMALL_PACK:
            small.append((name, live))
    if remove:
        _rewrite(objects, rewritten + (small if len(small) > _MANY_PACKS else []))
    return Swept(contents, size)


def _rewrite(objects: Objects, old: list[tuple[str, list[Entry]]]) -> None:
    if not old:
        return
    writer = packs.PackWriter(objects.packs_folder)
    try:
        for name, live in old:
            if not live:
                continue
            with (objects.packs_folder / name).open("rb") as file:
                for entry in live:
                    file.seek(entry.offset)
                    writer.add(entry.key, file.read(entry.stored), entry.size, entry.form)
        name = writer.commit() if len(writer) else ""
    except BaseException:
        writer.abort()
        raise
    if not name:
        writer.abort()
    for each, _ in old:
        if each != name:
            (objects.packs_folder / each).unlink()


def _packs(objects: Objects) -> Iterator[tuple[str, list[Entry]]]:
    for name in packs.names(objects.packs_folder):
        try:
            yield name, packs.read_index(objects.packs_folder / name)
        except PackDamaged:  # never collected: what it holds cannot be known, and the doctor names it
            continue


def _wholes(objects: Objects) -> Iterator[tuple[str, Path]]:
    for path in sorted(objects.whole_folder.glob("??/*")):
        hash = path.parent.name + path.name
        if len(hash) == 64:
            yield hash, path
