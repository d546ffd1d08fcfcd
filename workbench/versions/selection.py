"""Which files count as code; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

OWN_FOLDER = ".workbench"
FILES_LIMIT = 5_000
SIZE_LIMIT = 1_000_000
_WORDS = """
folders: venv env node_modules __pycache__ mlruns mlartifacts wandb site-packages build dist lightning_logs
endings: py pyi pyx pxd ipynb toml yaml yml json jsonc cfg ini conf sh bash zsh fish ps1 r rmd qmd jl md rst txt sql
endings: c h cc cpp hpp cu cuh rs go java scala kt js mjs ts tsx jsx css html jinja j2 lua pl rb m f90 stan smk nf
endings: gradle cmake proto dvc mk nix tf lock
names: makefile dockerfile containerfile snakefile jenkinsfile procfile justfile mlproject license readme pipfile
"""


def _words(kind: str) -> frozenset[str]:
    lines = [line.partition(": ") for line in _WORDS.splitlines()]
    return frozenset(word for name, _, words in lines if name == kind for word in words.split())


SKIPPED_FOLDERS = _words("folders")
_ENDINGS = _words("endings")
_NAMES = _words("names")


def is_source(name: str) -> bool:
    """Return whether a file of this name (without folders) is kept as source text."""
    lower = name.lower()
    stem, dot, ending = lower.rpartition(".")
    return (bool(dot and stem) and ending in _ENDINGS) or lower in _NAMES or lower.split(".")[0] in _NAMES


def is_code_path(path: str) -> bool:
    """Return whether a capture without git would look at `path`, by its name and its folders alone."""
    *folders, name = path.split("/")
    return not any(skips_folder(folder) for folder in folders) and not name.startswith(".") and is_source(name)


def skips_folder(name: str) -> bool:
    """Return whether a folder of this name is never looked into."""
    return name.startswith(".") or name in SKIPPED_FOLDERS or name.endswith(".egg-info")


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Return whether relative `path` is Workbench's own, or a pattern names it, its name or a folder it lies in."""
    parts = path.rstrip("/").split("/")
    if OWN_FOLDER in parts or not patterns:
        return OWN_FOLDER in parts
    places = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    cleaned = [re.sub(r"^(\./)+", "", pattern).rstrip("/") for pattern in patterns]
    return any(
        fnmatchcase(place, pattern) or fnmatchcase(posixpath.basename(place), pattern)
        for pattern in cleaned
        for place in places
    )


def some(names: Sequence[str], shown: int = 3) -> str:
    """Return the first few of `names` and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
