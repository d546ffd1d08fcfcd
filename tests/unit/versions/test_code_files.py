import errno
import os
import time
from pathlib import Path

import pytest

from workbench.versions import code, files

from .conftest import Repository


@pytest.fixture
def plain(project: Path) -> Repository:
    found = Repository(project)
    found.write("train.py", "lr = 0.1\n")
    found.write("params.toml", "lr = 0.1\n")
    return found


def take(plain: Repository, objects: Path, **more) -> code.CodeVersion:
    return code.capture(plain.folder, objects, label="r1", **more)


def names(objects: Path, version: code.CodeVersion) -> set[str]:
    return set(files.manifest(objects, version.tree))


def test_source_files_are_stored_and_read_again(plain, objects):
    version = take(plain, objects)
    assert (version.kind, version.commit, version.dirty, version.problem) == ("files", None, False, None)
    assert names(objects, version) == {"train.py", "params.toml"}
    plain.write("train.py", "lr = 0.9\n")
    assert code.read(plain.folder, objects, version, "train.py") == b"lr = 0.1\n"
    assert code.read(plain.folder, objects, version, "none.py") is None


def test_same_code_has_the_same_tree_wherever_and_whenever_it_is(plain, objects, tmp_path):
    first = take(plain, objects)
    other = Repository(tmp_path / "elsewhere")
    other.write("params.toml", "lr = 0.1\n")
    other.write("train.py", "lr = 0.1\n")
    assert take(other, tmp_path / "other" / "objects").tree == first.tree


def test_what_is_not_code_is_left_out(plain, objects):
    for name in (
        "data.csv", "model.joblib", ".hidden.py", ".venv/lib/a.py", "venv/b.py", "node_modules/c.js", ".git-like/d.py",
        "__pycache__/e.py", ".workbench/f.py", "mlruns/g.yaml", "wandb/h.json",
    ):  # fmt: skip
        plain.write(name)
    for name in ("Makefile", "Dockerfile", "Dockerfile.gpu", "src/deep/model.R", "book.ipynb", "UPPER.PY"):
        plain.write(name)
    expected = {"train.py", "params.toml", "Makefile", "Dockerfile", "Dockerfile.gpu", "src/deep/model.R"}
    assert names(objects, take(plain, objects)) == expected | {"book.ipynb", "UPPER.PY"}


def test_large_files_are_left_out_and_named(plain, objects):
    plain.write("huge.json", b" " * 1_000_001)
    plain.write("large.json", b" " * 1_000_000)
    version = take(plain, objects)
    assert "huge.json" in version.problem
    assert names(objects, version) == {"train.py", "params.toml", "large.json"}


