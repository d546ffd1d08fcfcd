"""Second stage: learn from the training rows, judge on the holdout, leave model.json behind."""

import csv
import os
import tomllib
from pathlib import Path

from src.features import features, target
from src.model import Linear


def read(name):
    """The features and targets of one of the prepared files."""
    with Path(f"data/processed/{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [features(row) for row in rows], [target(row) for row in rows]


def main():
    """Train and print one line an epoch, which is all that Workbench needs for its curves."""
    params = tomllib.loads(Path(os.environ.get("WORKBENCH_PARAMS", "params.toml")).read_text())
    rows, targets = read("train")
    holdout, holdout_targets = read("holdout")
    model = Linear(len(rows[0]))
    for epoch in range(1, params["epochs"] + 1):
        loss = model.epoch(rows, targets, params["lr"], params["l2"])
        print(f"epoch {epoch}: loss={loss:.5g} holdout_error={model.error(holdout, holdout_targets):.5g}", flush=True)
    model.save(Path("model.json"))


if __name__ == "__main__":
    main()
