"""`workbench compare` on real runs, with and without git."""

import csv
import io
import math

import pytest

from tests.conftest import git
from workbench.actions import compare as actions
from workbench.actions import runs, starting
from workbench.actions.starting import Request
from workbench.runs.significance import corrected, summary, welch

SCRIPT = """\
import argparse, workbench
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--model", default="rf")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
for step in range(20):
    noise = (args.seed * 7919 % 13) / 1000
    workbench.log({"auc": 0.5 + args.lr + noise + step / 1000, "loss": 1 / (step + 1) + noise}, step=step)
workbench.log({"[red]": 1.0, "odd": float("nan")})
"""
CONFIG = '[project]\nname = "t"\n[train]\ncommand = "python train.py"\n[metric]\nname = "auc"\ngoal = "max"\n'


@pytest.fixture
def train(make_project, wait_until):
    """Return a project and a function that trains with overrides and returns the number when the run has ended."""
    project = make_project({"train.py": SCRIPT}, CONFIG)

    def one(**overrides):
        (number,) = starting.start(project, Request(overrides={key: str(value) for key, value in overrides.items()}))
        wait_until(lambda: runs.get(project, str(number)).is_over, what="the run to end")
        assert runs.get(project, str(number)).status == "finished"
        return number

    one.project = project
    return one


def section(out, title):
    """Return the lines of a section by their first word."""
    lines = out.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(title))
    found = {}
    for line in lines[start + 1 :]:
        if not line.startswith("  "):
            break
        found[line.split()[0]] = line
    return found


def test_differences_come_first_with_signs_and_equal_values_are_only_counted(train, run_cli):
    train(lr=0.1, seed=1)
    train(lr=0.3, seed=1, model="gbm")
    folder = train.project.folder
    answer = run_cli("compare", "1", "2", folder=folder)
    assert answer.code == 0
    params, metrics = section(answer.out, "PARAMETERS"), section(answer.out, "METRICS")
    assert list(params) == ["lr", "model"]
    assert params["lr"].split()[1:] == ["0.1", "0.3"]
    assert params["model"].split()[1:] == ["-", "gbm"]
    assert "▲ +0.2" in metrics["auc"] and "↑" in metrics["auc"]
    assert "loss" not in metrics and "[red]" not in metrics
    assert "The same in all: 1 parameter, 3 metrics" in answer.out
    assert "(baseline)" in answer.out.splitlines()[0]
    whole = run_cli("compare", "1", "2", "--all", folder=folder).out
    assert "seed" in section(whole, "PARAMETERS") and "[red]" in section(whole, "METRICS")


def test_too_few_runs_are_said_plainly_and_one_run_is_refused(train, run_cli):
    train(lr=0.1)
    train(lr=0.3)
    folder = train.project.folder
    out = run_cli("compare", "1", "2", folder=folder).out
    assert "too few runs: 1 against 1; repeat with other seeds, at least 3 each" in out
    for words in (["1"], ["1", "1"]):
        answer = run_cli("compare", *words, folder=folder)
        assert (answer.code, answer.out) == (2, "")
        assert "two runs or more" in answer.err and "hint: workbench compare 1 2" in answer.err
    assert run_cli("compare", "1", "77", folder=folder).code == 2
    unknown = run_cli("compare", "1", "2", "--metric", "nope", folder=folder)
    assert unknown.code == 2 and "They have: auc, loss" in unknown.err


def test_the_statistics_are_those_of_significance(train, run_cli):
    first = [train(lr=0.1, seed=seed) for seed in (1, 2, 3)]
    second = [train(lr=0.3, seed=seed) for seed in (4, 5, 6)]
    folder = train.project.folder
    names = list(map(str, first + second))
    document = run_cli("compare", *names, "--json", folder=folder).json
    groups = {tuple(group["runs"]): group for group in document["groups"]}
    assert set(groups) == {tuple(first), tuple(second)}
    values = {
        metric: [[runs.get(train.project, str(n)).metrics[metric].last for n in group] for group in (first, second)]
        for metric in ("auc", "loss", "[red]", "odd")
    }
    told = {one["name"]: one for one in groups[tuple(first)]["metrics"]}["auc"]
    expected = summary(values["auc"][0])
    assert (told["n"], told["mean"], told["low"], told["high"]) == (3, expected.mean, expected.low, expected.high)
    against = {one["metric"]: one for one in groups[tuple(second)]["against"]}
    # The configured metric was chosen before looking; the others share one correction.
    results = {"auc": welch(*values["auc"])}
    others = [name for name in against if name != "auc"]
    results |= zip(others, corrected([welch(*values[name]) for name in others]), strict=True)
    for name in ("auc", "loss"):
        assert against[name]["p_adjusted"] == results[name].p_adjusted is not None
        assert against[name]["verdict"] == results[name].verdict
    assert results["auc"].outcome == "real"
    table = run_cli("compare", *names, "--metric", "auc", folder=folder).out
    assert results["auc"].verdict in table
    assert f"{expected.low:.6g} … {expected.high:.6g}" in table
    assert "loss" not in table


