"""`workbench demo`: a sample project in a scratch folder, trained, compared, checked for drift, then opened."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.actions import demo as actions
from workbench.actions import runs as run_actions
from workbench.cli import output
from workbench.cli.attend import look_after
from workbench.cli.run import ending
from workbench.project import Project
from workbench.runs import queries
from workbench.runs.model import ENDED, GLYPHS, Run

_POLL_SECONDS = 0.05
_LOOK_AFTER_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to put it."""
    parser.add_argument("path", metavar="PATH", nargs="?", help="a folder to make (default: a scratch folder)")
    parser.add_argument("--no-interface", action="store_true", help="print the tables and leave")


def run(args: argparse.Namespace) -> int:
    """Copy, train, compare, look for drift; open the interface where there is a terminal."""
    target = None if args.path is None else args.folder / Path(args.path).expanduser()
    project = actions.copy_sample(target)
    output.say(f"The sample project {project.name} is in {project.folder}")
    _share_processors(project.config.max_parallel)
    numbers = actions.start_all(project)
    output.say(f"{len(numbers)} runs, {project.config.max_parallel} at a time:")
    try:
        statuses = _watch(project, numbers)
    except KeyboardInterrupt:
        run_actions.stop(project, numbers)
        raise
    _print_tables(project)
    if sys.stdin.isatty() and sys.stdout.isatty() and not args.no_interface:
        from workbench.cli.home import open_interface

        return open_interface(project.folder)
    output.say(f"Go on with:  cd {project.folder} && workbench")
    return 0 if all(status == "finished" for status in statuses) else 1


def _share_processors(places: int) -> None:
    """Give each of the runs its share of threads: two that want all of them take several times as long."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // places)))


def _watch(project: Project, numbers: Sequence[int]) -> list[str]:
    """Print a line when a run starts and when it ends, until all have ended; return their statuses."""
    reader = project.open_reader()
    shown: dict[int, str] = dict.fromkeys(numbers, "queued")
    looked, version = time.monotonic(), -1
    try:
        while any(status not in ENDED for status in shown.values()):
            if (now := reader.execute("PRAGMA data_version").fetchone()[0]) != version:
                version = now
                for each in queries.load(reader, numbers):
                    if each.status != shown[each.number]:
                        shown[each.number] = each.status
                        _tell(project, each, sum(status in ENDED for status in shown.values()), len(numbers))
            time.sleep(_POLL_SECONDS)
            if time.monotonic() - looked > _LOOK_AFTER_SECONDS:
                looked = time.monotonic()
                look_after(project)
    finally:
        reader.close()
    return [shown[number] for number in numbers]


def _tell(project: Project, run: Run, done: int, total: int) -> None:
    if run.is_over:
        output.say(f"[{done}/{total}] {ending(run, project.config.metric.name, time.time())}")
    else:
        output.say(f"[{done}/{total}] {GLYPHS[run.status]} run {run.number} {run.name}")


def _print_tables(project: Project) -> None:
    from workbench.cli.main import run_command
    from workbench.cli.runs import print_table

    metric = project.config.metric
    found = run_actions.list_runs(project, sort=metric.name, descending=metric.goal == "max")
    columns = ["run", "name", metric.name, "log_loss", "accuracy", *_params(), "duration"]
    print()
    print_table(project, found, columns, time.time())
    finished = {each.number for each in found if each.status == "finished"}
    repeated = [number for number in actions.REPEATED if number in finished]
    if len(repeated) > 1:
        names = [str(number) for number in repeated]
        print(f"\nIs the lower rate really worse?  workbench compare {' '.join(names)}\n", flush=True)
        run_command("compare", names, project.folder)
    print("\nIs every month like January?  workbench drift\n", flush=True)
    run_command("drift", [], project.folder)


def _params() -> list[str]:
    return [f"params.{key}" for key in dict.fromkeys(key for variant in actions.VARIANTS for key in variant)]
