"""Teach a small network to read digits, an epoch at a time; start it again after a crash and it goes on."""

import os
import tomllib
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # faster for matrices this small; set before numpy loads

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import workbench

COPIES = 6  # times that each image is shown in an epoch, every time shifted anew


def read():
    """The images with pixels from 0 to 1, split the same way in every run: train, validation, and their labels."""
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images / 16, labels, test_size=0.2, stratify=labels, random_state=0)


def shifted(images, rng):
    """Every image moved by at most one pixel each way, with an empty border coming in."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    down, right = rng.integers(0, 3, (2, len(images)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (8, 8), axis=(1, 2))
    return windows[np.arange(len(images)), down, right].reshape(-1, 64)


def fresh(params):
    """All that training changes: the epochs done, the network with its optimiser, and the random generators."""
    network = MLPClassifier(
        hidden_layer_sizes=(params["hidden"],),
        learning_rate_init=params["lr"],
        batch_size=params["batch"],
        random_state=np.random.RandomState(params["seed"]),  # a generator, not a number, so that it is saved too
    )
    return {"epoch": 0, "network": network, "rng": np.random.default_rng(params["seed"]), "params": params}


def save(state, path):
    """Replace the checkpoint in one step: whoever reads it finds the old one or the new one, never half of one."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        joblib.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def resume(params, path):
    """The state to go on from: the checkpoint's if it was made with these parameters, else a fresh one."""
    if not path.exists():
        return fresh(params)
    state = joblib.load(path)
    if state["params"] != params:
        print("The checkpoint is of other parameters; starting afresh.")
        return fresh(params)
    print(f"Resumed after epoch {state['epoch']}.", flush=True)
    return state


def train_epoch(state, images, labels):
    """One epoch: each image shown a few times, shifted."""
    many, same = np.tile(images, (COPIES, 1)), np.tile(labels, COPIES)
    state["network"].partial_fit(shifted(many, state["rng"]), same, classes=np.arange(10))
    state["epoch"] += 1


def scores(network, images, labels):
    """Loss and accuracy on images that the network has not been trained on."""
    chances = network.predict_proba(images)
    return {"val_loss": log_loss(labels, chances), "val_accuracy": accuracy_score(labels, chances.argmax(axis=1))}


def main():
    """Train to the last epoch, log a point and save a checkpoint for each, and leave model.joblib behind."""
    defaults = tomllib.loads(Path("params.toml").read_text())
    params = {name: workbench.param(name, value) for name, value in defaults.items()}
    train_images, val_images, train_labels, val_labels = read()
    checkpoint = workbench.checkpoint() / "state.joblib"
    state = resume(params, checkpoint)

    while state["epoch"] < params["epochs"]:
        train_epoch(state, train_images, train_labels)
        now = {"train_loss": state["network"].loss_, **scores(state["network"], val_images, val_labels)}
        workbench.log(now, step=state["epoch"])
        save(state, checkpoint)
        print(f"epoch {state['epoch']}/{params['epochs']}  " + "  ".join(f"{n}={v:.4f}" for n, v in now.items()))

    joblib.dump(state["network"], "model.joblib")
    checkpoint.unlink()  # done: the next start is a new training


if __name__ == "__main__":
    main()
