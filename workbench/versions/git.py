"""Git, asked so that nothing of the user's moves: no hook, no lock, no network, no change to index or work tree."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from workbench.versions import selection

REF_FOLDER = "refs/workbench/runs/"
UNTRACKED_LIMIT = 5_000_000
_TIMEOUT = 10.0
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.logAllRefUpdates=false",
    "core.safecrlf=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "submodule.recurse=false",
)
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Workbench",
    "GIT_AUTHOR_EMAIL": "workbench@localhost",
    "GIT_COMMITTER_NAME": "Workbench",
    "GIT_COMMITTER_EMAIL": "workbench@localhost",
}
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# Inside a repository, Workbench's own folder at any depth below the project.
_OWN_FOLDER = f":(glob)**/{selection.OWN_FOLDER}/**"
_NOT_OWN_FOLDER = f":(exclude,glob)**/{selection.OWN_FOLDER}/**"


class GitProblem(Exception):
    """Git is missing, too slow, or refused; the text is its first line of complaint."""


class Entry(NamedTuple):
    """One file of a tree: its mode as git writes it (`100644`, `100755`, `120000`, `160000`) and its content's id."""

    mode: str
    oid: str


class Change(NamedTuple):
    """One path that differs between two trees; a side that lacks it is None."""

    path: str
    old: Entry | None
    new: Entry | None


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


class _Index(NamedTuple):
    """A copy of the index, and the settings under which files are held against it."""

    path: Path
    settings: tuple[tuple[str, str], ...] = ()


class _Status(NamedTuple):
    commit: str | None
    branch: str | None
    tracked: tuple[bytes, ...]
    untracked: tuple[bytes, ...]


def repository_above(folder: Path) -> bool:
    """Return whether `folder`, or a folder above it, has a `.git`; starts no process."""
    here = folder.absolute()
    return any(os.path.lexists(place / ".git") for place in (here, *here.parents))


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
        _run(folder, "update-ref", reference(label), keep)
    except GitProblem as problem:
        notes.append(f"git may forget this tree: {problem}")
    return Snapshot(place.commit, status.branch, tree, tuple(sorted(map(os.fsdecode, changed))), tuple(notes))


def reference(label: str) -> str:
    """Return the full name of the reference that keeps the tree of the run `label`."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-")
    return REF_FOLDER + (name or "unnamed")


def resolve(folder: Path, rev: str) -> tuple[str, str]:
    """Return commit and tree of a branch, tag or commit; raises GitProblem."""
    if rev.startswith("-") or not rev.strip() or "\0" in rev:
        raise GitProblem(f"{rev!r} is no revision")
    code, answer, complaint = _call(folder, "rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
    # Told to be quiet, git complains of anything else than the name, like a repository that it does not trust.
    if code:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise GitProblem(lines[0] if lines else f"git knows no branch, tag or commit {rev!r}")
    commit = answer.decode().strip()
    return commit, _run(folder, "rev-parse", "--verify", f"{_checked(commit)}^{{tree}}").decode().strip()


def keep(folder: Path, label: str, commit: str, tree: str) -> None:
    """Let `refs/workbench/runs/<label>` keep a tree, through its commit where it is that of the tree; or GitProblem."""
    kept = _checked(commit or tree)
    if commit and _run(folder, "rev-parse", "--verify", f"{kept}^{{tree}}").decode().strip() != tree:
        kept = _run(folder, "commit-tree", _checked(tree), "-p", kept, "-m", f"Code of run {label}").decode().strip()
    _run(folder, "update-ref", reference(label), kept)


def release(folder: Path, label: str) -> None:
    """Remove the reference of `label`, so that git may collect its tree; raises GitProblem."""
    _run(folder, "update-ref", "-d", reference(label))


def changes(folder: Path, old: str, new: str) -> list[Change]:
    """Return what differs in `folder` between two trees (or commits); raises GitProblem."""
    answer = _run(
        folder, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--relative", "--no-ext-diff",
        "--no-textconv", "--ignore-submodules=none", _checked(old), _checked(new),
    )  # fmt: skip
    fields = answer.split(b"\0")
    return [_change(head, path) for head, path in zip(fields[::2], fields[1::2], strict=False)]


def entries(folder: Path, tree: str) -> dict[str, Entry]:
    """Return the files of `tree` below `folder`, by path relative to it; raises GitProblem."""
    found = {}
    for record in _run(folder, "ls-tree", "-r", "-z", _checked(tree)).split(b"\0"):
        head, _, path = record.partition(b"\t")
        if path:
            mode, _, oid = head.decode().split(" ", 2)
            found[os.fsdecode(path)] = Entry(mode, oid)
    return found


def empty_tree(folder: Path) -> str:
    """Return the id of the tree without files, which depends on the repository's hash; raises GitProblem."""
    return _run(folder, "hash-object", "-t", "tree", "--stdin").decode().strip()


