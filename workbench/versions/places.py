"""Places behind a URL, reached through fsspec: what can go wrong is a sentence, and nothing waits for ever.

Every transfer runs beside the caller, which watches that it moves: a network that hangs is noticed after some seconds
without a single byte. Credentials come from the driver's own settings, and are never shown or kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from workbench.errors import EnvironmentProblem, UsageError, WorkbenchError
from workbench.safe import clean

Found = TypeVar("Found")
Job = Callable[["Pulse"], None]
Tick = Callable[["Pulse"], None]

BLOCK = 8 << 20
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
IDLE_VARIABLE = "WORKBENCH_NETWORK_SECONDS"
WORKERS = 4

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")
_WEB_USER = re.compile(r"(https?://)[^/@\s]+@")
_SECRET_VALUE = re.compile(
    r"([?&][^=&#\s]*(?:sig|token|key|secret|password|credential|auth)[^=&#\s]*=)[^&#\s]*", re.IGNORECASE
)
_SEEN_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"})
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "adl": "adlfs", "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol", "http": "aiohttp", "https": "aiohttp",
    "hf": "huggingface_hub", "oss": "ossfs", "webdav": "webdav4[fsspec]", "github": "requests", "box": "boxfs",
    "dropbox": "dropboxdrivefs", "gdrive": "gdrive-fsspec", "lakefs": "lakefs-spec", "oci": "ocifs",
    "webhdfs": "requests",
}  # fmt: skip


def is_url(text: str) -> bool:
    """Return whether `text` names a place by its URL, as against a path or a glob of the project."""
    return _URL.match(text) is not None


def shown(url: str) -> str:
    """Return a URL as it may be shown and kept: without passwords, tokens and signatures."""
    return _SECRET_VALUE.sub(r"\1***", _PASSWORD.sub(r"\1:***@", _WEB_USER.sub(r"\1***@", url)))


class Cancelled(Exception):  # not an error of ours: it never leaves this module's callers
    """The caller no longer waits."""


class Pulse:
    """What a transfer and its watcher share: bytes and files done, and whether anybody still waits."""

    def __init__(self) -> None:
        self.bytes = 0
        self.files = 0
        self._lock = threading.Lock()
        self._moved = time.monotonic()
        self._cancelled = threading.Event()

    def move(self, count: int = 0, files: int = 0) -> None:
        """Note that something arrived; raises Cancelled when nobody waits for it."""
        if self._cancelled.is_set():
            raise Cancelled
        with self._lock:
            self.bytes += count
            self.files += files
            self._moved = time.monotonic()

    def cancel(self) -> None:
        """Let the next `move` raise."""
        self._cancelled.set()

    def idle(self) -> float:
        """Return for how many seconds nothing moved."""
        return time.monotonic() - self._moved


def attend(
    jobs: Sequence[Job],
    *,
    workers: int = WORKERS,
    limit: float | None = None,
    tick: Tick | None = None,
) -> None:
    """Do the jobs, a few at once, and watch that they move; `tick` is called in this thread about ten times a second.

    The first error stops the others and is raised. Raises EnvironmentProblem after `limit` seconds without a byte.
    """
    limit = idle_seconds() if limit is None else limit
    pulse, ended = Pulse(), queue.SimpleQueue[BaseException | None]()
    threads: list[threading.Thread] = []
    try:
        _start(threads, jobs, workers, pulse, ended)
        left = len(threads)
        while left:
            with contextlib.suppress(queue.Empty):
                problem = ended.get(timeout=0.1)
                if problem is not None:
                    raise problem
                left -= 1
            if left and pulse.idle() > limit:
                raise EnvironmentProblem(f"no answer for {limit:g} seconds", AGAIN)
            if tick is not None:
                tick(pulse)
    except BaseException:
        pulse.cancel()
        deadline = time.monotonic() + 2.0
        for thread in threads:  # those that still move clean up behind themselves
            thread.join(max(0.0, deadline - time.monotonic()))
        raise


def _start(
    threads: list[threading.Thread],
    jobs: Sequence[Job],
    count: int,
    pulse: Pulse,
    ended: queue.SimpleQueue[BaseException | None],
) -> None:
    """Start the threads that do the jobs; each says when it has nothing more to do, or why it stopped."""
    waiting = queue.SimpleQueue[Job]()
    for job in jobs:
        waiting.put(job)

    def work() -> None:
        problem: BaseException | None = None
        try:
            while True:
                waiting.get_nowait()(pulse)
                pulse.move()
        except queue.Empty:
            pass
        except BaseException as error:
            problem = error
        ended.put(problem)

    for _ in range(min(count, len(jobs))):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        threads.append(thread)


DEAD_SECONDS = 3600.0
_PART = re.compile(r"\..*\.[0-9a-f]{8}\.tmp")
AGAIN = "Check the network, then give the same command again: it goes on where it was."


def idle_seconds() -> float:
    """Return after how many seconds without a byte a transfer is given up."""
    try:
        return max(0.1, float(os.environ.get(IDLE_VARIABLE, IDLE_SECONDS)))
    except ValueError:
        return IDLE_SECONDS


class Place:
    """A folder or file behind a URL; names are relative to it, "" is the place itself.

    `tick` is called about ten times a second while an answer is awaited; what it raises ends the waiting.
    Every method raises EnvironmentProblem, or UsageError where the URL means nothing.
    """

    def __init__(self, url: str, *, tick: Tick | None = None) -> None:
        self.url = url
        self._tick = tick
        self.shown = clean(shown(url))
        with explained(url):
            self._fs, root = self._ask(lambda: _connect(url))
        self._root: str = root.rstrip("/") if len(root) > 1 else root
        protocol = self._fs.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)

    @property
    def local(self) -> bool:
        """Whether it is a folder of this machine."""
        return bool(self._protocols & {"file", "local"})

    def path(self, name: str = "") -> str:
        """Return what the driver calls `name`."""
        return f"{self._root}/{name}" if name else self._root

    def info(self, name: str = "") -> dict[str, Any] | None:
        """Return what the server says of one file or folder, None where there is none."""
        with explained(self.url):
            try:
                return dict(self._ask(lambda: self._fs.info(self.path(name))))
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """Return the bytes of a file; to be called within `attend`, errors as the driver raises them."""
        size = self._fs.info(self.path(name)).get("size")
        return None if size is None else int(size)

    def find(self, name: str = "") -> dict[str, dict[str, Any]]:
        """Return every file below `name` with what the server says of it, by name below the place, sorted."""
        with explained(self.url):
            try:
                found = self._ask(lambda: self._fs.find(self.path(name), detail=True))
                if not found:  # drivers take a place that does not answer for an empty one; listing it tells
                    self._ask(lambda: self._fs.ls(self.path(name), detail=True))
            except FileNotFoundError:
                return {}
        return {path[len(self._root) :].lstrip("/"): dict(facts) for path, facts in sorted(found.items())}

    def glob(self, pattern: str) -> dict[str, dict[str, Any]]:
        """Return the files that match a glob below the place, as `find` does."""
        with explained(self.url):
            found = self._ask(lambda: self._fs.glob(self.path(pattern), detail=True))
        files = {path: facts for path, facts in sorted(found.items()) if facts.get("type") != "directory"}
        return {path[len(self._root) :].lstrip("/"): dict(facts) for path, facts in files.items()}

    def blocks(self, name: str, pulse: Pulse, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file from `offset` on; to be called within `attend`, errors as the driver's."""
        with self._fs.open(self.path(name), "rb", block_size=BLOCK, cache_type="none") as file:
            if offset:
                file.seek(offset)
            while block := file.read(BLOCK):
                pulse.move(len(block))
                yield block

    def write(self, name: str, blocks: Iterator[bytes], pulse: Pulse) -> None:
        """Write a file so that nobody sees a part of it; to be called within `attend`, errors as the driver's."""
        path = self.path(name)
        folder, _, base = path.rpartition("/")
        whole = bool(self._protocols & _SEEN_WHOLE)
        target = path if whole else f"{folder}/.{base}.{os.urandom(4).hex()}.tmp"
        if not whole:
            self._fs.makedirs(folder, exist_ok=True)
        file = self._fs.open(target, "wb", block_size=BLOCK)
        try:
            for block in blocks:
                pulse.move()
                file.write(block)
                pulse.move(len(block))
            if self.local:
                file.flush()
                os.fsync(file.fileno())
            file.close()
            if not whole:
                self._fs.mv(target, path)
            if self.local:
                _sync_folder(folder)
        except BaseException:
            self._discard(file, target, whole)
            raise

    def clear(self, found: Mapping[str, Mapping[str, Any]], now: float) -> int:
        """Remove those of the files that `find` gave which a writer left half done and is dead; return how many.

        Whoever writes is given up when nothing has moved for a while, so a part that is much older is nobody's.
        """
        dead = [
            name
            for name, facts in found.items()
            if _PART.fullmatch(name.rpartition("/")[2]) and now - _changed(facts, now) > DEAD_SECONDS
        ]
        jobs: list[Job] = [lambda pulse, name=name: self._remove(name) for name in dead]  # type: ignore[misc]
        with explained(self.url):
            attend(jobs, tick=None)
        return len(dead)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):  # another was faster, or may, and this one may not
            self._fs.rm_file(self.path(name))

    def _discard(self, file: Any, target: str, whole: bool) -> None:
        """Drop a part that was written; a buffered file that were closed, or collected, would commit it."""
        with contextlib.suppress(Exception):
            if whole and not file.closed:
                file.discard()
                file.closed = True
            elif not whole:
                file.close()
        if not whole:
            with contextlib.suppress(Exception):
                self._fs.rm_file(target)

    def _ask(self, call: Callable[[], Found]) -> Found:
        """Return what one request answers; it runs beside this thread, so that one that hangs can be left alone."""
        answers: list[Found] = []
        attend([lambda pulse: answers.append(call())], workers=1, tick=self._tick)
        return answers[0]


