"""The code of a folder as it is now, stored as a git tree through an index of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from workbench.versions import selection
from workbench.versions.git import OBJECT_ID, REF_FOLDER, GitProblem, Index, call, reference, run

UNTRACKED_LIMIT = 5_000_000
# Inside a repository, Workbench's own folder at any depth below the project.
_OWN_FOLDER = f":(glob)**/{selection.OWN_FOLDER}/**"
_NOT_OWN_FOLDER = f":(exclude,glob)**/{selection.OWN_FOLDER}/**"


class Snapshot(NamedTuple):
    """The project's code as a tree that a reference keeps; paths are relative to the project folder."""

    commit: str | None
    branch: str | None
    tree: str
    changed: tuple[str, ...]
    notes: tuple[str, ...]


class _Place(NamedTuple):
    git_folder: Path
    prefix: bytes
    commit: str | None
    tree: str | None
    in_commit: bool


class _Status(NamedTuple):
    commit: str | None
    branch: str | None
    tracked: tuple[bytes, ...]
    untracked: tuple[bytes, ...]


def snapshot(folder: Path, label: str, ignore: Sequence[str] = ()) -> Snapshot:
    """Store the code of `folder` as it is now as a git tree, kept by `refs/workbench/runs/<label>`.

    The tree is that of the whole repository; only what lies in `folder` is brought up to date in it. Untracked files
    are included unless they are ignored or large. Raises GitProblem.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-") as scratch:
        place, status, index = _consistent_look(folder, Path(scratch) / "index")
        if place.prefix and not place.in_commit and not status.untracked and not status.tracked:
            raise GitProblem("the repository around this project ignores it")
        adopt, notes = _choose_untracked(folder, status.untracked, ignore)
        if (place.git_folder / "modules").is_dir():
            notes.append("changes inside submodules are not recorded")
        changed = (*status.tracked, *adopt)
        own_tracked = _may_track_own_folder(index.path)
        if not changed and place.tree and place.commit and not own_tracked:
            tree, keep = place.tree, place.commit
        else:
            tree = _write_tree(folder, index, changed, own_tracked)
            keep = _commit(folder, tree, place, label)
    try:
        run(folder, "update-ref", reference(label), keep)
    except GitProblem as problem:
        notes.append(f"git may forget this tree: {problem}")
    return Snapshot(place.commit, status.branch, tree, tuple(sorted(map(os.fsdecode, changed))), tuple(notes))


def _consistent_look(folder: Path, path: Path) -> tuple[_Place, _Status, Index]:
    """Return place and status that speak of the same commit, even if one is made meanwhile, and the index at `path`."""
    for _ in range(3):
        place = _locate(folder)
        index = Index(path, _filters_off(folder, place.git_folder))
        _copy_index(place.git_folder / "index", path)
        status = _status(folder, index, place.prefix)
        if status.commit == place.commit:
            return place, status, index
    raise GitProblem("the repository does not hold still")


def _locate(folder: Path) -> _Place:
    # One process answers all; without a commit the last three stay unanswered.
    code, answer, complaint = call(
        folder, "rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-prefix",
        "HEAD", "HEAD^{tree}", "HEAD:./",
    )  # fmt: skip
    lines = answer.split(b"\n")
    if code and len(lines) < 4:
        raise GitProblem((complaint.decode("utf-8", "replace").strip() or "git rev-parse failed").splitlines()[0])
    if lines[0] != b"true":
        raise GitProblem("not inside a git work tree")
    ids = [text for line in lines[3:6] if OBJECT_ID.match(text := os.fsdecode(line))]
    git_folder = Path(os.fsdecode(lines[1]))
    if not git_folder.is_dir():
        raise GitProblem("the path of the repository cannot be read")
    commit, tree = (ids[0], ids[1]) if len(ids) >= 2 else (None, None)
    return _Place(git_folder, lines[2], commit, tree, len(ids) == 3)


def _copy_index(source: Path, target: Path) -> None:
    # The copy keeps its time: git takes a file changed in the instant of the index's own time as possibly changed.
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise GitProblem(f"the index cannot be read: {error}") from error


def _status(folder: Path, index: Index, prefix: bytes) -> _Status:
    answer = run(
        folder, "status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--no-renames", "--ignored=no",
        "--untracked-files=all", "--ignore-submodules=dirty", "--", ".", _NOT_OWN_FOLDER, index=index,
    )  # fmt: skip
    headers: dict[bytes, str] = {}
    paths: dict[bool, list[bytes]] = {True: [], False: []}
    for record in answer.split(b"\0"):
        if record.startswith(b"# "):
            name, _, value = record[2:].partition(b" ")
            headers[name] = os.fsdecode(value)
        elif path := _path_of(record):
            paths[record[:1] == b"?"].append(path.removeprefix(prefix))
    commit, branch = headers.get(b"branch.oid"), headers.get(b"branch.head")
    return _Status(
        None if commit == "(initial)" else commit,
        None if branch == "(detached)" else branch,
        tuple(paths[False]),
        tuple(paths[True]),
    )


def _path_of(record: bytes) -> bytes:
    """Return the path at the end of one status record: after 8 fields, 10 for a conflict, 1 for an untracked file."""
    fields = {b"1": 8, b"u": 10, b"?": 1}.get(record[:1], 0)
    return record.split(b" ", fields)[-1] if fields else b""


def _choose_untracked(folder: Path, paths: Sequence[bytes], ignore: Sequence[str]) -> tuple[list[bytes], list[str]]:
    """Return which untracked files are code, and a note for each kind of file that is left out."""
    adopt: list[bytes] = []
    left: dict[str, list[str]] = {}
    # Source files first: a heap of other files must not use up the limit before them.
    for name in sorted(map(os.fsdecode, paths), key=lambda name: not selection.is_code_path(name)):
        if selection.ignored(name, ignore):
            continue
        if reason := _why_not(folder, name, len(adopt) >= selection.FILES_LIMIT):
            left.setdefault(reason, []).append(name)
        else:
            adopt.append(os.fsencode(name))
    return adopt, [f"{reason}: {selection.some(names)}" for reason, names in left.items()]


def _why_not(folder: Path, name: str, full: bool) -> str:
    if name.endswith("/"):
        return "another repository, left out"
    try:
        facts = (folder / name).lstat()
    except OSError:
        return "vanished, left out"
    if stat.S_ISLNK(facts.st_mode):
        return ""
    if facts.st_size > UNTRACKED_LIMIT:
        return "untracked and over 5 MB, left out"
    if full:
        return f"beyond {selection.FILES_LIMIT} untracked files, left out"
    return "" if os.access(folder / name, os.R_OK) else "unreadable, left out"


def _may_track_own_folder(index: Path) -> bool:
    """Return whether the index may hold files of Workbench's own folder, which must not become part of the tree."""
    with contextlib.suppress(OSError):
        content = index.read_bytes()
        # Version 4 shortens each path by what it shares with the one before, so that a search could miss it.
        return content[4:8] == b"\0\0\0\4" or f"{selection.OWN_FOLDER}/".encode() in content
    return False


