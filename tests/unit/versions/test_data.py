"""Versions of data: one scheme of hashes, odd files refused by name, restoring that never leaves its target."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from workbench.errors import EnvironmentProblem
from workbench.versions import data, manifest, outputs, restoring, sweep
from workbench.versions.data import Taken
from workbench.versions.objects import WHOLE, Damaged, Objects

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


@pytest.fixture
def objects(folder: Path) -> Objects:
    return Objects(folder / ".workbench" / "objects")


def write(folder: Path, name: str, content: bytes = b"x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def take(folder: Path, objects: Objects, *patterns: str, **options) -> list[Taken]:
    return data.take(folder, objects, patterns, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_and_a_folder_are_described(folder, objects):
    write(folder, "data/train.csv", b"a,b\n1,2\n3,4\n")
    write(folder, "data/deep/image.bin", b"123")
    file, whole, missing = take(folder, objects, "data/train.csv", "data", "no/such")
    assert file == Taken("data/train.csv", "file", blake3(b"a,b\n1,2\n3,4\n").hexdigest(), 12, 1, 2, "", kept=True)
    assert (whole.kind, whole.size, whole.files, whole.problem, whole.kept) == ("folder", 15, 2, "", True)
    assert (missing.path, missing.problem, missing.kept) == ("no/such", "missing", False)
    assert set(data.manifest(objects, whole.hash)) == {"train.csv", "deep/image.bin"}


def test_outputs_and_inputs_have_one_scheme_of_hashes(folder, objects):
    write(folder, "f/a", b"1")
    write(folder, "f/b/c", b"2" * 100_000)
    (folder / "f/link").symlink_to("a")
    write(folder, "big", os.urandom(WHOLE + 1))
    patterns = ["f", "f/a", "big", "f/*"]
    made = {each.path: each.hash for each in outputs.capture(folder, patterns, since_ns=None)}
    assert {each.path: each.hash for each in take(folder, objects, *patterns)} == made
    assert {each.path: each.hash for each in take(folder, objects, *patterns, keep=False)} == made


def test_facts_only_keeps_no_bytes(folder, objects):
    write(folder, "secret/a.csv", b"name\nalice\n")
    for each in take(folder, objects, "secret", "secret/a.csv", keep=False):
        assert each.hash
        assert not each.kept
    assert not objects.folder.exists()


def test_unchanged_data_are_not_read_again(folder, objects, tmp_path, monkeypatch):
    for number in range(50):
        path = write(folder, f"many/{number}", b"%d" % number)
        os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    path = write(folder, "one.csv", b"a\n1\n")
    os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    first = take(folder, objects, "many", "one.csv", cache=tmp_path / "cache")
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **named: opened.append(path) or real(path, *rest, **named))
    assert take(folder, objects, "many", "one.csv", cache=tmp_path / "cache") == first
    assert opened == []
    changed = write(folder, "many/7", b"changed")
    second = take(folder, objects, "many", "one.csv", cache=tmp_path / "cache")
    assert [path for path in opened if "many" in str(path)] == [str(changed)]
    assert second[0].hash != first[0].hash
    assert second[1] == first[1]


def test_a_change_of_the_same_size_and_time_is_seen(folder, objects, tmp_path):
    path = write(folder, "one.csv", b"a\n1\n")
    facts = path.stat()
    (first,) = take(folder, objects, "one.csv", cache=tmp_path / "cache")
    path.write_bytes(b"a\n2\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (second,) = take(folder, objects, "one.csv", cache=tmp_path / "cache")
    assert second.hash != first.hash


def test_a_file_that_was_written_just_now_shares_its_chunks_with_the_version_before(folder, objects, tmp_path):
    def version(rows: int) -> int:
        table = write(
            folder, "a.csv", b"".join(blake3(b"%d" % row).hexdigest().encode() + b"\n" for row in range(rows))
        )
        os.utime(table, (2e9, 2e9))  # younger than anything can be: it has to be read again
        assert take(folder, objects, "a.csv", cache=tmp_path / "cache")[0].kept
        return sum(len(content) for content in files(objects.folder).values())

    version(30_000)
    both, three = version(30_300), version(30_600)
    assert three - both < both / 20


def test_a_cache_of_nonsense_or_of_contents_since_collected_does_no_harm(folder, objects, tmp_path):
    path = write(folder, "one.csv", b"a\n1\n")
    os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    (first,) = take(folder, objects, "one.csv", cache=tmp_path / "cache")
    sweep.sweep(Objects(objects.folder), set(), remove=True)
    (again,) = take(folder, Objects(objects.folder), "one.csv", cache=tmp_path / "cache")
    assert again == first
    assert Objects(objects.folder).content(first.hash) == b"a\n1\n"
    (cache,) = (tmp_path / "cache").iterdir()
    for nonsense in (b"", b"[]", b'{"files": {"": [1]}, "path": "one.csv"}', b"\xff"):
        cache.write_bytes(nonsense)
        assert take(folder, objects, "one.csv", cache=tmp_path / "cache") == [first]


def test_links_out_of_the_project_and_loops_are_not_followed(folder, objects, tmp_path):
    outside = write(tmp_path, "outside/secret", b"hidden words")
    write(folder, "f/a", b"1")
    (folder / "f/out").symlink_to(outside)
    (folder / "f/loop").symlink_to("loop")
    (folder / "f/up").symlink_to("..")
    (folder / "f/inside").symlink_to("a")
    (folder / "away").symlink_to(outside.parent)
    found = take(folder, objects, "f", "away", "away/secret", "f/loop", "../outside/secret", str(outside))
    whole = found[0]
    assert "out: a link that leads out of the project" in whole.problem
    assert "loop" not in whole.problem, "it leads nowhere, and is kept as the link that it is"
    assert all(each.problem and not each.hash for each in found[1:])
    listed = data.manifest(objects, whole.hash)
    assert {name for name, entry in listed.items() if entry.kind == "link"} == {"out", "loop", "up", "inside"}
    assert b"hidden words" not in b"".join(objects.content(entry.hash) for entry in listed.values())
    data.restore(objects, "folder", whole.hash, tmp_path / "back")
    assert sorted(os.listdir(tmp_path / "back")) == ["a", "inside", "loop"]


def links_of(folder):
    return {name: os.readlink(folder / name) for name in os.listdir(folder) if (folder / name).is_symlink()}


def test_links_are_kept_as_links_where_they_lead_into_the_project_or_nowhere(folder, objects, tmp_path):
    write(folder, "shared/a", b"1")
    write(folder, "f/b", b"2")
    kept = {
        "beside": "../shared/a", "folder": "../shared", "broken": "gone", "loop": "loop", "itself": ".",
        "absolute": str(folder / "shared/a"),
    }  # fmt: skip
    for name, points_to in kept.items():
        (folder / "f" / name).symlink_to(points_to)
    (whole,) = take(folder, objects, "f", cache=tmp_path / "cache")
    assert whole.problem == ""
    assert take(folder, objects, "f", cache=tmp_path / "cache") == [whole]
    shutil.rmtree(folder / "f")
    assert data.restore(objects, "folder", whole.hash, folder / "f", root=folder) == []
    assert links_of(folder / "f") == kept
    left_out = data.restore(objects, "folder", whole.hash, tmp_path / "elsewhere")
    assert sorted(left_out) == ["absolute", "beside", "folder", "itself"]
    assert take(folder, objects, "f")[0].hash == whole.hash


def test_a_link_that_leads_out_comes_back_only_where_it_lies_already(folder, objects, tmp_path):
    outside = write(tmp_path, "outside/secret", b"hidden words")
    write(folder, "f/a", b"1")
    (folder / "f/out").symlink_to(outside)
    (whole,) = take(folder, objects, "f")
    assert whole.whole and "out: a link that leads out" in whole.problem
    write(folder, "f/a", b"2")
    assert data.restore(objects, "folder", whole.hash, folder / "f", root=folder) == []
    assert links_of(folder / "f") == {"out": str(outside)} and (folder / "f/a").read_bytes() == b"1"
    (folder / "f/out").unlink()
    (folder / "f/out").symlink_to(outside.parent)
    assert data.restore(objects, "folder", whole.hash, folder / "f", root=folder) == ["out"]
    assert outside.read_bytes() == b"hidden words"


@pytest.mark.parametrize(
    ("path", "points_to"),
    [
        ("f/x", "../.."),
        ("f/x", ".."),
        ("f/x", "/etc/passwd"),
        ("f/x", "/p"),
        ("f/x", "/p2/a"),
        ("f/x", "/p/../etc"),
        ("f/x", "../../p/a"),
        ("f/x", "y/../../a"),
        ("f/x", "../.git/hooks/post-checkout"),
        ("f/x", "sub/.workbench"),
        ("f/x", "a\0b"),
        ("f/x", ""),
        ("../x", "a"),
        ("x", "."),
    ],
)
def test_links_that_might_lead_out_are_known(path, points_to):
    assert not restoring.stays_inside(path, points_to, "/p")


def test_odd_files_are_named_and_the_rest_is_taken(folder, objects):
    write(folder, "f/good", b"1")
    os.mkfifo(folder / "f/pipe")
    (whole, pipe) = take(folder, objects, "f", "f/pipe")
    assert whole.problem == "pipe: neither a file nor a folder"
    assert list(data.manifest(objects, whole.hash)) == ["good"]
    assert pipe.problem == "neither a file nor a folder"


@pytest.mark.parametrize("size", [1, 300_000])
@pytest.mark.parametrize("keep", [True, False])
def test_an_unreadable_file_is_named(folder, objects, monkeypatch, size, keep):
    write(folder, "f/good")
    write(folder, "f/closed", b"x" * size).chmod(0)
    if AS_ROOT:  # who reads everything
        plain = os.open

        def refusing(path, *arguments, **options):
            if str(path).endswith("/closed"):
                raise PermissionError(13, "Permission denied", path)
            return plain(path, *arguments, **options)

        monkeypatch.setattr(os, "open", refusing)
    whole, closed = take(folder, objects, "f", "f/closed", keep=keep)
    assert "closed: unreadable" in whole.problem
    assert "unreadable" in closed.problem


def test_names_in_any_encoding_come_back(folder, objects, tmp_path):
    for name in (b"caf\xe9", b"line\nbreak", b" ", "ünïcødé 😀".encode(), b"-rf", b"a%d %s"):
        (Path(os.fsdecode(os.fsencode(folder) + b"/f/")) / "x").parent.mkdir(exist_ok=True)
        with open(os.fsencode(folder) + b"/f/" + name, "wb") as file:
            file.write(name)
    (whole,) = take(folder, objects, "f", cache=tmp_path / "cache")
    assert not whole.problem
    assert take(folder, objects, "f", cache=tmp_path / "cache") == [whole]
    data.restore(objects, "folder", whole.hash, tmp_path / "back")
    assert sorted(os.listdir(os.fsencode(tmp_path / "back"))) == sorted(os.listdir(os.fsencode(folder / "f")))
    (taken,) = take(folder, objects, os.fsdecode(b"f/caf\xe9"))
    assert objects.content(taken.hash) == b"caf\xe9"


def test_a_file_that_never_holds_still_is_refused_by_name(folder, objects):
    path = write(folder, "f/restless", b"0" * 50_000)
    write(folder, "f/calm", b"1")
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with path.open("ab") as file:
                file.write(b"%d" % number)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = [take(folder, objects, "f", "f/restless") for _ in range(3)]
    finally:
        stop.set()
        thread.join()
    # Whatever came of it, what has no problem is exactly what some reader saw at one moment.
    for whole, restless in found:
        for each in (whole, restless):
            assert each.problem.endswith("changed while it was read") or objects.has(each.hash)
        assert "calm" in data.manifest(objects, whole.hash)
    (calm,) = take(folder, objects, "f/restless")
    assert objects.content(calm.hash) == path.read_bytes()


def test_what_a_glob_names_is_stored_in_one_pack(folder, objects):
    for number in range(40):
        write(folder, f"many/{number}", b"%d" % number)
    assert len(take(folder, objects, "many/*")) == 40
    assert len(list(objects.packs_folder.iterdir())) == 1


def test_progress_is_told(folder, objects):
    for number in range(600):
        write(folder, f"many/{number}", b"1")
    told: list[tuple[int, int]] = []
    take(folder, objects, "many", progress=lambda files, size: told.append((files, size)))
    assert told == [(256, 256), (512, 512)]


def test_cancel_leaves_nothing_half_done(folder, objects):
    for number in range(600):
        write(folder, f"many/{number}", b"%d" % number)

    def cancel(files: int, size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(folder, objects, "many", progress=cancel)
    assert files(objects.folder) == {}


def test_restoring_replaces_a_file_or_a_folder_at_once(folder, objects, tmp_path):
    write(folder, "f/a", b"1")
    write(folder, "f/deep/b", os.urandom(WHOLE + 1))
    write(folder, "f/empty", b"")
    (whole,) = take(folder, objects, "f")
    before = files(folder / "f")
    write(folder, "f/new", b"new")
    (folder / "f/a").unlink()
    data.restore(objects, "folder", whole.hash, folder / "f")
    assert files(folder / "f") == before
    assert sorted(os.listdir(folder)) == [".workbench", "f"]
    (file,) = take(folder, objects, "f/a")
    for target in (tmp_path / "absent" / "deep" / "x", folder / "f"):  # a file in place of a folder, too
        data.restore(objects, "file", file.hash, target)
        assert target.read_bytes() == b"1"
    data.restore(objects, "folder", whole.hash, folder / "f")
    assert files(folder / "f") == before


def test_restoring_through_a_link_replaces_the_link(folder, objects, tmp_path):
    outside = write(tmp_path, "outside/x", b"outside")
    write(folder, "a", b"1")
    write(folder, "f/x", b"2")
    file, whole = take(folder, objects, "a", "f")
    (folder / "link").symlink_to(outside)
    (folder / "way").symlink_to(outside.parent)
    data.restore(objects, "file", file.hash, folder / "link")
    data.restore(objects, "folder", whole.hash, folder / "way")
    assert files(outside.parent) == {"x": b"outside"}
    assert (folder / "link").read_bytes() == b"1"
    assert (folder / "way" / "x").read_bytes() == b"2"


@pytest.mark.parametrize("name", [b"../x", b"/tmp/x", b"a/../../x", b"", b"a//b", b".", b"a\0b"])
def test_a_list_that_names_a_place_outside_is_refused(objects, tmp_path, name):
    hash = objects.put_bytes(b"evil")
    listed = objects.put_bytes(manifest.encode([(name, hash, 4, False)]))
    with pytest.raises(manifest.BadManifest):
        data.restore(objects, "folder", listed, tmp_path / "target" / "inner")
    assert not (tmp_path / "target" / "inner").exists()
    assert not (tmp_path / "target" / "x").exists()


def test_a_list_that_writes_through_its_own_link_is_refused(objects, tmp_path):
    (tmp_path / "outside").mkdir()
    evil, points_to = objects.put_bytes(b"evil"), objects.put_bytes(b"../outside")
    rows = [(b"a", objects.put_bytes(b"b"), 1, True), (b"a/x", evil, 4, False)]
    listed = objects.put_bytes(manifest.encode(rows))
    with pytest.raises(EnvironmentProblem):
        data.restore(objects, "folder", listed, tmp_path / "target")
    for rows in ([(b"a", points_to, 10, True)], [(b"a", objects.put_bytes(b"/etc"), 4, True)]):
        data.restore(objects, "folder", objects.put_bytes(manifest.encode(rows)), tmp_path / "target")
        assert os.listdir(tmp_path / "target") == []
    assert os.listdir(tmp_path / "outside") == []


def test_a_damaged_version_leaves_the_target_as_it_was(folder, objects):
    write(folder, "f/a", b"1" * 100)
    write(folder, "f/big", os.urandom(WHOLE + 1))
    (whole,) = take(folder, objects, "f")
    (held,) = objects.whole_folder.glob("??/*")
    held.chmod(0o644)
    held.write_bytes(b"damaged")
    write(folder, "f/new", b"new")
    before = files(folder / "f")
    with pytest.raises(Damaged) as caught:
        data.restore(Objects(objects.folder), "folder", whole.hash, folder / "f")
    assert caught.value.hash == held.parent.name + held.name
    assert files(folder / "f") == before
    assert sorted(os.listdir(folder)) == [".workbench", "f"]
