import os
import shutil
import stat
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.versions import code, git, selection

from .conftest import Repository

ODD_NAMES = ["new\nline.py", "quo\"te's.py", "emoji 🧪.py", " leading and trailing ", "tab\t.py", "-dash.py", "a\\b.py"]


def take(repository: Repository, objects: Path, label: str = "r1", **more) -> code.CodeVersion:
    return code.capture(repository.folder, objects, label=label, **more)


def state_of(repository: Repository) -> tuple:
    """Everything of the user's that a capture must leave as it is."""
    git_folder = repository.folder / ".git"
    index = git_folder / "index"
    return (
        index.read_bytes() if index.exists() else None,
        index.stat().st_mtime_ns if index.exists() else None,
        (git_folder / "HEAD").read_bytes(),
        repository.git("--no-optional-locks", "status", "--porcelain=v2", "-z", "--branch"),
        repository.git("for-each-ref", "refs/heads", "refs/tags", "refs/stash"),
        sorted((str(p), p.lstat().st_mtime_ns) for p in repository.folder.rglob("*") if ".git" not in p.parts),
    )


def test_clean_tree_is_that_of_the_commit_and_makes_no_new_object(repository, objects):
    before = repository.git("count-objects", "-v")
    version = take(repository, objects)
    assert version.kind == "git"
    assert version.commit == repository.git("rev-parse", "HEAD").strip()
    assert version.tree == repository.git("rev-parse", "HEAD^{tree}").strip()
    assert version.branch == "main"
    assert (version.dirty, version.changed, version.problem) == (False, (), None)
    assert repository.git("count-objects", "-v") == before
    assert repository.git("rev-parse", "refs/workbench/runs/r1").strip() == version.commit


def test_changed_deleted_and_untracked_files_are_in_the_tree_and_ignored_ones_are_not(repository, objects):
    repository.write("gone.py")
    repository.commit()
    (repository.folder / "gone.py").unlink()
    repository.write("train.py", "lr = 0.2\n")
    repository.write("new/helper.py", "h = 1\n")
    repository.write("noise.log", "no")
    version = take(repository, objects)
    assert version.dirty
    assert version.changed == ("gone.py", "new/helper.py", "train.py")
    assert repository.files_of(version.tree) == {".gitignore", "new/helper.py", "train.py"}
    assert code.read(repository.folder, objects, version, "train.py") == b"lr = 0.2\n"
    assert code.read(repository.folder, objects, version, "gone.py") is None


def test_nothing_of_the_users_changes(repository, objects):
    repository.write("staged.py", "one\n")
    repository.git("add", "staged.py")
    repository.write("staged.py", "two\n")
    repository.write("train.py", "changed\n")
    repository.write("fresh.py")
    before = state_of(repository)
    version = take(repository, objects)
    assert state_of(repository) == before
    assert code.read(repository.folder, objects, version, "staged.py") == b"two\n"


def test_tree_survives_collection_of_garbage_until_it_is_released(repository, objects):
    repository.write("train.py", "only in the run\n")
    version = take(repository, objects)
    repository.git("checkout", "-q", "--", "train.py")
    repository.git("gc", "-q", "--prune=now")
    assert code.read(repository.folder, objects, version, "train.py") == b"only in the run\n"
    assert code.release(repository.folder, version, "r1") is None
    repository.git("gc", "-q", "--prune=now")
    assert code.read(repository.folder, objects, version, "train.py") is None


def test_tree_survives_a_rewritten_history(repository, objects):
    repository.write("train.py", "first\n")
    old = repository.commit()
    version = take(repository, objects)
    repository.git("commit", "-q", "--amend", "-m", "other", "--allow-empty")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "-q", "--prune=now")
    assert repository.git("cat-file", "-t", old).strip() == "commit"
    assert not code.uncommitted(repository.folder, objects, version).files


def test_no_hook_monitor_or_outside_program_runs(repository, objects, tmp_path):
    witness = tmp_path / "witness"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> '{witness}'\ncat\n")
    program.chmod(0o755)
    hooks = repository.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    names = ["pre-commit", "post-commit", "reference-transaction", "post-index-change", "fsmonitor-watchman"]
    for name in [*names, "prepare-commit-msg", "commit-msg", "post-checkout", "pre-auto-gc"]:
        shutil.copy(program, hooks / name)
    for key in ("core.fsmonitor", "diff.external", "diff.odd.command", "diff.odd.textconv", "core.pager"):
        repository.git("config", key, str(program))
    for part in ("clean", "smudge", "process"):
        repository.git("config", f"filter.a.b=c.{part}", str(program))
    repository.git("config", "filter.a.b=c.required", "true")
    repository.write(".gitattributes", "*.py diff=odd filter=a.b=c\n")
    repository.write("train.py", "other\n")
    repository.git("update-ref", "refs/heads/proof", "HEAD")
    assert witness.exists(), "the hook works when git is used without care"
    witness.unlink()
    version = take(repository, objects)
    found = code.uncommitted(repository.folder, objects, version)
    code.release(repository.folder, version, "r1")
    assert [file.path for file in found.files] == [".gitattributes", "train.py"]
    assert "+other" in found.files[1].lines
    assert not witness.exists()


