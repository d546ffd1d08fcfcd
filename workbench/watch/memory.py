"""What a watcher remembers of the files, and the thread that reads them for the first time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from workbench.watch import files
from workbench.watch.observer import Hint, Hints
from workbench.watch.rules import Facts


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it; "" is the project's folder."""
    return not folder or path == folder or path.startswith(f"{folder}/")


class Known:
    """What each watched file was when it was last looked at; names are kept once per folder to save memory."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, bytes]] = {}  # facts and digest in one
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, path: str) -> tuple[Facts, bytes] | None:
        """Return facts and digest of a file (b"" where it was not read yet), or None."""
        folder, _, name = path.rpartition("/")
        kept = self._folders.get(folder, {}).get(name)
        return None if kept is None else (kept[: files.FACTS_SIZE], kept[files.FACTS_SIZE :])

    def set(self, path: str, facts: Facts, digest: bytes) -> None:
        """Remember a file."""
        folder, _, name = path.rpartition("/")
        names = self._folders.setdefault(folder, {})
        self._count += name not in names
        names[name] = facts + digest

    def remove(self, path: str) -> None:
        """Forget a file."""
        folder, _, name = path.rpartition("/")
        names = self._folders.get(folder, {})
        self._count -= names.pop(name, None) is not None
        if not names:
            self._folders.pop(folder, None)

    def items(self) -> Iterator[tuple[str, Facts, bytes]]:
        """Yield path, facts and digest of every file."""
        for folder, names in self._folders.items():
            prefix = f"{folder}/" if folder else ""
            for name, kept in names.items():
                yield prefix + name, kept[: files.FACTS_SIZE], kept[files.FACTS_SIZE :]

    def paths(self) -> Iterator[str]:
        """Yield the path of every file."""
        return (path for path, _, _ in self.items())

    def below(self, folder: str) -> list[str]:
        """Return the files in a folder and all below it."""
        chosen = [each for each in self._folders if is_below(each, folder)]
        return [f"{each}/{name}" if each else name for each in chosen for name in self._folders[each]]

    def unread(self) -> int:
        """Return how many files were not read yet."""
        return sum(not digest for _, _, digest in self.items())


class Reader:
    """A thread that reads files which nobody has read yet, and stops at once when asked."""

    def __init__(self, root: str, hints: Hints) -> None:
        self._root = root
        self._hints = hints
        self._work: queue.SimpleQueue[Sequence[tuple[int, str]] | None] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[tuple[str, Facts, bytes]] = queue.SimpleQueue()
        self._waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._go, name="reader", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to read."""
        return self._waiting == 0 and self._found.empty()

    def add(self, wanted: Sequence[tuple[int, str]]) -> None:
        """Read these (size, path) in this order."""
        self._waiting += 1
        self._work.put(wanted)

    def results(self) -> Iterator[tuple[str, Facts, bytes]]:
        """Return what has been read since."""
        while not self._found.empty():
            yield self._found.get()

    def close(self) -> None:
        """Stop, in the middle of a file if need be."""
        self._closed = True
        self._work.put(None)
        self._thread.join(timeout=5)

    def _go(self) -> None:
        while (wanted := self._work.get()) is not None:
            for at, (_, path) in enumerate(wanted):
                if self._closed:
                    return
                self._read(path)
                if at % 500 == 499:
                    self._hints.put(Hint("wake"))
            self._waiting -= 1
            self._hints.put(Hint("wake"))

    def _read(self, path: str) -> None:
        try:
            content = files.read(self._root, path, lambda: not self._closed)
        except (files.Unsteady, files.Unreadable):
            return
        if content is not None:
            self._found.put((path, *content))