def blobs(folder: Path, oids: Iterable[str], limit: int) -> dict[str, bytes]:
    """Return the content of each blob of at most `limit` bytes; a missing or larger one is left out."""
    wanted = sorted(set(map(_checked, oids)))
    if not wanted:
        return {}
    listing = _run(folder, "cat-file", "--batch-check", stdin="\n".join(wanted).encode() + b"\n")
    small = [oid for oid, kind, size in _described(listing) if kind == "blob" and size <= limit]
    if not small:
        return {}
    return _read_batch(_run(folder, "cat-file", "--batch", stdin="\n".join(small).encode() + b"\n"))


def blob(folder: Path, tree: str, path: str) -> bytes:
    """Return the content of one file of `tree`, whose `path` is relative to `folder`; raises GitProblem."""
    return _run(folder, "cat-file", "blob", f"{_checked(tree)}:./{path}")


def _checked(oid: str) -> str:
    """Return an object id that is one, so that a doctored record cannot slip an option to git."""
    if not _OBJECT_ID.match(oid):
        raise GitProblem("the record holds no valid object id")
    return oid


def _run(folder: Path, *arguments: str, stdin: bytes | None = None, index: _Index | None = None) -> bytes:
    code, answer, complaint = _call(folder, *arguments, stdin=stdin, index=index)
    if code:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise GitProblem(lines[0] if lines else f"git {arguments[0]} ended with {code}")
    return answer


def _call(
    folder: Path, *arguments: str, stdin: bytes | None = None, index: _Index | None = None
) -> tuple[int, bytes, bytes]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *settings, "-C", str(folder), *arguments],
            input=b"" if stdin is None else stdin,
            capture_output=True,
            env=_environment(index),
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitProblem("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise GitProblem(f"git {arguments[0]} took longer than {_TIMEOUT:.0f} s") from error
    except (OSError, ValueError) as error:
        raise GitProblem(f"git cannot be started: {error}") from error
    return done.returncode, done.stdout, done.stderr


def _environment(index: _Index | None) -> dict[str, str]:
    """Return the environment of git without the variables that could lead it elsewhere or make it run something."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables |= _IDENTITY
    variables |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    if index is not None:
        variables["GIT_INDEX_FILE"] = str(index.path)
        variables["GIT_CONFIG_COUNT"] = str(len(index.settings))
        for number, (key, value) in enumerate(index.settings):
            variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


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
    code, answer, complaint = _call(folder, "config", "--null", "--show-scope", "--get-regexp", r"^filter\.")
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


def _consistent_look(folder: Path, path: Path) -> tuple[_Place, _Status, _Index]:
    """Return place and status that speak of the same commit, even if one is made meanwhile, and the index at `path`."""
    for _ in range(3):
        place = _locate(folder)
        index = _Index(path, _filters_off(folder, place.git_folder))
        _copy_index(place.git_folder / "index", path)
        status = _status(folder, index, place.prefix)
        if status.commit == place.commit:
            return place, status, index
    raise GitProblem("the repository does not hold still")


def _locate(folder: Path) -> _Place:
    # One process answers all; without a commit the last three stay unanswered.
    code, answer, complaint = _call(
        folder, "rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-prefix",
        "HEAD", "HEAD^{tree}", "HEAD:./",
    )  # fmt: skip
    lines = answer.split(b"\n")
    if code and len(lines) < 4:
        raise GitProblem((complaint.decode("utf-8", "replace").strip() or "git rev-parse failed").splitlines()[0])
    if lines[0] != b"true":
        raise GitProblem("not inside a git work tree")
    ids = [text for line in lines[3:6] if _OBJECT_ID.match(text := os.fsdecode(line))]
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


def _status(folder: Path, index: _Index, prefix: bytes) -> _Status:
    answer = _run(
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


def _write_tree(folder: Path, index: _Index, changed: Sequence[bytes], own_tracked: bool) -> str:
    if own_tracked:
        _run(folder, "rm", "--cached", "-r", "-q", "-f", "--ignore-unmatch", "--", _OWN_FOLDER, index=index)
    present = [path for path in changed if _can_be_added(folder / os.fsdecode(path))]
    absent = sorted(set(changed) - set(present))
    # What is gone goes first: a file may have become a folder, or a folder a file.
    for paths, how in ((absent, ("--force-remove",)), (present, ("--add", "--replace"))):
        if paths:
            listing = b"".join(path + b"\0" for path in paths)
            _run(folder, "update-index", *how, "-z", "--stdin", stdin=listing, index=index)
    return _run(folder, "write-tree", index=index).decode().strip()


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
    return _run(folder, "commit-tree", tree, *parents, "-m", message).decode().strip()


def _change(head: bytes, path: bytes) -> Change:
    old_mode, new_mode, old, new, _ = head.decode().lstrip(":").split(" ", 4)
    return Change(os.fsdecode(path), _side(old_mode, old), _side(new_mode, new))


def _side(mode: str, oid: str) -> Entry | None:
    return None if mode == "000000" else Entry(mode, oid)


def _described(listing: bytes) -> Iterator[tuple[str, str, int]]:
    for line in listing.decode().splitlines():
        words = line.split(" ")
        if len(words) == 3:
            yield words[0], words[1], int(words[2])


def _read_batch(answer: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        words = answer[at:end].decode().split(" ")
        at = end + 1
        if len(words) == 3:
            size = int(words[2])
            found[words[0]] = answer[at : at + size]
            at += size + 1
    return found