def test_filters_of_the_users_own_configuration_are_heeded(repository, objects):
    repository.git("config", "--global", "filter.upper.clean", "tr a-z A-Z")
    repository.git("config", "filter.upper.required", "true")
    repository.write(".gitattributes", "*.py filter=upper\n")
    repository.write("train.py", "other\n")
    version = take(repository, objects)
    assert code.read(repository.folder, objects, version, "train.py") == b"OTHER\n"
    repository.git("config", "filter.upper.clean", "tr a-z b-za")
    assert code.read(repository.folder, objects, take(repository, objects), "train.py") == b"other\n"


def test_variables_that_lead_git_elsewhere_are_not_obeyed(repository, objects, tmp_path, monkeypatch):
    expected = take(repository, objects)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    assert take(repository, objects) == expected


def test_names_of_any_kind_are_kept_and_compared(repository, objects):
    latin = os.fsdecode(b"caf\xe9.py")
    for name in [*ODD_NAMES, latin]:
        repository.write(name, f"name = {len(name)}\n")
    version = take(repository, objects)
    assert set(version.changed) == {*ODD_NAMES, latin}
    for name in version.changed:
        assert code.read(repository.folder, objects, version, name) == f"name = {len(name)}\n".encode()
    found = code.uncommitted(repository.folder, objects, version)
    assert {file.path: file.status for file in found.files} == dict.fromkeys([*ODD_NAMES, latin], "added")


def test_untracked_data_is_left_out_and_named(repository, objects):
    repository.write("big.csv", b"1,2\n" * 1_300_000)
    repository.write("small.csv", "1,2\n")
    version = take(repository, objects)
    assert version.changed == ("small.csv",)
    assert "big.csv" in version.problem
    assert repository.files_of(version.tree) == {".gitignore", "train.py", "small.csv"}


def test_heap_of_untracked_files_is_cut_and_never_costs_a_source_file(repository, objects, monkeypatch):
    monkeypatch.setattr(selection, "FILES_LIMIT", 5)
    for number in range(10):
        repository.write(f"images/{number}.png")
    repository.write("zoo.py")
    version = take(repository, objects)
    assert len(version.changed) == 5
    assert "zoo.py" in version.changed
    assert "beyond 5 untracked files" in version.problem


def test_patterns_keep_untracked_files_out(repository, objects):
    repository.write("out/model.json", "{}")
    repository.write("notes.tmp", "x")
    repository.write("deep/er/notes.tmp", "x")
    version = take(repository, objects, ignore=["out/", "*.tmp"])
    assert version.changed == ()


def test_own_folder_is_never_included_even_when_it_is_tracked(repository, objects):
    repository.write(".workbench/workbench.db", "rows")
    assert take(repository, objects).changed == ()
    repository.commit()
    repository.write(".workbench/workbench.db", "more rows")
    repository.write("sub/.workbench/x.py", "no")
    before = state_of(repository)
    version = take(repository, objects)
    assert not version.dirty
    assert repository.files_of(version.tree) == {".gitignore", "train.py"}
    assert code.uncommitted(repository.folder, objects, version).files == ()
    assert state_of(repository) == before


def test_project_in_a_subfolder_takes_only_its_own_changes_into_the_whole_tree(repository, objects):
    inner = Repository(repository.folder / "team" / "model")
    inner.write("fit.py", "a\n")
    repository.commit()
    inner.write("fit.py", "b\n")
    inner.write("extra.py", "c\n")
    repository.write("train.py", "change outside\n")
    version = take(inner, objects)
    assert version.changed == ("extra.py", "fit.py")
    assert code.read(inner.folder, objects, version, "fit.py") == b"b\n"
    assert repository.git("show", f"{version.tree}:train.py") == "lr = 0.1\nprint(lr)\n"
    found = code.uncommitted(inner.folder, objects, version)
    assert [(file.path, file.status) for file in found.files] == [("extra.py", "added"), ("fit.py", "changed")]


def test_project_that_the_repository_around_it_ignores_is_captured_without_git(repository, objects):
    inner = Repository(repository.folder / "scratch")
    inner.write("fit.py", "a\n")
    repository.write(".gitignore", "scratch/\n")
    repository.commit()
    version = take(inner, objects)
    assert version.kind == "files"
    assert "ignores" in version.problem
    assert code.read(inner.folder, objects, version, "fit.py") == b"a\n"


