"""The settings of both stages: from the file given with --params, or from flags, which win."""

import argparse
import tomllib
from pathlib import Path

DEFAULTS = {"seed": 0, "holdout_share": 0.25, "C": 0.1, "max_iter": 1000}


def read_settings(description):
    """Settings by name, each of the same type as its default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--params", type=Path, help="a TOML file with any of the settings below")
    for name, value in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=type(value), help=f"default {value}")
    given = vars(parser.parse_args())
    path = given.pop("params")
    from_file = tomllib.loads(path.read_text()) if path else {}
    if unknown := sorted(from_file.keys() - DEFAULTS.keys()):
        parser.error(f"{path}: unknown setting {unknown[0]!r}")
    flags = {name: value for name, value in given.items() if value is not None}
    return argparse.Namespace(**{**DEFAULTS, **from_file, **flags})
