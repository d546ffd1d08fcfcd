"""Lock files: whoever holds one lives, for its death frees it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_PATIENCE = 0.5


def take(path: Path) -> int | None:
    """Return a descriptor that holds the lock at `path`, or None where another process has it; raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            # Whoever asks whether the lock is held has it for a moment, too.
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(0.01)


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock for itself."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_ours(path: Path, descriptor: int) -> bool:
    """Return whether the lock we hold is still the file at `path`, not one that was removed or made again."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116
    except OSError:
        return False
