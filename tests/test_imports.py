"""What is loaded when: start-up stays quick only while nothing heavy slips in."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "asyncio", "docker", "fsspec", "lark", "matplotlib", "numpy", "openlineage", "pandas", "platformdirs", "pluggy",
    "psutil", "pyarrow", "pynvml", "requests", "rich", "scipy", "sklearn", "sqlite_utils", "textual",
    "tomli_w", "watchdog", "yaml",
    "importlib.metadata",
}  # fmt: skip


def loaded_by(code: str, *words: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after `code`."""
    program = f"import sys\nsys.argv[1:] = {list(words)!r}\n{code}\nprint(chr(10) + '|'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(answer.stdout.splitlines()[-1].split("|"))


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "workbench"}


def test_importing_workbench_loads_nothing_else():
    assert ours(loaded_by("import workbench")) == {"workbench"}


def test_a_training_script_loads_the_tracking_module_and_no_other():
    modules = loaded_by("import workbench; workbench.log({'x': 1})")
    assert ours(modules) == {"workbench", "workbench.tracking"}
    assert modules & HEAVY == set()
    assert "sqlite3" not in modules


def test_help_loads_the_command_line_alone():
    modules = loaded_by("from workbench.cli.main import main; main(sys.argv[1:])", "--help")
    assert ours(modules) == {"workbench", "workbench.cli", "workbench.cli.main"}
    assert modules & {*HEAVY, "argparse", "sqlite3", "dataclasses"} == set()


@pytest.mark.parametrize(
    "command", ["run", "runs", "show", "logs", "stop", "tag", "note", "delete", "baseline", "compare", "validate"]
)
def test_a_command_about_runs_loads_nothing_heavy(command):
    modules = loaded_by("from workbench.cli.main import parser_of; parser_of(sys.argv[1])", command)
    assert modules & HEAVY == set()


def test_reading_the_table_loads_nothing_heavy(project, run_cli):
    run_cli("run", folder=project.folder)
    code = "import os; os.chdir(sys.argv[1]); from workbench.cli.main import main; main(['runs', '--json'])"
    modules = loaded_by(code, str(project.folder))
    assert modules & HEAVY == set()
    assert "workbench.tui" not in modules


def test_the_first_screen_of_the_interface_loads_no_other_screen_and_nothing_heavy():
    modules = loaded_by("import workbench.tui.app, workbench.tui.screens.runs")
    others = {f"workbench.tui.screens.{name}" for name in ("compare", "run", "lineage", "data", "export")}
    assert modules & {*others, "workbench.actions.compare", "workbench.runs.significance"} == set()
    assert modules & (HEAVY - {"asyncio", "rich", "textual", "platformdirs", "importlib.metadata"}) == set()


def test_the_supervisor_loads_nothing_heavy():
    modules = loaded_by("import workbench.runs.supervisor, workbench.runs.following")
    assert modules & HEAVY == set()


def test_the_names_of_the_training_api_are_all_there():
    code = "import workbench, json; print(json.dumps([callable(getattr(workbench, n)) for n in workbench.__all__]))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert set(json.loads(answer.stdout)) == {True}
