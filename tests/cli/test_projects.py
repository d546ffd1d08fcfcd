"""`workbench init`, `projects` and `doctor`."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench import config
from workbench.actions import projects as actions
from workbench.actions.adoption import Guess, configuration_text, guess

LAYOUT = ["data/raw", "data/processed", "notebooks", "src", "scripts", "tests", "deployment"]


def snapshot(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def guess_in(files):
    return guess(frozenset(files), lambda name: files.get(name), lambda name: name in files)


def test_a_new_project_has_the_layout_and_trains_and_tests_itself(run_cli, tmp_path):
    made = run_cli("init", "my project")
    assert made.code == 0
    folder = tmp_path / "my project"
    assert [name for name in LAYOUT if not (folder / name).is_dir()] == []
    assert "{name}" not in (folder / "README.md").read_text() + (folder / "workbench.toml").read_text()
    assert run_cli("run", folder=folder).code == 0
    runs = run_cli("runs", "--json", folder=folder).json
    assert [run["status"] for run in runs] == ["finished", "finished"]
    assert 0 < runs[0]["best"]["holdout_error"] < 10
    tests = subprocess.run([sys.executable, "-m", "unittest"], cwd=folder, capture_output=True, timeout=60, check=False)
    assert tests.returncode == 0
    assert b"Ran 2 tests" in tests.stderr


def test_a_parameter_reaches_both_stages_of_the_template(run_cli, tmp_path):
    run_cli("init", "p")
    answer = run_cli("run", "-p", "epochs=3", folder=tmp_path / "p")
    assert "epoch 3" in answer.out
    assert "epoch 4" not in answer.out


def test_adopting_writes_the_configuration_and_the_store_and_nothing_else(run_cli, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "train.py").write_text("print('loss=1')")
    (folder / "notes.txt").write_text("mine")
    before = snapshot(folder)
    assert run_cli("init", folder=folder).code == 0
    after = snapshot(folder)
    new = {name for name in after if name not in before and not name.startswith(".workbench/")}
    assert new == {"workbench.toml"}
    assert {name: after[name] for name in before} == before
    assert run_cli("run", folder=folder).code == 0


def test_adopting_again_changes_nothing(run_cli, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "workbench.toml").write_text('[project]\nname = "kept"\n')
    answer = run_cli("init", "--json", folder=folder)
    assert answer.json["kept"] == ["workbench.toml"]
    assert (folder / "workbench.toml").read_text() == '[project]\nname = "kept"\n'


def test_a_template_overwrites_no_file(run_cli, tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "README.md").write_text("my words")
    answer = run_cli("init", "--template", "standard", "--json", folder=folder)
    assert answer.json["kept"] == ["README.md"]
    assert (folder / "README.md").read_text() == "my words"
    assert (folder / "scripts" / "train.py").exists()


def test_an_unknown_template_writes_nothing(run_cli, tmp_path):
    answer = run_cli("init", "new", "--template", "fancy")
    assert answer.code == 2
    assert "standard" in answer.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "emoji 🎈", "a\nb", "back\\slash"])
def test_any_folder_name_gives_a_configuration_that_loads(run_cli, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "train.py").write_text("print('x=1')")
    assert run_cli("init", folder=folder).code == 0
    assert run_cli("run", folder=folder).out == "x=1\n"
    assert run_cli("init", str(tmp_path / ("t" + name))).code == 0
    assert config.load(tmp_path / ("t" + name) / "workbench.toml").project.name


def test_what_is_plain_is_guessed():
    source = (
        b"import joblib, pandas as pd\nframe = pd.read_csv('data/x.csv')\nother = pd.read_csv('gone.csv')\n"
        b"joblib.dump(model, 'model.joblib')\nopen('metrics.json', 'w')\n"
    )
    files = {"train.py": source, "params.yaml": b"lr: 0.1\n", "data/x.csv": b"a\n", "main.py": b""}
    assert guess_in(files) == Guess(
        "python train.py", "params.yaml", ("data/x.csv",), ("model.joblib",), ("metrics.json",)
    )


@pytest.mark.parametrize(
    ("names", "command"),
    [
        (["main.py", "util.py"], "python main.py"),
        (["scripts/train.py", "scripts/plot.py"], "python scripts/train.py"),
        (["fit the model.py"], "python 'fit the model.py'"),
        (["train_forest.py", "plot.py"], "python train_forest.py"),
        (["a.py", "b.py"], ""),
        (["analysis.ipynb"], ""),
        ([], ""),
    ],
)
def test_the_command_is_guessed_or_left_open(names, command):
    found = guess_in(dict.fromkeys(names, b""))
    assert found.command == command
    assert bool(found.notes) == (not command)


@pytest.mark.parametrize("source", [b"def (", b"\xff\xfe", b"(" * 5000, b"x = '\0'"])
def test_a_script_that_does_not_parse_is_still_adopted(source):
    assert guess_in({"train.py": source}).command == "python train.py"


def test_a_broken_parameter_file_is_left_out_and_named():
    found = guess_in({"train.py": b"", "params.toml": b"= broken"})
    assert found.params == ""
    assert "params.toml" in found.notes[0]


def test_every_guess_becomes_a_configuration_that_loads():
    full = Guess("python 'a b.py' --x \"1\"", "params.toml", ("a\\b.csv",), ("ü.joblib",), ("m.json",))
    loaded = config.parse(configuration_text('n "q"', full).encode())
    assert loaded.train.command == full.command
    assert loaded.train.inputs == full.inputs
    assert config.parse(configuration_text("x", Guess()).encode()).train.command == ""


def test_the_list_of_projects(run_cli, make_project, tmp_path):
    project = make_project(name="listed")
    assert run_cli("projects", "add", str(project.folder)).code == 0
    (found,) = run_cli("projects", "--json").json
    assert found == {"folder": str(project.folder), "name": "test", "missing": False, "problem": ""}
    project.folder.rename(tmp_path / "elsewhere")
    assert run_cli("projects", "--json").json[0]["missing"] is True
    assert "missing" in run_cli("projects").out
    assert run_cli("projects", "remove", "listed").code == 0
    assert run_cli("projects", "--json").json == []


def test_a_folder_that_is_no_project_is_not_listed(run_cli, tmp_path):
    answer = run_cli("projects", "add", str(tmp_path))
    assert answer.code == 2
    assert "workbench init" in answer.err


def test_a_broken_list_is_told_and_left_alone(run_cli, workbench_home):
    (workbench_home / "projects.json").write_text("{]")
    answer = run_cli("projects")
    assert answer.code == 2
    assert "projects.json" in answer.err
    assert (workbench_home / "projects.json").read_text() == "{]"


def test_many_programs_change_the_list_at_once(make_project, run_cli):
    folders = [make_project(name=f"p{at}").folder for at in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda folder: run_cli("projects", "add", str(folder)), folders))
    assert [answer.code for answer in answers] == [0] * 8
    assert {each.folder for each in actions.listed()} == set(folders)


def test_doctor_finds_a_sound_project_good(run_cli, project):
    run_cli("run", folder=project.folder)
    answer = run_cli("doctor", "--json", folder=project.folder)
    assert answer.code == 0
    assert answer.json["good"] is True
    topics = {finding["topic"]: finding["state"] for finding in answer.json["findings"]}
    assert topics["store"] == topics["folders"] == topics["objects"] == topics["interpreter"] == "good"


def test_doctor_names_the_interpreters_that_runs_use(run_cli, project, tmp_path):
    beside = tmp_path / "bin" / "python"
    beside.parent.mkdir()
    beside.symlink_to(sys.executable)
    own = project.folder / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.symlink_to(sys.executable)
    path = {"PATH": f"{beside.parent}:{os.environ['PATH']}"}
    findings = run_cli("doctor", "--json", folder=project.folder, environment=path).json["findings"]
    told = [each["text"] for each in findings if each["topic"] == "interpreter"]
    assert [text.rpartition(", ")[0] for text in told] == [
        f"`python` in workbench.toml means {own}", f"`workbench run -- python` means {beside}",
    ]  # fmt: skip
    run_cli("run", folder=project.folder, environment=path)
    run_cli("run", "--", "python", "train.py", folder=project.folder, environment=path)
    used = [run_cli("show", number, "--json", folder=project.folder).json["python"] for number in "12"]
    assert used == [".venv/bin/python", ""], "of an interpreter outside the project no path is kept"


def test_doctor_works_where_there_is_no_project(run_cli, tmp_path):
    answer = run_cli("doctor", folder=tmp_path)
    assert answer.code == 0
    assert "python" in answer.out


def test_doctor_names_a_damaged_object(run_cli, project):
    run_cli("run", folder=project.folder)
    stored = next(path for path in project.objects_folder.glob("??/*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(b"rotten")
    answer = run_cli("doctor", "--json", folder=project.folder)
    assert answer.code == 3
    (finding,) = [each for each in answer.json["findings"] if each["topic"] == "objects"]
    assert finding["state"] == "bad"


def test_doctor_names_a_damaged_store_and_goes_on(run_cli, project):
    run_cli("run", folder=project.folder)
    for path in project.inner.glob("workbench.db*"):
        path.write_bytes(b"not a database at all, not even nearly" * 200)
    answer = run_cli("doctor", "--json", folder=project.folder)
    assert answer.code == 3
    topics = {each["topic"]: each["state"] for each in answer.json["findings"]}
    assert topics["store"] == "bad"
    assert topics["disk"] == "good"


def test_doctor_names_what_has_no_owner_and_what_is_missing(run_cli, make_project):
    project = make_project(
        {"train.py": "print('x=1')"},
        '[project]\nname = "x"\n[train]\ncommand = "python train.py"\ninputs = ["gone.csv"]\n',
    )
    run_cli("run", folder=project.folder)
    (project.runs_folder / "0123").mkdir()
    findings = run_cli("doctor", "--json", folder=project.folder).json["findings"]
    assert any("gone.csv" in each["text"] for each in findings)
    assert any(each["topic"] == "folders" and each["state"] == "note" for each in findings)


def test_the_demo_refuses_a_folder_with_something_in_it(run_cli, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    answer = run_cli("demo", "full")
    assert answer.code == 2
    assert snapshot(tmp_path / "full") == {"thesis.txt": b"mine"}


@pytest.mark.slow
def test_the_demo_trains_eight_runs_compares_them_and_looks_for_drift(run_cli, tmp_path):
    answer = run_cli("demo", "demo", limit=600)
    assert answer.code == 0
    assert "by month against 2013-01" in answer.out
    runs = run_cli("runs", "--json", folder=tmp_path / "demo").json
    assert [run["status"] for run in runs] == ["finished"] * 8
    assert all(run["metrics"]["auc"] > 0.6 for run in runs)
    assert len({json.dumps(run["params"], sort_keys=True) for run in runs}) == 8
    assert "PARAMETERS" in answer.out
    assert "[8/8]" in answer.err
    assert Path(tmp_path / "demo" / "train.py").exists()
