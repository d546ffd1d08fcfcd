"""Where things live: in a project folder, and in the user's own folders."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG_NAME = "workbench.toml"
SCHEMA_NAME = "schema.toml"
FOLDER_NAME = ".workbench"
STORE_NAME = "workbench.db"


def user_config_folder() -> Path:
    """Return the folder of the user's own settings (list of projects, key map, last view)."""
    if override := os.environ.get("WORKBENCH_HOME"):
        return Path(override)
    import platformdirs

    return platformdirs.user_config_path("workbench")


def user_cache_folder() -> Path:
    """Return the folder for what can be made again."""
    if override := os.environ.get("WORKBENCH_HOME"):
        return Path(override) / "cache"
    import platformdirs

    return platformdirs.user_cache_path("workbench")


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader, or a crash, sees the old content or the new one; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def relative_to(path: Path, folder: Path) -> str:
    """Return `path` as a string relative to `folder` where it lies inside it, else absolute."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()
