"""Feature engineering: from raw rows to numbers that a model can learn from."""

TARGET = "strength"
NAMES = ("cement", "water", "age_days")


def features(row):
    """The features of one row, each brought to about the range from 0 to 1."""
    return [
        float(row["cement"]) / 500,
        float(row["water"]) / 250,
        min(float(row["age_days"]), 90) / 90,
    ]


def target(row):
    """What the model learns to tell."""
    return float(row[TARGET])
