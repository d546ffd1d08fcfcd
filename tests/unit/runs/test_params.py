"""Parameters from commands and files, and overrides in them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.runs.params import apply_to_arguments, from_arguments, from_file, parse_value, with_overrides


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("0.1", 0.1), ("1e-3", 0.001), (".5", 0.5), ("true", True), ("False", False),
        ("none", None), ("null", None), ("adam", "adam"), ("", ""), ("'3'", "3"), ('"a b"', "a b"), ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}), ("[1, 2", "[1, 2"), ("[a]", "[a]"), ("007", "007"), ("1.2.3", "1.2.3"),
        ("1_000", "1_000"),
        ("inf", math.inf), ("-inf", -math.inf), ("9" * 18, int("9" * 18)), ("٣", "٣"),
    ],
)  # fmt: skip
def test_a_value_is_what_it_looks_like(text: str, value: object) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    found = parse_value("nan")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("command", "params"),
    [
        ("python train.py --lr 0.1", {"lr": 0.1}),
        ("python train.py --lr=0.1 -b 32 --flag", {"lr": 0.1, "b": 32, "flag": True}),
        ("python3.11 -u -W ignore -X dev train.py --no-augment", {"augment": False}),
        ("/venv/bin/python -O train.py lr=0.1 m.d=3 +n=a ++x=true", {"lr": 0.1, "m.d": 3, "n": "a", "x": True}),
        ("python -m pkg.train --learning-rate 1e-3 --offset -5", {"learning_rate": 0.001, "offset": -5}),
        ("python -c code --lr 2", {"lr": 2}),
        ("python -mtrain --lr 2", {"lr": 2}),
        ("python train.py data.csv --layers 64 32 --name x y", {"layers": [64, 32], "name": "x"}),
        ("python train.py --lr 0.1 -- --other 3", {"lr": 0.1}),
        ("uv run --with x python train.py --lr 3", {"lr": 3}),
        ("torchrun --nproc_per_node 2 train.py --lr 3", {"lr": 3}),
        ("./train --lr 3 --config a.py", {"lr": 3, "config": "a.py"}),
        ("python train.py", {}),
        ("python", {}),
        ("python train.py --a --b", {"a": True, "b": True}),
        ("python train.py --seed 1 --seed 2", {"seed": 2}),
    ],
)  # fmt: skip
def test_arguments_become_parameters(command: str, params: dict[str, object]) -> None:
    assert from_arguments(command.split()) == params


def test_an_empty_command_has_no_parameters() -> None:
    assert from_arguments([]) == {}


FILES = [
    (b'lr = 0.1\nname = "x"\nlayers = [1, 2]\n[model]\ndepth = 3\nwide = true\nday = 2026-11-01\n', ".toml"),
    (b"lr: 0.1\nname: x\nlayers: [1, 2]\nmodel:\n  depth: 3\n  wide: true\n  day: 2026-11-01\n", ".yaml"),
    (b'{"lr": 0.1, "name": "x", "layers": [1, 2], "model": {"depth": 3, "wide": true, "day": "2026-11-01"}}', "json"),
]
FLAT = {"lr": 0.1, "name": "x", "layers": [1, 2], "model.depth": 3, "model.wide": True, "model.day": "2026-11-01"}


@pytest.mark.parametrize(("text", "suffix"), FILES)
def test_files_become_dotted_parameters(text: bytes, suffix: str) -> None:
    assert from_file(text, suffix) == FLAT


@pytest.mark.parametrize(("text", "suffix"), FILES)
def test_overrides_change_only_what_they_name(text: bytes, suffix: str) -> None:
    changed = with_overrides(
        text, suffix, {"lr": "1", "model.depth": "5", "model.wide": "no", "new.deep": "a", "name": "3"}
    )
    found = from_file(changed, suffix)
    assert found == {**FLAT, "lr": 1.0, "model.depth": 5, "model.wide": False, "new.deep": "a", "name": "3"}
    assert isinstance(found["lr"], float)
    assert isinstance(found["name"], str)


def test_a_yaml_exponent_is_a_number() -> None:
    assert from_file(b"lr: 1e-3", ".yaml") == {"lr": 0.001}


def test_nothing_to_override_leaves_the_bytes_alone() -> None:
    assert with_overrides(b"lr: 1  # kept\n", ".yaml", {}) == b"lr: 1  # kept\n"


def test_a_key_with_a_dot_in_it_is_found() -> None:
    assert json.loads(with_overrides(b'{"a.b": 1}', ".json", {"a.b": "2"})) == {"a.b": 2}


def test_an_empty_file_takes_overrides() -> None:
    assert tomllib.loads(with_overrides(b"", ".toml", {"a.b": "2"}).decode()) == {"a": {"b": 2}}
    assert yaml.safe_load(with_overrides(b"# nothing\n", ".yml", {"a": "2"})) == {"a": 2}
    assert from_file(b"", ".yaml") == {}


@pytest.mark.parametrize(
    ("text", "suffix", "part"),
    [
        (b"a = 1\nb = \n", ".toml", "line 2"),
        (b"a: 1\nb: [1,\nc: }\n", ".yaml", "line 3"),
        (b'{"a": 1,\n"b": }', ".json", "line 2"),
        (b"a: 1\nb: \xff\n", ".yaml", "line 2"),
        (b"a: 1\nb: \x01\n", ".yaml", "line 2"),
        (b"[1, 2]", ".json", "no names"),
        (b"just text", ".yaml", "no names"),
        (b"a = 1", ".ini", ".ini"),
        (b"[" * 100_000, ".json", "deep"),
        (b"a: " + b"[" * 5000, ".yaml", "deep"),
        (b'{"a": ' * 60 + b"1" + b"}" * 60, ".json", "deep"),
        (b"a: " + b"x" * (2 << 20), ".yaml", "larger"),
        (b'{"a": ' + b"1" * 5000 + b"}", ".json", "not valid JSON"),
        (b"a: !!python/object/apply:os.system [ls]", ".yaml", "line 1"),
    ],
)
def test_broken_files_are_refused_with_their_line(text: bytes, suffix: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_file(text, suffix)
    assert part in caught.value.message
    assert caught.value.hint


def bomb(merge: str) -> bytes:
    lines = ["a0: &a0 {x: 1, y: 2}" if merge else "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 12):
        inner = ", ".join([f"*a{i - 1}"] * 9)
        lines.append(f"a{i}: &a{i} {{<<: [{inner}]}}" if merge else f"a{i}: &a{i} [{inner}]")
    return "\n".join(lines).encode()


@pytest.mark.parametrize("merge", ["", "<<"])
@pytest.mark.parametrize("override", [False, True])
def test_aliases_that_multiply_are_refused_at_once(merge: str, override: bool) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match="more than"):
        with_overrides(bomb(merge), ".yaml", {"a": "1"}) if override else from_file(bomb(merge), ".yaml")
    assert time.process_time() - start < 5


def test_a_file_that_holds_itself_is_refused() -> None:
    with pytest.raises(ConfigError):
        from_file(b"a: &a\n  b: *a\n", ".yaml")


def test_toml_cannot_hold_none() -> None:
    with pytest.raises(ConfigError, match="TOML"):
        with_overrides(b"a = 1", ".toml", {"a": "none"})


def test_a_key_through_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="not a table"):
        with_overrides(b"a = 1", ".toml", {"a.b": "2"})


SCRIPT = """
p.add_argument("--lr", type=float)
p.add_argument("--batch-size", type=int)
p.add_argument("--fast", action="store_true")
p.add_argument("--shuffle", action=argparse.BooleanOptionalAction)
p.add_argument("--layers", nargs="*")
"""


@pytest.mark.parametrize(
    ("command", "overrides", "expected", "handed"),
    [
        ("python t.py --lr 0.1 x", {"lr": "0.2"}, "python t.py --lr 0.2 x", {"lr"}),
        ("python t.py --lr=0.1", {"lr": "0.2"}, "python t.py --lr=0.2", {"lr"}),
        ("python t.py --batch-size 3", {"batch_size": "4"}, "python t.py --batch-size 4", {"batch_size"}),
        ("python t.py -b 3", {"b": "4"}, "python t.py -b 4", {"b"}),
        ("python t.py lr=0.1 +m.d=3", {"lr": "1", "m.d": "4"}, "python t.py lr=1 +m.d=4", {"lr", "m.d"}),
        ("python t.py", {"lr": "0.2", "batch_size": "8"}, "python t.py --lr=0.2 --batch-size=8", {"lr", "batch_size"}),
        ("python t.py", {"depth": "3"}, "python t.py", set()),
        ("python t.py", {"batch": "3"}, "python t.py", set()),
        ("python t.py -- x", {"lr": "0.2"}, "python t.py --lr=0.2 -- x", {"lr"}),
        ("python t.py", {"fast": "true"}, "python t.py --fast", {"fast"}),
        ("python t.py --fast", {"fast": "false"}, "python t.py", {"fast"}),
        ("python t.py", {"shuffle": "no"}, "python t.py --no-shuffle", {"shuffle"}),
        ("python t.py --no-shuffle", {"shuffle": "true"}, "python t.py --shuffle", {"shuffle"}),
        ("python t.py --layers 64 32", {"layers": "[8, 4, 2]"}, "python t.py --layers 8 4 2", {"layers"}),
        ("python t.py --seed 1 --seed 2", {"seed": "3"}, "python t.py --seed 3 --seed 3", {"seed"}),
    ],
)
def test_overrides_reach_the_arguments(
    command: str, overrides: dict[str, str], expected: str, handed: set[str]
) -> None:
    assert apply_to_arguments(command.split(), overrides, SCRIPT) == (expected.split(), handed)


def test_a_real_script_understands_the_changed_command(tmp_path: Path) -> None:
    script = tmp_path / "a train.py"
    script.write_text(
        "import argparse, json\np = argparse.ArgumentParser()\n" + SCRIPT.replace("--layers", "--wide")
        + "print(json.dumps(vars(p.parse_args())))\n"
    )  # fmt: skip
    overrides = {"lr": "0.5", "batch_size": "16", "fast": "true", "shuffle": "false", "depth": "3"}
    argv, handed = apply_to_arguments([sys.executable, str(script), "--lr", "0.1"], overrides, script.read_text())
    printed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == {"lr": 0.5, "batch_size": 16, "fast": True, "shuffle": False, "wide": None}
    assert handed == {"lr", "batch_size", "fast", "shuffle"}


@given(st.lists(st.text(max_size=20), max_size=8), st.dictionaries(st.text(max_size=8), st.text(max_size=8)))
def test_no_command_raises_and_foreign_words_stay(words: list[str], overrides: dict[str, str]) -> None:
    from_arguments(words)
    changed, handed = apply_to_arguments(words, overrides, "")
    assert handed <= set(overrides)
    if not handed:
        assert changed == words


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.integers(-10, 10) | st.booleans() | st.floats(-5, 5)
    )
)
def test_values_come_back_from_flags_and_files(values: dict[str, object]) -> None:
    argv = ["python", "t.py", *(f"--{key}={value}" for key, value in values.items())]
    assert from_arguments(argv) == values
    texts = {key: str(value) for key, value in values.items()}
    for suffix in (".toml", ".yaml", ".json") if values else ():
        assert from_file(with_overrides(b"", suffix, texts), suffix) == values
