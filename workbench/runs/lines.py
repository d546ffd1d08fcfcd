"""Scalars found in what an unmodified program prints; pure, and linear in the length of the line.

A scalar is a number behind `name:` or `name=`; what surrounds it says whether it is a measurement or a time, an
address, a version, a ratio, an argument. Progress bars give one point per step, however often they redraw.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

NAMES = 2000  # a program that prints ever new names must not fill the memory
LENGTH = 20_000  # characters of a line that are looked at, unless it is JSON
JSON_LENGTH = 1_000_000

_STEP_WORDS = (
    "global_step", "global step", "timestep", "step", "iteration", "iter", "batch",
    "epoch", "episode", "generation", "round", "trial", "fold",
)  # fmt: skip
_COARSE = _STEP_WORDS[7:]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names that no program uses for a measurement: addresses, identities, clocks, configuration of the run's length.
_NEVER = _words(
    """epochs steps iterations iters batches num_epochs n_epochs max_epochs max_steps total_steps eta elapsed remaining
    line lineno col column pid port rank local_rank world_size seed random_seed random_state version v_num python cuda
    commit sha hash md5 id uid uuid ts timestamp created process thread code error_code errno host date year
    note debug info warn warning critical fatal trace traceback"""
)
_LEVELS = _words("DEBUG INFO WARN WARNING ERROR CRITICAL FATAL TRACE SUCCESS NOTICE")
# Words of a sentence: a name begins after them.
_JOINING = _words("a an and at by for from has in is of on our than the then to was with")
_TIME_UNITS = _words("ns us µs ms s sec secs second seconds min mins minute minutes h hr hours")

_WORD = re.compile(r"[A-Za-z_]")
_DIGIT = re.compile(r"[0-9]")
_ODD = re.compile(r"[:=]\s{0,9}(?:np\.float\d\d\(|tensor\()?['\"]?[-+]?(?:nan|inf)", re.IGNORECASE)
# A line without any of these states no step, is no bar and opens no block; it may still hold `name: value`.
_TELLING = re.compile(rf"[\[{{/\x1b]|{'|'.join(_STEP_WORDS)}|[0-9]it |warn|traceback|[0-9]:\t")
_CONTROL = re.compile(r"\x1b\[[0-?]{0,20}[ -/]{0,5}[@-~]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}://[^\s\"'<>]*")
# Arguments of a printed call are no measurements: `Dropout(p=0.5)`.
_CALL = re.compile(r"(?<=\w)(?<!float64)(?<!float32)(?<!tensor)\([^()]{0,300}=[^()]{0,300}\)")
_STEP = re.compile(
    rf"(?<![\w/.'\"-])(?P<word>{'|'.join(_STEP_WORDS)})(?P<gap>[ \t:=#]{{0,6}})(?P<open>[\[(]?)"
    r" {0,6}(?P<n>[0-9]{1,18})(?: ?(?:/|of) ?(?P<total>[0-9]{1,18}))?(?![\w%]|\.[0-9]|[:/-][0-9])",
    re.IGNORECASE,
)
_PROGRESS = re.compile(r"\[ {0,9}(?P<n>[0-9]{1,15})/(?P<total>[0-9]{1,15})\b")
_TQDM = re.compile(
    r"[0-9]{1,3}%\|[^|]{0,400}\| {0,9}(?P<n>[0-9]{1,15})/(?P<total>[0-9]{1,15}) \[(?P<rest>[^\]]{0,2000})\]"
    r"|(?<![\w.])(?P<count>[0-9]{1,15})it \[(?P<tail>[^\]]{0,2000})\]"
)
_KERAS = re.compile(r"\s{0,20}(?P<n>[0-9]{1,9})/(?P<total>[0-9]{1,9}) (?:\[[=>. -]{1,80}\]|[━╸╺\x1b -]{1,120}|-) ?")
_BOOSTING = re.compile(r"\[(?P<round>[0-9]{1,12})\]\t| {0,8}(?P<catboost>[0-9]{1,12}):\t(?=learn:|test:)")
_VALUE = re.compile(
    r"(?P<sep>[ \t]{0,9}[:=](?![:=])[ \t]{0,40})"
    r"(?P<wrap>(?:(?:np|numpy|torch)\.)?(?:float[0-9]{2}|int[0-9]{2}|tensor)\()?(?P<quote>['\"]?)"
    r"(?P<number>[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:e[-+]?[0-9]{1,4})?|[-+]?(?:nan|inf(?:inity)?)\b)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?:%|[ ]?(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|h|hr|hours?|[kKMGT]i?B|[BkKM]|bytes|Hz|fps|m))(?![\w/])"
    r"|[ ]?s/it\b|[ ]?(?:it|tok|samples|tokens|images|examples|batches|steps|[kKMGT]i?B)/s(?:ec)?\b"
)
_NEXT_WORD = r"[A-Za-z_][\w./@-]{0,63}"
_AFTER = re.compile(
    r"[ \t]{0,200}(?:$|[;|)\]}({\[<>~±+*•·–—]|,(?![0-9])|['\"]|->|- |\.(?:\s|$)|:(?:\s|$)|-{1,80}$)"
    rf"|[ \t]{{1,200}}(?:(?:at|after|and|on|in|for)\b|{_NEXT_WORD}(?: {_NEXT_WORD}){{0,3}}[ ]{{0,4}}[:=])",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[A-Za-z_][\w./@-]{0,63}")
_NAME = re.compile(r"[A-Za-z_][\w ./@-]{0,63}")
_BREAK = re.compile(r"[:=,;|\[\](){}<>\"'#\t*•·→!?&$%^~+\\]| - | -- ")
_FILE = re.compile(
    r"\.(?:py|pyx|ipynb|c|cc|cpp|cu|h|hpp|js|ts|rs|go|java|jl|rb|sh|toml|ya?ml|json|txt|csv|log|so)$", re.I
)
_BLAME = re.compile(r"[A-Z]\w*[a-z](?:Error|Exception|Warning|Interrupt|Exit)")
# What a shell says of its script: `sh: 1: cannot create x`, `build.sh: line 3: foo: not found`.
_SHELL = re.compile(r"\s{0,9}[\w./@+-]{0,200}sh: (?:line )?[0-9]{1,9}: ")
_PLAIN = re.compile(
    r"\s{0,9}(?P<name>[A-Za-z_][\w./@-]{0,40}(?: [A-Za-z_][\w./@-]{0,40}){0,2}) {1,4}"
    r"(?P<number>[-+]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][-+]?[0-9]{1,4})?|nan|inf)(?P<unit>%|[a-zµ]{0,3})\s{0,9}"
)


class Scalar(NamedTuple):
    """A number that a program printed; `step` is what it printed too, else a count per name from 0."""

    name: str
    value: float
    step: int


@dataclass
class LineState:
    """What must be remembered between lines; `to_json` and `from_json` carry it across a restart."""

    last: dict[str, int] = field(default_factory=dict)  # the newest step of each name
    bars: dict[str, list[int]] = field(default_factory=dict)  # per name in a bar: its count, the steps before this bar
    epoch: int | None = None  # from a line that says only the epoch
    from_zero: bool = False  # epochs are counted from 0
    fractions: bool = False  # epochs are written as fractions, so they are no steps
    block: str = ""  # "traceback" or "warning" while inside one

    def to_json(self) -> dict[str, Any]:
        """Return the state as values that JSON can hold."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LineState:
        """Return the state that `to_json` gave; unknown keys are ignored."""
        return cls(**{key: values[key] for key in cls.__dataclass_fields__ if key in values})


