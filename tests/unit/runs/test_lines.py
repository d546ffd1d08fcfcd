"""What is taken as a scalar from printed lines, and what is not."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runs.lines import NAMES, LineState, Scalar, parse

TAKEN = [
    # plain scripts
    ("epoch 3/10 - loss: 0.41 - val_acc: 0.88", [("loss", 0.41, 3), ("val_acc", 0.88, 3)]),
    ("step=100 loss=2.3 lr=1e-3", [("loss", 2.3, 100), ("lr", 0.001, 100)]),
    ("[Epoch 3] loss: 0.5", [("loss", 0.5, 3)]),
    ("Epoch: 7, Train Loss: 0.5, Val Loss: .6", [("Train Loss", 0.5, 7), ("Val Loss", 0.6, 7)]),
    ("Epoch 3 | Train Loss: 0.5 | Val Loss: 0.6", [("Train Loss", 0.5, 3), ("Val Loss", 0.6, 3)]),
    ("Test accuracy: 0.91", [("Test accuracy", 0.91, 0)]),
    ("Test accuracy = 0.91", [("Test accuracy", 0.91, 0)]),
    ("acc: 91.2%", [("acc", 91.2, 0)]),
    ("loss: 0.5 val_acc: 0.6", [("loss", 0.5, 0), ("val_acc", 0.6, 0)]),
    ("loss=0.3,acc=0.4", [("loss", 0.3, 0), ("acc", 0.4, 0)]),
    ("accuracy   : 0.93", [("accuracy", 0.93, 0)]),
    ("val/acc: 0.7 acc@5: 0.9", [("val/acc", 0.7, 0), ("acc@5", 0.9, 0)]),
    ("The final loss: 0.41.", [("final loss", 0.41, 0)]),
    ("latency: 12 ms memory: 1.5GB", [("latency", 12.0, 0), ("memory", 1.5, 0)]),
    ("speed: 120 samples/s", [("speed", 120.0, 0)]),
    ("MSE: 12.3 (step 5)", [("MSE", 12.3, 5)]),
    ("Validation error: 0.12", [("Validation error", 0.12, 0)]),
    ("accuracy: 0.91 (+/- 0.02)", [("accuracy", 0.91, 0)]),
    ("gain: +3", [("gain", 3.0, 0)]),
    ("loss:0.25", [("loss", 0.25, 0)]),
    # NaN and infinity
    ("loss: nan", [("loss", math.nan, 0)]),
    ("loss=NaN acc=0.3", [("loss", math.nan, 0), ("acc", 0.3, 0)]),
    ("loss: -inf", [("loss", -math.inf, 0)]),
    # printed dictionaries, JSON lines
    ("{'loss': 0.3, 'epoch': 1.0}", [("loss", 0.3, 1)]),
    ("{'loss': '0.3', 'grad_norm': '1.5', 'epoch': '2'}", [("loss", 0.3, 2), ("grad_norm", 1.5, 2)]),
    ("{'eval_loss': 2.1, 'eval_runtime': 3.5, 'epoch': 0.25}", [("eval_loss", 2.1, 0), ("eval_runtime", 3.5, 0)]),
    ("{'auc': np.float64(0.81), 'f1': tensor(0.3)}", [("auc", 0.81, 0), ("f1", 0.3, 0)]),
    ('{"epoch": 3, "loss": 0.4, "done": true, "name": "x"}', [("loss", 0.4, 3)]),
    ('{"step": 30, "train": {"loss": 0.4, "acc": NaN}}', [("train.loss", 0.4, 30), ("train.acc", math.nan, 30)]),
    ('{"ts": 1793500000.5, "pid": 12, "level": "INFO", "auc": 0.7}', [("auc", 0.7, 0)]),
    # scikit-learn
    ("Iteration 5, loss = 0.41234", [("loss", 0.41234, 5)]),
    ("Validation score: 0.935484", [("Validation score", 0.935484, 0)]),
    ("[CV 1/5] END ......C=0.1;, score=0.912 total time=   0.0s", [("score", 0.912, 0), ("time", 0.0, 0)]),
    # boosting
    ("[12]\tvalid-auc:0.81", [("valid-auc", 0.81, 12)]),
    ("[12]\ttrain-error:0\ttest-error:1", [("train-error", 0.0, 12), ("test-error", 1.0, 12)]),
    ("[20]\tvalid_0's auc: 0.812\tvalid_0's l2: 0.3", [("valid_0 auc", 0.812, 20), ("valid_0 l2", 0.3, 20)]),
    (
        "10:\tlearn: 0.6723\ttest: 0.67\tbest: 0.66 (9)\ttotal: 52ms\tremaining: 52.3s",
        [("learn", 0.6723, 10), ("test", 0.67, 10), ("best", 0.66, 10)],
    ),
    # PyTorch examples
    ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 0.652", [("Loss", 0.652, 640)]),
    ("Train Epoch: 2 [640/60000 (1%)]\tLoss: 0.652", [("Loss", 0.652, 60640)]),
    ("Epoch [2/5], Step [100/600], Loss: 0.2", [("Loss", 0.2, 700)]),
    ("Test set: Average loss: 0.0466, Accuracy: 9850/10000 (98%)", [("Average loss", 0.0466, 0)]),
    (" Accuracy: 44.4%, Avg loss: 2.155 ", [("Accuracy", 44.4, 0), ("Avg loss", 2.155, 0)]),
    ("step 250: train loss 4.2874, val loss 4.2823", [("train loss", 4.2874, 250), ("val loss", 4.2823, 250)]),
    ("| epoch 001 | loss 8.2 | ppl 300", [("loss", 8.2, 1), ("ppl", 300.0, 1)]),
    # bars
    (" 45%|####    | 45/100 [00:03<00:04, 13.2it/s, loss=0.3]", [("loss", 0.3, 45)]),
    ("loss: 0.300:  45%|####| 45/100 [00:03<00:04, 13.2it/s]", [("loss", 0.3, 45)]),
    ("Epoch 3:  45%|███▌ | 45/100 [00:03<00:04, 13.2it/s, v_num=0, train_loss=0.3]", [("train_loss", 0.3, 245)]),
    ("45it [00:03, 13.2it/s, loss=0.3]", [("loss", 0.3, 45)]),
    ("45/100 [=====>........] - ETA: 2s - loss: 0.3", [("loss", 0.3, 45)]),
    ("100/100 [============] - 2s 13ms/step - loss: 0.41 - acc: 0.88", [("loss", 0.41, 100), ("acc", 0.88, 100)]),
    ("32/32 ━━━━━━━━━━ 0s 2ms/step - accuracy: 0.88 - loss: 0.41", [("accuracy", 0.88, 32), ("loss", 0.41, 32)]),
    # logging
    ("2026-01-01 10:00:00,123 INFO root: loss: 0.4", [("loss", 0.4, 0)]),
    ("2026-01-01 10:00:00 INFO Test accuracy: 0.9", [("Test accuracy", 0.9, 0)]),
    ("INFO:root:loss=0.3", [("loss", 0.3, 0)]),
    ("I1101 10:00:00.123 1234 file.py:33] loss: 0.3", [("loss", 0.3, 0)]),
    ("2026-11-01 10:00:00.123 | INFO     | __main__:main:33 - loss: 0.3", [("loss", 0.3, 0)]),
    (
        "[I 2026-11-01 10:00:00,123] Trial 3 finished with value: 0.91. Best is trial 2 with value: 0.95.",
        [("value", 0.91, 3)],
    ),
    ("\x1b[32mloss\x1b[0m: \x1b[1m0.3\x1b[0m", [("loss", 0.3, 0)]),
]

LEFT = [
    "",
    "Epoch 3/10",
    "12:30:01",
    "start: 12:30:01",
    "2026-01-01",
    "date: 2026-01-01",
    "day: 2026/01/01",
    "2026-01-01T12:30:01.5Z",
    "2026-01-01 10:00:00,123 INFO root: x",
    "INFO:root:starting 12",
    "http://localhost:8080/x?a=1.5&b=2.5",
    "See: https://example.org/a=1.5",
    "listening on localhost:8080",
    "address: 127.0.0.1:80",
    "gateway: 10.0.0.1",
    r"C:\data\1 D:2",
    "version: 1.2.3",
    "torch: 2.1.0",
    "CUDA Version: 12.2",
    "torch==2.1 numpy>=1.26 scipy!=1.10",
    "Python 3.11",
    "Python: 3.11",
    "progress: 3/10",
    "Accuracy: 9850/10000",
    "x.py:33: UserWarning: lr=0.1 is large",
    "WARNING:root: loss=0.3",
    "ValueError: 3",
    "device: cuda 0",
    "Loading: 3 of 10 files",
    "Loading data: 5 files",
    "Total params: 269,322 (1.03 MB)",
    "  (dropout): Dropout(p=0.5, inplace=False)",
    "LogisticRegression(C=0.1, max_iter=200)",
    "python train.py --lr=0.1 --x=3",
    "kernel: 3x3",
    "address: 0x1f",
    "loss: 0.1,0.2",
    "commit: 1234567",
    "seed: 42",
    "pid=1234 port=8080",
    "val_loss improved from 0.4 to 0.3",
    "  0%|          | 0/100 [00:00<?, ?it/s]",
    " 45%|####      | 45/100 [00:03<00:04, 13.2it/s]",
    "Downloading: 45%|####      | 45.1M/100M [00:03<00:04, 13.2MB/s]",
    "              precision    recall  f1-score   support",
    "           0       0.91      0.88      0.90        45",
    "train.py:33",
    "sh: 1: cannot create /no/such: Directory nonexistent",
    "tools/build.sh: line 3: foo_bar: command not found",
]


def scalars(*lines: str, state: LineState | None = None) -> list[Scalar]:
    state = state or LineState()
    return [scalar for line in lines for scalar in parse(line, state)]


def same(found: list[Scalar], expected: list[tuple[str, float, int]]) -> bool:
    return repr([tuple(scalar) for scalar in found]) == repr(expected)


@pytest.mark.parametrize(("line", "expected"), TAKEN)
def test_measurements_are_taken(line: str, expected: list[tuple[str, float, int]]) -> None:
    found = scalars(line + "\n")
    assert same(found, expected), found


@pytest.mark.parametrize("line", LEFT)
def test_other_numbers_are_left(line: str) -> None:
    assert scalars(line + "\n") == []


def test_a_traceback_is_no_measurement() -> None:
    found = scalars(
        "Traceback (most recent call last):",
        '  File "train.py", line 3, in <module>',
        "    loss = 0.3",
        "RuntimeError: shape=3 size=4.5",
        "loss: 0.25",
    )
    assert found == [("loss", 0.25, 0)]


def test_the_source_line_under_a_warning_is_no_measurement() -> None:
    assert scalars("a.py:3: UserWarning: odd", "  rate = 0.3", "loss: 0.2") == [("loss", 0.2, 0)]


def test_without_steps_points_are_counted_per_name() -> None:
    assert scalars("loss: 3", "acc: 1", "loss: 2") == [("loss", 3, 0), ("acc", 1, 0), ("loss", 2, 1)]


def test_a_count_goes_on_after_a_stated_step() -> None:
    assert [s.step for s in scalars("step 100 loss: 3", "loss: 2")] == [100, 101]


def test_a_line_that_says_only_the_epoch_gives_the_step() -> None:
    assert scalars("Epoch 4/10", "train loss: 0.5", "val loss: 0.6") == [("train loss", 0.5, 4), ("val loss", 0.6, 4)]


def test_fractions_of_epochs_are_counted() -> None:
    lines = [f"{{'loss': {1 / k}, 'epoch': {k / 2}}}" for k in range(1, 6)]
    assert [s.step for s in scalars(*lines)] == [0, 1, 2, 3, 4]


def test_epochs_from_zero_do_not_collide() -> None:
    steps = [s.step for s in scalars(*(f"Epoch: [{e}] Step [{s}/2] loss: 1" for e in (0, 1) for s in (1, 2)))]
    assert steps == [1, 2, 3, 4]


def test_a_bar_that_redraws_a_thousand_times_gives_one_point_a_step() -> None:
    redraws = [f" {k // 10}%|## | {k // 10}/100 [00:03<00:04, 9.1it/s, loss={k}]" for k in range(1000)]
    assert [s.step for s in scalars(*redraws)] == list(range(100))
    assert [s.step for s in scalars("\r".join(redraws))] == list(range(100))


def test_a_bar_of_each_epoch_counts_on() -> None:
    bars = [f"{k * 50}%|##| {k}/2 [00:01<00:01, 9it/s, loss=0.1]" for _ in range(3) for k in (1, 2)]
    assert [s.step for s in scalars(*bars)] == [1, 2, 3, 4, 5, 6]


def test_keras_gives_the_values_of_each_epoch() -> None:
    lines = []
    for epoch in (1, 2):
        lines.append(f"Epoch {epoch}/2")
        lines.append("\r".join(f" {k}/3 ━━━━ 0s 4ms/step - loss: 0.{k}" for k in (1, 2, 3)))
        lines.append(f"\b\b\b\r3/3 ━━━━ 1s 5ms/step - loss: 0.3 - val_loss: 0.{epoch}")
    found = scalars(*lines)
    assert found == [("loss", 0.3, 1), ("val_loss", 0.1, 1), ("loss", 0.3, 2), ("val_loss", 0.2, 2)]


def test_the_state_survives_a_restart() -> None:
    state = LineState()
    first = scalars("Epoch 2/5", "loss: 0.5", "10%|#| 1/9 [00:01<00:02, 3it/s, m=1]", state=state)
    again = LineState.from_json(json.loads(json.dumps(state.to_json())))
    assert first[0].step == 2
    assert again == state
    assert scalars("loss: 0.4", state=again)[0].step == 3


def test_ever_new_names_do_not_fill_the_memory() -> None:
    state = LineState()
    found = scalars(*(f"name{i}x: 1.5" for i in range(NAMES + 100)), state=state)
    assert len(found) == len(state.last) == NAMES


def test_a_huge_whole_number_is_infinite() -> None:
    assert scalars('{"loss": 1' + "0" * 400 + "}") == [("loss", math.inf, 0)]


HUGE = 1_000_000
HOSTILE = {
    "spaces": " " * HUGE + "1",
    "colons": ":" * HUGE + "1",
    "equals": "= " * (HUGE // 2) + "1",
    "pairs": "a: 1.5 " * (HUGE // 7),
    "digits": "x: " + "1" * HUGE,
    "letters": "a" * HUGE + ": 1",
    "words": "x: 1" + " a" * (HUGE // 2),
    "brackets": "[" * HUGE + "1",
    "calls": "a(=" * (HUGE // 3) + "1",
    "braces": "{" * HUGE + "1}",
    "percents": "1%|" * (HUGE // 3),
    "addresses": "a://" * (HUGE // 4) + "1",
    "keras": "1/1 " + "━ " * (HUGE // 2),
    "escapes": "\x1b[" * (HUGE // 2) + "1",
    "quotes": "'a'" * (HUGE // 3) + ": 1",
    "gaps": ("a" + " " * 200 + "=") * (HUGE // 202) + "1",
    "redraws": "1\r" * (HUGE // 2),
    "backspaces": "\b" * HUGE + "1",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_line_of_a_megabyte_is_read_in_linear_time(kind: str) -> None:
    start = time.process_time()
    parse(HOSTILE[kind], LineState())
    assert time.process_time() - start < 5, "a tenth of that is usual; a quadratic pattern would take hours"


@given(st.lists(st.text(max_size=200), max_size=5))
def test_arbitrary_text_never_raises(lines: list[str]) -> None:
    scalars(*lines)


@given(st.text(alphabet="aE:= .,0123456789-+eE%|[]{}()'\"/\t\r\\nistepoch", max_size=120))
def test_text_made_of_separators_never_raises_and_steps_are_whole(line: str) -> None:
    for scalar in scalars(line, line):
        assert isinstance(scalar.step, int)
        assert 0 <= scalar.step <= 10**18
        assert isinstance(scalar.value, float)
        assert 0 < len(scalar.name) <= 64


@given(st.from_regex(r"[a-z_]{3,12}", fullmatch=True), st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_read_back_exactly(name: str, value: float) -> None:
    found = scalars(f"metric_{name}: {value!r}")
    assert found == [(f"metric_{name}", value, 0)]
