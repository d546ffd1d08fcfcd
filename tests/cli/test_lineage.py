"""`workbench lineage` over real runs: a pipeline whose stages chain through their files."""

from __future__ import annotations

import json

import pytest

CONFIG = """
[project]
name = "chain"
[stages.prepare]
command = "python prepare.py"
inputs = ["raw.csv"]
outputs = ["clean.csv"]
[stages.train]
command = "python train.py"
inputs = ["clean.csv"]
outputs = ["model.txt"]
[metric]
name = "auc"
goal = "max"
"""
FILES = {
    "raw.csv": "a,b\n1,2\n3,4\n",
    "prepare.py": "open('clean.csv', 'w').write(open('raw.csv').read().upper())",
    "train.py": "open('model.txt', 'w').write(open('clean.csv').read() + 'model'); print('auc: 0.75')",
}


@pytest.fixture
def folder(make_project, run_cli):
    made = make_project(FILES, CONFIG).folder
    assert run_cli("run", folder=made).code == 0
    return made


def test_lineage_of_the_best_run_leads_back_to_the_raw_data(folder, run_cli):
    answer = run_cli("lineage", folder=folder)
    assert answer.code == 0
    assert "raw.csv@" in answer.out and "clean.csv@" in answer.out and "model.txt@" in answer.out
    lines = answer.out.splitlines()
    assert lines[0].startswith("✓ run 2 ") and "├─ came from" in lines and "└─ went into" in lines
    assert "2 runs among them" in answer.err
    found = run_cli("lineage", "--json", folder=folder).json
    assert found["focus"] == ["run:2"]
    kinds = {node["kind"] for node in found["nodes"]}
    assert kinds >= {"run", "data", "output", "env", "code"}


def test_forward_lists_what_a_file_touched(folder, run_cli):
    (folder / "raw.csv").write_text("a,b\n9,9\n")
    assert run_cli("run", folder=folder).code == 0
    answer = run_cli("lineage", "raw.csv", "--forward", folder=folder)
    roots = [line for line in answer.out.splitlines() if line.startswith("data raw.csv@")]
    assert len(roots) == 2, "both versions"
    assert all(f"run {number} " in answer.out for number in (1, 2, 3, 4))
    bad = roots[0].split("@")[1].split()[0]
    one = run_cli("lineage", f"raw.csv@{bad}", "--forward", folder=folder).out
    assert "run 3 " in one and "run 4 " in one and "run 1 " not in one


def test_a_path_means_what_lies_there_now(folder, run_cli):
    old = (folder / "model.txt").read_text()
    (folder / "raw.csv").write_text("a,b\n9,9\n")
    assert run_cli("run", folder=folder).code == 0
    assert "run 4 " in run_cli("lineage", "model.txt", "--back", folder=folder).out
    (folder / "model.txt").write_text(old)
    answer = run_cli("lineage", "model.txt", "--back", folder=folder).out
    assert "run 2 " in answer and "run 4 " not in answer
    (folder / "model.txt").write_text("nobody made this")
    assert "run 4 " in run_cli("lineage", "model.txt", "--back", folder=folder).out


def test_every_form_is_well_formed(folder, run_cli):
    assert run_cli("lineage", "--mermaid", folder=folder).out.startswith("flowchart LR\n")
    assert run_cli("lineage", "--dot", folder=folder).out.startswith("digraph lineage {\n")
    events = [json.loads(line) for line in run_cli("lineage", "--openlineage", folder=folder).out.splitlines()]
    assert sorted(event["eventType"] for event in events) == ["COMPLETE", "COMPLETE", "START", "START"]
    shallow = run_cli("lineage", "2", "--depth", "1", "--back", folder=folder).out
    assert "clean.csv@" in shallow and "raw.csv@" not in shallow and "…" in shallow


def test_mistakes_are_told_with_a_next_step(folder, run_cli, tmp_path):
    unknown = run_cli("lineage", "nothing.csv", folder=folder)
    assert unknown.code == 2 and unknown.out == "" and "raw.csv" in unknown.err
    assert run_cli("lineage", "--depth", "-1", folder=folder).code == 2
    assert run_cli("lineage", "--dot", "--json", folder=folder).code == 2


def test_before_the_first_run_it_says_what_to_do(make_project, run_cli):
    answer = run_cli("lineage", folder=make_project({}).folder)
    assert answer.code == 2 and "workbench run" in answer.err and "Traceback" not in answer.err


def test_foreign_names_are_printed_safely(make_project, run_cli):
    name = "[red]\x1b[31m\u202e.csv"
    config = CONFIG.replace('["raw.csv"]', json.dumps([name]))
    project = make_project({**FILES, name: "a\n1\n"}, config)
    project.folder.joinpath("prepare.py").write_text("open('clean.csv', 'w').write('x')")
    assert run_cli("run", folder=project.folder).code == 0
    for form in ("--tree", "--mermaid", "--dot"):
        out = run_cli("lineage", form, folder=project.folder).out
        assert "\x1b" not in out and "\u202e" not in out and "red" in out
