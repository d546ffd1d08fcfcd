"""Git, asked so that nothing of the user's moves: no hook, no lock, no network, no change to index or work tree."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

REF_FOLDER = "refs/workbench/runs/"
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
OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


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


class Index(NamedTuple):
    """A copy of the index, and the settings under which files are held against it."""

    path: Path
    settings: tuple[tuple[str, str], ...] = ()


def repository_above(folder: Path) -> bool:
    """Return whether `folder`, or a folder above it, has a `.git`; starts no process."""
    here = folder.absolute()
    return any(os.path.lexists(place / ".git") for place in (here, *here.parents))


def reference(label: str) -> str:
    """Return the full name of the reference that keeps the tree of the run `label`."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-")
    return REF_FOLDER + (name or "unnamed")


def resolve(folder: Path, rev: str) -> tuple[str, str]:
    """Return commit and tree of a branch, tag or commit; raises GitProblem."""
    if rev.startswith("-") or not rev.strip() or "\0" in rev:
        raise GitProblem(f"{rev!r} is no revision")
    code, answer, complaint = call(folder, "rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
    # Told to be quiet, git complains of anything else than the name, like a repository that it does not trust.
    if code:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise GitProblem(lines[0] if lines else f"git knows no branch, tag or commit {rev!r}")
    commit = answer.decode().strip()
    return commit, run(folder, "rev-parse", "--verify", f"{_checked(commit)}^{{tree}}").decode().strip()


def keep(folder: Path, label: str, commit: str, tree: str) -> None:
    """Let `refs/workbench/runs/<label>` keep a tree, through its commit where it is that of the tree; or GitProblem."""
    kept = _checked(commit or tree)
    if commit and run(folder, "rev-parse", "--verify", f"{kept}^{{tree}}").decode().strip() != tree:
        kept = run(folder, "commit-tree", _checked(tree), "-p", kept, "-m", f"Code of run {label}").decode().strip()
    run(folder, "update-ref", reference(label), kept)


def release(folder: Path, label: str) -> None:
    """Remove the reference of `label`, so that git may collect its tree; raises GitProblem."""
    run(folder, "update-ref", "-d", reference(label))


def changes(folder: Path, old: str, new: str) -> list[Change]:
    """Return what differs in `folder` between two trees (or commits); raises GitProblem."""
    answer = run(
        folder, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--relative", "--no-ext-diff",
        "--no-textconv", "--ignore-submodules=none", _checked(old), _checked(new),
    )  # fmt: skip
    fields = answer.split(b"\0")
    return [_change(head, path) for head, path in zip(fields[::2], fields[1::2], strict=False)]


def entries(folder: Path, tree: str) -> dict[str, Entry]:
    """Return the files of `tree` below `folder`, by path relative to it; raises GitProblem."""
    found = {}
    for record in run(folder, "ls-tree", "-r", "-z", _checked(tree)).split(b"\0"):
        head, _, path = record.partition(b"\t")
        if path:
            mode, _, oid = head.decode().split(" ", 2)
            found[os.fsdecode(path)] = Entry(mode, oid)
    return found


def empty_tree(folder: Path) -> str:
    """Return the id of the tree without files, which depends on the repository's hash; raises GitProblem."""
    return run(folder, "hash-object", "-t", "tree", "--stdin").decode().strip()


def blobs(folder: Path, oids: Iterable[str], limit: int) -> dict[str, bytes]:
    """Return the content of each blob of at most `limit` bytes; a missing or larger one is left out."""
    wanted = sorted(set(map(_checked, oids)))
    if not wanted:
        return {}
    listing = run(folder, "cat-file", "--batch-check", stdin="\n".join(wanted).encode() + b"\n")
    small = [oid for oid, kind, size in _described(listing) if kind == "blob" and size <= limit]
    if not small:
        return {}
    return _read_batch(run(folder, "cat-file", "--batch", stdin="\n".join(small).encode() + b"\n"))


def blob(folder: Path, tree: str, path: str) -> bytes:
    """Return the content of one file of `tree`, whose `path` is relative to `folder`; raises GitProblem."""
    return run(folder, "cat-file", "blob", f"{_checked(tree)}:./{path}")


def _checked(oid: str) -> str:
    """Return an object id that is one, so that a doctored record cannot slip an option to git."""
    if not OBJECT_ID.match(oid):
        raise GitProblem("the record holds no valid object id")
    return oid


def run(folder: Path, *arguments: str, stdin: bytes | None = None, index: Index | None = None) -> bytes:
    """Return what git answers; raises GitProblem where it ends otherwise than well."""
    code, answer, complaint = call(folder, *arguments, stdin=stdin, index=index)
    if code:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise GitProblem(lines[0] if lines else f"git {arguments[0]} ended with {code}")
    return answer


def call(
    folder: Path, *arguments: str, stdin: bytes | None = None, index: Index | None = None
) -> tuple[int, bytes, bytes]:
    """Return exit code, answer and complaint of git; raises GitProblem where it cannot be asked or takes too long."""
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


def _environment(index: Index | None) -> dict[str, str]:
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
