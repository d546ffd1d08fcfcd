"""Real repositories in temporary folders, untouched by the settings of whoever runs the tests."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Repository:
    folder: Path

    def git(self, *arguments: str | bytes, check: bool = True) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=False)
        if check:
            assert done.returncode == 0, done.stderr
        return os.fsdecode(done.stdout)

    def write(self, name: str, content: str | bytes = "x = 1\n") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self, message: str = "work") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def files_of(self, tree: str) -> set[str]:
        return set(self.git("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree).split("\0")) - {""}


@pytest.fixture(autouse=True)
def untouched(quiet_git: None) -> None:
    """Here git is always quiet."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    return tmp_path / "store" / "objects"


@pytest.fixture
def repository(project: Path) -> Repository:
    found = Repository(project)
    found.git("init", "-q")
    found.write("train.py", "lr = 0.1\nprint(lr)\n")
    found.write(".gitignore", "*.log\n")
    found.commit()
    return found
