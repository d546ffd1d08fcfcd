"""The energy plugin: its statistic equals scipy's, and a check shows it once the plugin is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import energy_distance

from workbench.drift.distribution import of_values

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

from workbench_energy import energy  # noqa: E402


@pytest.mark.parametrize("shift", [0.0, 0.5, 100.0])
def test_it_equals_scipy(shift: float) -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=400), np.round(random.normal(size=300) + shift, 1)
    assert energy(of_values(one), of_values(other)).value == pytest.approx(energy_distance(one, other), rel=1e-9)
    assert energy(of_values(one), of_values(one)).value == 0


def test_a_check_shows_it(tmp_path: Path) -> None:
    facts = tmp_path / "site" / "energy_under_test-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: energy-under-test\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[workbench]\nenergy = workbench_energy\n")
    (tmp_path / "workbench.toml").write_text('[data]\ntrain = "a.csv"\n')
    values = np.random.default_rng(1).normal(size=(2, 100))
    for name, column in zip("ab", values, strict=True):
        (tmp_path / f"{name}.csv").write_text("x\n" + "\n".join(map(repr, column.tolist())) + "\n")
    found = subprocess.run(
        [sys.executable, "-m", "workbench", "drift", "--current", "b.csv", "--json"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(HERE)]),
            "WORKBENCH_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        check=True,
        text=True,
    )
    (column,) = json.loads(found.stdout)["windows"][0]["columns"]
    energies = [one["value"] for one in column["statistics"] if one["name"] == "energy"]
    assert energies == [pytest.approx(energy_distance(*values), abs=0.01)]