def _write_tree(folder: Path, index: Index, changed: Sequence[bytes], own_tracked: bool) -> str:
    if own_tracked:
        run(folder, "rm", "--cached", "-r", "-q", "-f", "--ignore-unmatch", "--", _OWN_FOLDER, index=index)
    present = [path for path in changed if _can_be_added(folder / os.fsdecode(path))]
    absent = sorted(set(changed) - set(present))
    # What is gone goes first: a file may have become a folder, or a folder a file.
    for paths, how in ((absent, ("--force-remove",)), (present, ("--add", "--replace"))):
        if paths:
            listing = b"".join(path + b"\0" for path in paths)
            run(folder, "update-index", *how, "-z", "--stdin", stdin=listing, index=index)
    return run(folder, "write-tree", index=index).decode().strip()


def _can_be_added(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    # A folder is a submodule when it is a repository itself; otherwise it stands where a tracked file was.
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and os.path.lexists(path / ".git"))


def _commit(folder: Path, tree: str, place: _Place, label: str) -> str:
    parents = ("-p", place.commit) if place.commit else ()
    message = f"Code of run {reference(label).removeprefix(REF_FOLDER)}"
    return run(folder, "commit-tree", tree, *parents, "-m", message).decode().strip()


def _filters_off(folder: Path, git_folder: Path) -> tuple[tuple[str, str], ...]:
    """Return settings that switch off the filters which the repository itself configures, LFS excepted.

    Those of the user's own configuration are the user's; one that came with a repository could be anything.
    """
    try:
        common = git_folder / (git_folder / "commondir").read_text(encoding="utf-8").strip()
    except OSError:
        common = git_folder
    if not any(_may_configure(path) for path in (common / "config", git_folder / "config.worktree")):
        return ()
    code, answer, complaint = call(folder, "config", "--null", "--show-scope", "--get-regexp", r"^filter\.")
    if code > 1:
        raise GitProblem((complaint.decode("utf-8", "replace").strip() or "git config failed").splitlines()[0])
    fields = answer.split(b"\0")
    found = {
        os.fsdecode(key.partition(b"\n")[0].rpartition(b".")[0])
        for scope, key in zip(fields[::2], fields[1::2], strict=False)
        if scope in (b"local", b"worktree") and _is_program(key)
    }
    off = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    return tuple((f"{name}.{part}", value) for name in sorted(found) for part, value in off)


def _is_program(setting: bytes) -> bool:
    """Return whether a setting of a filter names a program that is not the one of LFS."""
    key, _, value = setting.partition(b"\n")
    return not key.endswith(b".required") and not re.fullmatch(rb"git-lfs [a-z-]+(?: -- %f)?", value)


def _may_configure(path: Path) -> bool:
    try:
        text = path.read_bytes().lower()
    except OSError:
        return False
    return b"filter" in text or b"include" in text
