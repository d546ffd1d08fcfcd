"""The one place where an error becomes words on stderr and an exit code."""

from __future__ import annotations

import errno
import sqlite3
import sys
import time
import traceback
from pathlib import Path

from workbench.errors import EnvironmentProblem, StoreError, WorkbenchError
from workbench.safe import clean, clean_block

_STEPS = {
    errno.ENOSPC: "Free some space: df -h .",
    errno.EDQUOT: "Free some space: your quota is used up.",
    errno.EACCES: "Check who owns the folder: ls -ld .workbench",
    errno.EPERM: "Check who owns the folder: ls -ld .workbench",
    errno.EROFS: "Make the file system writable, or copy the project elsewhere.",
    errno.EMFILE: "Allow more open files: ulimit -n 4096",
}


def show(error: Exception) -> int:
    """Print what went wrong and the next step on stderr; return the exit code."""
    told = explained(error)
    print(f"error: {clean_block(told.message, 2000)}", file=sys.stderr)
    if told.hint:
        print(f"hint: {clean_block(told.hint, 2000)}", file=sys.stderr)
    return told.exit_code


def explained(error: Exception) -> WorkbenchError:
    """Return any error as one that has a message and a hint; what nobody foresaw goes to a log file."""
    if isinstance(error, WorkbenchError):
        return error
    if isinstance(error, sqlite3.Error):
        return StoreError(f"The store answered: {error}", "workbench doctor")
    if isinstance(error, OSError) and error.strerror:
        place = f" ({clean(str(error.filename))})" if error.filename else ""
        return EnvironmentProblem(f"{error.strerror}{place}", _STEPS.get(error.errno or 0, "workbench doctor"))
    words = clean(f"{type(error).__name__}: {error}", 300)
    return EnvironmentProblem(f"Something unforeseen happened ({words})", _keep(error))


def _keep(error: Exception) -> str:
    """Write the details to a log file; return the sentence that says where it is."""
    from workbench.paths import FOLDER_NAME, user_cache_folder

    details = "".join(traceback.format_exception(error))
    inner = Path(FOLDER_NAME)
    for folder in ([inner] if inner.is_dir() else []) + [user_cache_folder()]:
        path = folder.absolute() / "errors.log"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"--- {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {sys.argv[1:2]}\n{details}\n")
        except OSError:
            continue
        return f"The details are in {path}"
    return "WORKBENCH_DEBUG=1 shows the details."