def _changed(facts: Mapping[str, Any], unknown: float) -> float:
    """Return when a file was last changed as its server tells it, in seconds since the epoch."""
    value = next((facts[key] for key in ("mtime", "LastModified", "last_modified", "modified") if facts.get(key)), None)
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, (int, float)) else unknown


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(url: str) -> tuple[Any, str]:
    import fsspec  # type: ignore[import-untyped]

    scheme = url.partition("://")[0].lower()
    system, root = fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **_limits(scheme))
    return system, str(root)


def _limits(scheme: str) -> dict[str, Any]:
    """Return the time limits of a driver in its own words; those without are watched by `attend` alone."""
    idle = idle_seconds()
    connect = min(CONNECT_SECONDS, idle)
    if scheme in ("s3", "s3a"):
        retries = {"max_attempts": 2, "mode": "standard"}
        return {"config_kwargs": {"connect_timeout": connect, "read_timeout": idle, "retries": retries}}
    if scheme in ("http", "https"):
        import aiohttp

        return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=idle)}}
    if scheme in ("ftp", "sftp", "ssh"):
        return {"timeout": connect}
    return {}


# --- what went wrong, in words


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn whatever a driver raises into a sentence with a next step, without the credentials of the URL."""
    try:
        yield
    except Cancelled:
        raise
    except WorkbenchError as error:
        place = clean(shown(url))
        message = error.message if place in error.message else f"{place}: {error.message}"
        raise type(error)(message, error.hint) from None
    except Exception as error:
        raise explain(url, error) from None


def explain(url: str, error: Exception) -> WorkbenchError:
    """Return an error of a driver as one of ours."""
    place, scheme = clean(shown(url)), url.partition("://")[0].rpartition("::")[2].lower()
    kind = type(error).__name__
    said = reason(url, error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentProblem(f"The disk is full ({place})", "Free some space (df -h .), then try again.")
    if isinstance(error, ImportError):
        package = _PACKAGES.get(scheme) or "the package of its driver"
        return EnvironmentProblem(
            f"{clean(scheme)}:// needs {package}, which is not installed",
            f"{sys.executable} -m pip install '{package}'" if scheme in _PACKAGES else said,
        )
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return UsageError(
            f"{place}: no such kind of place", "A URL begins with, say, s3://, https://, sftp:// or file://."
        )
    if isinstance(error, FileNotFoundError):
        return EnvironmentProblem(f"{place} does not exist", "Check the address; a bucket must exist beforehand.")
    if isinstance(error, PermissionError) or "Credential" in kind or kind.endswith("AuthenticationException"):
        return EnvironmentProblem(
            f"{place} lets nobody in: {said}", _SIGN_IN.get(scheme, "Check the rights and sign in.")
        )
    if isinstance(error, NotImplementedError):
        return UsageError(f"{place} cannot be written", "Name another place: --to URL")
    return EnvironmentProblem(f"{place} does not work: {said}", AGAIN)


_SIGN_IN = {
    "s3": "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "gs": "gcloud auth application-default login",
    "az": "az login, or set AZURE_STORAGE_CONNECTION_STRING",
}


def reason(url: str, error: BaseException) -> str:
    """Return what an error says, in one line, with the credentials of `url` taken out."""
    from urllib.parse import unquote, urlsplit

    words = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__
    words = words.replace(url, shown(url))
    with contextlib.suppress(ValueError):
        secret = urlsplit(url).password or ""
        for form in {secret, unquote(secret)} - {""}:
            words = words.replace(form, "***")
    return clean(shown(words), 300)


def identity(facts: Mapping[str, Any]) -> str:
    """Return what the server itself tells of the state of a file, "" where that cannot show a change."""
    names = ("etag", "e_tag", "md5", "md5hash", "content-md5", "crc32c", "digest", "generation", "sha256", "checksum")
    times = ("lastmodified", "last-modified", "last_modified", "mtime", "modified", "ino")
    low = {key.lower(): value for key, value in facts.items() if value not in (None, "")}
    told = [key for key in names if key in low] or [key for key in times if key in low]
    return " ".join([f"{key}={_steady(low[key])}" for key in told] + [f"size={low.get('size')}"]) if told else ""


def _steady(value: Any) -> str:
    """Return a value as text that is the same in every time zone."""
    return repr(value.timestamp()) if isinstance(value, datetime) else str(value)
