"""The one registry of keys: footer, help, palette and README are made from it. Nothing here needs Textual.

A key names a handler. When it is pressed the shell looks for a method `do_<handler>` on the focused widget, on each
widget around it, on the screen in view, then on the app, and calls the first it finds. Whoever owns the method may also
have `can_<handler>() -> str`: "" where it can act now, else the sentence that says why not. The sentence becomes a
toast, and the footer dims the key.

To add a key, add a `Key` below and write the two methods. `screens` names the screens where it means something; empty
is everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import ConfigError

FILE_NAME = "keys.toml"

_SHOWN = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
}
_WRITTEN = {shown: name for name, shown in _SHOWN.items()} | {"return": "enter", "space": "space"}


@dataclass(frozen=True)
class Key:
    """One key: what it is called, what it does in a word and in a sentence, where, and who handles it.

    `keys` are names as Textual has them, the first is the one shown. `rank` orders the footer, lowest first; 0 keeps
    the key out of it.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    screens: tuple[str, ...] = ()
    handler: str = ""
    rank: int = 0

    @property
    def method(self) -> str:
        """The part of the handler's name after `do_`."""
        return self.handler or self.id

    @property
    def shown(self) -> str:
        """The key as it is printed."""
        return show(self.keys[0])

    def means_something_in(self, screen: str) -> bool:
        """Return whether the key is for this screen."""
        return not self.screens or screen in self.screens


_RUNS = ("runs", "run")
_COMPARED = ("runs", "run", "compare")
_VIEWS = ("data", "schema", "drift")

