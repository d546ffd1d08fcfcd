"""What a watcher makes of real changes to real files; the runs are a list, so that only the watching is tried."""

from __future__ import annotations

import itertools
import os
import queue
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from workbench.config import Config, parse
from workbench.errors import EnvironmentProblem
from workbench.watch import files
from workbench.watch.engine import Started, Watcher
from workbench.watch.observer import Generic, Hints, Inotify, Observer, Polling
from workbench.watch.rules import Going

LIMIT = 20.0
TOML = """
[train]
command = "python train.py"
params = "params.toml"
outputs = ["model.joblib", "plots"]
metrics = ["metrics.json"]
[watch]
paths = ["data/**/*.csv", "**/*.py", "**/*.ipynb", "params.toml", "*.json", "plots/*", "workbench.toml"]
debounce_ms = {debounce}
while_running = "{mode}"
"""


class Listed:
    """Runs that end when the test says so."""

    def __init__(self) -> None:
        self.triggers: list[Mapping[str, Any]] = []
        self.configs: list[Config] = []
        self.own: tuple[int, ...] = ()
        self.ends_at_once = True
        self.stopped: list[int] = []
        self.refusal: EnvironmentProblem | None = None
        self.nothing = ""
        self.stages = False

    def going(self) -> Going:
        return Going(self.own, 1 - len(self.own), self.stages)

    def start(self, config: Config, trigger: Mapping[str, Any]) -> Started:
        if self.refusal is not None:
            raise self.refusal
        self.triggers.append(trigger)
        self.configs.append(config)
        number = len(self.triggers)
        self.own = () if self.ends_at_once or self.nothing else (number,)
        return Started((), self.nothing) if self.nothing else Started((number,))

    def stop(self, numbers: Sequence[int]) -> None:
        self.stopped.extend(numbers)

    def outcome(self, number: int) -> str:
        return "finished"


