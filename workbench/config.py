"""workbench.toml as frozen values, checked against the tables below; a refusal names the nearest known key.

The tables are named tuples rather than dataclasses: every command loads them, and making them is most of its start.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from workbench.errors import ConfigError
from workbench.safe import clean

Goal = Literal["max", "min"]


class ProjectTable(NamedTuple):
    """[project]"""

    name: str = ""


class CharterData(NamedTuple):
    """[[charter.data]]: `where` is a path, a glob or a URL; `copy` "never" leaves the bytes where they are.

    `retention_days` of 0 keeps versions for ever; `key` names the columns that tell one row from another; `consent`
    says on what ground data about people may be used.
    """

    name: str = ""
    where: str = ""
    owner: str = ""
    labelled_by: str = ""
    region: str = ""
    copy: Literal["always", "never"] = "always"
    retention_days: int = 0
    key: tuple[str, ...] = ()
    licence: str = ""
    consent: str = ""


class Charter(NamedTuple):
    """[charter]: the design phase."""

    problem: str = ""
    users: str = ""
    improves: Literal["", "productivity", "interactivity"] = ""
    decision: str = ""
    priority: int = 0
    data: tuple[CharterData, ...] = ()


class Train(NamedTuple):
    """[train], and each of [stages.*]: a command with what it reads and writes; paths relative to the project.

    `isolate` runs it from a frozen copy of the code; `params_used` are the parameters that a stage depends on, all of
    its file where empty.
    """

    command: str = ""
    python: str = ""
    params: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    max_parallel: int = 1
    isolate: bool = False
    params_used: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[str, ...]:
        """What the command writes: its outputs, and the metrics files among or beside them."""
        return (*self.outputs, *(path for path in self.metrics if path not in self.outputs))


class Metric(NamedTuple):
    """[metric]: the one metric by which runs are compared."""

    name: str = ""
    goal: Goal = "max"


class Data(NamedTuple):
    """[data]: `check` says what errors in the data do to a training run before it starts."""

    train: str = ""
    holdout: str = ""
    final_test: str = ""
    target: str = ""
    time: str = ""
    id: str = ""
    protected: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    check: Literal["stop", "warn", "off"] = "stop"


class Drift(NamedTuple):
    """[drift]: what `workbench drift` compares without options, and how strict it is.

    `reference` is "training", "previous", "season", "first", the label of a window, a file or a version; `importance` a
    JSON file of column to number. `on_alert` "train" starts a run.
    """

    current: str = ""
    reference: str = "training"
    by: str = ""
    ignore: tuple[str, ...] = ()
    prediction: str = ""
    importance: str = ""
    warn: float = 0.05
    drift: float = 0.10
    q: float = 0.01
    least_rows: int = 30
    alert_after: int = 2
    alert_within: int = 3
    clear_after: int = 2
    cool_down: int = 3
    on_alert: Literal["nothing", "train"] = "nothing"


class Bound(NamedTuple):
    """A requirement on a metric."""

    min: float | None = None
    max: float | None = None
    max_drop: float | None = None


class Watch(NamedTuple):
    """[watch]: globs relative to the project; `paths` empty means code, parameters and inputs."""

    paths: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    debounce_ms: int = 500
    while_running: Literal["queue", "restart"] = "queue"


class Model(NamedTuple):
    """[model]"""

    path: str = ""


class Image(NamedTuple):
    """[image]"""

    repository: str = ""
    base: str = ""


class ManualTest(NamedTuple):
    """[[score.manual]]: a test of the ML Test Score done by hand."""

    test: str = ""
    by: str = ""
    on: date | None = None
    document: str = ""


class Reproduce(NamedTuple):
    """[reproduce]: how far metrics of a repeated run may be from the first and still be equal."""

    relative: float = 1e-9
    absolute: float = 0.0


class Remote(NamedTuple):
    """[remote]: where `data push` and `data pull` keep versions, any URL that fsspec knows."""

    url: str = ""


class Policy(NamedTuple):
    """[policy]: what data may not be; checked on data, on what stages derive, and on any file by `validate`.

    `forbidden_columns` and `forbidden_sources` are globs; `personal` says what values of persons are: an error, a
    warning, or nothing; `allowed_personal` are columns, by glob, that may hold them. Rows may be `retention_days` old
    by the time column, for ever where 0; of each combination of the `quasi_identifiers` there must be `k` rows.
    """

    forbidden_columns: tuple[str, ...] = ()
    forbidden_sources: tuple[str, ...] = ()
    personal: Literal["error", "warning", "off"] = "warning"
    allowed_personal: tuple[str, ...] = ()
    retention_days: int = 0
    quasi_identifiers: tuple[str, ...] = ()
    k: int = 5
    licences: tuple[str, ...] = ()
    consent: bool = False


class Score(NamedTuple):
    """[score]"""

    manual: tuple[ManualTest, ...] = ()


class Config(NamedTuple):
    """The whole of workbench.toml."""

    project: ProjectTable = ProjectTable()
    charter: Charter = Charter()
    train: Train = Train()
    stages: Mapping[str, Train] = MappingProxyType({})
    metric: Metric = Metric()
    data: Data = Data()
    drift: Drift = Drift()
    requirements: Mapping[str, Bound | float] = MappingProxyType({})
    watch: Watch = Watch()
    model: Model = Model()
    image: Image = Image()
    reproduce: Reproduce = Reproduce()
    remote: Remote = Remote()
    policy: Policy = Policy()
    score: Score = Score()

    @property
    def max_parallel(self) -> int:
        """How many runs of the project may go at once."""
        return max([self.train.max_parallel, *(stage.max_parallel for stage in self.stages.values())])

    @property
    def steps(self) -> tuple[Train, ...]:
        """The tables that name a command: [train], or the stages in the order of the file."""
        return (self.train,) if self.train.command or not self.stages else tuple(self.stages.values())


def load(path: Path) -> Config:
    """Read and check a workbench.toml; raises ConfigError with file, line or key, and the nearest known key."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read {clean(str(path))}: {error.strerror}", "workbench init") from error
    return parse(raw, clean(path.name))


