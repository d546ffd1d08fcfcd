"""Charts and tables as files: PNG and SVG pictures, CSV and Markdown."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

from workbench.errors import EnvironmentProblem, UsageError
from workbench.pictures.model import Exportable, to_json
from workbench.pictures.texts import to_csv, to_markdown
from workbench.project import Project
from workbench.safe import clean

FORMATS = ("png", "svg", "csv", "md")
FOLDER_NAME = "exports"
_SUFFIXES = {".png": "png", ".svg": "svg", ".csv": "csv", ".md": "md", ".markdown": "md"}
_DRAW_SECONDS = 120


def export(project: Project, what: Exportable, path: Path) -> Path:
    """Write a chart or table to `path`, in the format that its suffix names, whole or not at all; return the path.

    A relative path starts in the current folder. Raises UsageError for another suffix, EnvironmentProblem where the
    file cannot be written or the picture not be drawn.
    """
    kind = format_of(path)
    content = render(what, kind)
    _write(path, content)
    return path


def export_as(project: Project, what: Exportable, name: str, kind: str) -> Path:
    """Write a chart or table to a new file in the project's folder for exports; return its path."""
    return keep(project, name, kind, render(what, kind))


def keep(project: Project, name: str, kind: str, content: bytes) -> Path:
    """Write bytes to a new file in the project's folder for exports; return its path."""
    folder = project.inner / FOLDER_NAME
    try:
        project.prepare()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return _write_new(folder, _stem(name), kind, content)


def format_of(path: Path) -> str:
    """Return the format that the suffix of a path names; raises UsageError."""
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{clean(path.name)} names no format", "End it with .png, .svg, .csv or .md.")
    return kind


def check_place(path: Path) -> None:
    """Raise UsageError where nothing can be written to `path`, or its suffix names no format, before work is done."""
    format_of(path)
    if path.is_dir():
        raise UsageError(f"{clean(str(path))} is a folder", "Name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"No folder {clean(str(path.parent))}", "Make it first.")


def render(what: Exportable, kind: str) -> bytes:
    """Return the bytes of a chart or table as png, svg, csv or md; raises EnvironmentProblem."""
    if kind == "csv":
        return to_csv(what).encode("utf-8", "replace")
    if kind == "md":
        return to_markdown(what).encode("utf-8", "replace")
    return _picture(what, kind)


def _picture(what: Exportable, kind: str) -> bytes:
    """Draw in another process: matplotlib takes time and memory that an interface must not spend."""
    command = [sys.executable, "-P", "-m", "workbench.pictures.draw", kind]
    text = to_json(what).encode("utf-8", "replace")
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=_DRAW_SECONDS, cwd="/", check=False)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(f"Drawing took over {_DRAW_SECONDS} s", "Export it as CSV.") from error
    except OSError as error:
        raise EnvironmentProblem(f"The picture cannot be drawn: {error.strerror}", "Export it as CSV.") from error
    if done.returncode or not done.stdout:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise EnvironmentProblem(f"The picture cannot be drawn: {clean(last, 200)}", "Export it as CSV or Markdown.")
    return done.stdout


def _stem(name: str) -> str:
    """Make a file name from foreign text: letters, digits, dots, dashes, never hidden, never long."""
    words = re.sub(r"[^\w.-]+", "-", clean(name), flags=re.ASCII).strip("-._")
    return words[:60] or "export"


def _write(path: Path, content: bytes) -> None:
    check_place(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        try:
            _write_durably(temporary, content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _write_new(folder: Path, stem: str, kind: str, content: bytes) -> Path:
    """Write to the first free of stem.kind, stem-2.kind, …; another process may be looking for one at the same time."""
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        try:
            _write_durably(temporary, content)
            return temporary.replace(_reserve(folder, stem, kind))
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _reserve(folder: Path, stem: str, kind: str) -> Path:
    number = 1
    while True:
        path = folder / (f"{stem}.{kind}" if number == 1 else f"{stem}-{number}.{kind}")
        try:
            path.touch(exist_ok=False)
            return path
        except FileExistsError:
            number += 1


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _unwritable(path: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"Cannot write {clean(str(path))}: {error.strerror or error}", "Free some room, or choose another place."
    )
