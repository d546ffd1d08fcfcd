"""The panel beside the runs: a preview of the one under the cursor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.tui.kit.frame import say
from workbench.tui.kit.grid import Grid
from workbench.tui.screens.runs_preview import draw_preview
from workbench.tui.widgets.canvas import Panel

if TYPE_CHECKING:
    from workbench.tui.screens.runs import RunsPage


class Preview(Panel):
    """The run under the cursor."""

    def __init__(self, page: RunsPage) -> None:
        super().__init__("Preview", id="preview")
        self.page = page

    def draw_inside(self, width: int, height: int) -> Grid:
        """Draw the run under the cursor, with one blank cell at either side."""
        grid = Grid(width, height)
        page, snapshot = self.page, self.page.snapshot
        if isinstance(page.table.current, int) and page.table.current < 0:
            grid.blit(say(width, height, "enter folds the group"), 0, 0)
            return grid
        grid.blit(draw_preview(snapshot.detail, snapshot.view, width - 2, height, time.time()), 1, 0)
        return grid