class _Where(NamedTuple):
    """The step that a line states: `n` of `total` within `epoch`; `bar` when the same line may be drawn again."""

    epoch: int | None = None
    n: int | None = None
    total: int | None = None
    bar: bool = False


def parse(line: str, state: LineState) -> list[Scalar]:
    """Return the scalars in one line of output, in order, and advance `state`; never raises.

    A carriage return inside the line begins a redraw; every redraw is read.
    """
    if not state.block and _says_nothing(line):
        return []
    line = line.rstrip("\r\n")
    if "\x1b" in line:
        line = _CONTROL.sub("", line)
    if "\r" not in line and "\b" not in line:
        return _drawn(line, state)
    return [scalar for part in line.replace("\b", "\r").split("\r") if part for scalar in _drawn(part, state)]


def _drawn(line: str, state: LineState) -> list[Scalar]:
    if _in_block(line, state) or not _WORD.search(line) or _SHELL.match(line):
        return []
    text = line.strip()
    if text.startswith("{") and text.endswith("}") and len(text) <= JSON_LENGTH:
        found = _json_scalars(text, state)
        if found is not None:
            return found
    return _text_scalars(line[:LENGTH], state)


def _says_nothing(line: str) -> bool:
    """Whether a line, outside any block, surely has no scalar and leaves the state as it is; most lines are such."""
    if not _DIGIT.search(line) and not _ODD.search(line) and not _opens_block(line):
        return True
    if _TELLING.search(line.lower()):
        return False
    return (":" not in line and "=" not in line) or not _VALUE.search(line)


def _opens_block(line: str) -> bool:
    return "Traceback (most" in line or "Warning:" in line


def _in_block(line: str, state: LineState) -> bool:
    """Whether the line belongs to a traceback or a warning, whose source lines look like `x = 0.3`."""
    if "Traceback (most" in line:
        state.block = "traceback"
        return True
    if "Warning:" in line or "WARNING" in line or "warnings.warn" in line:
        state.block = "warning"
        return True
    block, state.block = state.block, ""
    if not block:
        return False
    if block == "warning":
        return line.startswith("  ")
    if not line.strip() or line.startswith(" "):
        state.block = block
    return True  # the first line that is not indented names the exception


