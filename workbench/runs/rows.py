"""Rows of a run that more than one writer makes: names, parameters, notices."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Mapping
from typing import Any

TEXT_LIMIT = 10_000


def name_id(connection: sqlite3.Connection, space: str, name: str) -> int:
    """Return the number of a name in its space, making one when it is new."""
    name = text(name, 250)
    found = connection.execute("SELECT id FROM names WHERE space = ? AND name = ?", (space, name)).fetchone()
    if found is None:
        found = connection.execute(
            "INSERT INTO names (space, name) VALUES (?, ?) RETURNING id", (space, name)
        ).fetchone()
    return int(found[0])


def save_params(connection: sqlite3.Connection, run: int, params: Mapping[str, Any], source: str) -> None:
    """Store parameters of a run; a name that is there already takes the new value."""
    for name, value in params.items():
        stored, as_json = _storable(value)
        connection.execute(
            "INSERT INTO params (run, name, value, json, source) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " source = iif(value IS excluded.value AND json = excluded.json, source, excluded.source),"
            " value = excluded.value, json = excluded.json",
            (run, name_id(connection, "param", str(name)), stored, as_json, source),
        )


def add_notice(connection: sqlite3.Connection, run: int, t: int, notice: str) -> None:
    """Store a sentence about a run, once."""
    connection.execute("INSERT OR IGNORE INTO notices (run, t, text) VALUES (?, ?, ?)", (run, t, text(notice, 1000)))


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    """Return `value` as SQLite can hold it: no lone surrogates, no NUL, at most `limit` characters."""
    return value[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def raw_name(path: str) -> dict[str, str]:
    """Return what is to be kept beside a path that the store cannot hold as it is: its bytes, in hexadecimal."""
    return {"raw": os.fsencode(path).hex()} if text(path) != path else {}


def name_on_disk(path: str, facts: Mapping[str, Any]) -> str:
    """Return the path that was stored with `raw_name` among its facts as the file system has it."""
    try:
        raw = os.fsdecode(bytes.fromhex(facts.get("raw", "")))
    except (TypeError, ValueError):
        return path
    return raw if text(raw) == path else path


def _storable(value: Any) -> tuple[Any, int]:
    if isinstance(value, str):
        return text(value), 0
    if isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63:
        return value, 0
    if isinstance(value, float) and math.isfinite(value):
        return value, 0
    return text(json.dumps(value, default=str)), 1
