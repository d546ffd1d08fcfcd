"""What one `log()` of one value costs the training loop, beside a JSON line that is written and flushed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

from tests.bench.measure import PYTHON, ROOT, Figure, quantile, scratch

# Each call is timed by itself; what an empty pair of clock readings costs is taken off.
_SCRIPT = """
import json, sys, time
import workbench
from workbench import tracking

BLOCKS, CALLS = 20, 2_500
clock = time.perf_counter_ns
lines = open(sys.argv[1], "w")

def logged(value):
    workbench.log({"loss": value})

def written(value):
    lines.write(json.dumps({"name": "loss", "step": value, "time": time.time(), "value": value}) + "\\n")
    lines.flush()

def empty(value):
    pass

def block(call):
    taken = []
    for value in range(CALLS):
        began = clock()
        call(value * 0.001)
        taken.append(clock() - began)
    return taken

found = {"logged": [], "written": [], "empty": []}
for number in range(-1, BLOCKS):
    for call in (logged, written, empty):
        taken = block(call)
        if number >= 0:
            found[call.__name__] += taken
print(json.dumps(found))
"""


def bench() -> Iterator[Figure]:
    """Yield the call of one value by its median, its mean and its 99th percentile."""
    with scratch() as folder:
        environment = {**os.environ, "WORKBENCH_RUN_DIR": str(folder), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [PYTHON, "-c", _SCRIPT, str(folder / "lines.jsonl")],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
    found = json.loads(done.stdout)
    idle = quantile(found["empty"], 0.5)
    ours, raw = ([(value - idle) / 1e9 for value in found[name]] for name in ("logged", "written"))
    for word, share in (("median", 0.5), ("99 %", 0.99)):
        yield Figure(
            f"log() of one value, {word}",
            [quantile(part, share) for part in _blocks(ours)],
            "JSON line, flushed",
            [quantile(part, share) for part in _blocks(raw)],
            "us",
            1.3,
            "ratio",
        )


def _blocks(values: list[float], size: int = 2_500) -> list[list[float]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