KEYS: tuple[Key, ...] = (
    Key("projects", ("1",), "projects", "Go to Projects.", handler="projects"),
    Key("runs", ("2",), "runs", "Go to Runs.", handler="runs"),
    Key("compare_screen", ("3",), "compare", "Go to Compare.", handler="compare_screen"),
    Key("lineage", ("4",), "lineage", "Go to Lineage."),
    Key("data", ("5",), "data", "Go to Data."),
    Key("up", ("up", "k"), "up", "Move up."),
    Key("down", ("down", "j"), "down", "Move down."),
    Key("left", ("left", "h"), "left", "Move left, or fold a group."),
    Key("right", ("right", "l"), "right", "Move right, or unfold a group."),
    Key("page_up", ("pageup", "ctrl+b"), "page up", "Move up by a page."),
    Key("page_down", ("pagedown", "ctrl+f"), "page down", "Move down by a page."),
    Key("first", ("g", "home"), "first", "Go to the first line."),
    Key("last", ("G", "end"), "last", "Go to the last line."),
    Key(
        "next_pane",
        ("tab",),
        "pane",
        "Go to the next pane.",
        ("projects", "run", "compare", "lineage", *_VIEWS),
        rank=12,
    ),
    Key(
        "previous_pane",
        ("shift+tab",),
        "back a pane",
        "Go to the pane before.",
        ("projects", "run", "compare", "lineage", *_VIEWS),
    ),
    Key(
        "open",
        ("enter",),
        "open",
        "Open what is selected; a group folds.",
        ("projects", "runs", "compare", "lineage", *_VIEWS),
        rank=3,
    ),
    Key("mark", ("space",), "mark", "Mark the run, to compare, stop or delete several.", ("runs",), rank=4),
    Key(
        "train",
        ("r",),
        "train",
        "Start the project's command, or its stages that are out of date.",
        ("projects", "runs", "run"),
        rank=1,
    ),
    Key("train_with", ("R",), "train with…", "Start it with changed parameters.", ("runs", "run"), rank=9),
    Key("pipeline", ("P",), "pipeline", "Show which stages are out of date and why, and run them.", _RUNS, rank=22),
    Key(
        "train_revision", ("ctrl+r",), "train revision", "Train a branch, tag or commit in a folder of its own.", _RUNS
    ),
    Key("reproduce", ("A",), "again", "Run it again as it was, and compare the results.", _RUNS, rank=21),
    Key("stop", ("x",), "stop", "Stop what runs, or take it out of the queue.", (*_RUNS, *_VIEWS), rank=6),
    Key("filter", ("slash",), "filter", "Filter: auc > 0.7 and not failed.", ("runs",), rank=2),
    Key("sort", ("s",), "sort", "Choose the column to sort by.", ("runs",), rank=7),
    Key("group", ("o",), "group", "Group by tag, parameter or trigger.", ("runs",), rank=8),
    Key("columns", ("C",), "columns", "Choose the columns; kept for the project.", ("runs",), rank=13),
    Key("compare", ("c",), "compare", "Compare the marked runs.", _RUNS, rank=5),
    Key("baseline", ("B",), "baseline", "Pin the run to hold others against; again to unpin.", _COMPARED, rank=10),
    Key("watch", ("w",), "watch", "Switch watching of the project on or off.", ("projects", "runs", "run"), rank=11),
    Key("tail", ("t",), "tail", "Follow the end of the log again.", ("run",), rank=4),
    Key(
        "log_scale",
        ("L",),
        "log scale",
        "Switch the value axis between linear and logarithmic.",
        ("run", "compare"),
        rank=9,
    ),
    Key("same", ("d",), "same values", "Hide, or show, what is the same in all runs.", ("compare",), rank=4),
    Key("next_metric", ("right_square_bracket",), "metric", "Draw the next metric.", ("compare",), rank=5),
    Key("previous_metric", ("left_square_bracket",), "metric before", "Draw the metric before.", ("compare",)),
    Key("axis", ("a",), "step or time", "Draw over steps or over time.", ("compare",), rank=6),
    Key("smoother", ("plus", "equals_sign"), "smooth", "Smooth the curves more.", ("compare",), rank=7),
    Key("rougher", ("minus",), "rough", "Smooth the curves less.", ("compare",), rank=8),
    Key(
        "trace",
        ("I",),
        "its lineage",
        "Show what it came from and what came from it.",
        ("runs", "run", "lineage"),
        rank=12,
    ),
    Key("tree_view", ("V",), "tree", "Change between graph and tree.", ("lineage",), rank=4),
    Key("depth", ("D",), "depth", "Read further from the focus.", ("lineage",), rank=5),
    Key("snapshot", ("r",), "snapshot", "Take versions of the data as it is now.", ("data",), rank=1),
    Key("restore", ("u",), "restore", "Bring the version back; shows what it overwrites.", ("data",), rank=4),
    Key("data_order", ("s",), "order", "Order columns by how far they moved, or as in the file.", ("data",), rank=5),
    Key(
        "next_view", ("right_square_bracket",), "view", "Go to the next view: Versions, Schema, Drift.", _VIEWS, rank=7
    ),
    Key("previous_view", ("left_square_bracket",), "view before", "Go to the view before.", _VIEWS),
    Key(
        "check",
        ("r",),
        "check",
        "Hold the data against the schema, or the reference, now.",
        ("schema", "drift"),
        rank=1,
    ),
    Key("accept", ("a",), "accept", "Accept the schema that the data ask for; shows it first.", ("schema",), rank=4),
    Key("acknowledge", ("a",), "acknowledge", "Say that you have seen the alert.", ("drift",), rank=2),
    Key("reference", ("f",), "reference", "Choose what the data is compared with, and check.", ("drift",), rank=4),
    Key(
        "check_together",
        ("R",),
        "all together",
        "Check also all columns together, by a classifier.",
        ("drift",),
        rank=9,
    ),
    Key("cut", ("o",), "windows", "Choose how the data is cut into windows, and check.", ("drift",), rank=5),
    Key("tag", ("T",), "tag", "Add tags, or remove them with a minus: good -old.", _RUNS, rank=14),
    Key("note", ("N",), "note", "Write a note on the run.", _RUNS, rank=15),
    Key(
        "copy",
        ("y",),
        "copy",
        "Copy the id, path or command.",
        ("projects", "runs", "run", "lineage", *_VIEWS),
        rank=16,
    ),
    Key("edit", ("e",), "edit", "Open in $EDITOR.", ("projects", "runs", "run", "schema"), rank=17),
    Key(
        "export",
        ("v",),
        "export",
        "Export the chart or table in view.",
        ("runs", "run", "compare", "lineage", "drift"),
        rank=18,
    ),
    Key("delete", ("ctrl+d",), "delete", "Delete runs that have ended; shows what goes first.", _RUNS, rank=19),
    Key(
        "back",
        ("escape",),
        "back",
        "Go one layer out; on Runs away go marks, then filter.",
        ("runs", "run", "compare", "lineage", *_VIEWS),
        rank=20,
    ),
    Key("palette", ("ctrl+p", "colon"), "palette", "Find a command by name, or type :run 42.", rank=30),
    Key("help", ("question_mark",), "help", "Show the keys of what has the focus.", rank=31),
    Key("quit", ("q", "ctrl+q"), "quit", "Leave; what runs goes on.", rank=32),
    Key("interrupt", ("ctrl+c",), "", "Say how to leave."),
)


