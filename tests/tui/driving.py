"""Driving the interface in tests: an app without a terminal, waiting for what it shows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from workbench.actions import runs as actions
from workbench.project import Project
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.base import Page


def stop_all(project: Project) -> None:
    """End whatever still runs."""
    going = [run.number for run in actions.list_runs(project) if not run.is_over]
    actions.stop(project, going)
    wait_for(lambda: all(run.is_over for run in actions.list_runs(project)))


def wait_for(condition: Callable[[], bool], seconds: float = 40) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def screen(app: WorkbenchApp) -> list[str]:
    """Return what the terminal would show, line by line."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def text(app: WorkbenchApp) -> str:
    """Return what the terminal would show."""
    return "\n".join(screen(app))


def line_of(app: WorkbenchApp, word: str) -> str:
    """Return the first line of the terminal with a word, "" where there is none."""
    return next((line for line in screen(app) if word in line), "")


async def until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 30) -> None:
    """Let the app work until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited too long for the screen:\n" + text(pilot.app))  # type: ignore[arg-type]
        await asyncio.sleep(0.02)
        await pilot.pause()


async def shows(pilot: Pilot[None], *words: str) -> None:
    """Wait until all these words are on the screen."""
    await until(pilot, lambda: all(word in text(pilot.app) for word in words))  # type: ignore[arg-type]


async def open_page(
    pilot: Pilot[None],
    name: str,
    *words: str,
    target: object = None,
    ready: Callable[[Page], bool] = lambda page: True,
) -> None:
    """Go to a page, and wait until these words are on the screen and the page is ready."""
    app: WorkbenchApp = pilot.app  # type: ignore[assignment]
    await pilot.pause()
    app.go(name, target)
    await until(pilot, lambda: app.page is not None and app.page.screen_id == name and ready(app.page))
    await shows(pilot, *words)
    await pilot.pause()


def type_at_once(app: WorkbenchApp, words: str) -> None:
    """Send keys as a terminal does that hands over several together."""
    for char in words:
        name = {"\n": "enter", "\t": "tab"}.get(char) or _character_to_key(char)
        app.post_message(events.Key(name, char))


@contextlib.asynccontextmanager
async def driven(
    project: Project | None, size: tuple[int, int] = (120, 40), **options: object
) -> AsyncIterator[Pilot[None]]:
    """Run the app headless."""
    app = WorkbenchApp(project, **options)  # type: ignore[arg-type]
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot
