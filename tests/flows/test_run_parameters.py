"""Where the parameters of a run come from, and what `-p` changes."""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path

import pytest
from blake3 import blake3

from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.project import Project, load
from workbench.runs import queries
from workbench.runs.model import Run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    place = tmp_path / "project"
    place.mkdir()
    return place


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(textwrap.dedent(content), encoding="utf-8")


def finish(project: Project, request: starting.Request) -> Run:
    return wait(project, starting.start(project, request)[0])


def wait(project: Project, number: int) -> Run:
    deadline = time.monotonic() + 60
    while not (run := actions.get(project, str(number))).is_over:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (project.run_folder(run.uid) / "supervisor.log").read_text() == ""
    return run


def output_of(project: Project, run: Run) -> str:
    return (project.run_folder(run.uid) / "output.log").read_text()


def notices(project: Project, run: Run) -> list[str]:
    connection = project.open_reader()
    found = [text for _, text in queries.notices(connection, run.number)]
    connection.close()
    return found


def test_flags_of_any_command_become_parameters(folder: Path) -> None:
    write(folder, "train.py", "print('auc: 0.75')")
    run = finish(load(folder), starting.Request((sys.executable, "train.py", "--lr", "0.1", "--depth=3", "--fast")))
    assert run.params == {"lr": 0.1, "depth": 3, "fast": True}
    assert run.value("auc") == 0.75


CONFIG = """
[train]
command = "python train.py --config params.toml"
params = "params.toml"
"""


def test_an_override_reaches_the_script_through_every_door_and_leaves_the_file_alone(folder: Path) -> None:
    write(folder, "workbench.toml", CONFIG)
    write(folder, "params.toml", "lr = 0.1  # the rate\n[model]\ndepth = 3\n")
    write(
        folder,
        "train.py",
        """
        import os, sys, tomllib, workbench
        with open(sys.argv[2], "rb") as f: print("path", tomllib.load(f))
        with open(os.environ["WORKBENCH_PARAMS"], "rb") as f: print("variable", tomllib.load(f))
        print("api", workbench.param("lr", 0.5), workbench.param("model.depth", 1), workbench.param("seed", 7))
        """,
    )
    before = (folder / "params.toml").read_bytes()
    project = load(folder)
    run = finish(project, starting.Request(overrides={"lr": "0.25", "model.depth": "5"}))
    said = output_of(project, run)
    assert "path {'lr': 0.25, 'model': {'depth': 5}}" in said
    assert "variable {'lr': 0.25, 'model': {'depth': 5}}" in said
    assert "api 0.25 5 7" in said
    assert run.params == {"lr": 0.25, "model.depth": 5, "config": "params.toml", "seed": 7}
    assert (folder / "params.toml").read_bytes() == before
    assert run.command == ["python", "train.py", "--config", "params.toml"]


def test_an_override_of_a_flag_replaces_it_in_the_command(folder: Path) -> None:
    write(folder, "train.py", "import sys; print(sys.argv[1:])")
    project = load(folder)
    request = starting.Request((sys.executable, "train.py", "--lr", "0.1"), overrides={"lr": "0.9"})
    run = finish(project, request)
    assert "['--lr', '0.9']" in output_of(project, run)
    assert run.params == {"lr": 0.9}


