"""What the processes of a run imported: the distributions with a hash of their content, and modules from elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.versions.environment import distribution

_MOST_BYTES = 64 << 20
_MOST_KEPT = 2000
_ALWAYS = ("__editable__", "_distutils_hack", "_virtualenv")  # what path files load in every process


@dataclass(frozen=True)
class Noted:
    """What the processes of a run wrote down as they ended.

    The interpreters come with the one that imported most first, `modules` as name and file; `libraries` are the names
    of those that were mapped.
    """

    interpreters: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    libraries: tuple[str, ...]


def read(path: Path) -> Noted | None:
    """Return what is written in the file at `path`, or None where no process left a list."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
    interpreters: dict[str, int] = {}
    modules: set[tuple[str, str]] = set()
    libraries: set[str] = set()
    last = ""
    for line in text.split("\n"):
        match line.split("\t"):
            case ["P", last]:
                interpreters.setdefault(last, 0)
            case ["M", name, file]:
                interpreters[last] = interpreters.get(last, 0) + 1
                modules.add((name, file))
            case ["L", name]:
                libraries.add(name)
    by_modules = sorted(filter(None, interpreters), key=lambda one: -interpreters[one])
    return Noted(tuple(by_modules), tuple(sorted(modules)), tuple(sorted(libraries)))


def hashes(modules: Iterable[tuple[str, str]], folder: Path, cache: Path) -> dict[str, str]:
    """Return a hash for each distribution that a module belongs to, by its name, and for each other module.

    Of a distribution it is a hash of its own list of files (RECORD of PyPA's "Recording installed projects"), with
    those that were edited since; of other modules, of their files. "" stands for what cannot be read. What lies in
    `folder`, the project, is its code and left out. What was found is kept in the file `cache`.
    """
    sites: dict[str, list[tuple[str, str]]] = {}
    others: dict[str, list[str]] = {}
    inside = str(folder) + os.sep
    for name, file in modules:
        if name.startswith(_ALWAYS):
            continue
        site = _site(file)
        if site:
            sites.setdefault(site, []).append((name, file))
        elif not file.startswith(inside):
            others.setdefault(name.partition(".")[0], []).append(file)
    known = _Known(cache)
    found: dict[str, str] = {}
    for site, members in sites.items():
        owned, left = _by_distribution(site, members, known)
        found |= {_name(entry): _content(site, entry, files, known) for entry, files in owned.items()}
        for name, file in left:
            others.setdefault(name.partition(".")[0], []).append(file)
    known.save()
    return found | {name: _files_hash(files) for name, files in others.items() if name not in found}


