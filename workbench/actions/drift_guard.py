"""Windows as they may be shown: without the values that the policy guards or that look personal."""

from __future__ import annotations

from dataclasses import replace

from workbench.config import Policy
from workbench.data.masking import hidden_column
from workbench.data.policy import guarded
from workbench.drift.profile import Column, Window
from workbench.drift.report import WindowDrift


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
    base = column.base
    if guarded(policy, column.name):
        return Column(replace(base, low=None, high=None, mean=None, squares=None, values=(), knots=()))
    return replace(column, base=hidden_column(policy, base))
