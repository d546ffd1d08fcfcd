"""The watcher itself: hints come in, files are looked at and read, runs are started; what to do is decided in rules.

It takes the files as they are when it begins; what changed before that is no change. All of them are read in the
background then, small ones first, so that a touched file can be told from a changed one. A file that changes before
its turn counts as changed, its old hash as unknown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from workbench import config as configuration
from workbench.config import Config
from workbench.errors import ConfigError, WorkbenchError
from workbench.paths import CONFIG_NAME
from workbench.safe import clean
from workbench.store.connection import file_system
from workbench.watch import files, rules
from workbench.watch.memory import Known, Reader, is_below
from workbench.watch.observer import NETWORK_SECONDS, Hint, Hints, Observer, is_network
from workbench.watch.rules import Change, Facts, Going
from workbench.watch.status import WatchStatus

FOLLOW_SECONDS = 0.2
RETRY_SECONDS = 30.0
IDLE_SECONDS = 2.0
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class Started:
    """What came of a start: the numbers of the runs, or without any the words that say why."""

    runs: tuple[int, ...] = ()
    words: str = ""


class Runs(Protocol):
    """The runs of the project, as far as a watcher needs them."""

    def going(self) -> Going:
        """Return what is going on."""

    def start(self, config: Config, trigger: Mapping[str, Any]) -> Started:
        """Start what the configuration says; raises WorkbenchError."""

    def stop(self, numbers: Sequence[int]) -> None:
        """Ask runs to stop; raises WorkbenchError."""

    def outcome(self, number: int) -> str:
        """Return in a few words how a run ended."""


Tell = Callable[..., None]  # (event, text, **facts)


class Watcher:
    """Watches one project folder; all calls come from one thread, `now` is in seconds since the epoch."""

    def __init__(
        self, root: str, config: Config, hints: Hints, observe: Callable[[], Observer], runs: Runs, tell: Tell
    ) -> None:
        self.root = root
        self.config = config
        self.rules = rules.of_config(config)
        self.observer = observe()
        self._hints = hints
        self._runs = runs
        self._tell = tell
        self._state = rules.State()
        self._known = Known()
        self._reader = Reader(root, hints)
        self._own: tuple[int, ...] = ()
        self._stages = False  # what was started has stages, and more of them may come
        self._own_ended = 0.0
        self._stopped: list[int] = []
        self._restarted: list[int] = []
        self._next_look = 0.0
        self._network = False
        self._device = 0
        self._config_problem = ""
        self._problem = ""
        self._full = False
        self._facts = WatchStatus()
        self._waiting = ""
        self.ending = False  # set from a signal: reading stops at once, in the middle of a file if need be

    # --- what it knows

    def begin(self, now: float) -> None:
        """Take the files as they are and start to read them."""
        self._adopt()
        self._next_look = now + self._pause(0.0)
        self._facts = WatchStatus(pid=os.getpid(), since=now)

    def close(self) -> None:
        """Stop the threads."""
        self._reader.close()
        self.observer.close()

    def status(self) -> WatchStatus:
        """Return how it is watched now."""
        observed = self.observer.problem
        problem = f"{observed.reason}: {observed.hint}" if observed else ""
        if self._full:
            problem = f"{files.FILES_LIMIT:,} files are watched, new ones among the rest are not. Narrow [watch] paths."
        how = self.observer.how + (", polling on a network mount" if self._network else "")
        return replace(
            self._facts,
            alive=True,
            how=how,
            paths=self.rules.paths,
            files=len(self._known) - (not self.rules.watches(CONFIG_NAME) and self._known.get(CONFIG_NAME) is not None),
            directories=len(self.observer.folders()),
            unread=0 if self._reader.idle else self._known.unread(),
            waiting=self._waiting,
            problem=self._config_problem or self._problem or rules.chain_problem(self._state) or problem,
        )

    def _adopt(self) -> None:
        """Take the files that the rules name as they are, and keep what is known of those that were named before."""
        before, self._known = self._known, Known()
        for folder in self.observer.folders():
            if not self.rules.enters(folder):
                self.observer.forget(folder)
        unread = []
        for path, found in self._walk(""):
            facts, digest = before.get(path) or (found, b"")
            self._known.set(path, facts, digest)
            if not digest:
                unread.append((files.size_of(facts), path))
            if len(self._known) >= files.FILES_LIMIT:
                break
        self._full = len(self._known) >= files.FILES_LIMIT
        for path, facts, digest in before.items():  # a file that vanished and was not yet acted on
            if self.rules.follows(path) and self._known.get(path) is None:
                self._known.set(path, facts, digest)
        self._reader.add(sorted(unread))

    def _walk(self, folder: str) -> Iterator[tuple[str, Facts]]:
        for here, listing in files.walk(self.root, folder, self.rules, self.observer.add):
            self._note_device(here, listing.device)
            prefix = f"{here}/" if here else ""
            for name, facts in listing.files.items():
                yield prefix + name, facts

    def _note_device(self, folder: str, device: int) -> None:
        if not folder:
            self._device = device
        elif device and device != self._device and not self._network:
            self._network = is_network(file_system(files.absolute(self.root, folder)))

    # --- hints

    def take(self, hints: Iterable[Hint], now: float) -> None:
        """Look where the hints point."""
        wanted = dict.fromkeys(hints)
        paths = [hint.path for hint in wanted if hint.kind == "file" and self.rules.follows(hint.path)]
        if paths:
            self._state = rules.touch(
                self._state, [(path, files.look(self.root, path)) for path in paths], now, event=True
            )
        trees = {hint.path for hint in wanted if hint.kind == "tree" and self.rules.enters(hint.path)}
        for tree in sorted(trees):
            if not any(_parent in trees for _parent in _parents(tree)):
                self._look_at(tree, now)

    def _look_at(self, folder: str, now: float) -> None:
        """Compare a folder and all below it with what is known; touch what differs."""
        seen: list[tuple[str, Facts | None]] = []
        present: set[str] = set()
        folders: set[str] = set()

        def entering(here: str) -> None:
            folders.add(here)
            self.observer.add(here)

        for here, listing in files.walk(self.root, folder, self.rules, entering):
            prefix = f"{here}/" if here else ""
            for name, facts in listing.files.items():
                path = prefix + name
                present.add(path)
                known = self._known.get(path)
                # With the limit reached, a file that is not known may well be an old one.
                if (known is None and not self._full) or (known is not None and known[0] != facts):
                    seen.append((path, facts))
        gone = [path for path in self._known.below(folder) if path not in present]
        seen.extend((path, None) for path in gone)
        for each in self.observer.folders():
            if is_below(each, folder) and (each not in folders or not files.absolute(self.root, each).is_dir()):
                self.observer.forget(each)
        if seen:
            self._state = rules.touch(self._state, seen, now, event=False)

    def _pause(self, cost: float) -> float:
        pause = min(self.observer.pause, NETWORK_SECONDS) if self._network else self.observer.pause
        return max(pause, 20 * cost)

    # --- steps

    def step(self, now: float) -> float:
        """Do what is due; return how many seconds may pass until the next step, where no hint comes before."""
        self._take_hashes()
        if now >= self._next_look:
            begun = time.monotonic()
            self._look_at("", now)
            self._next_look = now + self._pause(time.monotonic() - begun)
        going = self._follow_runs(now)
        state = self._visible()
        emptied = self.rules.emptied(state.changes.values(), self._known.paths()) if not state.touched else ()
        plan = rules.plan(state, self.rules, going, now, emptied)
        self._waiting = clean(plan.why) if plan.why != "changes go on" else ""
        if plan.read:
            self._settle(plan.read, now, going)
            return 0.0
        if plan.stop:
            self._stop(plan.stop)
        if plan.start:
            self._start(plan.start, now)
        busy = self._own or self._stages or self._state.changes
        limits = [IDLE_SECONDS, self._next_look - now, FOLLOW_SECONDS if busy else IDLE_SECONDS]
        if plan.wait is not None:
            limits.append(plan.wait)
        return max(0.0, min(limits))

    def _visible(self) -> rules.State:
        """Return the state without a broken workbench.toml, which starts nothing until it is mended."""
        if not self._config_problem or CONFIG_NAME not in self._state.changes:
            return self._state
        changes = {path: change for path, change in self._state.changes.items() if path != CONFIG_NAME}
        return replace(self._state, changes=changes)

    def _take_hashes(self) -> None:
        for path, facts, digest in self._reader.results():
            known = self._known.get(path)
            if known is not None and not known[1] and known[0] == facts:
                self._known.set(path, facts, digest)

    def _follow_runs(self, now: float) -> Going:
        if not self._own and not self._stages and not self._state.changes:
            return Going()
        going = self._runs.going()
        ended = [number for number in self._own if number not in going.own]
        for number in ended:
            self._tell("ended", f"run {number} {self._runs.outcome(number)}", run=number)
        if going.own:
            self._facts = replace(self._facts, last_run=going.own[-1])
        if (ended or self._stages) and not going.own and not going.stages:
            self._own_ended = now
            self._state = rules.ended(self._state, now)
        self._own, self._stages = going.own, self._stages and going.stages
        return going

    def _settle(self, paths: Sequence[str], now: float, going: Going) -> None:
        """Read files that have been left alone, and keep what is another content as a change."""
        touched = dict(self._state.touched)
        during = all(going.own or going.stages or touched[path].first <= self._own_ended for path in paths)
        found, again = [], []
        for path in paths:
            if self.ending:
                return
            touch = touched.pop(path)
            try:
                change = self._read(path)
            except files.Unsteady:
                again.append((path, files.look(self.root, path)))
                continue
            except files.Unreadable as error:
                self._tell("problem", f"{path} cannot be read: {error}", path=path)
                continue
            if change is not None:
                found.append(change)
                self._facts = replace(self._facts, last_change=touch.last)
        self._state = replace(self._state, touched=touched)
        if again:
            self._state = rules.touch(self._state, again, now, event=True)
        self._note(found, len(paths) - len(again), during)

    def _read(self, path: str) -> Change | None:
        """Read a file and take note of its content; return the change, None where the content is the same."""
        known = self._known.get(path)
        facts = files.look(self.root, path)
        if (
            known is not None
            and known[1]
            and known[0] == facts
            and time.time_ns() - files.changed_at(facts) > _SETTLED_NS
        ):
            return None
        content = files.read(self.root, path, lambda: not self.ending) if facts is not None else None
        if content is None:
            self._known.remove(path)
        else:
            self._known.set(path, *content)
        old = None if known is None else known[1].hex() or rules.UNKNOWN
        new = None if content is None else content[1].hex()
        return None if old == new else Change(path, old, new, rules.classify(path, self.rules))

    def _note(self, found: Sequence[Change], looked: int, during: bool) -> None:
        if not found:
            if looked:
                self._tell("same", f"{looked} file{'s' if looked > 1 else ''} touched, the content is the same")
            return
        held = during and (self._state.held or not self._state.changes)
        changes = rules.merge(self._state.changes, found)
        self._state = replace(self._state, changes=changes, held=held)
        self._tell("change", _summary(found), files=[change._asdict() for change in found[: rules.FILES_KEPT]])
        if any(change.path == CONFIG_NAME for change in found):
            self._reload()

    # --- what it does

    def _reload(self) -> None:
        """Read workbench.toml again; while it is broken the old rules stay."""
        try:
            config = configuration.load(files.absolute(self.root, CONFIG_NAME))
            if not any(step.command for step in config.steps):
                raise ConfigError("workbench.toml names no command to run", 'Add  [train] command = "python train.py"')
        except WorkbenchError as error:
            self._config_problem = clean(f"{error.message}. The rules before it stay. {error.hint}")
            self._tell("problem", self._config_problem)
            return
        self._config_problem = ""
        if config == self.config:
            return
        self.config, self.rules = config, rules.of_config(config)
        self._adopt()
        self._state = replace(
            self._state,
            touched={path: each for path, each in self._state.touched.items() if self.rules.follows(path)},
            changes={path: each for path, each in self._state.changes.items() if self.rules.watches(path)},
        )
        self._tell("rules", f"workbench.toml read again: {', '.join(self.rules.paths)}")

    def _stop(self, numbers: Sequence[int]) -> None:
        new = [number for number in numbers if number not in self._stopped]
        if not new:
            return
        try:
            self._runs.stop(new)
        except WorkbenchError as error:
            self._problem = clean(f"{error.message}. {error.hint}")
            return
        self._stopped.extend(new)
        self._restarted.extend(new)
        self._tell("stop", f"stopping run {', '.join(map(str, new))} to start anew", runs=new)

    def _start(self, changes: Sequence[Change], now: float) -> None:
        changes = [change for change in changes if self.rules.watches(change.path)]
        if changes:
            try:
                started = self._runs.start(self.config, rules.trigger(changes, self._restarted))
            except WorkbenchError as error:
                self._problem = clean(f"{error.message}. {error.hint}")
                self._state = replace(self._state, not_before=now + RETRY_SECONDS)
                self._tell("problem", self._problem)
                return
            self._problem, self._own, self._stages = "", started.runs, bool(self.config.stages)
            self._tell_start(changes, started)
        kept = {path: each for path, each in self._state.changes.items() if path not in self._visible().changes}
        self._state = replace(rules.started(self._state, now), changes=kept) if changes else self._dropped(kept)
        self._stopped, self._restarted = [], []

    def _tell_start(self, changes: Sequence[Change], started: Started) -> None:
        if started.runs:
            self._facts = replace(self._facts, last_run=started.runs[-1])
            numbers = ", ".join(map(str, started.runs))
            self._tell("start", f"{_summary(changes)} → run {numbers}", runs=list(started.runs))
        else:
            self._tell("start", f"{_summary(changes)}; {started.words}", runs=[])

    def _dropped(self, kept: Mapping[str, Change]) -> rules.State:
        return replace(self._state, changes=kept)


def _summary(changes: Sequence[Change]) -> str:
    kinds = {change.what for change in changes}
    what = ", ".join(kind for kind in rules.KINDS if kind in kinds)
    verb = {True: "removed", False: "changed"}[all(change.new is None for change in changes)]
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return f"{what}: {', '.join(change.path for change in changes[:3])}{more} {verb}"


def _parents(folder: str) -> Iterator[str]:
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder
