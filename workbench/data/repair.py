"""A stream of text in which every byte that is no UTF-8 has become U+FFFD, so that the rest can be read."""

from __future__ import annotations

import codecs
import io
from typing import Any

BLOCK = 1 << 20
REPLACED = "\ufffd"


class Repaired(io.RawIOBase):
    """Reads what another stream of bytes has, as valid UTF-8."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = b""
        self._ended = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something; 0 at the end."""
        while not self._waiting and not self._ended:
            block = self._source.read(BLOCK)
            self._ended = not block
            self._waiting = self._decoder.decode(block, final=self._ended).encode("utf-8")
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count
