"""Stage 2: learn who fails to repay, without looking at sex, age, marital status or nationality."""

import json
from pathlib import Path

import joblib
import pandas as pd
from settings import read_settings
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NOT_FEATURES = ["row", "bad", "sex", "age", "marital_status", "foreign_worker"]
MISSED, REFUSED = 5, 1  # what the data's authors say a bad loan granted and a good one refused cost


def build(settings):
    """Logistic regression on scaled numbers and one column per category."""
    numbers = make_column_selector(dtype_include="number")
    names = make_column_selector(dtype_exclude="number")
    prepare = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), names))
    return make_pipeline(prepare, LogisticRegression(C=settings.C, max_iter=settings.max_iter))


def judge(bad, chance, sex):
    """Metrics on the hold-out; an applicant is refused when granting would cost more than refusing."""
    refused = chance > REFUSED / (MISSED + REFUSED)
    granted = 1 - refused.groupby(sex).mean()
    return {
        "auc": roc_auc_score(bad, chance),
        "log_loss": log_loss(bad, chance),
        "accuracy": accuracy_score(bad, chance > 0.5),
        "cost": float((MISSED * (bad & ~refused) + REFUSED * (~bad & refused)).mean()),
        "grant_gap_sex": float(granted.max() - granted.min()),
    }


def main():
    """Print the metrics, and write metrics.json and model.joblib."""
    settings = read_settings(__doc__)
    train, holdout = (pd.read_csv(f"prepared/{name}.csv") for name in ("train", "holdout"))
    features = train.columns.drop(NOT_FEATURES)
    model = build(settings).fit(train[features], train["bad"])
    chance = pd.Series(model.predict_proba(holdout[features])[:, 1], index=holdout.index)
    metrics = judge(holdout["bad"].astype(bool), chance, holdout["sex"])

    for name, value in metrics.items():
        print(f"{name}: {value:.4f}")
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    joblib.dump(model, "model.joblib")


if __name__ == "__main__":
    main()
