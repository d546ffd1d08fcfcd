"""Which contents are one node of the graph: keys of what lies at a path with a hash.

Content is the same wherever its hash is the same, so that stages chain through files that were moved or copied. Three
things are told apart by their path: content so small that two files have it by chance, what a run copied from
another path, which stands behind that run and not before it, and content that its run could not read.
"""

from __future__ import annotations

import sqlite3

TELLING_BYTES = 64
"""Smaller contents ("finished", an empty table, `{}`) are equal by chance."""

LEFT_AS_IT_WAS = (
    "EXISTS (SELECT 1 FROM inputs i WHERE i.run = {0}.run AND i.path = {0}.path AND i.hash = {0}.hash AND i.hash <> '')"
)
"""The condition on a row of outputs, named in the place of {0}, that its run found the same at the same path."""

_SMALL = (
    "SELECT min(size) < ?2 FROM (SELECT size FROM (SELECT size FROM inputs WHERE hash = ?1 LIMIT 1)"
    " UNION ALL SELECT size FROM (SELECT size FROM outputs WHERE hash = ?1 LIMIT 1)"
    " UNION ALL SELECT size FROM (SELECT size FROM data_versions WHERE hash = ?1 LIMIT 1))"
)
_COPIES = (
    "SELECT DISTINCT o.path FROM outputs o WHERE o.hash = ?1"
    " AND EXISTS (SELECT 1 FROM inputs i WHERE i.hash = o.hash AND i.run = o.run)"
    f" AND NOT {LEFT_AS_IT_WAS.format('o')}"
)


class Contents:
    """The keys of contents, each hash looked up once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._small: dict[str, bool] = {}
        self._copies: dict[str, frozenset[str]] = {}

    def key(self, path: str, content: str | None, number: int = 0) -> str:
        """Return the key of the content that the run of this number has at a path; without a hash it was not read."""
        if not content:
            return f"unread:{number}:{path}"
        apart = self.is_small(content) or path in self.copies(content)
        return f"data:{content}:{path}" if apart else f"data:{content}"

    def is_small(self, content: str) -> bool:
        """Return whether equal content at another path says nothing."""
        if content not in self._small:
            (small,) = self._connection.execute(_SMALL, (content, TELLING_BYTES)).fetchone()
            self._small[content] = bool(small)
        return self._small[content]

    def copies(self, content: str) -> frozenset[str]:
        """Return the paths where a run left content that it had read at another path."""
        if content not in self._copies:
            self._copies[content] = frozenset(row[0] for row in self._connection.execute(_COPIES, (content,)))
        return self._copies[content]

    def rows_of(self, key: str) -> tuple[str, list[str]]:
        """Return the condition, with its arguments, on rows of inputs, outputs or data_versions that a key means."""
        _, content, *path = key.split(":", 2)
        if path:
            return "hash = ? AND path = ?", [content, path[0]]
        copies = self.copies(content)
        apart = f" AND path NOT IN ({','.join('?' * len(copies))})" if copies else ""
        return f"hash = ?{apart}", [content, *copies]
