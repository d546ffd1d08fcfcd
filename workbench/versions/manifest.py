"""The list of a folder's files, by which the folder is named: it is kept as an object like any other content."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal, NamedTuple

from workbench.errors import EnvironmentProblem


class Entry(NamedTuple):
    """One file of a folder: the BLAKE3 of its bytes and their number; of a link, of where it points."""

    hash: str
    size: int
    kind: Literal["file", "link"] = "file"


class BadManifest(EnvironmentProblem):
    """A content that should list the files of a folder does not."""


Row = tuple[bytes, str, int, bool]  # name, hash, size, whether it is a link


def encode(rows: Iterable[Row]) -> bytes:
    """Return the list as bytes: the same files give the same bytes in any order."""
    return b"".join(line(*row) for row in sorted(rows))


def line(name: bytes, digest: str, size: int, link: bool) -> bytes:
    """Return one row of the list, which holds them sorted."""
    # The length in front keeps a name with line breaks from looking like two rows.
    return b"%d %s %s %d %s\n" % (len(name), name, digest.encode(), size, b"link" if link else b"file")


def decode(content: bytes) -> dict[str, Entry]:
    """Return the entries by relative path (undecodable bytes as surrogates), sorted as stored; raises BadManifest.

    A path that is absolute, or that leads upwards, is refused.
    """
    found: dict[str, Entry] = {}
    at = 0
    try:
        while at < len(content):
            space = content.index(b" ", at)
            length = int(content[at:space])
            name = content[space + 1 : space + 1 + length]
            end = content.index(b"\n", space + 1 + length)
            digest, size, kind = content[space + length + 2 : end].decode("ascii").split(" ")
            if len(digest) != 64 or not _is_inside(name) or kind not in ("file", "link"):
                raise ValueError(name)
            found[os.fsdecode(name)] = Entry(digest, int(size), "link" if kind == "link" else "file")
            at = end + 1
    except (ValueError, UnicodeDecodeError) as error:
        raise BadManifest("A stored list of files cannot be read", "workbench doctor") from error
    return found


def _is_inside(name: bytes) -> bool:
    return bool(name) and b"\0" not in name and not any(part in (b"", b".", b"..") for part in name.split(b"/"))
