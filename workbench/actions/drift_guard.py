"""Windows as they may be shown: without the values that the policy guards or that look personal."""

from __future__ import annotations

from dataclasses import replace

from workbench.config import Policy
from workbench.data.masking import hidden_column, is_hidden
from workbench.drift.profile import Column, Window
from workbench.drift.report import WindowDrift

WORDS = "[policy] guards the values"
"""What is said where a chart of them would be."""


def guards(window: WindowDrift, name: str) -> bool:
    """Return whether a window as it may be shown has values of a column, none of which may be."""
    sides = [side.column(name) for side in (window.reference_profile, window.profile) if side is not None]
    return any(side is not None and is_hidden(side.base) for side in sides)


def hidden(policy: Policy, window: WindowDrift) -> WindowDrift:
    """Return a window whose profiles hold no value of a guarded column, and `…` for those that look personal."""
    return replace(
        window,
        profile=_window(policy, window.profile),
        reference_profile=_window(policy, window.reference_profile),
    )


def _window(policy: Policy, window: Window | None) -> Window | None:
    return window and replace(window, columns=tuple(_column(policy, one) for one in window.columns))


def _column(policy: Policy, column: Column) -> Column:
    base = hidden_column(policy, column.base)
    return Column(base) if is_hidden(base) else replace(column, base=base)
