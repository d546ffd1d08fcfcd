import os
import threading
import time
from pathlib import Path

import pytest
from blake3 import blake3

from workbench.versions import outputs
from workbench.versions.outputs import Output


def write(folder: Path, name: str, content: bytes = b"x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def take(folder: Path, *patterns: str, since_ns: int | None = None) -> list[Output]:
    return outputs.capture(folder, patterns, since_ns=since_ns)


def paths(folder: Path, *patterns: str) -> list[str]:
    found = take(folder, *patterns)
    assert all(output.problem is None for output in found), found
    return [output.path for output in found]


def test_file_is_described(project):
    content = os.urandom(3_000_000)
    path = write(project, "out/model.bin", content)
    assert take(project, "out/model.bin") == [
        Output(
            "out/model.bin",
            "file",
            len(content),
            blake3(content).hexdigest(),
            path.stat().st_mtime_ns,
            fresh=True,
        )
    ]
    assert take(project, "./out/../out/model.bin") == take(project, str(path)) == take(project, "out/model.bin")


def test_empty_file_is_described(project):
    write(project, "empty", b"")
    assert take(project, "empty")[0].hash == blake3(b"").hexdigest()


def test_folder_hash_depends_on_names_and_content_and_on_nothing_else(project):
    write(project, "a/one", b"1")
    write(project, "a/deep/two", b"22")
    write(project, "b/deep/two", b"22")
    write(project, "b/one", b"1")
    first, second = take(project, "a", "b/")
    assert (first.kind, first.size, first.problem) == ("folder", 3, None)
    assert first.hash == second.hash
    (project / "b" / "one").rename(project / "b" / "uno")
    renamed = take(project, "b")[0]
    write(project, "b/uno", b"2")
    changed = take(project, "b")[0]
    assert len({first.hash, renamed.hash, changed.hash}) == 3


def test_folder_with_line_breaks_in_names_is_not_taken_for_another(project):
    digest = blake3(b"1").hexdigest()
    write(project, "a/x", b"1")
    write(project, "a/y", b"1")
    write(project, f"b/x {digest}\n1 y", b"1")
    first, second = take(project, "a", "b")
    assert first.hash != second.hash


def test_globs(project):
    for name in ("a.bin", "b.bin", "sub/c.bin", "sub/deep/d.bin", ".hidden.bin", ".workbench/e.bin", "model[1].bin"):
        write(project, name)
    assert paths(project, "*.bin") == ["a.bin", "b.bin", "model[1].bin"]
    assert paths(project, "**/*.bin") == ["a.bin", "b.bin", "model[1].bin", "sub/c.bin", "sub/deep/d.bin"]
    assert paths(project, "sub/**") == ["sub/c.bin", "sub/deep/d.bin"]
    assert paths(project, "s*/d*/?.bin") == ["sub/deep/d.bin"]
    assert paths(project, "[ab].bin") == ["a.bin", "b.bin"]
    assert paths(project, "model[1].bin") == ["model[1].bin"]
    assert paths(project, ".h*") == [".hidden.bin"]
    assert paths(project, "a.bin", "*.bin", "a.bin") == ["a.bin", "b.bin", "model[1].bin"]


def test_missing_ones_are_listed(project):
    assert take(project, "gone", "*.gone", "no/such/file") == [
        Output("gone", problem="missing"),
        Output("*.gone", problem="missing"),
        Output("no/such/file", problem="missing"),
    ]
    assert take(project / "gone", "x")[0].problem == "missing"


@pytest.mark.parametrize(
    "pattern", ["../secret", "/etc/passwd", "a/../../secret", "../*", "", ".", "a/..", "x\0y", " "]
)
def test_no_path_leaves_the_project(project, pattern):
    write(project.parent, "secret")
    (project / "a").mkdir()
    (found,) = take(project, pattern)
    assert (found.kind, found.hash) == ("", "")
    assert found.problem in ("outside the project", "the project itself, and nothing in it", "not a path")


def test_neighbour_whose_name_begins_alike_is_outside(project):
    write(project.parent, "project-2/secret")
    assert take(project, "../project-2/secret")[0].problem == "outside the project"


def test_links_out_of_the_project_are_not_followed_and_said(project, tmp_path):
    write(tmp_path, "outside/secret", b"password")
    (project / "file").symlink_to(tmp_path / "outside" / "secret")
    (project / "folder").symlink_to(tmp_path / "outside")
    for pattern in ("file", "folder", "folder/secret", "fi*"):
        (found,) = take(project, pattern)
        assert "leads out of the project" in found.problem
        assert (found.size, found.hash) == (0, "")
    assert take(project, "folder/*") == [Output("folder/*", problem="missing")]
    assert take(project, "**/secret") == [Output("**/secret", problem="missing")]


def test_link_out_of_the_project_inside_an_output_folder_is_said(project, tmp_path):
    secret = write(tmp_path, "secret", b"password")
    write(project, "out/model")
    (project / "out" / "link").symlink_to(secret)
    (found,) = take(project, "out")
    assert (found.kind, found.size) == ("folder", 1)
    assert found.problem.startswith("link: a link that leads out of the project")
    secret.write_bytes(b"other")
    assert take(project, "out") == [found]


def test_links_within_the_project_are_followed(project):
    write(project, "runs/3/model", b"m")
    (project / "latest").symlink_to("runs/3")
    (found,) = take(project, "latest/model")
    assert (found.path, found.kind, found.problem) == ("latest/model", "file", None)
    assert take(project, "latest")[0].kind == "folder"
    assert paths(project, "lat*/mod*") == ["latest/model"]


def test_project_reached_by_a_link_is_still_the_project(project, tmp_path):
    write(project, "model")
    (tmp_path / "alias").symlink_to(project)
    assert paths(tmp_path / "alias", "model", "m*") == ["model"]


def test_special_files_and_endless_links_are_problems_not_errors(project):
    os.mkfifo(project / "pipe")
    (project / "loop").symlink_to("loop")
    (project / "dangling").symlink_to("nothing")
    found = {output.path: output.problem for output in take(project, "pipe", "loop", "dangling")}
    assert found["pipe"] == "neither a file nor a folder"
    assert found["loop"].startswith("unreadable")
    assert found["dangling"] == "missing"


def test_unreadable_ones_are_listed(project, monkeypatch):
    write(project, "out/locked")
    original = os.open

    def refuse(path, flags, *rest, **more):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return original(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert take(project, "out/locked")[0].problem == "unreadable: Permission denied"
    assert take(project, "out")[0].problem == "locked: unreadable: Permission denied"


def test_file_that_grows_while_it_is_read_is_said(project, monkeypatch):
    path = write(project, "growing", b"x" * 1000)
    original = os.fstat
    seen = []

    def fstat(descriptor):
        facts = original(descriptor)
        if not seen:
            seen.append(facts)
            with path.open("ab") as file:
                file.write(b"more")
        return facts

    monkeypatch.setattr(os, "fstat", fstat)
    assert take(project, "growing")[0].problem == "changed while it was read"


def test_what_was_there_before_the_run_is_told_from_what_it_wrote(project):
    old = write(project, "old")
    os.utime(old, (1e9, 1e9))
    write(project, "folder/old")
    os.utime(project / "folder" / "old", (1e9, 1e9))
    write(project, "mixed/old")
    os.utime(project / "mixed" / "old", (1e9, 1e9))
    started = time.time_ns()
    write(project, "new")
    write(project, "mixed/new")
    found = take(project, "old", "new", "folder", "mixed", since_ns=started)
    assert [(output.path, output.fresh) for output in found] == [
        ("old", False),
        ("new", True),
        ("folder", False),
        ("mixed", True),
    ]
    assert take(project, "old")[0].fresh


def test_file_system_with_whole_seconds_is_not_held_to_more(project):
    path = write(project, "model")
    os.utime(path, ns=(0, 1_700_000_000 * 10**9))
    assert take(project, "model", since_ns=1_700_000_000 * 10**9 + 900_000_000)[0].fresh
    assert not take(project, "model", since_ns=1_700_000_001 * 10**9)[0].fresh


def test_odd_names(project):
    names = ["new\nline", 'qu"ote', "🧪", os.fsdecode(b"caf\xe9"), "-x", "$(reboot)"]
    for name in names:
        write(project, name)
    assert paths(project, *names) == names
    assert sorted(paths(project, "*")) == sorted(names)


def test_files_that_vanish_meanwhile_raise_nothing(project):
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            for number in range(20):
                write(project, f"out/{number}")
            for number in range(20):
                (project / "out" / str(number)).unlink()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(30):
            for output in take(project, "out", "out/*"):
                assert output.hash or output.problem
    finally:
        over.set()
        thread.join()
