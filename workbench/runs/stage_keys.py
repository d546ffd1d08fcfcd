"""The key of a stage's run: one hash of its command, the parameters it uses and what it read; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, default=str, separators=(",", ":"))


def base(command: str, params: Mapping[str, Any], used: Sequence[str]) -> str:
    """Return the part of the key that is known before the inputs are: BLAKE3 of command and parameters, hex."""
    return _hash(["stage", command, used_params(params, used)])


def key(base: str, inputs: Iterable[tuple[str, str]]) -> str:
    """Return the key of a stage that read `inputs`, pairs of path and hash."""
    return _hash([base, sorted(inputs)])


def used_params(params: Mapping[str, Any], used: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that `used` names, itself or as a table around them; all where it is empty."""
    if not used:
        return dict(params)
    return {
        name: value
        for name, value in params.items()
        if any(name == one or name.startswith(f"{one}.") or one.startswith(f"{name}.") for one in used)
    }


def _hash(value: Any) -> str:
    from blake3 import blake3

    return blake3(_ENCODER.encode(value).encode("utf-8", "surrogatepass")).hexdigest()
