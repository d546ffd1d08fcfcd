"""`run --rev` and `reproduce` in repositories in odd states: no run fails wrongly, no program of theirs is started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import git
from tests.tui.driving import wait_for
from workbench.actions import reproduce, runs, starting
from workbench.errors import NotFoundError
from workbench.project import Project, load
from workbench.runs import queries
from workbench.runs.model import Run

CONFIG = '[project]\nname = "odd"\n[train]\ncommand = "python train.py"\noutputs = ["model.txt"]\n'
SCRIPT = "import pathlib\npathlib.Path('model.txt').write_text('made')\nprint('value: {}')\n"


pytestmark = pytest.mark.usefixtures("quiet_git")


def fill(folder: Path, value: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "workbench.toml").write_text(CONFIG)
    (folder / "train.py").write_text(SCRIPT.format(value))


def commit(folder: Path, words: str = "work") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", words)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project with two commits, on a branch and with a tag; the first value is 1, the second 2."""
    folder = tmp_path / "repository"
    fill(folder)
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("model.txt\n")
    commit(folder)
    git(folder, "tag", "-am", "the first", "v1")
    fill(folder, 2)
    commit(folder)
    return folder


def ended(project: Project, number: int) -> Run:
    wait_for(lambda: runs.get(project, str(number)).is_over)
    return runs.get(project, str(number))


def run_at(folder: Path, rev: str) -> Run:
    project = load(folder)
    (number,) = starting.start(project, starting.Request(rev=rev))
    return ended(project, number)


def again(folder: Path, run: Run) -> str:
    project = load(folder)
    number = reproduce.start(project, str(run.number))
    ended(project, number)
    found = reproduce.verdict_on(project, number)
    return found.verdict if found else ""


def value(run: Run) -> float | None:
    return run.value("value")


def noticed(folder: Path, run: Run) -> list[str]:
    connection = load(folder).open_reader()
    try:
        return [sentence for _, sentence in queries.notices(connection, run.number)]
    finally:
        connection.close()


def detached(folder: Path) -> Path:
    git(folder, "checkout", "-q", "--detach")
    return folder


def work_tree(folder: Path) -> Path:
    git(folder, "worktree", "add", "-q", "../second", "-b", "second")
    return folder.parent / "second"


def shallow(folder: Path) -> Path:
    git(folder.parent, "clone", "-q", "--depth", "1", f"file://{folder}", "shallow")
    return folder.parent / "shallow"


def locked(folder: Path) -> Path:
    (folder / ".git" / "index.lock").touch()
    return folder


def submodule(folder: Path) -> Path:
    outer = folder.parent / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(folder), "inner")
    commit(outer)
    return outer / "inner"


def packed(folder: Path) -> Path:
    git(folder, "pack-refs", "--all")
    git(folder, "gc", "-q")
    return folder


def rebasing(folder: Path) -> Path:
    (folder / "train.py").write_text("half done\n")
    (folder / ".git" / "rebase-merge").mkdir()
    (folder / ".git" / "MERGE_HEAD").write_text(git(folder, "rev-parse", "v1^{commit}") + "\n")
    return folder


@pytest.mark.parametrize("state", [detached, work_tree, shallow, locked, submodule, packed, rebasing])
def test_a_revision_runs_in_any_state_and_can_be_made_again(repository: Path, state: Callable[[Path], Path]):
    folder = state(repository)
    before = git(folder, "worktree", "list"), git(folder, "for-each-ref", "refs/heads", "refs/tags", "refs/stash")
    run = run_at(folder, "HEAD")
    assert (run.status, value(run), run.rev) == ("finished", 2.0, "HEAD"), run.reason
    assert run.code["commit"] == git(folder, "rev-parse", "HEAD")
    assert again(folder, run) == "identical"
    after = git(folder, "worktree", "list"), git(folder, "for-each-ref", "refs/heads", "refs/tags", "refs/stash")
    assert after == before
    assert not (folder / "model.txt").exists()


@pytest.mark.parametrize("rev", ["v1", "main~1", "refs/tags/v1", "short"])
def test_a_revision_may_be_named_in_any_way_that_git_knows(repository: Path, rev: str):
    first = git(repository, "rev-parse", "v1^{commit}")
    run = run_at(repository, first[:8] if rev == "short" else rev)
    assert (run.status, value(run), run.code["commit"]) == ("finished", 1.0, first)


def test_a_run_of_a_revision_that_is_started_again_keeps_its_revision(repository: Path):
    first = run_at(repository, "v1")
    project = load(repository)
    (number,) = starting.rerun(project, first.number, {})
    second = ended(project, number)
    assert (second.status, second.rev, value(second)) == ("finished", "v1", 1.0)


