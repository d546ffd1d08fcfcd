"""Runs made again, by the command: what may be the reason is named, packages are put back, tolerances hold."""

from __future__ import annotations

import base64
import hashlib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import git
from tests.flows.test_changes import replace_package
from tests.unit.versions.test_imported import install
from workbench.project import Project, load

CONFIG = """
[project]
name = "again"
[train]
command = "python train.py"
inputs = ["data.csv"]
outputs = ["model.txt"]
params = "params.toml"
"""
TRAIN = '[data]\ntrain = "data.csv"\n'
SCRIPT = """
import os, pathlib, alpha, workbench
workbench.log({"loss": alpha.value + float(os.environ.get("NOISE", "0"))})
pathlib.Path("model.txt").write_text("made")
"""


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "packages" / "site-packages"
    install(folder, "alpha", "1.0", {"alpha.py": "value = 1.0\n"})
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def make(make_project, more: str = "") -> Project:
    files = {"train.py": SCRIPT, "data.csv": "a\n1\n", "params.toml": "seed = 1\n"}
    return make_project(files, CONFIG + more)


@pytest.fixture
def project(make_project, packages):
    return make(make_project)


@pytest.fixture
def again(run_cli):
    """Make the first run of a project again; return the exit code and the document."""

    def start(project: Project, *words: str, **environment: str):
        done = run_cli("reproduce", "1", "--json", *words, folder=project.folder, environment=environment)
        return done.code, done.json if done.code < 2 else done.err

    return start


def suspected(document) -> list[tuple[str, str]]:
    return [(one["suspect"], one["name"]) for one in document["differences"]]


def test_what_may_be_the_reason_is_named_and_the_verdict_is_on_both_runs(project, packages, run_cli, again):
    run_cli("run", folder=project.folder, environment={"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"})
    code, found = again(project, OMP_NUM_THREADS="1", PYTHONHASHSEED="0")
    assert (code, found["verdict"], found["differences"]) == (0, "identical", [])
    replace_package(packages, "alpha", "1.1", {"alpha.py": "value = 2.0\n"})
    code, found = again(project, OMP_NUM_THREADS="2", PYTHONHASHSEED="1", TZ="Asia/Tokyo")
    assert (code, found["verdict"]) == (1, "different")
    assert suspected(found) == [
        ("packages", "alpha"), ("seeds", "PYTHONHASHSEED"), ("threads", "OMP_NUM_THREADS"), ("variables", "TZ"),
    ]  # fmt: skip
    assert (found["differences"][0]["old"], found["differences"][0]["new"]) == ("1.0", "1.1")
    for run in ("1", "3"):
        shown = run_cli("show", run, "--json", folder=project.folder).json
        assert {"run": 3, "original": 1, "verdict": "different"} in shown["reproductions"]
        assert any(
            "different; loss from step 0: 1 → 2; packages differ in alpha" in one["text"] for one in shown["notices"]
        )
    text = run_cli("reproduce", "1", folder=project.folder).out
    assert "what differs, most suspicious first" in text and "alpha" in text


def test_a_tolerance_of_the_configuration_makes_near_values_equal(make_project, packages, run_cli, again):
    project = make(make_project, "[reproduce]\nrelative = 0.01\n")
    run_cli("run", folder=project.folder)
    assert again(project, NOISE="0.005")[1]["verdict"] == "equal"
    code, found = again(project, NOISE="0.02")
    assert (code, found["verdict"]) == (1, "different")
    assert found["metrics"][0]["words"] == "from step 0: 1 → 1.02"