def test_links_and_special_files_are_not_followed(plain, objects, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.py").write_text("password")
    (plain.folder / "linked").symlink_to(tmp_path / "secret")
    (plain.folder / "key.py").symlink_to(tmp_path / "secret" / "key.py")
    (plain.folder / "loop").symlink_to(plain.folder)
    os.mkfifo(plain.folder / "pipe.py")
    assert names(objects, take(plain, objects)) == {"train.py", "params.toml"}


def test_odd_names(plain, objects):
    odd = {"new\nline.py", "qu\"o'te.py", "🧪.py", os.fsdecode(b"caf\xe9.py")}
    for name in odd:
        plain.write(name, "odd\n")
    version = take(plain, objects)
    assert names(objects, version) == odd | {"train.py", "params.toml"}
    assert all(code.read(plain.folder, objects, version, name) == b"odd\n" for name in odd)
    assert take(plain, objects) == version


def test_patterns_keep_files_out(plain, objects):
    plain.write("out/report.json")
    plain.write("metrics.json")
    assert names(objects, take(plain, objects, ignore=["out", "./metrics.json"])) == {"train.py", "params.toml"}


def test_too_many_files_are_cut_and_said(plain, objects, monkeypatch):
    monkeypatch.setattr(files.selection, "FILES_LIMIT", 5)
    for number in range(10):
        plain.write(f"deep/{number}.py")
    version = take(plain, objects)
    assert len(names(objects, version)) == 5
    assert {"train.py", "params.toml"} <= names(objects, version)
    assert "more than 5 source files" in version.problem


def test_unchanged_files_are_not_read_again(plain, objects, monkeypatch):
    old = time.time() - 100
    for path in plain.folder.iterdir():
        os.utime(path, (old, old))
    first = take(plain, objects)
    read: list[str] = []
    original = files._store_file

    def watched(place, *rest):
        read.append(Path(place).name)
        return original(place, *rest)

    monkeypatch.setattr(files, "_store_file", watched)
    assert take(plain, objects) == first
    assert read == []
    plain.write("train.py", "lr = 0.5\n")
    assert take(plain, objects) != first
    assert read == ["train.py"]


def test_file_changed_twice_in_one_instant_is_noticed(plain, objects):
    path = plain.folder / "train.py"
    facts = path.stat()
    first = take(plain, objects)
    path.write_text("lr = 0.7\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_ino == facts.st_ino
    second = take(plain, objects)
    assert second.tree != first.tree
    assert code.read(plain.folder, objects, second, "train.py") == b"lr = 0.7\n"


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"train.py": 3}', b'{"train.py": [1, 2, 3, 4, 5]}', b"{"])
def test_broken_cache_is_no_obstacle(plain, objects, content):
    first = take(plain, objects)
    objects.with_name(files.CACHE_NAME).write_bytes(content)
    assert take(plain, objects) == first


def test_lost_objects_are_stored_again(plain, objects):
    old = time.time() - 100
    for path in plain.folder.iterdir():
        os.utime(path, (old, old))
    version = take(plain, objects)
    for path in objects.glob("*/*"):
        path.unlink()
    assert code.read(plain.folder, objects, version, "train.py") is None
    assert take(plain, objects) == version
    assert code.read(plain.folder, objects, version, "train.py") == b"lr = 0.1\n"


def test_damaged_object_is_not_handed_out(plain, objects):
    digest = files.store(b"content", objects)
    target = objects / digest[:2] / digest[2:]
    other = files.store(b"other", objects)
    target.write_bytes((objects / other[:2] / other[2:]).read_bytes())
    assert files.load(objects, digest) is None
    target.write_bytes(b"no zlib")
    assert files.load(objects, digest) is None
    assert files.load(objects, "../../etc/passwd") is None


def test_missing_folder_and_unwritable_store_are_problems_not_errors(plain, objects, tmp_path):
    assert code.capture(tmp_path / "gone", objects, label="r1").kind == "none"
    (tmp_path / "file").write_text("in the way")
    version = code.capture(plain.folder, tmp_path / "file" / "objects", label="r1")
    assert version.kind == "none"
    assert "code not recorded" in version.problem


def test_full_disk_is_a_problem_not_an_error(plain, objects, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    version = take(plain, objects)
    assert version.kind == "none"
    assert "No space left" in version.problem


def test_empty_folder_has_an_empty_version(project, objects):
    version = code.capture(project, objects, label="r1")
    assert version.kind == "files"
    assert files.manifest(objects, version.tree) == {}


def test_five_thousand_files_timing_is_reported(project, objects, record_property, capsys):
    for number in range(5000):
        folder = project / f"package{number % 50}"
        folder.mkdir(exist_ok=True)
        path = folder / f"m{number}.py"
        path.write_text(f"value = {number}\n")
        os.utime(path, (1e9, 1e9))
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        version = code.capture(project, objects, label="r1")
        took.append(round((time.perf_counter() - begun) * 1e3))
    record_property("milliseconds", took)
    with capsys.disabled():
        print(f"\n5,000 files without git: first {took[0]} ms, unchanged {took[1]} and {took[2]} ms")
    assert len(files.manifest(objects, version.tree)) == 5000