class Place:
    """A watched project: change files, then `pump` until something is so."""

    def __init__(self, root: Path, kind: str, mode: str = "queue", debounce: int = 100) -> None:
        self.root, self.kind = root, kind
        self.runs = Listed()
        self.told: list[tuple[str, str]] = []
        self.hints: Hints = queue.SimpleQueue()
        self.write("workbench.toml", TOML.format(mode=mode, debounce=debounce))
        self.write("train.py", "print(1)")
        self.write("params.toml", "lr = 1")
        self.write("data/a.csv", "1,2\n")
        self._sentinels = itertools.count()

    def begin(self) -> Place:
        config = parse((self.root / "workbench.toml").read_bytes())
        self.watcher = Watcher(os.fspath(self.root), config, self.hints, self._observe, self.runs, self._tell)
        self.watcher.begin(time.time())
        self.pump(lambda: self.watcher.status().unread == 0)
        return self

    def _observe(self) -> Observer:
        root = os.fspath(self.root)
        return {
            "inotify": lambda: Inotify(root, self.hints),
            "generic": lambda: Generic(root, self.hints),
            "polling": lambda: Polling("tried", 0.05),
        }[self.kind]()

    def _tell(self, event: str, text: str, **facts: object) -> None:
        self.told.append((event, text))

    def write(self, path: str, content: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content)

    def pump(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT
        while True:
            found = []
            while not self.hints.empty():
                found.append(self.hints.get())
            self.watcher.take(found, time.time())
            pause = self.watcher.step(time.time())
            if condition():
                return
            assert time.monotonic() < deadline, (self.told, self.watcher.status())
            try:
                if pause:
                    self.hints.put(self.hints.get(timeout=min(pause, 0.2)))
            except queue.Empty:
                pass

    def noticed(self, path: str) -> bool:
        """Whether the watcher holds the present content of a file as a change."""
        change = self.watcher._state.changes.get(path)
        return change is not None and change.new == blake3((self.root / path).read_bytes()).hexdigest()

    def files(self, number: int) -> list[str]:
        return [each["path"] for each in self.runs.triggers[number - 1]["files"]]

    def expect_run(self, *paths: str) -> Mapping[str, Any]:
        """Wait for the next run; these files and no others must have started it, and nothing must follow."""
        before = len(self.runs.triggers)
        self.pump(lambda: len(self.runs.triggers) > before)
        assert self.files(before + 1) == sorted(paths)
        self.expect_nothing()
        return self.runs.triggers[before]

    def expect_nothing(self) -> None:
        """Change another file: its run must be the next one, for this file alone."""
        before = len(self.runs.triggers)
        sentinel = f"data/sentinel{next(self._sentinels)}.csv"
        self.write(sentinel, "x")
        self.pump(lambda: len(self.runs.triggers) > before)
        assert [self.files(number) for number in range(before + 1, len(self.runs.triggers) + 1)] == [[sentinel]]


@pytest.fixture(params=["inotify", "generic", "polling"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path, request.param).begin()
    yield found
    found.watcher.close()


def test_a_change_starts_one_run_that_knows_what_changed(place: Place) -> None:
    place.write("train.py", "print(22)")
    trigger = place.expect_run("train.py")
    old, new = (blake3(text.encode()).hexdigest() for text in ("print(1)", "print(22)"))
    assert trigger["what"] == "training code"
    assert trigger["files"] == [{"path": "train.py", "old": old, "new": new, "what": "training code"}]


def test_the_same_content_starts_nothing(place: Place) -> None:
    (place.root / "train.py").touch()
    place.write("params.toml", "lr = 1")
    place.write("data/a.csv", "other")
    place.write("data/a.csv", "1,2\n")
    copy = place.root / "copy"
    shutil.copy(place.root / "train.py", copy)
    copy.replace(place.root / "train.py")
    place.pump(lambda: any(event == "same" for event, _ in place.told))
    place.expect_nothing()


def test_what_runs_make_and_what_is_ignored_starts_nothing(place: Place) -> None:
    for path in (
        "model.joblib", "plots/a.csv", "plots/deep/b.csv", "metrics.json", "__pycache__/train.cpython-311.py",
        ".venv/lib/x.py", "data/.a.csv.swp", "data/~a.csv~", ".ipynb_checkpoints/n-checkpoint.ipynb", "notes.md",
        ".workbench/runs/1/params.json", "data/.hidden/x.csv",
    ):  # fmt: skip
        place.write(path, "new")
    place.expect_nothing()
    assert not any(".venv" in folder or "plots" in folder for folder in place.watcher.observer.folders())


def test_a_folder_deleted_and_made_again_with_the_same_content_starts_nothing(place: Place) -> None:
    shutil.rmtree(place.root / "data")
    place.pump(lambda: "nothing is left of data" in place.watcher.status().waiting)
    assert place.runs.triggers == []
    place.write("data/a.csv", "1,2\n")
    place.pump(lambda: place.watcher.status().waiting == "" and not place.watcher._state.touched)
    place.expect_nothing()


def test_a_folder_deleted_and_made_again_with_other_content_starts_one_run(place: Place) -> None:
    shutil.rmtree(place.root / "data")
    place.pump(lambda: "nothing is left of data" in place.watcher.status().waiting)
    place.write("data/2014/01/b.csv", "3")
    trigger = place.expect_run("data/2014/01/b.csv", "data/a.csv")
    assert [each["new"] is None for each in trigger["files"]] == [False, True]
    place.write("data/2014/01/b.csv", "33")
    place.expect_run("data/2014/01/b.csv")


def test_a_folder_moved_away_and_replaced_is_followed_to_its_new_content(place: Place) -> None:
    (place.root / "data").rename(place.root / "old")
    place.write("data/a.csv", "replaced")
    place.expect_run("data/a.csv")
    (place.root / "old" / "a.csv").write_text("no longer watched")
    place.expect_nothing()


def test_deep_folders_made_at_once_are_seen_with_all_their_files(place: Place) -> None:
    made = [f"data/d{n % 10}/e{n % 7}/f{n}.csv" for n in range(300)]
    for path in made:
        place.write(path, path)
    place.pump(lambda: place.runs.triggers)
    trigger = place.runs.triggers[0]
    assert len(trigger["files"]) == 50 and trigger["more"] == 250
    place.expect_nothing()
    place.write("data/d3/e3/f3.csv", "again")
    place.expect_run("data/d3/e3/f3.csv")


def test_changes_during_a_run_become_one_next_run(place: Place) -> None:
    place.runs.ends_at_once = False
    place.write("train.py", "print(2)")
    place.pump(lambda: place.runs.triggers)
    for number in range(3):
        place.write("train.py", f"print({number} + 7)")
        place.write(f"data/b{number}.csv", "1")
        place.pump(lambda number=number: place.noticed(f"data/b{number}.csv") and place.noticed("train.py"))
    place.pump(lambda: "run 1 is still going" in place.watcher.status().waiting)
    assert len(place.runs.triggers) == 1 and place.runs.stopped == []
    place.runs.own, place.runs.ends_at_once = (), True
    trigger = place.expect_run("data/b0.csv", "data/b1.csv", "data/b2.csv", "train.py")
    assert trigger["what"] == "data, training code"
    assert ("ended", "run 1 finished") in place.told


def test_a_start_of_which_nothing_came_is_told_and_the_next_change_starts_again(place: Place) -> None:
    place.runs.nothing = "Nothing to do: 2 stages are up to date"
    place.write("train.py", "print(2)")
    place.pump(lambda: place.runs.triggers)
    assert place.told[-1] == ("start", "training code: train.py changed; Nothing to do: 2 stages are up to date")
    assert place.watcher.status().last_run in (None, 0)
    place.runs.nothing = ""
    place.write("train.py", "print(3)")
    place.expect_run("train.py")


def test_between_two_stages_nothing_is_started_and_each_end_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, "inotify").begin()
    place.watcher.config = place.watcher.config._replace(stages={"one": place.watcher.config.train})
    place.runs.ends_at_once = False
    place.write("train.py", "print(2)")
    place.pump(lambda: place.runs.triggers)
    place.runs.own, place.runs.stages = (), True
    place.write("train.py", "print(3)")
    place.pump(lambda: place.noticed("train.py") and place.watcher.status().waiting == "other runs are going")
    place.runs.own = (7,)
    place.pump(lambda: place.watcher.status().waiting == "run 7 is still going")
    assert len(place.runs.triggers) == 1
    place.runs.own, place.runs.stages, place.runs.ends_at_once = (), False, True
    place.expect_run("train.py")
    assert [text for event, text in place.told if event == "ended"][:2] == ["run 1 finished", "run 7 finished"]
    place.watcher.close()


def test_restart_stops_the_run_and_starts_when_it_has_ended(tmp_path: Path) -> None:
    place = Place(tmp_path, "inotify", mode="restart").begin()
    place.runs.ends_at_once = False
    place.write("train.py", "print(2)")
    place.pump(lambda: place.runs.triggers)
    place.write("train.py", "print(3)")
    place.pump(lambda: place.runs.stopped)
    place.write("train.py", "print(4)")
    place.pump(lambda: place.noticed("train.py"))
    assert place.runs.stopped == [1] and len(place.runs.triggers) == 1
    place.runs.own, place.runs.ends_at_once = (), True
    assert place.expect_run("train.py")["restarts"] == [1]
    place.watcher.close()


def test_a_broken_configuration_is_told_and_the_old_rules_stay(place: Place) -> None:
    good = (place.root / "workbench.toml").read_text()
    place.write("workbench.toml", "[train\n")
    place.pump(lambda: "not valid TOML" in place.watcher.status().problem)
    assert place.runs.triggers == []
    place.expect_nothing()
    assert "not valid TOML" in place.watcher.status().problem
    place.write("workbench.toml", good)
    place.pump(lambda: place.watcher.status().problem == "")
    place.expect_nothing()


def test_new_rules_are_followed_and_what_they_name_first_is_no_change(place: Place) -> None:
    place.write("extra/x.txt", "1")
    text = TOML.format(mode="queue", debounce=100).replace('"*.json"', '"extra/*.txt"')
    place.write("workbench.toml", text)
    assert place.expect_run("workbench.toml")["what"] == "configuration"
    assert place.runs.configs[0].watch.paths[4] == "extra/*.txt"
    place.write("extra/x.txt", "2")
    place.expect_run("extra/x.txt")


def test_a_start_that_is_refused_is_a_problem_and_is_tried_again(place: Place) -> None:
    place.runs.refusal = EnvironmentProblem("The disk is full", "df -h .")
    place.write("train.py", "print(2)")
    place.pump(lambda: "The disk is full" in place.watcher.status().problem)
    place.runs.refusal = None
    moment = time.time() + 60
    place.watcher.step(moment)
    assert place.files(1) == ["train.py"] and place.watcher.status().problem == ""


def test_a_file_that_cannot_be_read_is_told_and_starts_nothing(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    place = Place(tmp_path, "inotify").begin()
    (tmp_path / "train.py").chmod(0)
    place.write("params.toml", "lr = 2")
    place.expect_run("params.toml")
    place.watcher.close()


def test_odd_names_and_odd_files_are_survived(place: Place) -> None:
    odd = os.fsdecode(b"data/caf\xe9 \n'\"\x1b[31m.csv")
    place.write(odd, "1")
    assert place.expect_run(odd)["what"] == "data"
    os.mkfifo(place.root / "data" / "pipe.csv")
    (place.root / "data" / "loop").symlink_to(place.root, target_is_directory=True)
    (place.root / "data" / "dangling.csv").symlink_to("nowhere")
    place.expect_nothing()
    assert place.watcher.status().directories < 10


def test_a_link_to_a_data_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    elsewhere, root = tmp_path / "disk", tmp_path / "project"
    place = Place(root, "inotify")
    shutil.rmtree(root / "data")
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "a.csv").write_text("1")
    (root / "data").symlink_to(elsewhere, target_is_directory=True)
    place.begin()
    (elsewhere / "deep" / "a.csv").write_text("2")
    place.expect_run("data/deep/a.csv")
    place.watcher.close()


def test_a_file_that_changes_before_it_was_read_counts_with_its_old_content_unknown(tmp_path: Path) -> None:
    place = Place(tmp_path, "inotify")
    with (tmp_path / "data" / "big.csv").open("wb") as file:
        file.truncate(20_000_000_000)
    config = parse((tmp_path / "workbench.toml").read_bytes())
    place.watcher = Watcher(os.fspath(tmp_path), config, place.hints, place._observe, place.runs, place._tell)
    place.watcher.begin(time.time())
    place.write("data/big.csv", "y")
    assert place.expect_run("data/big.csv")["files"][0]["old"] == "unknown"
    place.watcher.close()


def test_a_watcher_stops_at_once_in_the_middle_of_a_large_file(tmp_path: Path) -> None:
    place = Place(tmp_path, "inotify")
    with (tmp_path / "data" / "huge.csv").open("wb") as file:
        file.truncate(20_000_000_000)
    config = parse((tmp_path / "workbench.toml").read_bytes())
    place.watcher = Watcher(os.fspath(tmp_path), config, place.hints, place._observe, place.runs, place._tell)
    place.watcher.begin(time.time())
    assert place.watcher.status().unread > 0
    begun = time.monotonic()
    place.watcher.close()
    assert time.monotonic() - begun < 3
    assert not place.watcher._reader._thread.is_alive()


def test_five_thousand_files_are_watched_within_seconds(tmp_path: Path) -> None:
    place = Place(tmp_path, "inotify")
    for folder in range(100):
        (tmp_path / f"data/{folder}").mkdir(parents=True)
        for number in range(50):
            (tmp_path / f"data/{folder}/{number}.csv").write_text(f"{folder},{number}")
    begun = time.monotonic()
    place.begin()
    assert time.monotonic() - begun < 5
    assert place.watcher.status().files == 5004 and place.watcher.status().directories == 102
    for number in range(0, 50, 5):
        place.write(f"data/77/{number}.csv", "new")
    place.expect_run(*(f"data/77/{number}.csv" for number in range(0, 50, 5)))
    for path in (tmp_path / "data").rglob("*.csv"):
        path.touch()
    place.expect_nothing()
    place.watcher.close()


def test_a_file_from_another_century_is_watched(tmp_path: Path) -> None:
    place = Place(tmp_path, "inotify")
    os.utime(tmp_path / "train.py", (13_000_000_000, 13_000_000_000))
    os.utime(tmp_path / "data" / "a.csv", (-10_000_000, -10_000_000))
    place.begin()
    place.write("train.py", "print(2)")
    place.expect_run("train.py")
    place.watcher.close()


def test_beyond_the_limit_of_files_the_rest_is_left_alone_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILES_LIMIT", 20)
    place = Place(tmp_path, "polling")
    for number in range(60):
        place.write(f"data/more/{number}.csv", "1")
    place.begin()
    assert place.watcher.status().files == 20 and "Narrow [watch] paths" in place.watcher.status().problem
    known = [path for path in place.watcher._known.paths() if path.startswith("data/")]
    place.write(known[0], "2")
    place.pump(lambda: place.runs.triggers)
    assert place.files(1) == [known[0]] and len(place.runs.triggers) == 1
    place.watcher.close()
