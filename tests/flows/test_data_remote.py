"""Versions of data go to a remote and come back to a fresh clone; whatever stops it, both sides stay sound."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from workbench.actions import data as data_actions
from workbench.actions import data_remote as actions
from workbench.errors import EnvironmentProblem, NotFoundError, UsageError
from workbench.project import Project
from workbench.versions.data import contents
from workbench.versions.objects import Objects
from workbench.versions.places import DEAD_SECONDS, Place

CONFIG = '[project]\nname = "test"\n[train]\ncommand = "true"\ninputs = ["data/train.csv", "data/images"]\n'
# Runs the command line, but stops for ever in the middle of the third block that goes through a method of Place.
HALTING = """
import sys, threading
from pathlib import Path
from workbench.versions import places
method, marker, *words = sys.argv[1:]
original, count = getattr(places.Place, method), [0]
def halt():
    count[0] += 1
    if count[0] == 3:
        Path(marker).touch()
        while True:
            threading.Event().wait(0.05)
            PULSE[0].move()
PULSE = [None]
def write(self, name, blocks, pulse):
    def halting():
        for block in blocks:
            yield block[: len(block) // 2]
            if name.startswith("objects/"):
                PULSE[0] = pulse
                halt()
            yield block[len(block) // 2 :]
    original(self, name, halting(), pulse)
def blocks(self, name, pulse, offset=0):
    for block in original(self, name, pulse, offset):
        yield block[: len(block) // 2]
        if name.startswith("objects/"):
            PULSE[0] = pulse
            halt()
        yield block[len(block) // 2 :]
setattr(places.Place, method, {"write": write, "blocks": blocks}[method])
from workbench.cli.main import main
sys.exit(main(words))
"""


def table(rows: int, seed: int = 0) -> str:
    return "a,b\n" + "".join(f"{row},{blake3(f'{seed} {row}'.encode()).hexdigest()}\n" for row in range(rows))


@pytest.fixture
def filled(make_project: Callable[..., Project]) -> Project:
    """A project with two versions of a growing table and one of a folder with large files."""
    files = {"data/train.csv": table(30_000), "data/images/a.txt": "a", "data/images/sub/b.txt": "b"}
    project = make_project(files, CONFIG, "first")
    for number in range(4):
        (project.folder / f"data/images/{number}.bin").write_bytes(blake3(b"%d" % number).digest(1_500_000))
    data_actions.snapshot(project)
    (project.folder / "data/train.csv").write_text(table(30_300))
    data_actions.snapshot(project)
    return project


@pytest.fixture
def clone(make_project: Callable[..., Project]) -> Project:
    """The same project elsewhere, as git would bring it: without data and without a store."""
    return make_project({}, CONFIG, "second")


@pytest.fixture
def bucket(s3: Any) -> str:
    return "s3://team/flights"


def assert_sound(objects: Objects, versions: list[data_actions.Version]) -> None:
    """Every content of every kept version is there and right."""
    for version in versions:
        for hash in contents(objects, version.kind, version.hash) if version.kept else ():
            assert blake3(objects.content(hash)).hexdigest() == hash


def assert_same_after_restore(source: Project, target: Project) -> None:
    for version in data_actions.listed(target):
        data_actions.restore(target, version, force=True)
        place = target.folder / version.path
        if version.kind == "folder":
            for path in (source.folder / version.path).rglob("*"):
                if path.is_file():
                    assert (target.folder / path.relative_to(source.folder)).read_bytes() == path.read_bytes()
        else:
            assert blake3(place.read_bytes()).hexdigest() == version.hash


def documents(remote: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in remote.glob("versions/*/*.json")]


def assert_remote_sound(remote: Path) -> None:
    """Every object that has its name is whole, and every document has all its objects."""
    for document in documents(remote):
        for name, size, digest in document["objects"]:
            content = (remote / "objects" / name).read_bytes()
            assert (len(content), blake3(content).hexdigest()) == (size, digest)


def halting(method: str, marker: Path, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HALTING, method, str(marker), *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_fresh_clone_pulls_and_restores_what_was_pushed_to_a_folder(
    filled: Project, clone: Project, tmp_path: Path
) -> None:
    url = (tmp_path / "remote").as_uri()
    pushed = actions.push(filled, to=url)
    assert (len(pushed.versions), pushed.problems) == (3, ())
    assert_remote_sound(tmp_path / "remote")
    pulled = actions.pull(clone, source=url)
    assert (len(pulled.versions), pulled.bytes) == (3, pushed.bytes)
    before, after = data_actions.listed(filled), data_actions.listed(clone)
    facts = [(one.path, one.hash, one.kind, one.size, one.files, one.rows, one.kept, one.created) for one in before]
    assert sorted(facts) == sorted(
        (one.path, one.hash, one.kind, one.size, one.files, one.rows, one.kept, one.created) for one in after
    )
    assert_sound(Objects(clone.objects_folder), after)
    assert_same_after_restore(filled, clone)
    assert not list((clone.inner / "incoming").glob("*.part"))


def test_a_real_s3_server_keeps_them_too(filled: Project, clone: Project, bucket: str) -> None:
    pushed = actions.push(filled, to=bucket)
    again = actions.push(filled, to=bucket)
    assert (len(pushed.versions), again.versions, again.files, again.bytes) == (3, (), 0, 0)
    assert actions.push(filled, to=bucket, verify=True).files == 0
    actions.pull(clone, source=bucket)
    assert_same_after_restore(filled, clone)
    none = actions.pull(clone, source=bucket)
    assert (none.versions, none.files) == ((), 0)


def test_only_what_is_missing_goes(filled: Project, tmp_path: Path) -> None:
    url = (tmp_path / "remote").as_uri()
    first = actions.push(filled, to=url)
    (filled.folder / "data/train.csv").write_text(table(30_600))
    data_actions.snapshot(filled)
    second = actions.push(filled, to=url)
    assert [version.path for version in second.versions] == ["data/train.csv"]
    assert 0 < second.bytes < first.bytes / 20


def test_only_the_named_paths_go_and_come(filled: Project, clone: Project, tmp_path: Path) -> None:
    url = (tmp_path / "remote").as_uri()
    assert {version.path for version in actions.push(filled, ["data/images"], to=url).versions} == {"data/images"}
    with pytest.raises(NotFoundError, match="has no version of data/train"):
        actions.pull(clone, ["data/train.csv"], source=url)
    with pytest.raises(NotFoundError, match="There is no version of data/other"):
        actions.push(filled, ["data/other"], to=url)
    actions.push(filled, to=url)
    assert len(actions.pull(clone, ["data/train.csv"], source=url).versions) == 2
    assert {version.path for version in actions.pull(clone, ["data"], source=url).versions} == {"data/images"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_push_that_is_stopped_midway_leaves_the_remote_sound_and_goes_on(
    filled: Project, clone: Project, tmp_path: Path, wait_until: Callable[..., Any], number: signal.Signals
) -> None:
    remote, marker = tmp_path / "remote", tmp_path / "marker"
    process = halting("write", marker, filled.folder, "data", "push", "--to", remote.as_uri())
    wait_until(marker.exists)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert documents(remote) == []
    if number == signal.SIGINT:
        assert b"goes on where it was" in said
        assert not list(remote.rglob(".*.tmp"))
    actions.push(filled, to=remote.as_uri())
    assert_remote_sound(remote)
    actions.pull(clone, source=remote.as_uri())
    assert_same_after_restore(filled, clone)


def test_what_a_killed_push_left_half_done_goes_with_a_later_one(filled: Project, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    actions.push(filled, to=remote.as_uri())
    before = sorted(remote.rglob("*"))
    dead, alive = (remote / folder / name for folder, name in (("objects/whole", "a"), ("versions", "b.json")))
    parts = [path.with_name(f".{path.name}.0123abcd.tmp") for path in (dead, alive)]
    other = remote / "objects" / ".not-ours.tmp"
    for path in (*parts, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    long_ago = time.time() - 2 * DEAD_SECONDS
    for path in (parts[0], other):
        os.utime(path, (long_ago, long_ago))
    actions.push(filled, to=remote.as_uri())
    assert not parts[0].exists(), "its writer is long dead"
    assert parts[1].exists(), "somebody may be writing it"
    assert other.exists(), "not one of ours"
    assert [path for path in sorted(remote.rglob("*")) if path not in (parts[1], other, dead.parent)] == [
        path for path in before if path != dead.parent
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_is_stopped_midway_leaves_the_store_sound_and_goes_on(
    filled: Project, clone: Project, tmp_path: Path, wait_until: Callable[..., Any], number: signal.Signals
) -> None:
    url, marker = (tmp_path / "remote").as_uri(), tmp_path / "marker"
    whole = actions.push(filled, to=url)
    process = halting("blocks", marker, clone.folder, "data", "pull", "--from", url)
    wait_until(marker.exists)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert data_actions.listed(clone) == []
    assert list((clone.inner / "incoming").glob("*.part"))
    for name in (path.relative_to(clone.objects_folder) for path in clone.objects_folder.glob("*/**/*")):
        if (clone.objects_folder / name).is_file():
            assert (clone.objects_folder / name).read_bytes() == (filled.objects_folder / name).read_bytes()
    asked: list[int] = []
    original = Place.blocks
    with pytest.MonkeyPatch.context() as patch:

        def counting(self: Place, name: str, pulse: Any, offset: int = 0) -> Iterator[bytes]:
            for block in original(self, name, pulse, offset):
                asked.append(len(block) if name.startswith("objects/") else 0)
                yield block

        patch.setattr(Place, "blocks", counting)
        actions.pull(clone, source=url)
    assert sum(asked) < whole.bytes
    assert_sound(Objects(clone.objects_folder), data_actions.listed(clone))
    assert_same_after_restore(filled, clone)


def test_what_is_damaged_on_the_remote_is_named_and_can_be_sent_again(
    filled: Project, clone: Project, tmp_path: Path
) -> None:
    remote = tmp_path / "remote"
    actions.push(filled, to=remote.as_uri())
    victim = max(remote.glob("objects/packs/*"), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[100] ^= 1
    victim.write_bytes(content)
    with pytest.raises(EnvironmentProblem, match=f"{victim.name} is damaged") as caught:
        actions.pull(clone, source=remote.as_uri())
    assert "--verify" in caught.value.hint
    assert not (clone.objects_folder / "packs" / victim.name).exists()
    assert data_actions.listed(clone) == []
    assert actions.push(filled, to=remote.as_uri(), verify=True).files == 1
    actions.pull(clone, source=remote.as_uri())
    assert_same_after_restore(filled, clone)


def test_what_is_missing_or_damaged_here_is_brought_back(filled: Project, tmp_path: Path) -> None:
    url = (tmp_path / "remote").as_uri()
    actions.push(filled, to=url)
    lost = max(filled.objects_folder.glob("packs/*"), key=lambda path: path.stat().st_size)
    lost.unlink()
    damaged = min(filled.objects_folder.glob("packs/*"), key=lambda path: path.stat().st_size)
    content = bytearray(damaged.read_bytes())
    content[0] ^= 1
    damaged.write_bytes(content)
    assert actions.push(filled, to=url).problems
    assert actions.pull(filled, source=url).files == 1
    assert actions.pull(filled, source=url, verify=True).files == 1
    assert_sound(Objects(filled.objects_folder), data_actions.listed(filled))


def test_a_remote_that_lies_leads_nowhere(filled: Project, clone: Project, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    actions.push(filled, ["data/images"], to=remote.as_uri())
    (path,) = remote.glob("versions/*/*.json")
    sound = path.read_text()
    document = json.loads(sound)
    for change in (
        {"objects": [["../../../evil", 4, "0" * 64]]},
        {"objects": [["lock", 4, "0" * 64]]},
        {"path": "../evil"},
        {"path": "/etc/passwd"},
        {"format": 99},
        {"size": -1},
    ):
        path.write_text(json.dumps({**document, **change}))
        pulled = actions.pull(clone, source=remote.as_uri())
        assert (len(pulled.problems), pulled.versions) == (1, ())
    path.write_bytes(b"\xff{")
    assert len(actions.pull(clone, source=remote.as_uri()).problems) == 1
    path.write_text(sound)
    assert actions.pull(clone, source=remote.as_uri()).problems == ()


def test_data_past_its_retention_goes_nowhere(filled: Project, clone: Project, tmp_path: Path) -> None:
    url = (tmp_path / "remote").as_uri()
    connection = filled.open_store()
    connection.execute(
        "UPDATE data_versions SET seen = 1000, facts = json_set(facts, '$.retention_days', 30) WHERE path = ?",
        ("data/images",),
    )
    pushed = actions.push(filled, to=url)
    assert ({version.path for version in pushed.versions}, pushed.expired) == ({"data/train.csv"}, 1)
    connection.execute("UPDATE data_versions SET seen = unixepoch() WHERE path = ?", ("data/images",))
    actions.push(filled, to=url)
    actions.pull(clone, source=url)
    (images,) = data_actions.listed(clone, "data/images")
    assert images.facts["retention_days"] == 30
    connection.close()


def test_says_what_is_missing_for_a_remote(
    filled: Project, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="No remote is named"):
        actions.push(filled)
    with pytest.raises(EnvironmentProblem, match="s3://nobody/x does not exist"):
        actions.push(filled, to="s3://nobody/x")
    with pytest.raises(EnvironmentProblem, match="gs:// needs gcsfs, which is not installed") as caught:
        actions.push(filled, to="gs://team/x")
    assert caught.value.hint.endswith("-m pip install 'gcsfs'")
    with pytest.raises(NotFoundError, match="has no version of data/other"):
        actions.pull(filled, ["data/other.csv"], source=(tmp_path / "nowhere").as_uri())


def test_a_remote_that_hangs_is_given_up(filled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_NETWORK_SECONDS", "0.4")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EnvironmentProblem) as caught:
            actions.push(filled, to="s3://team/x")
    assert "s3://team/x" in caught.value.message
    assert "goes on where it was" in caught.value.hint
    assert "hush" not in caught.value.message


def test_the_remote_may_be_a_folder_named_in_the_configuration(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = make_project({"a.csv": "x\n1\n"}, CONFIG + '[remote]\nurl = "../backup"\n')
    data_actions.snapshot(project, ["a.csv"])
    assert len(actions.push(project).versions) == 1
    assert os.listdir(tmp_path / "backup" / "objects") == ["packs"]
