"""Guessing how to train what is in a folder that Workbench has never seen; pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.runs import params

_SCRIPTS = (
    "train.py", "scripts/train.py", "src/train.py", "training.py", "train_model.py", "main.py", "run.py",
    "scripts/main.py", "src/main.py", "fit.py",
)  # fmt: skip
_PARAMS = ("params", "hparams", "hyperparameters", "config", "conf", "settings")
_SUFFIXES = (".toml", ".yaml", ".yml", ".json")
_SURE_PARAMS = ("params", "hparams", "hyperparameters")
# functions that write, or read, the file whose name they are given
_SAVERS = {"dump", "save", "save_model", "to_pickle", "save_weights"}
_READERS = {
    "read_csv",
    "read_parquet",
    "read_json",
    "read_excel",
    "read_feather",
    "read_table",
    "loadtxt",
    "genfromtxt",
}
_MODEL_FILE = re.compile(r"[\w./ -]+\.(?:joblib|pkl|pickle|pt|pth|onnx|keras|h5|cbm|ubj|bin|safetensors|npz|model)")
_METRICS_FILE = re.compile(r"(?:[\w-]+/)*(?:metrics|scores|results)\.json")


@dataclass(frozen=True)
class Guess:
    """What a folder seems to hold; empty where nothing is sure. Paths relative to it, `notes` for the user."""

    command: str = ""
    params: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def guess(names: Collection[str], read: Callable[[str], bytes | None], exists: Callable[[str], bool]) -> Guess:
    """Return what seems to train, from the file names of a folder and, through `read`, some of their contents."""
    script = _script(names, read)
    if not script:
        notes = _other_ways(names)
        return Guess(notes=notes)
    source = (read(script) or b"").decode("utf-8", "replace")
    chosen, notes = _params(names, read, source)
    texts = tuple(_texts(source))
    return Guess(
        command=f"python {_quoted(script)}",
        params=chosen,
        inputs=tuple(_inputs(texts, exists)),
        outputs=tuple(dict.fromkeys(name for call, name in texts if call in _SAVERS and _MODEL_FILE.fullmatch(name))),
        metrics=tuple(dict.fromkeys(name for _, name in texts if _METRICS_FILE.fullmatch(name))),
        notes=notes,
    )


def _script(names: Collection[str], read: Callable[[str], bytes | None]) -> str:
    for name in _SCRIPTS:
        if name in names:
            return name
    trains = sorted(name for name in names if re.search(r"(?:^|[/_])train[^/]*\.py$", name))
    top = sorted(name for name in names if name.endswith(".py") and "/" not in name and not name.startswith("test_"))
    for found in (trains, top):
        if len(found) == 1:
            return found[0]
    return ""


def _other_ways(names: Collection[str]) -> tuple[str, ...]:
    scripts = sorted(name for name in names if name.endswith(".py"))
    if scripts:
        return (f"several scripts could be the one that trains: {', '.join(scripts[:5])}",)
    if any(name.endswith(".ipynb") for name in names):
        return ("there are only notebooks; a command that runs one is: jupyter execute NOTEBOOK",)
    return ("no script was found",)


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _params(names: Collection[str], read: Callable[[str], bytes | None], source: str) -> tuple[str, tuple[str, ...]]:
    """Return the parameter file: one that is named so, or a configuration that the script mentions."""
    for stem in _PARAMS:
        for suffix in _SUFFIXES:
            name = stem + suffix
            content = read(name) if name in names and (stem in _SURE_PARAMS or name in source) else None
            if content is None:
                continue
            try:
                params.from_file(content, suffix)
            except WorkbenchError as error:
                return "", (f"{name} was left out: {error.message}",)
            return name, ()
    return "", ()


def _texts(source: str) -> Iterator[tuple[str, str]]:
    """Yield (called function, text) for every text that a script hands to a function."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield name, argument.value


def _inputs(texts: tuple[tuple[str, str], ...], exists: Callable[[str], bool]) -> Iterator[str]:
    """Yield the data files in the project that the script reads by a name written out in it."""
    for name in dict.fromkeys(name for call, name in texts if call in _READERS):
        if name and not name.startswith(("/", "~", "..")) and "://" not in name and exists(name):
            yield name


def configuration_text(name: str, found: Guess) -> str:
    """Return a workbench.toml; what was not found is there as a comment that says how to write it."""
    import tomli_w

    parts = [tomli_w.dumps({"project": {"name": name}})]
    train = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in (
            ("command", found.command),
            ("params", found.params),
            ("inputs", found.inputs),
            ("outputs", found.outputs),
            ("metrics", found.metrics),
        )
        if value
    }
    if train:
        parts.append(tomli_w.dumps({"train": train}))
    else:
        parts.append('# [train]\n# command = "python train.py"   # runs in this folder\n')
    parts.append('# The metric by which runs are compared:\n# [metric]\n# name = "auc"\n# goal = "max"\n')
    return "\n".join(parts)
