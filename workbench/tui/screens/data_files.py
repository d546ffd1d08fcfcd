"""The files of a folder on the Data screen: those that changed since the version before first, each with its size."""

from __future__ import annotations

from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import size
from workbench.tui.screens.data_sight import Files
from workbench.tui.widgets.canvas import Spans
from workbench.tui.widgets.table import Item, Table

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")
TONES = {"+": "better", "-": "worse", "~": "mark", " ": "text"}


class FileTable(Table):
    """One line for each file; an item is a sign and a path."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Files", id=id)
        self.files = Files()

    def take(self, files: Files, heading: str) -> None:
        """Take the files of another version."""
        self.files, self.heading = files, heading
        self.facts = _facts(files)
        changes = files.changes
        signs = {} if changes is None else dict.fromkeys(changes.added, "+") | dict.fromkeys(changes.changed, "~")
        gone = [] if changes is None else [f"-{path}" for path in changes.removed]
        marked = [f"{sign}{path}" for path, sign in signs.items()]
        self.set_items(sorted([*marked, *gone], key=lambda item: item[1:]) + [
            f" {path}" for path in files.sizes if path not in signs
        ])  # fmt: skip
        self.redraw()

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw one file."""
        sign, path, back = str(item)[0], str(item)[1:], "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        changes = self.files.changes
        text = size(self.files.sizes[path]) if path in self.files.sizes else ""
        if changes is not None and path in changes.changed:
            text = " → ".join(size(one) for one in changes.changed[path])
        elif changes is not None and path in changes.removed:
            text = size(changes.removed[path])
        grid.put(1, y, sign, Style(TONES[sign], back, bold=True))
        grid.put(3, y, clip(clean(path), max(1, grid.width - cells(text) - 6)), Style(TONES[sign], back, bold=here))
        grid.put(grid.width - cells(text) - 1, y, text, Style("dim", back))

    def draw_empty(self, grid: Grid) -> None:
        """Say why there is nothing."""
        for y, line in enumerate((self.files.problem or "An empty folder.").split("\n")):
            grid.put(1, y, clip(clean(line), grid.width - 2), _TEXT if y == 0 else _DIM)


def _facts(files: Files) -> Spans:
    """Return in a few words how the folder differs from the version before."""
    changes = files.changes
    if changes is None:
        return []
    counts = (("+", len(changes.added)), ("-", len(changes.removed)), ("~", len(changes.changed)))
    spans: Spans = [(f"{sign}{count:,} ", Style(fg=TONES[sign])) for sign, count in counts if count]
    return [*spans, (f"{changes.unchanged:,} the same", _DIM)]
