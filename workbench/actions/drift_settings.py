"""What [drift] in the configuration says of columns and strictness, and what of it fits no data."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from workbench import plugins
from workbench.actions import drift_sources as sources
from workbench.actions.drift_sources import Source
from workbench.config import Config, nearest
from workbench.drift.compare import Statistics
from workbench.drift.report import Settings, WindowDrift
from workbench.drift.rule import Roles
from workbench.drift.statistics import Added
from workbench.errors import NotFoundError, UsageError
from workbench.project import Project
from workbench.safe import clean
from workbench.words import counted

_SHOWN = 3


def strictness(project: Project) -> Settings:
    """Return how strict the configuration wants checks to be."""
    drift = project.config.drift
    return Settings(**{name: getattr(drift, name) for name in Settings.__dataclass_fields__})


def roles(project: Project, source: Source, axis: str) -> Roles:
    """Return what the columns are; raises NotFoundError and UsageError where their importance cannot be read."""
    config = project.config
    return Roles(
        target=config.data.target,
        prediction=config.drift.prediction,
        ids=sources.ids(project, source),
        axis=axis,
        ignored=config.drift.ignore,
        importance=_read_importance(project),
    )


def _read_importance(project: Project) -> Mapping[str, float]:
    name = project.config.drift.importance
    if not name:
        return {}
    hint = 'It holds one JSON object: {"column": 0.3, …}'
    try:
        found = json.loads((project.folder / name).read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in found.items()}
    except OSError as error:
        raise NotFoundError(f"drift.importance: {clean(name)}: {(error.strerror or '').lower()}", hint) from error
    except (AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"drift.importance: {clean(name)} gives no number for each column", hint) from error


def unknown(config: Config, importance: Iterable[str], columns: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each setting that names what is no column of the data: it does nothing."""
    named = {
        "[drift] ignore": config.drift.ignore,
        "[drift] importance": tuple(importance),
        "[drift] prediction": (config.drift.prediction,),
        "[data] time": (config.data.time,),
    }
    found = []
    for setting, names in named.items():
        odd = [name for name in names if name and name not in columns]
        if odd:
            listed = ", ".join(clean(name, 40) for name in odd[:_SHOWN])
            more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
            near = nearest(odd[0], columns)
            hint = f"; did you mean {clean(near, 40)}?" if near else "."
            found.append(f"{setting} names {listed}{more}: no such column{'s' if len(odd) > 1 else ''}{hint}")
    return tuple(found)


def statistics() -> Statistics:
    """Return all statistics; those of plugins check what they find."""
    return {
        kind: {name: Added(plugin, each) if plugin else each for name, (plugin, each) in functions.items()}
        for kind, functions in plugins.loaded().drift_statistics().items()
    }


def broken(judged: Iterable[WindowDrift]) -> list[str]:
    """Return a sentence for each plugin that is off, and for each statistic of one that was left out."""
    columns: dict[str, dict[str, str]] = {}
    for column in (column for window in judged for column in window.columns):
        for what, why in column.left_out.items():
            columns.setdefault(what, {}).setdefault(column.name, why)
    told = list(plugins.loaded().problems)
    for what, found in columns.items():
        (first, why), more = next(iter(found.items())), len(found) - 1
        others = f" and {counted(more, 'more column')}" if more else ""
        told.append(f"{what} is left out of {first}{others}: {why}")
    return told