def test_repository_without_a_commit(project, objects):
    repository = Repository(project)
    repository.git("init", "-q")
    repository.write("train.py", "a\n")
    repository.write("workbench.log", "")
    version = take(repository, objects)
    assert (version.kind, version.commit, version.dirty) == ("git", None, True)
    assert code.read(project, objects, version, "train.py") == b"a\n"
    found = code.uncommitted(project, objects, version)
    assert ("train.py", "added") in [(file.path, file.status) for file in found.files]
    repository.git("gc", "-q", "--prune=now")
    assert code.read(project, objects, version, "train.py") == b"a\n"


def test_detached_head_has_a_commit_and_no_branch(repository, objects):
    repository.git("checkout", "-q", "--detach")
    version = take(repository, objects)
    assert version.branch is None
    assert version.commit == repository.git("rev-parse", "HEAD").strip()


def test_second_work_tree(repository, objects, tmp_path):
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = Repository(tmp_path / "side")
    side.write("train.py", "side\n")
    version = take(side, objects)
    assert (version.kind, version.branch, version.changed) == ("git", "side", ("train.py",))
    assert take(repository, objects, "r2").changed == ()


def test_bare_repository_is_captured_without_git(project, objects):
    subprocess.run(["git", "init", "-q", "--bare", str(project)], check=True)
    version = code.capture(project, objects, label="r1")
    assert version.kind == "files"


def test_inside_the_git_folder_nothing_fails(repository, objects):
    version = code.capture(repository.folder / ".git", objects, label="r1")
    assert version.kind == "files"
    assert "work tree" in version.problem


def test_shallow_clone(repository, objects, tmp_path):
    repository.commit("second")
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository.folder}", tmp_path / "s"], check=True)
    shallow = Repository(tmp_path / "s")
    shallow.write("train.py", "shallow\n")
    version = take(shallow, objects)
    assert (version.kind, version.changed, version.problem) == ("git", ("train.py",), None)
    shallow.git("gc", "-q", "--prune=now")
    assert code.read(shallow.folder, objects, version, "train.py") == b"shallow\n"


def test_project_with_and_as_a_submodule(repository, objects, tmp_path):
    library = Repository(tmp_path / "library")
    library.folder.mkdir()
    library.git("init", "-q")
    library.write("lib.py", "one\n")
    first = library.commit()
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.folder), "lib")
    repository.commit()
    inside = Repository(repository.folder / "lib")
    inside.write("lib.py", "two\n")
    version = take(repository, objects)
    assert version.kind == "git"
    assert version.changed == ()
    assert "submodules" in version.problem
    inner = take(inside, objects)
    assert (inner.kind, inner.commit, inner.changed) == ("git", first, ("lib.py",))
    second = inside.commit()
    moved = take(repository, objects, "r2")
    assert moved.changed == ("lib",)
    found = code.diff(repository.folder, objects, version, moved)
    assert [line for line in found.files[0].lines if line[0] in "+-"] == [
        f"-Subproject commit {first}",
        f"+Subproject commit {second}",
    ]


def test_repository_inside_the_project_is_named_and_left_out(repository, objects):
    nested = Repository(repository.folder / "vendor")
    nested.folder.mkdir()
    nested.git("init", "-q")
    nested.write("v.py")
    nested.commit()
    version = take(repository, objects)
    assert version.changed == ()
    assert "vendor/" in version.problem


def test_locked_index_is_no_obstacle(repository, objects):
    (repository.folder / ".git" / "index.lock").write_text("")
    repository.write("train.py", "changed\n")
    version = take(repository, objects)
    assert (version.kind, version.changed) == ("git", ("train.py",))
    assert (repository.folder / ".git" / "index.lock").read_text() == ""


@pytest.mark.parametrize("damage", ["index", "HEAD", "config", "objects", "gitfile"])
def test_corrupt_repository_is_captured_without_git(repository, objects, damage):
    git_folder = repository.folder / ".git"
    repository.write("train.py", "changed\n")
    if damage == "objects":
        shutil.rmtree(git_folder / "objects")
        (git_folder / "objects").mkdir()
    elif damage == "gitfile":
        shutil.rmtree(git_folder)
        git_folder.write_text("gitdir: /nowhere/at/all\n")
    else:
        (git_folder / damage).write_bytes(b"\xff\x00[broken")
    version = take(repository, objects)
    assert version.kind == "files"
    assert version.problem.startswith("without git: ")
    assert code.read(repository.folder, objects, version, "train.py") == b"changed\n"