def test_an_empty_revision_is_not_the_working_tree(repository: Path, run_cli):
    answer = run_cli("run", "--rev", "", folder=repository)
    assert (answer.code, "--rev names no revision" in answer.err) == (2, True)


def test_without_a_commit_there_is_no_revision_and_no_run(tmp_path: Path):
    folder = tmp_path / "fresh"
    fill(folder)
    git(folder, "init", "-q")
    project = load(folder)
    for rev in ("HEAD", "main"):
        with pytest.raises(NotFoundError, match="git knows no branch, tag or commit"):
            starting.start(project, starting.Request(rev=rev))
    assert runs.list_runs(project) == []
    (number,) = starting.start(project, starting.Request())
    assert ended(project, number).status == "finished"


@pytest.mark.parametrize("damage", ["none", "corrupt", "untrusted", "no git"])
def test_where_git_refuses_its_own_words_are_said(repository: Path, damage: str, monkeypatch: pytest.MonkeyPatch):
    expected = "not a git repository"
    if damage == "none":
        shutil.rmtree(repository / ".git")
    elif damage == "corrupt":
        (repository / ".git" / "HEAD").write_bytes(b"\xff\x00")
    elif damage == "untrusted":
        if os.geteuid() != 0:
            pytest.skip("only root can give a folder away")
        for path in (repository, repository / ".git"):
            os.chown(path, 12345, 12345)
        expected = "dubious ownership"
    else:
        monkeypatch.setenv("PATH", "/nowhere")
        expected = "git is not installed"
    with pytest.raises(NotFoundError, match=expected):
        starting.start(load(repository), starting.Request(rev="main"))


def test_a_bare_repository_runs_a_revision_too(repository: Path, tmp_path: Path):
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    (bare / "workbench.toml").write_text(CONFIG)
    run = run_at(bare, "v1")
    assert (run.status, value(run)) == ("finished", 1.0), run.reason
    assert again(bare, run) == "identical"


def test_a_project_in_a_subfolder_of_a_repository_runs_with_its_own_files(tmp_path: Path):
    fill(tmp_path / "all" / "project")
    git(tmp_path / "all", "init", "-q")
    (tmp_path / "all" / "other.py").write_text("")
    commit(tmp_path / "all")
    fill(tmp_path / "all" / "project", 3)
    run = run_at(tmp_path / "all" / "project", "HEAD")
    assert (run.status, value(run)) == ("finished", 1.0), run.reason


def test_what_a_clone_lacks_is_named_and_never_fetched(repository: Path, tmp_path: Path):
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{repository}", "partial")
    run = run_at(tmp_path / "partial", "v1")
    assert run.status == "failed"
    assert run.reason.startswith("its code cannot be checked out: ")


def test_submodules_and_pointers_to_large_files_are_left_out_and_said(repository: Path, tmp_path: Path):
    fill(tmp_path / "module")
    git(tmp_path / "module", "init", "-q")
    commit(tmp_path / "module")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "module"), "part")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
    (repository / "big.bin").write_text(pointer)
    config = CONFIG + 'inputs = ["big.bin"]\n'
    (repository / "workbench.toml").write_text(config)
    (repository / "train.py").write_text("print('value:', open('big.bin').read())\n")
    commit(repository)
    (repository / "big.bin").write_text("7")  # as the filter of LFS puts it there
    run = run_at(repository, "HEAD")
    assert (run.status, value(run)) == ("finished", 7.0), run.reason
    assert {
        "code: part: submodules stay empty", "code: big.bin: git holds only a pointer to it (LFS), left out",
    } <= set(noticed(repository, run))  # fmt: skip


def test_no_program_of_a_hostile_repository_runs(repository: Path, tmp_path: Path):
    sign = tmp_path / "it-ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{sign}'\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    commit(repository)
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-commit", "post-commit", "update"):
        shutil.copy(program, hooks / name)
    for key in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "diff.external",
        "gpg.program", "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv",
        "diff.evil.command", "merge.evil.driver", "credential.helper", "sequence.editor", "interactive.diffFilter",
        "pager.diff", "pager.ls-tree", "pager.rev-parse", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        git(repository, "config", key, str(program))
    for key, words in (("commit.gpgSign", "true"), ("filter.evil.required", "true"), ("alias.cat-file", f"!{program}")):
        git(repository, "config", key, words)
    run = run_at(repository, "HEAD")
    assert (run.status, value(run)) == ("finished", 2.0), run.reason
    assert again(repository, run) == "identical"
    # An uncommitted change is recorded by its bytes, not by what a filter makes of them.
    fill(repository, 5)
    project = load(repository)
    (number,) = starting.start(project, starting.Request())
    here = ended(project, number)
    assert (here.status, value(here)) == ("finished", 5.0)
    assert again(repository, here) == "identical"
    assert not sign.exists(), sign.read_text()
