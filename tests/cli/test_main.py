"""The command line itself: help, errors, exit codes, folders."""

import os
import subprocess
import sys

import pytest

from workbench.cli import failures
from workbench.cli.main import COMMANDS, parser_of
from workbench.errors import StoreError


def test_help_lists_every_command(run_cli):
    answer = run_cli("--help")
    assert answer.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in answer.out] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_argument_has_help(name):
    parser = parser_of(name)
    assert parser.description
    assert [action.dest for action in parser._actions if not action.help] == []


def test_version(run_cli):
    from workbench import __version__

    assert run_cli("--version").out == f"workbench {__version__}\n"


def test_an_unknown_command_names_the_nearest(run_cli):
    answer = run_cli("comprae")
    assert answer.code == 2
    assert answer.out == ""
    assert "error: Unknown command 'comprae'" in answer.err
    assert "hint: Did you mean: workbench compare" in answer.err


def test_an_unknown_option_is_a_usage_error_without_a_traceback(run_cli, project):
    answer = run_cli("runs", "--colour", folder=project.folder)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert "hint: Did you mean --columns? workbench runs --help" in answer.err
    answer = run_cli("data", "schma", folder=project.folder)
    assert (answer.code, "hint: Did you mean schema? workbench data --help" in answer.err) == (2, True), answer.err
    assert "Traceback" not in answer.err


def test_outside_a_project_the_hint_is_init(run_cli, tmp_path):
    answer = run_cli("runs", folder=tmp_path)
    assert answer.code == 2
    assert "workbench init" in answer.err


def test_the_folder_can_be_given_before_and_behind_the_command(run_cli, project):
    for words in (["-C", str(project.folder), "runs", "--json"], ["runs", "--json", "-C", str(project.folder)]):
        assert run_cli(*words).json == []


def test_folders_count_from_one_another(run_cli, project):
    parent = project.folder.parent
    assert run_cli("-C", parent.name, "-C", project.folder.name, "runs", "--json", folder=parent.parent).json == []


def test_a_folder_deep_in_the_project_finds_it(run_cli, project):
    deep = project.folder / "a" / "b"
    deep.mkdir(parents=True)
    assert run_cli("runs", "--json", folder=deep).json == []


def test_a_broken_configuration_is_told_with_the_nearest_key(run_cli, make_project):
    folder = make_project(config='[project]\nname = "x"\n').folder
    (folder / "workbench.toml").write_text('[project]\nnmae = "x"\n')
    answer = run_cli("runs", folder=folder)
    assert answer.code == 2
    assert "'nmae'" in answer.err
    assert "'name'" in answer.err


def test_without_a_terminal_the_table_is_printed_instead_of_the_interface(run_cli, project):
    run_cli("run", folder=project.folder)
    answer = run_cli(folder=project.folder)
    assert answer.code == 0
    assert "auc" in answer.out
    assert "terminal" in answer.err


def test_a_reader_that_goes_away_is_no_error(project, run_cli):
    run_cli("run", folder=project.folder)
    reading, writing = os.pipe()
    os.close(reading)
    answer = subprocess.run(
        [sys.executable, "-m", "workbench", "runs"],
        cwd=project.folder, stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert answer.returncode == 141
    assert answer.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_a_sentence(project, run_cli):
    run_cli("run", folder=project.folder)
    with open("/dev/full", "wb") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "workbench", "runs", "--json"],
            cwd=project.folder, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert answer.returncode == 3
    assert b"No space left on device" in answer.stderr
    assert b"Traceback" not in answer.stderr


def test_a_newer_store_is_refused_kindly_and_left_alone(run_cli, project):
    connection = project.open_store()
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = project.store_path.read_bytes()
    answer = run_cli("runs", folder=project.folder)
    assert answer.code == 3
    assert "newer Workbench" in answer.err
    assert project.store_path.read_bytes() == before


def test_a_damaged_store_is_a_sentence(run_cli, project):
    project.prepare()
    project.store_path.write_bytes(b"this was a database once" * 500)
    answer = run_cli("runs", folder=project.folder)
    assert answer.code == 3
    assert "damaged" in answer.err
    assert "Traceback" not in answer.err


def test_what_nobody_foresaw_is_one_sentence_and_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".workbench").mkdir()
    try:
        raise LookupError("odd \x1b[31m thing")
    except LookupError as error:
        assert failures.show(error) == 3
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "Traceback" not in told
    assert str(tmp_path / ".workbench" / "errors.log") in told
    assert "Traceback" in (tmp_path / ".workbench" / "errors.log").read_text()


def test_an_error_keeps_its_exit_code_and_hint(capsys):
    assert failures.show(StoreError("gone", "look here")) == 3
    assert capsys.readouterr().err == "error: gone\nhint: look here\n"


def test_a_terminal_without_utf8_gets_question_marks_not_a_crash(run_cli, project):
    run_cli("run", folder=project.folder)
    answer = run_cli("runs", folder=project.folder, environment={"PYTHONIOENCODING": "latin-1", "LC_ALL": "C"})
    assert answer.code == 0
    assert "?" in answer.out


def test_completion_knows_commands_and_options(run_cli, tmp_path):
    script = tmp_path / "completion"
    script.write_text(run_cli("completion", "bash").out)
    ask = f"source {script}; COMP_WORDS=(workbench runs --fil); COMP_CWORD=2; _workbench; echo ${{COMPREPLY[@]}}"
    found = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.split() == ["--filter"]
