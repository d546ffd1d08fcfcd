"""Nothing that comes from outside is parsed as markup or reaches the terminal as a control sequence."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.widgets import Static

from tests.tui.driving import driven, screen, shows, until
from workbench.actions import runs as actions
from workbench.project import Project
from workbench.store.connection import transaction
from workbench.tui.safety import SafeFilter

POISON = [
    "[red]red[/]",
    "[/] [/nope]",
    "[@click=app.quit]click[/]",
    "two\nlines\r\x08",
    "\x1b]52;c;cHduZWQ=\x1b\\clip",
    "\x1b]0;PWNED\x07title",
    "\x9b2Jwipe\x1bc",
    "\u202egnp.exe \u200b\u2066",
    "wide 漢字 e\u0301 \ufe0f",
]


@pytest.fixture
def poisoned(project: Project) -> Project:
    """The project with poison in every field of its runs."""
    everything = " ".join(POISON)
    connection = project.open_store()
    with transaction(connection):
        for number, word in ((1, POISON[2]), (2, everything), (3, POISON[4])):
            trigger = {"kind": "change", "what": word, "files": [{"path": word, "old": word, "new": word}]}
            code = {"kind": "git", "commit": word, "branch": word, "tree": word, "problem": word}
            connection.execute(
                "UPDATE runs SET name = ?, note = ?, reason = ?, host = ?, trigger = ?, code = ?, command = ?"
                " WHERE id = ?",
                (word, word, word, word, json.dumps(trigger), json.dumps(code), json.dumps([word]), number),
            )
            connection.execute("INSERT INTO tags VALUES (?, ?)", (number, word))
            connection.execute("INSERT INTO notices (run, t, text) VALUES (?, 5, ?)", (number, word))
            connection.execute(
                "INSERT INTO outputs (run, path, kind, problem) VALUES (?, ?, 'file', ?)", (number, word, word)
            )
        for name in connection.execute("SELECT id, space FROM names WHERE name <> 'val_auc'").fetchall():
            connection.execute("UPDATE names SET name = ? WHERE id = ?", (f"{name[0]}{everything}", name[0]))
        connection.execute("UPDATE params SET value = ?, json = 0 WHERE run = 2", (everything,))
        connection.execute(
            "UPDATE environments SET facts = ?",
            (
                json.dumps(
                    {everything: everything, "packages": {everything: everything}, "imported": {everything: "x"}}
                ),
            ),
        )
    connection.close()
    for run in actions.list_runs(project):
        (project.run_folder(run.uid) / "output.log").write_bytes(everything.encode() + b"\n\xff\xfe half \xc3")
    return project


def harmless(lines: list[str]) -> None:
    for line in lines:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line), repr(line)


async def test_poison_in_every_field_is_shown_as_text(poisoned: Project) -> None:
    async with driven(poisoned, (160, 50)) as pilot:
        await shows(pilot, "1–3 of 3", "[@click=app.quit]")
        harmless(screen(pilot.app))
        for key in (
            "down",
            "o",
            "escape",
            "C",
            "escape",
            "s",
            "escape",
            "y",
            "escape",
            "T",
            "escape",
            "ctrl+p",
            "escape",
        ):
            await pilot.press(key)
            await pilot.pause()
            harmless(screen(pilot.app))
        for key in ("x", "ctrl+d"):
            await pilot.press(key)
            await until(pilot, lambda: not pilot.app.doing)
            harmless(screen(pilot.app))
            await pilot.press("escape")
        pilot.app.open_run(2)
        await until(pilot, lambda: pilot.app.page.screen_id == "run" and pilot.app.page.snapshot.run is not None)
        for _ in range(9):
            await pilot.press("tab")
            await until(pilot, lambda: not pilot.app.doing)
            harmless(screen(pilot.app))
        await pilot.press("1")
        await shows(pilot, "little")
        harmless(screen(pilot.app))


async def test_a_click_on_a_name_runs_nothing(poisoned: Project) -> None:
    async with driven(poisoned) as pilot:
        await shows(pilot, "[@click=app.quit]")
        row = next(y for y, line in enumerate(screen(pilot.app)) if "[@click" in line)
        for x in range(10, 30, 3):
            await pilot.click(offset=(x, row))
        assert pilot.app.is_running
        assert pilot.app._exit is False


async def test_poison_in_toasts_and_the_status_line_is_text(empty_project: Project) -> None:
    async with driven(empty_project) as pilot:
        await until(pilot, lambda: pilot.app.page is not None)
        for word in POISON:
            pilot.app.toast(word, title=word)
            pilot.app.say(word)
            await pilot.pause()
            harmless(screen(pilot.app))
        pilot.app.toast(POISON[0])
        await shows(pilot, "[red]red[/]")


def test_the_filter_takes_controls_out_and_leaves_styles() -> None:
    style = Style(bold=True)
    (one,) = SafeFilter().apply([Segment("a\x1b]52;c;x\x07\u202eb", style)], None)
    assert one.text == "a]52;c;xb"
    assert one.style == style


async def test_textual_still_calls_the_filter() -> None:
    class Raw(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("raw \x1b]0;title\x07 \x9b2J", markup=False)

        def get_line_filters(self):
            return [*super().get_line_filters(), SafeFilter()]

    app = Raw()
    async with app.run_test(size=(40, 5)) as pilot:
        await pilot.pause()
        shown = "".join(segment.text for strip in app.screen._compositor.render_strips() for segment in strip)
        assert "raw" in shown
        assert "\x1b" not in shown
        assert "\x9b" not in shown


def test_no_sequence_of_the_data_reaches_a_real_terminal(poisoned: Project) -> None:
    script = (
        "import sys; from pathlib import Path; from workbench.project import load;"
        "from workbench.tui.app import run_app;"
        "run_app(load(Path(sys.argv[1])))"
    )
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(poisoned.folder)],
        stdin=follower, stdout=follower, stderr=follower, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    keys = [b"j", b"\r", b"\t", b"\t", b"\t", b"\t", b"\t", b"\t", b"\t", b"\x1b", b"q"]
    end, quiet = time.monotonic() + 60, 0
    try:
        while process.poll() is None and time.monotonic() < end:
            ready, _, _ = select.select([leader], [], [], 0.3)
            if ready:
                try:
                    seen += os.read(leader, 65536)
                except OSError:
                    break
                quiet = 0
                continue
            quiet += 1
            if b"click=app" in seen and quiet >= 1 and keys:
                os.write(leader, keys.pop(0))
                quiet = 0
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(leader)
    assert b"[@click=app.quit]" in seen
    assert b"]52;" not in seen.replace(b"\xe2\x90\x9b]52;", b"").replace(b"\xef\xbf\xbd]52;", b"")
    assert b"\x1b]52" not in seen
    assert b"\x1b]0;PWNED" not in seen
    assert b"\x1bc" not in seen
    assert b"\xc2\x9b" not in seen
    assert "\u202e".encode() not in seen
