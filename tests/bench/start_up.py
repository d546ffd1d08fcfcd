"""What it costs to start the command line and to import the training API, beside a Python that does nothing.

Processor time, so that a busy machine does not count; the files are in memory, so it is also the time that passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import PROGRAM, PYTHON, ROOT, Figure, in_turns, process_busy_seconds


def bench() -> Iterator[Figure]:
    """Yield `workbench --help`, `import workbench`, and the import with the first look at `workbench.log`."""
    found = in_turns(
        20,
        {
            "pass": lambda: process_busy_seconds(PYTHON, "-c", "pass", cwd=ROOT),
            "help": lambda: process_busy_seconds(PROGRAM, "--help", cwd=ROOT),
            "import": lambda: process_busy_seconds(PYTHON, "-c", "import workbench", cwd=ROOT),
            "log": lambda: process_busy_seconds(PYTHON, "-c", "import workbench; workbench.log", cwd=ROOT),
        },
        warm=2,
    )
    nothing = found["pass"]
    yield Figure("workbench --help", found["help"], "python -c pass", nothing, "ms", 6, "ratio")
    yield Figure("import workbench", found["import"], "python -c pass", nothing, "ms", 0.015, "added")
    yield Figure("import workbench; workbench.log", found["log"], "python -c pass", nothing, "ms", 0.015, "added")
