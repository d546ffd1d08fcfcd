"""The object store: contents under the BLAKE3 of their bytes, each kept once, none ever changed.

Three places hold them. `packs/` has small contents, many in a file, and the chunks of long ones; a long content that
was seen in one version only lies whole in `whole/`, copied byte by byte or by reflink, never linked; when another
version of it comes, both become lists of chunks that they share. Every file appears complete or not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from blake3 import blake3

from workbench.errors import EnvironmentProblem
from workbench.versions import packs
from workbench.versions.index import Index, Place
from workbench.versions.packs import RAW, RECIPE, ZSTD, PackDamaged, PackWriter

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

SMALL = 64 << 10  # bytes; up to here a content is one entry of a pack
WHOLE = 1 << 20  # bytes; from here the first version of a content is a file of its own
_BLOCK = 1 << 20
_PACK_LIMIT = 1 << 30
_PAYS = 0.9
_LEVEL = 3
_ZEROS = bytes(_BLOCK)
_FICLONE = 0x40049409
_HASH_BYTES = 32
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Stored(NamedTuple):
    """A content that is in the store: its BLAKE3 in hexadecimal, and its size in bytes."""

    hash: str
    size: int


class ObjectProblem(EnvironmentProblem):
    """A content cannot be had; `hash` names it."""

    def __init__(self, hash: str, message: str) -> None:
        super().__init__(
            message, "workbench data pull   brings it back from a remote; workbench doctor says what breaks."
        )
        self.hash = hash


class Missing(ObjectProblem):
    """A content is not in the store."""

    def __init__(self, hash: str) -> None:
        super().__init__(hash, f"The content {hash[:12]} is not in the object store")


class Damaged(ObjectProblem):
    """A content in the store is not what its name says."""

    def __init__(self, hash: str, why: str = "its bytes do not match its name") -> None:
        super().__init__(hash, f"The stored content {hash[:12]} is damaged: {why}")


class Unreadable(OSError):
    """A file that is to be kept cannot be read; the store is not to blame."""


class Unsteady(EnvironmentProblem):
    """A file changed while it was read."""

    def __init__(self, path: Path | str) -> None:
        from workbench.safe import clean

        super().__init__(f"{clean(str(path))} changed while it was read", "Try again when nothing writes to it.")


class Objects:
    """The contents kept below one folder; for one thread. Reading makes nothing, not even the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packs_folder = folder / "packs"
        self.whole_folder = folder / "whole"
        self._places = Index()
        self._known: set[str] = set()
        self._stamp = -1
        self._writer: PackWriter | None = None
        self._depth = 0
        self._superseded: list[str] = []
        self._paying: dict[str, bool] = {}

    # --- writing

    @contextlib.contextmanager
    def batch(self) -> Iterator[Objects]:
        """Put many contents into one pack that is there, as a whole, when the block ends; on an error none of it is."""
        self._depth += 1
        if self._depth == 1:
            self._refresh()
        try:
            yield self
        except BaseException:
            if self._depth == 1:
                self._abandon()
            raise
        else:
            if self._depth == 1:
                self._commit()
        finally:
            self._depth -= 1

    @contextlib.contextmanager
    def held(self, *, alone: bool = False, wait: bool = True) -> Iterator[None]:
        """Keep collection (`alone`) and storing apart, from the content to the row; raises BlockingIOError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            opened = (self.folder / "lock").open("a")
        except OSError:
            if alone or os.access(self.folder, os.W_OK):
                raise
            yield  # nobody collects where nobody can write
            return
        with opened as lock:
            fcntl.flock(lock, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
            yield

    def put_file(self, path: Path | str, *, previous: str = "") -> Stored:
        """Keep the bytes of a file; `previous` is the hash of an earlier version with which it may share chunks.

        Raises Unreadable where the file cannot be read, another OSError where the disk is full, and Unsteady where the
        file changed while it was read.
        """
        place = os.fspath(path)
        try:
            descriptor = os.open(place, _PLAIN)
        except OSError as error:
            raise Unreadable(error.errno, error.strerror, place) from error
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise Unreadable(None, "neither a file nor a folder", place)
            if self._depth:
                return self._put(place, descriptor, before, previous)
            with self.batch():
                return self._put(place, descriptor, before, previous)
        finally:
            os.close(descriptor)

    def _put(self, place: str, descriptor: int, before: os.stat_result, previous: str) -> Stored:
        if before.st_size <= SMALL:
            try:
                content = os.read(descriptor, SMALL + 1)
            except OSError as error:
                raise Unreadable(error.errno, error.strerror, place) from error
            _steady(place, descriptor, before, len(content))
            digest = blake3(content).digest()
            self._add_small(digest, content, os.path.splitext(place)[1])  # noqa: PTH122 - pathlib is slow
            return Stored(digest.hex(), len(content))
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            if before.st_size > WHOLE and not (previous and self.has(previous)):
                return self._put_whole(place, file, before)
            self._split_whole(previous)
            stored = self._put_chunked(file)
            _steady(place, descriptor, before, stored.size)
            return stored

    def put_bytes(self, content: bytes) -> str:
        """Keep `content` and return its hash; raises OSError."""
        digest = blake3(content).digest()
        if not self.has(digest.hex()):
            with self.batch():
                if len(content) <= WHOLE:
                    self._add_small(digest, content, "")
                else:
                    import io

                    self._put_chunked(io.BytesIO(content))
        return digest.hex()

    def _add_small(self, digest: bytes, content: bytes, family: str) -> None:
        """Append to the pack, compressed if contents of this family (a suffix) gained by it when last asked."""
        pack = self._pack()
        if digest in self._places or digest in pack:
            return
        if self._paying.get(family) is False and len(pack) % 16:
            pack.add(digest, content, len(content), RAW)
            return
        packed = self._compressor.compress(content)
        self._paying[family] = pays = len(packed) < len(content) * _PAYS
        if pays:
            pack.add(digest, packed, len(content), ZSTD)
        else:
            pack.add(digest, content, len(content), RAW)

    def _put_whole(self, place: str, file: BinaryIO, before: os.stat_result) -> Stored:
        self.whole_folder.mkdir(parents=True, exist_ok=True)
        temporary = self.whole_folder / f".{os.urandom(6).hex()}{packs.TEMPORARY}"
        try:
            with temporary.open("xb+", buffering=0) as copy:
                digest, size = _copy(file, copy)
                _steady(place, file.fileno(), before, size)
                if self.has(digest):
                    temporary.unlink()
                    return Stored(digest, size)
                os.fchmod(copy.fileno(), 0o444)
                os.fsync(copy.fileno())
            target = self._whole(digest)
            target.parent.mkdir(exist_ok=True)
            temporary.replace(target)
            packs.sync_folder(target.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return Stored(digest, size)

    def _split_whole(self, hash: str) -> None:
        """Turn a content that lies whole into chunks; the file goes when the pack with the chunks is there."""
        if not _is_hash(hash) or hash in self._superseded or not self._whole(hash).exists():
            return
        if bytes.fromhex(hash) not in self._places:
            with self._whole(hash).open("rb") as file:
                if self._put_chunked(file).hash != hash:
                    return  # damaged: it stays as it is, for the doctor to find
        self._superseded.append(hash)

    def _put_chunked(self, file: BinaryIO) -> Stored:
        """Keep a content as chunks, lists of chunks, and the list of these lists."""
        from workbench.versions.chunks import chunked

        whole, size, groups, group = blake3(), 0, [], bytearray()
        pays: bool | None = None
        for chunk in chunked(file):
            whole.update(chunk)
            size += len(chunk)
            digest = blake3(chunk).digest()
            if digest not in self._places and digest not in self._pack():
                packed = self._compressor.compress(chunk) if pays is not False or len(self._pack()) % 16 == 0 else chunk
                pays = len(packed) < len(chunk) * _PAYS
                self._pack().add(digest, packed if pays else chunk, len(chunk), ZSTD if pays else RAW)
            group += digest
            if digest[-1] < 4 or len(group) >= 1024 * _HASH_BYTES:  # one in 64 ends a list, wherever it lies
                groups.append(self._add_list(bytes(group)))
                group.clear()
        if group:
            groups.append(self._add_list(bytes(group)))
        key = whole.digest()
        if key not in self._places and key not in self._pack():
            recipe = b"".join(groups)
            self._pack().add(key, recipe, size, RECIPE)
        return Stored(key.hex(), size)

    @functools.cached_property
    def _compressor(self) -> ZstdCompressor:
        import zstandard

        return zstandard.ZstdCompressor(level=_LEVEL)  # making one takes ten times as long as packing a small content

    def _add_list(self, content: bytes) -> bytes:
        digest = blake3(content).digest()
        if digest not in self._places and digest not in self._pack():
            self._pack().add(digest, content, len(content), RAW)
        return digest

    def _pack(self) -> PackWriter:
        if self._writer is not None and self._writer.size > _PACK_LIMIT:
            self._commit()
        if self._writer is None:
            self._writer = PackWriter(self.packs_folder)
        return self._writer

    def _commit(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None and len(writer):
            name = writer.commit()
            if name not in self._known:
                self._known.add(name)
                self._places.add(name, writer.index)
        elif writer is not None:
            writer.abort()
        for hash in self._superseded:
            if bytes.fromhex(hash) in self._places:
                self._whole(hash).unlink(missing_ok=True)
        self._superseded.clear()

    def _abandon(self) -> None:
        writer, self._writer = self._writer, None
        self._superseded.clear()
        if writer is not None:
            writer.abort()

    # --- reading

    def has(self, hash: str) -> bool:
        """Return whether the content is here; its bytes are not looked at."""
        if not _is_hash(hash):
            return False
        key = bytes.fromhex(hash)
        if key in self._places or (self._writer is not None and key in self._writer):
            return True
        return self._whole(hash).exists() or (self._refresh() and key in self._places)

    def read(self, hash: str) -> Iterator[bytes]:
        """Yield the content in blocks; raises Missing or Damaged, which of a long content may show at its end only."""
        place = self._place(hash)
        if place is None:
            yield from self._read_whole(hash)
        elif place.entry.form != RECIPE:
            yield self._read_entry(hash, place)
        else:
            whole = blake3()
            for chunk in self._chunks_of(hash, place):
                content = self._read_entry(chunk, self._needed(hash, chunk))
                whole.update(content)
                yield content
            if whole.hexdigest() != hash:
                raise Damaged(hash)

    def content(self, hash: str) -> bytes:
        """Return the whole content; raises Missing or Damaged."""
        return b"".join(self.read(hash))

    def write_to(self, hash: str, target: Path, *, durable: bool = True) -> None:
        """Write the content to `target`, verified and at once, as a copy and never a link; raises as `read`.

        `durable` waits until the disk has it.
        """
        temporary = target.with_name(f".{os.urandom(6).hex()}{packs.TEMPORARY}")
        try:
            with temporary.open("xb", buffering=0) as file:
                for block in self.read(hash):
                    _write(file, block)
                file.truncate()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def files_of(self, hashes: Iterable[str]) -> set[str]:
        """Return the names, relative to the folder, of the files that hold these contents; raises Missing or Damaged.

        The files never change under their names (`whole/ab/…`, named by content, and `packs/….pack`, named by index).
        """
        found: set[str] = set()
        for hash in hashes:
            place = self._place(hash)
            if place is None:
                if not self._whole(hash).exists():
                    raise Missing(hash)
                found.add(f"whole/{hash[:2]}/{hash[2:]}")
                continue
            found.add(f"packs/{place.pack}")
            for part in self.parts_of(hash):
                found.add(f"packs/{self._needed(hash, part).pack}")
        return found

    def parts_of(self, hash: str) -> list[str]:
        """Return the hashes of the lists and chunks that a content is made of, none for one that lies in one piece."""
        place = self._place(hash)
        if place is None or place.entry.form != RECIPE:
            return []
        lists = _hashes(self._payload(hash, place))
        return [*lists, *self._chunks_of(hash, place)]

    def _chunks_of(self, hash: str, place: Place) -> Iterator[str]:
        for group in _hashes(self._payload(hash, place)):
            yield from _hashes(self._read_entry(group, self._needed(hash, group)))

    def _needed(self, hash: str, part: str) -> Place:
        place = self._place(part)
        if place is None:
            raise Damaged(hash, f"its part {part[:12]} is missing")
        return place

    def _place(self, hash: str) -> Place | None:
        """Return where in a pack a content lies, None where it is in none."""
        if not _is_hash(hash):
            raise Missing(hash)
        key = bytes.fromhex(hash)
        if self._writer is not None and key in self._writer:
            return Place("", self._writer.entry(key))
        place = self._places.get(key)
        if place is None and self._refresh():
            place = self._places.get(key)
        return place

    def _payload(self, hash: str, place: Place) -> bytes:
        if not place.pack and self._writer is not None:
            return self._writer.payload(place.entry)
        try:
            with (self.packs_folder / place.pack).open("rb") as file:
                file.seek(place.entry.offset)
                return file.read(place.entry.stored)
        except FileNotFoundError:
            self._stamp = -1  # collected and packed anew since
            if not self._refresh() or (moved := self._places.get(place.entry.key)) is None:
                raise Missing(hash) from None
            return self._payload(hash, moved)

    def _read_entry(self, hash: str, place: Place) -> bytes:
        content = self._payload(hash, place)
        if place.entry.form == ZSTD:
            import zstandard

            try:
                content = zstandard.ZstdDecompressor().decompress(content, max_output_size=place.entry.size)
            except zstandard.ZstdError as error:
                raise Damaged(hash) from error
        if blake3(content).hexdigest() != hash:
            raise Damaged(hash)
        return content

    def _read_whole(self, hash: str) -> Iterator[bytes]:
        whole = blake3()
        try:
            with self._whole(hash).open("rb", buffering=0) as file:
                while block := file.read(_BLOCK):
                    whole.update(block)
                    yield block
        except FileNotFoundError:
            raise Missing(hash) from None
        if whole.hexdigest() != hash:
            raise Damaged(hash)

    def _whole(self, hash: str) -> Path:
        return self.whole_folder / hash[:2] / hash[2:]

    def _refresh(self) -> bool:
        """Read the indexes of packs that came since; return whether any pack came or went."""
        try:
            stamp = os.stat(self.packs_folder).st_mtime_ns  # noqa: PTH116 - asked for every unknown content
        except FileNotFoundError:
            stamp = 0
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        there = set(packs.names(self.packs_folder))
        if gone := self._known - there:
            self._places.drop(gone)
        for name in sorted(there - self._known):
            with contextlib.suppress(PackDamaged, FileNotFoundError):
                self._places.add(name, packs.read_rows(self.packs_folder / name))
        changed = there != self._known
        self._known = there
        return changed


def _is_hash(hash: str) -> bool:
    return len(hash) == 2 * _HASH_BYTES and not set(hash) - set("0123456789abcdef")


def _hashes(content: bytes) -> list[str]:
    return [content[at : at + _HASH_BYTES].hex() for at in range(0, len(content), _HASH_BYTES)]


def _steady(place: str, descriptor: int, before: os.stat_result, size: int) -> None:
    after = os.fstat(descriptor)
    if (
        before.st_mtime_ns != after.st_mtime_ns
        or after.st_size != size
        or before.st_size != size
        or before.st_ctime_ns != after.st_ctime_ns
    ):
        raise Unsteady(place)


def _copy(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    """Copy a file and return hash and size of the copy; a reflink where the file system can, holes stay holes."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
        return _hash(target)
    whole, size, room = blake3(), 0, bytearray(_BLOCK)
    view = memoryview(room)
    while count := source.readinto(room):  # type: ignore[attr-defined]
        block = view[:count]
        whole.update(block)
        size += count
        _write(target, block)
    target.truncate(size)
    return whole.hexdigest(), size


def _hash(file: BinaryIO) -> tuple[str, int]:
    whole, size = blake3(), 0
    file.seek(0)
    while block := file.read(_BLOCK):
        whole.update(block)
        size += len(block)
    return whole.hexdigest(), size


def _write(file: BinaryIO, block: bytes | memoryview) -> None:
    """Write a block, all of it; one of nothing but zeros becomes a hole."""
    if len(block) == _BLOCK and block[0] == 0 and bytes(block) == _ZEROS:
        file.seek(len(block), os.SEEK_CUR)
        return
    done = 0
    while done < len(block):
        done += file.write(block[done:])