def show(key: str) -> str:
    """Return a key as it is printed: `ctrl+p` is `^p`."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return _SHOWN.get(key, key)


def in_screen(keys: Iterable[Key], screen: str) -> list[Key]:
    """Return the keys of the footer of a screen, the most important first."""
    return sorted((key for key in keys if key.rank and key.means_something_in(screen)), key=lambda key: key.rank)


def struck(keys: Iterable[Key], stroke: str, screen: str) -> Key:
    """Return the key that a keystroke is in a screen; where it is none there, one that it is elsewhere."""
    found = [key for key in keys if stroke in key.keys]
    return next((key for key in found if key.means_something_in(screen)), found[0])


def remap(keys: tuple[Key, ...], changes: Mapping[str, object], where: str = FILE_NAME) -> tuple[Key, ...]:
    """Return the registry with other keys; raises ConfigError for an unknown id, a bad key, a key for two things."""
    known = {key.id: key for key in keys}
    for name, wanted in changes.items():
        if name not in known:
            from workbench.config import nearest

            near = nearest(name, known)
            hint = f"Did you mean {near!r}?" if near else f"Known: {', '.join(known)}."
            raise ConfigError(f"{where}: unknown key name {name!r}", hint)
        known[name] = replace(known[name], keys=_parse(name, wanted, where))
    changed = tuple(known[key.id] for key in keys)
    _refuse_clashes(changed, where)
    return changed


def _parse(name: str, wanted: object, where: str) -> tuple[str, ...]:
    words = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise ConfigError(f"{where}: {name} must be a key or a list of keys", 'For example  filter = "f"')
    return tuple(_name(word.strip()) for word in words)


def _name(word: str) -> str:
    if word.startswith("^") and len(word) > 1:
        word = "ctrl+" + word[1:]
    return _WRITTEN.get(word, word)


def _refuse_clashes(keys: tuple[Key, ...], where: str) -> None:
    taken: dict[tuple[str, str], str] = {}
    screens = sorted({screen for key in keys for screen in key.screens})
    for key in keys:
        for name in key.keys:
            for screen in key.screens or screens:
                other = taken.setdefault((name, screen), key.id)
                if other != key.id:
                    raise ConfigError(f"{where}: {show(name)} is both {other} and {key.id}", "Give one another key.")


def load(folder: Path) -> tuple[Key, ...]:
    """Return the registry as `keys.toml` in the user's config folder changes it; raises ConfigError."""
    path = folder / FILE_NAME
    if not path.exists():
        return KEYS
    import tomllib

    try:
        return remap(KEYS, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{FILE_NAME} cannot be read: {error}", "Repair it or move it away.") from error


def keymap_table(keys: Iterable[Key] = KEYS) -> str:
    """Return the registry as a Markdown table."""
    lines = ["| key | does | where |", "|---|---|---|"]
    for key in keys:
        if key.label:
            names = " ".join(f"`{show(name)}`" for name in key.keys)
            lines.append(f"| {names} | {key.help} | {', '.join(key.screens) or 'everywhere'} |")
    return "\n".join(lines) + "\n"
