"""Following what a run prints, line by line and clean, while it goes on."""

from __future__ import annotations

import codecs
from pathlib import Path

from workbench.safe import clean_log_line

BLOCK = 1 << 18
MOST_PENDING = 1 << 16


class Tail:
    """Reads a growing file from where it stopped last; a line that is not finished yet waits in `pending`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending = ""
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def lines(self) -> list[str]:
        """Return the lines that were finished since the last call, at most one block of them."""
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self._offset)
                block = file.read(BLOCK)
        except FileNotFoundError:
            return []
        if not block:
            return []
        self._offset += len(block)
        *finished, self.pending = (self.pending + self._decoder.decode(block)).split("\n")
        if len(self.pending) > MOST_PENDING:
            self._shorten(finished)
        return [clean_log_line(line) for line in finished]

    def rest(self) -> list[str]:
        """Return the last line where it has no end; for when the file grows no more."""
        last, self.pending = self.pending + self._decoder.decode(b"", final=True), ""
        return [clean_log_line(last)] if last else []

    def _shorten(self, finished: list[str]) -> None:
        """Of an endless line keep what the last `\\r` left; without one it counts as finished."""
        before, sign, after = self.pending.rpartition("\r")
        if sign:
            self.pending = before[-200:] + "\r" + after[-MOST_PENDING:]
        else:
            finished.append(self.pending)
            self.pending = ""
