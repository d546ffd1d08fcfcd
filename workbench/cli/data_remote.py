"""`workbench data push` and `workbench data pull`: versions of data carried to a remote, and back."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import project as projects
from workbench.actions import data_remote as actions
from workbench.cli import output
from workbench.cli.output import Cell, Column
from workbench.cli.parsing import add_json
from workbench.safe import clean

if TYPE_CHECKING:
    from workbench.versions.remote import Done, Moved

PLAIN_SECONDS = 5.0
BAR = 24


def add(subparsers: Any) -> None:
    """Add both commands."""
    one = subparsers.add_parser("push", help="send versions to the remote: only what is missing there")
    one.add_argument("--to", metavar="URL", default="", help="default: [remote] url; s3://…, sftp://…, a folder, …")
    _add_rest(one, "read back what is there already, and send again what is damaged")
    one.set_defaults(run=run_push)
    two = subparsers.add_parser("pull", help="bring versions from the remote: only what is missing here")
    two.add_argument("--from", dest="source", metavar="URL", default="", help="default: [remote] url")
    _add_rest(two, "read what is here already, and bring again what is damaged")
    two.set_defaults(run=run_pull)


def _add_rest(parser: argparse.ArgumentParser, verify: str) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a file or folder (default: all that has versions)")
    parser.add_argument("--verify", action="store_true", help=verify)
    add_json(parser)


def run_push(args: argparse.Namespace) -> int:
    """Send, and say what was sent."""
    project = projects.find(args.folder)
    with Progress() as tick:
        moved = actions.push(project, _paths(args), to=args.to, verify=args.verify, tick=tick)
    return _tell(args, moved, "Pushed", actions.address(project, args.to, "--to"))


def run_pull(args: argparse.Namespace) -> int:
    """Bring, and say what came."""
    project = projects.find(args.folder)
    with Progress() as tick:
        moved = actions.pull(project, _paths(args), source=args.source, verify=args.verify, tick=tick)
    code = _tell(args, moved, "Pulled", actions.address(project, args.source, "--from"))
    if moved.versions and not args.json:
        output.say(f"workbench data restore {clean(moved.versions[-1].path)}   puts it in its place")
    return code


def _paths(args: argparse.Namespace) -> list[str]:
    return [path if "://" in path else str(Path(args.folder) / path) for path in args.paths]


def _tell(args: argparse.Namespace, moved: Moved, done: str, url: str) -> int:
    from workbench.versions.places import shown

    if args.json:
        versions = [
            {"path": one.path, "hash": one.hash, "kind": one.kind, "size": one.size, "rows": one.rows,
             "kept": one.kept, "created": output.iso(one.created)}
            for one in moved.versions
        ]  # fmt: skip
        output.print_json(
            {"remote": shown(url), "versions": versions, "files": moved.files, "bytes": moved.bytes,
             "present": moved.present, "expired": moved.expired,
             "problems": list(moved.problems)}
        )  # fmt: skip
        return 1 if moved.problems else 0
    if moved.versions:
        columns = [Column("path", least=12), Column("version"), Column("size", right=True), Column("kept")]
        output.table(columns, [
            [one.path, Cell(one.hash[:12], "mark"), output.size(one.size), "yes" if one.kept else Cell("no", "dim")]
            for one in moved.versions
        ])  # fmt: skip
    for problem in moved.problems:
        output.say(f"Not complete: {problem}")
    if moved.expired:
        count = f"{moved.expired} version{'' if moved.expired == 1 else 's'}"
        output.say(f"{count} past the retention of the source: left where they are")
    there = "there" if done == "Pushed" else "here"
    way = "to" if done == "Pushed" else "from"
    count = f"{moved.files} file{'' if moved.files == 1 else 's'}"
    what = f"{count}, {output.size(moved.bytes)}" if moved.files else f"nothing: all of it is {there} already"
    output.say(f"{done} {what} ({way} {shown(url)})")
    return 1 if moved.problems else 0


class Progress:
    """How far a transfer is: a bar on a terminal, elsewhere a line now and then; nothing where it is over at once."""

    def __init__(self) -> None:
        self._bar = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._next = self._begun + (0.5 if self._bar else PLAIN_SECONDS)
        self._drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if kind is KeyboardInterrupt:
            output.say("Stopped. Both sides are sound; the same command goes on where it was.")

    def __call__(self, done: Done) -> None:
        """Show how far it is, when it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.1 if self._bar else PLAIN_SECONDS)
        line = progress_line(done, now - self._begun, bar=self._bar)
        if self._bar:
            self._drawn = True
            room = max(10, output.columns_of_terminal() - 1)
            print(f"\r{output.cut(line, room)}\x1b[K", end="", file=sys.stderr, flush=True)
        else:
            output.say(line)


def progress_line(done: Done, seconds: float, *, bar: bool) -> str:
    """Return one line on how far a transfer is: bytes, files, speed, and what is left at that speed."""
    part = done.bytes / done.of_bytes if done.of_bytes else 1.0
    speed = done.bytes / seconds if seconds > 0 else 0.0
    words = f"{output.size(done.bytes)} of {output.size(done.of_bytes)}, file {done.files} of {done.of_files}"
    if speed > 0:
        words += f", {output.size(speed)}/s, {output.span((done.of_bytes - done.bytes) / speed)} left"
    full = round(part * BAR)
    return f"{'█' * full}{'░' * (BAR - full)} {part:4.0%}  {words}" if bar else f"{part:.0%}: {words}"
