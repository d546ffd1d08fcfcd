"""Stores with runs written by hand: what they read, made and ran in, row by row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.project import Project, load
from workbench.store.connection import transaction

CONFIG = '[project]\nname = "little"\n[metric]\nname = "auc"\ngoal = "max"\n'
BEGAN = 1_700_000_000.0


def digest(word: str) -> str:
    """Return a hash that begins with the word's letters in hex, to be told apart in tests."""
    return word.encode().hex().ljust(64, "0")[:64]


class Store:
    """A project whose rows are written one run at a time; each run begins a minute after the one before."""

    def __init__(self, folder: Path) -> None:
        (folder / "workbench.toml").write_text(CONFIG, encoding="utf-8")
        self.project: Project = load(folder)
        self.connection: sqlite3.Connection = self.project.open_store()

    def run(
        self,
        reads: Mapping[str, str | None] = {},
        makes: Mapping[str, str] = {},
        *,
        name: str = "",
        status: str = "finished",
        trigger: Mapping[str, Any] | None = None,
        tree: str = "",
        env: str = "",
        params: Mapping[str, Any] | None = None,
        auc: float | None = None,
        small: bool = False,
    ) -> int:
        """Write a run with its inputs and outputs by path, each of a few bytes where `small`; return its number."""
        code = (
            {"kind": "git", "commit": digest(tree)[:40], "branch": "main", "tree": tree, "dirty": False} if tree else {}
        )
        with transaction(self.connection) as db:
            count = db.execute("SELECT count(*) FROM runs").fetchone()[0]
            at, good = BEGAN + 60 * count, status == "finished"
            (number,) = db.execute(
                "INSERT INTO runs"
                " (uid, name, status, command, trigger, created, started, ended, code, exit_code, reason)"
                " VALUES (?, ?, ?, '[\"python\"]', ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (
                    f"{count:018x}", name or f"run{count + 1}", status, json.dumps(trigger or {"kind": "hand"}),
                    at, at + 1, at + 31, json.dumps(code), 0 if good else 3, "" if good else "exit code 3",
                ),
            ).fetchone()  # fmt: skip
            if env:
                facts = json.dumps({"python": "3.11.7", "packages": [["numpy", "2.0"], ["pandas", "2.2"]]})
                db.execute("INSERT OR IGNORE INTO environments VALUES (?, ?)", (env, facts))
                db.execute("UPDATE runs SET environment = ? WHERE id = ?", (env, number))
            db.executemany(
                "INSERT INTO inputs (run, path, hash, size, rows) VALUES (?, ?, ?, ?, 12)",
                [(number, path, content, 5 if small else 2048) for path, content in reads.items()],
            )
            db.executemany(
                "INSERT INTO outputs (run, path, kind, size, hash) VALUES (?, ?, 'file', ?, ?)",
                [(number, path, 5 if small else 4096, content) for path, content in makes.items()],
            )
            for key, value in (params or {}).items():
                db.execute("INSERT OR IGNORE INTO names (space, name) VALUES ('param', ?)", (key,))
                db.execute(
                    "INSERT INTO params SELECT ?, id, ?, 0, 'file' FROM names WHERE space = 'param' AND name = ?",
                    (number, value, key),
                )
            if auc is not None:
                db.execute("INSERT OR IGNORE INTO names (space, name) VALUES ('metric', 'auc')")
                db.execute(
                    "INSERT INTO metrics SELECT ?1, id, ?2, 0, ?2, 0, ?2, 0, 1, 0, 0 FROM names WHERE name = 'auc'",
                    (number, auc),
                )
        return int(number)

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        """Write something else."""
        with transaction(self.connection) as db:
            db.execute(sql, arguments)
