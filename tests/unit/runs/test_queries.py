"""Reading runs while they are written."""

from __future__ import annotations

import threading
from pathlib import Path

from workbench.runs import queries
from workbench.runs.rows import save_params
from workbench.store.connection import open_reader, open_store, transaction


def test_runs_are_read_as_they_were_at_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "workbench.db"
    writer = open_store(path, create=True)
    insert = "INSERT INTO runs (uid, name, status, command, created) VALUES ('u', 'n', 'running', '\"x\"', 0)"
    writer.execute(insert)
    done = threading.Event()
    errors: list[Exception] = []

    def read() -> None:
        reader = open_reader(path)
        while not done.is_set():
            try:
                queries.load(reader, [1])
            except Exception as error:
                errors.append(error)
        reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(500):  # each time a name that was never there before
        with transaction(writer):
            save_params(writer, 1, {f"param {number}": number}, "script")
    done.set()
    thread.join()
    writer.close()
    assert errors == []