def test_the_document_has_stable_keys_and_null_with_a_reason(train, run_cli):
    train(lr=0.1)
    train(lr=0.3)
    document = run_cli("compare", "1", "2", "--json", folder=train.project.folder).json
    assert set(document) == {
        "baseline", "pinned", "runs", "params", "metrics", "duration", "environment", "packages", "code", "groups",
    }  # fmt: skip
    assert document["baseline"] == 1 and document["pinned"] is False
    metrics = {row["name"]: row for row in document["metrics"]}
    assert metrics["odd"]["values"][0]["value"] is None
    assert metrics["odd"]["values"][0]["value_reason"] == "NaN"
    auc = metrics["auc"]["values"][1]
    assert math.isclose(auc["delta"], 0.2) and auc["better"] is True and auc["best"] is True
    assert [row["run"] for row in document["code"]] == [1, 2]
    assert document["params"][0]["values"][1] == {"run": 2, "present": True, "value": 0.3, "differs": True}


def test_the_pinned_baseline_joins_and_another_can_be_named(train, run_cli):
    for lr in (0.1, 0.2, 0.3):
        train(lr=lr)
    runs.pin_baseline(train.project, 3)
    folder = train.project.folder
    document = run_cli("compare", "1", "2", "--json", folder=folder).json
    assert (document["baseline"], document["pinned"]) == (3, True)
    assert [run["run"] for run in document["runs"]] == [3, 1, 2]
    document = run_cli("compare", "1", "2", "--baseline", "2", "--json", folder=folder).json
    assert (document["baseline"], [run["run"] for run in document["runs"]]) == (2, [1, 2])
    assert "(pinned baseline)" in run_cli("compare", "1", "3", folder=folder).out


@pytest.mark.parametrize("with_git", [True, False], ids=["git", "no git"])
def test_the_code_between_two_runs_is_shown_with_git_and_without(train, run_cli, with_git):
    folder = train.project.folder
    if with_git:
        git(folder, "init", "-q")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "one")
    train(lr=0.1)
    changed = SCRIPT.replace("range(20):", "range(30):  # \x1b[31m")
    (folder / "train.py").write_text(changed)
    (folder / "new.py").write_text("x = 1\n")
    train(lr=0.1)
    answer = run_cli("compare", "1", "2", "--code", folder=folder)
    code = section(answer.out, "CODE")
    assert "2 files +2 -1" in code["changes"]
    assert "changed +1 -1" in code["train.py"] and "added +1 -0" in code["new.py"]
    assert "  -for step in range(20):" in answer.out
    assert "  +for step in range(30):  # ␛[31m" in answer.out
    assert "\x1b" not in answer.out
    version = actions.version_of(runs.get(train.project, "2"))
    assert version.kind == ("git" if with_git else "files")
    document = run_cli("compare", "1", "2", "--json", "--code", folder=folder).json
    assert document["code"][1]["same"] is False
    assert "+x = 1" in document["code"][1]["files"][0]["lines"]
    old, new = (runs.get(train.project, name) for name in "12")
    assert [file.path for file in actions.code_diff(train.project, old, new).files] == ["new.py", "train.py"]
    assert actions.package_diff(train.project, old, new).changed == ()


def test_csv_markdown_and_pictures_are_files_that_open(train, run_cli):
    train(lr=0.1)
    train(lr=0.3)
    folder = train.project.folder
    rows = list(csv.reader(io.StringIO(run_cli("compare", "1", "2", "--csv", folder=folder).out)))
    assert rows[0][:3] == ["section", "name", "better"] and rows[0][3].endswith("(baseline)")
    auc = next(row for row in rows if row[:2] == ["metrics", "auc"])
    assert [float(value) for value in auc[3:]] == [
        runs.get(train.project, name).metrics["auc"].last for name in ("1", "2")
    ]
    markdown = run_cli("compare", "1", "2", "--markdown", folder=folder).out
    assert "| metrics | \\[red\\] |" in markdown
    for name in ("a.png", "a.svg", "a.csv", "a.md"):
        answer = run_cli("compare", "1", "2", "--metric", "loss", "--export", name, folder=folder)
        assert answer.code == 0 and "Wrote" in answer.err
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert ">loss</text>" in (folder / "a.svg").read_text()
    assert next(csv.reader((folder / "a.csv").open())) == rows[0]
    refused = run_cli("compare", "1", "2", "--export", "missing/a.png", folder=folder)
    assert refused.code == 2 and "No folder missing" in refused.err


def test_runs_that_never_started_or_failed_are_compared_too(make_project, wait_until, run_cli):
    project = make_project({"train.py": "import sys; print('auc: 0.5'); sys.exit(3)"}, CONFIG)
    for _ in range(2):
        (number,) = starting.start(project, Request())
        wait_until(lambda number=number: runs.get(project, str(number)).is_over)
    (project.folder / "train.py").unlink()
    answer = run_cli("compare", "1", "2", folder=project.folder)
    assert answer.code == 0
    assert "✗ failed" in answer.out


def test_data_that_changed_between_runs_is_told(make_project, wait_until, run_cli):
    config = CONFIG.replace("[metric]", 'inputs = ["rows.csv"]\n[metric]')
    project = make_project({"train.py": SCRIPT, "rows.csv": "a,b\n1,2\n"}, config)
    for text in ("a,b\n1,2\n", "a,b\n1,2\n3,4\n"):
        (project.folder / "rows.csv").write_text(text)
        (number,) = starting.start(project, Request())
        wait_until(lambda number=number: runs.get(project, str(number)).is_over)
    row = section(run_cli("compare", "1", "2", folder=project.folder).out, "DATA")["rows.csv"]
    assert "(1 rows)" in row and "(2 rows)" in row
