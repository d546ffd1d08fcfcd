"""From what a user names (a run, a path, a version, a commit, a digest) to keys of the graph."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable

from workbench.errors import NotFoundError
from workbench.lineage.contents import Contents
from workbench.lineage.queries import code_key
from workbench.runs import queries
from workbench.runs.rows import text
from workbench.safe import clean

_HEX = re.compile(r"[0-9a-f]{4,64}")
_TABLES = ("inputs", "outputs", "data_versions")
_LEAST_HEX = "a prefix of at least 4 digits"


def resolve(
    connection: sqlite3.Connection, thing: str, *, metric: str = "", goal: str = "max", all_versions: bool = False
) -> tuple[str, ...]:
    """Return the keys that `thing` means: one, or with `all_versions` every version of a path, the newest first.

    Raises NotFoundError that says what there is instead, or that the name means several things.
    """
    thing = text(thing)
    if not thing:
        return (f"run:{_default(connection, metric, goal)}",)
    if thing.startswith("@"):
        return (f"run:{queries.find(connection, thing, metric=metric, goal=goal)}",)
    ways: tuple[Callable[[], tuple[str, ...]], ...] = (
        lambda: _number(connection, thing),
        lambda: _path(connection, thing, all_versions),
        lambda: _key(connection, thing),
        lambda: _version(connection, thing),
        lambda: _run(connection, thing, metric, goal),
        lambda: _hash(connection, thing),
    )
    for way in ways:
        found = way()
        if found:
            return found
    raise NotFoundError(f"Nothing is known of {clean(thing)!r}", _hint(connection))


def _default(connection: sqlite3.Connection, metric: str, goal: str) -> int:
    best = queries.best_run(connection, metric, goal) if metric else None
    return best if best is not None else queries.find(connection, "@latest")


def _number(connection: sqlite3.Connection, thing: str) -> tuple[str, ...]:
    if not (thing.isascii() and thing.isdigit()):
        return ()
    row = connection.execute("SELECT id FROM runs WHERE id = ?", (int(thing[:18]),)).fetchone()
    return (f"run:{row[0]}",) if row is not None and len(thing) <= 18 else ()


def _path(connection: sqlite3.Connection, path: str, every: bool) -> tuple[str, ...]:
    """Return the contents that a path had, the newest first; one unless `every` is wanted."""
    rows = connection.execute(
        "SELECT hash, max(at) FROM ("
        " SELECT hash, seen AS at FROM data_versions WHERE path = ?1"
        " UNION ALL SELECT i.hash, r.created FROM inputs i JOIN runs r ON r.id = i.run WHERE i.path = ?1"
        " UNION ALL SELECT o.hash, coalesce(r.ended, r.created) FROM outputs o JOIN runs r ON r.id = o.run"
        " WHERE o.path = ?1"
        ") WHERE hash <> '' GROUP BY hash ORDER BY 2 DESC",
        (path,),
    ).fetchall()
    found = [Contents(connection).key(path, row[0]) for row in rows]
    return tuple(found if every else found[:1])


def _key(connection: sqlite3.Connection, thing: str) -> tuple[str, ...]:
    """Return what a key such as `env:4f2a` or `run:42` means; of a hash a prefix is enough."""
    kind, sign, rest = thing.partition(":")
    if not sign:
        return ()
    if kind in ("run", "params") and rest.isascii() and rest.isdigit():
        found = _number(connection, rest)
        return tuple(f"{kind}:{key.partition(':')[2]}" for key in found)
    searches = {"env": _environments, "code": _codes, "data": _contents}
    if kind not in searches or not rest:
        return ()
    prefix = rest.split(":", 1)[0].lower()
    found = tuple(key for key in searches[kind](connection, prefix) if ":" not in rest or key == thing)
    return _one(thing, found)


def _version(connection: sqlite3.Connection, thing: str) -> tuple[str, ...]:
    """Return what `path@hash` or `branch@commit` means."""
    name, sign, prefix = thing.rpartition("@")
    prefix, _, tree = prefix.partition("±")
    if not sign or not prefix:
        return ()
    contents = connection.execute(
        "SELECT hash FROM inputs WHERE path = ?1 AND substr(hash, 1, ?3) = ?2"
        " UNION SELECT hash FROM outputs WHERE path = ?1 AND substr(hash, 1, ?3) = ?2"
        " UNION SELECT hash FROM data_versions WHERE path = ?1 AND substr(hash, 1, ?3) = ?2",
        (name, prefix.lower(), len(prefix)),
    ).fetchall()
    found = tuple(Contents(connection).key(name, row[0]) for row in contents)
    if not found and _HEX.fullmatch(prefix):
        found = tuple(key for key in _codes(connection, prefix) if not tree or key.startswith(f"code:{tree}"))
    if not found and name.startswith("python ") and _HEX.fullmatch(prefix):
        found = _environments(connection, prefix)
    return _one(thing, found)


def _run(connection: sqlite3.Connection, thing: str, metric: str, goal: str) -> tuple[str, ...]:
    try:
        return (f"run:{queries.find(connection, thing, metric=metric, goal=goal)}",)
    except NotFoundError as error:
        if error.message.startswith("Several"):
            raise
        return ()


def _hash(connection: sqlite3.Connection, thing: str) -> tuple[str, ...]:
    prefix = thing.lower()
    if not _HEX.fullmatch(prefix):
        return ()
    searches = (_contents, _codes, _environments)
    return _one(thing, tuple(key for search in searches for key in search(connection, prefix)))


def _contents(connection: sqlite3.Connection, prefix: str) -> tuple[str, ...]:
    """Return contents by the beginning of their hash; what paths tell apart comes with every path."""
    every, hashes, keys = Contents(connection), dict[str, None](), dict[str, None]()
    for table in _TABLES:
        rows = connection.execute(
            f"SELECT DISTINCT hash FROM {table} WHERE hash >= ? AND hash < ? LIMIT 4", (prefix, prefix + "g")
        )
        hashes.update((row[0], None) for row in rows)
    for content in hashes:
        if not every.is_small(content) and not every.copies(content):
            keys[f"data:{content}"] = None
            continue
        for table in _TABLES:
            for (path,) in connection.execute(f"SELECT DISTINCT path FROM {table} WHERE hash = ?", (content,)):
                keys[every.key(path, content)] = None
    return tuple(keys)


def _codes(connection: sqlite3.Connection, prefix: str) -> tuple[str, ...]:
    """Return the code with this tree or this commit; of several states on one commit the newest."""
    import json

    rows = connection.execute(
        "SELECT code, max(id) FROM runs"
        " WHERE substr(code ->> 'tree', 1, ?2) = ?1 OR substr(code ->> 'commit', 1, ?2) = ?1"
        " GROUP BY code ->> 'commit' ORDER BY 2 DESC LIMIT 4",
        (prefix, len(prefix)),
    )
    return tuple(dict.fromkeys(key for row in rows if (key := code_key(json.loads(row[0])))))


def _environments(connection: sqlite3.Connection, prefix: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT digest FROM environments WHERE substr(digest, 1, ?) = ? LIMIT 4", (len(prefix), prefix)
    )
    return tuple(f"env:{row[0]}" for row in rows)


def _one(thing: str, found: Iterable[str]) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(found))
    things = list(dict.fromkeys(":".join(key.split(":", 2)[:2]) for key in keys))  # one content may lie at two paths
    if len(things) > 1:
        shown = ", ".join(clean(one[:24]) for one in things[:4])
        raise NotFoundError(f"{clean(thing)!r} means several things: {shown}", "Give more of it.")
    return keys


def _hint(connection: sqlite3.Connection) -> str:
    rows = connection.execute("SELECT DISTINCT path FROM inputs ORDER BY run DESC LIMIT 3").fetchall()
    known = ", ".join(clean(row[0], 40) for row in rows)
    files = f"Files that runs read: {known}." if known else "No run has recorded what it read: set  [train] inputs."
    return f"{files}  workbench runs  lists the runs."
