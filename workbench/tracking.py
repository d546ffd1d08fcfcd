"""What a training script imports: standard library only, and nothing but no-ops outside a run.

A run is a process that Workbench started: it finds its folder in the environment variable ``WORKBENCH_RUN_DIR``.
Every call appends to a journal in that folder. The journal is mapped into memory, so that a call costs no system
call and the kernel still holds every record when the process is killed; each record's first byte is written last,
so a record is there whole or not at all.
"""

from __future__ import annotations

# pathlib, and threading where _thread will do, would take most of the time of importing this module.
# ruff: noqa: PTH103, PTH118
import _thread
import atexit
import mmap
import os
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

# The journal: MAGIC, then records. A point is POINT_TAG and POINT (28 bytes); any other record is its tag, a length
# (LENGTH) and that many bytes, so that a reader can step over tags that it does not know. A zero byte where a tag
# should be means: nothing more yet.
MAGIC = b"WBJRNL\x01\n"
POINT_TAG = 0x50  # P: name id, step, seconds since the epoch, value
NAME_TAG = 0x4E  # N: name id, then the name in UTF-8
JSON_TAG = 0x4A  # J: an object with a "type"
POINT = struct.Struct("<Iqdd")
LENGTH = struct.Struct("<I")
POINT_SIZE = 1 + POINT.size

RUN_FOLDER_VARIABLE = "WORKBENCH_RUN_DIR"
PARAMS_NAME = "params.json"
JOURNAL_FOLDER = "journal"
CHECKPOINT_FOLDER = "checkpoint"
ARTIFACT_FOLDER = "artifacts"

_FIRST_CHUNK = 1 << 16
_LARGEST_CHUNK = 1 << 22
_NAME_LIMIT = 250
_PENDING_LIMIT = 64 << 20
_RETRY_SECONDS = 1.0
_LEAST_STEP, _GREATEST_STEP = -(1 << 63), (1 << 63) - 1