def test_git_missing(repository, objects, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    version = take(repository, objects)
    assert version.kind == "files"
    assert "git is not installed" in version.problem


def test_git_that_hangs_is_given_up(repository, objects, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "git"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "_TIMEOUT", 0.2)
    version = take(repository, objects)
    assert version.kind == "files"
    assert "took longer" in version.problem


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_repository_of_another_user_is_captured_without_git(repository, objects):
    os.chown(repository.folder, 12345, 12345)
    os.chown(repository.folder / ".git", 12345, 12345)
    version = take(repository, objects)
    assert version.kind == "files"
    assert "dubious ownership" in version.problem
    assert code.read(repository.folder, objects, version, "train.py") == b"lr = 0.1\nprint(lr)\n"


def test_unresolved_merge_is_taken_as_it_stands(repository, objects):
    repository.git("checkout", "-q", "-b", "side")
    repository.write("train.py", "side\n")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("train.py", "main\n")
    repository.commit()
    repository.git("merge", "side", check=False)
    before = state_of(repository)
    version = take(repository, objects)
    assert (version.kind, version.changed) == ("git", ("train.py",))
    assert b"<<<<<<<" in code.read(repository.folder, objects, version, "train.py")
    assert state_of(repository) == before


def test_file_that_became_a_folder_and_folder_that_became_a_file(repository, objects):
    repository.write("one", "file\n")
    repository.write("two/inner.py", "folder\n")
    repository.commit()
    (repository.folder / "one").unlink()
    shutil.rmtree(repository.folder / "two")
    repository.write("one/inner.py", "now a folder\n")
    repository.write("two", "now a file\n")
    version = take(repository, objects)
    assert repository.files_of(version.tree) == {".gitignore", "train.py", "one/inner.py", "two"}


def test_links_are_kept_as_links(repository, objects, tmp_path):
    (tmp_path / "secret.py").write_text("outside")
    (repository.folder / "link.py").symlink_to(tmp_path / "secret.py")
    version = take(repository, objects)
    assert code.read(repository.folder, objects, version, "link.py") == os.fsencode(tmp_path / "secret.py")


def test_file_changed_in_the_instant_of_the_index_is_noticed(repository, objects):
    path = repository.write("train.py", "lr = 0.1\nprint(lr)\n")
    repository.git("add", "train.py")
    facts = path.stat()
    path.write_text("lr = 0.9\nprint(lr)\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    index = repository.folder / ".git" / "index"
    os.utime(index, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    repository.git("config", "core.trustctime", "false")
    assert take(repository, objects).changed == ("train.py",)


@pytest.mark.parametrize("label", ["", "..", "a..b", "a b~^:?*[", "x.lock", "🧪", "@{", "a/b", "-x", "n\nm"])
def test_any_label_makes_a_reference(repository, objects, label):
    repository.write("train.py", "changed\n")
    version = take(repository, objects, label)
    assert version.problem is None
    assert repository.git("rev-parse", f"{git.reference(label)}^{{tree}}").strip() == version.tree


def test_executable_bit_is_a_change(repository, objects):
    clean = take(repository, objects)
    path = repository.folder / "train.py"
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    version = take(repository, objects, "r2")
    assert version.changed == ("train.py",)
    (found,) = code.diff(repository.folder, objects, clean, version).files
    assert (found.lines, found.note) == ((), "mode 100644 to 100755")


def test_record_survives_json(repository, objects):
    repository.write(os.fsdecode(b"caf\xe9.py"))
    version = take(repository, objects)
    assert code.CodeVersion.from_json(version.to_json() | {"later": 1}) == version


def test_captures_at_the_same_time_do_not_disturb_each_other(repository, objects):
    repository.write("train.py", "changed\n")
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda number: take(repository, objects, f"r{number}"), range(12)))
    assert set(versions) == {versions[0]}
    assert (versions[0].changed, versions[0].problem) == (("train.py",), None)
    assert len(repository.git("for-each-ref", "refs/workbench/runs").splitlines()) == 12


def test_commits_made_meanwhile_leave_every_record_true(repository, objects):
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            number += 1
            repository.write("other.py", f"{number}\n")
            repository.commit()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        versions = [take(repository, objects, f"r{number}") for number in range(10)]
    finally:
        over.set()
        thread.join()
    by_git = [version for version in versions if version.kind == "git"]
    assert by_git
    for version in by_git:
        found = code.uncommitted(repository.folder, objects, version)
        assert found.problem is None
        assert {file.path for file in found.files} <= set(version.changed)


def test_small_repository_timing_is_reported(repository, objects, record_property):
    for state in ("clean", "dirty"):
        begun = time.perf_counter()
        assert take(repository, objects, state).kind == "git"
        record_property(state, round((time.perf_counter() - begun) * 1e3, 1))
        repository.write("train.py", "changed\n")
