"""The exact code of a run: captured, compared and read again, with git and without."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.versions import files, git, git_tree, selection, textdiff
from workbench.versions.textdiff import CodeDiff, FileDiff

__all__ = [
    "CodeDiff", "CodeUnavailable", "CodeVersion", "FileDiff", "at_revision", "capture", "changed", "contents", "diff",
    "entries", "keep", "read", "release", "revisions", "uncommitted",
]  # fmt: skip

# One changed path: mode and content id before and after, None where the file is not there.
_Side = git.Entry | None
_Pair = tuple[str, _Side, _Side]
_Load = Callable[[Iterable[str]], dict[str, bytes]]


@dataclass(frozen=True)
class CodeVersion:
    """The code of a project at one moment.

    `kind` is "git" (`tree` is the id of a git tree), "files" (`tree` is the hash of a stored manifest) or "none".
    `changed` are the paths, relative to the project, that differ from `commit`, untracked ones included. `problem`
    names what is not in the tree, or why it was not made the better way.
    """

    kind: str
    commit: str | None = None
    branch: str | None = None
    tree: str = ""
    dirty: bool = False
    changed: tuple[str, ...] = ()
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the version as values that JSON can hold."""
        return asdict(self) | {"changed": list(self.changed)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> CodeVersion:
        """Return the version that `to_json` wrote; unknown keys are passed over."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**known | {"changed": tuple(known.get("changed", ()))})


class CodeUnavailable(Exception):
    """A version cannot be read any more."""


def capture(folder: Path, objects: Path, *, label: str, ignore: Sequence[str] = ()) -> CodeVersion:
    """Store the code of `folder` as it is now and say what it is; never raises.

    In a git work tree it becomes a tree kept by `refs/workbench/runs/<label>`; elsewhere, and where git refuses, the
    source files go under `objects`. `ignore` are patterns of paths that are not code.
    """
    trouble = ""
    try:
        if git.repository_above(folder):
            try:
                return _from_git(git_tree.snapshot(folder, label, ignore))
            except git.GitProblem as problem:
                trouble = f"without git: {problem}"
        stored = files.snapshot(folder, objects, ignore)
        return CodeVersion("files", tree=stored.tree, problem=_joined([trouble, *stored.notes]))
    except Exception as error:
        return CodeVersion("none", problem=_joined([trouble, f"code not recorded: {error}"]))


def diff(folder: Path, objects: Path, old: CodeVersion, new: CodeVersion, *, context: int = 3) -> CodeDiff:
    """Return how the code changed from `old` to `new`, file by file with `context` equal lines; never raises."""
    return _guarded(lambda: _diff(folder, objects, old, new, context))


def changed(folder: Path, objects: Path, old: CodeVersion, new: CodeVersion) -> list[tuple[str, str, str]]:
    """Return path and content ids before and after of each file that differs, "" for none; raises CodeUnavailable."""
    try:
        pairs = _pairs(folder, objects, old, new)
    except git.GitProblem as problem:
        raise CodeUnavailable(str(problem)) from problem
    return sorted(
        (path, before.oid if before else "", after.oid if after else "")
        for path, before, after in pairs
        if selection.OWN_FOLDER not in path.split("/")
        and (old.kind == new.kind or read(folder, objects, old, path) != read(folder, objects, new, path))
    )


def uncommitted(folder: Path, objects: Path, version: CodeVersion, *, context: int = 3) -> CodeDiff:
    """Return how `version` differs from the commit it was made on; without a commit, all of it is new; never raises."""
    if version.kind != "git":
        return CodeDiff(problem="there is no commit to compare with")

    def compare() -> CodeDiff:
        base = version.commit or git.empty_tree(folder)
        return _diff(folder, objects, CodeVersion("git", tree=base), version, context)

    return _guarded(compare)


def read(folder: Path, objects: Path, version: CodeVersion, path: str) -> bytes | None:
    """Return one file of `version` by its path relative to the project, or None if it is not there."""
    try:
        if version.kind == "git":
            return git.blob(folder, version.tree, path)
        kept = (files.manifest(objects, version.tree) or {}).get(path)
        return files.load(objects, kept.hash) if kept else None
    except (git.GitProblem, OSError, ValueError):
        return None


def at_revision(folder: Path, rev: str) -> CodeVersion:
    """Return the code at a branch, tag or commit; raises CodeUnavailable with git's reason."""
    try:
        commit, tree = git.resolve(folder, rev)
    except git.GitProblem as problem:
        raise CodeUnavailable(str(problem)) from problem
    return CodeVersion("git", commit=commit, branch=rev if rev != commit else None, tree=tree)


def revisions(folder: Path, most: int) -> list[str]:
    """Return the names of branches and tags, the newest first and at most `most`; none where there is no git."""
    try:
        answer = git.run(
            folder, "for-each-ref", "--sort=-creatordate", f"--count={most}", "--format=%(refname:short)",
            "refs/heads", "refs/tags",
        )  # fmt: skip
    except git.GitProblem:
        return []
    return answer.decode("utf-8", "replace").splitlines()


def keep(folder: Path, version: CodeVersion, label: str) -> None:
    """Keep a git version for the run `label`, whatever becomes of its branch; what hinders that is left alone."""
    if version.kind == "git":
        with contextlib.suppress(git.GitProblem):
            git.keep(folder, label, version.commit or "", version.tree)


def entries(folder: Path, objects: Path, version: CodeVersion) -> dict[str, git.Entry]:
    """Return the files of a version, by path relative to the project; raises CodeUnavailable."""
    if version.kind not in ("git", "files"):
        raise CodeUnavailable(version.problem or "no code was recorded")
    try:
        return _listing(folder, objects, version)
    except git.GitProblem as problem:
        raise CodeUnavailable(str(problem)) from problem


def contents(folder: Path, objects: Path, version: CodeVersion, oids: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of files of a version by their ids; raises CodeUnavailable."""
    try:
        return _loader(folder, objects, version, limit=1 << 40)(oids)
    except git.GitProblem as problem:
        raise CodeUnavailable(str(problem)) from problem


def release(folder: Path, version: CodeVersion, label: str) -> str | None:
    """Let git forget the tree kept for `label`; returns the problem, if any."""
    if version.kind != "git":
        return None
    try:
        git.release(folder, label)
    except git.GitProblem as problem:
        return str(problem)
    return None


def _joined(notes: Iterable[str]) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _from_git(found: git_tree.Snapshot) -> CodeVersion:
    return CodeVersion(
        "git", found.commit, found.branch, found.tree, bool(found.changed), found.changed, _joined(found.notes)
    )


def _guarded(compare: Callable[[], CodeDiff]) -> CodeDiff:
    try:
        return compare()
    except Exception as error:
        return CodeDiff(problem=f"the code cannot be compared: {error}")


def _diff(folder: Path, objects: Path, old: CodeVersion, new: CodeVersion, context: int) -> CodeDiff:
    for version in (old, new):
        if version.kind not in ("git", "files"):
            raise CodeUnavailable(version.problem or "no code was recorded")
    if old.kind == new.kind and old.tree == new.tree:
        return CodeDiff()
    pairs = [pair for pair in _pairs(folder, objects, old, new) if selection.OWN_FOLDER not in pair[0].split("/")]
    before = _loader(folder, objects, old)(side.oid for _, side, _ in pairs if side and side.mode != "160000")
    after = _loader(folder, objects, new)(side.oid for _, _, side in pairs if side and side.mode != "160000")
    found = [_compare(pair, before, after, context) for pair in sorted(pairs, key=lambda pair: pair[0])]
    # Between a git tree and stored files only the content tells whether anything changed.
    return CodeDiff(tuple(file for file in found if file is not None))


def _pairs(folder: Path, objects: Path, old: CodeVersion, new: CodeVersion) -> list[_Pair]:
    if old.kind == new.kind == "git":
        return [(change.path, change.old, change.new) for change in git.changes(folder, old.tree, new.tree)]
    first, second = _listing(folder, objects, old), _listing(folder, objects, new)
    paths = first.keys() | second.keys()
    if old.kind != new.kind:
        # A capture without git never looks at the rest, so its absence there means nothing.
        paths = {path for path in paths if selection.is_code_path(path)}
    pairs = [(path, first.get(path), second.get(path)) for path in paths]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _listing(folder: Path, objects: Path, version: CodeVersion) -> dict[str, git.Entry]:
    if version.kind == "git":
        return git.entries(folder, version.tree)
    kept = files.manifest(objects, version.tree)
    if kept is None:
        raise CodeUnavailable("the stored list of files is gone")
    return {path: git.Entry("100755" if file.executable else "100644", file.hash) for path, file in kept.items()}


def _loader(folder: Path, objects: Path, version: CodeVersion, limit: int = textdiff.TEXT_LIMIT) -> _Load:
    def from_git(oids: Iterable[str]) -> dict[str, bytes]:
        return git.blobs(folder, oids, limit)

    def from_files(oids: Iterable[str]) -> dict[str, bytes]:
        found = {oid: files.load(objects, oid) for oid in set(oids)}
        return {oid: content for oid, content in found.items() if content is not None}

    return from_git if version.kind == "git" else from_files


def _compare(pair: _Pair, before: dict[str, bytes], after: dict[str, bytes], context: int) -> FileDiff | None:
    path, old, new = pair
    status = "added" if old is None else "removed" if new is None else "changed"
    contents: list[bytes | None] = []
    for side, known in ((old, before), (new, after)):
        if side is None:
            contents.append(None)
        elif side.mode == "160000":
            contents.append(f"Subproject commit {side.oid}\n".encode())
        elif side.oid in known:
            contents.append(known[side.oid])
        else:
            return FileDiff(path, status, note="too large to show, or no longer stored")
    note = f"mode {old.mode} to {new.mode}" if old and new and old.mode != new.mode else ""
    if old and new and contents[0] == contents[1] and not note:
        return None
    return textdiff.compare(path, contents[0], contents[1], context, note)
