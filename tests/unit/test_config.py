"""workbench.toml: what it may say, and what is said when it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import Bound, Config, load, nearest, parse
from workbench.errors import ConfigError

CONTRACT = b"""
[project]
name = "flight-delays"
[charter]
problem = "p"
users = "u"
improves = "productivity"
priority = 1
[[charter.data]]
name = "departures"
where = "data/flights.csv"
owner = "o"
labelled_by = "l"
[train]
command = "python train.py"
python = ".venv/bin/python"
params = "params.toml"
inputs = ["data/train.csv"]
outputs = ["model.joblib"]
metrics = ["metrics.json"]
max_parallel = 2
[stages.prepare]
command = "python prepare.py"
max_parallel = 3
[metric]
name = "auc"
goal = "max"
[data]
train = "data/train.csv"
holdout = "data/holdout.csv"
final_test = "data/final.csv"
target = "delayed"
time = "time_hour"
id = "row"
protected = []
slices = ["origin", "carrier"]
[requirements]
auc = { min = 0.65, max_drop = 0.02 }
latency_p95_ms = 50
[watch]
paths = ["data/**/*.csv", "*.py"]
ignore = []
debounce_ms = 500
while_running = "queue"
[model]
path = "model.joblib"
[image]
repository = "localhost:5000/flight-delays"
base = "python:3.11-slim-bookworm"
[[score.manual]]
test = "model-2"
by = "me"
on = 2026-11-01
document = "docs/ab-test.md"
"""


def test_everything_in_the_contract_is_understood() -> None:
    config = parse(CONTRACT)
    assert config.train.outputs == ("model.joblib",)
    assert config.requirements == {"auc": Bound(min=0.65, max_drop=0.02), "latency_p95_ms": 50.0}
    assert config.max_parallel == 3
    assert config.charter.data[0].name == "departures"
    assert config.score.manual[0].on is not None and config.score.manual[0].on.year == 2026


def test_an_empty_file_is_a_configuration() -> None:
    assert parse(b"") == Config()
    assert parse(b"\xef\xbb\xbf[project]\nname = 'with a mark at the start'\n").project.name.startswith("with")


@pytest.mark.parametrize(
    ("raw", "message", "hint"),
    [
        (b"[trian]\n", "unknown key 'trian' at the top", "Did you mean 'train'?"),
        (b"[train]\ncomand = 'x'", "unknown key 'comand' in [train]", "Did you mean 'command'?"),
        (b"[train]\nzzz = 1", "unknown key 'zzz' in [train]", "Known keys: command"),
        (b"[stages.a]\ninput = []", "unknown key 'input' in [stages.a]", "Did you mean 'inputs'?"),
        (b"[requirements]\nauc = { mn = 1 }", "unknown key 'mn' in [requirements.auc]", "Did you mean 'min'?"),
        (b"[train]\ninputs = 'x'", "train.inputs must be a list, not text", "a list"),
        (b"[train]\ninputs = [1]", "train.inputs[0] must be text, not a whole number", "text"),
        (b"[train]\nmax_parallel = true", "train.max_parallel must be a whole number, not true or false", ""),
        (b"[train]\nmax_parallel = 0", "train.max_parallel is 0", "1 or more"),
        (b"[watch]\ndebounce_ms = -1", "watch.debounce_ms is -1", "milliseconds"),
        (b"[metric]\ngoal = 'up'", "metric.goal is 'up'", "'max' or 'min'"),
        (b"project = 3", "project must be a table, not a whole number", ""),
        (b"[[train]]\n", "train must be a table, not a list", ""),
        (b"x", "not valid TOML", "quotes"),
        (b"\xff\xfe", "not UTF-8", "UTF-8"),
        (b"'\\u001b]52;c;x\\u0007' = 1", "unknown key", ""),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(raw: bytes, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.message.isprintable()


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        load(tmp_path / "workbench.toml")


@given(st.binary(max_size=300))
def test_any_bytes_give_a_configuration_or_a_sentence(raw: bytes) -> None:
    try:
        assert isinstance(parse(raw), Config)
    except ConfigError as error:
        assert error.message.isprintable()


def test_the_nearest_word_is_near() -> None:
    assert nearest("comand", ["command", "python"]) == "command"
    assert nearest("qqq", ["command", "python"]) is None


def test_days_below_zero_are_no_retention():
    with pytest.raises(ConfigError, match=r"policy\.retention_days is -1"):
        parse(b"[policy]\nretention_days = -1\n")