class Journal:
    """The append-only file of one process of a run; safe to use from several threads."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{time.time_ns()}-{os.getpid()}.wbj")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
        self._mapped = hasattr(os, "posix_fallocate")
        self._map: mmap.mmap | None = None
        self._start = 0  # where in the file the map begins
        self._at = 0  # where in the map the next record goes
        self._room = 0  # how much of the map may be used
        self._chunk = _FIRST_CHUNK
        self._names: dict[Any, list[int]] = {}  # name -> [id, next step when none is given]
        self._pending: list[bytes] = []  # records that found no room on the disk
        self._pending_size = 0
        self._retry_at = 0.0
        self._lock = _thread.allocate_lock()
        with self._lock:
            self._append(MAGIC)

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Append one point for each metric; a value that is no number becomes a notice."""
        now = time.time()
        with self._lock:
            for name, value in metrics.items():
                entry = self._names.get(name) or self._name(name)
                at = self._at
                this = entry[1] if step is None else step
                if at + POINT_SIZE > self._room or self._pending:
                    self._slow_point(entry, name, this, now, value)
                    continue
                try:
                    POINT.pack_into(self._map, at + 1, entry[0], this, now, value)  # type: ignore[arg-type]
                except (struct.error, TypeError, ValueError, OverflowError):
                    self._slow_point(entry, name, this, now, value)
                    continue
                self._map[at] = POINT_TAG  # type: ignore[index]
                self._at = at + POINT_SIZE
                entry[1] = this + 1

    def record(self, kind: str, **fields: Any) -> None:
        """Append one JSON record."""
        import json

        body = {"type": kind, "time": time.time(), **fields}
        text = json.dumps(body, default=_plain, allow_nan=True).encode()
        with self._lock:
            self._append(bytes((JSON_TAG,)) + LENGTH.pack(len(text)) + text)

    def close(self) -> None:
        """Write what is still waiting for room, and give back the room that was not used."""
        with self._lock:
            self._flush_pending(force=True)
            if self._pending:
                _warn("pending", f"the disk is full: {len(self._pending)} records of this run are lost")
            end = self._start + self._at
            if self._map is not None:
                self._map.close()
                self._map = None
                os.ftruncate(self._file, end)
            self._room = self._at = 0
            os.close(self._file)

    def _slow_point(self, entry: list[int], name: Any, step: Any, now: float, value: Any) -> None:
        number = _number(value)
        if number is None:
            self._notice(f"metric {str(name)[:_NAME_LIMIT]!r} is not a number: {_shown(value)}")
            return
        whole = _step(step)
        if whole is None:
            self._notice(f"metric {str(name)[:_NAME_LIMIT]!r}: the step is not a whole number: {_shown(step)}")
            whole = entry[1]
        entry[1] = min(whole + 1, _GREATEST_STEP)
        self._append(bytes((POINT_TAG,)) + POINT.pack(entry[0], whole, now, number))

    def _notice(self, text: str) -> None:
        import json

        _warn(text, text)
        body = json.dumps({"type": "notice", "time": time.time(), "text": text}).encode()
        self._append(bytes((JSON_TAG,)) + LENGTH.pack(len(body)) + body)

    def _name(self, name: Any) -> list[int]:
        text = str(name)[:_NAME_LIMIT].encode("utf-8", "backslashreplace")
        entry = self._names[name] = [len(self._names), 0]
        self._append(bytes((NAME_TAG,)) + LENGTH.pack(4 + len(text)) + LENGTH.pack(entry[0]) + text)
        return entry

    def _append(self, record: bytes) -> None:
        """Write one record, in order; it waits in memory while the disk has no room."""
        self._flush_pending(force=False)
        if self._pending or not self._write(record):
            if self._pending_size + len(record) > _PENDING_LIMIT:
                _warn("limit", "the disk is full and so is the waiting list; further records are lost")
                return
            self._pending.append(record)
            self._pending_size += len(record)

    def _flush_pending(self, *, force: bool) -> None:
        if not self._pending or (not force and time.monotonic() < self._retry_at):
            return
        written = 0
        while written < len(self._pending) and self._write(self._pending[written]):
            written += 1
        self._pending_size -= sum(map(len, self._pending[:written]))
        del self._pending[:written]

    def _write(self, record: bytes) -> bool:
        if self._file < 0:
            return False
        try:
            if self._mapped:
                self._ensure_room(len(record))
                self._put(record)
            else:
                self._write_plain(record)
        except OSError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            _warn("write", f"the journal cannot be written ({error.strerror}); records wait in memory")
            return False
        return True

    def _put(self, record: bytes) -> None:
        assert self._map is not None
        at = self._at
        self._map[at + 1 : at + len(record)] = record[1:]
        self._map[at] = record[0]
        self._at = at + len(record)

    def _ensure_room(self, size: int) -> None:
        """Map room for `size` more bytes; reserved first, as touching a hole on a full disk would kill the process."""
        if self._at + size <= self._room:
            return
        end = self._start + self._at
        start = end - end % mmap.ALLOCATIONGRANULARITY
        length = end - start + max(self._chunk, size)
        os.posix_fallocate(self._file, end, start + length - end)
        fresh = mmap.mmap(self._file, length, offset=start)
        if self._map is not None:
            self._map.close()
        self._map, self._start, self._at, self._room = fresh, start, end - start, length
        self._chunk = min(self._chunk * 2, _LARGEST_CHUNK)

    def _write_plain(self, record: bytes) -> None:
        """Append with a system call, where blocks cannot be reserved; a torn record is taken back."""
        done = 0
        try:
            while done < len(record):
                done += os.write(self._file, record[done:])
        except OSError:
            os.ftruncate(self._file, self._start)
            os.lseek(self._file, self._start, os.SEEK_SET)
            raise
        self._start += done


_journal: Journal | None = None
_journal_lock = _thread.RLock()
_warned: set[str] = set()


