"""The list of the Data screen at its top: versions of all data under their paths."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.actions.data_tables import Version
from workbench.safe import clean
from workbench.tui.kit.grid import Grid, Style, cells, clip
from workbench.tui.kit.numbers import age, size
from workbench.tui.screens.data_sight import Data
from workbench.tui.widgets.table import Item, Table
from workbench.words import counted, ranges

_DIM, _TEXT = Style(fg="dim"), Style(fg="text")


def signed(count: int) -> str:
    """Return a difference of counts, "=" for none."""
    return f"{count:+,}" if count else "="


class VersionTable(Table):
    """Versions of all data; an item is a path, or a path and a hash with a line break between them."""

    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Data", id=id)
        self.data: dict[str, Data] = {}
        self.versions: dict[str, tuple[Version, Version | None]] = {}
        self.now = 0.0

    def take(self, data: Sequence[Data], now: float) -> None:
        """Take what was read; the cursor stays on its version."""
        first = not self.items
        self.now = now
        self.data = {one.path: one for one in data}
        self.versions, items = {}, list[Item]()
        for one in data:
            items.append(one.path)
            for at, version in enumerate(one.versions):
                key = f"{one.path}\n{version.hash}"
                before = one.versions[at + 1] if at + 1 < len(one.versions) else None
                self.versions[key] = (version, before)
                items.append(key)
        self.set_items(items)
        if first:
            self.cursor = next((at for at, item in enumerate(items) if item in self.versions), 0)
        self.redraw()

    @property
    def chosen(self) -> Version | None:
        """The version under the cursor; on the line of a path the newest one."""
        item = str(self.current or "")
        if item in self.versions:
            return self.versions[item][0]
        one = self.data.get(item)
        return one.versions[0] if one is not None and one.versions else None

    @property
    def path(self) -> str:
        """The path under the cursor."""
        return str(self.current or "").partition("\n")[0]

    def draw_head(self, grid: Grid, width: int) -> None:
        """Name the columns."""
        grid.fill(0, 0, width, 1, Style(bg="head"))
        for x, length, name, right in _places(width):
            text = clip(name, length)
            grid.put(x + length - cells(text) if right else x, 0, text, Style(fg="dim", bg="head"))

    def draw_row(self, grid: Grid, y: int, item: Item, here: bool) -> None:
        """Draw a path or a version."""
        back = "select" if here else ""
        if here:
            grid.put(0, y, "▌", Style(fg="accent" if self.has_focus else "dim", bg=back))
        if item not in self.versions:
            self._draw_path(grid, y, str(item), back)
            return
        version, before = self.versions[str(item)]
        rows, gone = version.rows, before.rows if before is not None else None
        delta = "" if before is None else signed(version.size - before.size)
        if rows is not None and gone is not None:
            delta = signed(rows - gone)
        files = counted(version.files, "file") if version.kind == "folder" else ""
        texts = {
            "when": age(max(0.0, self.now - version.seen)),
            "version": version.hash[:10],
            "size": size(version.size),
            "rows": f"{rows:,}" if rows is not None else files,
            "change": delta,
            "runs": ("" if version.kept else "not kept  ") + ranges(version.runs),
        }
        for x, length, name, right in _places(grid.width):
            text = clip(texts[name], length)
            look = Style("text" if name in ("version", "rows") else "dim", back, bold=name == "version" and here)
            if name == "change" and text.startswith(("+", "-")):
                look = Style("better" if text[0] == "+" else "worse", back)
            grid.put(x + length - cells(text) if right else x, y, text, look)

    def _draw_path(self, grid: Grid, y: int, path: str, back: str) -> None:
        name = clip(clean(path), max(4, grid.width - 24))
        grid.put(1, y, name, Style(fg="accent", bg=back, bold=True))
        count = len(self.data[path].versions)
        words = f"{count} version{'' if count == 1 else 's'}" if count else "no version yet: r takes one"
        x = cells(name) + 3
        grid.put(x, y, clip(words, grid.width - x - 1), Style(fg="dim", bg=back))

    def draw_empty(self, grid: Grid) -> None:
        """Say what to do."""
        grid.put(2, 0, clip("Name the training data in workbench.toml", grid.width - 2), _TEXT)
        grid.put(2, 1, clip('[data] train = "data/train.csv"', grid.width - 2), _DIM)


def _places(width: int) -> list[tuple[int, int, str, bool]]:
    """Return where the columns of a version are: first cell, length, name, whether at the right."""
    wanted = [("when", 4, True), ("version", 10, False), ("rows", 9, True), ("change", 9, True), ("size", 8, True)]
    kept = [
        one for at, one in enumerate(wanted) if 2 + sum(length + 2 for _, length, _ in wanted[: at + 1]) <= width + 2
    ]
    found, x = [], 2
    for name, length, right in kept:
        found.append((x, min(length, max(1, width - x)), name, right))
        x += length + 2
    if width - x >= 4:
        found.append((x, width - x - 1, "runs", False))
    return found
