"""From keys to nodes: labels and facts of runs, contents, code, environments and parameters, read in few queries."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.lineage.contents import LEFT_AS_IT_WAS
from workbench.lineage.graph import Node
from workbench.runs.model import why

if TYPE_CHECKING:
    from workbench.lineage.queries import Neighbours

_MOST_IN_ONE = 500
_SHOWN_PARAMS = 3
_SHORT = 8


def describe(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    """Return the nodes of keys, in their order; a key that means nothing any more is left out."""
    by_kind: dict[str, list[str]] = {}
    for key in keys:
        by_kind.setdefault(key.partition(":")[0], []).append(key)
    found: dict[str, Node] = {}
    for kind, some in by_kind.items():
        for start in range(0, len(some), _MOST_IN_ONE):
            found.update(_WAYS[kind](connection, some[start : start + _MOST_IN_ONE], store))
    return {key: found[key] for key in keys if key in found}


def _ids(keys: Sequence[str]) -> list[str]:
    return [key.split(":", 2)[1] for key in keys]


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _runs(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    numbers = [int(one) for one in _ids(keys)]
    rows = connection.execute(
        "SELECT id, uid, name, kind, stage, status, trigger, created, started, ended, host, reason FROM runs"
        f" WHERE id IN ({_marks(numbers)})",
        numbers,
    )
    found = {}
    for number, uid, name, kind, stage, status, trigger, created, started, ended, host, reason in rows:
        facts = {
            "run": number, "name": name, "kind": kind, "stage": stage, "why": why(json.loads(trigger)),
            "created": created, "started": started, "ended": ended, "host": host, "reason": reason,
        }  # fmt: skip
        found[f"run:{number}"] = Node(f"run:{number}", "run", f"{number} {name}", uid, status, facts)
    return found


def _contents(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    nodes = {}
    for key in keys:
        facts: dict[str, Any] = {"paths": []}
        kind = "data"
        for table, path, known in _places(connection, *store.contents.rows_of(key)):
            if path not in facts["paths"]:
                facts["paths"].append(path)
            for name, value in known.items():
                if value is not None:
                    facts.setdefault(name, value)
            if table == "outputs":
                kind = "output"
            elif table == "data_versions":
                facts.setdefault("version_of", path)
        if facts["paths"]:
            content = _ids([key])[0]
            path = store.paths.get(key) or facts["paths"][0]
            label = f"{path}@{content[:_SHORT]}"
            nodes[key] = Node(key, kind, label, content, "", {"path": path, "hash": content} | facts)
    return nodes


_PLACES = {"outputs": ("size",), "inputs": ("size", "rows"), "data_versions": ("size", "rows", "files", "kept")}


def _places(
    connection: sqlite3.Connection, where: str, arguments: Sequence[str]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield table, path and facts of the places where a content was seen last, a few of each table."""
    for table, columns in _PLACES.items():
        order = "seen" if table == "data_versions" else "run"
        rest = f"{where} AND NOT {LEFT_AS_IT_WAS.format('x')}" if table == "outputs" else where
        for path, *values in connection.execute(
            f"SELECT path, {', '.join(columns)} FROM {table} x WHERE {rest} ORDER BY {order} DESC LIMIT 8", arguments
        ):
            known = dict(zip(columns, values, strict=True))
            yield table, path, known if "kept" not in known else {**known, "kept": bool(known["kept"])}


def _unread(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    found = {}
    for key in keys:
        _, number, path = key.split(":", 2)
        row = connection.execute(
            "SELECT problem FROM inputs WHERE run = ? AND path = ?", (int(number), path)
        ).fetchone()
        problem = (row[0] if row else "") or "not read"
        found[key] = Node(key, "data", f"{path}@?", path, "", {"path": path, "problem": problem})
    return found


def _codes(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    found = {}
    for key in keys:
        version = key.partition(":")[2]
        row = connection.execute(
            "SELECT code FROM runs WHERE instr(code, ?1)"
            " AND coalesce(nullif(code ->> 'tree', ''), code ->> 'commit') = ?1 ORDER BY id DESC LIMIT 1",
            (version,),
        ).fetchone()
        if row is not None:
            code: Mapping[str, Any] = json.loads(row[0])
            facts = {
                name: code.get(name) for name in ("kind", "commit", "branch", "tree", "dirty", "changed", "problem")
            }
            found[key] = Node(key, "code", code_label(code), str(code.get("commit") or version), "", facts)
    return found


def code_label(code: Mapping[str, Any]) -> str:
    """Return code in a word: `main@4f2a9c1b`, with ± and the tree where files differed from the commit."""
    commit, tree = str(code.get("commit") or ""), str(code.get("tree") or "")
    if not commit:
        return f"files@{tree[:_SHORT]}"
    name = str(code.get("branch") or "")
    dirty = f"±{tree[:4]}" if code.get("dirty") else ""
    return f"{name}{'@' if name else ''}{commit[:_SHORT]}{dirty}"


def _environments(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    digests = [key.partition(":")[2] for key in keys]
    rows = connection.execute(f"SELECT digest, facts FROM environments WHERE digest IN ({_marks(digests)})", digests)
    found = {}
    for digest, text in rows:
        known = json.loads(text)
        python = str(known.get("python") or "")
        label = f"python {python}@{digest[:6]}" if python else f"@{digest[:6]}"
        facts = {name: known.get(name) for name in ("python", "implementation", "platform", "machine", "cpu")}
        facts["packages"] = len(known.get("packages") or ())
        facts["imported"] = None if known.get("imported") is None else len(known["imported"])
        found[f"env:{digest}"] = Node(f"env:{digest}", "env", label, digest, "", facts)
    return found


def _params(connection: sqlite3.Connection, keys: Sequence[str], store: Neighbours) -> dict[str, Node]:
    numbers = [int(one) for one in _ids(keys)]
    values: dict[int, dict[str, Any]] = {}
    for run, name, value, as_json in connection.execute(
        "SELECT p.run, n.name, p.value, p.json FROM params p JOIN names n ON n.id = p.name"
        f" WHERE p.run IN ({_marks(numbers)}) ORDER BY p.run, instr('override script file flag', p.source), n.name",
        numbers,
    ):
        values.setdefault(run, {})[name] = json.loads(value) if as_json else value
    found = {}
    for number, known in values.items():
        shown = [f"{name}={_short(value)}" for name, value in list(known.items())[:_SHOWN_PARAMS]]
        more = f" +{len(known) - _SHOWN_PARAMS}" if len(known) > _SHOWN_PARAMS else ""
        label = " ".join(shown) + more
        words = " ".join(f"{name}={_short(value)}" for name, value in known.items())
        found[f"params:{number}"] = Node(
            f"params:{number}", "params", label, words, "", {"run": number, "values": known}
        )
    return found


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


_WAYS = {
    "run": _runs, "data": _contents, "unread": _unread, "code": _codes, "env": _environments, "params": _params,
}  # fmt: skip