def log(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Record each metric's value at `step`, or at one more than its last step; costs about a microsecond.

    NaN and infinities are kept; a value that is no number is kept as a notice. Never raises.
    """
    journal = _journal
    if journal is None:
        journal = _open_journal()
        if journal is None:
            return
    if not hasattr(metrics, "items"):
        _warn("mapping", f"log() takes a dictionary of metrics, not {_shown(metrics)}")
        return
    journal.log(metrics, step)


def log_params(params: Mapping[str, Any]) -> None:
    """Record parameters; a name that is given again takes the new value."""
    journal = _journal or _open_journal()
    if journal is not None and params:
        journal.record("params", params={str(name): _plain(value) for name, value in params.items()})


def log_artifact(path: str | os.PathLike[str], name: str | None = None) -> None:
    """Keep a copy of the file or folder at `path` with the run, under `name`; raises OSError if it cannot be read."""
    journal = _journal or _open_journal()
    if journal is None:
        return
    import shutil
    from pathlib import Path

    source = Path(path)
    relative = _inside(name or source.name)
    target = _run_folder() / ARTIFACT_FOLDER / relative  # type: ignore[operator]
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
    else:
        shutil.copy2(source, target)
    journal.record("artifact", path=relative)


def log_model(model: Any, path: str | os.PathLike[str], example: Any = None) -> None:
    """Save `model` at `path` and, inside a run, its signature and its predictions for up to 100 rows of `example`."""
    from pathlib import Path

    _save_model(model, Path(path))
    journal = _journal or _open_journal()
    if journal is None:
        return
    facts: dict[str, Any] = {"class": f"{type(model).__module__}.{type(model).__qualname__}"}
    if example is not None:
        rows = example[:100]
        facts["inputs"] = _signature(rows)
        facts["golden"] = _golden(model, rows)
    journal.record("model", path=os.fspath(path), facts=facts)


def param(name: str, default: Any = None) -> Any:
    """Return what `-p`, else the parameter file, sets for `name`, else `default`; the value is recorded."""
    folder = _run_folder()
    if folder is None:
        return default
    value = _given_params(folder).get(name, default)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    elif isinstance(default, str) and not isinstance(value, str):
        value = str(value)
    log_params({name: value})
    return value


def checkpoint() -> Path:
    """Return the folder that survives a crash: the next run of the same command with the same parameters gets it back.

    Outside a run it is `checkpoints/` in the working directory. Write to a temporary name there and rename.
    """
    from pathlib import Path

    folder = _run_folder()
    place = Path("checkpoints") if folder is None else folder / CHECKPOINT_FOLDER
    place.mkdir(parents=True, exist_ok=True)
    return place


def _run_folder() -> Path | None:
    value = os.environ.get(RUN_FOLDER_VARIABLE)
    if not value:
        return None
    from pathlib import Path

    return Path(value)


def _open_journal() -> Journal | None:
    global _journal
    folder = os.environ.get(RUN_FOLDER_VARIABLE)
    if not folder:
        return None
    with _journal_lock:
        if _journal is None:
            try:
                _journal = Journal(os.path.join(folder, JOURNAL_FOLDER))
            except OSError as error:
                _warn("open", f"the journal cannot be opened ({error.strerror}); nothing is recorded")
        return _journal


def _forget_journal() -> None:
    """In a forked child: leave the parent's journal alone; the child opens one of its own."""
    global _journal, _journal_lock
    _journal, _journal_lock = None, _thread.RLock()


def _close_journal() -> None:
    global _journal
    journal, _journal = _journal, None
    if journal is not None:
        journal.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_journal)
atexit.register(_close_journal)


def _given_params(folder: Path) -> dict[str, Any]:
    import json

    try:
        found = json.loads((folder / PARAMS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float | None:
    """Return `value` as a float where it is a number, or an array of one."""
    if isinstance(value, (str, bytes)) or value is None:
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    except Exception:
        try:
            return float(value.item())
        except Exception:
            return None


def _step(value: Any) -> int | None:
    try:
        whole = int(value)
    except Exception:
        return None
    return whole if whole == value and _LEAST_STEP <= whole <= _GREATEST_STEP else None


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


def _shown(value: Any) -> str:
    try:
        return ascii(value)[:80]
    except Exception:
        return f"<{type(value).__name__}>"


def _warn(key: str, text: str) -> None:
    """Say it once, on the script's own error output."""
    if key not in _warned and len(_warned) < 100:
        _warned.add(key)
        try:
            print(f"workbench: {text}", file=sys.stderr, flush=True)  # noqa: T201
        except (OSError, ValueError):  # a full disk under the log, or a closed stream, is not the script's trouble
            return


def _inside(name: str) -> str:
    """Return `name` as a relative path that cannot leave its folder."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "artifact"


def _save_model(model: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if type(model).__module__.startswith("torch.") or hasattr(model, "state_dict"):
            import torch  # type: ignore[import-not-found,unused-ignore]

            torch.save(model, temporary)
        else:
            _dump(model, temporary)
        temporary.replace(path)
    finally:
        if temporary.exists():
            temporary.unlink()


def _dump(model: Any, path: Path) -> None:
    try:
        import joblib  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        import pickle

        with path.open("wb") as file:
            pickle.dump(model, file)
    else:
        joblib.dump(model, path)


def _signature(rows: Any) -> list[dict[str, str]]:
    """Return name and type of each input column."""
    if hasattr(rows, "dtypes") and hasattr(rows, "columns"):
        return [
            {"name": str(name), "type": str(kind)}
            for name, kind in zip(rows.columns, rows.dtypes)  # noqa: B905
        ]
    shape, kind = getattr(rows, "shape", (len(rows),)), getattr(rows, "dtype", type(rows).__name__)
    return [{"name": "", "type": str(kind), "shape": str(tuple(shape[1:]))}]


def _golden(model: Any, rows: Any) -> dict[str, Any]:
    """Return the rows and what the model says of them, so that a copy of the model can be held against it."""
    records = rows.to_dict("records") if hasattr(rows, "to_dict") else _plain(rows)
    golden: dict[str, Any] = {"rows": _plain(records)}
    for method in _methods(model, ("predict", "predict_proba")):
        golden[method] = _plain(getattr(model, method)(rows))
    return golden


def _methods(model: Any, names: Iterable[str]) -> list[str]:
    return [name for name in names if callable(getattr(model, name, None))]
