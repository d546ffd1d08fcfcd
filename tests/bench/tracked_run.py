"""What it costs that a script is run by Workbench: the whole command `workbench run -- python empty.py`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import PROGRAM, PYTHON, Figure, in_turns, process_seconds, scratch


def bench() -> Iterator[Figure]:
    """Yield the time from the start of the command to its end, when the finished run is in the store."""
    with scratch() as folder:
        for name in ("empty.py", "workbench.toml"):
            (folder / name).touch()
        process_seconds(PROGRAM, "run", "--", PYTHON, "empty.py", cwd=folder)  # makes the store
        found = in_turns(
            12,
            {
                "alone": lambda: process_seconds(PYTHON, "empty.py", cwd=folder),
                "tracked": lambda: process_seconds(PROGRAM, "run", "--", PYTHON, "empty.py", cwd=folder),
            },
            warm=2,
        )
        yield Figure("run of an empty script", found["tracked"], "script alone", found["alone"], "ms", 0.150, "added")
