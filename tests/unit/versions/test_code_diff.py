import difflib
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.versions import code, textdiff
from workbench.versions.code import CodeVersion

from .conftest import Repository


def lines_of(content: bytes) -> list[str]:
    text = content.decode()
    return [line + "\n" for line in text.split("\n")[:-1]] + ([text.split("\n")[-1]] if text.split("\n")[-1] else [])


def apply(old: bytes, lines: tuple[str, ...]) -> bytes:
    """Patch `old` with unified hunks as `patch` would, refusing where they do not fit."""
    source, result, at = lines_of(old), [], 0
    shown = list(lines)
    for position, line in enumerate(shown):
        bare = position + 1 < len(shown) and shown[position + 1].startswith("\\")
        body = line[1:] + ("" if bare else "\n")
        if line.startswith("@@"):
            start, _, length = line.split(" ")[1][1:].partition(",")
            begin = int(start) - (length != "0")
            result += source[at:begin]
            at = begin
        elif line[0] in " -":
            assert source[at] == body
            at += 1
            result += [body] if line[0] == " " else []
        elif line[0] == "+":
            result.append(body)
    return "".join(result + source[at:]).encode()


texts = st.lists(st.sampled_from(["a", "b", "c", "same", ""]), max_size=30).flatmap(
    lambda rows: st.sampled_from(["\n".join(rows).encode(), "".join(row + "\n" for row in rows).encode()])
)


@settings(max_examples=300, deadline=None)
@given(texts, texts, st.integers(0, 4))
def test_hunks_turn_the_old_text_into_the_new_one(old, new, context):
    found = textdiff.compare("f", old, new, context)
    assert apply(old, found.lines) == new
    assert found.added - found.removed == len(lines_of(new)) - len(lines_of(old))


@pytest.mark.parametrize("context", [0, 1, 3])
def test_hunks_are_those_of_the_standard_library(context):
    old = [f"line {number}" for number in range(60)]
    new = [*old[:5], "inserted", *old[5:20], *old[22:40], "changed", *old[41:]]
    expected = list(difflib.unified_diff(old, new, n=context, lineterm=""))[2:]
    joined = ["\n".join([*rows, ""]).encode() for rows in (old, new)]
    assert list(textdiff.compare("f", *joined, context).lines) == expected


def test_large_unlike_texts_are_compared_in_time():
    old = "".join(f"{number}\n" for number in range(60_000)).encode()
    new = "".join(f"{number * 7}\n" for number in range(60_000)).encode()
    found = textdiff.compare("f", old, new)
    assert apply(old, found.lines) == new


def test_bytes_are_binary_and_separators_are_text():
    assert textdiff.compare("f", b"a\0", b"b").status == "binary"
    assert textdiff.compare("f", "a\u2028b\x0cc\r\n".encode(), b"").lines == ("@@ -1 +0,0 @@", "-a\u2028b\x0cc\r")
    assert textdiff.compare("f", b"x" * 2_000_001, b"").lines == ()


def test_undecodable_text_is_still_compared():
    assert textdiff.compare("f", b"caf\xe9\n", b"cafe\n").lines == ("@@ -1 +1 @@", "-caf\udce9", "+cafe")


def change(found: code.CodeDiff) -> list[tuple[str, str, int, int]]:
    assert found.problem is None
    return [(file.path, file.status, file.added, file.removed) for file in found.files]


@pytest.fixture
def versions(project, objects) -> dict[str, CodeVersion]:
    """The same two states of a project, captured without git and then with it."""
    found = {}
    repository = Repository(project)
    for kind in ("files", "git"):
        repository.write("train.py", "a\nb\nc\n")
        repository.write("gone.py", "x\n")
        repository.write("data.bin", b"\0\1")
        if kind == "git":
            (project / "fresh.py").unlink()
            repository.git("init", "-q")
            repository.commit()
        found[f"old {kind}"] = code.capture(project, objects, label="old")
        repository.write("train.py", "a\nB\nc\n")
        (project / "gone.py").unlink()
        repository.write("fresh.py", "new\nnewer\n")
        repository.write("data.bin", b"\0\2")
        found[f"new {kind}"] = code.capture(project, objects, label="new")
    return found


@pytest.mark.parametrize("old", ["files", "git"])
@pytest.mark.parametrize("new", ["files", "git"])
def test_versions_of_any_kind_are_compared_by_content(versions, project, objects, old, new):
    found = code.diff(project, objects, versions[f"old {old}"], versions[f"new {new}"])
    shown = [row for row in change(found) if row[0] != "data.bin"]
    assert shown == [("fresh.py", "added", 2, 0), ("gone.py", "removed", 0, 1), ("train.py", "changed", 1, 1)]
    assert (found.added, found.removed) == (3, 2)
    assert next(f for f in found.files if f.path == "train.py").lines == ("@@ -1,3 +1,3 @@", " a", "-b", "+B", " c")
    if old == new == "git":
        assert ("data.bin", "binary", 0, 0) in change(found)


def test_the_same_code_of_both_kinds_does_not_differ(versions, project, objects):
    assert change(code.diff(project, objects, versions["new files"], versions["new git"])) == []
    assert change(code.diff(project, objects, versions["new git"], versions["new files"])) == []


def test_uncommitted_needs_a_commit(versions, project, objects):
    assert [row[0] for row in change(code.uncommitted(project, objects, versions["new git"]))] == [
        "data.bin",
        "fresh.py",
        "gone.py",
        "train.py",
    ]
    assert code.uncommitted(project, objects, versions["new files"]).problem


@pytest.mark.parametrize(
    "broken",
    [
        CodeVersion("none"),
        CodeVersion("odd", tree="x"),
        CodeVersion("git", tree="--output=/tmp/evil"),
        CodeVersion("git", tree="0" * 40),
        CodeVersion("files", tree="0" * 64),
        CodeVersion("files", tree="../../x"),
        CodeVersion("git", tree="a\0b"),
    ],
)
def test_a_version_that_is_gone_is_a_problem_not_an_error(versions, project, objects, broken):
    assert code.diff(project, objects, broken, versions["new git"]).problem
    assert code.diff(project, objects, versions["new git"], broken).problem
    assert code.read(project, objects, broken, "train.py") is None


def test_a_lost_repository_is_a_problem_not_an_error(versions, project, objects):
    subprocess.run(["rm", "-rf", str(project / ".git")], check=True)
    assert code.diff(project, objects, versions["old git"], versions["new git"]).problem
    assert code.uncommitted(project, objects, versions["new git"]).problem
    assert code.read(project, objects, versions["new git"], "train.py") is None
    assert change(code.diff(project, objects, versions["old files"], versions["new files"]))
