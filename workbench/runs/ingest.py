"""From the files of a run into the store, exactly once: what was read and how far is one transaction."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.runs import journal
from workbench.runs.model import CHECKS
from workbench.runs.rows import add_notice, name_id, save_params, text
from workbench.store.connection import transaction
from workbench.tracking import JOURNAL_FOLDER

BLOCK = 4 << 20  # bytes of a journal or of the output that one transaction takes in
OUTPUT_NAME = "output.log"
LINE_LIMIT = 16_384


@dataclass
class Summary:
    """What is known of one metric of the run without looking at its points."""

    name: int
    count: int = 0
    odd: int = 0
    greatest_seen_step: int = -(1 << 63) - 1
    last: float | None = None
    last_step: int = 0
    last_t: int = 0
    least: float | None = None
    least_step: int | None = None
    greatest: float | None = None
    greatest_step: int | None = None
    changed: bool = False

    def add(self, step: int, t: int, value: float) -> tuple[int, int, int, int, float]:
        """Take one point in and return its row: name, step, seq, t, value."""
        seq = 0 if step > self.greatest_seen_step else self.count
        self.greatest_seen_step = max(step, self.greatest_seen_step)
        self.count += 1
        self.changed = True
        self.last, self.last_step, self.last_t = value, step, t
        if not math.isfinite(value):
            self.odd += 1
            return (self.name, step, seq, t, value)
        if self.least is None or value < self.least:
            self.least, self.least_step = value, step
        if self.greatest is None or value > self.greatest:
            self.greatest, self.greatest_step = value, step
        return (self.name, step, seq, t, value)


@dataclass
class _Tail:
    """How far a file is read, and what must be remembered across that offset."""

    offset: int = 0
    names: dict[int, str] = field(default_factory=dict)


class Ingest:
    """Follows the journals and the output of one run; every `take` is one transaction and may be repeated safely."""

    def __init__(self, connection: sqlite3.Connection, run: int, folder: Path, started: float) -> None:
        self.connection = connection
        self.run = run
        self.folder = folder
        self.started = started
        self._reset()

    def _reset(self) -> None:
        self._tails: dict[str, _Tail] = {}
        self._summaries: dict[tuple[str, str], Summary] = {}
        self._parsers: dict[str, Any] | None = None
        self._memories: dict[str, dict[str, Any]] = {}
        self._logs_itself = False
        rows = self.connection.execute("SELECT file, offset, state FROM journals WHERE run = ?", (self.run,))
        for file, offset, state in rows.fetchall():
            self._restore(file, offset, json.loads(state))

    def _restore(self, file: str, offset: int, state: dict[str, Any]) -> None:
        names = {int(key): name for key, name in state.get("names", {}).items()}
        self._tails[file] = _Tail(offset, names)
        if file == OUTPUT_NAME:
            self._memories = state.get("parsers", {})
        self._logs_itself = self._logs_itself or bool(names)

    def take(self) -> bool:
        """Store what came since the last time, at most BLOCK bytes a file; return whether there may be more."""
        stretches = [(path, *self._unread(path)) for path in self._files()]
        stretches = [stretch for stretch in stretches if stretch[2]]
        if not stretches:
            return False
        more = False
        try:
            with transaction(self.connection):
                for path, offset, data in stretches:
                    taken = self._output(data) if path.name == OUTPUT_NAME else self._journal(path.name, data, offset)
                    more = more or (taken > 0 and len(data) >= BLOCK)
                self._save_summaries()
        except BaseException:
            self._reset()
            raise
        return more

    def take_all(self) -> None:
        """Store everything that is there."""
        while self.take():
            pass

    def finish_output(self) -> None:
        """Take a last line that has no line break as a whole line."""
        path = self.folder / OUTPUT_NAME
        _, data = self._unread(path)
        if data and not self._logs_itself:
            with transaction(self.connection):
                self._scalars(data)
                self._save_tail(OUTPUT_NAME, len(data), self._parser_state())
                self._save_summaries()

    def add_points(self, space: str, values: Mapping[str, float], step: int, time: float) -> None:
        """Store one value for each name, inside the caller's transaction or in none."""
        t = self._milliseconds(time)
        rows = [self._summary(space, name).add(step, t, value) for name, value in values.items()]
        self._insert(rows)
        self._save_summaries()

    @property
    def metric_count(self) -> int:
        """How many metrics the run has, those of the machine left out."""
        return sum(1 for space, _ in self._summaries if space == "metric")

    def _files(self) -> list[Path]:
        journals = sorted((self.folder / JOURNAL_FOLDER).glob("*.wbj"))
        output = self.folder / OUTPUT_NAME
        return [*journals, output] if output.exists() else journals

    def _unread(self, path: Path) -> tuple[int, bytes]:
        offset = self._tails.setdefault(path.name, _Tail()).offset
        try:
            with path.open("rb") as file:
                if path.name == OUTPUT_NAME and file.seek(0, 2) <= offset:
                    return offset, b""
                file.seek(offset)
                data = file.read(BLOCK)
        except FileNotFoundError:
            return offset, b""
        if path.name != OUTPUT_NAME and data[:1] in (b"", b"\0"):
            return offset, b""
        return offset, data

    def _journal(self, file: str, data: bytes, offset: int) -> int:
        records = journal.read(data, at_start=offset == 0)
        if not records.size:
            return 0
        tail = self._tails[file]
        tail.names.update(records.names)
        self._logs_itself = self._logs_itself or bool(records.points)
        summaries = {number: self._summary("metric", name) for number, name in tail.names.items()}
        rows = []
        for number, step, time, value in records.points:
            summary = summaries.get(number)
            if summary is not None:
                rows.append(summary.add(step, self._milliseconds(time), value))
        self._insert(rows)
        for item in records.objects:
            self._object(item)
        if records.problem:
            add_notice(self.connection, self.run, 0, f"journal: {records.problem}")
        self._save_tail(file, records.size, {"names": tail.names})
        return records.size

    def _output(self, data: bytes) -> int:
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if cut == 0 and len(data) >= LINE_LIMIT:
            cut = len(data)
        if cut == 0:
            return 0
        if not self._logs_itself:
            self._scalars(data[:cut])
        self._save_tail(OUTPUT_NAME, cut, self._parser_state())
        return cut

    def _scalars(self, data: bytes) -> None:
        t = self._milliseconds(self._now(OUTPUT_NAME))
        lines = [raw.decode("utf-8", "replace") for raw in data.replace(b"\r", b"\n").split(b"\n")]
        lines = [line for line in lines if line and len(line) <= LINE_LIMIT]
        for name, parser in list(self._open_parsers().items()):
            try:
                scalars = [scalar for line in lines for scalar in parser.parse(line)]
            except Exception as error:
                del self._open_parsers()[name]
                add_notice(self.connection, self.run, t, f"plugin {name} is switched off: {error!r}")
                continue
            self._insert([self._scalar_row(scalar, t) for scalar in scalars])

    def _scalar_row(self, scalar: tuple[str, float, int | None], t: int) -> tuple[int, int, int, int, float]:
        name, value, step = scalar
        summary = self._summary("metric", name)
        return summary.add(summary.count if step is None else step, t, value)

    def _open_parsers(self) -> dict[str, Any]:
        """Return the parsers of printed lines, made when the first line comes; a check prints figures of data alone."""
        if self._parsers is None:
            (kind,) = self.connection.execute("SELECT kind FROM runs WHERE id = ?", (self.run,)).fetchone()
            if kind in CHECKS:
                self._parsers = {}
                return self._parsers
            from workbench.plugins import loaded

            plugins = loaded()
            factories = plugins.line_parsers()
            self._parsers = {name: factory(self._memories.get(name, {})) for name, factory in factories.items()}
            for problem in plugins.problems:
                add_notice(self.connection, self.run, 0, problem)
        return self._parsers

    def _parser_state(self) -> dict[str, Any]:
        if self._parsers is None:
            return {"parsers": self._memories}
        return {"parsers": {name: parser.memory() for name, parser in self._parsers.items()}}

    def _now(self, file: str) -> float:
        """When the output was last written, which is when its last lines came."""
        try:
            return (self.folder / file).stat().st_mtime
        except OSError:
            return self.started

    def _milliseconds(self, time: float) -> int:
        difference = (time - self.started) * 1000
        return int(difference) if -1e15 < difference < 1e15 else 0

    def _summary(self, space: str, name: str) -> Summary:
        found = self._summaries.get((space, name))
        if found is None:
            found = self._summaries[space, name] = self._load_summary(name_id(self.connection, space, name))
        return found

    def _load_summary(self, name: int) -> Summary:
        row = self.connection.execute(
            "SELECT count, odd, last, last_step, last_t, least, least_step, greatest, greatest_step,"
            " (SELECT max(step) FROM points p WHERE p.run = m.run AND p.name = m.name)"
            " FROM metrics m WHERE run = ? AND name = ?",
            (self.run, name),
        ).fetchone()
        if row is None:
            return Summary(name)
        count, odd, last, last_step, last_t, least, least_step, greatest, greatest_step, seen = row
        return Summary(
            name, count, odd, seen, last, last_step, last_t, least, least_step, greatest, greatest_step
        )  # fmt: skip

    def _insert(self, rows: Iterable[tuple[int, int, int, int, float]]) -> None:
        self.connection.executemany(
            "INSERT INTO points (name, step, seq, t, value, run) VALUES (?, ?, ?, ?, ?, ?)",
            [(*row, self.run) for row in rows],
        )

    def _save_summaries(self) -> None:
        rows = [
            (
                self.run, s.name, s.last, s.last_step, s.least, s.least_step,
                s.greatest, s.greatest_step, s.count, s.last_t, s.odd,
            )
            for s in self._summaries.values()
            if s.changed
        ]  # fmt: skip
        self.connection.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for summary in self._summaries.values():
            summary.changed = False

    def _save_tail(self, file: str, size: int, state: dict[str, Any]) -> None:
        tail = self._tails[file]
        tail.offset += size
        self.connection.execute(
            "INSERT OR REPLACE INTO journals (run, file, offset, state) VALUES (?, ?, ?, ?)",
            (self.run, file, tail.offset, json.dumps(state)),
        )

    def _object(self, item: dict[str, Any]) -> None:
        kind = item.get("type")
        time = item.get("time")
        t = self._milliseconds(time) if isinstance(time, (int, float)) else 0
        if kind == "params" and isinstance(item.get("params"), dict):
            save_params(self.connection, self.run, item["params"], "script")
        elif kind == "notice":
            add_notice(self.connection, self.run, t, str(item.get("text", "")))
        elif kind in ("artifact", "model"):
            path, facts = str(item.get("path", "")), json.dumps(item.get("facts") or {})
            self.connection.execute(
                "INSERT OR REPLACE INTO outputs (run, path, kind, facts) VALUES (?, ?, ?, ?)",
                (self.run, text(path), kind, facts),
            )
