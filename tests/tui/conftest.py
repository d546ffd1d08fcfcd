"""A project with real runs for the interface, and an app that is driven by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.tui.driving import stop_all, wait_for
from workbench.actions import runs as actions
from workbench.actions import starting
from workbench.project import Project

SCRIPT = """
import workbench
top = float(workbench.param("top", 0.8))
workbench.log_params({"lr": float(workbench.param("lr", 0.1))})
for step in range(30):
    loss = 0.9 ** step
    workbench.log({"val_auc": top - 0.4 * 0.8 ** step, "train_loss": loss, "val_loss": 0.1 + loss}, step=step)
    print("epoch", step, flush=True)
"""
SLOW = """
import time, workbench
for step in range(2000):
    workbench.log({"val_auc": step / 1000}, step=step)
    print("line", step, flush=True)
    time.sleep(0.02)
"""
CONFIG = """
[project]
name = "little"
[charter]
problem = "Which of these runs is best?"
[train]
command = "python train.py"
max_parallel = 4
[metric]
name = "val_auc"
goal = "max"
"""


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the terminal of whoever tests out of it."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    for name in ("NO_COLOR", "EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty_project(make_project: Callable[..., Project]) -> Project:
    """A project that has never run."""
    return make_project({"train.py": SCRIPT, "slow.py": SLOW}, CONFIG, "little")


@pytest.fixture
def project(empty_project: Project) -> Iterator[Project]:
    """A project with three finished runs: val_auc 0.7, 0.9 and 0.8."""
    for name, top, tags in (("first", "0.7", ()), ("second", "0.9", ("sweep",)), ("third", "0.8", ("sweep",))):
        request = starting.Request(overrides={"top": top}, name=name, tags=tags)
        starting.start(empty_project, request)
    wait_for(lambda: all(run.is_over for run in actions.list_runs(empty_project)))
    yield empty_project
    stop_all(empty_project)
