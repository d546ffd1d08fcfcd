"""First stage: check the raw rows and split them into training and holdout."""

import csv
import os
import tomllib
from pathlib import Path

RAW = Path("data/raw/measurements.csv")
OUT = Path("data/processed")


def main():
    """Read, check, split, write."""
    params = tomllib.loads(Path(os.environ.get("WORKBENCH_PARAMS", "params.toml")).read_text())
    with RAW.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row.values())]
    every = max(2, round(1 / params["holdout_share"]))
    parts = {
        "train": [row for at, row in enumerate(rows) if at % every],
        "holdout": [row for at, row in enumerate(rows) if not at % every],
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        with (OUT / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(part)
        print(f"{name}_rows={len(part)}")


if __name__ == "__main__":
    main()
