"""The energy distance as a statistic of drift: one pure function, one registration."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import workbench
from workbench.drift.distribution import Distribution
from workbench.drift.statistics import Statistic


@workbench.hookimpl
def register_drift_statistics(register: Callable[[str, str, Callable[[Any, Any], Any]], None]) -> None:
    """Register it for columns of numbers."""
    register("number", "energy", energy)


def energy(reference: Distribution, current: Distribution) -> Statistic:
    """Return sqrt(2 ∫ (F − G)² dx), in the root of the unit of the column; as `scipy.stats.energy_distance`."""
    import numpy as np

    points = np.union1d(reference.points, current.points)
    starts = reference.below(points[:-1], included=True) - current.below(points[:-1], included=True)
    ends = reference.below(points[1:], included=False) - current.below(points[1:], included=False)
    squares = (starts * starts + starts * ends + ends * ends) / 3  # the mean of x² on the line from start to end
    return Statistic("energy", math.sqrt(2 * float((squares * np.diff(points)).sum())))
