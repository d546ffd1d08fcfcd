"""The sample projects: their data, their papers, and that each trains on its own, without a Workbench run."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

SAMPLES = Path(__file__).parents[2] / "sample_projects"
NAMES = ["credit-risk", "digits", "flight-delays"]
PARTS = ["flights", "holdout", "final"]
ALLOWED_IMPORTS = {"joblib", "numpy", "pandas", "sklearn", "workbench", "settings"}


@pytest.fixture
def copy(tmp_path):
    """Makes a scratch copy of a sample project, so that nothing is ever written into the repository."""

    def make(name, label="project", **params):
        folder = tmp_path / label
        shutil.copytree(SAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__", ".workbench"))
        path = folder / "params.toml"
        for key, value in params.items():
            text, found = re.subn(rf"(?m)^{key} = \S+", f"{key} = {json.dumps(value)}", path.read_text())
            assert found == 1
            path.write_text(text)
        return folder

    return make


def environment():
    outside = {key: value for key, value in os.environ.items() if not key.startswith("WORKBENCH_")}
    return {**outside, "PYTHONPATH": str(SAMPLES.parent), "OMP_NUM_THREADS": "1"}


def python(folder, *words):
    """Run a script in `folder` with warnings as errors and return what it printed."""
    command = [sys.executable, "-W", "error", *words]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text):
    return {name: float(value) for name, value in re.findall(r"(\w+)(?:=|: )([\d.]+)", text)}


def read(name, file):
    return pd.read_csv(SAMPLES / name / "data" / f"{file}.csv")


# Papers


@pytest.mark.parametrize("name", NAMES)
def test_a_project_tells_what_it_is_and_whose_the_data_is(name):
    readme, licence = ((SAMPLES / name / file).read_text() for file in ("README.md", "DATA-LICENSE.md"))
    assert len(readme.splitlines()) < 100
    for heading in ("Run it", "What to expect", "The data", "What it is not"):
        assert f"## {heading}\n" in readme
    assert "DATA-LICENSE.md" in readme
    assert re.search(r"creativecommons\.org/(licenses/by/4\.0|publicdomain/zero/1\.0)/", licence)


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_every_setting(name):
    readme = (SAMPLES / name / "README.md").read_text()
    for setting in tomllib.loads((SAMPLES / name / "params.toml").read_text()):
        assert f"`{setting}`" in readme


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_the_configuration_names_is_committed_or_made_by_the_project(name):
    folder = SAMPLES / name
    config = tomllib.loads((folder / "workbench.toml").read_text())
    steps = [config["train"]] if "train" in config else list(config["stages"].values())
    made = {path for step in steps for path in [*step["outputs"], *step.get("metrics", [])]}
    named = {path for step in steps for path in [*step.get("inputs", []), step["params"]]}
    named |= {config["data"][key] for key in ("train", "holdout", "final_test") if key in config.get("data", {})}
    assert {path for path in named if not (folder / path).is_file()} <= made
    assert config["model"]["path"] in made
    ignored = (folder / ".gitignore").read_text().split()
    assert all(path in ignored or path.split("/")[0] + "/" in ignored for path in made)


def test_the_samples_are_small():
    sizes = {path: path.stat().st_size for path in SAMPLES.rglob("*.csv")}
    assert sum(size for path, size in sizes.items() if "flight-delays" in path.parts) <= 2_000_000
    assert sum(size for path, size in sizes.items() if "credit-risk" in path.parts) <= 200_000
    for script in SAMPLES.rglob("*.py"):
        assert len(script.read_text().splitlines()) <= 120


def test_the_scripts_need_only_the_promised_packages():
    for script in SAMPLES.rglob("*.py"):
        roots = set(re.findall(r"^\s*(?:import|from) (\w+)", script.read_text(), re.MULTILINE))
        assert roots - set(sys.stdlib_module_names) <= ALLOWED_IMPORTS, script


def test_credit_risk_is_untouched_by_workbench():
    for script in (SAMPLES / "credit-risk").rglob("*.py"):
        assert "workbench" not in script.read_text().lower()


# Data


@pytest.mark.parametrize("part", PARTS)
def test_flights_have_every_month_equally_often_and_no_broken_row(part):
    table = read("flight-delays", part)
    counts = table["month"].value_counts()
    assert sorted(counts.index) == list(range(1, 13)) and counts.nunique() == 1
    assert table["row"].is_unique
    assert set(table["origin"]) == {"EWR", "JFK", "LGA"}
    assert set(table["delayed"]) == {0, 1}
    assert table["hour"].between(5, 23).all() and table["distance"].between(80, 5000).all()
    weather = table[["temp", "humid", "wind_speed", "precip", "visib"]]
    assert weather.isna().mean().max() < 0.02
    assert table.drop(columns=weather.columns).notna().all(axis=None)
    local = pd.to_datetime(table["time_hour"]).dt.tz_convert("America/New_York")
    for column, value in {"month": local.dt.month, "day": local.dt.day, "weekday": local.dt.day_of_week}.items():
        assert (table[column] == value).all(), column
    assert (table["hour"] == local.dt.hour).all()


def test_each_month_keeps_its_own_share_of_late_flights():
    share = read("flight-delays", "flights").groupby("month")["delayed"].mean()
    assert share[[6, 7, 12]].min() > 0.24 and share[[9, 10, 11]].max() < 0.18


def test_no_day_of_flights_is_in_two_files():
    days = [set(map(tuple, read("flight-delays", part)[["month", "day"]].to_numpy().tolist())) for part in PARTS]
    assert sum(map(len, days)) == len(set.union(*days)) == 365


def test_the_credit_data_is_whole_and_split_without_overlap():
    table = pd.concat([read("credit-risk", "credit"), read("credit-risk", "final")])
    assert sorted(table["row"]) == list(range(1, 1001))
    assert table["bad"].sum() == 300
    assert table["sex"].value_counts().to_dict() == {"male": 690, "female": 310}
    assert table["age"].between(19, 75).all()
    assert table.notna().all(axis=None) and table.shape[1] == 23


# Training, each script on its own


@pytest.mark.parametrize("model", ["boosting", "logistic"])
def test_flight_delays_trains_to_an_honest_auc_and_leaves_a_usable_model(copy, model):
    folder = copy("flight-delays", model=model)
    printed = numbers(python(folder, "train.py"))
    assert 0.67 < printed["auc"] < 0.75 and printed["log_loss"] < 0.49

    fitted, holdout = joblib.load(folder / "model.joblib"), read("flight-delays", "holdout")
    late = fitted.predict_proba(holdout.drop(columns="delayed"))[:, 1]
    assert roc_auc_score(holdout["delayed"], late) == pytest.approx(printed["auc"], abs=5e-5)
    strange = holdout.head(2).assign(dest="XXX", temp=np.nan)
    assert np.isfinite(fitted.predict_proba(strange)).all()


@pytest.mark.slow
def test_flight_delays_gives_the_same_model_for_the_same_settings_and_another_for_others(copy):
    holdout = read("flight-delays", "holdout")

    def chances(label, **params):
        folder = copy("flight-delays", label, iterations=8, **params)
        python(folder, "train.py")
        return joblib.load(folder / "model.joblib").predict_proba(holdout)

    first, second, other = chances("first"), chances("second"), chances("other", lr=0.3)
    assert np.array_equal(first, second)
    assert not np.allclose(first, other, atol=0.01)


def weights(folder):
    network = joblib.load(folder / "model.joblib")
    return [*network.coefs_, *network.intercepts_]


def epochs(printed):
    return [line for line in printed.splitlines() if line.startswith("epoch ")]


def killed_after_epoch(folder, epoch):
    """Start training, kill -9 it once its checkpoint holds at least `epoch` epochs, and return how it ended."""
    command = [sys.executable, "-u", "train.py"]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith(f"epoch {epoch}/"):  # printed when that epoch's checkpoint is in place
                process.kill()
                break
    return process.returncode


@pytest.mark.slow
def test_digits_killed_twice_and_resumed_ends_bit_for_bit_like_an_unbroken_run(copy):
    whole, broken = copy("digits", "whole", epochs=9), copy("digits", "broken", epochs=9)
    unbroken = epochs(python(whole, "train.py"))

    for epoch in (2, 5):
        assert killed_after_epoch(broken, epoch) == -9
        assert (broken / "checkpoints" / "state.joblib").is_file()
        assert not (broken / "model.joblib").exists()
    printed = python(broken, "train.py")

    done = int(re.match(r"Resumed after epoch (\d+)\.", printed)[1])
    assert 5 <= done < 9
    assert epochs(printed) == unbroken[done:]
    assert all(np.array_equal(one, two) for one, two in zip(weights(whole), weights(broken), strict=True))
    assert not list((broken / "checkpoints").glob("*.joblib")), "a finished training leaves nothing to resume"


def test_digits_does_not_resume_from_a_checkpoint_of_other_settings(copy):
    folder = copy("digits", epochs=30)
    assert killed_after_epoch(folder, 1) == -9
    fresh = copy("digits", "fresh", epochs=2, hidden=16)
    shutil.copytree(folder / "checkpoints", fresh / "checkpoints")
    printed = python(fresh, "train.py")
    assert "starting afresh" in printed and len(epochs(printed)) == 2


def test_digits_learns(copy):
    lines = epochs(python(copy("digits", epochs=12), "train.py"))
    first, last = numbers(lines[0]), numbers(lines[-1])
    assert last["train_loss"] < first["train_loss"] / 4
    assert last["val_loss"] < first["val_loss"] / 2
    assert last["val_accuracy"] > max(0.93, first["val_accuracy"])


def test_credit_risk_prints_and_writes_the_same_metrics_and_flags_win_over_the_file(copy):
    folder = copy("credit-risk")
    assert numbers(python(folder, "prepare.py", "--params", "params.toml")) == {"train_rows": 600, "holdout_rows": 200}
    printed = numbers(python(folder, "train.py", "--params", "params.toml"))
    written = json.loads((folder / "metrics.json").read_text())
    assert printed == pytest.approx(written, abs=5e-5)
    assert 0.72 < printed["auc"] < 0.82 and printed["cost"] < 0.705

    other = numbers(python(folder, "train.py", "--params", "params.toml", "--C", "0.001"))
    assert other["auc"] != printed["auc"]
    assert joblib.load(folder / "model.joblib")[-1].C == 0.001


def test_credit_risk_does_not_learn_from_protected_attributes(copy):
    folder = copy("credit-risk")
    python(folder, "prepare.py")
    python(folder, "train.py")
    model, people = joblib.load(folder / "model.joblib"), read("credit-risk", "final")
    others = people.assign(sex="female", age=20, marital_status="single", foreign_worker="no")
    assert np.array_equal(model.predict_proba(people), model.predict_proba(others))


def test_credit_risk_refuses_an_unknown_setting(copy):
    folder = copy("credit-risk")
    (folder / "params.toml").write_text("c = 1.0\n")
    command = [sys.executable, "train.py", "--params", "params.toml"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "unknown setting 'c'" in done.stderr
