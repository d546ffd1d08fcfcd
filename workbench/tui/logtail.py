"""Reading a growing file of program output by lines, without ever holding it. For the reader's thread."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

from workbench.safe import clean_log_line

BLOCK = 64
"""The place of every so many lines is remembered."""
SCAN_BYTES = 4_000_000
WINDOW_BYTES = 1_000_000


@dataclass(frozen=True)
class LogPart:
    """Lines of a log, cleaned; `first` is the number of the first of them, `total` how many there are so far."""

    first: int = 0
    lines: tuple[str, ...] = ()
    total: int = 0
    size: int = 0
    is_complete: bool = True


class LogFile:
    """One log; it may grow, be cut or be missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clear()

    def _clear(self) -> None:
        self._offset, self._lines, self._open_line = 0, 0, False
        self._blocks = array("q", [0])

    def read(self, first: int | None, rows: int) -> LogPart:
        """Return `rows` lines from line `first` on, or the last ones for None."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                if size < self._offset:
                    self._clear()
                self._scan(file, size)
                total = self._lines + self._open_line
                start = max(0, total - rows) if first is None else max(0, min(first, total - 1))
                lines = self._window(file, start, min(rows, total - start))
        except OSError:
            return LogPart()
        return LogPart(start, lines, total, size, self._offset >= size)

    def _scan(self, file: object, size: int) -> None:
        """Count the lines of what was added, up to SCAN_BYTES at once."""
        read, seek = file.read, file.seek  # type: ignore[attr-defined]
        seek(self._offset)
        budget = min(size - self._offset, SCAN_BYTES)
        while budget > 0:
            chunk: bytes = read(min(budget, 262_144))
            if not chunk:
                break
            place = chunk.find(b"\n")
            while place >= 0:
                self._lines += 1
                if self._lines % BLOCK == 0:
                    self._blocks.append(self._offset + place + 1)
                place = chunk.find(b"\n", place + 1)
            self._offset += len(chunk)
            self._open_line = not chunk.endswith(b"\n")
            budget -= len(chunk)

    def _window(self, file: object, start: int, rows: int) -> tuple[str, ...]:
        file.seek(self._blocks[start // BLOCK])  # type: ignore[attr-defined]
        content: bytes = file.read(WINDOW_BYTES)  # type: ignore[attr-defined]
        skip = start % BLOCK
        found = content.split(b"\n", skip + rows)[skip : skip + rows]
        return tuple(clean_log_line(line.decode("utf-8", errors="replace")) for line in found)
