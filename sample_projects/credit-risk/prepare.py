"""Stage 1: split the applicants into those to learn from and those to judge the model by."""

from pathlib import Path

import pandas as pd
from settings import read_settings
from sklearn.model_selection import train_test_split


def main():
    """Write prepared/train.csv and prepared/holdout.csv."""
    settings = read_settings(__doc__)
    table = pd.read_csv("data/credit.csv")
    train, holdout = train_test_split(
        table, test_size=settings.holdout_share, stratify=table["bad"], random_state=settings.seed
    )
    folder = Path("prepared")
    folder.mkdir(exist_ok=True)
    for name, part in {"train": train, "holdout": holdout}.items():
        part.sort_values("row").to_csv(folder / f"{name}.csv", index=False)
        print(f"{name}_rows: {len(part)}")


if __name__ == "__main__":
    main()