def _text_scalars(line: str, state: LineState) -> list[Scalar]:
    if "://" in line:
        line = _URL.sub("|", line)
    if "(" in line:
        line = _CALL.sub("|", line)
    line, where = _locate(line, state)
    pairs = list(_pairs(line))
    where, pairs = _steps_among(pairs, where, state)
    if not pairs and (where.n is not None or where.epoch is not None):
        pairs = list(_plain_pairs(line))
    if not pairs:
        if where.epoch is not None and not where.bar:
            state.epoch = where.epoch
        return []
    return _place(pairs, where, state)


def _locate(line: str, state: LineState) -> tuple[str, _Where]:
    """Find the step that the line states; return the line with everything that stated it made into breaks."""
    bar = _TQDM.search(line)
    if bar:
        n = bar["n"] or bar["count"]
        total = int(bar["total"]) if bar["total"] else None
        head, words = _step_words(line[: bar.start()], state)
        return f"{head} | {bar['rest'] or bar['tail'] or ''}", _Where(words.epoch, int(n), total, True)
    boosting = _BOOSTING.match(line)
    if boosting:
        number = int(boosting["round"] or boosting["catboost"])
        # The break lets `valid-auc:1` pass as a name although no space follows the colon.
        return "\t" + line[boosting.end() :].replace("'s ", " ").replace(":", ": "), _Where(None, number)
    keras = _KERAS.match(line)
    if keras and " - " in line:
        done = keras["n"] == keras["total"]
        rest = "|" + line[keras.end() :]
        if state.epoch is None:
            return rest, _Where(None, int(keras["n"]), int(keras["total"]), True)
        # Within an epoch the bar shows running means; the epoch's own values come with its last drawing.
        return (rest if done else ""), _Where(state.epoch, None, None, True)
    return _step_words(line, state)


def _step_words(line: str, state: LineState) -> tuple[str, _Where]:
    found: dict[str, tuple[int, int | None]] = {}
    end = 0
    pieces: list[str] = []
    for match in _STEP.finditer(line):
        if not match["gap"] and not match["open"]:
            continue  # `step3` is a name
        word = match["word"].lower()
        found.setdefault(word, (int(match["n"]), int(match["total"]) if match["total"] else None))
        pieces += [line[end : match.start()], "|"]
        end = match.end()
    line = "".join([*pieces, line[end:]])
    epoch = found.get("epoch", (None, None))[0]
    if epoch == 0:
        state.from_zero = True
    fine = next((found[word] for word in _STEP_WORDS if word in found and word not in _COARSE), None)
    if fine is None:
        progress = _PROGRESS.search(line)
        if progress and (epoch is not None or state.epoch is not None):
            return line, _Where(epoch if epoch is not None else state.epoch, int(progress["n"]), int(progress["total"]))
        if epoch is None:
            fine = next((found[word] for word in _COARSE if word in found), None)
    n, total = fine if fine else (None, None)
    return line, _Where(epoch, n, total)


def _pairs(line: str) -> Iterator[tuple[str, float, str]]:
    """Yield name, value and unit of every `name: value` or `name=value` in the line that looks like a measurement."""
    end = 0
    for match in _VALUE.finditer(line):
        unit = _unit(line, match)
        if unit is None:
            continue
        name = _name(line[max(end, match.start() - 80) : match.start()], match, end == 0 and match.start() <= 80)
        end = match.end() + len(unit)
        if name and _measures(name, unit.strip()):
            yield name, float(match["number"]), unit.strip()


def _unit(line: str, match: re.Match[str]) -> str | None:
    """Return the unit behind the number, "" for none, None where what follows shows that it is no plain number."""
    end = match.end()
    if match["wrap"]:
        return "" if line[end : end + 1] in ("", ")", ",") else None
    if match["quote"]:
        return match["quote"] if line[end : end + 1] == match["quote"] else None
    if line[end : end + 1] == "." and line[end + 1 : end + 2].isdigit():
        return None
    if line.startswith("%|", end):
        return None  # how far a bar is
    unit = _UNIT.match(line, end)
    if unit:
        end = unit.end()
    return (unit.group() if unit else "") if _AFTER.match(line, end) else None


