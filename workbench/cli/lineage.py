"""`workbench lineage`: what a thing came from and what came from it."""

from __future__ import annotations

import argparse
import sys

from workbench import project as projects
from workbench.actions import lineage as actions
from workbench.cli import output
from workbench.cli.parsing import add_json
from workbench.errors import UsageError
from workbench.lineage import formats
from workbench.lineage.graph import Graph
from workbench.lineage.queries import Limits

_ROLES = {"run": "bold", "data": "mark", "output": "mark"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name the thing, the direction, how far, and the form."""
    parser.add_argument(
        "thing",
        metavar="THING",
        nargs="?",
        default="",
        help="a run, a path, path@hash, a commit, env:digest or the beginning of any hash (default: @best, or @latest)",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--forward", action="store_true", help="only what came from it: of a path, from all its versions")
    way.add_argument("--back", action="store_true", help="only what it came from")
    parser.add_argument("--depth", metavar="N", type=int, help="at most so many steps away (default: all the way)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tree", action="store_true", help="a tree (default)")
    form.add_argument("--mermaid", action="store_true", help="a Mermaid flow chart, for Markdown")
    form.add_argument("--dot", action="store_true", help="a graph for Graphviz")
    form.add_argument("--openlineage", action="store_true", help="OpenLineage events of the runs, one JSON on a line")
    add_json(form)  # type: ignore[arg-type]


def run(args: argparse.Namespace) -> int:
    """Print the lineage."""
    if args.depth is not None and args.depth < 0:
        raise UsageError("--depth wants 0 or more", "workbench lineage --depth 2")
    project = projects.find(args.folder)
    directions = ("forward",) if args.forward else ("back",) if args.back else actions.BOTH
    graph = actions.lineage(project, args.thing, directions=directions, limits=_limits(args))
    if args.json:
        output.print_json(formats.document(graph))
    elif args.openlineage:
        for line in actions.openlineage_events(project, graph):
            print(line)
    elif args.mermaid or args.dot:
        sys.stdout.write(formats.mermaid(graph) if args.mermaid else formats.dot(graph))
    else:
        _print_tree(graph, directions)
    return 0


def _limits(args: argparse.Namespace) -> Limits:
    """Return how much is read: all of it, unless a tree is printed of which no direction was named."""
    whole = args.forward or args.back or args.json or args.mermaid or args.dot or args.openlineage
    if whole:
        return Limits(depth=args.depth)
    standard = actions.TREE_LIMITS
    return Limits(depth=standard.depth if args.depth is None else args.depth, width=standard.width)


def _print_tree(graph: Graph, directions: tuple[str, ...]) -> None:
    colours = output.colourful(sys.stdout)
    for line in formats.tree(graph, directions):
        role = _ROLES.get(graph.nodes[line.key].kind, "") if line.key else "dim"
        note = f"  {output.paint(line.note, 'dim', colours=colours)}" if line.note else ""
        print(
            f"{output.paint(line.branch, 'dim', colours=colours)}{output.paint(line.text, role, colours=colours)}{note}"
        )
    runs = sum(node.kind == "run" for node in graph.nodes.values())
    left = sum(graph.hidden.values())
    words = f"{formats.counted(len(graph.nodes), 'thing')}, {formats.counted(runs, 'run')} among them"
    output.say(words + (f"; {left:,} left out: name --forward or --back for all of them" if left else ""))
