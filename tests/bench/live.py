"""How long after `log()` a value is on the screen, and what ten runs that log at once cost the interface."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import PROGRAM, PYTHON, Figure, quantile, scratch
from tests.bench.terminal import Terminal, terminal
from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.project import load

MARKS = 40
RUNS = 10
WINDOW_SECONDS = 8.0

# Each value is four digits that stand nowhere else, so that it can be found in what is painted.
_MARKER = f"""
import time, workbench
with open("logged", "w") as file:
    for number in range({MARKS}):
        time.sleep(0.31)
        value = 2003 + 137 * number
        file.write(f"{{value}} {{time.time()}}\\n")
        workbench.log({{"marker": value}})
    file.flush()
    time.sleep(1.0)
"""
_TENTH = """
import time, workbench
for step in range(400):
    workbench.log({"loss": 1 / (step + 2)})
    time.sleep(0.1)
"""


def bench() -> Iterator[Figure]:
    """Yield the median and the 95th percentile of the way to the screen, and the share of a core for ten runs."""
    with scratch() as folder:
        lags = _lags(folder)
        yield Figure("log() to the screen, median", [quantile(lags, 0.5)], "", [], "ms", 0.120)
        yield Figure("log() to the screen, 95 %", [quantile(lags, 0.95)], "", [], "ms", 0.250)
    with scratch() as folder:
        idle, share = _shares(folder)
        yield Figure("interface while ten runs log", share, "idle interface", idle, "%", 0.08)


def _lags(folder: Path) -> list[float]:
    (folder / "workbench.toml").write_text('[metric]\nname = "marker"\n', encoding="utf-8")
    (folder / "train.py").write_text(_MARKER, encoding="utf-8")
    project = load(folder)
    with terminal([PROGRAM], folder) as program:
        program.until(lambda seen: b"quit" in seen)
        number = starting.start(project, starting.Request((PYTHON, "train.py")))[0]
        while not (run := actions.get(project, str(number))).is_over:
            program.watch(0.2)
        pieces = program.pieces
    if run.status != "finished":
        raise RuntimeError(f"the run {run.status}: {run.reason}")
    logged = [line.split() for line in (folder / "logged").read_text(encoding="utf-8").splitlines()]
    return [_painted(pieces, value, float(moment)) - float(moment) for value, moment in logged]


def _painted(pieces: list[tuple[float, bytes]], value: str, since: float) -> float:
    """Return when the value was painted first; one that was overtaken by the next counts from the one after it."""
    wanted = re.compile(rb"(?<!\d)%d,?%03d(?!\d)" % divmod(int(value), 1000))
    for moment, text in pieces:
        if moment >= since and wanted.search(text):
            return moment
    raise RuntimeError(f"{value} was never painted")


def _shares(folder: Path) -> tuple[list[float], list[float]]:
    """Return the shares of a core that the interface takes without and with ten runs that log ten points a second."""
    (folder / "workbench.toml").write_text(f"[train]\nmax_parallel = {RUNS}\n", encoding="utf-8")
    (folder / "train.py").write_text(_TENTH, encoding="utf-8")
    project = load(folder)
    project.open_store().close()
    with terminal([PROGRAM], folder) as program:
        program.until(lambda seen: b"quit" in seen)
        program.rest()
        idle = [_share(program, 2.0) for _ in range(2)]
        numbers = [starting.start(project, starting.Request((PYTHON, "train.py")))[0] for _ in range(RUNS)]
        try:
            deadline = time.time() + 30
            while _logging(folder) < RUNS and time.time() < deadline:
                program.watch(0.5)
            busy = [_share(program, WINDOW_SECONDS / 2) for _ in range(2)]
        finally:
            actions.stop(project, numbers)
            while any(not actions.get(project, str(number)).is_over for number in numbers):
                program.watch(0.2)
    return [max(value, 0.001) for value in idle], busy


def _logging(folder: Path) -> int:
    connection = load(folder).open_reader()
    try:
        sql = "SELECT count(*) FROM metrics m JOIN names n ON n.id = m.name WHERE n.space = 'metric' AND m.count > 5"
        (count,) = connection.execute(sql).fetchone()
    finally:
        connection.close()
    return int(count)


def _share(program: Terminal, seconds: float) -> float:
    before, began = program.busy(), time.time()
    program.watch(seconds)
    return (program.busy() - before) / (time.time() - began)