def parse(raw: bytes, name: str = "workbench.toml") -> Config:
    """Check the bytes of a configuration file and return it as values; raises ConfigError."""
    import tomllib

    try:
        tables = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not UTF-8 (byte {error.start})", "Save the file as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{name} is not valid TOML: {clean(str(error))}", "Strings need quotes, tables need [ ]."
        ) from error
    config = typing.cast(Config, _convert(tables, Config, "", name))
    _check(config, name)
    return config


def _check(config: Config, name: str) -> None:
    for table, step in [("train", config.train), *((f"stages.{key}", stage) for key, stage in config.stages.items())]:
        if step.max_parallel < 1:
            raise ConfigError(f"{name}: {clean(table)}.max_parallel is {step.max_parallel}", "It must be 1 or more.")
    if not 0 <= config.watch.debounce_ms <= 3_600_000:
        raise ConfigError(f"{name}: watch.debounce_ms is {config.watch.debounce_ms}", "Give milliseconds, say 500.")
    if config.policy.retention_days < 0:
        words = f"{name}: policy.retention_days is {config.policy.retention_days}"
        raise ConfigError(words, "Give days, or 0 to keep rows for ever.")
    _check_drift(config.drift, name)


def _check_drift(drift: Drift, name: str) -> None:
    for key in ("warn", "drift", "q"):
        value = getattr(drift, key)
        if not 0 < value <= 1:
            raise ConfigError(f"{name}: drift.{key} is {value:g}", "It must be above 0 and at most 1.")
    if drift.warn > drift.drift:
        raise ConfigError(
            f"{name}: drift.warn is above drift.drift", "A warning comes first: warn = 0.05, drift = 0.1."
        )
    for key in ("least_rows", "alert_after", "clear_after"):
        if getattr(drift, key) < 1:
            raise ConfigError(f"{name}: drift.{key} is {getattr(drift, key)}", "It must be 1 or more.")
    if drift.alert_within < drift.alert_after or drift.cool_down < 0:
        hint = "An alert comes after alert_after of alert_within windows; cool_down is 0 or more."
        raise ConfigError(f"{name}: [drift] allows no alert", hint)


def _convert(value: Any, kind: Any, where: str, name: str) -> Any:
    """Return `value` as `kind`; the kinds are those of the tables above, nothing more general."""
    if kind is str:
        return _expect(value, kind, where, name)
    origin = typing.get_origin(kind)
    if is_table(kind):
        return _table(value, kind, where, name)
    if origin is tuple:
        items = _expect(value, list, where, name)
        inner = typing.get_args(kind)[0]
        return tuple(_convert(item, inner, f"{where}[{index}]", name) for index, item in enumerate(items))
    if origin is not None and issubclass_safe(origin, Mapping):
        inner = typing.get_args(kind)[1]
        items = _expect(value, dict, where, name)
        return {key: _convert(item, inner, _join(where, key), name) for key, item in items.items()}
    if origin is Literal:
        return _choice(value, typing.get_args(kind), where, name)
    if isinstance(kind, types.UnionType):
        return _union(value, typing.get_args(kind), where, name)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _expect(value, kind, where, name)


def is_table(kind: Any) -> bool:
    """Return whether `kind` is one of the tables above."""
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def issubclass_safe(candidate: Any, parent: type) -> bool:
    """Return whether `candidate` is a class below `parent`; anything else is simply not."""
    return isinstance(candidate, type) and issubclass(candidate, parent)


def _table(value: Any, kind: Any, where: str, name: str) -> Any:
    table = _expect(value, dict, where, name)
    hints = _hints(kind)
    for key in table:
        if key not in hints:
            place = f"[{clean(where)}]" if where else "at the top"
            near = nearest(key, hints)
            hint = f"Did you mean {near!r}?" if near else f"Known keys: {', '.join(hints)}."
            raise ConfigError(f"{name}: unknown key {clean(key)!r} {'in ' if where else ''}{place}", hint)
    return kind(**{key: _convert(item, hints[key], _join(where, key), name) for key, item in table.items()})


@functools.cache  # a pipeline of hundreds of stages asks for the same table each time
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _choice(value: Any, choices: tuple[Any, ...], where: str, name: str) -> Any:
    if value in choices:
        return value
    known = " or ".join(repr(choice) for choice in choices if choice != "")
    raise ConfigError(f"{name}: {clean(where)} is {clean(repr(value), 60)}", f"It must be {known}.")


def _union(value: Any, kinds: tuple[Any, ...], where: str, name: str) -> Any:
    if isinstance(value, dict):
        table = next((kind for kind in kinds if is_table(kind)), None)
        if table is not None:
            return _convert(value, table, where, name)
    plain = next(kind for kind in kinds if kind is not types.NoneType and not is_table(kind))
    return _convert(value, plain, where, name)


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a table"}


def _expect(value: Any, kind: type, where: str, name: str) -> Any:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    wanted = _NAMES.get(kind, kind.__name__)
    found = _NAMES.get(type(value), type(value).__name__)
    raise ConfigError(f"{name}: {clean(where) or 'the file'} must be {wanted}, not {found}", f"Write {wanted} there.")


def nearest(word: str, known: typing.Iterable[str]) -> str | None:
    """Return the known word that is most like `word`, or None where none is near."""
    import difflib

    return next(iter(difflib.get_close_matches(word.lower(), list(known), 1, 0.6)), None)
