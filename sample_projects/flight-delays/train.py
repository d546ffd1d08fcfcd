"""Learn which departures leave late, one iteration at a time, and judge the model on days it has not seen."""

import os
import tomllib
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before scikit-learn loads: runs beside each other share the cores

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import workbench

NAMES = ["origin", "dest", "carrier"]
NUMBERS = ["month", "weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip", "visib"]
TARGET = "delayed"


def read(path):
    """One of the CSV files, as the columns to learn from and what to foretell."""
    table = pd.read_csv(path)
    return table[NAMES + NUMBERS], table[TARGET]


def boosting(params):
    """Gradient-boosted trees; a destination never seen in training counts as missing."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = make_column_transformer((codes, NAMES), ("passthrough", NUMBERS))
    model = HistGradientBoostingClassifier(
        learning_rate=params["lr"],
        max_depth=params["depth"],
        l2_regularization=params["l2"],
        max_features=params["features"],
        categorical_features=list(range(len(NAMES))),
        early_stopping=False,
        random_state=params["seed"],
        warm_start=True,
        max_iter=0,
    )

    def step(features, target):
        model.max_iter += 1  # with warm_start, one more tree on top of those before
        model.fit(features, target)

    return prepare, model, step


def logistic(params):
    """Logistic regression by stochastic gradient descent; an iteration is one pass over the data."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    prepare = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), NAMES), (numbers, NUMBERS))
    model = SGDClassifier(
        loss="log_loss",
        learning_rate="invscaling",
        eta0=params["lr"],
        alpha=params["l2"] / 10_000,
        average=True,
        random_state=np.random.RandomState(params["seed"]),  # so that each pass shuffles anew
    )

    def step(features, target):
        model.partial_fit(features, target, classes=[0, 1])

    return prepare, model, step


def scores(model, features, target):
    """How well the model foretells: probability of being late against what happened."""
    late = model.predict_proba(features)[:, 1]
    return {
        "auc": roc_auc_score(target, late),
        "log_loss": log_loss(target, late),
        "accuracy": accuracy_score(target, late > 0.5),
    }


def main():
    """Train, log a point for each iteration, and leave model.joblib behind."""
    defaults = tomllib.loads(Path("params.toml").read_text())
    params = {name: workbench.param(name, value) for name, value in defaults.items()}
    prepare, model, step = {"boosting": boosting, "logistic": logistic}[params["model"]](params)

    features, target = read("data/flights.csv")
    holdout, holdout_target = read("data/holdout.csv")
    pipeline = make_pipeline(prepare, model)
    inputs, holdout_inputs = prepare.fit_transform(features), prepare.transform(holdout)

    for iteration in range(1, params["iterations"] + 1):
        step(inputs, target)
        now = scores(model, holdout_inputs, holdout_target)
        workbench.log({"val_auc": now["auc"], "val_loss": now["log_loss"]}, step=iteration)

    final = scores(pipeline, holdout, holdout_target)
    workbench.log(final)
    joblib.dump(pipeline, "model.joblib")
    print("  ".join(f"{name}={value:.4f}" for name, value in final.items()))


if __name__ == "__main__":
    main()
