"""Windows made from columns in memory, as a check makes them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from workbench.data.tables import canonical, canonical_type, kind_of, type_name
from workbench.drift import rule, statistics
from workbench.drift.measure import By, Windows
from workbench.drift.profile import Window
from workbench.drift.report import Settings, WindowDrift
from workbench.drift.rule import Roles

STATISTICS = {"number": statistics.NUMBERS, "category": statistics.CATEGORIES}


def windows(
    columns: dict[str, Any], by: By, time: str = "", ids: tuple[str, ...] = (), batch: int = 65_536
) -> list[Window]:
    arrays = {name: one if isinstance(one, pa.Array) else pa.array(one) for name, one in columns.items()}
    shown = {name: type_name(one.type) for name, one in arrays.items()}
    arrays = {name: canonical(one, canonical_type(one.type)) for name, one in arrays.items()}
    rows = pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    made = Windows([(name, shown[name], kind_of(one.type)) for name, one in arrays.items()], by, time, ids)
    for start in range(0, rows.num_rows, batch):
        made.add(rows.slice(start, batch))
    return made.freeze()


def window(columns: dict[str, Any], ids: tuple[str, ...] = (), batch: int = 65_536) -> Window:
    return windows(columns, By(), ids=ids, batch=batch)[0]


def judge(reference: Any, current: Any, settings: Settings | None = None, **roles: Any) -> WindowDrift:
    ids = roles.get("ids", ())
    sides = [side if isinstance(side, Window) else window(side, ids) for side in (reference, current)]
    return rule.judge(sides[0], sides[1], settings or Settings(), STATISTICS, Roles(**roles))


def verdicts(found: WindowDrift) -> dict[str, str]:
    return {one.name: one.verdict for one in found.columns}
