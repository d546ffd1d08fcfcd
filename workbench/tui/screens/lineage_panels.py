"""The panels of Lineage: the graph that is walked, the tree for narrow terminals, and what is said without runs."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from workbench.lineage.formats import TreeLine, tree
from workbench.lineage.graph import KINDS, Node, Reach, reach
from workbench.runs.model import GLYPHS
from workbench.safe import clean
from workbench.tui.charts import DIM, TEXT
from workbench.tui.kit.graph import Box, Link, Plan, draw, plan
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.screens.lineage_data import Sight
from workbench.tui.widgets.canvas import Canvas, Panel
from workbench.tui.widgets.table import Item, Table
from workbench.tui.widgets.text import TextPane

_TONES = {"failed": "worse", "running": "better"}
_MARGIN = 2
_SIZES = ((False, 36), (False, 30), (True, 30), (True, 24), (True, 20), (True, 18))
"""What is tried so that the picture fits: whether boxes are told in few words, and the most columns of one."""
_FEW = {"model": "model", "image": "image", "deployment": "deploy"}
_LONG_PATH = 26
EMPTY = (
    "No lineage yet.",
    "Name in workbench.toml what a run reads and makes:",
    '[train]  inputs = ["data/train.csv"]',
    '         outputs = ["model.joblib"]',
    "Then 2 goes to Runs, and r trains.",
)


class NothingYet(Canvas):
    """What is shown without runs, or where the focus cannot be shown."""

    DEFAULT_CSS = "NothingYet { width: 1fr; height: 1fr; }"
    words: tuple[str, ...] = EMPTY

    def draw(self, width: int, height: int) -> Grid:
        """Say what to do."""
        grid = Grid(width, height)
        wide = max(map(cells, self.words))
        left = max(0, (width - wide) // 2)
        top = max(0, (height - len(self.words)) // 2)
        for row, text in enumerate(self.words):
            grid.put(left, top + row, clip(text, width - left), DIM if row else TEXT)
        return grid


class GraphPanel(Panel, can_focus=True):
    """The layers as boxes; arrows walk along the lines and within a layer.

    `walk` is told the node to go to, and whether to open it; `further` the node at which the picture ends, and whether
    "back" or "forward". Both are called at once: of keys typed together each begins where the one before led.
    """

    DEFAULT_CSS = "GraphPanel { width: 1fr; height: 1fr; }"

    def __init__(
        self, walk: Callable[[str, bool], None], further: Callable[[str, str], None], *, id: str | None = None
    ) -> None:
        super().__init__("Lineage", id=id)
        self._walk = walk
        self._further = further
        self.sight = Sight()
        self.selected = ""
        self.plan = Plan()
        self.left = 0
        self.top = 0
        self._free = False
        self._trail: list[str] = []
        self._wide = 0
        self._few_words = False
        self._reach: tuple[Sight, str, Reach] | None = None

    def take(self, sight: Sight, selected: str) -> None:
        """Show another graph, or another node of it."""
        if sight is not self.sight:
            self.sight, self._wide = sight, 0
        if selected != self.selected:
            self._free = False
        self.selected = selected
        self.redraw()

    def _lay(self, width: int) -> None:
        """Give the boxes the width at which the picture fits: first with all words, then with few, then cut."""
        if self._wide == width:
            return
        layers = [[place.key for place in layer] for layer in self.sight.layers.layers]
        links = self._links(None)
        for self._few_words, most in _SIZES:
            self.plan = plan(layers, self._boxes(None), links, most=most)
            if self.plan.width + 2 * _MARGIN <= width:
                break
        self._wide = width

    def _boxes(self, lit: set[str] | None) -> dict[str, Box]:
        found = {}
        for key, node in self.sight.graph.nodes.items():
            glyph = f"{GLYPHS[node.status]} " if node.status in GLYPHS else ""
            word = KINDS[node.kind].word if not self._few_words else _FEW.get(node.kind, "")
            head = f"{word} " if word else ""
            look = "chosen" if key == self.selected else "plain" if lit is None or key in lit else "faint"
            tone = _TONES.get(node.status, "")
            found[key] = Box(key, f"{head}{glyph}{_shown(node, self._few_words)}", look, len(head), tone)
        return found

    def _links(self, found: Reach | None) -> list[Link]:
        lit = None if found is None else {(edge.source, edge.target) for edge in found.edges}
        links = []
        for source, target, edge in self.sight.layers.links:
            turned = edge[1] == source or (edge[0] == target)
            arrow = ("◀" if edge[1] == source else "") if turned else "▶"
            links.append(Link(source, target, lit is not None and edge not in lit, arrow))
        return links

    def reached(self) -> Reach:
        """Return what lies before and after the selected node."""
        if self._reach is None or self._reach[0] is not self.sight or self._reach[1] != self.selected:
            self._reach = (self.sight, self.selected, reach(self.sight.graph, [self.selected]))
        return self._reach[2]

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw what is in view, moved so that the selected box is."""
        self._lay(width)
        found = self.reached()
        boxes = self._boxes({self.selected, *found.back, *found.forward})
        self._follow(width, height)
        return draw(self.plan, boxes.values(), self._links(found), width, height, left=self.left, top=self.top)

    def _follow(self, width: int, height: int) -> None:
        spot = self.plan.spots.get(self.selected)
        if spot is not None and not self._free:
            self.left = min(self.left, spot.x - _MARGIN)
            self.left = max(self.left, spot.x + spot.width + _MARGIN - width)
            self.top = max(min(self.top, spot.y - 1), spot.y + 2 - height)
        self.left = _kept(self.left, self.plan.width, width, _MARGIN)
        self.top = _kept(self.top, self.plan.height, height, 0)

    # --- walking

    def _go(self, key: str) -> None:
        if key:
            self._free = False
            self._walk(key, False)

    def _step(self, side: int) -> None:
        """Go to the neighbour before (0) or after (1) that is nearest, back the way one came where there is one."""
        links = self.sight.graph.neighbours()[side]
        here = self.plan.spots.get(self.selected)
        near = [edge[side] for edge in links.get(self.selected, ())]
        if not near or here is None:
            self._further(self.selected, "forward" if side else "back")
            return
        trail = [key for key in reversed(self._trail[-12:]) if key in near]
        target = trail[0] if trail else min(near, key=lambda key: abs(self.plan.spots[key].y - here.y))
        self._trail.append(self.selected)
        self._go(target)

    def do_left(self) -> None:
        """Go to what it came from."""
        self._step(0)

    def do_right(self) -> None:
        """Go to what came from it."""
        self._step(1)

    def _layer(self) -> list[str]:
        for layer in self.sight.layers.layers:
            keys = [place.key for place in layer if place.edge is None]
            if self.selected in keys:
                return keys
        return []

    def _along(self, by: int) -> None:
        layer = self._layer()
        if layer:
            at = layer.index(self.selected)
            self._trail.clear()
            self._go(layer[max(0, min(len(layer) - 1, at + by))])

    def do_up(self) -> None:
        """Go up in the layer."""
        self._along(-1)

    def do_down(self) -> None:
        """Go down in the layer."""
        self._along(1)

    def do_page_up(self) -> None:
        """Go up by some."""
        self._along(-max(1, self.size.height // 3 - 1))

    def do_page_down(self) -> None:
        """Go down by some."""
        self._along(max(1, self.size.height // 3 - 1))

    def do_first(self) -> None:
        """Go to the top of the layer."""
        self._along(-(10**6))

    def do_last(self) -> None:
        """Go to the bottom of the layer."""
        self._along(10**6)

    # --- mouse

    def on_click(self, event: events.Click) -> None:
        """Select with a click, open with two."""
        edge = 1 if self.size.width >= 6 and self.size.height >= 3 else 0
        key = self.plan.at(event.x - edge + self.left, event.y - edge + self.top)
        if key:
            self._trail.clear()
            self._walk(key, event.chain == 2)

    def _shift(self, rows: int) -> None:
        self._free = True
        self.top += rows
        self.redraw()

    def wheeled(self, lines: int) -> None:
        """Scroll."""
        self._shift(lines)


def _kept(at: int, whole: int, room: int, margin: int) -> int:
    """Return the start of a window: small pictures stand at its beginning, large ones stay in it."""
    if whole + 2 * margin <= room:
        return -margin
    return max(-margin, min(at, whole + margin - room))


def _shown(node: Node, few: bool) -> str:
    """Return a label for a box: of a path in folders only the end where it is long, and in few words less of it."""
    label = clean(node.label, 200)
    if node.kind in ("data", "output"):
        folder, _, name = label.rpartition("/")
        if folder and (few or len(label) > _LONG_PATH):
            label = name if few else f"…/{name}"
        path, sign, content = label.rpartition("@")
        return f"{path}@{content[:4]}" if few and sign else label
    if few and node.kind == "params":
        known = node.facts.get("values") or {}
        return label.split(" ")[0] + (f" +{len(known) - 1}" if len(known) > 1 else "")
    if few and node.kind == "env":
        return label.partition("@")[0] or label
    return label


class FactsPane(TextPane):
    """The facts of what is selected, with its id at the right of the border."""

    note = ""

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the lines; where all are in view the border has room for the id."""
        grid = super().draw_inside(width, height)
        if not self.facts and self.note:
            self.facts = [(self.note, DIM)]
        return grid


class TreePanel(Table):
    """The same as a tree, for narrow terminals and for those who like it more."""

    DEFAULT_CSS = "TreePanel { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Lineage", id=id)
        self.sight = Sight()
        self.lines_: list[TreeLine] = []

    def take(self, sight: Sight, selected: str) -> None:
        """Show another graph, or another node of it."""
        if sight is not self.sight:
            self.sight = sight
            self.lines_ = tree(sight.graph)
            self.set_items(range(len(self.lines_)))
        if self.key != selected:
            at = next((index for index, line in enumerate(self.lines_) if line.key == selected), 0)
            self.cursor = at
        self.redraw()

    @property
    def key(self) -> str:
        """The key of the node under the cursor, "" on a heading."""
        return self.lines_[self.cursor].key if 0 <= self.cursor < len(self.lines_) else ""

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw a branch, the node, and what is said of it."""
        line, back = self.lines_[int(item)], "select" if here else ""
        x = 1
        for text, style in (
            (line.branch, Style("axis", back)),
            (line.text, Style("text" if line.key else "dim", back, bold=here)),
            ("  " + line.note, Style("dim", back)),
        ):
            grid.put(x, y, clip(text, max(0, grid.width - x)), style)
            x += cells(text)

    def _depth(self, at: int) -> int:
        return len(self.lines_[at].branch)

    def do_left(self) -> None:
        """Go to the branch that this one hangs on."""
        above = [at for at in range(self.cursor) if self._depth(at) < self._depth(self.cursor)]
        if above:
            self._go(above[-1])

    def do_right(self) -> None:
        """Go to the first branch below."""
        if self.cursor + 1 < len(self.lines_) and self._depth(self.cursor + 1) > self._depth(self.cursor):
            self._go(self.cursor + 1)
