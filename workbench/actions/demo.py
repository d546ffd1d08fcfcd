"""The sample project in a scratch folder, trained with different parameters."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from workbench.actions import runs, starting
from workbench.errors import EnvironmentProblem, UsageError
from workbench.project import Project, load
from workbench.safe import clean

SAMPLE = "flight-delays"
VARIANTS: tuple[Mapping[str, str], ...] = (  # two settings three times over, so that one can see whether they differ
    {},
    {"seed": "1"},
    {"seed": "2"},
    {"lr": "0.02"},
    {"lr": "0.02", "seed": "1"},
    {"lr": "0.02", "seed": "2"},
    {"depth": "8"},
    {"model": "logistic"},
)
REPEATED = range(1, 7)  # the numbers of those runs in the new project
_LEFT_OUT = shutil.ignore_patterns(".workbench", "__pycache__", "*.joblib", ".venv")


def samples_folder() -> Path:
    """Return where the sample projects lie: in the repository, or in an installed wheel; raises EnvironmentProblem."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parent / "sample_projects", package / "_sample_projects"):
        if (folder / SAMPLE / "workbench.toml").is_file():
            return folder
    raise EnvironmentProblem(
        "The sample projects were not installed", "Install Workbench from its wheel or repository."
    )


def copy_sample(target: Path | None, name: str = SAMPLE) -> Project:
    """Copy a sample project to `target`, or to a new scratch folder; raises UsageError where something is there."""
    source = samples_folder() / name
    folder = Path(tempfile.mkdtemp(prefix="workbench-demo-")) / name if target is None else target
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{clean(str(folder))} is not empty", "Give a folder that does not exist yet.")
    shutil.copytree(source, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
    return load(folder)


def start_all(project: Project) -> list[int]:
    """Queue a run for each variant and pin the first as baseline; return the numbers."""
    numbers = [number for variant in VARIANTS for number in starting.start(project, _request(variant))]
    runs.pin_baseline(project, numbers[0])
    return numbers


def _request(variant: Mapping[str, str]) -> starting.Request:
    name = "-".join(f"{key}-{value}" for key, value in variant.items()) or "as-it-is"
    return starting.Request(overrides=variant, name=name, tags=("demo",), trigger={"kind": "demo"})
