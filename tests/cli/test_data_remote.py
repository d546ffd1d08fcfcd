"""`workbench data push` and `pull` as commands: what they print, where, and with which exit code."""

import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.cli.data_remote import progress_line
from workbench.project import Project
from workbench.versions.remote import Done

CONFIG = (
    '[project]\nname = "test"\n[train]\ncommand = "true"\ninputs = ["data/train.csv"]\n[remote]\nurl = "../remote"\n'
)


@pytest.fixture
def kept(make_project: Callable[..., Project], run_cli: Callable[..., Any]) -> Project:
    project = make_project({"data/train.csv": "a,b\n1,2\n"}, CONFIG)
    assert run_cli("data", "snapshot", folder=project.folder).code == 0
    return project


def test_pushes_to_the_configured_remote_and_says_what_went(
    kept: Project, run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    first = run_cli("data", "push", folder=kept.folder)
    assert first.code == 0, first.err
    assert first.out.splitlines()[1].split()[0] == "data/train.csv"
    assert "Pushed 1 file, " in first.err
    again = run_cli("data", "push", folder=kept.folder)
    assert (again.code, again.out) == (0, "")
    assert "nothing: all of it is there already" in again.err


def test_documents_are_one_json_object(
    kept: Project, run_cli: Callable[..., Any], make_project: Callable[..., Project]
) -> None:
    pushed = run_cli("data", "push", "--json", folder=kept.folder).json
    other = make_project({}, CONFIG, "other")
    pulled = run_cli("data", "pull", "--json", folder=other.folder).json
    assert pushed["versions"] == pulled["versions"]
    (version,) = pulled["versions"]
    assert (version["path"], version["rows"], version["kept"], version["created"][-1]) == (
        "data/train.csv",
        1,
        True,
        "Z",
    )
    assert (pushed["files"], pushed["problems"], pushed["remote"].startswith("file://")) == (1, [], True)
    restored = run_cli("data", "restore", "data/train.csv", folder=other.folder)
    assert restored.code == 0, restored.err
    assert (other.folder / "data/train.csv").read_text() == "a,b\n1,2\n"


def test_paths_count_from_the_folder_one_is_in(kept: Project, run_cli: Callable[..., Any]) -> None:
    assert run_cli("data", "push", "train.csv", folder=kept.folder / "data").code == 0
    unknown = run_cli("data", "push", "other.csv", folder=kept.folder / "data")
    assert (unknown.code, "no version of data/other.csv" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("nope://ada:s3cret@host/x", 2, "no such kind of place"),
        ("sftp://ada:s3cret@host/x", 3, "sftp:// needs paramiko, which is not installed"),
        ("http://ada:s3cret@127.0.0.1:9/x", 3, "does not"),
    ],
)
def test_a_remote_that_cannot_be_used_is_a_sentence_without_the_password(
    kept: Project, run_cli: Callable[..., Any], url: str, code: int, said: str
) -> None:
    answer = run_cli("data", "push", "--to", url, folder=kept.folder)
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert "s3cret" not in answer.err
    assert "Traceback" not in answer.err


def test_no_remote_is_a_question_of_usage(make_project: Callable[..., Project], run_cli: Callable[..., Any]) -> None:
    project = make_project({})
    answer = run_cli("data", "pull", folder=project.folder)
    assert (answer.code, "No remote is named" in answer.err, "--from URL" in answer.err) == (2, True, True)


def test_a_remote_that_holds_nothing_is_no_success(
    make_project: Callable[..., Project], run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    answer = run_cli("data", "pull", "--from", str(tmp_path / "mistyped"), folder=make_project({}).folder)
    assert (answer.code, "holds no versions of data" in answer.err) == (2, True), answer


def test_a_file_in_place_of_the_remote_is_named(kept: Project, run_cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = run_cli("data", "push", "--to", str(tmp_path / "file"), folder=kept.folder)
    assert (answer.code, str(tmp_path / "file") in answer.err, "Traceback" in answer.err) == (3, True, False)
    assert (tmp_path / "file").read_text() == "in the way"


def test_progress_says_how_far_how_fast_and_how_long() -> None:
    done = Done(files=1, of_files=4, bytes=25_000_000, of_bytes=100_000_000)
    assert progress_line(done, 5.0, bar=False) == "25%: 25.0 MB of 100 MB, file 1 of 4, 5.0 MB/s, 15s left"
    assert progress_line(done, 5.0, bar=True).startswith("██████" + "░" * 18 + "  25%")
    assert progress_line(Done(0, 1, 0, 0), 0.0, bar=True).count("█") == 24


def test_a_bar_is_drawn_on_a_terminal_only_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.cli import data_remote

    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with data_remote.Progress() as progress:
            progress._next = 0.0
            progress(Done(1, 2, 5, 10))
        drawn = b""
        while not drawn.endswith(b"\r\x1b[K"):
            drawn += os.read(master, 10_000)  # a terminal hands on what it has, and that may be a part
    os.close(master)
    assert "50%" in drawn.decode()
