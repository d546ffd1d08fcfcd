"""Lineage: data → code → run → model, walkable, around what is in focus; the facts of what is selected below."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult

from workbench.actions import lineage as actions
from workbench.lineage.formats import counted, node_text
from workbench.lineage.graph import Node
from workbench.paths import relative_to
from workbench.safe import clean
from workbench.tui.charts import DIM
from workbench.tui.kit.grid import Style
from workbench.tui.screens import available
from workbench.tui.screens.base import Page
from workbench.tui.screens.lineage_data import Sight, Wish, read_sight
from workbench.tui.screens.lineage_details import details, identity
from workbench.tui.screens.lineage_panels import EMPTY, FactsPane, GraphPanel, NothingYet, TreePanel
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.dialog import Choice, Chooser
from workbench.tui.widgets.table import Item, Table

TREE_BELOW = 100
DEPTHS = (2, 4, 8, 16)
WIDTH = 8
FORMATS = (
    Choice("mermaid", "Mermaid", "a flow chart for Markdown"),
    Choice("dot", "DOT", "a graph for Graphviz"),
    Choice("json", "JSON", "nodes and edges"),
)


class LineagePage(Page):
    """What the focus came from and what came from it."""

    screen_id: ClassVar[str] = "lineage"
    DEFAULT_CSS = """
    LineagePage #graph, LineagePage #tree { height: 1fr; width: 1fr; }
    LineagePage #facts { height: 10; width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.thing = ""
        self.selected = ""
        self.depth = 4
        self.width = WIDTH
        self.sight = Sight()
        self.as_tree: bool | None = None
        self._earlier: list[str] = []
        self._origin = "runs"
        self._pane = "walk"

    def compose(self) -> ComposeResult:
        """Put up the panels; which are in view depends on the room."""
        yield NothingYet(id="nothing")
        yield GraphPanel(self.walk, self.read_further, id="graph")
        yield TreePanel(id="tree")
        yield FactsPane(id="facts")

    @property
    def graph(self) -> GraphPanel:
        """The graph."""
        return self.query_one("#graph", GraphPanel)

    @property
    def branches(self) -> TreePanel:
        """The tree."""
        return self.query_one("#tree", TreePanel)

    @property
    def facts(self) -> FactsPane:
        """The facts of what is selected."""
        return self.query_one("#facts", FactsPane)

    # --- what is read and shown

    def enter(self, target: Any) -> None:
        """Put what is given in focus: a run by number, anything by its name or key, or (screen one came from, it)."""
        self._origin, target = target if isinstance(target, tuple) else ("runs", target)
        if target is not None:
            self._focus_on(f"run:{target}" if isinstance(target, int) else str(target))
            self._earlier.clear()
        self._arrange()

    def _focus_on(self, thing: str) -> None:
        if thing != self.thing:
            self._earlier.append(self.thing)
            self.thing, self.selected, self.width = thing, "", WIDTH

    def request(self) -> Wish | None:
        """Ask for the graph around the focus."""
        return None if self.project is None else Wish(self.project, self.thing, self.depth, self.width)

    def load(self, connection: sqlite3.Connection | None, request: Any) -> Sight:
        """Read it, on the reader's thread."""
        return Sight() if request is None else read_sight(connection, request)

    def show(self, snapshot: Sight) -> None:
        """Take what was read; the selected node stays where it is still there."""
        if snapshot.graph == self.sight.graph and snapshot.runs == self.sight.runs:
            snapshot = self.sight if snapshot.problem == self.sight.problem else snapshot
        self.sight = snapshot
        if self.selected not in snapshot.graph.nodes:
            self.selected = next(iter(snapshot.graph.focus), "")
        nothing = self.query_one("#nothing", NothingYet)
        has_runs = not snapshot.problem.startswith("There are no runs")
        nothing.words = (snapshot.problem, snapshot.hint) if snapshot.problem and has_runs else EMPTY
        nothing.redraw()
        self._arrange()
        self._show_all()
        self.bench.refresh_bars()

    def _show_all(self) -> None:
        here, panels = self.sight.graph.nodes.get(self.selected), (self.graph, self.branches)
        focus = self.sight.graph.nodes.get(next(iter(self.sight.graph.focus), ""))
        shown = sum(node.kind != "more" for node in self.sight.graph.nodes.values())
        words = f"{counted(shown, 'thing')} · depth {self.depth}"
        if focus is not None:
            words += f" · focus: {clean(focus.title, 40)}"
        for panel in panels:
            panel.facts = [(words, DIM)]
            if panel.display:
                panel.take(self.sight, self.selected)
        self.facts.heading = node_text(here) if here is not None else ""
        self.facts.set_text(details(self.sight, self.selected, time.time(), self.size.width - 4))
        self.facts.note = identity(self.sight, self.selected)
        self.facts.redraw()

    # --- the room

    def on_resize(self, event: events.Resize) -> None:
        """Show what there is room for."""
        self._arrange()
        self._show_all()

    @property
    def is_tree(self) -> bool:
        """Whether the tree is in view: where it was asked for, else on narrow terminals."""
        return self.size.width < TREE_BELOW if self.as_tree is None else self.as_tree

    def _has_room(self) -> bool:
        return self.size.height >= 17

    def _arrange(self) -> None:
        if not self.is_mounted:
            return
        has, both = bool(self.sight.graph.nodes), self._has_room()
        walks = has and (both or self._pane == "walk")
        self.query_one("#nothing").display = not has
        self.graph.display = walks and not self.is_tree
        self.branches.display = walks and self.is_tree
        self.facts.display = has and (both or self._pane == "facts")
        self.facts.styles.height = min(10, self.size.height // 2) if both else "1fr"
        focused = self.app.focused
        if has and (focused is None or not focused.display or focused not in (self.graph, self.branches, self.facts)):
            self.focus_first()

    def focus_first(self) -> None:
        """Give the focus to the pane in view."""
        if self.sight.graph.nodes:
            walk = self.branches if self.is_tree else self.graph
            (self.facts if self._pane == "facts" else walk).focus()

    def can_next_pane(self) -> str:
        """There must be something."""
        return "" if self.sight.graph.nodes else EMPTY[0]

    can_previous_pane = can_next_pane

    def do_next_pane(self) -> None:
        """Go from the graph to the facts, and back."""
        self._pane = "facts" if self._pane == "walk" else "walk"
        self._arrange()
        self._show_all()
        self.focus_first()

    do_previous_pane = do_next_pane

    def status(self) -> Spans:
        """Say what the focus lacks, or what is at the cursor."""
        node = self.sight.graph.nodes.get(self.selected)
        if node is None:
            return []
        into, _ = self.sight.graph.neighbours()
        if node.kind == "run" and not any(edge.kind in ("input", "changed") for edge in into[node.key]):
            return [
                ('This run recorded no data: name it in workbench.toml with  [train] inputs = ["data/train.csv"]', DIM)
            ]
        if not self._has_room():
            return [("tab ", Style(fg="key")), ("facts" if self._pane == "walk" else "graph", DIM)]
        found = self.graph.reached() if not self.is_tree else None
        return (
            []
            if found is None
            else [(f"{len(found.back)} before, {len(found.forward)} after {clean(node.title, 60)}", DIM)]
        )

    # --- walking

    def walk(self, key: str, opened: bool) -> None:
        """Go to a node, or open it."""
        self.selected = key
        self._show_all()
        if opened:
            self.do_open()
        else:
            self.bench.refresh_bars()

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if self.branches.key:
            self.selected = self.branches.key
            self._show_all()

    def open_item(self, table: Table, item: Item) -> None:
        """Open what is selected."""
        if self.branches.key:
            self.selected = self.branches.key
            self.do_open()

    def read_further(self, key: str, side: str) -> None:
        """Read on where the picture ends before the store does."""
        if (key, side) in self.sight.graph.deeper:
            self._focus_on(key)
            self.selected = key
            self.ask()
        else:
            self.bench.say("Nothing came before it." if side == "back" else "Nothing came from it yet.")

    def node(self) -> Node | None:
        """Return the selected node."""
        return self.sight.graph.nodes.get(self.selected)

    # --- keys

    def can_open(self) -> str:
        """There must be something."""
        return "" if self.node() is not None else EMPTY[0]

    can_copy = can_export = can_trace = can_depth = can_open

    def do_open(self) -> None:
        """Open a run or a version of data; show more where something was left out; put anything else in focus."""
        node = self.node()
        if node is None:
            return
        if node.kind == "run":
            self.bench.open_run(int(node.facts["run"]))
        elif node.kind == "more":
            self.selected = str(node.facts["of"])
            self.width *= 4
            self.ask()
        elif not self._open_data(node):
            self.do_trace()

    def _open_data(self, node: Node) -> bool:
        """Show a version of data on its own screen, where it was taken."""
        path = str(node.facts.get("version_of") or "")
        if not path or "\n" in path or "data" not in available():
            return False
        self.bench.go("data", f"{path}\n{node.facts['hash']}")
        return True

    def do_trace(self) -> None:
        """Put what is selected in focus."""
        node = self.node()
        if node is not None and node.kind != "more":
            self._focus_on(node.key)
            self.selected = node.key
            self.ask()

    def do_back(self) -> None:
        """Go back to the focus before, then to where one came from."""
        if self._pane == "facts" and not self._has_room():
            self.do_next_pane()
        elif self._earlier:
            self.thing, self.selected, self.width = self._earlier.pop(), "", WIDTH
            self.ask()
        else:
            self.bench.go(self._origin)

    def do_tree_view(self) -> None:
        """Change between graph and tree."""
        self.as_tree = not self.is_tree
        self._arrange()
        self._show_all()
        self.focus_first()

    def do_depth(self) -> None:
        """Read further, or from the beginning after the furthest."""
        self.depth = next((depth for depth in DEPTHS if depth > self.depth), DEPTHS[0])
        self.bench.say(f"{self.depth} steps before and after the focus.")
        self.ask()

    def do_copy(self) -> None:
        """Copy the id: a hash, a commit, a digest."""
        node = self.node()
        if node is not None:
            self.bench.copy(node.id or node.label)

    def do_export(self) -> None:
        """Ask for a format, and write the graph in view."""
        project, graph = self.project, self.sight.graph
        if project is None:
            return

        def told(path: Any) -> None:
            self.bench.toast(f"Wrote {relative_to(path, project.folder)}")

        def write(kind: str) -> None:
            self.bench.act("Writing", actions.export, project, graph, kind, done=told)

        self.bench.ask_for(Chooser("Export lineage", list(FORMATS)), write)

    def commands(self) -> list[tuple[str, str, Callable[[], object]]]:
        """Offer every node in view by name."""
        found: list[tuple[str, str, Callable[[], object]]] = []
        for key, node in list(self.sight.graph.nodes.items())[:60]:
            if node.kind != "more":
                found.append((f"lineage of {node_text(node)}", "Put it in focus", lambda key=key: self._trace(key)))  # type: ignore[misc]
        return found

    def _trace(self, key: str) -> None:
        self.selected = key
        self.do_trace()