def test_an_override_that_the_script_takes_as_a_flag_is_handed_over(folder: Path) -> None:
    write(
        folder,
        "train.py",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--batch-size", type=int, default=1)
        print("size", parser.parse_args().batch_size)
        """,
    )
    write(folder, "workbench.toml", "[train]\ncommand = 'python train.py'\n")
    project = load(folder)
    run = finish(project, starting.Request(overrides={"batch_size": "64"}))
    assert run.status == "finished", output_of(project, run)
    assert "size 64" in output_of(project, run)


def test_a_misspelt_override_is_noticed(folder: Path) -> None:
    write(folder, "workbench.toml", CONFIG)
    write(folder, "params.toml", "depth = 3\n")
    write(folder, "train.py", "print('ok')")
    project = load(folder)
    run = finish(project, starting.Request(overrides={"dpeth": "5"}))
    assert notices(project, run) == [
        "-p dpeth: neither params.toml nor the script names it; did you mean depth?",
    ]


def test_running_again_keeps_the_overrides_and_changes_what_is_said(folder: Path) -> None:
    write(folder, "workbench.toml", CONFIG)
    write(folder, "params.toml", "lr = 0.1\ndepth = 3\n")
    write(folder, "train.py", "import workbench; workbench.log({'depth': workbench.param('depth', 0)})")
    project = load(folder)
    first = finish(project, starting.Request(overrides={"lr": "0.2"}))
    again = wait(project, starting.rerun(project, first.number, {"depth": "9"})[0])
    assert (again.params["lr"], again.params["depth"], again.value("depth")) == (0.2, 9, 9.0)
    assert again.trigger == {"kind": "hand", "again": first.number}


def test_a_command_runs_where_it_was_typed(folder: Path) -> None:
    (folder / "models").mkdir()
    write(folder, "models/train.py", "import os; print(os.path.basename(os.getcwd()))")
    project = load(folder)
    run = finish(project, starting.Request((sys.executable, "train.py"), folder="models"))
    assert output_of(project, run) == "models\n"


def test_the_inputs_are_kept_with_hash_and_rows(folder: Path) -> None:
    write(folder, "workbench.toml", "[train]\ncommand = 'python train.py'\ninputs = ['data/*.csv', 'gone.csv']\n")
    write(folder, "train.py", "print('ok')")
    (folder / "data").mkdir()
    content = b'a,b\n1,"two\nlines"\n3,4\n'
    (folder / "data" / "train.csv").write_bytes(content)
    run = finish(load(folder), starting.Request())
    table, gone = run.data
    digest = blake3(content).hexdigest()
    assert table == {"path": "data/train.csv", "hash": digest, "size": len(content), "rows": 2}
    assert (gone["path"], gone["hash"], gone["problem"]) == ("gone.csv", None, "missing")


def test_the_metrics_file_is_read_when_the_script_logs_nothing(folder: Path) -> None:
    write(folder, "workbench.toml", "[train]\ncommand = 'python train.py'\nmetrics = ['metrics.json', 'gone.json']\n")
    write(folder, "train.py", 'open(\'metrics.json\', \'w\').write(\'{"test": {"auc": 0.8, "n": 10}, "note": "x"}\')')
    project = load(folder)
    run = finish(project, starting.Request())
    assert {name: metric.last for name, metric in run.metrics.items()} == {"test.auc": 0.8, "test.n": 10.0}
    assert notices(project, run) == ["gone.json was not written"]


def test_a_metrics_file_from_an_earlier_run_is_not_taken_for_this_one(folder: Path) -> None:
    write(folder, "workbench.toml", "[train]\ncommand = 'python train.py'\nmetrics = ['metrics.json']\n")
    write(folder, "train.py", "print('nothing')")
    write(folder, "metrics.json", '{"auc": 0.99}')
    import os

    os.utime(folder / "metrics.json", (1, 1))
    project = load(folder)
    run = finish(project, starting.Request())
    assert run.metrics == {}
    assert notices(project, run) == ["metrics.json was not written by this run"]


def test_printed_scalars_are_left_alone_when_the_script_logs_itself(folder: Path) -> None:
    write(
        folder,
        "train.py",
        """
        import workbench
        for epoch in range(3):
            workbench.log({"loss": 1.0 / (epoch + 1)}, step=epoch)
            print(f"epoch {epoch} loss: {1.0 / (epoch + 1):.2f} speed: 12")
        """,
    )
    run = finish(load(folder), starting.Request((sys.executable, "train.py")))
    assert {name: metric.count for name, metric in run.metrics.items()} == {"loss": 3}


def test_a_broken_run_hands_its_checkpoint_to_the_next_of_the_same_parameters(folder: Path) -> None:
    write(
        folder,
        "train.py",
        """
        import sys, workbench
        place = workbench.checkpoint() / "epoch"
        done = int(place.read_text()) if place.exists() else 0
        print("starts at", done)
        place.write_text(str(done + 5))
        sys.exit(0 if done else 1)
        """,
    )
    project = load(folder)
    first = finish(project, starting.Request((sys.executable, "train.py", "--lr", "1")))
    other = finish(project, starting.Request((sys.executable, "train.py", "--lr", "2")))
    assert "starts at 0" in output_of(project, other)
    third = finish(project, starting.Request((sys.executable, "train.py", "--lr", "1")))
    assert "starts at 5" in output_of(project, third)
    assert notices(project, third) == [f"continues from the checkpoint of run {first.number}"]
    fresh = finish(project, starting.Request((sys.executable, "train.py", "--lr", "2"), fresh=True))
    assert "starts at 0" in output_of(project, fresh)


def test_artifacts_and_models_are_kept_with_the_run(folder: Path) -> None:
    write(
        folder,
        "train.py",
        """
        import numpy, workbench
        from sklearn.linear_model import LogisticRegression
        x = numpy.arange(20.0).reshape(10, 2); y = [0] * 5 + [1] * 5
        open("picture.txt", "w").write("hello")
        workbench.log_artifact("picture.txt")
        workbench.log_artifact("picture.txt", "../../../../escape.txt")
        workbench.log_model(LogisticRegression().fit(x, y), "model.joblib", example=x)
        """,
    )
    project = load(folder)
    run = finish(project, starting.Request((sys.executable, "train.py")))
    assert run.status == "finished", output_of(project, run)
    connection = project.open_reader()
    found = {item["path"]: item for item in queries.outputs(connection, run.number)}
    connection.close()
    assert (project.run_folder(run.uid) / "artifacts" / "picture.txt").read_text() == "hello"
    assert (project.run_folder(run.uid) / "artifacts" / "escape.txt").exists()
    assert found["model.joblib"]["kind"] == "model"
    assert len(found["model.joblib"]["facts"]["golden"]["predict"]) == 10
    assert [path for path, item in found.items() if not (item["hash"] and item["size"])] == [], found
