"""A pipeline of 500 stages with nothing to do, the same in a program that goes on, and what each stage adds that runs.

Beside it make, which knows times instead of contents and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import (
    PROGRAM,
    Figure,
    busy_seconds,
    in_turns,
    process_busy_seconds,
    process_seconds,
    scratch,
)
from workbench.actions import pipeline
from workbench.project import load

STAGES, RUN_STAGES = 500, 100


def bench() -> Iterator[Figure]:
    """Yield the figures; what passes without work counts only where stages run."""
    with scratch() as folder:
        yield from _nothing_to_do(folder)
    with scratch() as folder:
        yield from _added(folder)


def _nothing_to_do(folder: Path) -> Iterator[Figure]:
    _chain(folder, STAGES)
    process_seconds(PROGRAM, "pipeline", cwd=folder)
    process_seconds("make", "-s", cwd=folder)
    found = in_turns(
        15,
        {
            "make": lambda: process_busy_seconds("make", "-s", cwd=folder),
            "ours": lambda: process_busy_seconds(PROGRAM, "pipeline", cwd=folder),
        },
        warm=2,
    )
    yield Figure(f"pipeline: {STAGES} stages, nothing to do", found["ours"], "make", found["make"], "ms", 0.150)
    project = load(folder)

    def look() -> None:
        assert all(verdict.state == "current" for verdict in pipeline.check(project))

    again = in_turns(15, {"look": lambda: busy_seconds(look)}, warm=2)["look"]
    yield Figure(f"pipeline: {STAGES} stages, looked at again", again, "", [], "ms", 0.030)


def _added(folder: Path) -> Iterator[Figure]:
    """Yield what passes for each stage that runs, and the processor time of all its processes, beside make."""
    _chain(folder, RUN_STAGES)
    make, ours = ("make", "-s", "-B"), (PROGRAM, "pipeline", "--force")
    found = in_turns(
        3,
        {
            "make": lambda: process_seconds(*make, cwd=folder) / RUN_STAGES,
            "ours": lambda: process_seconds(*ours, cwd=folder) / RUN_STAGES,
            "make busy": lambda: process_busy_seconds(*make, cwd=folder) / RUN_STAGES,
            "ours busy": lambda: process_busy_seconds(*ours, cwd=folder) / RUN_STAGES,
        },
    )
    name = f"pipeline: each of {RUN_STAGES} stages"
    yield Figure(name, found["ours"], "make", found["make"], "ms", 0.015, "added")
    yield Figure(f"{name}, processor", found["ours busy"], "make", found["make busy"], "ms", 0.020, "added")


def _chain(folder: Path, count: int) -> None:
    """Write stages that copy a file along, for Workbench and for make."""
    (folder / "f0").write_text("content\n")
    stages = "".join(
        f'[stages.s{at}]\ncommand = "cp f{at} f{at + 1}"\ninputs = ["f{at}"]\noutputs = ["f{at + 1}"]\n'
        for at in range(count)
    )
    (folder / "workbench.toml").write_text(f'[project]\nname = "chain"\n{stages}')
    rules = "".join(f"f{at + 1}: f{at}\n\tcp f{at} f{at + 1}\n" for at in range(count))
    (folder / "Makefile").write_text(f"all: f{count}\n{rules}")
