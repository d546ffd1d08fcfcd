"""The document of a version on a remote: what the version is, and which object files hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from blake3 import blake3

from workbench.safe import clean
from workbench.versions.places import is_url

FORMAT = 1
OBJECTS, VERSIONS = "objects", "versions"

_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"packs/[0-9a-f]{8,64}\.pack|whole/[0-9a-f]{2}/[0-9a-f]{62}")


class Piece(NamedTuple):
    """One file of the object store: its name there, its bytes, and their BLAKE3."""

    name: str
    size: int
    hash: str


@dataclass(frozen=True)
class Version:
    """A version as it travels: the row of data_versions; `facts` is the JSON object kept there."""

    path: str
    hash: str
    kind: str
    size: int
    files: int = 1
    rows: int | None = None
    kept: bool = True
    created: float = 0.0
    seen: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A version and the object files that hold it; none where only its facts are known."""

    version: Version
    pieces: tuple[Piece, ...] = ()


def render(entry: Entry) -> bytes:
    """Return the document of a version."""
    version = entry.version
    document = {
        "format": FORMAT, "path": version.path, "hash": version.hash, "kind": version.kind, "size": version.size,
        "files": version.files, "rows": version.rows, "kept": version.kept, "created": version.created,
        "seen": version.seen,
        "facts": dict(version.facts), "objects": [list(piece) for piece in entry.pieces],
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":")).encode()


def parse(content: bytes, name: str) -> Entry:
    """Return what a document says; raises ValueError where it is none, or could lead out of the object store."""
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("another format")
    path, digest = _text(document, "path"), _text(document, "hash")
    if name != document_name_of(path, digest) or not _HASH.fullmatch(digest):
        raise ValueError("its name is not that of its version")
    if not is_url(path) and (path.startswith("/") or ".." in path.split("/") or "\0" in path):
        raise ValueError("its path leads out of a project")
    pieces = tuple(_piece(row) for row in document["objects"]) if isinstance(document.get("objects"), list) else ()
    kind = _text(document, "kind")
    if kind not in ("file", "folder"):
        raise ValueError("neither a file nor a folder")
    rows, facts = document.get("rows"), document.get("facts")
    version = Version(
        path, digest, kind, _count(document.get("size")), _count(document.get("files")),
        None if rows is None else _count(rows), bool(document.get("kept")), _moment(document.get("created")),
        _moment(document.get("seen") or document.get("created")),
        facts if isinstance(facts, dict) else {},
    )  # fmt: skip
    return Entry(version, pieces)


def _piece(row: Any) -> Piece:
    if not isinstance(row, list) or len(row) != 3 or not isinstance(row[0], str) or not isinstance(row[2], str):
        raise ValueError("a file that is none")
    if not _NAME.fullmatch(row[0]) or not _HASH.fullmatch(row[2]):
        raise ValueError(f"a file with the name {clean(row[0], 80)!r}")
    return Piece(row[0], _count(row[1]), row[2])


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {key}")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise ValueError("a count that is none")
    return value


def _moment(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1e11:
        raise ValueError("a time that is none")
    return float(value)


def key(path: str) -> str:
    """Return the name of the folder that holds the documents of a path."""
    return blake3(path.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def document_name(version: Version) -> str:
    """Return the name of the document of a version."""
    return document_name_of(version.path, version.hash)


def document_name_of(path: str, digest: str) -> str:
    """Return the name of the document of the version with that hash."""
    return f"{VERSIONS}/{key(path)}/{digest}.json"
