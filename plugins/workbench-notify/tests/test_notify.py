"""The notify plugin, with real runs: it is loaded from an entry point made in a folder on the path."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.project import Project, load
from workbench.runs import queries
from workbench.runs.model import Run

HERE = Path(__file__).resolve().parents[1]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put an entry point on the path of the processes that runs are supervised by."""

    def do(target: str) -> None:
        facts = tmp_path / "site" / "plugin_under_test-1.0.dist-info"
        facts.mkdir(parents=True)
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-under-test\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[workbench]\nunder-test = {target}\n")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(HERE)]))

    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return do


def finish(folder: Path, code: str) -> tuple[Project, Run]:
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(code)
    project = load(folder)
    number = starting.start(project, starting.Request((sys.executable, "train.py"), name="$(touch bad); it's"))[0]
    deadline = time.monotonic() + 60
    while not (run := actions.get(project, str(number))).is_over:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return project, run


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def notices(project: Project, run: Run) -> list[str]:
    connection = project.open_reader()
    found = [text for _, text in queries.notices(connection, run.number)]
    connection.close()
    return found


SAY = f"command = ['{sys.executable}', '-c', 'import sys; open(sys.argv[1], \"a\").write(sys.argv[2])'"


def test_the_command_is_started_with_the_facts_of_the_run(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("workbench_notify")
    told = tmp_path / "told"
    (tmp_path / "home" / "notify.toml").write_text(f"{SAY}, '{told}', '{{name}} {{status}}: {{reason}}']\n")
    finish(tmp_path / "project", "raise SystemExit(3)")
    until(lambda: told.exists() and told.read_text())
    assert told.read_text() == "$(touch bad); it's failed: exit code 3"


def test_only_the_ends_that_are_asked_for_are_told(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("workbench_notify")
    told = tmp_path / "told"
    (tmp_path / "home" / "notify.toml").write_text(f"{SAY}, '{told}', '{{status}} ']\nwhen = ['failed']\n")
    finish(tmp_path / "project", "pass")
    finish(tmp_path / "project", "raise SystemExit(1)")
    until(lambda: told.exists() and told.read_text())
    assert told.read_text() == "failed "


def test_a_broken_setting_switches_the_plugin_off_and_says_why(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("workbench_notify")
    (tmp_path / "home" / "notify.toml").write_text("command = 'not a list'\n")
    project, run = finish(tmp_path / "project", "pass")
    until(lambda: notices(project, run))
    assert run.status == "finished"
    assert notices(project, run) == [
        'plugin under-test is switched off: ValueError: notify.toml needs command = ["program", "argument", ...]'
    ]


def test_a_plugin_that_cannot_be_imported_is_switched_off(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("no_such_module")
    project, run = finish(tmp_path / "project", "print('auc: 0.5')")
    assert run.value("auc") == 0.5
    assert notices(project, run) == [
        "plugin under-test is switched off: ModuleNotFoundError: No module named 'no_such_module'"
    ]


def test_a_plugin_may_read_lines_in_its_own_way(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("my_lines")
    (tmp_path / "site" / "my_lines.py").write_text(
        "import workbench\n"
        "class Parser:\n"
        "    def __init__(self, memory): self.count = memory.get('count', 0)\n"
        "    def parse(self, line):\n"
        "        if line.startswith('<<'): self.count += 1; yield ('custom', float(line.strip('<>')), self.count)\n"
        "    def memory(self): return {'count': self.count}\n"
        "@workbench.hookimpl\n"
        "def register_line_parsers(register): register('my lines', Parser)\n"
    )
    project, run = finish(tmp_path / "project", "print('<<1.5>>'); print('<<2.5>>'); print('loss: 0.1')")
    assert (run.metrics["custom"].count, run.value("custom"), run.value("loss")) == (2, 2.5, 0.1)
    assert notices(project, run) == []
