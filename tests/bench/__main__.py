"""All benchmarks, or those whose names are given: `python tests/bench [NAME ...]`; prints one table.

Nothing here fails because a figure is over its target: the verdict is in the table, and a busy machine is no fault.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback
from pathlib import Path

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # programs that are compiled anew at each start say nothing
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measure import Figure, cells, table

BENCHES = (
    "log_call", "queryable", "tracked_run", "start_up", "big_store",
    "printed_lines", "interface", "live", "lineage", "data_versions", "data_diff", "validate",
    "code_tree", "drift", "pipeline",
)  # fmt: skip


def main(wanted: list[str]) -> int:
    """Run the benchmarks and print their table; 1 where one broke, 2 for a name that is none."""
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    figures: list[Figure] = []
    broken: list[str] = []
    for name in wanted or BENCHES:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            figures.extend(importlib.import_module(f"tests.bench.{name}").bench())
        except Exception:  # the others are still worth their table
            broken.append(name)
            traceback.print_exc()
    print(table([cells(figure) for figure in figures]))
    over = sum(not figure.ok for figure in figures)
    took, load = time.monotonic() - began, os.getloadavg()[0]
    print(f"\n{len(figures) - over} of {len(figures)} within their target; {took:.0f} s, load {load:.1f}")
    if broken:
        print(f"broken: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
