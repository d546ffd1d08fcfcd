"""Metrics that a command leaves in a file: the numbers of a JSON, YAML or TOML document, or a CSV's last row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LIMIT = 8 << 20
MOST = 2000


def read_all(folder: Path, names: Iterable[str], started: float) -> tuple[dict[str, float], list[str]]:
    """Return the metrics in the files that were written since `started`, and a sentence for each that gave none."""
    values: dict[str, float] = {}
    problems: list[str] = []
    for name in names:
        path = folder / name
        try:
            if path.stat().st_mtime < started - 1:
                problems.append(f"{name} was not written by this run")
                continue
            if path.stat().st_size > LIMIT:
                problems.append(f"{name} is larger than {LIMIT >> 20} MB")
                continue
            values.update(parse(path.read_bytes(), path.suffix))
        except FileNotFoundError:
            problems.append(f"{name} was not written")
        except (OSError, ValueError) as error:
            problems.append(f"{name} cannot be read: {str(error)[:200]}")
    return values, problems


def parse(data: bytes, suffix: str) -> dict[str, float]:
    """Return every number of the document under its dotted name; raises ValueError where it is not well formed."""
    text = data.decode("utf-8-sig")
    if suffix == ".csv":
        return _csv(text)
    if suffix in (".yaml", ".yml"):
        import yaml

        try:
            return flatten(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    if suffix == ".toml":
        import tomllib

        return flatten(tomllib.loads(text))
    return flatten(json.loads(text))


def flatten(value: Any, prefix: str = "") -> dict[str, float]:
    """Return the numbers in nested tables and lists, by dotted name, at most MOST of them."""
    found: dict[str, float] = {}
    waiting: list[tuple[str, Any]] = [(prefix, value)]
    while waiting and len(found) < MOST:
        name, item = waiting.pop(0)
        if isinstance(item, dict):
            waiting.extend((f"{name}.{key}" if name else str(key), inner) for key, inner in item.items())
        elif isinstance(item, list) and len(item) <= 100:
            waiting.extend((f"{name}.{index}", inner) for index, inner in enumerate(item))
        elif isinstance(item, (int, float)) and not isinstance(item, bool) and name:
            found[name] = float(item)
    return found


def _csv(text: str) -> dict[str, float]:
    last: dict[str, str | Any] = {}
    for last in csv.DictReader(io.StringIO(text)):  # noqa: B007
        pass
    found = {}
    for key, value in last.items():
        try:
            found[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return found
