"""What [drift] in the configuration says of columns and strictness, and what of it fits no data."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from workbench.actions import drift_sources as sources
from workbench.actions.drift_sources import Source
from workbench.config import Config, nearest
from workbench.drift.report import Settings
from workbench.drift.rule import Roles
from workbench.errors import NotFoundError, UsageError
from workbench.project import Project
from workbench.safe import clean

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