def _site(file: str) -> str:
    """Return the folder of installed packages that a file lies in, or ""."""
    for mark in (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"):
        at = file.rfind(mark)
        if at >= 0:
            return file[: at + len(mark) - 1]
    return ""


def _relative(file: str, site: str) -> str:
    """Return the path of a file as a RECORD has it."""
    return file[len(site) + 1 :].replace(os.sep, "/")


def _name(entry: str) -> str:
    found = distribution(entry)
    return found[0] if found else entry


def _by_distribution(
    site: str, members: Sequence[tuple[str, str]], known: _Known
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Return the files of each distribution, by the folder of its metadata, and the modules that belong to none."""
    tops, texts = known.tops(site), dict[str, str]()
    owned: dict[str, list[str]] = {}
    left: list[tuple[str, str]] = []
    for name, file in members:
        relative = _relative(file, site)
        owners = tops.get(relative.partition("/")[0], [])
        if len(owners) > 1:
            # Several share the folder: a namespace.
            texts |= {one: _record(site, one) for one in owners if one not in texts}
            owners = [one for one in owners if f"\n{relative}," in texts[one]]
        if owners:
            owned.setdefault(owners[0], []).append(file)
        else:
            left.append((name, file))
    return owned, left


def _content(site: str, entry: str, files: Sequence[str], known: _Known) -> str:
    place = f"{site}/{entry}/RECORD"
    stamp = _stamp(place)
    digest = known.digest(place, stamp)
    if digest is None:
        lines = sorted(f"{path},{content}" for path, content in _listed(_record(site, entry)) if _is_content(path))
        digest = known.keep(place, stamp, _short(hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape"))))
    edited = [file for file in files if _stamp(file) > stamp]
    if not edited:
        return digest
    listed = dict(_listed(_record(site, entry)))
    # Only what is other than it was installed counts: some installers keep the times of other machines.
    changed = [file for file in edited if _recorded_hash(file) != listed.get(_relative(file, site))]
    return _short(hashlib.sha256(f"{digest} {_files_hash(changed)}".encode())) if changed else digest


def _is_content(path: str) -> bool:
    """Return whether a path is what is imported: not metadata, not a program whose first line names the machine."""
    return not path.startswith(("../", "/")) and ".dist-info/" not in path


def _record(site: str, entry: str) -> str:
    try:
        return "\n" + Path(site, entry, "RECORD").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _listed(record: str) -> Iterator[tuple[str, str]]:
    """Yield path and hash of each file of a RECORD that has a hash; what Python compiled has none."""
    for line in record.splitlines():
        path, _, rest = line.rpartition(",")[0].rpartition(",")
        if rest:
            yield path.strip('"'), rest


def _recorded_hash(file: str) -> str:
    import base64

    try:
        digest = hashlib.sha256(_content_of(file, _MOST_BYTES)).digest()
    except OSError:
        return ""
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _files_hash(files: Iterable[str]) -> str:
    """Return a hash of the contents of files, in the order of their names without their folders; "" if unreadable."""
    whole, left = hashlib.sha256(), _MOST_BYTES
    ordered = sorted(set(files))
    root = os.path.commonpath([os.path.dirname(file) for file in ordered]) if ordered else ""  # noqa: PTH120
    for file in ordered:
        try:
            content = _content_of(file, left)
        except OSError:
            return ""
        left -= len(content)
        digest = hashlib.sha256(content).hexdigest()
        whole.update(f"{file[len(root) :]}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return _short(whole)


def _content_of(file: str, most: int) -> bytes:
    """Return the bytes of a file; raises OSError for a larger one, and for what only looks like a file, like a pipe."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{file} is no file")
        content = opened.read(most + 1)
    if len(content) > most:
        raise OSError(f"{file} is too large")
    return content


def _short(digest: Any) -> str:
    return str(digest.hexdigest())[:32]


def _stamp(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - there may be thousands
    except OSError:
        return 0


class _Known:
    """What was found in folders of packages before, as long as they have not changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = False
        self._sites: dict[str, Any] = {}
        self._digests: dict[str, Any] = {}
        try:
            found = json.loads(path.read_bytes())
            self._sites, self._digests = dict(found["sites"]), dict(found["digests"])
        except (OSError, ValueError, KeyError, TypeError):
            self._changed = True

    def tops(self, site: str) -> Mapping[str, list[str]]:
        """Return the folders of metadata of the distributions that have each first part of a path."""
        stamp = _stamp(site)
        row = self._sites.get(site)
        if isinstance(row, dict) and row.get("stamp") == stamp and isinstance(row.get("tops"), dict):
            known: dict[str, list[str]] = row["tops"]
            return known
        tops = _tops(site)
        self._sites[site] = {"stamp": stamp, "tops": tops}
        self._changed = True
        return tops

    def digest(self, place: str, stamp: int) -> str | None:
        """Return the hash that was found for a RECORD with this time, or None."""
        row = self._digests.get(place)
        return row[1] if isinstance(row, list) and len(row) == 2 and row[0] == stamp else None

    def keep(self, place: str, stamp: int, digest: str) -> str:
        """Remember a hash, and return it."""
        self._digests[place] = [stamp, digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Write down what is new; a failure costs only time."""
        if not self._changed:
            return
        newest = dict(list(self._digests.items())[-_MOST_KEPT:])
        sites = dict(list(self._sites.items())[-20:])
        try:
            paths.write_atomically(self._path, json.dumps({"sites": sites, "digests": newest}))
        except OSError:
            return


def _tops(site: str) -> dict[str, list[str]]:
    tops: dict[str, list[str]] = {}
    try:
        entries = sorted(os.listdir(site))
    except OSError:
        return tops
    for entry in entries:
        if not entry.endswith(".dist-info") or distribution(entry) is None:
            continue
        firsts = {path.partition("/")[0] for path, _ in _listed(_record(site, entry)) if _is_content(path)}
        for first in firsts:
            tops.setdefault(first, []).append(entry)
    return tops
