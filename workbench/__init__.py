"""Workbench: MLOps in one terminal.

The names below are all that a training script needs; each is loaded when it is first used, so that
``import workbench`` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from workbench.hookspecs import hookimpl
    from workbench.tracking import checkpoint, log, log_artifact, log_model, log_params, param

__version__ = "0.1.0"

__all__ = ["checkpoint", "hookimpl", "log", "log_artifact", "log_model", "log_params", "param"]


def __getattr__(name: str) -> object:
    """Load a public name on first use and keep it, so that the next use is a plain attribute."""
    if name not in __all__:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    if name == "hookimpl":
        from workbench import hookspecs as source
    else:
        from workbench import tracking as source  # type: ignore[no-redef]
    value = globals()[name] = getattr(source, name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