def _name(left: str, match: re.Match[str], at_start: bool) -> str:
    """Return the name that ends where the separator begins, or "" where none does."""
    separator = match["sep"]
    if left and left[-1] in "'\"":
        return _quoted(left)
    if left and left[-1] in "<>!=:+-*/":
        return ""
    tight = separator == ":" and not any(c in match["number"] for c in ".eEnNfF")
    if tight or (separator == ":" and _FILE.search(left)):
        return ""  # host:port, file.py:33
    breaks = [found.end() for found in _BREAK.finditer(left)]
    piece = left[breaks[-1] :] if breaks else left
    words = piece.split()
    if separator.strip() == "=" and not separator.startswith(" "):
        words = words[-1:]
    if not breaks and len(left) >= 80 and not at_start:
        words = words[-1:]
    kept: list[str] = []
    for word in reversed(words[-6:]):
        if word in _LEVELS or word.lower() in _JOINING or not _TOKEN.fullmatch(word):
            break
        kept.insert(0, word)
    name = " ".join(kept) if len(kept) <= 5 else ""  # longer ones are sentences
    return name if _NAME.fullmatch(name) else ""


def _quoted(left: str) -> str:
    start = left.rfind(left[-1], 0, -1)
    name = left[start + 1 : -1].strip()
    return name if start >= 0 and _NAME.fullmatch(name) else ""


def _measures(name: str, unit: str) -> bool:
    lowered = name.lower()
    final = lowered.split()[-1]
    if lowered in _NEVER or final in _NEVER or _BLAME.fullmatch(name):
        return False
    return not (lowered == "total" and unit in _TIME_UNITS)


def _plain_pairs(line: str) -> Iterator[tuple[str, float, str]]:
    """Yield what a line says as `train loss 4.28, val loss 4.31`, once it has stated a step."""
    for piece in re.split(r"[,|;:\t]", line)[:200]:
        match = _PLAIN.fullmatch(piece)
        if match and _measures(match["name"], match["unit"]) and match["name"].split()[0].lower() not in _STEP_WORDS:
            yield match["name"], float(match["number"]), match["unit"]


def _steps_among(
    pairs: list[tuple[str, float, str]], where: _Where, state: LineState
) -> tuple[_Where, list[tuple[str, float, str]]]:
    """Take the pairs that are named as steps (`'epoch': 1.0`) out of the others."""
    steps = {name.lower(): value for name, value, _ in pairs if name.lower() in _STEP_WORDS}
    if not steps:
        return where, pairs
    rest = [pair for pair in pairs if pair[0].lower() not in _STEP_WORDS]
    whole = {word: int(value) for word, value in steps.items() if abs(value) < 1e18 and value == int(value)}
    if "epoch" in steps and "epoch" not in whole:
        state.fractions = True
    if state.fractions:
        whole.pop("epoch", None)
    epoch = whole.get("epoch", where.epoch)
    n = next((whole[word] for word in _STEP_WORDS if word in whole and word != "epoch"), where.n)
    return where._replace(epoch=epoch, n=n), rest


def _place(pairs: list[tuple[str, float, str]], where: _Where, state: LineState) -> list[Scalar]:
    scalars = []
    seen = set()
    for name, value, _ in pairs:
        if name in seen or (name not in state.last and len(state.last) >= NAMES):
            continue  # a line that says a name twice repeats itself
        seen.add(name)
        step = _step(name, where, state)
        if step is not None:
            state.last[name] = step
            scalars.append(Scalar(name, value, step))
    return scalars


def _step(name: str, where: _Where, state: LineState) -> int | None:
    """Return the step of the next point of `name`, or None where a bar only drew the same step again."""
    last = state.last.get(name, -1)
    if where.n is not None and where.epoch is not None and where.total:
        step = max(where.epoch - (0 if state.from_zero else 1), 0) * where.total + where.n
    elif where.bar and where.n is not None:
        step = _bar_step(name, where.n, state)
    elif where.n is not None:
        step = where.n
    elif where.epoch is not None:
        step = where.epoch
    elif state.epoch is not None and state.epoch > last:
        step = state.epoch
    else:
        step = last + 1
    if where.bar and step == last:
        return None
    return min(step, 10**18)


def _bar_step(name: str, n: int, state: LineState) -> int:
    """Count on when a bar starts again from the left, as one bar per epoch does."""
    before, base = state.bars.get(name, (n, 0))
    if n < before:
        base += before
    state.bars[name] = [n, base]
    return base + n


def _json_scalars(text: str, state: LineState) -> list[Scalar] | None:
    """Return the scalars of a line that is one JSON object, or None where it is not."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return None
    pairs = [pair for pair in _numbers(table, "", 0) if _NAME.fullmatch(pair[0]) and _measures(pair[0], "")]
    where, pairs = _steps_among(pairs, _Where(), state)
    return _place(pairs, where, state)


def _numbers(table: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, float, str]]:
    for key, value in table.items():
        if isinstance(value, dict) and depth < 3:
            yield from _numbers(value, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield prefix + key, _as_float(value), ""


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond 1e308
        return float("inf") if value > 0 else float("-inf")