def test_a_run_of_a_revision_stays_one_of_that_revision(project, run_cli, again):
    git(project.folder, "init", "-q", "-b", "main")
    git(project.folder, "add", "train.py", "params.toml", "workbench.toml")
    git(project.folder, "commit", "-qm", "one")
    git(project.folder, "branch", "side")
    assert run_cli("run", "--rev", "side", folder=project.folder).code == 0
    git(project.folder, "branch", "-D", "side")
    (project.folder / "train.py").write_text("raise SystemExit(1)\n")
    code, found = again(project)
    assert (code, found["verdict"]) == (0, "identical")
    first, second = (run_cli("show", run, "--json", folder=project.folder).json for run in ("1", "2"))
    assert (second["rev"], second["code"]["tree"]) == ("side", first["code"]["tree"])


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Put a package there as an installer takes it."""
    folder.mkdir(exist_ok=True)
    metadata = f"{name}-{version}.dist-info"
    files |= {
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{path},sha256={digest},{len(text)}")
        archive.writestr(f"{metadata}/RECORD", "\n".join([*lines, f"{metadata}/RECORD,,"]) + "\n")


def test_the_recorded_packages_are_put_back_and_without_them_it_says_so(make_project, run_cli, again, tmp_path):
    project = make(make_project)
    venv.create(project.folder / ".venv", symlinks=True, with_pip=False)
    site = next((project.folder / ".venv" / "lib").glob("python*")) / "site-packages"
    install(site, "alpha", "1.0", {"alpha.py": "value = 1.0\n"})
    assert run_cli("run", folder=load(project.folder).folder).code == 0
    replace_package(site, "alpha", "2.0", {"alpha.py": "value = 2.0\n"})

    shelf = tmp_path / "shelf"
    wheel(shelf, "alpha", "2.0", {"alpha.py": "value = 2.0\n"})
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf), "PIP_CONFIG_FILE": "/dev/null"}
    code, complaint = again(project, "--environment", **offline)
    assert code == 3
    assert "The environment cannot be made: No matching distribution found for alpha==1.0" in complaint
    assert "hint: " in complaint
    assert len(run_cli("runs", "--json", folder=project.folder).json) == 1, "no run was begun"

    wheel(shelf, "alpha", "1.0", {"alpha.py": "value = 1.0\n"})
    code, found = again(project, "--environment", **offline)
    assert (code, found["verdict"], found["differences"]) == (0, "identical", [])
    assert again(project)[1]["verdict"] == "different"
    # The second time the environment is there, and nothing is asked of an installer.
    assert again(project, "--environment", PIP_NO_INDEX="1", PIP_FIND_LINKS="/nowhere")[1]["verdict"] == "identical"


def test_a_run_without_python_has_no_environment_to_make(project, run_cli):
    run_cli("run", "--", "true", folder=project.folder)
    done = run_cli("reproduce", "1", "--environment", folder=project.folder)
    assert done.code == 2 and "recorded no packages" in done.err


def test_data_that_is_never_copied_cannot_be_put_back(make_project, packages, run_cli):
    more = '[[charter.data]]\nname = "d"\nwhere = "data.csv"\ncopy = "never"\n'
    project = make(make_project, more)
    run_cli("run", folder=project.folder)
    done = run_cli("reproduce", "1", folder=project.folder)
    assert done.code == 2 and "is never copied: data.csv" in done.err


@pytest.mark.parametrize(
    ("command", "files", "why"),
    [
        ("no-such-program", {}, "no such command: no-such-program"),
        ("python train.py", {"schema.toml": "not toml ["}, "schema.toml"),
    ],
)
def test_a_run_whose_command_never_began_has_nothing_to_compare_with(
    make_project, packages, run_cli, command, files, why
):
    project = make(make_project)
    for name, content in {**files, "workbench.toml": CONFIG.replace("python train.py", command) + TRAIN}.items():
        (project.folder / name).write_text(content)
    assert run_cli("run", folder=project.folder).code == 1
    done = run_cli("reproduce", "1", folder=project.folder)
    assert done.code == 2 and "The command of run 1 never began" in done.err and why in done.err
    assert len(run_cli("runs", "--json", folder=project.folder).json) == 1, "no run was begun"


def test_a_failure_that_comes_again_is_no_likeness_of_outputs(make_project, packages, run_cli, again):
    project = make(make_project)
    (project.folder / "train.py").write_text("raise SystemExit(3)")
    run_cli("run", folder=project.folder)
    code, found = again(project)
    assert (code, found["verdict"], found["outputs"]) == (1, "failed", [])
