"""Parameters: read from a command or a file, and overridden in them; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple, TypeAlias

from workbench.errors import ConfigError
from workbench.safe import clean

Value: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

SIZE = 1 << 20  # bytes of a parameters file
VALUES = 20_000  # values in it, counted each time an alias repeats them
DEPTH = 40

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,300}\.?[0-9]{0,300}|\.[0-9]{1,300})(?:[eE][-+]?[0-9]{1,4})?")
_EXPONENT = re.compile(r"[-+]?[0-9]{1,20}(?:\.[0-9]{0,20})?[eE][-+]?[0-9]{1,4}")
_WORDS: Mapping[str, Value] = {
    "true": True, "false": False, "null": None, "none": None,
    "nan": float("nan"), "inf": float("inf"), "+inf": float("inf"), "-inf": float("-inf"),
}  # fmt: skip
_SWITCH = {"1": True, "yes": True, "on": True, "0": False, "no": False, "off": False}


def parse_value(text: str) -> Value:
    """Return the value that `text` stands for: a number, true or false, none, JSON, else the text itself."""
    text = text.strip()
    if _INT.fullmatch(text):
        return int(text)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _FLOAT.fullmatch(text) and not re.fullmatch(r"[-+]?0[0-9]+", text):
        return float(text)
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text[:1] + text[-1:] in ("[]", "{}"):
        try:
            value: Value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value
    return text


# --- arguments of a command

_KEY = re.compile(r"[A-Za-z_][\w./@-]{0,199}")
_FLAG = re.compile(r"(?P<dashes>--?)(?P<key>[A-Za-z][\w.-]{0,199})(?:=(?P<value>.*))?", re.DOTALL)
_SETTING = re.compile(r"(?P<plus>\+{0,2})(?P<key>[A-Za-z_][\w./@-]{0,199})=(?P<value>.*)", re.DOTALL)
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*(?:\.exe)?")
_SCRIPT = re.compile(r"\.(?:py|pyc|ipynb|sh|R|r|jl|js)$")
_LAUNCHERS = frozenset(
    [
        "uv",
        "uvx",
        "poetry",
        "pdm",
        "hatch",
        "pipenv",
        "conda",
        "accelerate",
        "torchrun",
        "deepspeed",
        "mpirun",
        "srun",
        "nohup",
        "time",
        "nice",
        "env",
        "coverage",
        "ipython",
        "bash",
        "sh",
        "Rscript",
    ]
)


class _Argument(NamedTuple):
    """A parameter within a command: `key` as it is spelled, and the words `start` to `end` that say it."""

    key: str
    values: tuple[str, ...] | None  # None: a switch, without a value
    start: int
    end: int
    style: str  # "--", "-", or "=" for `key=value`
    joined: bool  # `--key=value` in one word

    @property
    def name(self) -> str:
        return self.key.replace("-", "_") if self.style != "=" else self.key

    @property
    def negated(self) -> bool:
        return self.style == "--" and self.values is None and self.key.startswith(("no-", "no_"))


def from_arguments(argv: Sequence[str]) -> dict[str, Value]:
    """Return the parameters that a command's arguments say, with `-` in their names as `_`.

    The interpreter, its own options and the script are skipped; everything behind `--` is. `--no-x` is x = False, and
    a flag followed by several numbers is a list.
    """
    found: dict[str, Value] = {}
    for argument in _arguments(argv):
        if argument.negated:
            found[argument.name[3:]] = False
        elif argument.values is None:
            found[argument.name] = True
        elif len(argument.values) > 1:
            found[argument.name] = [parse_value(value) for value in argument.values]
        else:
            found[argument.name] = parse_value(argument.values[0])
    return found


def _arguments(argv: Sequence[str]) -> Iterator[_Argument]:
    index = _first_argument(argv)
    while index < len(argv) and argv[index] != "--":
        word = argv[index]
        flag, setting = _FLAG.fullmatch(word), _SETTING.fullmatch(word)
        end = index + 1
        if flag and flag["value"] is not None:
            yield _Argument(flag["key"], (flag["value"],), index, end, flag["dashes"], True)
        elif flag:
            while end < len(argv) and _is_value(argv[end], first=end == index + 1, before=argv[index + 1]):
                end += 1
            values = tuple(argv[index + 1 : end]) or None
            yield _Argument(flag["key"], values, index, end, flag["dashes"], False)
        elif setting:
            yield _Argument(setting["key"], (setting["value"],), index, end, "=", True)
        index = end


def _is_value(word: str, *, first: bool, before: str) -> bool:
    """Whether a word behind a flag is its value: any word as the first, only numbers behind a number."""
    if _FLOAT.fullmatch(word):
        return first or bool(_FLOAT.fullmatch(before))
    return first and not _FLAG.fullmatch(word) and not _SETTING.fullmatch(word) and word != "--"


def _first_argument(argv: Sequence[str]) -> int:
    """Return the index of the first word that belongs to the script, not to what starts it."""
    program = PurePath(argv[0]).name if argv else ""
    if _PYTHON.fullmatch(program):
        return _behind_python(argv, 1)
    if program in _LAUNCHERS:
        for index, word in enumerate(argv[1:], 1):
            if _PYTHON.fullmatch(PurePath(word).name):
                return _behind_python(argv, index + 1)
            if _SCRIPT.search(word):
                return index + 1
    return 1


def _behind_python(argv: Sequence[str], index: int) -> int:
    while index < len(argv):
        word = argv[index]
        if word in ("-m", "-c", "-"):
            return index + (1 if word == "-" else 2)
        if re.match(r"-[bBdEhiIOPqsSuvVx?]*[mc].", word) and not word.startswith("--"):
            return index + 1  # `-mmodule`, `-ccode`
        if not word.startswith("-"):
            return index + 1
        index += 2 if word in ("-W", "-X", "--check-hash-based-pycs") else 1
    return index


def apply_to_arguments(
    argv: Sequence[str], overrides: Mapping[str, str], script_text: str
) -> tuple[list[str], set[str]]:
    """Return the command with the overrides in it, and the keys of those that could be handed over.

    A flag or `key=value` that the command has is given the new value; a flag that only the text of the script mentions
    is appended (before `--`). Other keys are left to the caller.
    """
    changed, handed = list(argv), set()
    for key, value in overrides.items():
        if _KEY.fullmatch(key) and (_replace(changed, key, value) or _append(changed, key, value, script_text)):
            handed.add(key)
    return changed, handed


def _replace(argv: list[str], key: str, value: str) -> bool:
    wanted = key.replace("-", "_")
    present = [a for a in _arguments(argv) if a.name == wanted or a.key == key or (a.negated and a.name[3:] == wanted)]
    for argument in reversed(present):
        argv[argument.start : argument.end] = _reworded(argument, argv[argument.start], value)
    return bool(present)


def _reworded(argument: _Argument, word: str, value: str) -> list[str]:
    if argument.values is None:
        truth = _truth(value)
        if truth is None:
            return [f"--{argument.key}={value}"] if argument.style == "--" else [word, value]
        if argument.negated:
            return ["--" + argument.key[3:]] if truth else [word]
        return [word] if truth else []
    if argument.joined:
        return [word[: word.index("=") + 1] + value]
    if len(argument.values) > 1:
        return [word, *_several(value)]
    return [word, value]


def _several(value: str) -> list[str]:
    parsed = parse_value(value)
    return [str(item) for item in parsed] if isinstance(parsed, list) else re.split(r"[,\s]+", value.strip())


def _append(argv: list[str], key: str, value: str, script_text: str) -> bool:
    spelled = "[-_]".join(re.escape(part) for part in re.split("[-_]", key))
    mention = re.search(rf"--({spelled})(?![\w-])(.{{0,300}})", script_text, re.DOTALL)
    if not mention:
        return False
    flag, rest, truth = mention[1], mention[2].split("--")[0].split("add_argument")[0], _truth(value)
    word = f"--{flag}={value}"
    if truth is not None and re.search(r"store_true|BooleanOptionalAction|is_flag", rest):
        word = f"--{flag}" if truth else ("" if "Boolean" not in rest else f"--no-{flag}")
    elif truth is not None and f"--{flag}/--no-{flag}" in script_text:
        word = f"--{flag}" if truth else f"--no-{flag}"
    end = next((i for i, item in enumerate(argv) if item == "--" and i >= _first_argument(argv)), len(argv))
    argv[end:end] = [word] if word else []
    return True


def _truth(value: str) -> bool | None:
    parsed = parse_value(value)
    return parsed if isinstance(parsed, bool) else _SWITCH.get(value.strip().lower())


# --- files


@dataclass
class _Budget:
    """How many values may still be visited; an alias that repeats a table repeats its cost."""

    left: int = VALUES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ConfigError(f"The parameters file holds more than {VALUES} values", "Keep data out of it.")


def from_file(text: bytes, suffix: str) -> dict[str, Value]:
    """Return the parameters of a TOML, YAML or JSON file with dotted names; lists stay lists, dates become text.

    Raises ConfigError with the line, and for files that are too large, too deep, or grow by aliases.
    """
    found = dict(_flat(_load(text, suffix), "", _Budget(), 0))
    if suffix.lower().endswith(("yaml", "yml")):
        # YAML 1.1 reads 1e-3 as text; whoever wrote it meant the number.
        return {key: parse_value(v) if isinstance(v, str) and _EXPONENT.fullmatch(v) else v for key, v in found.items()}
    return found


def _flat(table: Mapping[Any, Any], prefix: str, budget: _Budget, depth: int) -> Iterator[tuple[str, Value]]:
    for key, value in table.items():
        budget.spend()
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.", budget, _deeper(depth))
        else:
            yield f"{prefix}{key}", _plain(value, budget, depth)


def _plain(value: Any, budget: _Budget, depth: int) -> Value:
    budget.spend()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, budget, _deeper(depth)) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, budget, _deeper(depth)) for key, item in value.items()}
    return value.hex() if isinstance(value, bytes) else str(value)


def _deeper(depth: int) -> int:
    if depth >= DEPTH:
        raise ConfigError(f"The parameters file is nested more than {DEPTH} deep", "Make it flatter.")
    return depth + 1


def _load(text: bytes, suffix: str) -> dict[Any, Any]:
    if len(text) > SIZE:
        raise ConfigError(f"The parameters file is larger than {SIZE >> 20} MB", "Keep data out of it.")
    kind = suffix.lower().lstrip(".")
    readers = {"toml": _load_toml, "yaml": _load_yaml, "yml": _load_yaml, "json": _load_json}
    if kind not in readers:
        raise ConfigError(f"Parameters cannot be read from {clean(suffix) or 'this'} files", "Use toml, yaml or json.")
    try:
        table = readers[kind](text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"The parameters file is not UTF-8 (line {line})", "Save it as UTF-8.") from error
    except RecursionError as error:
        raise ConfigError("The parameters file is nested too deep", "Make it flatter.") from error
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise ConfigError("The parameters file holds no names with values at its top", "Write name: value, one a line.")
    return table


def _broken(kind: str, line: int, reason: str) -> ConfigError:
    return ConfigError(f"The parameters file is not valid {kind}: line {line}: {clean(reason)}", "Correct that line.")


def _load_toml(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        at = re.search(r" \(at line ([0-9]+), column [0-9]+\)", reason)
        line = int(at[1]) if at else text.count("\n") + 1
        raise _broken("TOML", line, reason[: at.start()] if at else reason) from error
    except ValueError as error:  # a number of thousands of digits
        raise ConfigError(f"The parameters file is not valid TOML: {clean(str(error))}", "Shorten it.") from error


def _load_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _broken("JSON", error.lineno, error.msg) from error
    except ValueError as error:
        raise ConfigError(f"The parameters file is not valid JSON: {clean(str(error))}", "Shorten it.") from error


def _load_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """A safe loader in which merging tables into tables cannot grow without end."""

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            super().flatten_mapping(node)
            if len(node.value) > VALUES:
                raise ConfigError(f"The parameters file holds more than {VALUES} values", "Use fewer merges (<<).")

    try:
        return yaml.load(text, Loader)  # noqa: S506  # the class above is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken("YAML", mark.line + 1 if mark else 1, error.problem or "cannot be read") from error
    except yaml.reader.ReaderError as error:
        raise _broken("YAML", text.count("\n", 0, error.position) + 1, "a character that YAML forbids") from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigError(f"The parameters file is not valid YAML: {clean(str(error))}", "Correct it.") from error


def with_overrides(text: bytes, suffix: str, overrides: Mapping[str, str]) -> bytes:
    """Return the file with its dotted keys set, each value typed like the one it replaces where that is possible.

    New keys, and tables on the way to them, are made. Comments and layout are lost. Raises ConfigError where the file
    is broken, a key leads through something that is no table, or the format cannot hold the value.
    """
    if not overrides:
        return text
    table = _load(text, suffix) if text.strip() else {}
    dict(_flat(table, "", _Budget(), 0))  # refuses what must not be written out again
    for key, value in overrides.items():
        _set(table, key, value)
    kind = suffix.lower().lstrip(".")
    if kind == "toml":
        return _dump_toml(table)
    if kind == "json":
        return (json.dumps(table, indent=2, ensure_ascii=False) + "\n").encode()
    import yaml

    return yaml.safe_dump(table, sort_keys=False, allow_unicode=True).encode()


def _dump_toml(table: dict[str, Any]) -> bytes:
    import tomli_w

    try:
        return tomli_w.dumps(table).encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "TOML has no empty value (none, null)", "Give a value, or use a yaml or json file."
        ) from error


def _set(table: dict[Any, Any], key: str, value: str) -> None:
    place, rest = table, key
    while True:
        known = {str(name): name for name in place}
        if rest in known:
            place[known[rest]] = _typed_like(place[known[rest]], value)
            return
        head, dot, tail = rest.partition(".")
        if not dot:
            place[rest] = parse_value(value)
            return
        inner = place.setdefault(known.get(head, head), {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{clean(key)}: {clean(head)} is a value, not a table", f"Set {clean(head)} itself.")
        place, rest = inner, tail


def _typed_like(old: Any, text: str) -> Any:
    value = parse_value(text)
    if isinstance(old, bool):
        truth = _truth(text)
        return value if truth is None else truth
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(old, str) and not isinstance(parse_value(old), (int, float)):
        return value if isinstance(value, str) else text
    return value
